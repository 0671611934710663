"""The capabilities that programs may use, in the order in which they are loaded and written. Their steps stand in `steps`."""

from loyalty.activity.arms import Arms
from loyalty.activity.profiles import Profiles
from loyalty.badges.capability import Badges
from loyalty.engine.capability import Capability
from loyalty.plans.capability import Plans
from loyalty.points.capability import Points
from loyalty.referrals.capability import Referrals
from loyalty.rewards.capability import Rewards
from loyalty.tiers.capability import Tiers

CAPABILITIES: tuple[Capability[object], ...] = (  # type: ignore[assignment] # each of its own state
    Points(), Tiers(), Plans(), Rewards(), Referrals(), Badges(), Profiles(), Arms(),
)  # fmt: skip
