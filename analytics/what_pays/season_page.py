"""What the page of the season shows: an index for each month or week of the year, or why there is none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.dates import MONTHS
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.dashboards.drawing import Drawing, Series
from analytics.kpis.periods import after
from analytics.what_pays.season import Cycle, Index, PartIndex, Season, WhyNot
from analytics.what_pays.season_reading import GRAINS, season
from customers.core.numbers import shown
from customers.models import Retailer

CYCLES: Mapping[Cycle, Promise] = {Cycle.MONTH: gettext_lazy("Month"), Cycle.WEEK: gettext_lazy("Week")}
TOO_SHORT: Mapping[Cycle, Promise] = {
    Cycle.MONTH: gettext_lazy("It takes two whole years of sales (%(needed)s whole months), and there are %(whole)s."),
    Cycle.WEEK: gettext_lazy("It takes two whole years of sales (%(needed)s whole weeks), and there are %(whole)s."),
}


def cycle_of(given: Mapping[str, str]) -> Cycle:
    """Return which parts of the year the reader chose; months where that is not known."""
    return Cycle(given["per"]) if given.get("per") in set(Cycle) else Cycle.MONTH


def season_page(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return what the page shows. :param given: `per` as the reader chose it"""
    cycle = cycle_of(given)
    found = season(retailer, cycle, now)
    context: dict[str, Any] = {"has_facts": found is not None, "cycles": CYCLES.items(), "cycle": cycle}
    if found is None:
        return context
    if not found.parts:
        return context | {"season_instead": why_no_season(found)}
    return context | {"chart": _drawing(found).on_page()}


def why_no_season(found: Season) -> str:
    """Return why there is no index, and when there will be one; nothing where there is one."""
    if found.parts:
        return ""
    if found.why_not is WhyNot.NO_SALES:
        return _("A whole year sold nothing: there is nothing to compare its months with.")
    words = str(TOO_SHORT[found.cycle]) % {"needed": found.needed, "whole": found.whole}
    if found.begins is None:
        return words
    day = after(found.begins, GRAINS[found.cycle], found.needed)
    then = _("If sales go on, it is told from %(day)s on.") % {"day": formats.date_format(day)}
    return f"{words} {then}"


def _drawing(found: Season) -> Drawing:
    labels = [_name(each, found.cycle) for each in found.parts]
    rows = [(name, *_row(each)) for name, each in zip(labels, found.parts, strict=True)]
    series = [
        Series(_("by revenue"), [round(100 * each.revenue.value, 1) for each in found.parts]),
        Series(_("by orders"), [round(100 * each.orders.value, 1) for each in found.parts], "line"),
    ]
    basis = ngettext("By %(years)s year.", "By %(years)s years.", found.years) % {"years": found.years}
    alone = _("With one year alone nobody knows what of it comes again.")
    return Drawing(
        _("Sales by those of an average day, which are 100"), labels, series,
        [str(CYCLES[found.cycle]), _("by revenue"), _("range by revenue"), _("by orders"), _("range by orders"), _("years")],
        rows, basis=basis if found.years > 1 else f"{basis} {alone}", wide=True,
    )  # fmt: skip


def _name(each: PartIndex, cycle: Cycle) -> str:
    return str(MONTHS[each.part]) if cycle is Cycle.MONTH else _("week %(number)s") % {"number": each.part}


def _row(each: PartIndex) -> tuple[str, ...]:
    return (
        _value(each.revenue),
        _range(each.revenue),
        _value(each.orders),
        _range(each.orders),
        str(each.revenue.years),
    )


def _value(index: Index) -> str:
    return shown(100 * index.value, 0)


def _range(index: Index) -> str:
    return "-" if index.years < 2 else f"{shown(100 * index.low, 0)} – {shown(100 * index.high, 0)}"  # noqa: PLR2004 - between two
