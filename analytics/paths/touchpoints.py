"""Kinds of touchpoints, and funnels of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MIN_STEPS, MAX_STEPS = 2, 8
MAX_WINDOW_DAYS = 365
LEFT_CART_HOURS = 48


class Touch(StrEnum):
    """
    A kind of touchpoint.

    Their order is that of facts of one instant: a till tells an order and its visit as of the same second, and a visit comes
    before what is done during it.
    """

    MESSAGE = "message"
    READ = "read"
    VISIT = "visit"
    VIEW = "view"
    CART = "cart"
    REDEMPTION = "redemption"
    ORDER = "order"
    KEPT_ORDER = "kept_order"
    DELIVERY = "delivery"
    RETURN = "return"
    SUPPORT = "support"
    REVIEW = "review"
    SURVEY = "survey"
    SHARE = "share"
    EVENT = "event"


RANKS: Mapping[Touch, int] = {touch: place for place, touch in enumerate(Touch)}
OF_ORDERS = frozenset({Touch.ORDER, Touch.KEPT_ORDER})
# What may be trouble where it is no step: of surveys only bad answers.
FRICTION = (Touch.SUPPORT, Touch.SURVEY, Touch.CART)


@dataclass(frozen=True, slots=True)
class FunnelSteps:
    """
    What customers are to do, one after the other; the same kind twice is done twice.

    :param window_days: of 24 hours, from the first step on; what comes as it ends is too late
    """

    steps: tuple[Touch, ...]
    window_days: int

    @property
    def ranks(self) -> list[int]:
        return [RANKS[each] for each in self.steps]

    @property
    def ends_in_an_order(self) -> bool:
        return self.steps[-1] in OF_ORDERS


SHIPPED: Mapping[str, FunnelSteps] = {
    "visit-to-order": FunnelSteps((Touch.VISIT, Touch.VIEW, Touch.CART, Touch.ORDER), 7),
    "order-again": FunnelSteps((Touch.KEPT_ORDER, Touch.KEPT_ORDER), 90),
    "message-to-order": FunnelSteps((Touch.MESSAGE, Touch.ORDER), 7),
    "order-to-return": FunnelSteps((Touch.ORDER, Touch.RETURN), 60),
    "reward-to-order": FunnelSteps((Touch.REDEMPTION, Touch.ORDER), 30),
}
