"""What a retailer reports, before it is recorded: frozen values, checked when they are made."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.money import CENT, MILLIONTH, THOUSANDTH, to_scale

NOTHING = Decimal(0)
LARGEST_AMOUNT = Decimal(10) ** 12
LARGEST_QUANTITY = Decimal(10) ** 9
FIRST_YEAR, LAST_YEAR = 1970, 2199


class InvalidFact(DomainError):
    """A report that cannot be true; `column` says where."""

    code = "invalid"
    kind = Kind.INVALID

    def __init__(self, column: str, code: str, **facts: Any) -> None:
        super().__init__(column=column, **facts)
        self.column = column
        self.reason = code

    def __str__(self) -> str:
        return str(REASONS[self.reason]).format(**self.facts)


REASONS = {
    "quantity_not_positive": _(
        "The quantity is {value}; it must be more than zero. Report what came back as a return."
    ),
    "quantity_too_large": _("The quantity {value} is too large."),
    "amount_negative": _("The amount is {value}; it must not be negative. Report what came back as a return."),
    "amount_too_large": _("The amount {value} is too large."),
    "no_amount": _("Give the line's amount or its unit price."),
    "no_lines": _("The order has no lines."),
    "too_many_lines": _("The order has {value} lines; at most {limit} are taken."),
    "out_of_range": _("The time {value} lies outside the years {first} to {last}."),
    "no_zone": _("The time {value} has no zone. Write it like 2026-03-29T18:30:00+02:00."),
    "no_return_lines": _("The return names no lines."),
    "more_than_amount": _("{value} was paid with points, but the lines cost only {limit}."),
    "no_line_name": _("Name the order's line by its position or its SKU."),
}
MAX_LINES = 10_000


@dataclass(frozen=True, slots=True)
class LineFact:
    """
    One line of an order.

    :param net_amount: what the whole line cost after its discount, in the order's currency
    """

    sku: str
    quantity: Decimal
    net_amount: Decimal
    unit_price: Decimal
    discount: Decimal = NOTHING
    category: str = ""
    brand: str = ""
    unit_cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderFact:
    """
    A purchase.

    :param customer: the retailer's id of the customer; None for a guest
    :param occurred_at: an instant with its zone, on the retailer's clock
    :param paid_with_points: the part of the lines' amounts that was paid with points
    :param redemptions: the references of the redemptions that paid it
    """

    number: str
    occurred_at: datetime
    lines: tuple[LineFact, ...]
    customer: str | None = None
    currency: str = ""
    shipping_amount: Decimal = NOTHING
    channel: str = ""
    store: str = ""
    promotion_code: str = ""
    is_gift: bool = False
    identified_by: str = ""
    paid_with_points: Decimal = NOTHING
    redemptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)
        if amount_of("paid_with_points", self.paid_with_points) > self.net_amount:
            raise InvalidFact(
                "paid_with_points", "more_than_amount", value=self.paid_with_points, limit=self.net_amount
            )
        if not self.lines:
            raise InvalidFact("lines", "no_lines")
        if len(self.lines) > MAX_LINES:
            raise InvalidFact("lines", "too_many_lines", value=len(self.lines), limit=MAX_LINES)
        amount_of("lines", self.net_amount)

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), NOTHING)


@dataclass(frozen=True, slots=True)
class ReturnLineFact:
    """How much of one line came back; the line is named by its position in the order (from 1), or by its SKU."""

    quantity: Decimal
    position: int | None = None
    sku: str = ""

    def __post_init__(self) -> None:
        if self.position is None and not self.sku:
            raise InvalidFact("sku", "no_line_name")


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """Some lines of an order came back."""

    number: str
    order_number: str
    occurred_at: datetime
    lines: tuple[ReturnLineFact, ...]

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)
        if not self.lines:
            raise InvalidFact("lines", "no_return_lines")


@dataclass(frozen=True, slots=True)
class OrderEventFact:
    """Something happened to an order, such as its delivery; once per order and kind."""

    order_number: str
    kind: str
    occurred_at: datetime

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)

    @property
    def number(self) -> str:
        """Return its natural key."""
        return f"{self.order_number}:{self.kind}"


@dataclass(frozen=True, slots=True)
class InteractionFact:
    """Something that a customer did and that is no purchase."""

    number: str
    customer: str
    kind: str
    occurred_at: datetime
    channel: str = ""
    sku: str = ""
    score: int | None = None

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)


def line_of(  # noqa: PLR0913 - a line has this many facts
    *,
    sku: str,
    quantity: Decimal,
    net_amount: Decimal | None = None,
    unit_price: Decimal | None = None,
    discount: Decimal = NOTHING,
    category: str = "",
    brand: str = "",
    unit_cost: Decimal | None = None,
) -> LineFact:
    """
    Return a line from its amount, or from its unit price and discount; the other one is derived.

    :raises InvalidFact: for a quantity that is not positive, an amount that is negative, or neither amount nor price
    """
    quantity = quantity_of(quantity)
    discount = amount_of("discount", discount)
    if net_amount is None:
        if unit_price is None:
            raise InvalidFact("net_amount", "no_amount")
        net_amount = quantity * unit_price - discount
    net_amount = amount_of("net_amount", net_amount)
    if unit_price is None:
        unit_price = (net_amount + discount) / quantity
    if unit_price < 0:
        raise InvalidFact("unit_price", "amount_negative", value=unit_price)
    return LineFact(
        sku=sku,
        quantity=quantity,
        net_amount=net_amount,
        unit_price=to_scale(unit_price, MILLIONTH),
        discount=discount,
        category=category,
        brand=brand,
        unit_cost=None if unit_cost is None else to_scale(unit_cost, MILLIONTH),
    )


def quantity_of(value: Decimal) -> Decimal:
    """Return a quantity in its column's scale."""
    if value >= LARGEST_QUANTITY:
        raise InvalidFact("quantity", "quantity_too_large", value=value)
    quantity = to_scale(value, THOUSANDTH)
    if quantity <= 0:
        raise InvalidFact("quantity", "quantity_not_positive", value=value)
    return quantity


def amount_of(column: str, value: Decimal) -> Decimal:
    """Return an amount in its column's scale."""
    if value < 0:
        raise InvalidFact(column, "amount_negative", value=value)
    if value >= LARGEST_AMOUNT:
        raise InvalidFact(column, "amount_too_large", value=value)
    return to_scale(value, CENT)


def require_zone(instant: datetime) -> None:
    """Refuse an instant without a zone: it could be any of thirty-eight."""
    if instant.tzinfo is None:
        raise InvalidFact("occurred_at", "no_zone", value=instant.isoformat())
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise InvalidFact("occurred_at", "out_of_range", value=instant.isoformat(), first=FIRST_YEAR, last=LAST_YEAR)


AnyFact = OrderFact | ReturnFact | OrderEventFact | InteractionFact


def fingerprint(fact: AnyFact) -> bytes:
    """Return 16 bytes that are equal for equal content, whatever zone its instant was written in."""
    return blake2b(repr(_canonical(fact)).encode(), digest_size=16).digest()


def _canonical(fact: AnyFact) -> tuple[Any, ...]:
    instant = fact.occurred_at.astimezone(UTC).isoformat()
    if isinstance(fact, OrderFact):
        lines = [
            (li.sku, str(li.quantity), str(li.net_amount), str(li.discount), li.category, li.brand, str(li.unit_cost))
            for li in fact.lines
        ]
        # fmt: off
        return (
            fact.number, fact.customer, instant, fact.currency, str(fact.shipping_amount), fact.channel, fact.store,
            fact.promotion_code, fact.is_gift, fact.identified_by, lines,
            # What came later stands only where it is used, so that what was recorded before keeps its fingerprint.
            *((str(fact.paid_with_points), fact.redemptions) if fact.paid_with_points or fact.redemptions else ()),
        )
        # fmt: on
    if isinstance(fact, OrderEventFact):
        return fact.order_number, fact.kind, instant
    if isinstance(fact, ReturnFact):
        return fact.number, fact.order_number, instant, [(li.position, li.sku, str(li.quantity)) for li in fact.lines]
    return fact.number, fact.customer, fact.kind, instant, fact.channel, fact.sku, fact.score
