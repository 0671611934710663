"""Members' progress, read with them, and past windows, awards and segments, where a batch looks at them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.badges.reading import read_progress, read_state
from loyalty.badges.state import BADGES, GAME, BadgeState, HeldAward, Place
from loyalty.engine.activities import Activity, ChallengeJoined, OrderCorrected, OrderReturned
from loyalty.engine.capability import Joined, Scope
from loyalty.engine.versions import Versions
from loyalty.memberships.profiles import profiles_of

PROGRESS = Joined(
    columns=("(SELECT state::text FROM badges_memberprogress WHERE membership_id = m.id)",),
    joins="",
)
AWARDS = """
SELECT a.membership_id, a.id, a.name, a.window_name, a.number, c.version_id, a.comes_back, a.badge_key, a.wallet, a.points,
    a.badge_from
FROM badges_challengeaward a JOIN badges_challenge c ON c.id = a.challenge_id
WHERE a.membership_id = ANY(%s) AND a.ended_at IS NULL ORDER BY a.id
"""
PAST = """
SELECT p.membership_id, p.name, p.window_name, p.state::text FROM badges_pastwindow p
JOIN unnest(%s::uuid[], %s::date[]) AS n(membership_id, first) ON n.membership_id = p.membership_id AND p.last_day >= n.first
"""
JOINED = """
SELECT m.id, coalesce(u.merged_into_id, u.id), j.key, j.value::timestamptz FROM badges_memberprogress b
JOIN memberships_membership m ON m.id = b.membership_id JOIN customers_customer u ON u.id = m.customer_id,
    jsonb_each_text(b.state->'j') j
WHERE m.program_id = %s AND (m.customer_id = ANY(%s) OR u.merged_into_id = ANY(%s)) AND j.value::timestamptz <= %s
"""


def load(scope: Scope) -> dict[UUID, BadgeState]:
    """Load members' progress, and what a batch looks at besides: past windows, awards, segments."""
    keys = scope.using(BADGES.name)
    if not keys:
        return {}
    rows = scope.joined[BADGES.name]
    states = {key: read_state(rows[key][0][0]) for key in keys}
    told = _told(scope, keys)
    _add_past(states, told)
    _add_awards(states, told)
    _add_segments(states, scope)
    return states


def _told(scope: Scope, keys: Sequence[UUID]) -> dict[UUID, list[Activity]]:
    """Return what is to be decided for each member."""
    by_customer: dict[UUID, list[Activity]] = {}
    for activity in scope.activities:
        by_customer.setdefault(activity.customer_id, []).append(activity)  # type: ignore[union-attr] # facts have one
    return {key: by_customer.get(scope.members[key].customer_id, []) for key in keys}


def _add_past(states: dict[UUID, BadgeState], told: Mapping[UUID, Sequence[Activity]]) -> None:
    """Add the past windows that late facts, or what comes back, may concern."""
    needed: dict[UUID, Any] = {}
    for key, activities in told.items():
        before = states[key].archived_before
        # A day of the program's zone may be the one before that of UTC.
        first = min((at for each in activities for at in _instants(each)), default=None) if before else None
        if first is not None and (day := (first - timedelta(days=1)).date()).isoformat() < before:
            needed[key] = day
    if not needed:
        return
    found: dict[UUID, dict[Place, Any]] = {}
    for key, name, window, text in bulk.fetch(PAST, [list(needed), list(needed.values())]):
        if said := json.loads(text):
            found.setdefault(key, {})[Place(name, window)] = read_progress(said)
    for key, windows in found.items():
        states[key] = replace(states[key], windows={**windows, **states[key].windows})


def _instants(activity: Activity) -> Iterable[datetime]:
    """Return the instants at which something changes that counts."""
    yield activity.ordered_at if isinstance(activity, OrderReturned) else activity.occurred_at
    if isinstance(activity, OrderCorrected) and activity.placed is not None:
        yield activity.placed.occurred_at
    if isinstance(activity, OrderReturned) and activity.next_first is not None:
        yield activity.next_first.placed.occurred_at


def _add_awards(states: dict[UUID, BadgeState], told: Mapping[UUID, Sequence[Activity]]) -> None:
    """Add the awards of those of whom something comes back."""
    keys = [key for key, activities in told.items() if any(isinstance(each, OrderReturned) for each in activities)]
    awards: dict[UUID, list[HeldAward]] = {}
    for key, award_id, name, window, *rest in bulk.fetch(AWARDS, [keys]) if keys else ():
        awards.setdefault(key, []).append(HeldAward(award_id, Place(name, window), *rest))
    for key, held in awards.items():
        states[key] = replace(states[key], awards=tuple(held))


def _add_segments(states: dict[UUID, BadgeState], scope: Scope) -> None:
    """Add to which segments members belong, where a challenge is for some."""
    keys = [key for key in states if scope.activities and _asks_segments(scope.versions[scope.members[key].program_id])]
    for key, profile in profiles_of(keys).items():
        states[key] = replace(states[key], segments=profile.segments)


def _asks_segments(versions: Versions) -> bool:
    return any(rule.audience.segments for version in versions.versions for rule in version.of(GAME).challenges)


def segments_of(membership_id: UUID) -> frozenset[str]:
    """Return the segments to which a member belongs that agreed to a profile."""
    profile = profiles_of([membership_id]).get(membership_id)
    return profile.segments if profile else frozenset()


def load_joined(program_id: int, customers: Sequence[UUID], until: datetime) -> list[ChallengeJoined]:
    """Load which challenges and boards some customers joined, for a past that is simulated."""
    rows = bulk.fetch(JOINED, [program_id, list(customers), list(customers), until])
    return [ChallengeJoined(key, customer, at, name) for key, customer, name, at in rows]
