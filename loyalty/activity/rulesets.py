"""Versions as the pure rules see them. A published version never changes, so each is read once per process."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from loyalty.points.expiry import Lifetime
from loyalty.points.limits import Limits
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.points.rules import Earning
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy
from loyalty.tiers.rules import Ladder, Step

PUBLISHED = """
SELECT program_id, effective_from, id FROM programs_programversion WHERE program_id = ANY(%s) AND status = 'published'
ORDER BY effective_from
"""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that one version promises, as values."""

    version_id: int
    number: int
    zone: ZoneInfo
    earnings: tuple[Earning, ...]
    lifetime: Lifetime
    limits: Limits
    allow_negative: bool
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Timeline:
    """A program's published versions by the instant from which each is in force."""

    program_id: int
    starts: tuple[datetime, ...]
    rulesets: tuple[Ruleset, ...]

    def at(self, instant: datetime) -> Ruleset | None:
        """Return what was in force at an instant; None before the first version."""
        place = bisect_right(self.starts, instant)
        return self.rulesets[place - 1] if place else None

    def version(self, version_id: int | None) -> Ruleset | None:
        return next((ruleset for ruleset in self.rulesets if ruleset.version_id == version_id), None)


def timelines(program_ids: Iterable[int]) -> dict[int, Timeline]:
    """Return programs' timelines as they are published now."""
    stamps = bulk.fetch("SELECT id, timeline FROM programs_program WHERE id = ANY(%s)", [list(program_ids)])
    return {program_id: remembered_timeline(program_id, stamp) for program_id, stamp in stamps}


@lru_cache(maxsize=512)
def remembered_timeline(program_id: int, _stamp: UUID) -> Timeline:
    """Return a program's timeline from this process's memory: its stamp changes with each publication."""
    found = bulk.fetch(PUBLISHED, [[program_id]])
    return Timeline(
        program_id, tuple(start for _, start, _ in found), tuple(published_ruleset(version) for *_, version in found)
    )


@lru_cache(maxsize=512)
def published_ruleset(version_id: int) -> Ruleset:
    """Return a published version's ruleset from this process's memory."""
    return read_ruleset(version_id)


def read_ruleset(version_id: int) -> Ruleset:
    """Return a version's ruleset, a draft's too, as its rows are now."""
    version = ProgramVersion.objects.select_related("program").get(pk=version_id)
    policy = PointsPolicy.objects.filter(version=version).first() or PointsPolicy(version=version)
    tiers = TierPolicy.objects.filter(version=version).first() or TierPolicy(version=version)
    steps = Tier.objects.filter(version=version).order_by("threshold")
    return Ruleset(
        version_id=version.pk,
        number=version.number,
        zone=version.program.tzinfo,
        earnings=tuple(_earning(rule) for rule in EarningRule.objects.filter(version=version).order_by("code")),
        lifetime=Lifetime(policy.pending_days, policy.expiry, policy.expiry_count),
        limits=Limits(policy.transaction_limit, policy.period_limit, policy.period),
        allow_negative=policy.on_return == PointsPolicy.OnReturn.ALLOW_NEGATIVE,
        ladder=Ladder(
            basis=tiers.basis,
            window=tiers.window,
            window_months=tiers.window_months,
            steps=tuple(Step(tier.pk, tier.code, tier.threshold, tier.multiplier) for tier in steps),
        ),
    )


def _earning(rule: EarningRule) -> Earning:
    return Earning(
        id=rule.pk,
        code=rule.code,
        kind=cast("Literal['per_amount', 'first_order']", rule.kind),
        points=rule.points,
        minimum_amount=rule.minimum_amount,
        categories=frozenset(rule.categories),
        brands=frozenset(rule.brands),
        uses_multiplier=rule.uses_multiplier,
    )
