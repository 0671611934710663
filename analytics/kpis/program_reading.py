"""What programs gave and cost in each period, by when it occurred: points of all programs of a retailer, and what is owed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Sum

from analytics.kpis.reading import Asked
from analytics.statistics import give_memory
from customers.core import bulk
from customers.core.calendar import add_months, day_before, midnight
from customers.models import Retailer
from loyalty.points.models import ClosedMonth
from loyalty.programs.models import Program

# Each net of what was undone: points taken back were not given, those of an undone redemption are not redeemed. What was
# transferred was given once. A lot that came from no other one was earned when its entry occurred: what was given is read of lots
# alone. Other movements are few, and fewer are their entries: these are looked up, each once.
ISSUED = """
SELECT width_bucket(earned_at, %(instants)s::timestamptz[]), sum(amount)::bigint FROM points_lot
WHERE retailer_id = %(retailer)s AND from_lot_id IS NULL AND earned_at >= %(first)s AND earned_at < %(last)s GROUP BY 1
"""
ENDED = """
WITH ended AS (
    SELECT entry_id, coalesce(sum(amount) FILTER (WHERE to_state = 'cancelled'), 0) AS cancelled,
        sum(CASE 'redeemed' WHEN to_state THEN amount WHEN from_state THEN -amount ELSE 0 END) AS redeemed,
        sum(CASE 'expired' WHEN to_state THEN amount WHEN from_state THEN -amount ELSE 0 END) AS expired
    FROM points_movement
    WHERE retailer_id = %(retailer)s
        AND (to_state IN ('cancelled', 'redeemed', 'expired') OR from_state IN ('redeemed', 'expired'))
    GROUP BY 1
)
SELECT width_bucket(e.occurred_at, %(instants)s::timestamptz[]), sum(m.cancelled)::bigint, sum(m.redeemed)::bigint,
    sum(m.expired)::bigint
FROM ended m CROSS JOIN LATERAL (SELECT occurred_at FROM points_entry e WHERE e.id = m.entry_id OFFSET 0) e
WHERE e.occurred_at >= %(first)s AND e.occurred_at < %(last)s GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Points:
    """Points that were given, redeemed, and that expired in a period, each net of what was undone."""

    issued: int
    redeemed: int
    expired: int


def points(asked: Asked) -> Mapping[date, Points]:
    """
    Return what happened to points, by the first day of the period.

    It reads most of the ledger: summed by hashing, also where the planner does not know yet how large that is.
    """
    starts = asked.starts
    instants = [midnight(each, asked.retailer.tzinfo) for each in starts]
    with transaction.atomic():
        give_memory()
        given = asked.parameters | {"instants": instants}
        issued = dict(bulk.fetch_planned(ISSUED, given))
        ended = {place: rest for place, *rest in bulk.fetch_planned(ENDED, given)}
    found = {}
    for place in issued.keys() | ended.keys():
        cancelled, redeemed, expired = ended.get(place, (0, 0, 0))
        found[starts[place - 1]] = Points(issued.get(place, 0) - cancelled, redeemed, expired)
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
