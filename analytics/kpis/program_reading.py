"""What programs gave and cost in each period, by when it occurred: points of all programs of a retailer, and what is owed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Sum

from analytics.kpis.points_days import ENDED, ISSUED, NOTHING
from analytics.kpis.reading import Asked
from analytics.statistics import give_memory
from customers.core import bulk
from customers.core.calendar import add_months, day_before, midnight
from customers.models import Retailer
from loyalty.points.models import ClosedMonth
from loyalty.programs.models import Program

SUMMED = """
SELECT m.until, d.place, d.issued, d.redeemed, d.expired FROM analytics_pointsmark m LEFT JOIN (
    SELECT width_bucket(day, %(starts)s::date[]) AS place, sum(issued)::bigint AS issued, sum(redeemed)::bigint AS redeemed,
        sum(expired)::bigint AS expired
    FROM analytics_pointsday WHERE retailer_id = %(retailer)s AND day >= %(begins)s AND day <= %(until)s GROUP BY 1
) d ON true
WHERE m.retailer_id = %(retailer)s AND m.zone = %(zone)s
"""
ISSUED_SINCE = ISSUED.format(
    at="width_bucket(l.earned_at, %(instants)s::timestamptz[])",
    lots="l.id >= %(mark)s AND l.earned_at >= %(first)s AND l.earned_at < %(last)s",
)
ENDED_SINCE = ENDED.format(
    at="width_bucket(e.occurred_at, %(instants)s::timestamptz[])",
    entries="m.entry_id >= %(mark)s",
    kept="e.occurred_at >= %(first)s AND e.occurred_at < %(last)s",
)


@dataclass(frozen=True, slots=True)
class Points:
    """Points that were given, redeemed, and that expired in a period, each net of what was undone."""

    issued: int
    redeemed: int
    expired: int

    def plus(self, other: "Points") -> "Points":
        """Return both together."""
        return Points(self.issued + other.issued, self.redeemed + other.redeemed, self.expired + other.expired)


def points(asked: Asked) -> Mapping[date, Points]:
    """
    Return what happened to points, by the first day of the period.

    Of what is old the sums of its days are read, of the rest the ledger: where nothing was summed yet that is all of it. Then it
    is summed by hashing, also where the planner does not know yet how large it is.
    """
    starts, parameters = asked.starts, asked.parameters
    instants = [midnight(each, asked.retailer.tzinfo) for each in starts]
    summed = bulk.fetch(SUMMED, parameters | {"begins": asked.since})
    parts = [(place, Points(*rest)) for _, place, *rest in summed if place is not None]
    given = parameters | {"instants": instants, "mark": summed[0][0] if summed else NOTHING}
    with transaction.atomic():
        give_memory()
        parts += [(place, Points(issued, 0, 0)) for place, issued in bulk.fetch_planned(ISSUED_SINCE, given)]
        parts += [(place, Points(-less, *rest)) for place, less, *rest in bulk.fetch_planned(ENDED_SINCE, given)]
    found: dict[date, Points] = {}
    for place, each in parts:
        start = starts[place - 1]
        found[start] = found.get(start, Points(0, 0, 0)).plus(each)
    return found


def liabilities(retailer: Retailer) -> Mapping[date, float]:
    """
    Return what all programs owe their members, by the last day of a month that was closed.

    A month that a program has still to close is none: what the others owe is not the whole.
    """
    rows = ClosedMonth.objects.filter(retailer=retailer).values("program", "month").annotate(owed=Sum("liability"))
    by_month: dict[date, dict[int, float]] = {}
    for row in rows.order_by("month"):
        by_month.setdefault(row["month"], {})[row["program"]] = float(row["owed"])
    begun: set[int] = set()
    found = {}
    for month, owed in by_month.items():
        begun |= owed.keys()
        if owed.keys() == begun:
            found[day_before(add_months(month, 1))] = sum(owed.values())
    return found


def programs_of(retailer: Retailer) -> list[Program]:
    """Return a retailer's programs, the oldest first."""
    return list(Program.objects.filter(retailer=retailer).select_related("retailer").order_by("pk"))
