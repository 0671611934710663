"""Versions as the pure rules see them. A published version never changes, so each is read once per process."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from loyalty.points.conditions import parse
from loyalty.points.expiry import Lifetime
from loyalty.points.limits import Limits
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.points.rules import Counted, Earning
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy
from loyalty.tiers.rules import Ladder, Step

PUBLISHED = """
SELECT program_id, effective_from, id FROM programs_programversion WHERE program_id = ANY(%s) AND status = 'published'
ORDER BY effective_from
"""


FOREVER, UNLIMITED = Lifetime(), Limits()


@dataclass(frozen=True, slots=True)
class Policy:
    """How the points of one wallet live under a version."""

    lifetime: Lifetime = FOREVER
    limits: Limits = UNLIMITED
    allow_negative: bool = False
    is_spendable: bool = True
    may_transfer: bool = False


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that one version promises, as values; policies by the code of their wallet."""

    version_id: int
    number: int
    zone: ZoneInfo
    earnings: tuple[Earning, ...]
    policies: Mapping[str, Policy]
    ladder: Ladder

    def policy(self, wallet: str) -> Policy:
        """Return how a wallet's points live; a wallet that this version does not name keeps its points for ever."""
        return self.policies.get(wallet, Policy())


@dataclass(frozen=True, slots=True)
class Timeline:
    """A program's slug, and its published versions by the instant from which each is in force."""

    program_id: int
    slug: str
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
    stamps = bulk.fetch("SELECT id, versions_revision FROM programs_program WHERE id = ANY(%s)", [list(program_ids)])
    return {program_id: remembered_timeline(program_id, stamp) for program_id, stamp in stamps}


@lru_cache(maxsize=512)
def remembered_timeline(program_id: int, _stamp: UUID) -> Timeline:
    """Return a program's timeline from this process's memory: its stamp changes with each publication."""
    found = bulk.fetch(PUBLISHED, [[program_id]])
    ((slug,),) = bulk.fetch("SELECT slug FROM programs_program WHERE id = %s", [program_id])
    return Timeline(
        program_id,
        slug,
        tuple(start for _, start, _ in found),
        tuple(published_ruleset(version) for *_, version in found),
    )


@lru_cache(maxsize=512)
def published_ruleset(version_id: int) -> Ruleset:
    """Return a published version's ruleset from this process's memory."""
    return read_ruleset(version_id)


def read_ruleset(version_id: int) -> Ruleset:
    """Return a version's ruleset, a draft's too, as its rows are now."""
    version = ProgramVersion.objects.select_related("program").get(pk=version_id)
    tiers = TierPolicy.objects.filter(version=version).first() or TierPolicy(version=version)
    groups = EarningGroup.objects.filter(version=version, combination=EarningGroup.Combination.BEST_OF)
    best_of = set(groups.values_list("code", flat=True))
    rules = EarningRule.objects.filter(version=version).order_by("code")
    steps = Tier.objects.filter(version=version).order_by("rank")
    return Ruleset(
        version_id=version.pk,
        number=version.number,
        zone=version.program.tzinfo,
        earnings=tuple(_earning(rule, best_of) for rule in rules),
        policies={policy.code: _policy(policy) for policy in PointsPolicy.objects.filter(version=version)},
        ladder=Ladder(
            basis=tiers.basis,
            wallet=tiers.wallet,
            window=tiers.window,
            window_months=tiers.window_months,
            steps=tuple(_step(tier) for tier in steps),
            combination=tiers.combination,
            downgrade=tiers.downgrade,
            grace_days=tiers.grace_days,
            grace_to_month_end=tiers.grace_to_month_end,
            soft_landing=tiers.soft_landing,
        ),
    )


def _step(row: Tier) -> Step:
    return Step(row.pk, row.code, row.threshold, row.multiplier, row.further, row.entry_gift, row.extra_months)


def _policy(row: PointsPolicy) -> Policy:
    dates = (tuple(map(int, each.split("-"))) for each in row.expiry_dates)
    return Policy(
        lifetime=Lifetime(
            pending_days=row.pending_days,
            pending_until=row.pending_until,
            awaits=row.pending_event,
            expiry=row.expiry,
            expiry_count=row.expiry_count,
            expiry_dates=tuple((month, day) for month, day in dates),
        ),
        limits=Limits(row.transaction_limit, row.period_limit, row.period, row.budget, row.budget_period),
        allow_negative=row.on_return == PointsPolicy.OnReturn.ALLOW_NEGATIVE,
        is_spendable=row.is_spendable,
        may_transfer=row.may_transfer,
    )


def _earning(rule: EarningRule, best_of: set[str]) -> Earning:
    return Earning(
        id=rule.pk,
        code=rule.code,
        kind=Counted(rule.kind),
        wallet=rule.wallet,
        interaction=rule.interaction,
        points=rule.points,
        minimum_amount=rule.minimum_amount,
        condition=parse(rule.condition),
        uses_multiplier=rule.uses_multiplier,
        cap=rule.cap,
        group=rule.group,
        best_of=rule.group in best_of,
    )
