"""What was bought, and on what occasion: values that rules look at. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from customers.core.values import dataclass

NOTHING = Decimal(0)
ONE = Decimal(1)
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of an order as rules see it: `net_amount` is what the whole line cost.

    :param is_gift_card: whether a gift card is bought by it, and no product
    """

    net_amount: Decimal
    category: str = ""
    brand: str = ""
    sku: str = ""
    quantity: Decimal = ONE
    is_gift_card: bool = False


@dataclass(frozen=True, slots=True)
class Basket:
    """
    What an order consists of, or what is left of it.

    :param paid_with_points: the part of the lines' amounts that was paid with points, which earns none
    """

    lines: tuple[Line, ...]
    paid_with_points: Decimal = NOTHING
    channel: str = ""
    store: str = ""
    promotion_code: str = ""
    is_gift: bool = False

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), NOTHING)

    @property
    def paid(self) -> Decimal:
        """Return what was paid with money."""
        return max(self.net_amount - self.paid_with_points, NOTHING)


@dataclass(frozen=True, slots=True)
class Occasion:
    """
    When and by whom something was bought or done: all that besides the basket decides what it earns.

    It is stored as one value with the decision on an order, so that a return is decided on exactly the same.

    :param at: when it occurred
    :param zone: the program's
    :param multiplier: of the member's benefits then, 1 for none
    :param is_first: whether it is the member's first order
    :param tier: the code of the tier on which the member stood; empty for none
    :param extra_months: by how much longer what it earns lives
    :param plan: the code of the paid plan that the member had; empty for none
    :param plan_multiplier: the part of the multiplier that is the plan's
    :param segments: of the member, where a condition of its program asks for them
    :param value_decile: of the member, as `segments`
    :param arms: of the member, as far as the version named them: which parts of it held
    :param is_withheld: whether the member was to get nothing extra
    """

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    zone: ZoneInfo = UTC_ZONE
    multiplier: Decimal = ONE
    is_first: bool = False
    tier: str = ""
    extra_months: int = 0
    plan: str = ""
    plan_multiplier: Decimal = ONE
    segments: frozenset[str] = frozenset()
    value_decile: int | None = None
    arms: frozenset[str] = frozenset()
    is_withheld: bool = False

    @property
    def local(self) -> datetime:
        """Return the wall clock of the program's zone."""
        return self.at.astimezone(self.zone)

    def stored(self) -> dict[str, Any]:
        """Return what is stored of it: the instant and the zone are the order's and the program's."""
        said: dict[str, Any] = {}
        if self.multiplier != ONE:
            said["multiplier"] = f"{self.multiplier.normalize():f}"
        if self.is_first:
            said["is_first"] = True
        if self.tier:
            said["tier"] = self.tier
        if self.extra_months:
            said["extra_months"] = self.extra_months
        if self.plan:
            said |= {"plan": self.plan, "plan_multiplier": f"{self.plan_multiplier.normalize():f}"}
        if self.segments:
            said["segments"] = sorted(self.segments)
        if self.value_decile is not None:
            said["value_decile"] = self.value_decile
        if self.arms:
            said["arms"] = sorted(self.arms)
        if self.is_withheld:
            said["is_withheld"] = True
        return said

    def restored(self, said: Mapping[str, Any]) -> "Occasion":
        """Return the occasion that was stored, at this one's instant and zone."""
        return replace(
            self,
            multiplier=Decimal(said.get("multiplier", 1)),
            is_first=bool(said.get("is_first")),
            tier=said.get("tier", ""),
            extra_months=int(said.get("extra_months", 0)),
            plan=said.get("plan", ""),
            plan_multiplier=Decimal(said.get("plan_multiplier", 1)),
            segments=frozenset(said.get("segments", ())),
            value_decile=said.get("value_decile"),
            arms=frozenset(said.get("arms", ())),
            is_withheld=bool(said.get("is_withheld")),
        )
