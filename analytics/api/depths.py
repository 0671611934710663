"""Which depth of an offer pays, for whom, for retailers' systems."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.experiments import READ, experiment_of
from analytics.experiments.depth_page import budget_of, depths_out
from analytics.experiments.looking import latest
from customers.api.asking import AskedView
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
    segments_from = serializers.CharField(
        help_text="The day until which segments were known, before it began; empty where all customers are one."
    )
    refusals = DepthReasonOut(many=True, help_text="Why nothing is chosen, and what would lift that.")
    choices = DepthChoiceOut(many=True, help_text="The depth of each segment, and why.")
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
