"""Badges as a capability: how members' progress is read behind the lock, and how what steps decided is written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import InvalidOperation
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.badges import writing
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.badges.models.fields import target_of
from loyalty.badges.models.offer import Counted
from loyalty.badges.reading import read_progress, read_state
from loyalty.badges.rules import Audience, BadgeRule, BoardRule, ChallengeRule, Game, Goal, Level, Prize
from loyalty.badges.state import BADGES, GAME, BadgeState, HeldAward, Place
from loyalty.engine.activities import Activity, ChallengeJoined, OrderCorrected, OrderReturned
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.memberships.profiles import profiles_of
from loyalty.points.conditions import parse_stored

NEVER_MET = 2**62
PROGRESS = Joined(
    columns=("(SELECT state::text FROM badges_memberprogress WHERE membership_id = m.id)",),
    joins="",
)
AWARDS = """
SELECT a.membership_id, a.id, a.name, a.window_name, a.number, c.version_id, a.comes_back, a.badge_key, a.wallet, a.points
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


class Badges(Capability[BadgeState]):
    """Badges, challenges and leaderboards; a program without them has none of it."""

    name = BADGES.name

    def rules(self, version_id: int) -> Game:
        return Game(
            challenges=tuple(map(_challenge, Challenge.objects.filter(version=version_id).order_by("place", "code"))),
            badges={row.code: _badge(row) for row in Badge.objects.filter(version=version_id)},
            boards=tuple(map(_board, Board.objects.filter(version=version_id).order_by("place", "code"))),
        )

    def is_used(self, rules: Game) -> bool:
        return rules.is_used

    def begin(self, versions: Versions) -> BadgeState:
        return BadgeState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return PROGRESS

    def load(self, scope: Scope) -> Mapping[UUID, BadgeState]:
        keys = scope.using(self.name)
        if not keys:
            return {}
        rows = scope.joined[self.name]
        states = {key: read_state(rows[key][0][0]) for key in keys}
        told = _told(scope, keys)
        _add_past(states, told)
        _add_awards(states, told)
        _add_segments(states, scope)
        return states

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        writing.write_first(effects)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        writing.write(effects, before, after, now)


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


def _badge(row: Badge) -> BadgeRule:
    levels = tuple(each["times"] for each in row.levels)
    return BadgeRule(row.pk, row.key, row.code, row.kind, levels, row.points, row.takes_back)


def _target(metric: str, said: Any) -> int:
    """Return a target as it is counted; one that checks refuse in a draft is never met."""
    try:
        return target_of(metric, said)
    except (ValueError, InvalidOperation):
        return NEVER_MET


def _goals(row: Counted, target: Any) -> tuple[Goal, ...]:
    return (Goal(row.metric, _target(row.metric, target), row.interaction, parse_stored(row.condition)),)


def _shared(row: Challenge | Board) -> dict[str, Any]:
    """Return what challenges and boards have in common."""
    return {
        "id": row.pk, "key": row.key, "code": row.code, "window": row.window, "window_days": row.window_days,
        "first_day": row.first_day, "last_day": row.last_day, "arms": ForArms.read(row.arms),
    }  # fmt: skip


def _challenge(row: Challenge) -> ChallengeRule:
    further = (
        Goal(
            each["metric"],
            _target(each["metric"], each["target"]),
            each.get("interaction", ""),
            parse_stored(each.get("condition")),
        )
        for each in row.further
    )
    return ChallengeRule(
        **_shared(row),
        goals=(*_goals(row, row.target), *further),
        audience=Audience(frozenset(row.tiers), frozenset(row.plans), frozenset(row.segments)),
        is_joined=row.opt_in,
        is_any=row.combination == Challenge.Combination.ANY,
        repeats=row.repeats,
        levels=tuple(Level(_target(row.metric, each["target"]), each.get("points", 0)) for each in row.levels),
        points=row.points,
        wallet=row.wallet,
        badge=row.badge,
        takes_back=row.takes_back,
    )


def _board(row: Board) -> BoardRule:
    return BoardRule(
        **_shared(row),
        goals=_goals(row, 1),
        audience=Audience(frozenset(row.tiers), frozenset(row.plans)),
        prizes=tuple(Prize(each["rank"], each["through"], each["points"]) for each in row.prizes),
        settle_days=row.settle_days,
        wallet=row.wallet,
    )
