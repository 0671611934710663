"""What a retailer reports, before it is recorded: frozen values, checked when they are made."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from customers.checks import (
    LARGEST_SCORE,
    MAX_LINES,
    MAX_REDEMPTIONS,
    MAX_VERSION,
    NOTHING,
    InvalidFact,
    amount_of,
    exact,
    plain,
    price_of,
    quantity_of,
    require_customer_id,
    require_line,
    require_name,
    require_text,
    require_zone,
)
from customers.core.contacts import CONTACT, MAX_COMMENT, MAX_TOPIC, OUTCOMES
from customers.core.money import MILLIONTH, THOUSANDTH, to_scale, unit_of
from customers.core.scales import SCALES
from customers.core.values import dataclass

OF_CONTACT = ("topic", "outcome", "comment")
ORDER_TEXTS = (("currency", 3), ("channel", 50), ("store", 50), ("promotion_code", 100), ("identified_by", 20))


@dataclass(frozen=True, slots=True)
class LineFact:
    """
    One line of an order.

    :param net_amount: what the whole line cost after its discount, in the order's currency
    :param is_derived: whether the amount is quantity x price, to be rounded to the currency's decimals
    :param is_gift_card: whether a gift card is bought by it, and no product
    """

    sku: str
    quantity: Decimal
    net_amount: Decimal
    unit_price: Decimal
    discount: Decimal = NOTHING
    category: str = ""
    brand: str = ""
    unit_cost: Decimal | None = None
    is_gift_card: bool = False
    is_derived: bool = False

    def __post_init__(self) -> None:
        require_line("sku", self.sku, 100)
        require_line("category", self.category, 100)
        require_line("brand", self.brand, 100)


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
        self._require_texts()
        if not self.lines:
            raise InvalidFact("lines", "no_lines")
        if len(self.lines) > MAX_LINES:
            raise InvalidFact("lines", "too_many_lines", value=len(self.lines), limit=MAX_LINES)
        total = amount_of("lines", self.net_amount)
        amount_of("shipping_amount", self.shipping_amount)
        if amount_of("paid_with_points", self.paid_with_points) > total:
            raise InvalidFact("paid_with_points", "more_than_amount", value=self.paid_with_points, limit=total)

    def _require_texts(self) -> None:
        require_name("number", self.number, 100)
        if self.customer is not None:
            require_customer_id("customer", self.customer)
        for column, limit in ORDER_TEXTS:
            require_line(column, getattr(self, column), limit)
        if len(self.redemptions) > MAX_REDEMPTIONS:
            raise InvalidFact("redemptions", "too_many_redemptions", value=len(self.redemptions), limit=MAX_REDEMPTIONS)
        for reference in self.redemptions:
            require_name("redemptions", reference, 80)

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), Decimal(0))  # in the lines' digits


@dataclass(frozen=True, slots=True)
class CorrectionFact:
    """
    What an order is to say from now on, whole.

    :param version: the retailer's count of its contents, from 1; what POST reported is 0
    """

    order: OrderFact
    version: int

    def __post_init__(self) -> None:
        if not 1 <= self.version <= MAX_VERSION:
            raise InvalidFact("version", "no_such_version", value=plain(Decimal(self.version)), limit=MAX_VERSION)

    @property
    def number(self) -> str:
        return self.order.number

    @property
    def occurred_at(self) -> datetime:
        return self.order.occurred_at


@dataclass(frozen=True, slots=True)
class ReturnLineFact:
    """How much of one line came back; the line is named by its position in the order (from 1), or by its SKU."""

    quantity: Decimal
    position: int | None = None
    sku: str = ""

    def __post_init__(self) -> None:
        quantity_of(self.quantity)
        require_line("sku", self.sku, 100)
        if self.position is None and not self.sku:
            raise InvalidFact("sku", "no_line_name")
        if self.position is not None and not 1 <= self.position <= MAX_LINES:
            raise InvalidFact("position", "no_such_position", value=plain(Decimal(self.position)), limit=MAX_LINES)


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """Some lines of an order came back."""

    number: str
    order_number: str
    occurred_at: datetime
    lines: tuple[ReturnLineFact, ...]

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)
        require_name("number", self.number, 100)
        require_name("order_number", self.order_number, 100)
        if not self.lines:
            raise InvalidFact("lines", "no_return_lines")
        if len(self.lines) > MAX_LINES:
            raise InvalidFact("lines", "too_many_lines", value=len(self.lines), limit=MAX_LINES)


@dataclass(frozen=True, slots=True)
class OrderEventFact:
    """Something happened to an order, such as its delivery; once per order and kind."""

    order_number: str
    kind: str
    occurred_at: datetime

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)
        require_name("order_number", self.order_number, 100)
        require_name("kind", self.kind, 50)

    @property
    def number(self) -> str:
        """Return its natural key."""
        return f"{self.order_number}:{self.kind}"


@dataclass(frozen=True, slots=True)
class InteractionFact:
    """
    Something that a customer did and that is no purchase.

    :param topic: what a contact with support was about, in the retailer's words
    :param outcome: how a contact ended: open, solved or unsolved; empty where nobody says
    :param comment: a few words of a contact, in one line or several
    """

    number: str
    customer: str
    kind: str
    occurred_at: datetime
    channel: str = ""
    sku: str = ""
    score: int | None = None
    topic: str = ""
    outcome: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        require_zone(self.occurred_at)
        require_name("number", self.number, 100)
        require_customer_id("customer", self.customer)
        require_name("kind", self.kind, 20)
        require_line("channel", self.channel, 50)
        require_line("sku", self.sku, 100)
        if self.score is not None and abs(self.score) > LARGEST_SCORE:
            raise InvalidFact("score", "score_too_large", value=plain(Decimal(self.score)))
        scale = SCALES.get(self.kind)
        if self.score is not None and scale is not None and self.score not in scale:
            raise InvalidFact("score", "score_off_scale", value=self.score, lowest=scale[0], highest=scale[-1])
        if self.topic or self.outcome or self.comment:
            self._require_contact()

    def _require_contact(self) -> None:
        if self.kind != CONTACT:
            column = next(name for name in OF_CONTACT if getattr(self, name))
            raise InvalidFact(column, "not_of_a_contact", kind=self.kind)
        require_line("topic", self.topic, MAX_TOPIC)
        require_text("comment", self.comment, MAX_COMMENT)
        if self.outcome and self.outcome not in OUTCOMES:
            raise InvalidFact("outcome", "no_such_outcome", value=self.outcome[:20], known=", ".join(OUTCOMES))


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
    is_gift_card: bool = False,
) -> LineFact:
    """
    Return a line from its amount, or from its unit price and discount; the other one is derived.

    How many decimals its amounts may have is known when it is recorded, with its order's currency: see `in_currency`.

    :param unit_price: with up to six decimals, as `unit_cost`
    :raises InvalidFact: for a quantity that is not positive, an amount that is negative, too large or not exact, or neither
        amount nor price
    """
    quantity = quantity_of(quantity)
    discount = amount_of("discount", discount)
    is_derived = net_amount is None
    if unit_price is not None:
        unit_price = price_of("unit_price", unit_price)
    if net_amount is None:
        if unit_price is None:
            raise InvalidFact("net_amount", "no_amount")
        net_amount = quantity * unit_price - discount
    net_amount = amount_of("net_amount", net_amount)
    if unit_price is None:
        unit_price = (net_amount + discount) / quantity
    return LineFact(
        sku=sku,
        quantity=quantity,
        net_amount=net_amount,
        unit_price=to_scale(unit_price, MILLIONTH),
        discount=discount,
        category=category,
        brand=brand,
        unit_cost=None if unit_cost is None else price_of("unit_cost", unit_cost),
        is_gift_card=is_gift_card,
        is_derived=is_derived,
    )


def in_currency(fact: OrderFact, currency: str) -> OrderFact:
    """
    Return an order as it is recorded, so that equal content is written in equal digits.

    Its amounts have its currency's decimals, and its redemptions are in order, each once. Nothing is rounded but amounts that
    were derived from a unit price.

    :raises InvalidFact: for an amount with more decimals than its currency has
    """
    unit = unit_of(currency)
    lines = fact.lines
    if not all(_is_exact(line.net_amount, unit) and _is_exact(line.discount, unit) for line in lines):
        lines = tuple(_line_in(place, line, unit) for place, line in enumerate(lines))
    redemptions = tuple(sorted(set(fact.redemptions))) if fact.redemptions else ()
    is_exact = _is_exact(fact.shipping_amount, unit) and _is_exact(fact.paid_with_points, unit)
    if is_exact and lines is fact.lines and redemptions == fact.redemptions:
        return fact  # as most are: this is the way of every order
    return replace(
        fact,
        lines=lines,
        shipping_amount=exact("shipping_amount", fact.shipping_amount, unit),
        paid_with_points=exact("paid_with_points", fact.paid_with_points, unit),
        redemptions=redemptions,
    )


def _line_in(place: int, line: LineFact, unit: Decimal) -> LineFact:
    net_amount = to_scale(line.net_amount, unit) if line.is_derived else line.net_amount
    try:
        return replace(
            line,
            net_amount=exact("net_amount", net_amount, unit),
            discount=exact("discount", line.discount, unit),
            is_derived=False,
        )
    except InvalidFact as error:
        raise error.of_line(place) from None


def _is_exact(value: Decimal, unit: Decimal) -> bool:
    """Tell whether a value is written in the digits in which it is recorded."""
    return value.same_quantum(unit) and not value.is_signed()


AnyFact = OrderFact | CorrectionFact | ReturnFact | OrderEventFact | InteractionFact


def fingerprint(fact: AnyFact) -> bytes:
    """Return 16 bytes that are equal for equal content, whatever zone its instant was written in."""
    return blake2b(repr(_canonical(fact)).encode(), digest_size=16).digest()


def _canonical(fact: AnyFact) -> tuple[Any, ...]:
    if isinstance(fact, CorrectionFact):
        return _canonical(fact.order)
    instant = fact.occurred_at.astimezone(UTC).isoformat()
    if isinstance(fact, OrderFact):
        lines = [
            (
                li.sku, str(li.quantity), str(li.net_amount), str(li.discount), li.category, li.brand, str(li.unit_cost),
                *((True,) if li.is_gift_card else ()),  # as below
            )
            for li in fact.lines
        ]  # fmt: skip
        # fmt: off
        return (
            # The currency is its retailer's, whether it is said or not.
            fact.number, fact.customer, instant, "", str(fact.shipping_amount), fact.channel, fact.store,
            fact.promotion_code, fact.is_gift, fact.identified_by, lines,
            # What came later stands only where it is used, so that what was recorded before keeps its fingerprint.
            *((str(fact.paid_with_points), fact.redemptions) if fact.paid_with_points or fact.redemptions else ()),
        )
        # fmt: on
    if isinstance(fact, OrderEventFact):
        return fact.order_number, fact.kind, instant
    if isinstance(fact, ReturnFact):
        return (
            fact.number,
            fact.order_number,
            instant,
            [(li.position, li.sku, str(to_scale(li.quantity, THOUSANDTH))) for li in fact.lines],
        )
    of_contact = (fact.topic, fact.outcome, fact.comment)
    return (
        fact.number, fact.customer, fact.kind, instant, fact.channel, fact.sku, fact.score,
        *(of_contact if any(of_contact) else ()),  # as above
    )  # fmt: skip
