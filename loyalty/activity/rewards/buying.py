"""Who buys a reward: its tier, plan and segments, what each reward costs it, and what time has just given back."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from loyalty.activity.account.session import AccountSession
from loyalty.engine.decision import Decision
from loyalty.engine.profile import Profile
from loyalty.memberships.profiles import profiles_of_customers
from loyalty.plans.steps import benefits
from loyalty.rewards.rules import Buyer
from loyalty.rewards.state import REWARDS, RewardCounted, RewardEnded
from loyalty.tiers.state import SCHEME, TIERS


def profile_of(customer_id: UUID) -> Profile | None:
    """Return what is known of a customer who agreed to a profile; None for all others."""
    return profiles_of_customers([customer_id]).get(customer_id)


def buyer_of(decision: Decision, profile: Profile | None) -> Buyer:
    """Return a member as prices look at it, at the instant of a decision under a version."""
    discount = Decimal(0)
    if decision.member.has(TIERS):
        tier = decision.rules.of(SCHEME).tier(decision.member.of(TIERS).key)
        discount = tier.reward_discount if tier is not None else discount
    plan = benefits(decision).occasion.plan
    return Buyer(
        tier=decision.occasion.tier,
        discount_percent=discount,
        plans=frozenset({plan} if plan else ()),
        segments=profile.segments if profile else frozenset(),
    )


class Freed(NamedTuple):
    """
    What time has given back of a member's rewards, and is not written yet: it makes room as if it were.

    :param redemptions: that count no more against the member's limits
    :param pieces: that are in stock again, by reward
    """

    redemptions: frozenset[UUID] = frozenset()
    pieces: Mapping[UUID, int] = {}


NOTHING_FREED = Freed()


def freed_by(session: AccountSession) -> Freed:
    """Return what time has given back of the rewards of a member, and of its household, since it was last written."""
    effects = session.effects()
    ended = {each.id: each.status for each in effects if isinstance(each, RewardEnded)}
    if not ended:
        return NOTHING_FREED
    # Whoever shares its points is brought up to the instant with it, and what became of their rewards is among the effects.
    held = {each.id: each for member in session.loaded.members.values() for each in member.of(REWARDS).held}
    pieces: Counter[UUID] = Counter()
    for each in effects:
        if isinstance(each, RewardCounted):
            pieces[each.reward_key] -= each.taken
    back = (key for key, status in ended.items() if status != "expired" or held[key].gives_back_on_expiry)
    return Freed(frozenset(back), pieces)
