"""Rewards as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.rewards import writing
from loyalty.rewards.loading import load
from loyalty.rewards.models import Reward, RewardPrice
from loyalty.rewards.rules import Catalogue, Kind, PriceRule, RewardRule
from loyalty.rewards.state import REWARDS, RewardsState


class Rewards(Capability[RewardsState]):
    """The rewards of a member; a program without a catalogue has none of it."""

    name = REWARDS.name

    def rules(self, version_id: int) -> Catalogue:
        prices: dict[str, tuple[PriceRule, ...]] = {}
        for row in RewardPrice.objects.filter(version=version_id).order_by("code"):
            rule = PriceRule(row.code, row.wallet, row.points, row.tier, row.plan, row.segment, ForArms.read(row.arms))
            prices[row.reward] = (*prices.get(row.reward, ()), rule)
        rewards = Reward.objects.filter(version=version_id).order_by("place")
        return Catalogue.of((_rule(row) for row in rewards), prices)

    def is_used(self, rules: Catalogue) -> bool:
        return bool(rules.rewards)

    def begin(self, versions: Versions) -> RewardsState:
        return RewardsState()

    def load(self, scope: Scope) -> Mapping[UUID, RewardsState]:
        return load(scope)

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        """Lock the counters that change, in the order of their keys, and behind them the budgets."""
        writing.lock_counters_of(effects)
        writing.lock_budgets(writing.budgets_of(effects))

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        if effects:
            writing.write(effects, now=now)


def _rule(row: Reward) -> RewardRule:
    return RewardRule(
        id=row.pk,
        key=row.key,
        code=row.code,
        kind=Kind(row.kind),
        wallet=row.wallet,
        points=row.points,
        amount=row.value if row.kind == Kind.AMOUNT_OFF else None,
        points_per_unit=row.points_per_unit,
        match_percent=row.match_percent,
        match_budget=row.match_budget or Decimal(0),
        cost=row.cost,
        has_codes=row.codes != Reward.Codes.NONE,
        from_pool=row.codes == Reward.Codes.POOL,
        stock=row.stock,
        member_limit=row.member_limit,
        member_period=row.member_period,
        tiers=tuple(row.tiers),
        plans=tuple(row.plans),
        segments=tuple(row.segments),
        first_day=row.first_day,
        last_day=row.last_day,
        valid_days=row.valid_days,
        valid_until=row.valid_until,
        gives_back_on_expiry=row.on_expiry == Reward.OnEnd.GIVE_BACK,
        gives_back_on_withdrawal=row.on_withdrawal == Reward.OnWithdrawal.GIVE_BACK,
        may_cancel=row.may_cancel,
        granted_only=row.granted_only,
        arms=ForArms.read(row.arms),
    )
