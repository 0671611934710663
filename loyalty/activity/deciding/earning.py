"""What an order or an interaction earns, wallet by wallet, within limits and budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from loyalty.activity.deciding.points import Booked, Cause, award
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Award, Member
from loyalty.points.budgets import Budget, BudgetKey
from loyalty.points.ledger import MAIN
from loyalty.points.limits import Limited, limit, period_start, room_of
from loyalty.points.rules import Earned, by_wallet, total_of
from loyalty.tiers.assessment import Qualified

Budgets = Mapping[BudgetKey, Budget]


@dataclass(frozen=True, slots=True)
class Earnings:
    """
    What was earned.

    :param reason: why it is less than the rules say, or nothing
    :param is_tight: that what was locked of a budget cut it
    """

    done: Booked
    awards: tuple[Award, ...]
    qualified: tuple[Qualified, ...]
    spent: tuple[tuple[BudgetKey, int], ...]
    reason: str
    is_tight: bool

    @property
    def points(self) -> int:
        return sum(award.points for award in self.awards)


def give(  # noqa: PLR0913 - all that limits look at
    member: Member,
    earned: tuple[Earned, ...],
    ruleset: Ruleset,
    cause: Cause,
    *,
    on: date,
    spend: Decimal = Decimal(0),
    orders: int = 0,
    visits: int = 0,
    budgets: Budgets,
) -> Earnings:
    """
    Give what rules earned.

    :param on: the day of the program's zone to which it counts
    :param spend: the money that counts towards tiers with it
    :param orders: how many orders it is
    :param visits: how many visits it is
    """
    done = Booked(member)
    awards: list[Award] = []
    days: list[Qualified] = []
    spent: list[tuple[BudgetKey, int]] = []
    reasons: list[str] = []
    parts = by_wallet(earned)
    for code in sorted(parts.keys() | {MAIN}, key=lambda code: (code != MAIN, code)):
        purse = done.member.purse(code)
        limited = _limited(done.member, code, parts.get(code, ()), ruleset, on, budgets)
        given = award(done.member, code, limited, ruleset, cause)
        done = Booked(given.member, (*done.postings, *given.postings))
        points = total_of(limited.earned)
        awards.append(Award(purse.wallet_id, limited.allowance, points, points))
        if code == MAIN or points:
            counts = (spend, points, orders, visits) if code == MAIN else (Decimal(0), points)
            days.append(Qualified(purse.wallet_id, on, *counts))
        if points and ruleset.policy(code).limits.budget is not None:
            spent.append((budget_key(member, code, ruleset, on), points))
        if limited.reason:
            reasons.append(limited.reason)
    nothing = "" if any(award.points for award in awards) else "no_rule_gave_points"
    reason = reasons[0] if reasons else nothing
    return Earnings(done, tuple(awards), tuple(days), tuple(spent), reason, is_tight="over_budget" in reasons)


def budget_key(member: Member, code: str, ruleset: Ruleset, on: date) -> BudgetKey:
    """Return which budget a wallet's points of a day come from."""
    return BudgetKey(member.program_id, code, period_start(ruleset.policy(code).limits.budget_period, on))


def _limited(  # noqa: PLR0913 - all that limits look at
    member: Member, code: str, parts: tuple[Earned, ...], ruleset: Ruleset, on: date, budgets: Budgets
) -> Limited:
    limits = ruleset.policy(code).limits
    first = period_start(limits.period, on)
    days = member.purse(code).days
    # All of the period, also what came after a late order's day: together they stay within the limit.
    earned = sum(day.points for day in days if period_start(limits.period, day.on) == first)
    budget = budgets[budget_key(member, code, ruleset, on)].left if limits.budget is not None else None
    return limit(parts, limits, room_of(limits, earned=earned, budget_left=budget))
