"""What limits and budgets leave of points that are earned. Pure."""

from datetime import date

from loyalty.engine.decision import Decision, PoolUsed
from loyalty.engine.pools import PoolKey, left_in
from loyalty.engine.versions import Version
from loyalty.points.limits import Limited, Limits, limit, period_start, room_of
from loyalty.points.rules import Earned
from loyalty.points.state import RULES
from loyalty.points.steps.entries import policy_of, wallet_in


def pool_key(program_id: int, code: str, version: Version, on: date) -> PoolKey:
    """Return which budget a wallet's points of a day come from."""
    return PoolKey(program_id, code, period_start(version.of(RULES).policy(code).limits.budget_period, on))


def pools_of(program_id: int, version: Version, on: date) -> dict[PoolKey, int]:
    """Return the budgets that a day reaches, with what each holds in all."""
    return {
        pool_key(program_id, code, version, on): policy.limits.budget
        for code, policy in version.of(RULES).policies.items()
        if policy.limits.budget is not None
    }


def use_pool(decision: Decision, code: str, version: Version, on: date, points: int) -> Decision:
    """Take points from the wallet's budget or, negative, give them back to it."""
    limit_of_all = version.of(RULES).policy(code).limits.budget
    if not points or limit_of_all is None:
        return decision
    return decision.then(PoolUsed(pool_key(decision.member.program_id, code, version, on), points, limit_of_all))


def budget_left(decision: Decision, code: str, version: Version, on: date) -> int | None:
    """Return what the wallet's budget of a day has left to give, after what the decision gives already; None for no budget."""
    limit_of_all = version.of(RULES).policy(code).limits.budget
    if limit_of_all is None:
        return None
    key = pool_key(decision.member.program_id, code, version, on)
    return max(left_in(decision.pools, key, limit_of_all) - _used(decision, key), 0)


def limited_on(
    decision: Decision, code: str, parts: tuple[Earned, ...], on: date, limits: Limits | None = None
) -> Limited:
    """
    Return what the limits of a wallet leave of points that count on a day, by all that is known of their periods.

    :param limits: other ones than those of the version that decides
    """
    limits = limits or policy_of(decision, code).limits
    earned = 0
    if limits.in_period is not None:
        first = period_start(limits.period, on)
        # All of the period, also what came after a late order's day: together they stay within the limit.
        days = wallet_in(decision, code).days
        earned = sum(day.points for day in days if period_start(limits.period, day.on) == first)
    budget = budget_left(decision, code, decision.rules, on)
    return limit(parts, limits, room_of(limits, earned=earned, budget_left=budget))


def _used(decision: Decision, key: PoolKey) -> int:
    return sum(effect.points for effect in decision.effects if isinstance(effect, PoolUsed) and effect.key == key)
