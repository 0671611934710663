"""Funnels and the journey map, for retailers' systems."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.paths.counting import FunnelResult, Stage
from analytics.paths.definitions import NamedFunnel, funnels_of
from analytics.paths.mapping import Touchpoint
from analytics.paths.page import DAYS, DIMENSIONS, USUAL_DAYS, AskedFunnel, asked_contacts, asked_funnel, asked_map
from analytics.paths.reading import known_until
from analytics.paths.touchpoints import Touch
from analytics.paths.words import TOUCHES
from customers.api.asking import AskedView
from customers.api.callers import retailer_of
from loyalty.activity.api.asking import NotThere

READ = "analytics:read"
KINDS = [each.value for each in Touch]
LAST = OpenApiParameter("days", str, enum=list(DAYS), description=f"Of how many days; {USUAL_DAYS} if left out.")
NOT_SHOWN = "Why values of who stopped are null: the audit says that the data do not carry them. Else null."
BY = OpenApiParameter("by", str, enum=list(DIMENSIONS), description="By which groups; all customers if left out.")


class NoSuchFunnel(NotThere):
    message = _("There is no funnel “{code}”. There are: {known}.")


class FunnelOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="By which it is asked for.")
    name = serializers.CharField(help_text="In the reader's language, where it is a shipped one.")
    steps = serializers.ListField(child=serializers.ChoiceField(KINDS), help_text="Touchpoints, one after the other.")
    window_days = serializers.IntegerField(help_text="Of 24 hours, from the first step on.")
    is_own = serializers.BooleanField(help_text="Whether the retailer defined it.")


class FunnelsOut(serializers.Serializer[Any]):
    funnels = FunnelOut(many=True, help_text="Your own first.")


class StageOut(serializers.Serializer[Any]):
    touchpoint = serializers.ChoiceField(KINDS, help_text="Its kind.")
    name = serializers.CharField(help_text="In the reader's language.")
    customers = serializers.IntegerField(help_text="Who came so far or further: n of the shares.")
    of_before = serializers.FloatField(
        allow_null=True, help_text="Of those who reached the step before; null at the first."
    )
    overall = serializers.FloatField(allow_null=True, help_text="Of those who began; null where nobody did.")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval of `overall`.")
    high = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval of `overall`.")
    median_seconds = serializers.FloatField(allow_null=True, help_text="From the step before.")
    stopped = serializers.IntegerField(help_text="Who came no further.")
    value_of_who_stopped = serializers.FloatField(allow_null=True, help_text="Predicted value of each, on average.")
    valued = serializers.IntegerField(help_text="Of how many of them it is known.")
    friction = serializers.IntegerField(help_text="Who had friction before the next step or the window's end.")
    friction_support = serializers.IntegerField(help_text="Of them, who contacted support.")
    friction_survey = serializers.IntegerField(help_text="Of them, who answered 1 or 2 for satisfaction.")
    friction_cart = serializers.IntegerField(help_text="Of them, who left a cart within 48 hours.")
    friction_stopped = serializers.IntegerField(help_text="Of them, who came no further.")
    finished_with_friction = serializers.FloatField(allow_null=True, help_text="Share of them who finished.")
    finished_without_friction = serializers.FloatField(allow_null=True, help_text="Share of the others who finished.")
    margin_difference = serializers.FloatField(
        allow_null=True,
        help_text="Margin of those who would have finished at the others' share: a difference, not an effect.",
    )


class FunnelGroupOut(serializers.Serializer[Any]):
    group = serializers.CharField(
        allow_blank=True, help_text="The channel or type; empty for all, or where it is not known."
    )
    median_seconds = serializers.FloatField(allow_null=True, help_text="From the first step to the last one.")
    stages = StageOut(many=True, help_text="A step each, the first one first.")


class CountedFunnelOut(FunnelOut):
    by = serializers.CharField(help_text="By which groups customers are told apart.")
    currency = serializers.CharField(help_text="Of all amounts.")
    since = serializers.DateTimeField(allow_null=True, help_text="Who began from here on; null before the first fact.")
    until = serializers.DateTimeField(allow_null=True, help_text="Who began before: the window of each is over.")
    waiting = serializers.IntegerField(help_text="Who began since and still has time: not counted yet.")
    not_shown = serializers.CharField(allow_null=True, help_text=NOT_SHOWN)
    groups = FunnelGroupOut(many=True, help_text="Those with most customers first.")


class NextOut(serializers.Serializer[Any]):
    next = serializers.ChoiceField(KINDS, allow_null=True, help_text="What came next; null for nothing in 30 days.")
    times = serializers.IntegerField(help_text="How often it did.")
    share = serializers.FloatField(help_text="Of the touchpoints of the kind; the shares of a kind add up to 1.")
    customers = serializers.IntegerField(help_text="Whose they are.")
    median_seconds = serializers.FloatField(allow_null=True, help_text="Until the next one.")


class TouchpointOut(serializers.Serializer[Any]):
    touchpoint = serializers.ChoiceField(KINDS, help_text="Its kind.")
    name = serializers.CharField(help_text="In the reader's language.")
    times = serializers.IntegerField(help_text="Touchpoints of which it is known what followed: n of the shares.")
    customers = serializers.IntegerField(help_text="Whose they are.")
    ended_by_friction = serializers.IntegerField(help_text="After which came friction, and then nothing.")
    value_of_who_stopped = serializers.FloatField(allow_null=True, help_text="Predicted value of each, on average.")
    valued = serializers.IntegerField(help_text="How often it is known.")
    nexts = NextOut(many=True, help_text="What followed, with what did not go on at the end.")


class ContactsOut(serializers.Serializer[Any]):
    topic = serializers.CharField(
        allow_null=True, allow_blank=True,
        help_text="As you reported it, in small letters; empty for none, null for all less frequent topics together.",
    )  # fmt: skip
    topics = serializers.IntegerField(help_text="How many topics these are: 1, but for those that stand together.")
    contacts = serializers.IntegerField(help_text="Contacts with support (interaction `support`).")
    customers = serializers.IntegerField(help_text="Whose they are.")
    solved = serializers.IntegerField(help_text="Of the contacts, by the outcome that you reported.")
    unsolved = serializers.IntegerField(help_text="Of the contacts, those that ended otherwise.")
    open = serializers.IntegerField(source="still_open", help_text="Of the contacts, those that were still open.")
    unknown = serializers.IntegerField(help_text="Of the contacts, those without an outcome.")


class JourneyMapOut(serializers.Serializer[Any]):
    known_until = serializers.DateTimeField(allow_null=True, help_text="Null before the first fact.")
    days = serializers.IntegerField(help_text="How many it looks back.")
    not_shown = serializers.CharField(allow_null=True, help_text=NOT_SHOWN)
    currency = serializers.CharField(help_text="Of all amounts.")
    touchpoints = TouchpointOut(many=True, help_text="In the order in which they usually come.")
    contacts = ContactsOut(
        many=True, help_text="What contacts with support were about: the 20 most frequent topics first."
    )


class FunnelsView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(operation_id="v1_analytics_funnels_list", responses=FunnelsOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return all funnels that can be asked for: your own, and those that are shipped."""
        return Response(FunnelsOut({"funnels": [_named(each) for each in funnels_of(retailer_of(request))]}).data)


class FunnelView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[LAST, BY], responses=CountedFunnelOut, tags=["analytics"])
    def get(self, request: Request, code: str) -> Response:
        """Return how many customers came how far in a funnel, how fast, and where they stopped."""
        retailer = retailer_of(request)
        known = [each.code for each in funnels_of(retailer)]
        if code not in known:
            raise NoSuchFunnel(code=code, known=", ".join(known))
        asked = asked_funnel(retailer, request.query_params.dict() | {"funnel": code}, now=timezone.now())
        said = _named(asked.funnel) | {"by": asked.by, "currency": retailer.currency} | _counted(asked)
        return Response(CountedFunnelOut(said).data)


class JourneyMapView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[LAST], responses=JourneyMapOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return what follows each kind of touchpoint, how soon, and after which customers stop."""
        retailer, days = retailer_of(request), DAYS[request.query_params.get("days", USUAL_DAYS)]
        known = known_until(retailer, timezone.now())
        found = asked_map(retailer, days, known)
        said = {
            "known_until": known, "days": days, "currency": retailer.currency,
            "not_shown": found.not_shown or None,
            "touchpoints": [_touchpoint(each) for each in found.touchpoints],
            "contacts": asked_contacts(retailer, days, known),
        }  # fmt: skip
        return Response(JourneyMapOut(said).data)


def _named(funnel: NamedFunnel) -> dict[str, Any]:
    return {
        "code": funnel.code, "name": funnel.name, "steps": [each.value for each in funnel.definition.steps],
        "window_days": funnel.definition.window_days, "is_own": funnel.is_own,
    }  # fmt: skip


def _counted(asked: AskedFunnel) -> dict[str, Any]:
    if asked.found is None:
        return {"since": None, "until": None, "waiting": 0, "not_shown": None, "groups": []}
    period = asked.found.period
    return {
        "since": period.since, "until": period.until, "waiting": asked.found.waiting,
        "not_shown": asked.found.not_shown or None,
        "groups": [_group(each, asked) for each in asked.found.results],
    }  # fmt: skip


def _group(result: FunnelResult, asked: AskedFunnel) -> dict[str, Any]:
    pairs = zip(result.stages, asked.funnel.definition.steps, strict=True)
    stages = [_stage(stage, touch, asked.order_margin) for stage, touch in pairs]
    return {"group": result.group, "median_seconds": result.seconds, "stages": stages}


def _stage(stage: Stage, touch: Touch, order_margin: float | None) -> dict[str, Any]:
    counted = stage.counted
    return {
        "touchpoint": touch.value, "name": TOUCHES[touch], "customers": counted.reached,
        "of_before": None if counted.step == 1 else stage.of_before.value, "overall": stage.overall.value,
        "low": stage.overall.low, "high": stage.overall.high, "median_seconds": counted.seconds, "stopped": counted.stopped,
        "value_of_who_stopped": stage.mean_value, "valued": counted.valued, "friction": counted.troubled,
        "friction_support": counted.by_support, "friction_survey": counted.by_survey, "friction_cart": counted.by_cart,
        "friction_stopped": counted.ended, "finished_with_friction": stage.with_friction.value,
        "finished_without_friction": stage.without_friction.value, "margin_difference": stage.cost(order_margin),
    }  # fmt: skip


def _touchpoint(point: Touchpoint) -> dict[str, Any]:
    nexts = [(touch.value, passage) for touch, passage in point.nexts.items()] + [(None, point.stopped)]
    return {
        "touchpoint": point.touch.value, "name": TOUCHES[point.touch], "times": point.times, "customers": point.customers,
        "ended_by_friction": point.ended_by_friction, "value_of_who_stopped": point.mean_value, "valued": point.valued,
        "nexts": [
            {"next": touch, "times": each.times, "share": each.times / point.times, "customers": each.customers,
             "median_seconds": each.seconds}
            for touch, each in nexts
        ],
    }  # fmt: skip
