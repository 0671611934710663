"""How long the history is, whether it has gaps, and whether its clock is the shop's."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import groupby
from statistics import median

from django.utils.translation import gettext_lazy as _

from analytics.audit.checks.check import Check, Group, above, below, found, share
from analytics.audit.measures import FIRST_DAYS, Measures
from analytics.audit.verdicts import Example, Finding, Level, Use

SHOWN = 5
MIN_USUAL_ORDERS = 3  # on a weekday, before a day of it without any is missed
MIN_FULL_ORDERS = 20  # before a day with few stands out
MIN_BUYERS = 100


def history_days(data: Measures) -> Finding:
    """Tell how many days the data span."""
    days = (data.last - data.first).days + 1
    level = below(days, care=365, bad=90)
    return found("history_days", level, days=days, first=data.first.isoformat(), last=data.last.isoformat())


def buyers(data: Measures) -> Finding:
    """Tell how many customers bought, and how many came again."""
    customers, again = data.buyers.customers, data.buyers.again
    level = below(customers, care=10 * MIN_BUYERS, bad=MIN_BUYERS)
    return found("buyers", level, customers=customers, again=again, share=share(again, customers))


def freshness(data: Measures) -> Finding:
    """Tell how long ago the last order was."""
    days = (data.today - data.last).days
    return found("freshness", above(days, care=7, bad=31), days=days, last=data.last.isoformat())


def left_truncation(data: Measures) -> Finding:
    """Tell how many customers are there from the start: when they really came is not in the data."""
    part = share(data.buyers.at_first, data.buyers.customers)
    numbers = {"count": data.buyers.at_first, "whole": data.buyers.customers, "days": FIRST_DAYS}
    return found("left_truncation", above(part, care=0.2, bad=0.5), **numbers, share=part)


def empty_days(data: Measures) -> Finding:
    """Tell days without an order on weekdays that usually have some."""
    usual = _usual(data)
    orders = _by_day(data)
    empty = [day for day in _days(data) if not orders[day] and usual[day.weekday()] >= MIN_USUAL_ORDERS]
    whole, longest = len(_days(data)), _longest(empty)
    part = share(len(empty), whole)
    level = max(above(part, note=0.0, care=0.02, bad=0.1), above(longest, care=2, bad=27))
    examples = [Example("day", day.isoformat()) for day in empty[:SHOWN]]
    return found("empty_days", level, *examples, count=len(empty), whole=whole, share=part, longest=longest)


def weak_days(data: Measures) -> Finding:
    """Tell days with less than a quarter of the orders that are usual on their weekday."""
    usual, orders = _usual(data), _by_day(data)
    weak = [
        day
        for day in _days(data)[1:-1]  # the first and the last one may be parts of days
        if usual[day.weekday()] >= MIN_FULL_ORDERS and 0 < orders[day] < usual[day.weekday()] / 4
    ]
    part = share(len(weak), len(_days(data)))
    examples = [Example("day", day.isoformat()) for day in weak[:SHOWN]]
    level = above(part, note=0.0, care=0.05)
    return found("weak_days", level, *examples, count=len(weak), whole=len(_days(data)), share=part)


def _by_day(data: Measures) -> dict[date, int]:
    orders: dict[date, int] = defaultdict(int)
    for hour in data.hours:
        orders[hour.day] += hour.orders
    return orders


def _days(data: Measures) -> list[date]:
    return [data.first + timedelta(days=place) for place in range((data.last - data.first).days + 1)]


def _usual(data: Measures) -> dict[int, float]:
    """Return the median of orders by weekday."""
    orders = _by_day(data)
    by_weekday: dict[int, list[int]] = {weekday: [0] for weekday in range(7)}
    for weekday, days in groupby(sorted(_days(data), key=date.weekday), key=date.weekday):
        by_weekday[weekday] = [orders[day] for day in days]
    return {weekday: median(counts) for weekday, counts in by_weekday.items()}


def _longest(days: list[date]) -> int:
    """Return how many of some days follow each other."""
    runs = groupby(enumerate(days), key=lambda pair: pair[1] - timedelta(days=pair[0]))
    return max((len(list(run)) for _start, run in runs), default=0)


CHECKS = (
    Check(
        "history_days", Group.HISTORY, _("How long is the history?"),
        {"": _("From %(first)s to %(last)s: %(days)s days.")},
        _("Import older orders. A year shows every season once; below 90 days nothing can be told of a year."),
        {Use.FORMULA: Level.BAD, Use.PREDICTED: Level.BAD, Use.UPLIFT: Level.BAD, Use.COHORTS: Level.CARE, Use.CAC: Level.CARE},
        history_days,
    ),
    Check(
        "buyers", Group.HISTORY, _("How many customers are there to learn from?"),
        {"": _("Customers with orders: %(customers)s; with more than one: %(again)s (%(share)s).")},
        _("Import the orders of more customers, or wait: what few customers did is chance."),
        {Use.PREDICTED: Level.BAD, Use.UPLIFT: Level.BAD, Use.RECOMMENDATIONS: Level.BAD, Use.FORMULA: Level.CARE},
        buyers,
    ),
    Check(
        "freshness", Group.HISTORY, _("Do orders still arrive?"),
        {"": _("Last order: %(last)s. Days since then: %(days)s.")},
        _("Look at the till’s export or the shop’s connection: values are as of the last order."),
        {Use.PREDICTED: Level.CARE, Use.RECOMMENDATIONS: Level.CARE, Use.UPLIFT: Level.CARE},
        freshness,
    ),
    Check(
        "left_truncation", Group.HISTORY, _("Do the data begin with the customers, or in their midst?"),
        {"": _("First seen within the first %(days)s days: %(count)s of %(whole)s customers (%(share)s).")},
        _(
            "Left-truncated: these customers very likely came before the data begin, so nobody knows when they were won. Import "
            "older orders, or look only at customers who came later."
        ),
        {Use.COHORTS: Level.BAD, Use.CAC: Level.BAD, Use.PREDICTED: Level.CARE, Use.FORMULA: Level.CARE},
        left_truncation,
    ),
    Check(
        "empty_days", Group.HISTORY, _("Are there days without orders that should have some?"),
        {"": _("Days without an order, against their weekday: %(count)s of %(whole)s (%(share)s); in a row: %(longest)s.")},
        _("Was the shop closed? If not, the export of these days is missing: import it."),
        {Use.HISTORY: Level.CARE, Use.FORMULA: Level.CARE, Use.PREDICTED: Level.CARE, Use.UPLIFT: Level.CARE},
        empty_days,
    ),
    Check(
        "weak_days", Group.HISTORY, _("Are there days with suspiciously few orders?"),
        {"": _("Days with less than a quarter of the orders usual on their weekday: %(count)s of %(whole)s (%(share)s).")},
        _("Compare these days with the till’s own totals: part of them may be missing."),
        {Use.HISTORY: Level.CARE, Use.PREDICTED: Level.CARE},
        weak_days,
    ),
)  # fmt: skip
