"""What a tier does for what its member earns. Pure."""

from datetime import date
from uuid import UUID

from customers.core.calendar import day_before, local_date
from loyalty.engine.activities import OrderCorrected
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision
from loyalty.tiers.past import DayOfStart, replay_days
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.counting import sums_of
from loyalty.tiers.steps.replaying import as_before, day_of_start, past_of, schemes_of


def benefits(decision: Decision) -> Decision:
    """Let the tier that the member had at the time multiply what is earned, and let it live longer."""
    if not decision.member.has(TIERS):
        return decision
    activity = decision.activity
    if isinstance(activity, OrderCorrected) and (activity.is_withdrawn or not activity.is_moved):
        return decision  # the tier on which an order was decided stays with it
    state, at = decision.member.of(TIERS), decision.occasion.at
    key = _key_without(decision, activity) if isinstance(activity, OrderCorrected) else state.key_at(at)
    tier = decision.rules.of(SCHEME).tier(key)
    if tier is None:
        return decision
    had = decision.occasion
    multiplier, extra_months = had.multiplier * tier.multiplier, had.extra_months + tier.extra_months
    occasion = Occasion(
        had.at,
        had.zone,
        multiplier,
        had.is_first,
        tier.code,
        extra_months,
        arms=had.arms,
        is_withheld=had.is_withheld,
    )
    return decision.then(occasion=occasion)


def _key_without(decision: Decision, activity: OrderCorrected) -> UUID | None:
    """
    Return the tier that a member had at an order's new instant without what the order had counted on its old day.

    Days tell it, but not what happened first within one day, nor what came by another way: there the changes do.
    """
    under = decision.then(version=decision.versions.at(max(decision.at, decision.now)))
    scheme, state, at = under.rules.of(SCHEME), under.member.of(TIERS), decision.occasion.at
    told = state.key_without(activity.order_id, at)
    if any(version.of(SCHEME).counts_balance for version in decision.versions.versions):
        return told
    before = as_before(under)
    how = day_of_start(under, before)
    if past_of(under, before, how).standing.key != state.key:
        return told
    on = local_date(at, under.rules.zone)
    began, ended = (_key_on(under, on, how, is_over=is_over) for is_over in (False, True))
    return ended if scheme.rank(told) >= scheme.rank(ended) else began


def _key_on(decision: Decision, on: date, how: DayOfStart, *, is_over: bool) -> UUID | None:
    """Return the tier to which a member's days lead as a day begins, or when it is over."""
    counted = sums_of(decision.member, decision.rules, until=on if is_over else day_before(on))
    return replay_days(schemes_of(decision), counted, on, day_of_start=how).standing.key
