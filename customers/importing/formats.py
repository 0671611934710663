"""The four kinds of file: which columns each has, and how its rows become facts."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, ClassVar, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from customers.batches import Outcome, Status
from customers.checks import NOTHING, InvalidFact, quantity_of
from customers.core.errors import DomainError
from customers.facts import InteractionFact, LineFact, OrderFact, ReturnFact, ReturnLineFact, line_of
from customers.importing.cells import BadCell, Cells
from customers.models import Interaction, Retailer
from customers.recording import record_interactions, record_orders, record_returns
from customers.registration import CustomerFact, register

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was not taken; `column` is empty where the whole row is meant."""

    line: int
    column: str
    reason: str


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
    """What a batch came to."""

    created: int
    unchanged: int
    problems: list[Problem]


class Format(ABC):
    """A kind of file. `key` names the column whose value rows of one fact share, on lines that follow each other."""

    required: ClassVar[frozenset[str]]
    optional: ClassVar[frozenset[str]]
    key: ClassVar[str]

    @abstractmethod
    def fact(self, rows: list[Cells]) -> Any:
        """Return the fact that some rows state together."""

    @abstractmethod
    def record(self, retailer: Retailer, facts: Sequence[Stated[Any]], now: datetime) -> Tally:
        """Record facts."""

    def groups(self, rows: Iterable[Cells]) -> Iterator[list[Cells]]:
        for _key, group in groupby(rows, key=lambda cells: cells.row.cells.get(self.key, "").strip()):
            yield list(group)

    def read(self, rows: list[Cells]) -> tuple[Any, list[Problem]]:
        """Return the rows' fact, or the problems that forbid it: part of an order is no order."""
        try:
            return self.fact(rows), []
        except _RowProblems as found:
            return None, found.problems
        except BadCell as bad:
            return None, [Problem(rows[0].row.line, bad.column, bad.reason)]
        except InvalidFact as invalid:
            return None, [Problem(rows[0].row.line, invalid.column, str(invalid))]


class _RowProblems(Exception):
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


class Customers(Format):
    required = frozenset({"external_id"})
    optional = frozenset(
        {
            "email",
            "phone",
            "first_name",
            "last_name",
            "birth_date",
            "language",
            "acquisition_channel",
            "acquisition_cost",
            "identified_at",
        }
    )
    key = "external_id"

    def groups(self, rows: Iterable[Cells]) -> Iterator[list[Cells]]:
        return ([row] for row in rows)

    def fact(self, rows: list[Cells]) -> CustomerFact:
        cells = rows[0]
        return CustomerFact(
            external_id=cells.name("external_id"),
            email=_email(cells),
            phone=cells.text("phone", most=32) or None,
            first_name=cells.text("first_name") or None,
            last_name=cells.text("last_name") or None,
            birth_date=cells.day("birth_date"),
            language=cells.choice("language", ["en", "fr"]) if cells.text("language") else None,
            acquisition_channel=cells.text("acquisition_channel", most=50) or None,
            acquisition_cost=cells.number("acquisition_cost"),
            identified_at=cells.instant("identified_at") if cells.text("identified_at") else None,
        )

    def record(self, retailer: Retailer, facts: Sequence[Stated[CustomerFact]], now: datetime) -> Tally:
        registered = register(retailer, [stated.fact for stated in facts], now=now)
        errors = [customer.error for customer in registered]
        touched = sum(1 for customer in registered if customer.changed)
        problems = _problems(facts, errors, "external_id")
        return Tally(touched, len(facts) - touched - len(problems), problems)


class Orders(Format):
    required = frozenset({"order_number", "occurred_at", "sku", "quantity"})
    optional = frozenset(
        {
            "customer",
            "net_amount",
            "unit_price",
            "discount",
            "category",
            "brand",
            "unit_cost",
            "currency",
            "shipping_amount",
            "channel",
            "store",
            "promotion_code",
            "is_gift",
            "identified_by",
        }
    )
    key = "order_number"

    def fact(self, rows: list[Cells]) -> OrderFact:
        first = rows[0]
        lines, problems = _each(rows, _order_line)
        if problems:
            raise _RowProblems(problems)
        return OrderFact(
            number=first.name("order_number"),
            occurred_at=first.instant("occurred_at"),
            lines=tuple(lines),
            customer=first.text("customer") or None,
            currency=first.text("currency", most=3).upper(),
            shipping_amount=first.number("shipping_amount") or NOTHING,
            channel=first.text("channel", most=50),
            store=first.text("store", most=50),
            promotion_code=first.text("promotion_code"),
            is_gift=first.flag("is_gift"),
            identified_by=first.text("identified_by", most=20),
        )

    def record(self, retailer: Retailer, facts: Sequence[Stated[OrderFact]], now: datetime) -> Tally:
        return _tally(facts, record_orders(retailer, [stated.fact for stated in facts], now=now), "order_number")


class Returns(Format):
    required = frozenset({"return_number", "order_number", "occurred_at", "quantity"})
    optional = frozenset({"sku", "position"})
    key = "return_number"

    def fact(self, rows: list[Cells]) -> ReturnFact:
        first = rows[0]
        lines, problems = _each(rows, _return_line)
        if problems:
            raise _RowProblems(problems)
        return ReturnFact(
            number=first.name("return_number"),
            order_number=first.name("order_number"),
            occurred_at=first.instant("occurred_at"),
            lines=tuple(lines),
        )

    def record(self, retailer: Retailer, facts: Sequence[Stated[ReturnFact]], now: datetime) -> Tally:
        return _tally(facts, record_returns(retailer, [stated.fact for stated in facts], now=now), "return_number")


class Interactions(Format):
    required = frozenset({"number", "customer", "kind", "occurred_at"})
    optional = frozenset({"channel", "sku", "score"})
    key = "number"

    def groups(self, rows: Iterable[Cells]) -> Iterator[list[Cells]]:
        return ([row] for row in rows)

    def fact(self, rows: list[Cells]) -> InteractionFact:
        cells = rows[0]
        return InteractionFact(
            number=cells.name("number"),
            customer=cells.name("customer"),
            kind=cells.choice("kind", Interaction.Kind.values),
            occurred_at=cells.instant("occurred_at"),
            channel=cells.text("channel", most=50),
            sku=cells.text("sku"),
            score=cells.integer("score"),
        )

    def record(self, retailer: Retailer, facts: Sequence[Stated[InteractionFact]], now: datetime) -> Tally:
        return _tally(facts, record_interactions(retailer, [stated.fact for stated in facts], now=now), "number")


FORMATS: dict[str, Format] = {
    "customers": Customers(),
    "orders": Orders(),
    "returns": Returns(),
    "interactions": Interactions(),
}


def _each(rows: list[Cells], read: Any) -> tuple[list[Any], list[Problem]]:
    """Read every row, so that a person hears of all bad ones at once."""
    facts, problems = [], []
    for cells in rows:
        try:
            facts.append(read(cells))
        except BadCell as bad:
            problems.append(Problem(cells.row.line, bad.column, bad.reason))
        except InvalidFact as invalid:
            problems.append(Problem(cells.row.line, invalid.column, str(invalid)))
    return facts, problems


def _order_line(cells: Cells) -> LineFact:
    quantity = cells.number("quantity")
    if quantity is None:
        raise BadCell("quantity", _("The cell is empty."))
    return line_of(
        sku=cells.name("sku"),
        quantity=quantity,
        net_amount=cells.number("net_amount"),
        unit_price=cells.number("unit_price"),
        discount=cells.number("discount") or NOTHING,
        category=cells.text("category"),
        brand=cells.text("brand"),
        unit_cost=cells.number("unit_cost"),
    )


def _return_line(cells: Cells) -> ReturnLineFact:
    quantity = cells.number("quantity")
    if quantity is None:
        raise BadCell("quantity", _("The cell is empty."))
    return ReturnLineFact(quantity_of(quantity), cells.integer("position"), cells.text("sku"))


def _email(cells: Cells) -> str | None:
    address = cells.text("email", most=254)
    if not address:
        return None
    try:
        validate_email(address)
    except ValidationError:
        raise BadCell("email", _("“{cell}” is no e-mail address.").format(cell=address)) from None
    return address


def _tally(facts: Sequence[Stated[Any]], outcomes: Sequence[Outcome[Any]], column: str) -> Tally:
    problems = _problems(facts, [outcome.error for outcome in outcomes], column)
    created = sum(1 for outcome in outcomes if outcome.status is Status.CREATED)
    return Tally(created, len(outcomes) - created - len(problems), problems)


def _problems(facts: Sequence[Stated[Any]], errors: Sequence[DomainError | None], column: str) -> list[Problem]:
    """Return the errors of facts, each with the line and the column that it is about."""
    return [
        Problem(stated.line_of(error), _column_of(error, column), str(error))
        for stated, error in zip(facts, errors, strict=True)
        if error is not None
    ]


def _column_of(error: DomainError, otherwise: str) -> str:
    if isinstance(error, InvalidFact):
        return error.column
    return {"other_currency": "currency", "more_than_bought": "quantity", "unknown_order": "order_number"}.get(
        error.code, otherwise
    )
