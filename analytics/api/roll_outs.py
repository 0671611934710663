"""Roll-outs in stores, for retailers' systems: judged ones with all that they rest on, and asking for one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.roll_outs import words
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.page import answer_of
from analytics.roll_outs.reading import stores_of
from analytics.roll_outs.running import MAX_STORES, Asked, ask, judged_of
from customers.api.asking import AskedView, said_in
from customers.api.callers import author_of, retailer_of, the_one
from customers.api.pagination import NewestFirst
from customers.api.strict import Strict
from loyalty.activity.api.asking import NotThere

READ = "analytics:read"


class RollOutIn(Strict):
    """In which stores a program began, and when."""

    stores = serializers.ListField(
        child=serializers.CharField(max_length=50), min_length=1, max_length=MAX_STORES,
        help_text="The stores in which it began, as orders name them; all on the same day.",
    )  # fmt: skip
    began_on = serializers.DateField(help_text="On which day. A month in the midst of which it began is not compared.")
    metric = serializers.ChoiceField(
        RollOutRun.Metric.choices, required=False, default="revenue", help_text="revenue if left out."
    )


class RollOutOut(serializers.ModelSerializer[RollOutRun]):
    answer = serializers.SerializerMethodField(
        help_text="In one sentence; or why there is none, and what would lift that."
    )
    grade = serializers.SerializerMethodField(help_text="B, C or D; null without a result. Only chance earns an A.")
    reasons = serializers.SerializerMethodField(help_text="Why it has no better grade, and what would lift it.")

    stores = serializers.ListField(child=serializers.CharField(), help_text="In which it began.")

    class Meta:
        model = RollOutRun
        fields: tuple[str, ...] = (
            "id", "status", "code", "answer", "grade", "reasons", "stores", "began_on", "metric", "basis", "currency", "known_at",
            "plan_digest", "code_version", "data_digest", "author", "asked_at", "finished_at",
        )  # fmt: skip
        extra_kwargs: ClassVar = {
            "status": {"help_text": "asked, done, refused (the data allow no answer) or failed."},
            "code": {"help_text": "Why there is no result, as a code; empty where there is one."},
            "began_on": {"help_text": "The day on which it began."},
            "metric": {"help_text": "revenue or margin."},
            "basis": {"help_text": "By what the money is known: revenue, rate, costs, costs_and_rate or no_margin."},
        }

    def get_answer(self, run: RollOutRun) -> str:
        return answer_of(run)

    def get_grade(self, run: RollOutRun) -> str | None:
        found = judged_of(run)
        return found.grade if found else None

    def get_reasons(self, run: RollOutRun) -> list[str]:
        found = judged_of(run)
        return [words.reason(each) for each in found.reasons] if found else []


class RollOutCardOut(RollOutOut):
    """A judged roll-out with all that a statistician checks."""

    plan = serializers.DictField(help_text="Frozen and hashed before the data were looked at.")
    result = serializers.DictField(
        allow_null=True,
        help_text="Effect per store and month with its interval, percent, total, the months before, both courses, weights.",
    )

    class Meta(RollOutOut.Meta):
        fields = (*RollOutOut.Meta.fields, "plan", "result")


class StoreOut(serializers.Serializer[Any]):
    store = serializers.CharField(help_text="As orders name it.")
    orders = serializers.IntegerField(help_text="That name it.")


class NoSuchRollOut(NotThere):
    message = _("There is no judged roll-out {id}. /api/v1/analytics/roll-outs lists those that there are.")


class RollOutsView(AskedView, ListAPIView[RollOutRun]):
    scopes: ClassVar = {"GET": READ, "POST": READ}
    serializer_class = RollOutOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[RollOutRun]:
        if getattr(self, "swagger_fake_view", False):
            return RollOutRun.objects.none()
        return RollOutRun.objects.filter(retailer=retailer_of(self.request))

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return the roll-outs in your stores that were judged, the newest first; none is ever deleted."""
        return super().get(request, *given, **named)

    @extend_schema(request=RollOutIn, responses={202: RollOutOut}, tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Ask what a roll-out in some stores did; a worker judges it. The same again while one waits is that one."""
        said = said_in(RollOutIn, request)
        run = ask(retailer_of(request), Asked(**said), author=author_of(request), now=timezone.now())
        return Response(RollOutOut(run).data, status=status.HTTP_202_ACCEPTED)


class RollOutView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=RollOutCardOut, tags=["analytics"])
    def get(self, request: Request, roll_out_id: int) -> Response:
        """Return a judged roll-out with all that it rests on."""
        rows = RollOutRun.objects.filter(retailer=retailer_of(request), pk=roll_out_id)
        return Response(RollOutCardOut(the_one(rows, lambda: NoSuchRollOut(id=roll_out_id))).data)


class RollOutStoresView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=StoreOut(many=True), tags=["analytics"])
    def get(self, request: Request) -> Response:
        """List the stores that your orders name, with how many do."""
        found = stores_of(retailer_of(request))
        return Response(
            StoreOut([{"store": store, "orders": orders} for store, orders in found.items()], many=True).data
        )
