"""What kind of customer a member is, for those who agreed to a profile, and what of it decides what they earn. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace
from uuid import UUID

from customers.core.segments import LifeStage, SegmentTag, SegmentType
from customers.core.values import dataclass
from loyalty.engine.activities import OrderCorrected, OrderPlaced
from loyalty.engine.decision import Decision
from loyalty.engine.member import Key

STAGES = tuple(str(stage) for stage in LifeStage if stage != LifeStage.NEVER_BOUGHT)
SEGMENTS: tuple[str, ...] = (
    "top_value", "middle_value", "low_value", "at_risk", "active", *map(str, SegmentType), *map(str, SegmentTag), *STAGES,
)  # fmt: skip
TOP, LOW = 9, 4
LIKELY, UNLIKELY = 0.7, 0.3


@dataclass(frozen=True, slots=True)
class Profile:
    """
    What analytics knows of a customer, for those who agreed to it; empty where it knows nothing.

    :param value_decile: 10 is the highest
    :param probability_active: that it will buy again
    :param segment: its type, such as vip
    :param tags: how it buys, such as gift_buyer
    :param life_stage: how far it is, such as new
    :param at_risk: whether buying again has become much less probable; None where nothing was predicted
    """

    value_decile: int | None = None
    probability_active: float | None = None
    segment: str = ""
    tags: tuple[str, ...] | list[str] = ()
    life_stage: str = ""
    at_risk: bool | None = None

    @property
    def segments(self) -> frozenset[str]:
        """Return the segments that prices, rewards, challenges and conditions may name."""
        found = {self.segment, self.life_stage, *self.tags} - {""}
        if self.value_decile is not None:
            found.add(
                "top_value" if self.value_decile >= TOP else "low_value" if self.value_decile <= LOW else "middle_value"
            )
        probability = self.probability_active
        if probability is not None and probability >= LIKELY:
            found.add("active")
        is_unlikely = probability is not None and probability < UNLIKELY
        if self.at_risk or (self.at_risk is None and is_unlikely):
            found.add("at_risk")
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Kind:
    """What of a profile conditions may ask."""

    segments: frozenset[str] = frozenset()
    value_decile: int | None = None


UNKNOWN = Kind()


@dataclass(frozen=True, slots=True)
class ProfileState:
    """
    What kind of customer a member is.

    :param now: as analytics said last
    :param of_orders: as it was when orders were decided, for a past that is simulated
    """

    now: Kind = UNKNOWN
    of_orders: Mapping[UUID, Kind] = field(default_factory=dict)


PROFILE: Key[ProfileState] = Key("profile")


def recognise(decision: Decision) -> Decision:
    """Let what is decided know the kind of customer; it is stored with the order, so that a return is decided on the same."""
    if not decision.member.has(PROFILE):
        return decision
    activity = decision.activity
    if isinstance(activity, OrderCorrected) and (activity.is_withdrawn or not activity.is_moved):
        return decision  # what was known when an order was decided stays with it
    known = decision.member.of(PROFILE)
    kind = known.of_orders.get(activity.order_id, known.now) if isinstance(activity, OrderPlaced) else known.now
    occasion = replace(decision.occasion, segments=kind.segments, value_decile=kind.value_decile)
    return decision.then(occasion=occasion)
