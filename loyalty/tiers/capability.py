"""Tiers as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from customers.core.calendar import add_months
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.tiers import writing
from loyalty.tiers.loading import STANDING, load
from loyalty.tiers.models import Tier, TierPolicy
from loyalty.tiers.rules import FOREVER, TierRule, TierScheme, window_start
from loyalty.tiers.state import TIERS, TierState


class Tiers(Capability[TierState]):
    """The tier of a member; a program without tiers has none of it."""

    name = TIERS.name

    def rules(self, version_id: int) -> TierScheme:
        policy = TierPolicy.objects.filter(version=version_id).first() or TierPolicy(version_id=version_id)
        return TierScheme(
            basis=policy.basis,
            wallet=policy.wallet,
            window=policy.window,
            window_months=policy.window_months,
            tiers=tuple(_rule(tier) for tier in Tier.objects.filter(version=version_id).order_by("rank")),
            combination=policy.combination,
            downgrade=policy.downgrade,
            grace_days=policy.grace_days,
            grace_to_month_end=policy.grace_to_month_end,
            soft_landing=policy.soft_landing,
        )

    def is_used(self, rules: TierScheme) -> bool:
        return bool(rules.tiers)

    def reach(self, rules: TierScheme, day: date, *, last: bool) -> Sequence[date]:
        if not rules.tiers:
            return ()
        if rules.window == "lifetime":
            return () if last else [FOREVER]
        if rules.window == "membership_year":
            return [day if last else add_months(day, -12)]
        return [window_start(rules, day, day)]

    def counts_held(self, rules: TierScheme) -> bool:
        return rules.counts_balance

    def begin(self, versions: Versions) -> TierState:
        return TierState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return STANDING

    def load(self, scope: Scope) -> Mapping[UUID, TierState]:
        return load(scope)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        writing.write(effects, before, after, now=now)


def _rule(row: Tier) -> TierRule:
    return TierRule(
        row.pk, row.key, row.code, row.threshold, row.multiplier, row.further, row.entry_gift, row.extra_months,
        row.reward_discount, ForArms.read(row.arms),
    )  # fmt: skip
