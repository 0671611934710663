"""Cohorts on the board: who is still active so many months later, and what a customer has brought by then."""

from collections.abc import Sequence
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from analytics.audit.verdicts import Use
from analytics.dashboards import charts
from analytics.kpis.board import Board
from analytics.kpis.cohorts import Cohort, Lived, cohorts
from analytics.kpis.periods import Grain
from analytics.kpis.reading import first_month, lived
from customers.core.money import decimals_of
from customers.core.numbers import shown
from customers.models import Retailer

SHOWN_COHORTS = 13


def maps(retailer: Retailer, found: Board) -> list[dict[str, Any]]:
    """Return cohorts as tables: who is still active, and what a customer has brought by then; none where data do not carry it."""
    if found.grain is not Grain.MONTH or found.verdict(Use.COHORTS).is_blocked:
        return []
    some = cohorts(_lived(retailer, found), found.span.as_of, found.span.until)[-SHOWN_COHORTS:]
    most = max((_each(each, age) for each in some for age in range(len(each.ages))), default=0.0)
    return [
        _map(
            some, _("Who is still active, by month of the first purchase"),
            _("Share of the cohort’s customers with an order so many months later. A month that still runs is marked with *."),
            lambda each, age: (f"{each.ages[age].share * 100:.0f} %", round(each.ages[age].share * 100)),
        ),
        _map(
            some, _("Revenue per customer since the first purchase (%(currency)s)") % {"currency": retailer.currency},
            _(
                "All revenue of the cohort until the month’s end, divided by its customers. A month that still runs is marked "
                "with *."
            ),
            lambda each, age: (
                shown(_each(each, age), decimals_of(retailer.currency)), round(100 * _each(each, age) / most) if most else 0,
            ),
        ),
    ]  # fmt: skip


def _lived(retailer: Retailer, found: Board) -> Sequence[Lived]:
    """Return what the cohorts that are shown did: as it was read with the board, unless some are of before its months."""
    first = first_month(retailer, cohorts=SHOWN_COHORTS)
    if first is not None and first < found.periods[0].start:
        return lived(retailer, found.span, cohorts=SHOWN_COHORTS)
    return found.lived


def _each(cohort: Cohort, age: int) -> float:
    return cohort.ages[age].cumulated / cohort.customers if cohort.customers else 0.0


def _map(some: list[Cohort], title: str, basis: str, cell: Any) -> dict[str, Any]:
    def shown_cell(each: Cohort, age: int) -> dict[str, Any]:
        words, heat = cell(each, age)
        return {"words": words if each.ages[age].is_complete else f"{words}*", "heat": max(heat, 0)}

    return {
        "title": title,
        "basis": basis,
        "ages": range(max((len(each.ages) for each in some), default=0)),
        "rows": [
            (
                formats.date_format(each.month, "N Y"), charts.whole(each.customers),
                [shown_cell(each, age) for age in range(len(each.ages))],
            )
            for each in some
        ],
    }  # fmt: skip
