"""Points as a capability: what a version promises of them, and who reads and writes the rest for the engine."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.versions import Version, Versions
from loyalty.points import writing
from loyalty.points.budgets import lock_budgets, settle_budgets
from loyalty.points.conditions import parse_stored
from loyalty.points.expiry import Lifetime
from loyalty.points.limits import Limits, period_start
from loyalty.points.loading import load
from loyalty.points.loading.wallets import codes_of, joined
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.points.rules import Counted, Earning, Terms
from loyalty.points.state import MAIN, POINTS, PointsRules, PointsState, Policy, WalletState
from loyalty.points.steps.limiting import pools_of


class Points(Capability[PointsState]):
    """A member's wallets: every program has them."""

    name = POINTS.name

    def rules(self, version_id: int) -> PointsRules:
        groups = EarningGroup.objects.filter(version=version_id, combination=EarningGroup.Combination.BEST_OF)
        best_of = set(groups.values_list("code", flat=True))
        rules = EarningRule.objects.filter(version=version_id).order_by("code")
        policies = PointsPolicy.objects.filter(version=version_id)
        return PointsRules(
            tuple(_earning(rule, best_of) for rule in rules), {policy.code: _policy(policy) for policy in policies}
        )

    def is_used(self, rules: PointsRules) -> bool:
        return True

    def reach(self, rules: PointsRules, day: date, *, last: bool) -> Sequence[date]:
        limits = [policy.limits for policy in rules.policies.values()]
        return [period_start(each.period, day) for each in limits if each.in_period is not None]

    def begin(self, versions: Versions) -> PointsState:
        codes = (MAIN, *sorted(codes_of(versions.versions) - {MAIN}))
        return PointsState(tuple(WalletState(place, code, actives=()) for place, code in enumerate(codes, start=1)))

    def joined(self, reach: Reach | None) -> Joined | None:
        return joined(reach)

    def load(self, scope: Scope) -> Mapping[UUID, PointsState]:
        return load(scope)

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        writing.write_first(effects, now=now)

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        writing.write(effects, before, after, now=now)

    def pools(self, program_id: int, version: Version, on: date) -> Mapping[PoolKey, int]:
        return pools_of(program_id, version, on)

    def lock_pools(self, limits: Mapping[PoolKey, int], *, whole: bool) -> dict[PoolKey, Pool]:
        return lock_budgets(limits, whole=whole)

    def settle_pools(self, before: Mapping[PoolKey, Pool], after: Mapping[PoolKey, Pool]) -> None:
        settle_budgets(before, after)


def _policy(row: PointsPolicy) -> Policy:
    dates = (tuple(map(int, each.split("-"))) for each in row.expiry_dates)
    return Policy(
        lifetime=Lifetime(
            pending_days=row.pending_days,
            pending_until=row.pending_until,
            activation_event=row.pending_event,
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
        condition=parse_stored(rule.condition),
        uses_multiplier=rule.uses_multiplier,
        counts_free_lines=rule.counts_free_lines,
        counts_gift_cards=rule.counts_gift_cards,
        cap=rule.cap,
        group=rule.group,
        best_of=rule.group in best_of,
        terms=_terms(rule),
        arms=ForArms.read(rule.arms),
    )


def _terms(rule: EarningRule) -> Terms | None:
    """Return what a rule for interactions asks for besides; None for nothing."""
    terms = Terms(
        rule.day_limit,
        rule.month_limit,
        rule.once_per_product,
        rule.bought_within_days,
        rule.needs_approval,
        rule.is_taken_back,
    )
    return None if terms == Terms() else terms
