"""The four kinds of file: which columns each has, and how its rows become facts that are recorded."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from customers.batches import Outcome, Status
from customers.checks import NOTHING, InvalidFact
from customers.core.contacts import MAX_COMMENT, MAX_TOPIC, OUTCOMES
from customers.core.errors import DomainError
from customers.core.values import dataclass
from customers.facts import InteractionFact, OrderFact, ReturnFact, ReturnLineFact, line_of
from customers.importing import cells
from customers.importing.cells import Column
from customers.importing.discounts import require_sum, spread
from customers.importing.problems import Problem
from customers.models import Interaction, Retailer
from customers.recording import record_interactions, record_orders, record_returns
from customers.registration import CustomerFact, register

Fact = TypeVar("Fact")
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stated(Generic[Fact]):
    """A fact with the lines of the file that state it together."""

    lines: tuple[int, ...]
    fact: Fact

    def line_of(self, error: DomainError) -> int:
        """Return the line of the file that an error is about: the first one unless it names another."""
        place = error.place if isinstance(error, InvalidFact) else None
        return self.lines[place or 0]


@dataclass(frozen=True, slots=True)
class Tally:
    """
    What a batch came to.

    :param problems: of the facts that were refused
    :param refused: the lines of the file that state these facts
    """

    created: int
    unchanged: int
    problems: list[Problem]
    refused: list[int]


class Format(ABC):
    """
    A kind of file.

    :param key: the column whose value rows of one fact share
    :param has_lines: whether rows of one key are lines of one fact; otherwise they repeat it
    :param one_of: columns of which one must be there
    """

    columns: ClassVar[tuple[Column, ...]]
    key: ClassVar[str]
    has_lines: ClassVar[bool] = False
    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()

    @abstractmethod
    def fact(self, said: Values, rows: Sequence[Values], currency: str) -> Any:
        """
        Return the fact that some rows state together.

        :param said: what they say together, by column
        :param rows: what each says for itself, by column
        :raises BadCell: or InvalidFact, when it cannot be
        """

    @abstractmethod
    def record(self, retailer: Retailer, facts: Sequence[Stated[Any]], now: datetime) -> Tally:
        """Record facts."""


def _id(name: str, example: str, *, is_required: bool = False, is_of_row: bool = False, empty: Any = "") -> Column:
    return Column(name, cells.identity, is_of_row, is_required, empty, "id", example)


def _when(name: str, read: Any, example: str, *, is_required: bool = False) -> Column:
    return Column(name, read, is_required=is_required, empty=None, kind="date", example=example)


def _number(name: str, read: Any, example: str = "", *, is_of_row: bool = False, empty: Any = None) -> Column:
    return Column(name, read, is_of_row, empty=empty, kind="number", example=example)


def _quantity(example: str) -> Column:
    return Column(
        "quantity", cells.quantity, is_of_row=True, is_required=True, empty=None, kind="number", example=example
    )


class Customers(Format):
    key = "external_id"
    columns = (
        _id("external_id", "C-0001", is_required=True),
        Column("email", cells.email, empty=None, example="ada@example.org"),
        Column("phone", cells.text(32), empty=None, example="+33 1 23 45 67 89"),
        Column("first_name", cells.text(), empty=None, example="Ada"),
        Column("last_name", cells.text(), empty=None, example="Lovelace"),
        _when("birth_date", cells.day, "1985-12-10"),
        Column("language", cells.choice(["en", "fr"]), empty=None, example="fr"),
        Column("acquisition_channel", cells.text(50), empty=None, example="search"),
        _number("acquisition_cost", cells.money, "12.50"),
        _when("identified_at", cells.instant, "2026-03-01T10:00:00+01:00"),
    )

    def fact(self, said: Values, _rows: Sequence[Values], _currency: str) -> CustomerFact:
        return CustomerFact(**said)

    def record(self, retailer: Retailer, facts: Sequence[Stated[CustomerFact]], now: datetime) -> Tally:
        registered = register(retailer, [stated.fact for stated in facts], now=now)
        touched = sum(1 for customer in registered if customer.changed)
        return _tally(facts, [customer.error for customer in registered], touched, self.key)


class Orders(Format):
    key = "order_number"
    has_lines = True
    one_of = (("net_amount", "unit_price"),)
    columns = (
        _id("order_number", "2026-0001", is_required=True),
        _when("occurred_at", cells.instant, "2026-03-01T10:00:00+01:00", is_required=True),
        _id("sku", "COFFEE-250", is_required=True, is_of_row=True),
        _quantity("2"),
        _number("net_amount", cells.money, "9.80", is_of_row=True),
        _number("unit_price", cells.price, is_of_row=True),
        _number("discount", cells.money, is_of_row=True, empty=NOTHING),
        _id("customer", "C-0001", empty=None),
        Column("category", cells.text(), is_of_row=True, example="DRINKS"),
        Column("brand", cells.text(), is_of_row=True),
        _number("unit_cost", cells.price, is_of_row=True),
        Column("is_gift_card", cells.flag, empty=False, is_of_row=True),
        Column("currency", cells.currency, example="EUR"),
        _number("shipping_amount", cells.money, empty=NOTHING),
        _number("order_discount", cells.money),
        _number("lines_amount", cells.money),
        Column("channel", cells.text(50), example="web"),
        Column("store", cells.text(50)),
        Column("promotion_code", cells.text()),
        Column("is_gift", cells.flag, empty=False),
        Column("identified_by", cells.text(20)),
    )

    def fact(self, said: Values, rows: Sequence[Values], currency: str) -> OrderFact:
        of_order = dict(said)
        discount: Decimal | None = of_order.pop("order_discount")
        stated: Decimal | None = of_order.pop("lines_amount")
        lines = tuple(_placed(place, line_of, row) for place, row in enumerate(rows))
        if discount:
            lines = spread(lines, discount, currency)
        if stated is not None:
            require_sum(lines, stated, currency)
        return OrderFact(number=of_order.pop("order_number"), lines=lines, **of_order)

    def record(self, retailer: Retailer, facts: Sequence[Stated[OrderFact]], now: datetime) -> Tally:
        return _outcomes(facts, record_orders(retailer, [stated.fact for stated in facts], now=now), self.key)


class Returns(Format):
    key = "return_number"
    has_lines = True
    one_of = (("sku", "position"),)
    columns = (
        _id("return_number", "R-0001", is_required=True),
        _id("order_number", "2026-0001", is_required=True),
        _when("occurred_at", cells.instant, "2026-03-08T10:00:00+01:00", is_required=True),
        _quantity("1"),
        _id("sku", "COFFEE-250", is_of_row=True),
        _number("position", cells.whole, is_of_row=True),
    )

    def fact(self, said: Values, rows: Sequence[Values], _currency: str) -> ReturnFact:
        lines = tuple(_placed(place, ReturnLineFact, row) for place, row in enumerate(rows))
        return ReturnFact(said["return_number"], said["order_number"], said["occurred_at"], lines)

    def record(self, retailer: Retailer, facts: Sequence[Stated[ReturnFact]], now: datetime) -> Tally:
        return _outcomes(facts, record_returns(retailer, [stated.fact for stated in facts], now=now), self.key)


class Interactions(Format):
    key = "number"
    columns = (
        _id("number", "I-0001", is_required=True),
        _id("customer", "C-0001", is_required=True),
        Column("kind", cells.choice(Interaction.Kind.values), is_required=True, example="review"),
        _when("occurred_at", cells.instant, "2026-03-01T10:00:00+01:00", is_required=True),
        Column("channel", cells.text(50), example="web"),
        _id("sku", "COFFEE-250"),
        _number("score", cells.whole),
        Column("topic", cells.text(MAX_TOPIC)),
        Column("outcome", cells.choice(OUTCOMES)),
        Column("comment", cells.text(MAX_COMMENT)),
    )

    def fact(self, said: Values, _rows: Sequence[Values], _currency: str) -> InteractionFact:
        return InteractionFact(**said)

    def record(self, retailer: Retailer, facts: Sequence[Stated[InteractionFact]], now: datetime) -> Tally:
        return _outcomes(facts, record_interactions(retailer, [stated.fact for stated in facts], now=now), self.key)


# What errors of another place in the house are about.
COLUMNS = {
    "other_currency": "currency", "more_than_bought": "quantity", "unknown_order": "order_number", "other_line": "position",
}  # fmt: skip
FORMATS: dict[str, Format] = {
    "customers": Customers(),
    "orders": Orders(),
    "returns": Returns(),
    "interactions": Interactions(),
}


def _placed(place: int, make: Any, values: Values) -> Any:
    """Return a line, or refuse it by its place."""
    try:
        return make(**values)
    except InvalidFact as error:
        raise error.of_line(place) from None


def _outcomes(facts: Sequence[Stated[Any]], outcomes: Sequence[Outcome[Any]], column: str) -> Tally:
    created = sum(1 for outcome in outcomes if outcome.status is Status.CREATED)
    return _tally(facts, [outcome.error for outcome in outcomes], created, column)


def _tally(facts: Sequence[Stated[Any]], errors: Sequence[DomainError | None], new: int, column: str) -> Tally:
    """Return what came of facts: each error with the line and the column that it is about."""
    problems: list[Problem] = []
    refused: list[int] = []
    for stated, error in zip(facts, errors, strict=True):
        if error is not None:
            problems.append(Problem(stated.line_of(error), _column_of(error, column), str(error)))
            refused += stated.lines
    return Tally(new, len(facts) - new - len(problems), problems, refused)


def _column_of(error: DomainError, otherwise: str) -> str:
    if isinstance(error, InvalidFact):
        return error.column
    return COLUMNS.get(error.code, otherwise)
