"""What belongs to a version: the models, in the order in which a document names them."""

from django.db import models

from loyalty.badges.models import Badge, Board, Challenge
from loyalty.plans.models import PaidPlan
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import Reward, RewardPrice
from loyalty.tiers.models import Tier, TierPolicy

# The key of each part in a document. The tier policy is one; all others are lists.
SECTIONS: dict[str, type[models.Model]] = {
    "wallets": PointsPolicy,
    "earning_groups": EarningGroup,
    "earning_rules": EarningRule,
    "tier_policy": TierPolicy,
    "tiers": Tier,
    "plans": PaidPlan,
    "rewards": Reward,
    "reward_prices": RewardPrice,
    "referrals": ReferralPolicy,
    "badges": Badge,
    "challenges": Challenge,
    "boards": Board,
}
PARTS: tuple[type[models.Model], ...] = tuple(SECTIONS.values())
SINGLE = "tier_policy"
MAX_ROWS = {"referrals": 1}  # of what a version has once, or not at all
ORDER = {
    "tiers": "rank",
    "plans": "rank",
    "rewards": "place",
    "badges": "place",
    "challenges": "place",
    "boards": "place",
}


def fields_of(model: type[models.Model]) -> list[models.Field[object, object]]:
    """Return what a part says about itself: not its keys, nor the version to which it belongs."""
    return [field for field in model._meta.concrete_fields if field.name not in {"id", "version", "key"}]
