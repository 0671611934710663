"""Key figures, for retailers' systems: every figure by period and group, with what it rests on."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.audit.words import instead
from analytics.kpis.board import ALL, Board, board
from analytics.kpis.figures import BY_CODE, KPIS
from analytics.kpis.page import DIMENSIONS
from analytics.kpis.periods import Grain
from analytics.kpis.words import FORMULAS, NAMES
from customers.api.asking import AskedView
from customers.api.callers import retailer_of

READ = "analytics:read"
PER = OpenApiParameter(
    "per", str, enum=[each.value for each in Grain], description="How long a period is; month if left out."
)
BY = OpenApiParameter(
    "by", str, enum=list(DIMENSIONS), description="By which groups customers are told apart; all if left out."
)


class KpiPointOut(serializers.Serializer[Any]):
    period = serializers.DateField(source="period.start", help_text="Its first day.")
    value = serializers.FloatField(
        allow_null=True, help_text="A share as in 0.35 for 35 %; null where nothing can be counted."
    )
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval, where there is one.")
    high = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval, where there is one.")
    n = serializers.IntegerField(help_text="What it rests on: customers, orders or answers.")
    is_over = serializers.BooleanField(help_text="A period that still runs is not to be compared.")
    is_partial = serializers.BooleanField(help_text="One within which the data begin is not to be compared either.")


class KpiFigureOut(serializers.Serializer[Any]):
    kpi = serializers.ChoiceField([each.code for each in KPIS], help_text="Its code.")
    name = serializers.CharField(help_text="In the reader's language.")
    formula = serializers.CharField(help_text="In the reader's language.")
    unit = serializers.CharField(help_text="count, money, share, ratio, points or months.")
    group = serializers.CharField(
        allow_blank=True, help_text="The code of the group; empty for all, or for who is in none."
    )
    points = KpiPointOut(many=True, help_text="By period, the earliest first.")


class KpiBlockedOut(serializers.Serializer[Any]):
    kpi = serializers.ChoiceField([each.code for each in KPIS], help_text="Its code.")
    reason = serializers.CharField(help_text="Why your data do not carry it.")


class KpisOut(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True, help_text="The last day that counts; null before the first order.")
    has_ended = serializers.BooleanField(help_text="Whether the data ended long ago.")
    per = serializers.CharField(help_text="How long a period is.")
    by = serializers.CharField(help_text="By which groups customers are told apart.")
    currency = serializers.CharField(help_text="Of all amounts.")
    figures = KpiFigureOut(many=True, help_text="Each figure of each group.")
    blocked = KpiBlockedOut(many=True, help_text="Figures that your data do not carry.")


class KpisView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[PER, BY], responses=KpisOut, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Return all key figures over time, as current as the last fact; those that are modelled as of their last run."""
        asked = request.query_params
        retailer, grain, by = retailer_of(request), Grain(asked.get("per", Grain.MONTH)), asked.get("by", ALL)
        found = board(retailer, now=timezone.now(), grain=grain, dimension=by)
        said = {"per": grain.value, "by": by, "currency": retailer.currency} | (_said(found) if found else NOTHING)
        return Response(KpisOut(said).data)


NOTHING: dict[str, Any] = {"as_of": None, "has_ended": False, "figures": [], "blocked": []}


def _said(found: Board) -> dict[str, Any]:
    return {
        "as_of": found.span.as_of, "has_ended": found.span.has_ended,
        "figures": [
            {
                "kpi": code, "name": NAMES[code], "formula": FORMULAS[code], "unit": BY_CODE[code].unit.value, "group": group,
                "points": series.points,
            }
            for (code, group), series in found.series.items()
        ],
        "blocked": [
            {"kpi": code, "reason": instead(found.verdict(use), found.retailer.currency)}
            for code, use in found.blocked.items()
        ],
    }  # fmt: skip
