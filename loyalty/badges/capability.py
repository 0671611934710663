"""Badges as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import InvalidOperation
from typing import Any
from uuid import UUID

from loyalty.badges import writing
from loyalty.badges.loading import PROGRESS, load
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.badges.models.fields import target_of
from loyalty.badges.models.offer import Counted
from loyalty.badges.rules import Audience, BadgeRule, BoardRule, ChallengeRule, Game, Goal, Level, Prize
from loyalty.badges.state import BADGES, BadgeState
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.points.conditions import parse_stored

NEVER_MET = 2**62


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
        return load(scope)

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        writing.write_first(effects)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        writing.write(effects, before, after, now=now)


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
