"""The uplift of a program, for retailers' systems: its measurements, one with all that it rests on, and asking for one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.uplift.plan import MAX_LAG, MAX_WINDOW, MIN_LEVEL
from analytics.uplift.results import Measured
from analytics.uplift_runs import running, words
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.page import gap_words, headline_of, looks_of, plan_of, reason_of, reasons_of
from analytics.uplift_runs.planning import planned
from analytics.uplift_runs.running import measured_of
from analytics.uplift_runs.storing import as_json
from analytics.uplift_runs.tables import Money
from analytics.uplift_runs.worth import worth_shown
from customers.api.asking import AskedView
from customers.api.callers import author_of, retailer_of, the_one
from customers.api.pagination import NewestFirst
from customers.api.strict import Strict
from loyalty.activity.api.asking import NotThere, program_of

READ = "analytics:read"
PLANNED = ("window_months", "lags", "metric", "level")
PROGRAM = OpenApiParameter("program", str, description="The slug of one of your programs; of all if left out.")


class UpliftIn(Strict):
    """What to measure; what is left out is as usual."""

    program = serializers.SlugField(max_length=50, help_text="Its slug.")
    window_months = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_WINDOW, help_text="After joining, and before it; 6."
    )
    lags = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_LAG), required=False, min_length=1, max_length=MAX_LAG,
        help_text="Months of deciding to join that are left out, for one estimate each; 1, 2 and 3.",
    )  # fmt: skip
    metric = serializers.ChoiceField(list(words.METRICS), required=False, help_text="revenue if left out.")
    level = serializers.FloatField(
        required=False, min_value=MIN_LEVEL, max_value=0.999, help_text="Of the intervals; 0.95."
    )
    cut = serializers.DateField(
        required=False, allow_null=True, help_text="The last day of data; the last one there is."
    )


class UpliftOut(serializers.ModelSerializer[UpliftRun]):
    """One measurement: its answer, its grade, and by what plan it came about."""

    program = serializers.CharField(source="program.slug")
    status_words = serializers.CharField(source="get_status_display")
    reason = serializers.SerializerMethodField(help_text="Why there is no result, and what would lift it.")
    grade = serializers.SerializerMethodField(help_text="A to D, A the best; null without a result.")
    answer = serializers.SerializerMethodField(help_text="In one sentence.")
    effect = serializers.SerializerMethodField(
        help_text="The middle estimate, as a share: 0.07 is 7 % more; null in D."
    )
    low = serializers.SerializerMethodField(help_text="The lowest end of all estimates: the band is the answer.")
    high = serializers.SerializerMethodField(help_text="The highest end of all estimates.")
    reasons = serializers.SerializerMethodField(help_text="Why it has no better grade, and what would lift it.")
    gap = serializers.SerializerMethodField(help_text="The plain gap: a difference, not an effect of the program.")

    class Meta:
        model = UpliftRun
        fields: tuple[str, ...] = (
            "id", "program", "status", "status_words", "reason", "grade", "answer", "effect", "low", "high", "reasons", "gap",
            "currency", "margin_basis", "data_cut", "known_at", "plan_digest", "code_version", "data_digest", "author",
            "step", "steps_done", "steps_total", "asked_at", "finished_at",
        )  # fmt: skip

    def get_reason(self, run: UpliftRun) -> str:
        return reason_of(run)

    def get_grade(self, run: UpliftRun) -> str | None:
        found = measured_of(run)
        return found.grade if found else None

    def get_answer(self, run: UpliftRun) -> str:
        found = measured_of(run)
        return headline_of(found, plan_of(run).metric) if found else ""

    def get_effect(self, run: UpliftRun) -> float | None:
        found = _told(run)
        return found.effect if found else None

    def get_low(self, run: UpliftRun) -> float | None:
        found = _told(run)
        return found.band[0] if found and found.band else None

    def get_high(self, run: UpliftRun) -> float | None:
        found = _told(run)
        return found.band[1] if found and found.band else None

    def get_reasons(self, run: UpliftRun) -> list[str]:
        found = measured_of(run)
        return reasons_of(found) if found else []

    def get_gap(self, run: UpliftRun) -> str:
        found = measured_of(run)
        return gap_words(found.gap, Money(run.currency, knows_margin=True)) if found else ""


class UpliftCardOut(UpliftOut):
    """One measurement with all that a statistician checks."""

    plan = serializers.DictField(help_text="Frozen and hashed before the data were looked at.")
    result = serializers.DictField(
        allow_null=True, help_text="Estimates, gates, balance, placebo, leads, capture, groups."
    )
    pictures = serializers.DictField(help_text="The event study, and what a hold-out would detect.")
    worth = serializers.DictField(
        allow_null=True, help_text="What the program brings and costs, in units of the currency."
    )
    earlier_looks = serializers.SerializerMethodField(
        help_text="The numbers of earlier measurements, the newest first."
    )

    class Meta(UpliftOut.Meta):
        fields = (*UpliftOut.Meta.fields, "plan", "result", "pictures", "worth", "earlier_looks")

    def to_representation(self, instance: UpliftRun) -> dict[str, Any]:
        worth = worth_shown(instance)
        return super().to_representation(instance) | {"worth": None if worth is None else as_json(worth)}

    def get_earlier_looks(self, run: UpliftRun) -> list[int]:
        return [each.pk for each in looks_of(run)]


def _told(run: UpliftRun) -> Measured | None:
    found = measured_of(run)
    return found if found and found.grade != "D" else None


def _runs(request: Request) -> QuerySet[UpliftRun]:
    return UpliftRun.objects.filter(retailer=retailer_of(request)).select_related("program", "retailer")


class NoSuchUplift(NotThere):
    message = _("There is no measurement {id}. /api/v1/analytics/uplift lists those that there are.")


def _run(request: Request, uplift_id: int) -> UpliftRun:
    return the_one(_runs(request).filter(pk=uplift_id), lambda: NoSuchUplift(id=uplift_id))


class UpliftsView(AskedView, ListAPIView[UpliftRun]):
    scopes: ClassVar = {"GET": READ, "POST": READ}
    serializer_class = UpliftOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return UpliftRun.objects.none()
        found = _runs(self.request)
        slug = self.request.query_params.get("program")
        return found if slug is None else found.filter(program__slug=slug)

    @extend_schema(parameters=[PROGRAM], tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return the measurements of your programs' uplift, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=UpliftIn, responses={202: UpliftOut}, tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Ask for a measurement of a program's uplift; a worker carries it out. The same again while one waits is that one."""
        given = UpliftIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        program = program_of(request, asked["program"])
        plan = planned({name: asked[name] for name in PLANNED if name in asked})
        run = running.ask(program, now=timezone.now(), author=author_of(request), plan=plan, cut=asked.get("cut"))
        return Response(UpliftOut(run).data, status=status.HTTP_202_ACCEPTED)


class UpliftView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=UpliftCardOut, tags=["analytics"])
    def get(self, request: Request, uplift_id: int) -> Response:
        """Return a measurement with all that it rests on."""
        return Response(UpliftCardOut(_run(request, uplift_id)).data)


class CancelUpliftView(AskedView):
    scopes: ClassVar = {"POST": READ}

    @extend_schema(request=None, responses=UpliftOut, tags=["analytics"])
    def post(self, request: Request, uplift_id: int) -> Response:
        """Cancel a measurement that waits or goes on: it stops before its next step."""
        run = _run(request, uplift_id)
        running.cancel(run, now=timezone.now())
        return Response(UpliftOut(_run(request, uplift_id)).data)
