"""Which depth of an offer pays, for whom, for retailers' systems."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.experiments import READ, experiment_of
from analytics.experiments.depth_page import budget_of, depths_out
from analytics.experiments.drawing_up import DrawnUp, draw_up_offers
from analytics.experiments.looking import latest
from analytics.experiments.models import ExperimentLook
from analytics.experiments.promise_page import offers_kept, promise_out
from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import author_of
from customers.api.strict import Strict
from customers.core.money import to_unit
from loyalty.activity.api.asking import NotThere


class DepthCellOut(serializers.Serializer[Any]):
    depth = serializers.FloatField(help_text="An amount or a percentage off, or points below the catalogue's price.")
    name = serializers.CharField(help_text="The depth as the admin shows it.")
    customers = serializers.IntegerField(help_text="Of the arm, in the segment.")
    control = serializers.IntegerField(help_text="Of the control, in the segment.")
    effect = serializers.FloatField(help_text="Margin per customer after all costs, compared with the control.")
    low = serializers.FloatField(help_text="The lower end of its 95 % interval.")
    high = serializers.FloatField(help_text="The upper end.")
    expected = serializers.FloatField(help_text="Pulled towards the depth's mean over the segments.")
    pays = serializers.FloatField(help_text="The probability that it earns more than it costs.")
    cost = serializers.FloatField(help_text="Of rewards, per customer of the arm.")
    redeemed = serializers.FloatField(help_text="The share of customers who redeemed it: not what is optimised.")


class DepthReasonOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Why, as one word, which never changes.")
    text = serializers.CharField(help_text="The sentence that the admin shows, in the reader's language.")


class DepthChoiceOut(DepthReasonOut):
    segment = serializers.CharField(
        help_text="A type of customers; `never_bought`, `others` where few are together, or `all`."
    )
    depth = serializers.FloatField(help_text="The chosen one; 0 for none.")
    cells = DepthCellOut(many=True, help_text="What was seen of each depth in the segment.")


class PricePointOut(serializers.Serializer[Any]):
    price = serializers.IntegerField(help_text="In points.")
    redemptions = serializers.FloatField(help_text="Members of 1,000 who took the reward.")
    margin = serializers.FloatField(help_text="By 1,000 members, compared with the catalogue's price.")
    low = serializers.FloatField(help_text="The lower end of its 95 % interval.")
    high = serializers.FloatField(help_text="The upper end.")
    liability = serializers.FloatField(help_text="What is owed in points less, by 1,000 members.")


class DepthFilledOut(serializers.Serializer[Any]):
    segment = serializers.CharField(help_text="Who is given it.")
    depth = serializers.FloatField(help_text="The chosen one.")
    customers = serializers.IntegerField(help_text="As many as were tried, or as the budget pays for.")
    cost = serializers.FloatField(help_text="Of giving it to them.")
    earns = serializers.FloatField(help_text="Cautiously: at the lower quartile of what is expected.")


class DepthBudgetOut(serializers.Serializer[Any]):
    filled = DepthFilledOut(many=True, help_text="What it is spent on, best first.")
    left = serializers.FloatField(help_text="What is not spent.")
    marginal = serializers.FloatField(
        allow_null=True,
        help_text="What the last unit of the currency that is spent brings in; null where nothing is spent.",
    )


class DepthsOut(serializers.Serializer[Any]):
    look = serializers.IntegerField(help_text="The id of the newest look, which this is part of.")
    kind = serializers.ChoiceField(
        choices=["amount", "percent", "price"],
        help_text="What is tried: an amount or a percentage off, or prices of a reward.",
    )
    reward = serializers.CharField(help_text="The names of what is tried.")
    list_price = serializers.IntegerField(allow_null=True, help_text="Of the catalogue, where prices are tried.")
    currency = serializers.CharField(help_text="Of all amounts.")
    unit = serializers.ChoiceField(
        choices=["customer", "household"],
        help_text="What customers are here, and whose money it is: each, or a household.",
    )
    segments_from = serializers.CharField(
        help_text="The day until which segments were known, before it began; empty where all customers are one."
    )
    refusals = DepthReasonOut(many=True, help_text="Why nothing is chosen, and what would lift that.")
    choices = DepthChoiceOut(many=True, help_text="The depth of each segment, and why.")
    offers = serializers.ListField(
        child=serializers.CharField(), help_text="The codes of the offers that were drawn up from this look."
    )
    curve = PricePointOut(many=True, help_text="Of prices, over all segments; empty where none are tried.")
    budget = DepthBudgetOut(allow_null=True, help_text="How the budget of the query is spent; null without one.")


class NoDepths(NotThere):
    message = _(
        "No look at the experiment “{code}” tells of depths: its variants are none, or nothing may be told yet."
    )


class DepthsView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(
        parameters=[OpenApiParameter("budget", OpenApiTypes.DECIMAL, description="To be spent, in the retailer's currency.")],
        responses=DepthsOut, tags=["analytics"],
    )  # fmt: skip
    def get(self, request: Request, code: str) -> Response:
        """
        Return which depth of an offer pays, for whom, by the newest look.

        They are where variants differ by what a reward takes off, or by its price in points.
        """
        look = latest(experiment_of(request, code))
        if look is None or look.result.depths is None:
            raise NoDepths(code=code)
        budget, is_wrong = budget_of(request.query_params.get("budget", ""))
        if is_wrong:
            words = _("An amount above 0 is expected, such as 5000.")
            raise ValidationError({"budget": [words]}, code="invalid_budget")
        return Response(DepthsOut(depths_out(look, look.result.depths, budget)).data)


class PromisedRangeOut(serializers.Serializer[Any]):
    value = serializers.FloatField(help_text="In the currency.")
    error = serializers.FloatField(help_text="Its standard error.")
    low = serializers.FloatField(help_text="The lower end of its 95 % interval.")
    high = serializers.FloatField(help_text="The upper end.")


class KeptOut(serializers.Serializer[Any]):
    promised = PromisedRangeOut(help_text="For each customer who is given the offer, in one window, after all costs.")
    realised = PromisedRangeOut(help_text="What is kept of it. Its interval is right however often one looks.")
    verdict = serializers.ChoiceField(
        choices=["less", "more", "open"], help_text="Than was promised; `open` while chance explains that they differ."
    )
    share = serializers.FloatField(
        allow_null=True, help_text="Of the promise that is kept: 0.5 is half; null where nothing was promised."
    )
    total = PromisedRangeOut(help_text="What is kept, for all who were given it.")


class OfferKeptOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the offer.")
    segment = serializers.CharField(help_text="As among the choices of the report.")
    depth = serializers.FloatField(help_text="Of the offer.")
    customers = serializers.IntegerField(help_text="For whom it is meant, without those who are kept without it.")
    control = serializers.IntegerField(help_text="Those.")
    given = serializers.IntegerField(help_text="Of the customers, who were given it.")
    promised = PromisedRangeOut(help_text="By the report, for each customer who is given it.")
    kept = KeptOut(allow_null=True, help_text="Null where it is not told.")
    reason = DepthReasonOut(allow_null=True, help_text="Why it is not told, where it is looked at.")


class WindowKeptOut(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="1 for the first window after the first offer was given.")
    given = serializers.IntegerField(help_text="Customers who were given an offer in it.")
    kept = KeptOut(allow_null=True, help_text="Of all offers together; null where too few were given one.")


class PromotedOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the variant of the hold-out.")
    is_control = serializers.BooleanField(help_text="Whether it is kept without the offers.")
    orders = serializers.IntegerField(help_text="Since the first offer was given, of the last six months at most.")
    promoted = serializers.IntegerField(
        help_text="Of them, with a code, a discount, or a reward that takes something off."
    )


class PromiseOut(serializers.Serializer[Any]):
    report = serializers.IntegerField(help_text="The id of the look by which the offers were drawn up.")
    hold_out = serializers.CharField(
        help_text="The code of the experiment whose control is kept without; empty for none."
    )
    look = serializers.IntegerField(
        allow_null=True, help_text="The id of the newest look at it; null before the first."
    )
    currency = serializers.CharField(help_text="Of all amounts.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the first offer was given: windows begin then.")
    window_days = serializers.IntegerField(help_text="Of each window.")
    texts = serializers.ListField(
        child=serializers.CharField(), help_text="The sentences that the admin shows, in the reader's language."
    )
    refusals = DepthReasonOut(many=True, help_text="Why nothing is told, although offers were given.")
    offers = OfferKeptOut(many=True, help_text="Each with what was promised, and what is kept in its first window.")
    whole = KeptOut(allow_null=True, help_text="All offers together that can be told, in the first window.")
    windows = WindowKeptOut(many=True, help_text="The first window, and the newest of those after it.")
    others = serializers.ListField(
        child=serializers.CharField(),
        help_text="Offers that are held back as well, and that no report promised anything of.",
    )
    promoted = PromotedOut(many=True, help_text="How many orders were on promotion, by variant.")


class NoOffersOfReport(NotThere):
    message = _("No offers were drawn up from a report of the experiment “{code}”: nothing was promised.")


class PromiseView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=PromiseOut, tags=["analytics"])
    def get(self, request: Request, code: str) -> Response:
        """
        Return what a report of depths promised of its offers, and what is kept of it.

        A tenth of the customers is kept without them for as long as they are given; the newest look at that hold-out tells.
        """
        tried = experiment_of(request, code)
        offers = offers_kept(tried)
        if not offers:
            raise NoOffersOfReport(code=code)
        return Response(PromiseOut(promise_out(tried, offers)).data)


class DrawUpIn(Strict):
    budget = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=40,
        help_text="What they may cost in all, in the retailer's currency; left out, what the report expects them to cost for as "
        "many customers as were tried.",
    )  # fmt: skip


class DraftOfferOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the offer.")
    segments = serializers.ListField(child=serializers.CharField(), help_text="Who gets it; empty for all members.")
    rewards = serializers.ListField(child=serializers.CharField(), help_text="The code of the reward of its depth.")
    budget = serializers.CharField(help_text="What it may cost in all.")


class WithoutOfferOut(serializers.Serializer[Any]):
    segment = serializers.CharField(help_text="As among the choices.")
    text = serializers.CharField(help_text="Why it gets no offer, in the reader's language.")


class DrawnUpOut(serializers.Serializer[Any]):
    look = serializers.IntegerField(help_text="The id of the look that they rest on.")
    currency = serializers.CharField(help_text="Of the budgets.")
    hold_out = serializers.CharField(help_text="The draft of an experiment whose control gets none of them.")
    offers = DraftOfferOut(many=True, help_text="Drafts: nothing is given before somebody starts them.")
    without = WithoutOfferOut(many=True, help_text="The segments without an offer, and why.")


class DepthOffersView(AskedView):
    scopes: ClassVar = {"POST": "program:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=DrawUpIn, responses={200: DrawnUpOut, 201: DrawnUpOut}, tags=["analytics"])
    def post(self, request: Request, code: str) -> Response:
        """
        Make drafts of the offers that the newest look says pay, one for each segment, with a tenth kept without them.

        Again it changes nothing. A report that is refused makes nothing, and says what would lift that.
        """
        given = DrawUpIn(data=request.data)
        given.is_valid(raise_exception=True)
        budget, is_wrong = budget_of(given.validated_data["budget"])
        if is_wrong:
            words = _("An amount above 0 is expected, such as 5000.")
            raise ValidationError({"budget": [words]}, code="invalid_budget")
        look = latest(experiment_of(request, code))
        if look is None:
            raise NoDepths(code=code)
        with all_or_dry(request):
            found = draw_up_offers(look, budget=budget, author=author_of(request), now=timezone.now())
            body = DrawnUpOut(_drawn_up(look, found)).data
        return Response(body, status=status.HTTP_201_CREATED if found.is_new else status.HTTP_200_OK)


def _drawn_up(look: ExperimentLook, found: DrawnUp) -> dict[str, Any]:
    return {
        "look": look.pk, "currency": look.currency, "hold_out": found.hold_out.code if found.hold_out else "",
        "offers": [
            {
                "code": each.code, "segments": each.segments, "rewards": each.rewards,
                "budget": f"{to_unit(each.budget.limit, look.currency):f}",
            }
            for each in found.offers
        ],
        "without": [{"segment": each.segment, "text": each.why} for each in found.without],
    }  # fmt: skip
