"""Members with a tier within reach or at risk: what counts for them is added up by one statement, and judged by the scheme."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.activity.tier_counts import COUNTED, When, given_for, members_sql, schemes_of
from loyalty.activity.versions import versions_of_program
from loyalty.campaigns.rules.tier_gaps import HAVE_AN_END, PERCENT, TierGap, TierMember, at_risk, within_reach
from loyalty.campaigns.rules.triggers import parameter
from loyalty.engine.versions import Version
from loyalty.programs.models import Program
from loyalty.tiers.rules import Counts, Standing, TierScheme
from loyalty.tiers.state import SCHEME

REACH, RISK = "tier_within_reach", "tier_at_risk"
NO_TIER = UUID(int=0)
BOUNDS = """JOIN (
    SELECT unnest(%(keys)s::uuid[]) AS key, unnest(%(lows)s::numeric[]) AS low, unnest(%(highs)s::numeric[]) AS high
) b ON b.key = CASE WHEN m.key IS NULL THEN '00000000-0000-0000-0000-000000000000'::uuid ELSE m.key END"""
ENDING = "t.id IS NOT NULL AND g.protected_until > %(day)s AND g.protected_until <= %(latest)s"


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
    scheme_of = schemes_of(versions, when.at, [row[0] for row in rows])
    for customer, key, since, ends, joined, *counted in rows:
        member = TierMember(Standing(key, ends), joined, since, Counts(*counted))
        found = _judge(scheme_of(customer), trigger, member, when.day)
        if found is not None:
            yield customer, version.version_id, found


def _judge(scheme: TierScheme, trigger: Mapping[str, Any], member: TierMember, day: date) -> TierGap | None:
    if trigger["kind"] == REACH:
        return within_reach(scheme, member, day=day, percent=parameter(trigger, "percent"))
    return at_risk(scheme, member, day=day, days=parameter(trigger, "days"))


def _rows(
    program: Program, version: Version, trigger: Mapping[str, Any], when: When, only: Sequence[UUID] | None
) -> list[tuple[Any, ...]]:
    scheme = version.of(SCHEME)
    given = given_for(program, version, when, only)
    parts: dict[str, str] = {}
    if trigger["kind"] == RISK:
        if scheme.downgrade not in HAVE_AN_END:
            return []
        given["latest"] = when.day + timedelta(days=parameter(trigger, "days"))
        last = "m.protected_until" if scheme.downgrade == "grace" else "m.protected_until - 1"
        parts = {"whose": ENDING, "on_date": last}
    elif not scheme.named():  # all have the same tiers: most are left out before they are judged
        given |= _bounds(scheme, parameter(trigger, "percent"))
        counted = COUNTED[scheme.basis]
        parts = {"bounds": BOUNDS, "enough": f"{counted} >= b.low AND {counted} < b.high"}
    return bulk.fetch_planned(members_sql(scheme, **parts), given)


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
