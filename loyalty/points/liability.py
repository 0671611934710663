"""
What a program owes its members, as of any instant, with what is expected never to be redeemed (breakage).

A wallet's liability is the points that are still expected to be redeemed, at the value of a point. Its deferred revenue
is the part of what orders cost that belongs to them, see `valuation`.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import add_months, midnight
from customers.core.errors import DomainError, Kind
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.points.allocation import PRICED, policies, pricing
from loyalty.points.books import Side, WalletBooks, books
from loyalty.points.ends import ENDS_AT
from loyalty.points.statement import Clock
from loyalty.points.valuation import Curve
from loyalty.programs.models import Program

MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
MIN_YEAR, MAX_YEAR = 1900, 2999
TEN_THOUSANDTH = Decimal("0.0001")


class NotAMonth(DomainError):
    """What edges say of a text for which there is no `month_of`."""

    code = "not_a_month"
    kind = Kind.INVALID
    message = _("“{text}” is not a month such as 2026-10.")


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

    Points of one month are expected to be redeemed alike, so each lot has its share of what is expected of its month.

    :param member: the member's number
    :param order: the number of the order that paid for it, also where it was transferred; empty for what no order gave
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


def owed(program: Program, *, at: datetime, clock: Clock = Clock.RECORDED) -> list[Owed]:
    """
    Return what is owed in each wallet whose points have a value, as of an instant.

    :param clock: by when things were recorded (what the books knew then), or by when they occurred
    """
    found = books(program, since=at, until=at, clock=clock)
    return [owed_in(each.wallet, each.after, program.retailer.currency) for each in found if each.after.cohorts]


def owed_in(wallet: str, side: Side, currency: str) -> Owed:
    """Return what is owed in a wallet whose points are known, in the decimals of a currency."""
    pending, available, held = (
        sum(getattr(each, name) for each in side.cohorts.values()) for name in ("pending", "available", "held")
    )
    expected, worth = side.expected, side.estimate.point_value
    amounts = ((pending + available + held) * worth, expected * worth, side.deferred)
    money = (to_unit(each, currency) for each in amounts)
    return Owed(wallet, pending, available, held, expected.quantize(TEN_THOUSANDTH), *money)


def owed_by_lot(program: Program, *, at: datetime, clock: Clock = Clock.RECORDED) -> list[LotOwed]:
    """Return what is owed of each lot in which something is open as of an instant, the oldest first."""
    found = books(program, since=at, until=at, clock=clock)
    curves = {each.wallet: each.after.estimate.curve for each in found}
    parameters = pricing(program, policies(program, at, clock), curves) | _cohorts(found)
    parameters |= {"retailer": program.retailer_id, "zone": program.zone, "at": at}
    return [LotOwed(*row) for row in bulk.fetch(OWED_BY_LOT.format(clock=clock.value), parameters)]


def has_value(program: Program, *, at: datetime) -> bool:
    """Tell whether any wallet of a program says by an instant what a point is worth."""
    return bool(policies(program, at, Clock.OCCURRED))


def redemption_curve(program: Program, wallet: str, *, at: datetime, clock: Clock = Clock.RECORDED) -> Curve:
    """Return how much of what is open in a wallet is redeemed in the end, as history until an instant tells."""
    found = books(program, since=at, until=at, clock=clock)
    return next((each.after.estimate.curve for each in found if each.wallet == wallet), Curve())


def month_of(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """
    Return the first instants of a month such as 2026-10 and of the next one, in a zone.

    :raises ValueError: when it is none, or of another millennium
    """
    if MONTH.fullmatch(text) is None or not MIN_YEAR <= int(text[:4]) <= MAX_YEAR:
        raise ValueError(text)
    return instants_of(date(int(text[:4]), int(text[5:]), 1), zone)


def instants_of(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first instants of a month and of the next one, in a zone."""
    return midnight(month, zone), midnight(add_months(month, 1), zone)


def _cohorts(found: Iterable[WalletBooks]) -> dict[str, Any]:
    """Return what each cohort is expected to redeem and has deferred, column by column."""
    rows = [
        (each.wallet, *key, worth.point_value, worth.expected(cohort, age), worth.deferred(cohort, age), cohort.open)
        for each in found
        for key, cohort in each.after.cohorts.items()
        for worth, age in ((each.after.estimate, each.after.age(key)),)
    ]
    names = ("codes", "earned", "are_paid", "worths", "expected", "deferred", "open")
    return dict(zip(names, ([row[place] for row in rows] for place in range(len(names))), strict=True))


OWED_BY_LOT = """
WITH entries AS MATERIALIZED (
    SELECT id FROM points_entry e WHERE e.retailer_id = %(retailer)s AND e.{clock} < %(at)s
), moved AS (
    SELECT m.lot_id,
        sum(CASE 'pending' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END)::bigint AS pending,
        sum(CASE 'available' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END)::bigint AS available,
        sum(CASE 'held' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END)::bigint AS held
    FROM entries e CROSS JOIN LATERAL (
        SELECT lot_id, from_state, to_state, amount FROM points_movement WHERE entry_id = e.id OFFSET 0
    ) AS m
    GROUP BY m.lot_id
), open_lots AS MATERIALIZED (
    SELECT m.*, m.pending + m.available + m.held AS open, w.code, s.number, o.id AS first_id, o.order_id, o.amount,
        l.earned_at, {ends_at} AS ends_at,
        date_trunc('month', o.earned_at AT TIME ZONE %(zone)s::text)::date AS earned
    FROM moved m
    CROSS JOIN LATERAL (SELECT * FROM points_lot WHERE id = m.lot_id OFFSET 0) AS l
    CROSS JOIN LATERAL (SELECT * FROM points_wallet WHERE id = l.wallet_id OFFSET 0) AS w
    CROSS JOIN LATERAL (SELECT number, program_id FROM memberships_membership WHERE id = w.membership_id OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT * FROM points_lot WHERE id = CASE WHEN l.origin_id IS NULL THEN l.id ELSE l.origin_id END OFFSET 0
    ) AS o
    WHERE m.pending + m.available + m.held > 0 AND s.program_id = %(program)s AND w.code = ANY(%(valued)s::text[])
), wanted AS (SELECT DISTINCT first_id AS lot_id FROM open_lots), {priced},
told AS (
    SELECT *, max(price) OVER (PARTITION BY first_id) * open / amount AS open_price FROM (
        SELECT first_id, open_lots.lot_id, code, number, order_id, amount, earned_at, ends_at, earned, pending, available,
            held, open, NULL::numeric AS price FROM open_lots
        UNION ALL
        SELECT lot_id, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, 0, 0, 0, 0, price FROM priced
    ) AS both_of
), weighed AS (
    SELECT *, sum(open_price) OVER (PARTITION BY code, earned, order_id IS NOT NULL) AS of_cohort
    FROM told WHERE lot_id IS NOT NULL
)
SELECT l.lot_id, l.code, l.number, coalesce(o.number, ''), l.earned_at, l.ends_at, l.pending, l.available, l.held,
    c.expected * l.open / c.open, l.open * c.worth, c.expected * l.open / c.open * c.worth,
    c.deferred * coalesce(l.open_price / nullif(l.of_cohort, 0), l.open::numeric / c.open)
FROM weighed l
LEFT JOIN LATERAL (SELECT number FROM customers_order WHERE id = l.order_id OFFSET 0) AS o ON true
JOIN unnest(%(codes)s::text[], %(earned)s::date[], %(are_paid)s::bool[], %(worths)s::numeric[], %(expected)s::numeric[],
    %(deferred)s::numeric[], %(open)s::bigint[]) AS c(code, earned, is_paid, worth, expected, deferred, open)
    ON c.code = l.code AND c.earned = l.earned AND c.is_paid = (l.order_id IS NOT NULL) AND c.open > 0
ORDER BY l.code, l.earned_at, l.lot_id
""".replace("{priced}", PRICED).replace("{ends_at}", ENDS_AT)
