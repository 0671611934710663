"""What programs gave and cost in each period, by when it occurred: points of all programs of a retailer, and what is owed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Sum

from analytics.kpis.reading import Asked
from analytics.statistics import give_memory
from customers.core import bulk
from customers.core.calendar import add_months, day_before
from customers.models import Retailer
from loyalty.points.models import ClosedMonth
from loyalty.programs.models import Program

# Each net of what was undone: points taken back were not given, those of an undone redemption are not redeemed. What was
# transferred was given once.
POINTS = """
SELECT date_trunc(%(grain)s, e.occurred_at AT TIME ZONE %(zone)s)::date,
    coalesce(sum(m.amount) FILTER (WHERE m.from_state = 'issued' AND l.id IS NULL), 0)::bigint
        - coalesce(sum(m.amount) FILTER (WHERE m.to_state = 'cancelled'), 0)::bigint,
    sum(CASE 'redeemed' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END)::bigint,
    sum(CASE 'expired' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END)::bigint
FROM points_entry e JOIN points_movement m ON m.entry_id = e.id LEFT JOIN points_lot l ON l.id = m.lot_id
    AND l.retailer_id = %(retailer)s AND l.from_lot_id IS NOT NULL
WHERE e.retailer_id = %(retailer)s AND m.retailer_id = %(retailer)s AND e.occurred_at >= %(first)s AND e.occurred_at < %(last)s
    AND (m.from_state = 'issued' OR m.to_state IN ('cancelled', 'redeemed', 'expired') OR m.from_state IN ('redeemed', 'expired'))
GROUP BY 1
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

    It reads most of the ledger: joined by hashing, also where the planner does not know yet how large that is.
    """
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch_planned(POINTS, asked.parameters)
    return {period: Points(*rest) for period, *rest in rows}


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
