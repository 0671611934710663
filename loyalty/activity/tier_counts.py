"""What counts towards tiers for all members of a program, added up by one statement; each member is judged by its own scheme."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import day_before
from customers.core.values import dataclass
from loyalty.activity.arms import load_arms
from loyalty.engine.arms import NO_ARMS
from loyalty.engine.versions import Version, Versions
from loyalty.programs.models import Program
from loyalty.tiers.loading import COUNTED_BALANCE
from loyalty.tiers.rules import TierScheme
from loyalty.tiers.state import SCHEME

YEARS = "(extract(year FROM k.on_date) - extract(year FROM m.joined))::int"
THIS_YEAR = f"(m.joined + make_interval(years => {YEARS}))::date"
LAST_YEAR = f"(m.joined + make_interval(years => {YEARS} - 1))::date"
# The first day that counts on a day, as `window_start` of the tiers' rules says it; both clamp the 29th of February.
WINDOWS: Mapping[str, str] = {
    "calendar_year": "date_trunc('year', k.on_date)::date",
    "membership_year": f"CASE WHEN {THIS_YEAR} <= k.on_date THEN {THIS_YEAR} ELSE {LAST_YEAR} END",
    "rolling": "(k.on_date - make_interval(months => %(months)s))::date + 1",
    "lifetime": "'0001-01-01'::date",
}
COUNTED: Mapping[str, str] = {
    "spend": "c.spend", "orders": "c.orders", "visits": "c.visits", "points": "p.points", "balance": "p.balance"
}  # fmt: skip
MEMBERS = """
SELECT m.customer_id, m.key, m.since, m.protected_until, m.joined, c.spend, p.points::bigint, c.orders::int, c.visits::int,
    p.balance
FROM (
    SELECT s.id, s.customer_id, (s.enrolled_at AT TIME ZONE %(zone)s)::date AS joined, t.key, g.protected_until,
        (coalesce(g.since, s.enrolled_at) AT TIME ZONE %(zone)s)::date AS since
    FROM memberships_membership s
    LEFT JOIN tiers_standing g ON g.membership_id = s.id LEFT JOIN tiers_tier t ON t.id = g.tier_id
    WHERE s.program_id = %(program)s AND s.left_at IS NULL
        AND (%(only)s::uuid[] IS NULL OR s.customer_id = ANY(%(only)s::uuid[])) AND {whose}
) m
{bounds}
CROSS JOIN LATERAL (SELECT {on_date} AS on_date) k
CROSS JOIN LATERAL (SELECT {window} AS first) f
CROSS JOIN LATERAL (
    SELECT coalesce(sum(d.spend), 0) AS spend, coalesce(sum(d.orders), 0) AS orders, coalesce(sum(d.visits), 0) AS visits
    FROM points_wallet w JOIN points_qualifyingday d ON d.wallet_id = w.id
    WHERE w.membership_id = m.id AND w.code = 'points' AND d.on_date >= f.first AND d.on_date <= %(until)s
) c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(d.points), 0) AS points, greatest(coalesce(max({balance}), 0), 0) AS balance
    FROM points_wallet w
    LEFT JOIN points_qualifyingday d ON d.wallet_id = w.id AND d.on_date >= f.first AND d.on_date <= %(until)s
    WHERE w.membership_id = m.id AND w.code = %(wallet)s
) p
WHERE {enough}
"""
ALL_MEMBERS: Mapping[str, str] = {"bounds": "", "enough": "true", "whose": "true", "on_date": "%(day)s::date"}


@dataclass(frozen=True, slots=True)
class When:
    """
    On which day members are looked at.

    :param day: on which it has to be true
    :param until: the last day of which everything counts: the one before at its midnight, itself later on it
    :param at: whose version is in force
    """

    day: date
    until: date
    at: datetime

    @classmethod
    def midnight(cls, day: date, at: datetime) -> "When":
        return cls(day, day_before(day), at)


def members_sql(scheme: TierScheme, **parts: str) -> str:
    """Return the statement of members with what counts for each; `parts` say which, and on which day each is looked at."""
    balance = COUNTED_BALANCE.format(w="w")
    return MEMBERS.format(window=WINDOWS[scheme.window], balance=balance, **{**ALL_MEMBERS, **parts})


def given_for(program: Program, version: Version, when: When, only: Sequence[UUID] | None = None) -> dict[str, Any]:
    """Return what that statement names. :param only: these customers; all if None"""
    scheme = version.of(SCHEME)
    return {
        "program": program.pk, "zone": str(version.zone), "only": None if only is None else list(only),
        "wallet": scheme.wallet, "months": scheme.window_months, "day": when.day, "until": when.until,
    }  # fmt: skip


def schemes_of(versions: Versions, at: datetime, customers: Sequence[UUID]) -> Callable[[UUID], TierScheme]:
    """Return how a customer's own scheme is found: experiments may divide a program's members."""
    arms = load_arms(versions, customers)

    def scheme_of(customer: UUID) -> TierScheme:
        version = versions.of_arms(arms.get(customer, NO_ARMS)).at(at)
        assert version is not None, "it is in force for all"
        return version.of(SCHEME)

    return scheme_of
