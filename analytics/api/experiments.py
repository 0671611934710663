"""What experiments and hold-outs showed, for retailers' systems: looks with their numbers, and what a draft can detect."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.experiments.models import ExperimentLook
from analytics.experiments.near_misses import near_misses_of
from analytics.experiments.page import said
from analytics.experiments.planning import forecast
from customers.api.asking import AskedView
from customers.api.callers import retailer_of, the_one
from customers.api.pagination import NewestFirst
from loyalty.activity.api.asking import NotThere, listed
from loyalty.experiments.models import Experiment

READ = "analytics:read"


class SaidOut(serializers.Serializer[Any]):
    verdict = serializers.CharField(
        source="label", help_text="effect, none detectable, open or blocked, in the reader's language."
    )
    text = serializers.CharField(help_text="The sentence that the admin shows.")


class LookOut(serializers.ModelSerializer[ExperimentLook]):
    experiment = serializers.CharField(source="experiment.code", help_text="Its code.")
    says = serializers.SerializerMethodField(help_text="What it says, one sentence a variant.")
    numbers = serializers.DictField(
        help_text="Everything that it saw: grade, why it is blocked, arms, the arms' sizes, effects with their intervals."
    )

    class Meta:
        model = ExperimentLook
        fields = (
            "id", "experiment", "looked_at", "known_at", "is_final", "says", "currency", "basis", "plan_hash", "data_digest",
            "code_version", "numbers",
        )  # fmt: skip

    @extend_schema_field(SaidOut(many=True))
    def get_says(self, look: ExperimentLook) -> Any:
        return SaidOut(said(look), many=True).data


class DetectableOut(serializers.Serializer[Any]):
    amount = serializers.FloatField(help_text="Per customer, in units of the currency.")
    share = serializers.FloatField(allow_null=True, help_text="Of what a customer brings: 0.05 is 5 %.")


class VariantDetectableOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    customers = serializers.IntegerField()
    detectable = DetectableOut()


class PointOut(serializers.Serializer[Any]):
    at = serializers.FloatField(help_text="Reached of what the tier counts, in the middle of its bin.")
    value = serializers.FloatField(help_text="Members, by the curve.")
    low = serializers.FloatField(help_text="The lower end of the curve's interval.")
    high = serializers.FloatField(help_text="The upper one.")
    n = serializers.IntegerField(help_text="Members that there are.")


class RatioOut(serializers.Serializer[Any]):
    value = serializers.FloatField(help_text="1 where nobody aims at the threshold.")
    error = serializers.FloatField(help_text="Of its logarithm.")
    low = serializers.FloatField(help_text="The lower end of its interval.")
    high = serializers.FloatField(help_text="The upper one.")


class DensityOut(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(
        choices=["smooth", "bunched", "cannot_tell"],
        help_text="Whether members pile up above the threshold; unless it is smooth, those above and below cannot be compared.",
    )
    below = serializers.IntegerField(help_text="Members near it, below.")
    above = serializers.IntegerField(help_text="And above.")
    ratio = RatioOut(
        allow_null=True,
        help_text="Above for each one below, right at it; null where too few are near, or at too few different amounts.",
    )
    p = serializers.FloatField(allow_null=True, help_text="How likely a step as large is by chance.")
    unseen = serializers.FloatField(allow_null=True, help_text="A smaller ratio than this would go unseen.")
    bins = PointOut(many=True, help_text="Members by how far they got, and the curves through them.")


class NearMissesOut(serializers.Serializer[Any]):
    tier = serializers.CharField(help_text="The code of the tier.")
    basis = serializers.CharField(help_text="What it counts: spend, points, orders or visits.")
    threshold = serializers.FloatField(help_text="From which it is reached.")
    percent = serializers.IntegerField(help_text="Of that, how much near misses lack at most.")
    members = serializers.IntegerField(help_text="Of the program.")
    near = serializers.IntegerField(help_text="How many of them just miss the tier.")
    density = DensityOut(help_text="Whether members pile up above the threshold.")


class DetectableEffectsOut(serializers.Serializer[Any]):
    customers = serializers.IntegerField(help_text="Who would be divided now.")
    window_days = serializers.IntegerField()
    metric = serializers.CharField()
    basis = serializers.CharField(help_text="What the money is.")
    until = serializers.DateTimeField(help_text="The last order that it was computed from.")
    mean = serializers.FloatField(help_text="What a customer brought in the last window.")
    deviation = serializers.FloatField()
    correlation = serializers.FloatField(
        help_text="With the window before; 0 where the orders do not reach so far back."
    )
    variants = VariantDetectableOut(many=True)
    needed = serializers.DictField(
        child=serializers.IntegerField(), help_text="Customers in all that would detect 2, 5 and 10 percent."
    )
    half = DetectableOut(help_text="What half and half would detect.")
    advice = serializers.ChoiceField(choices=["as_asked", "half_and_half", "not_measurable"])
    near = NearMissesOut(required=False, help_text="Of near misses, who they are; left out of other experiments.")


class LooksView(AskedView, ListAPIView[ExperimentLook]):
    scopes: ClassVar = {"GET": READ}
    serializer_class = LookOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ExperimentLook.objects.none()
        experiment = experiment_of(self.request, self.kwargs["code"])
        looks = ExperimentLook.objects.filter(experiment=experiment).select_related("experiment")
        return looks.prefetch_related("experiment__variants")

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return the looks at an experiment, the newest first; none is ever deleted."""
        return super().get(request, *given, **named)


class NearMissesView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=NearMissesOut, tags=["analytics"])
    def get(self, request: Request, code: str) -> Response:
        """Say who just misses an experiment's tier: now of a draft, when it was planned of one that has started."""
        near = near_misses_of(experiment_of(request, code), now=timezone.now())
        return Response(NearMissesOut(near.as_json()).data)


class NoSuchExperiment(NotThere):
    message = _("There is no experiment “{code}”. There are: {known}.")


class ForecastView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=DetectableEffectsOut, tags=["analytics"])
    def get(self, request: Request, code: str) -> Response:
        """Return which effect an experiment detects."""
        experiment = experiment_of(request, code)
        return Response(DetectableEffectsOut(forecast(experiment, now=timezone.now()).as_json()).data)


def experiment_of(request: Request, code: str) -> Experiment:
    """
    Return an experiment of the caller's retailer.

    :raises NoSuchExperiment: when there is no such one
    """
    found = Experiment.objects.select_related("retailer", "program")
    mine = found.filter(retailer=retailer_of(request))
    known = mine.order_by("code").values_list("code", flat=True)
    return the_one(mine.filter(code=code), lambda: NoSuchExperiment(code=code, known=listed(known)))
