"""What the board's page shows: a card for each figure, its course over time, groups beside each other, and cohorts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isclose
from typing import Any

from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.dashboards import charts
from analytics.kpis.board import ALL, Board, board
from analytics.kpis.figures import KPIS, OF_CUSTOMERS, SURVEYS, Kpi, Point, Series, Unit
from analytics.kpis.maps import maps
from analytics.kpis.models import KpiGoal
from analytics.kpis.numbers import name_of, scaled, signed, written
from analytics.kpis.periods import Grain
from analytics.kpis.response_page import response_blocks
from analytics.kpis.scores import TOO_FEW
from analytics.kpis.words import FORMULAS, NAMES
from customers.core.languages import in_readers_language
from customers.models import Retailer
from customers.segment_names import TYPE_NAMES
from loyalty.tiers.models import Tier

GRAINS = {
    Grain.WEEK: gettext_lazy("Week"), Grain.MONTH: gettext_lazy("Month"), Grain.QUARTER: gettext_lazy("Quarter"),
    Grain.YEAR: gettext_lazy("Year"),
}  # fmt: skip
DIMENSIONS = {
    ALL: gettext_lazy("All customers"), "tier": gettext_lazy("Tier"), "segment": gettext_lazy("Type of customer"),
    "channel": gettext_lazy("Acquisition channel"),
}  # fmt: skip
CHARTED = (
    "retention", "churn", "active_customers", "new_customers", "average_order", "frequency", "revenue", "revenue_per_customer",
    "profit_per_customer", "nps", "csat", "redemption_rate", "expiry_rate", "liability", "known_share",
)  # fmt: skip
GROUPED = (*OF_CUSTOMERS, "repeat_rate", "nps", "csat")
SHOWN_GROUPS = 8
# Where somebody learns more of a figure, or mends what blocks it.
PAGES = {
    "acquisition_cost": "admin:analytics_acquisitioncost_report", "payback": "admin:analytics_acquisitioncost_report",
    "program_cost": "admin:analytics_upliftrun_changelist", "program_return": "admin:analytics_upliftrun_changelist",
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """
    One figure as the page shows it.

    :param is_good: whether it became better since the period before; None where it did not change, or nobody can say
    :param reached: whether the goal is; None without one
    """

    code: str
    name: str
    formula: str
    value: str
    period: str
    basis: str
    change: str = ""
    is_good: bool | None = None
    goal: str = ""
    reached: bool | None = None
    instead: str = ""
    page: str = ""


def page(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """
    Return what the page shows of a retailer.

    :param given: `grain` and `by` as the reader chose them; what is not known is as usual
    """
    grain = Grain(given["grain"]) if given.get("grain") in set(Grain) else Grain.MONTH
    dimension = given["by"] if given.get("by") in DIMENSIONS else ALL
    found = board(retailer, now=now, grain=grain, dimension=dimension)
    context: dict[str, Any] = {
        "grains": GRAINS.items(), "dimensions": DIMENSIONS.items(), "grain": grain, "by": dimension, "board": found,
    }  # fmt: skip
    if found is None:
        return context
    context["as_of"] = _as_of(found)
    if dimension != ALL:
        return context | {"groups": _groups(found), "charts": _group_charts(found)}
    goals = {each.kpi: each.target for each in KpiGoal.objects.filter(retailer=retailer, per=grain.value)}
    return context | {
        "cards": [_card(each, found, goals) for each in KPIS if _is_told(each, found)],
        "charts": [_chart(found.series[code, ""], retailer.currency) for code in CHARTED if _is_charted(code, found)],
        "maps": maps(retailer, found),
        "responses": response_blocks(retailer, now=now),
        "cohorts_instead": instead(found.verdict(Use.COHORTS), retailer.currency),
    }


def _as_of(found: Board) -> str:
    day = formats.date_format(found.span.as_of)
    if found.span.has_ended:
        return _("The data end on %(day)s: figures are as of that day.") % {"day": day}
    return _("As of now, with all that was recorded; whole days until %(day)s.") % {"day": day}


def _is_told(kpi: Kpi, found: Board) -> bool:
    return (kpi.code, "") in found.series or kpi.code in found.blocked


def _is_charted(code: str, found: Board) -> bool:
    series = found.series.get((code, ""))
    return series is not None and sum(each.value is not None for each in series.points) > 1


def _card(kpi: Kpi, found: Board, goals: Mapping[str, Decimal]) -> Card:
    currency = found.retailer.currency
    plain: dict[str, Any] = {
        "code": kpi.code, "name": str(NAMES[kpi.code]), "formula": str(FORMULAS[kpi.code]),
        "page": reverse(PAGES[kpi.code]) + f"?retailer={found.retailer.slug}" if kpi.code in PAGES else "",
    }  # fmt: skip
    if kpi.code in found.blocked:
        words = instead(found.verdict(found.blocked[kpi.code]), currency)
        return Card(**plain, value="", period="", basis="", instead=words)
    series = found.series[kpi.code, ""]
    last = series.last or Point(found.periods[-1], None, 0, is_over=False)
    change, target = series.change, goals.get(kpi.code)
    reached = None
    if target is not None and last.value is not None and kpi.good:
        reached = (last.value - float(target)) * kpi.good >= 0 or isclose(last.value, float(target))
    return Card(
        **plain,
        value=written(last.value, kpi.unit, currency),
        period=_label(last) if len(series.points) > 1 or kpi.code not in NOW else "",
        basis=_basis(kpi, last, currency),
        change=changed(series, currency),
        is_good=None if not change or not kpi.good or series.is_within_chance else change * kpi.good > 0,
        goal="" if target is None else _("goal %(goal)s") % {"goal": written(float(target), kpi.unit, currency)},
        reached=reached,
    )


def changed(series: Series, currency: str) -> str:
    """Return by how much a figure has changed, and whether that is more than chance where customers answered."""
    if series.change is None:
        return ""
    said = signed(series.change, series.kpi.unit, currency)
    return _("%(change)s: no detectable change") % {"change": said} if series.is_within_chance else said


NOW = frozenset({"repeat_rate", "acquisition_cost", "payback", "program_cost", "program_return"})


def _basis(kpi: Kpi, point: Point, currency: str) -> str:
    """Return what a figure rests on: how many, and its interval."""
    lines = [_("n = %(n)s") % {"n": charts.whole(point.n)}] if point.n else []
    if point.low is not None and point.high is not None:
        ends = {"low": written(point.low, kpi.unit, currency), "high": written(point.high, kpi.unit, currency)}
        lines.append(_("%(low)s to %(high)s") % ends)
    if kpi.code in SURVEYS and 0 < point.n < TOO_FEW:
        lines.append(_("too few answers to go by"))
    return ", ".join(lines)


def _axis(unit: Unit, currency: str) -> str:
    return {Unit.SHARE: "%", Unit.MONEY: currency}.get(unit, "")


def _chart(series: Series, currency: str) -> dict[str, Any]:
    unit, name = series.kpi.unit, str(NAMES[series.kpi.code])
    labels = [_label(point) for point in series.points]
    lines = [_line(name, series, currency, charts.MANY[0])]
    headers, ranged = [_("period"), name, "n"], any(point.low is not None for point in series.points)
    if ranged:
        ends = [
            None if point.low is None else (scaled(point.low, unit, currency), scaled(point.high, unit, currency))
            for point in series.points
        ]
        lines.append(charts.intervals(_("interval (95 %)"), ends, charts.MANY[1]))
        headers.append(_("interval (95 %)"))
    return {
        "title": name,
        "headers": headers,
        "rows": [
            _row(point, label, unit, currency, ranged) for point, label in zip(series.points, labels, strict=True)
        ],
        "data": charts.data(labels, *lines),
        "options": charts.options(_axis(unit, currency), legend=ranged),
        "basis": str(FORMULAS[series.kpi.code]),
    }


def _line(name: str, series: Series, currency: str, colour: str) -> dict[str, Any]:
    values = [scaled(point.value, series.kpi.unit, currency) for point in series.points]
    return charts.series(name, values, "y", "line", colour)


def _label(point: Point) -> str:
    if point.is_partial:
        return _("%(period)s (partial)") % {"period": name_of(point.period)}
    return name_of(point.period) if point.is_over else _("%(period)s (open)") % {"period": name_of(point.period)}


def _row(point: Point, label: str, unit: Unit, currency: str, ranged: bool) -> tuple[str, ...]:  # noqa: FBT001 - a column
    row = (label, written(point.value, unit, currency), charts.whole(point.n))
    if not ranged:
        return row
    if point.low is None or point.high is None:
        return (*row, "-")
    return (*row, f"{written(point.low, unit, currency)} – {written(point.high, unit, currency)}")


def group_name(code: str, found: Board, tiers: Mapping[str, str]) -> str:
    """Return what a group is called."""
    match found.dimension:
        case "tier":
            return {"-": _("not a member"), "": _("no tier")}.get(code) or tiers.get(code, code)
        case "segment":
            return str(TYPE_NAMES[code]) if code in TYPE_NAMES else _("no type yet")
    return code or _("not known")


def _tier_names(found: Board) -> dict[str, str]:
    if found.dimension != "tier":
        return {}
    rows = Tier.objects.filter(version__program__retailer=found.retailer).order_by("version_id")
    return {each.code: in_readers_language(each.name, each.name_fr) for each in rows}


def _groups(found: Board) -> dict[str, Any]:
    """Return the last period that is over of each group, a line each."""
    names = _tier_names(found)
    kpis = [each for each in KPIS if each.code in GROUPED and each.code not in found.blocked]
    rows = [
        (
            group_name(group, found, names),
            [_last(found.series[each.code, group], found.retailer.currency) for each in kpis],
        )
        for group in found.groups
    ]
    over = [each for each in found.series["revenue", found.groups[0]].points if each.is_over]
    return {
        "headers": [NAMES[each.code] for each in kpis], "rows": rows, "period": name_of(over[-1].period) if over else "",
    }  # fmt: skip


def _last(series: Series, currency: str) -> str:
    return written(series.last.value, series.kpi.unit, currency) if series.last else "-"


def _group_charts(found: Board) -> list[dict[str, Any]]:
    names, currency = _tier_names(found), found.retailer.currency
    shown_groups = found.groups[:SHOWN_GROUPS]
    made = []
    for code in ("retention", "revenue_per_customer", "average_order", "frequency"):
        series = [found.series[code, group] for group in shown_groups]
        unit, title = series[0].kpi.unit, str(NAMES[code])
        labels = [_label(point) for point in series[0].points]
        called = [group_name(each.group, found, names) for each in series]
        made.append({
            "title": title,
            "headers": [_("period"), *called],
            "rows": [
                (label, *(written(each.points[place].value, unit, currency) for each in series))
                for place, label in enumerate(labels)
            ],
            "data": charts.data(labels, *(
                _line(name, each, currency, charts.MANY[place])
                for place, (name, each) in enumerate(zip(called, series, strict=True))
            )),
            "options": charts.options(_axis(unit, currency), legend=True),
            "basis": str(FORMULAS[code]),
        })  # fmt: skip
    return made
