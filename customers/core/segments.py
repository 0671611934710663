"""The codes of what analytics says that customers are: five types, of which each buyer has one, seven tags, and stages. Pure."""

from enum import StrEnum


class SegmentType(StrEnum):
    """What a customer is worth and whether it is at risk: everybody who bought has exactly one."""

    VIP = "vip"
    VIP_AT_RISK = "vip_at_risk"
    POTENTIAL_LOYAL = "potential_loyal"
    LOYAL_LOW_VALUE = "loyal_low_value"
    LOW_VALUE_AT_RISK = "low_value_at_risk"


class SegmentTag(StrEnum):
    """How a customer buys: none, one or several."""

    SERIAL_RETURNER = "serial_returner"
    SELDOM_BUYER = "seldom_buyer"
    GIFT_BUYER = "gift_buyer"
    CATEGORY_LOVER = "category_lover"
    BRAND_LOVER = "brand_lover"
    SEASONAL_BUYER = "seasonal_buyer"
    PROMOTION_LOVER = "promotion_lover"


class LifeStage(StrEnum):
    """How far a customer is: who never bought has no row anywhere but as a customer."""

    NEVER_BOUGHT = "never_bought"
    NEW = "new"
    ESTABLISHED = "established"
    OVERDUE = "overdue"
    LOST = "lost"
