"""
What a program owes its members: per lot, as of any instant, with what is expected never to be redeemed (breakage).

A lot's liability is the points of it that are still expected to be redeemed, at the value of a point. Its deferred
revenue is the part of its order's price that belongs to them: the price is divided between goods and points by their
stand-alone prices (IFRS 15, paragraphs 73-86 and B39-B43), and becomes revenue as points are redeemed or are no longer
expected to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import day_after, end_of_month, midnight
from customers.core.money import to_cents
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

NOTHING = Decimal(0)
MAX_MONTHS = 120
ENOUGH_POINTS = 1_000  # that were redeemed or expired: below that a share of them says nothing


@dataclass(frozen=True, slots=True)
class Owed:
    """
    What is owed in one wallet of a program.

    :param open: points that are pending, available or held
    :param expected: how many of them are expected to be redeemed
    :param value: open points at the value of a point, in the retailer's currency
    :param liability: the expected ones at that value
    :param deferred: the part of what orders cost that belongs to the expected ones
    """

    wallet: str
    pending: int
    available: int
    held: int
    expected: Decimal
    value: Decimal
    liability: Decimal
    deferred: Decimal

    @property
    def open(self) -> int:
        return self.pending + self.available + self.held

    @property
    def breakage(self) -> Decimal:
        """Return the value of what is expected never to be redeemed."""
        return self.value - self.liability


@dataclass(frozen=True, slots=True)
class LotOwed:
    """
    What is owed of one lot, unrounded: all lots of a wallet come to what `Owed` says of it.

    :param member: the member's number
    :param order: the order's number; empty for what no order gave
    """

    lot: UUID
    wallet: str
    member: str
    order: str
    earned_at: datetime
    expires_at: datetime | None
    pending: int
    available: int
    held: int
    expected: Decimal
    value: Decimal
    liability: Decimal
    deferred: Decimal


@dataclass(frozen=True, slots=True)
class Flow:
    """What one kind of event changed in a wallet's deferred revenue during a period."""

    wallet: str
    kind: str
    points: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """
    How much of what is open is redeemed in the end, by the age of its lot in months.

    :param shares: by age; the last one for all that are older
    :param observed: the points that ended, on which it rests
    """

    shares: tuple[Decimal, ...]
    observed: int


def owed(program: Program, *, at: datetime, clock: Clock = Clock.RECORDED) -> list[Owed]:
    """
    Return what is owed in each wallet whose points have a value, as of an instant.

    :param clock: by when things were recorded (what the books knew then), or by when they occurred
    """
    rows = bulk.fetch(OWED.format(lots=LOTS.format(clock=clock.value)), _parameters(program, at, clock))
    return [
        Owed(wallet, pending, available, held, Decimal(expected), *map(to_cents, money))
        for wallet, pending, available, held, expected, *money in rows
    ]


def owed_by_lot(program: Program, *, at: datetime, clock: Clock = Clock.RECORDED) -> list[LotOwed]:
    """Return what is owed of each lot in which something is open as of an instant, the oldest first."""
    rows = bulk.fetch(OWED_BY_LOT.format(lots=LOTS.format(clock=clock.value)), _parameters(program, at, clock))
    return [LotOwed(*row) for row in rows]


def flows(program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED) -> list[Flow]:
    """Return what earning, gifts, returns and redemptions of a period changed, valued as the period's end expects."""
    parameters = _parameters(program, until, clock) | {"since": since}
    rows = bulk.fetch(FLOWS.format(lots=LOTS.format(clock=clock.value), clock=clock.value), parameters)
    return [Flow(wallet, kind, points, to_cents(amount)) for wallet, kind, points, amount in rows]


def redemption_curve(program: Program, wallet: str, *, at: datetime, clock: Clock = Clock.RECORDED) -> Curve:
    """
    Estimate from what was seen until an instant how much of an open point's kind is redeemed in the end.

    At each age some of what was still open was redeemed, some expired, and the rest went on: two risks that compete for
    a point (a cumulative incidence; Kalbfleisch and Prentice 2002, chapter 8). What is open now counts as long as it was
    seen. What no history tells is taken as redeemed: a liability is rather too large than too small.
    """
    parameters = {"program": program.pk, "wallet": wallet, "at": at}
    rows = {row[0]: row[1:] for row in bulk.fetch(ENDS.format(clock=clock.value), parameters)}
    months = [rows.get(age, (0, 0, 0, 0)) for age in range(min(max(rows, default=0), MAX_MONTHS) + 1)]
    redeemed, gone = sum(month[0] for month in months), sum(month[1] for month in months)
    if redeemed + gone < ENOUGH_POINTS:
        return Curve((Decimal(1),), int(redeemed + gone))
    share = Decimal(redeemed) / Decimal(redeemed + gone)
    shares: list[Decimal] = []
    at_risk = NOTHING
    for month_redeemed, month_expired, other, still_open in reversed(months):
        at_risk += month_redeemed + month_expired + still_open
        if at_risk > 0:
            go_on = (at_risk - month_redeemed - month_expired) / at_risk
            share = min(max(Decimal(month_redeemed) / at_risk + go_on * share, NOTHING), Decimal(1))
        at_risk += other
        shares.append(share)
    return Curve(tuple(reversed(shares)), int(redeemed + gone))


def _parameters(program: Program, at: datetime, clock: Clock) -> dict[str, Any]:
    """Return the parameters of the lots' SQL; the curves of all wallets stand one after the other."""
    wallets = [code for (code,) in bulk.fetch(WALLETS, [program.pk])]
    curves = {wallet: redemption_curve(program, wallet, at=at, clock=clock).shares for wallet in wallets}
    return {
        "program": program.pk,
        "at": at,
        "wallets": wallets,
        "starts": _starts([len(curves[wallet]) for wallet in wallets]),
        "lengths": [len(curves[wallet]) for wallet in wallets],
        "curve": [share for wallet in wallets for share in curves[wallet]],
    }


def _starts(lengths: Sequence[int]) -> list[int]:
    return [sum(lengths[:place]) for place in range(len(lengths))]


def month_of(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """
    Return the first instants of a month such as 2026-10 and of the next one, in a zone.

    :raises ValueError: when it is none
    """
    first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone, its midnights do
    return midnight(first, zone), midnight(day_after(end_of_month(first)), zone)


WALLETS = """
SELECT DISTINCT p.code FROM points_pointspolicy p JOIN programs_programversion v ON v.id = p.version_id
WHERE v.program_id = %s AND p.point_value IS NOT NULL ORDER BY 1
"""
# Each lot as it was, what a point of it is worth, and which part of that its order paid. A lot that was transferred has
# its origin's order. What is expected of it is the version's estimate of all of it less what was redeemed, or, by
# history, a share of what is open.
LOTS = """
moved AS (
    SELECT m.lot_id,
        sum(CASE 'pending' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS pending,
        sum(CASE 'available' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS available,
        sum(CASE 'held' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS held,
        sum(CASE 'redeemed' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS redeemed,
        sum(CASE WHEN m.to_state IN ('cancelled', 'transferred') THEN m.amount ELSE 0 END) AS undone
    FROM points_movement m JOIN points_entry e ON e.id = m.entry_id AND e.{clock} < %(at)s
    JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership s ON s.id = w.membership_id
    WHERE s.program_id = %(program)s GROUP BY m.lot_id
), valued AS (
    SELECT l.id, w.code, l.earned_at, l.amount, p.point_value, p.redeemed_share, coalesce(l.order_id, f.order_id) AS order_id,
        v.pending, v.available, v.held, v.redeemed, v.undone,
        coalesce(p.redeemed_share, (%(curve)s::numeric[])[c.start + 1]) AS share_at_birth,
        (%(curve)s::numeric[])[c.start + least(c.length,
            1 + greatest(0, floor(extract(epoch FROM %(at)s::timestamptz - l.earned_at) / 2629800)::int))] AS share_now
    FROM moved v JOIN points_lot l ON l.id = v.lot_id JOIN points_wallet w ON w.id = l.wallet_id
    JOIN points_pointspolicy p ON p.version_id = l.version_id AND p.code = w.code AND p.point_value IS NOT NULL
    JOIN unnest(%(wallets)s::text[], %(starts)s::int[], %(lengths)s::int[]) AS c(code, start, length) ON c.code = w.code
    LEFT JOIN points_lot f ON f.id = l.from_lot_id
), lots AS (
    SELECT v.*,
        CASE WHEN v.redeemed_share IS NULL THEN (v.pending + v.available + v.held) * v.share_now
            ELSE least(v.pending + v.available + v.held,
                greatest(0, v.redeemed_share * (v.amount - v.undone) - v.redeemed)) END AS expected,
        CASE WHEN o.id IS NULL THEN 1 ELSE (o.net_amount - o.paid_with_points) / nullif(o.net_amount - o.paid_with_points
            + sum(v.amount * v.point_value * v.share_at_birth) OVER (PARTITION BY v.order_id), 0) END AS factor
    FROM valued v LEFT JOIN customers_order o ON o.id = v.order_id
)
"""
OWED = """
WITH {lots}
SELECT code, sum(pending)::bigint, sum(available)::bigint, sum(held)::bigint, sum(expected),
    sum((pending + available + held) * point_value), sum(expected * point_value),
    sum(expected * point_value * coalesce(factor, 1))
FROM lots GROUP BY code ORDER BY code
"""
OWED_BY_LOT = """
WITH {lots}
SELECT l.id, l.code, s.number, coalesce(o.number, ''), l.earned_at,
    CASE WHEN d.slides THEN w.idle_until ELSE d.expires_at END, l.pending::bigint, l.available::bigint, l.held::bigint,
    l.expected, (l.pending + l.available + l.held) * l.point_value, l.expected * l.point_value,
    l.expected * l.point_value * coalesce(l.factor, 1)
FROM lots l JOIN points_lot d ON d.id = l.id JOIN points_wallet w ON w.id = d.wallet_id
JOIN memberships_membership s ON s.id = w.membership_id LEFT JOIN customers_order o ON o.id = l.order_id
WHERE l.pending + l.available + l.held > 0 ORDER BY l.code, l.earned_at, l.id
"""
FLOWS = """
WITH {lots}
SELECT code, kind, sum(amount)::bigint, sum(amount * per_point) FROM (
    SELECT l.code, CASE
            WHEN m.from_state = 'issued' AND l.order_id IS NOT NULL THEN 'earned'
            WHEN m.from_state = 'issued' THEN 'given'
            WHEN m.to_state = 'cancelled' THEN 'taken_back'
            WHEN m.to_state = 'redeemed' THEN 'redeemed'
            WHEN m.from_state = 'redeemed' THEN 'restored'
            WHEN m.to_state = 'expired' THEN 'expired' END AS kind,
        m.amount, l.point_value * coalesce(l.factor, 1) * CASE
            WHEN m.to_state = 'redeemed' OR m.from_state = 'redeemed' THEN 1
            WHEN m.to_state = 'expired' THEN 0
            ELSE l.share_at_birth END AS per_point
    FROM lots l JOIN points_movement m ON m.lot_id = l.id
    JOIN points_entry e ON e.id = m.entry_id AND e.{clock} >= %(since)s AND e.{clock} < %(at)s
    JOIN points_lot o ON o.id = l.id
    WHERE NOT (m.from_state = 'issued' AND o.from_lot_id IS NOT NULL)
) AS changes WHERE kind IS NOT NULL GROUP BY code, kind ORDER BY code, kind
"""
# By age in months: what was redeemed, what expired, what left otherwise, and what is open at its present age.
ENDS = """
WITH lots AS (
    SELECT l.id, l.earned_at FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id AND w.code = %(wallet)s
    JOIN memberships_membership s ON s.id = w.membership_id AND s.program_id = %(program)s
), moves AS (
    SELECT l.id, l.earned_at, e.occurred_at, m.from_state, m.to_state, m.amount
    FROM lots l JOIN points_movement m ON m.lot_id = l.id
    JOIN points_entry e ON e.id = m.entry_id AND e.{clock} < %(at)s
), ends AS (
    SELECT earned_at, occurred_at AS seen_at,
        CASE 'redeemed' WHEN to_state THEN amount WHEN from_state THEN -amount ELSE 0 END AS redeemed,
        CASE 'expired' WHEN to_state THEN amount WHEN from_state THEN -amount ELSE 0 END AS expired,
        CASE WHEN to_state IN ('cancelled', 'transferred') THEN amount ELSE 0 END AS other, 0::bigint AS still_open
    FROM moves
    UNION ALL
    SELECT earned_at, %(at)s, 0, 0, 0, sum(CASE WHEN to_state IN ('pending', 'available', 'held') THEN amount ELSE 0 END
        - CASE WHEN from_state IN ('pending', 'available', 'held') THEN amount ELSE 0 END)
    FROM moves GROUP BY id, earned_at
)
SELECT greatest(0, floor(extract(epoch FROM seen_at - earned_at) / 2629800))::int, sum(redeemed)::bigint,
    sum(expired)::bigint, sum(other)::bigint, sum(still_open)::bigint
FROM ends GROUP BY 1
"""
