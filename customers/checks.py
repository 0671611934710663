"""What a report may say: numbers that can be stored to the last digit, texts that fit, instants that have come."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.errors import DomainError, Fault, Kind
from customers.core.money import MILLIONTH, THOUSANDTH, to_scale, unit_of

NOTHING = Decimal("0.00")  # in the digits of most currencies
# Of a line, of its unit price, of an order's lines together, of shipping: less than this. Sums have no limit of their own:
# their columns hold any number.
LARGEST_AMOUNT = Decimal(10) ** 12
LARGEST_QUANTITY = Decimal(10) ** 9
LARGEST_SCORE = 32_000
ERASED_PREFIX = "erased-"  # of the id of who was erased, which leads to nobody
# By how much a retailer's clock may run ahead of ours.
CLOCK_TOLERANCE = timedelta(minutes=15)
MAX_LINES = 10_000
# How addresses of the API end that lead on from a customer: an id that ended so could not be read back. The number of an order
# may end as it likes: the method tells what is meant.
AFTER_CUSTOMERS = (
    "/consents", "/erase", "/experiments", "/export", "/export.zip", "/memberships", "/merge", "/recommendations", "/token",
)  # fmt: skip
MAX_REDEMPTIONS = 20
MAX_VERSION = 2**31 - 1


class InvalidFact(DomainError):
    """
    A report that cannot be true; its code is the reason, such as `in_the_future`.

    :param column: says where
    :param place: of the line of an order or return that is meant, from 0
    """

    kind = Kind.INVALID

    def __init__(self, column: str, code: str, *, place: int | None = None, **facts: Any) -> None:
        self.code = code
        super().__init__(column=column, **facts)
        self.column = column
        self.place = place

    def __str__(self) -> str:
        return str(REASONS[self.code]).format(**self.facts)

    @property
    def findings(self) -> tuple[Fault, ...]:
        """Return what is wrong with its place in the report: `occurred_at`, `lines/0/net_amount`."""
        place = self.column if self.place is None else f"lines/{self.place}/{self.column}"
        return (Fault(place, self.code, str(self)),)

    def of_line(self, place: int) -> "InvalidFact":
        """Return this as what is wrong with one line of a report."""
        facts = {name: value for name, value in self.facts.items() if name != "column"}
        return InvalidFact(self.column, self.code, place=place, **facts)


REASONS = {
    "quantity_not_positive": _(
        "The quantity is {value}; it must be more than zero. Report what came back as a return."
    ),
    "quantity_too_large": _("The quantity {value} is too large."),
    "amount_negative": _("The amount is {value}; it must not be negative. Report what came back as a return."),
    "amount_too_large": _("The amount {value} is too large."),
    "no_number": _("“{value}” is no number."),
    "too_many_decimals": _("{value} has more than {limit} decimals. Nothing is rounded: report the exact value."),
    "score_too_large": _("The score {value} is too large."),
    "score_off_scale": _("The score {value} is not on the scale of such an answer, from {lowest} to {highest}."),
    "not_of_a_contact": _(
        "Only a contact with support (kind support) has a topic, an outcome and a comment; this is a {kind}."
    ),
    "no_such_outcome": _("“{value}” is no outcome of a contact. There are: {known}."),
    "text_too_long": _("“{value}…” is longer than {limit} characters."),
    "text_empty": _("The value is empty."),
    "leads_elsewhere": _(
        "“{value}” could not be read back: addresses of the API that lead elsewhere end in “{ending}”. Report it under another "
        "name, such as with “-” in the place of “/”."
    ),
    "text_with_nul": _("The value holds a NUL character, which is no text."),
    "text_with_line_break": _("The value holds a line break; it has one line."),
    "too_many_redemptions": _("The order names {value} redemptions; at most {limit} are taken."),
    "no_such_position": _("{value} is no position of a line: they count from 1 to {limit}."),
    "no_such_version": _("{value} is no version: they count from 1 to {limit}."),
    "born_in_the_future": _("The birth date {value} lies in the future."),
    "in_the_future": _(
        "The time {value} lies in the future, by more than the {limit} minutes that a clock may run ahead."
    ),
    "no_amount": _("Give the line's amount or its unit price."),
    "no_lines": _("The order has no lines."),
    "too_many_lines": _("The order has {value} lines; at most {limit} are taken."),
    "out_of_range": _("The time {value} lies outside the years {first} to {last}."),
    "no_zone": _("The time {value} has no zone. Write it like 2026-03-29T18:30:00+02:00."),
    "no_return_lines": _("The return names no lines."),
    "more_than_amount": _("{value} was paid with points, but the lines cost only {limit}."),
    "no_line_name": _("Name the order's line by its position or its SKU."),
}


def money_of(column: str, value: Decimal, currency: str) -> Decimal:
    """
    Return an amount with its currency's decimals.

    :raises InvalidFact: when it is negative, too large, or has more decimals
    """
    return exact(column, amount_of(column, value), unit_of(currency))


def quantity_of(value: Decimal) -> Decimal:
    """Return a quantity in its column's scale, of three decimals."""
    _require_number("quantity", value)
    if value >= LARGEST_QUANTITY:
        raise InvalidFact("quantity", "quantity_too_large", value=plain(value))
    if value <= 0:
        raise InvalidFact("quantity", "quantity_not_positive", value=plain(value))
    return exact("quantity", value, THOUSANDTH)


def amount_of(column: str, value: Decimal) -> Decimal:
    """Return an amount that can be, in the digits in which it is given."""
    _require_number(column, value)
    if value < 0:
        raise InvalidFact(column, "amount_negative", value=plain(value))
    if value >= LARGEST_AMOUNT:
        raise InvalidFact(column, "amount_too_large", value=plain(value))
    return value


def price_of(column: str, value: Decimal) -> Decimal:
    """Return the price or cost of one piece in its column's scale, of six decimals."""
    return exact(column, amount_of(column, value), MILLIONTH)


def exact(column: str, value: Decimal, unit: Decimal) -> Decimal:
    """Return a value in multiples of a unit; what would have to be rounded for it is refused."""
    scaled = to_scale(value, unit)
    if scaled != value:
        raise InvalidFact(column, "too_many_decimals", value=plain(value), limit=-int(unit.adjusted()))
    return scaled.copy_abs()  # nothing is negative here, but for -0


def _require_number(column: str, value: Decimal) -> None:
    if not value.is_finite():
        raise InvalidFact(column, "no_number", value=value)


MAX_DIGITS_SHOWN = 30


def plain(number: Decimal) -> str:
    """Write a number without the zeros of its scale, and without an exponent unless its digits were too many to read."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "only finite numbers are written"
    while len(digits) > 1 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if digits == (0,):
        return "0"
    short = Decimal((sign, digits, exponent))
    written = max(len(digits), len(digits) + exponent, -exponent)
    return f"{short:f}" if written <= MAX_DIGITS_SHOWN else f"{short:E}"


def require_text(column: str, value: str, limit: int) -> None:
    """Refuse a text that its column cannot hold."""
    if len(value) > limit:
        raise InvalidFact(column, "text_too_long", value=value[:20], limit=limit)
    if "\x00" in value:
        raise InvalidFact(column, "text_with_nul")


def require_line(column: str, value: str, limit: int) -> None:
    """Refuse a text that its column cannot hold, or of several lines: nothing that is named so is one."""
    require_text(column, value, limit)
    if "\n" in value or "\r" in value:
        raise InvalidFact(column, "text_with_line_break")


def require_name(column: str, value: str, limit: int) -> None:
    """Refuse a name that its column cannot hold, of several lines, or none."""
    if not value:
        raise InvalidFact(column, "text_empty")
    require_line(column, value, limit)


def require_customer_id(column: str, external_id: str) -> None:
    """Refuse a retailer's id of a customer that cannot be stored, or not be read back by the API."""
    require_name(column, external_id, 100)
    if external_id.endswith(AFTER_CUSTOMERS):
        raise InvalidFact(column, "leads_elsewhere", value=external_id, ending=f"/{external_id.rpartition('/')[2]}")


def past_of(column: str, instant: datetime, now: datetime) -> datetime:
    """
    Return an instant as it is recorded: now, where a clock ran ahead by no more than it may.

    :raises InvalidFact: when it is more than CLOCK_TOLERANCE after now
    """
    if instant > now + CLOCK_TOLERANCE:
        minutes = int(CLOCK_TOLERANCE.total_seconds() // 60)
        raise InvalidFact(column, "in_the_future", value=instant.isoformat(), limit=minutes)
    return min(instant, now)


def require_zone(instant: datetime) -> None:
    """Refuse an instant without a zone: it could be any of thirty-eight."""
    require_in_range("occurred_at", instant)


def require_in_range(column: str, instant: datetime) -> None:
    """Refuse an instant without a zone, or in years that calendars cannot count with."""
    if instant.tzinfo is None:
        raise InvalidFact(column, "no_zone", value=instant.isoformat())
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise InvalidFact(column, "out_of_range", value=instant.isoformat(), first=FIRST_YEAR, last=LAST_YEAR)
