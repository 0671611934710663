"""What happened to a program's points between two instants, added up in the database: reads only."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.points.allocation import PRICED, Policy, pricing
from loyalty.points.models import ClosedMonth
from loyalty.points.statement import Clock
from loyalty.points.valuation import Cohort, CohortKey, Curve, Ends, months_between
from loyalty.programs.models import Program

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """
    What happened in some month to the points of one key.

    :param happened: the first day of the month in which it occurred, in the program's zone
    :param in_month: False for what was before the instants that are asked about
    :param change: net of what was undone
    :param redeemed: and `restored`: both ways of what `change` has net
    :param price_issued: allocated to what was issued; `price_cancelled`: to what was taken back
    """

    wallet: str
    key: CohortKey
    happened: date
    in_month: bool
    change: Cohort
    redeemed: int
    restored: int
    price_issued: Decimal
    price_cancelled: Decimal

    @property
    def ends(self) -> tuple[int, Ends]:
        """Return at which age how many points ended."""
        age = months_between(self.key.earned, self.happened)
        return age, Ends(self.change.redeemed, self.change.expired, self.change.cancelled)


@dataclass(frozen=True, slots=True)
class BookPeriod:
    """Between which instants, and by which clock."""

    program: Program
    since: datetime
    until: datetime
    clock: Clock

    @property
    def months(self) -> tuple[date, date]:
        """Return the months to which both instants belong: an instant belongs to what is before it."""
        zone = self.program.tzinfo
        since, until = (local_date(at - TICK, zone).replace(day=1) for at in (self.since, self.until))
        return since, until


def scan(
    period: BookPeriod, known: Mapping[str, Policy], bases: Mapping[str, ClosedMonth], curves: Mapping[str, Curve]
) -> dict[str, list[Change]]:
    """
    Add up movements, by the month in which their points were earned and the one in which they occurred.

    One statement for all wallets that were closed last at the same instant; of others all history is read.

    :param bases: the closed month of each wallet after which to begin
    :param curves: by which history's share is taken where it prices an order's points
    """
    found: dict[str, list[Change]] = {code: [] for code in known}
    starts: dict[datetime | None, list[str]] = {}
    for code in known:
        starts.setdefault(bases[code].ends_at if code in bases else None, []).append(code)
    parameters = pricing(period.program, known, curves) | {
        "retailer": period.program.retailer_id,
        "zone": period.program.zone,
        "since": period.since,
        "until": period.until,
    }
    for start, codes in starts.items():
        sql = CHANGES.format(clock=period.clock.value, since_base="AND e.recorded_at >= %(base)s" if start else "")
        base = {"base": start} if start else {}
        for row in bulk.fetch(sql, parameters | {"codes": codes} | base):
            change = _change(row)
            found[change.wallet].append(change)
    return found


def _change(row: Sequence[Any]) -> Change:
    wallet, earned, is_paid, in_month, happened, issued, cancelled, redeemed, restored, expired, *rest = row
    pending, available, held, price_issued, price_cancelled = rest
    change = Cohort(
        issued, cancelled, redeemed - restored, expired, pending, available, held, price_issued - price_cancelled
    )
    key = CohortKey(earned, is_paid)
    return Change(wallet, key, happened, in_month, change, redeemed, restored, price_issued, price_cancelled)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many entries of a wallet were recorded in a month, and when the last of them occurred."""

    entries: int
    occurred_through: datetime


def recorded(program: Program, since: datetime, until: datetime) -> dict[str, Recorded]:
    """Return what was recorded between two instants, by wallet."""
    parameters = {"program": program.pk, "retailer": program.retailer_id, "since": since, "until": until}
    return {code: Recorded(*rest) for code, *rest in bulk.fetch(RECORDED, parameters)}


# Each movement counts for the lot from which its points came first: a transfer moves nothing between months of earning.
CHANGES = """
WITH entries AS MATERIALIZED (
    SELECT id, wallet_id, occurred_at, {clock} >= %(since)s AS in_month FROM points_entry e
    WHERE e.retailer_id = %(retailer)s AND e.{clock} < %(until)s {since_base}
), happened AS MATERIALIZED (
    SELECT coalesce(l.origin_id, l.id) AS lot_id, w.code, e.in_month,
        date_trunc('month', e.occurred_at AT TIME ZONE %(zone)s::text)::date AS month,
        sum(CASE WHEN m.from_state = 'issued' AND l.from_lot_id IS NULL THEN m.amount ELSE 0 END) AS issued,
        sum(CASE 'cancelled' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS cancelled,
        sum(CASE WHEN m.to_state = 'redeemed' THEN m.amount ELSE 0 END) AS redeemed,
        sum(CASE WHEN m.from_state = 'redeemed' THEN m.amount ELSE 0 END) AS restored,
        sum(CASE 'expired' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS expired,
        sum(CASE 'pending' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS pending,
        sum(CASE 'available' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS available,
        sum(CASE 'held' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS held
    FROM entries e
    CROSS JOIN LATERAL (SELECT code, membership_id FROM points_wallet WHERE id = e.wallet_id OFFSET 0) AS w
    CROSS JOIN LATERAL (SELECT program_id FROM memberships_membership WHERE id = w.membership_id OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT lot_id, from_state, to_state, amount FROM points_movement WHERE entry_id = e.id OFFSET 0
    ) AS m
    CROSS JOIN LATERAL (SELECT id, origin_id, from_lot_id FROM points_lot WHERE id = m.lot_id OFFSET 0) AS l
    WHERE w.code = ANY(%(codes)s::text[]) AND s.program_id = %(program)s
    GROUP BY 1, 2, 3, 4
), wanted AS (SELECT DISTINCT lot_id FROM happened WHERE issued <> 0 OR cancelled <> 0), {priced},
told AS (
    SELECT *, max(price) OVER (PARTITION BY lot_id) AS of_lot FROM (
        SELECT *, NULL::numeric AS price FROM happened
        UNION ALL
        SELECT lot_id, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, price FROM priced
    ) AS both_of
)
SELECT h.code, date_trunc('month', l.earned_at AT TIME ZONE %(zone)s::text)::date, l.order_id IS NOT NULL,
    h.in_month, h.month, sum(h.issued)::bigint, sum(h.cancelled)::bigint, sum(h.redeemed)::bigint,
    sum(h.restored)::bigint, sum(h.expired)::bigint, sum(h.pending)::bigint, sum(h.available)::bigint,
    sum(h.held)::bigint, coalesce(sum(h.issued * h.of_lot / l.amount), 0),
    coalesce(sum(h.cancelled * h.of_lot / l.amount), 0)
FROM told h
CROSS JOIN LATERAL (SELECT earned_at, order_id, amount FROM points_lot WHERE id = h.lot_id OFFSET 0) AS l
WHERE h.code IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
""".replace("{priced}", PRICED)
RECORDED = """
WITH entries AS MATERIALIZED (
    SELECT wallet_id, count(*) AS entries, max(occurred_at) AS occurred_through FROM points_entry
    WHERE retailer_id = %(retailer)s AND recorded_at >= %(since)s AND recorded_at < %(until)s GROUP BY wallet_id
)
SELECT w.code, sum(e.entries)::bigint, max(e.occurred_through) FROM entries e
CROSS JOIN LATERAL (SELECT code, membership_id FROM points_wallet WHERE id = e.wallet_id OFFSET 0) AS w
CROSS JOIN LATERAL (SELECT program_id FROM memberships_membership WHERE id = w.membership_id OFFSET 0) AS s
WHERE s.program_id = %(program)s GROUP BY w.code
"""
