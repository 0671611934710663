"""Who buys a reward: its tier, plan and segments, and what each reward costs it."""

from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from loyalty.engine.decision import Decision
from loyalty.rewards.rules import Buyer, Profile
from loyalty.tiers.state import SCHEME, TIERS

# What analytics learned of a customer counts only for who agreed to offers based on a profile, and has not changed its mind.
PROFILE = """
SELECT i.value_decile, i.probability_active FROM customers_insight i WHERE i.customer_id = %s AND (
    SELECT granted FROM customers_consent WHERE customer_id = i.customer_id AND purpose = 'profiling'
    ORDER BY occurred_at DESC, id DESC LIMIT 1
)
"""


def profile_of(customer_id: UUID) -> Profile | None:
    """Return what is known of a customer who agreed to a profile; None for all others."""
    found = bulk.fetch(PROFILE, [customer_id])
    return Profile(*found[0]) if found else None


def buyer_of(decision: Decision, profile: Profile | None) -> Buyer:
    """Return a member as prices look at it, at the instant of a decision under a version."""
    discount = Decimal(0)
    if decision.member.has(TIERS):
        tier = decision.rules.of(SCHEME).tier(decision.member.of(TIERS).key)
        discount = tier.reward_discount if tier is not None else discount
    plan = getattr(decision.occasion, "plan", "")
    return Buyer(
        tier=decision.occasion.tier,
        discount_percent=discount,
        plans=frozenset({plan} if plan else ()),
        segments=profile.segments if profile else frozenset(),
    )
