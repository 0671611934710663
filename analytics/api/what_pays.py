"""What products, moments of the week and campaigns bring, for retailers' systems."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.what_pays.campaigns import CampaignReturn, Why, campaign_returns
from analytics.what_pays.moments import week_of
from analytics.what_pays.page import reason_of
from analytics.what_pays.period import DAYS, USUAL_DAYS, Days, last_days
from analytics.what_pays.products import ProductReturn, products
from analytics.what_pays.season import MIN_YEARS, PARTS, Cycle, Season, WhyNot
from analytics.what_pays.season_page import why_no_season
from analytics.what_pays.season_reading import season
from analytics.what_pays.won import WonLine, customers_won
from analytics.what_pays.won_page import NOT_KNOWN, TOLD, name_of, said_of, why_not_known
from customers.api.asking import AskedView
from customers.api.callers import retailer_of

READ = "analytics:read"
LIMIT = 500
LAST = OpenApiParameter("days", str, enum=list(DAYS), description=f"Of how many days; {USUAL_DAYS} if left out.")


CYCLE = OpenApiParameter(
    "per", str, enum=[each.value for each in Cycle], description="Of months or of weeks; month if left out."
)


class PeriodOut(serializers.Serializer[Any]):
    first = serializers.DateField(allow_null=True, help_text="The first day; null before the first order.")
    last = serializers.DateField(allow_null=True, help_text="The last day, it included.")
    currency = serializers.CharField(help_text="Of all amounts.")


class ProductReturnOut(serializers.Serializer[Any]):
    sku = serializers.CharField(help_text="The retailer's own.")
    name = serializers.CharField(allow_blank=True, help_text="As the catalogue says.")
    category = serializers.CharField(allow_blank=True, help_text="As orders say.")
    orders = serializers.IntegerField(help_text="In which some of it was kept; n of `attach_rate`.")
    customers = serializers.IntegerField(help_text="Who kept some; n of `repeat_rate` and `new_share`.")
    units = serializers.FloatField(help_text="That were kept.")
    listed = serializers.FloatField(help_text="What it would have cost without discounts.")
    discount = serializers.FloatField(help_text="What was taken off.")
    net = serializers.FloatField(help_text="What it was sold for.")
    returned = serializers.FloatField(help_text="What of it came back.")
    revenue = serializers.FloatField(help_text="Paid with money and kept.")
    revenue_with_cost = serializers.FloatField(source="costed", help_text="Of lines whose cost is known.")
    margin = serializers.FloatField(
        allow_null=True, help_text="By lines' costs, else by the retailer's rate; null where neither is known."
    )
    margin_share = serializers.FloatField(allow_null=True, help_text="Of revenue.")
    repeat_rate = serializers.FloatField(
        source="repeat_rate.value", allow_null=True, help_text="Of customers, who bought it on two days or more."
    )
    new_share = serializers.FloatField(
        source="new_share.value",
        allow_null=True,
        help_text="Of customers, who bought it on their first purchase day; null where your data do not say when that was.",
    )
    attach_rate = serializers.FloatField(
        source="attach_rate.value", allow_null=True, help_text="Of orders, those with another product that was kept."
    )


class ProductReturnsOut(PeriodOut):
    products = ProductReturnOut(many=True, help_text=f"Those with most margin first, {LIMIT} at most.")


class MomentOut(serializers.Serializer[Any]):
    weekday = serializers.IntegerField(help_text="1 is Monday.")
    hour = serializers.IntegerField(help_text="On the retailer's clock, from 0 to 23.")
    orders = serializers.IntegerField(help_text="That did not come back whole, guests' too.")
    customers = serializers.IntegerField(help_text="Who are known.")
    revenue = serializers.FloatField(help_text="Paid with money and kept.")
    days = serializers.IntegerField(help_text="How many of the weekday there were.")
    orders_a_day = serializers.FloatField(help_text="Orders divided by these days.")


class MomentsOut(PeriodOut):
    zone = serializers.CharField(help_text="Of the clock.")
    at_midnight = serializers.IntegerField(help_text="Orders of 00:00:00 sharp: perhaps nobody told their hour.")
    moments = MomentOut(many=True, help_text="Hours with an order.")


class IndexOut(serializers.Serializer[Any]):
    value = serializers.FloatField(help_text="Sales a day by those of an average day: 1.2 is a fifth more.")
    low = serializers.FloatField(help_text="The least of its years.")
    high = serializers.FloatField(help_text="The most of its years.")
    years = serializers.IntegerField(help_text="On how many years it rests.")


class SeasonPartOut(serializers.Serializer[Any]):
    part = serializers.IntegerField(help_text="The month from 1 to 12, or the ISO week from 1 to 52.")
    revenue = IndexOut(help_text="By what was paid with money and kept.")
    orders = IndexOut(help_text="By orders that did not come back whole, guests' too.")


class SeasonOut(serializers.Serializer[Any]):
    per = serializers.ChoiceField([each.value for each in Cycle], help_text="Of which parts of the year.")
    whole = serializers.IntegerField(help_text="So many whole months or weeks are known.")
    needed = serializers.IntegerField(help_text="So many are needed.")
    code = serializers.ChoiceField(
        ["", *(each.value for each in WhyNot), "no_orders"], help_text="Why no index is told; empty where one is."
    )
    reason = serializers.CharField(allow_blank=True, help_text="The same in words, in the reader's language.")
    parts = SeasonPartOut(many=True, help_text="The first of the year first; none where `code` says why.")


class CampaignReturnOut(serializers.Serializer[Any]):
    campaigns = serializers.ListField(
        child=serializers.CharField(), help_text="All of one experiment: one effect together."
    )
    variant = serializers.CharField(help_text="The code of the experiment's variant.")
    pays = serializers.BooleanField(
        help_text="At its end it brought more, by more than chance among all of its quarter."
    )
    is_final = serializers.BooleanField(help_text="Whether it came to its planned end.")
    grade = serializers.CharField(allow_null=True, help_text="A: chance alone decided who got it.")
    customers = serializers.IntegerField(help_text="Of the variant: n.")
    brought = serializers.FloatField(help_text="Because of it, by all of them, in what `basis` says.")
    basis = serializers.CharField(
        help_text="rate, costs or costs_and_rate for margin; revenue or no_margin for revenue."
    )
    low = serializers.FloatField(help_text="Of its interval.")
    high = serializers.FloatField(help_text="Of its interval.")
    cost = serializers.FloatField(
        allow_null=True, help_text="More than for as many of the control; null before the end."
    )
    per_unit = serializers.FloatField(allow_null=True, help_text="Of cost; null where it cost nothing.")
    per_unit_low = serializers.FloatField(allow_null=True, help_text="Of its interval.")
    per_unit_high = serializers.FloatField(allow_null=True, help_text="Of its interval.")


class UnmeasuredOut(serializers.Serializer[Any]):
    campaign = serializers.CharField(help_text="Its name.")
    code = serializers.ChoiceField([each.value for each in Why], help_text="Why it is not measured.")
    reason = serializers.CharField(help_text="The same in words, in the reader's language.")


class CampaignReturnsOut(serializers.Serializer[Any]):
    currency = serializers.CharField(help_text="Of all amounts.")
    measured = CampaignReturnOut(many=True, help_text="Against a control; those that surely brought most first.")
    unmeasured = UnmeasuredOut(many=True, help_text="Of these nobody can say what they brought.")


class RangeOut(serializers.Serializer[Any]):
    value = serializers.FloatField(help_text="As estimated.")
    low = serializers.FloatField(help_text="The lower end of its 95 % interval.")
    high = serializers.FloatField(help_text="The upper end.")


class WonOut(serializers.Serializer[Any]):
    names = serializers.ListField(
        child=serializers.CharField(), help_text="Of the experiment's campaigns, or its own where none has it."
    )
    variant = serializers.CharField(help_text="The code of the experiment's variant.")
    says = serializers.ChoiceField(
        choices=[each or "won" for each in TOLD],
        help_text="won; or why the cost of one is not told: not_shown, fewer_came, cost_unknown, costs_nothing.",
    )
    text = serializers.CharField(help_text="The same in words, in the reader's language.")
    customers = serializers.IntegerField(help_text="Of the variant, who had not bought yet: n.")
    came = serializers.IntegerField(help_text="Of them, with a first order in the window.")
    control = serializers.IntegerField(help_text="Of the control, who had not bought yet: n.")
    control_came = serializers.IntegerField(help_text="Of them, with a first order in the window.")
    share = RangeOut(help_text="Who came because of it, as in 0.08.")
    won = RangeOut(help_text="As many customers.")
    currency = serializers.CharField(help_text="Of its costs: the retailer's when it was looked at.")
    cost = serializers.FloatField(
        allow_null=True, help_text="More than for as many of the control; null where not all is known."
    )
    cost_per_won = RangeOut(allow_null=True, help_text="Of one who would not have come; null where `says` is not won.")
    cost_per_customer = serializers.FloatField(
        allow_null=True, help_text="Of one who came, those too who would have come anyway."
    )
    media = serializers.FloatField(
        allow_null=True, help_text="Spent on media for the variant, beside `cost`; null where nobody said so."
    )
    media_per_won = RangeOut(allow_null=True, help_text="By one who was won; null where nobody is shown to be.")
    cost_per_won_with_media = RangeOut(
        allow_null=True, help_text="Of `cost` and `media`; null where either is unknown."
    )


class NotKnownOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of the campaign, the experiment or the referrals.")
    code = serializers.ChoiceField(choices=["blocked", *NOT_KNOWN], help_text="Why nobody knows whom it won.")
    reason = serializers.CharField(help_text="The same in words, with what would lift it, in the reader's language.")


class CustomersWonOut(serializers.Serializer[Any]):
    won = WonOut(many=True, help_text="Against a control; those that won one for least first.")
    not_known = NotKnownOut(many=True, help_text="Of these nobody can say whom they won.")


class ProductReturnsView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[LAST], responses=ProductReturnsOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return what each product brought after discounts and returns, and who bought it."""
        retailer, days = retailer_of(request), _days(request)
        found: list[ProductReturn] = products(retailer, days, limit=LIMIT) if days else []
        return Response(ProductReturnsOut(_period(request, days) | {"products": found}).data)


class MomentsView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[LAST], responses=MomentsOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return when customers buy, by weekday and hour."""
        retailer, days = retailer_of(request), _days(request)
        said = _period(request, days) | {"zone": retailer.zone, "at_midnight": 0, "moments": []}
        if days is not None:
            week = week_of(retailer, days)
            moments = [
                {"weekday": each.weekday, "hour": each.hour, "orders": each.orders, "customers": each.customers,
                 "revenue": each.revenue, "days": week.occurred[each.weekday - 1], "orders_a_day": week.each_day(each)}
                for each in week.moments
            ]  # fmt: skip
            said |= {"at_midnight": week.at_midnight, "moments": moments}
        return Response(MomentsOut(said).data)


class SeasonView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[CYCLE], responses=SeasonOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return what each month or week of the year sells, by an average day."""
        cycle = Cycle(request.query_params.get("per", Cycle.MONTH))
        found = season(retailer_of(request), cycle, timezone.now()) or Season(cycle, 0, MIN_YEARS * PARTS[cycle], None)
        code = "" if found.parts else found.why_not.value if found.why_not else "no_orders"
        said = {
            "per": cycle, "whole": found.whole, "needed": found.needed, "code": code, "reason": why_no_season(found),
            "parts": found.parts,
        }  # fmt: skip
        return Response(SeasonOut(said).data)


class CampaignReturnsView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=CampaignReturnsOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return what campaigns brought against their control, and which cannot be told."""
        retailer = retailer_of(request)
        found = campaign_returns(retailer)
        said = {
            "currency": retailer.currency, "measured": [_campaign(each) for each in found.measured],
            "unmeasured": [
                {"campaign": each.name, "code": each.why.value, "reason": reason_of(each)} for each in found.unmeasured
            ],
        }  # fmt: skip
        return Response(CampaignReturnsOut(said).data)


class CustomersWonView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=CustomersWonOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """
        Return what a customer cost who would not have come anyway.

        By experiments on those who had bought nothing when these reached them; what nobody knows says why.
        """
        found = customers_won(retailer_of(request))
        said = {
            "won": [_won(each) for each in found.told],
            "not_known": [
                {"name": name_of(each), "code": each.why, "reason": why_not_known(each)} for each in found.not_known
            ],
        }  # fmt: skip
        return Response(CustomersWonOut(said).data)


def _won(line: WonLine) -> dict[str, Any]:
    won = line.won
    return {
        "names": line.names, "variant": won.arm.code, "says": won.why or "won", "text": said_of(line),
        "customers": won.arm.customers, "came": won.arm.came, "control": won.control.customers,
        "control_came": won.control.came, "share": won.share, "won": won.won,
        "currency": line.look.currency, "cost": won.cost, "cost_per_won": won.each,
        "cost_per_customer": won.of_all, "media": line.media and line.media.spent,
        "media_per_won": line.media and line.media.each, "cost_per_won_with_media": line.media and line.media.with_all,
    }  # fmt: skip


def _days(request: Request) -> Days | None:
    days = DAYS[request.query_params.get("days", USUAL_DAYS)]
    return last_days(retailer_of(request), days, timezone.now())


def _period(request: Request, days: Days | None) -> dict[str, Any]:
    ends = {"first": days.first, "last": days.last} if days else {"first": None, "last": None}
    return ends | {"currency": retailer_of(request).currency}


def _campaign(each: CampaignReturn) -> dict[str, Any]:
    look, total, unit = each.look, each.effect.total, each.per_unit
    return {
        "campaigns": each.names, "variant": each.effect.code, "pays": each.pays, "is_final": look.is_final,
        "grade": look.result.grade, "customers": each.customers, "brought": total.value, "basis": look.basis,
        "low": total.low, "high": total.high, "cost": each.cost, "per_unit": unit.value if unit else None,
        "per_unit_low": unit.low if unit else None, "per_unit_high": unit.high if unit else None,
    }  # fmt: skip
