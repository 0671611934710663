"""Members with a tier within reach or at risk: what counts for them is added up by one statement, and judged by the scheme."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import day_before
from customers.core.values import dataclass
from loyalty.activity.arms import load_arms
from loyalty.activity.versions import versions_of_program
from loyalty.campaigns.rules.tier_gaps import HAVE_AN_END, PERCENT, TierGap, TierMember, at_risk, within_reach
from loyalty.campaigns.rules.triggers import parameter
from loyalty.engine.arms import NO_ARMS
from loyalty.engine.versions import Version, Versions
from loyalty.programs.models import Program
from loyalty.tiers.loading import COUNTED_BALANCE
from loyalty.tiers.rules import Counts, Standing, TierScheme
from loyalty.tiers.state import SCHEME

REACH, RISK = "tier_within_reach", "tier_at_risk"
NO_TIER = UUID(int=0)
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
BOUNDS = """JOIN (
    SELECT unnest(%(keys)s::uuid[]) AS key, unnest(%(lows)s::numeric[]) AS low, unnest(%(highs)s::numeric[]) AS high
) b ON b.key = coalesce(m.key, '00000000-0000-0000-0000-000000000000'::uuid)"""
ENDING = "t.id IS NOT NULL AND g.protected_until > %(day)s AND g.protected_until <= %(latest)s"


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


def gaps(
    program: Program, trigger: Mapping[str, Any], when: When, *, only: Sequence[UUID] | None = None
) -> Iterator[tuple[UUID, int, TierGap]]:
    """
    Yield the customers of a program for whom a trigger about tiers holds, with the version and what is missing.

    :param only: of these customers; of all where it is None
    """
    versions = versions_of_program(program.pk)
    version = versions.at(when.at)
    if version is None or not version.of(SCHEME).tiers:
        return
    rows = _rows(program, version, trigger, when, only)
    scheme_of = _schemes(versions, when.at, [row[0] for row in rows])
    for customer, key, since, ends, joined, *counted in rows:
        member = TierMember(Standing(key, ends), joined, since, Counts(*counted))
        found = _judge(scheme_of(customer), trigger, member, when.day)
        if found is not None:
            yield customer, version.version_id, found


def _judge(scheme: TierScheme, trigger: Mapping[str, Any], member: TierMember, day: date) -> TierGap | None:
    if trigger["kind"] == REACH:
        return within_reach(scheme, member, day=day, percent=parameter(trigger, "percent"))
    return at_risk(scheme, member, day=day, days=parameter(trigger, "days"))


def _schemes(versions: Versions, at: datetime, customers: Sequence[UUID]) -> Callable[[UUID], TierScheme]:
    """Return how a customer's own scheme is found: experiments may divide a program's members."""
    arms = load_arms(versions, customers)

    def scheme_of(customer: UUID) -> TierScheme:
        version = versions.of_arms(arms.get(customer, NO_ARMS)).at(at)
        assert version is not None, "it is in force for all"
        return version.of(SCHEME)

    return scheme_of


def _rows(
    program: Program, version: Version, trigger: Mapping[str, Any], when: When, only: Sequence[UUID] | None
) -> list[tuple[Any, ...]]:
    scheme = version.of(SCHEME)
    given: dict[str, Any] = {
        "program": program.pk, "zone": str(version.zone), "only": None if only is None else list(only),
        "wallet": scheme.wallet, "months": scheme.window_months, "day": when.day, "until": when.until,
    }  # fmt: skip
    parts = {
        "window": WINDOWS[scheme.window],
        "balance": COUNTED_BALANCE.format(w="w"),
        "bounds": "",
        "enough": "true",
        "whose": "true",
        "on_date": "%(day)s::date",
    }
    if trigger["kind"] == RISK:
        if scheme.downgrade not in HAVE_AN_END:
            return []
        given["latest"] = when.day + timedelta(days=parameter(trigger, "days"))
        last = "m.protected_until" if scheme.downgrade == "grace" else "m.protected_until - 1"
        parts |= {"whose": ENDING, "on_date": last}
    elif not scheme.named():  # all have the same tiers: most are left out before they are judged
        given |= _bounds(scheme, parameter(trigger, "percent"))
        counted = COUNTED[scheme.basis]
        parts |= {"bounds": BOUNDS, "enough": f"{counted} >= b.low AND {counted} < b.high"}
    return bulk.fetch_planned(MEMBERS.format(**parts), given)


def _bounds(scheme: TierScheme, percent: int) -> dict[str, list[Any]]:
    """Return, by the tier that a member has, how much counts at least and less than how much, with the next one in reach."""
    keys: list[UUID | None] = [None, *(tier.key for tier in scheme.tiers)]
    pairs = [(key or NO_TIER, above.threshold) for key in keys if (above := scheme.next_above(key)) is not None]
    share = Decimal(PERCENT - percent) / PERCENT
    return {
        "keys": [key for key, _ in pairs],
        "lows": [threshold * share for _, threshold in pairs],
        "highs": [threshold for _, threshold in pairs],
    }
