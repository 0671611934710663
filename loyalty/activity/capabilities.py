"""The capabilities that programs may use, in the order in which they are loaded and written. Their steps stand in `steps`."""

from loyalty.badges.capability import Badges
from loyalty.engine.capability import Capability
from loyalty.plans.capability import Plans
from loyalty.points.capability import Points
from loyalty.referrals.capability import Referrals
from loyalty.rewards.capability import Rewards
from loyalty.tiers.capability import Tiers

CAPABILITIES: tuple[Capability[object], ...] = (Points(), Tiers(), Plans(), Rewards(), Referrals(), Badges())  # type: ignore[assignment] # each of its own state
