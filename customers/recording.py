"""
The only writer of orders, returns and interactions.

Each function takes a batch, sends a fixed number of statements, and answers one outcome per fact, in the facts' order.
Facts are idempotent by their natural key: the same again changes nothing; the same key with other content is a conflict.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.money import to_cents
from customers.facts import InteractionFact, OrderFact, ReturnFact, ReturnLineFact, fingerprint
from customers.models import Customer, FactChange, Interaction, Order, OrderLine, Retailer, Return, ReturnLine

Fact = TypeVar("Fact", OrderFact, ReturnFact, InteractionFact)


class OtherContent(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Number {number} is already recorded with other content. Report a change as a return, or use a new number."
    )


class OtherCurrency(DomainError):
    code = "other_currency"
    kind = Kind.INVALID
    message = _("The order is in {currency}; this retailer sells in {expected}.")


class UnknownOrder(DomainError):
    code = "unknown_order"
    kind = Kind.NOT_FOUND
    message = _("There is no order {order_number}. Report the order first.")


class ReturnBeforeOrder(DomainError):
    code = "return_before_order"
    kind = Kind.INVALID
    message = _("The return is dated before its order {order_number}.")


class UnknownLine(DomainError):
    code = "unknown_line"
    kind = Kind.INVALID
    message = _("Order {order_number} has no line {line}.")


class AmbiguousLine(DomainError):
    code = "ambiguous_line"
    kind = Kind.INVALID
    message = _("Order {order_number} has several lines with SKU {line}; name the line by its position.")


class MoreThanBought(DomainError):
    code = "more_than_bought"
    kind = Kind.CONFLICT
    message = _("{quantity} of line {line} cannot come back: {left} of {bought} are left.")


class Status(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Fact]):
    """What became of one fact."""

    fact: Fact
    status: Status
    id: UUID | None = None
    customer_id: UUID | None = None
    error: DomainError | None = None


@transaction.atomic
def record_orders(retailer: Retailer, facts: Sequence[OrderFact], *, now: datetime) -> list[Outcome[OrderFact]]:
    """Record orders and register the customers that they name for the first time."""
    refused = {place: error for place, fact in enumerate(facts) if (error := _currency_error(retailer, fact))}
    batch = _Batch[OrderFact](facts, key=lambda fact: fact.number, refused=refused)
    customers = identify(
        retailer, [(fact.customer, fact.occurred_at) for fact in batch.fresh if fact.customer], now=now
    )
    zone = retailer.tzinfo
    # fmt: off
    rows = [
        (
            new_id(), retailer.pk, customers.get(fact.customer or ""), fact.number, fact.occurred_at,
            local_date(fact.occurred_at, zone), fact.currency or retailer.currency, fact.net_amount,
            fact.shipping_amount, fact.channel, fact.store, fact.promotion_code, fact.is_gift, fact.identified_by,
            batch.hashes[fact.number], now,
        )
        for fact in batch.fresh
    ]
    columns = (
        "id", "retailer_id", "customer_id", "number", "occurred_at", "local_date", "currency", "net_amount",
        "shipping_amount", "channel", "store", "promotion_code", "is_gift", "identified_by", "content_hash",
        "recorded_at",
    )
    # fmt: on
    created = bulk.insert(Order, columns, rows, suffix="ON CONFLICT (retailer_id, number) DO NOTHING RETURNING id")
    made = {order_id for (order_id,) in created}
    batch.settle(retailer, Order, {row[3]: (row[0], row[2]) for row in rows if row[0] in made})
    _insert_lines(batch.created_ids())
    _note_changes(retailer, (customer for _, customer in batch.made.values()))
    return batch.outcomes()


@transaction.atomic
def record_returns(retailer: Retailer, facts: Sequence[ReturnFact], *, now: datetime) -> list[Outcome[ReturnFact]]:
    """Record returns. More than was bought, over all returns of an order together, is refused."""
    batch = _Batch(facts, key=lambda fact: fact.number)
    known = batch.known(retailer, Return)
    orders = _lock_orders(retailer, {fact.order_number for fact in batch.fresh})
    rows: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    made: dict[str, tuple[UUID, UUID | None]] = {}
    for fact in sorted(batch.fresh, key=lambda fact: fact.occurred_at):
        if fact.number in known:
            continue
        try:
            order = _order_of(fact, orders)
            taken = order.take(fact)
        except DomainError as error:
            batch.refuse(fact, error)
            continue
        return_id = new_id()
        amount = sum((amount for _, _, amount in taken), Decimal(0))
        # fmt: off
        rows.append((return_id, retailer.pk, order.id, fact.number, fact.occurred_at, amount,
                     batch.hashes[fact.number], now))
        # fmt: on
        lines += [(return_id, line_id, quantity, amount) for line_id, quantity, amount in taken]
        made[fact.number] = (return_id, order.customer_id)
    # fmt: off
    columns = ("id", "retailer_id", "order_id", "number", "occurred_at", "net_amount", "content_hash", "recorded_at")
    # fmt: on
    bulk.insert(Return, columns, rows)
    bulk.insert(ReturnLine, ("order_return_id", "line_id", "quantity", "net_amount"), lines)
    batch.settle(retailer, Return, made, known=known)
    _note_changes(retailer, (customer for _, customer in made.values()))
    return batch.outcomes()


@transaction.atomic
def record_interactions(
    retailer: Retailer, facts: Sequence[InteractionFact], *, now: datetime
) -> list[Outcome[InteractionFact]]:
    """Record interactions and register the customers that they name for the first time."""
    batch = _Batch(facts, key=lambda fact: fact.number)
    customers = identify(retailer, [(fact.customer, fact.occurred_at) for fact in batch.fresh], now=now)
    # fmt: off
    rows = [
        (new_id(), retailer.pk, customers[fact.customer], fact.number, fact.kind, fact.occurred_at, fact.channel,
         fact.sku, fact.score, batch.hashes[fact.number], now)
        for fact in batch.fresh
    ]
    columns = ("id", "retailer_id", "customer_id", "number", "kind", "occurred_at", "channel", "sku", "score",
               "content_hash", "recorded_at")
    # fmt: on
    created = bulk.insert(
        Interaction, columns, rows, suffix="ON CONFLICT (retailer_id, number) DO NOTHING RETURNING id"
    )
    made = {interaction_id for (interaction_id,) in created}
    batch.settle(retailer, Interaction, {row[3]: (row[0], row[2]) for row in rows if row[0] in made})
    _note_changes(retailer, (customer for _, customer in batch.made.values()))
    return batch.outcomes()


def identify(retailer: Retailer, named: Iterable[tuple[str, datetime]], *, now: datetime) -> dict[str, UUID]:
    """
    Return the id of each customer by external id, registering those of whom we hear for the first time.

    :param named: external ids with the instant at which each was seen; a new customer keeps the earliest
    """
    first_seen: dict[str, datetime] = {}
    for external_id, instant in named:
        first_seen[external_id] = min(instant, first_seen.get(external_id, instant))
    if not first_seen:
        return {}
    found = _customer_ids(retailer, first_seen)
    missing = sorted(first_seen.keys() - found.keys())
    # fmt: off
    rows = [(new_id(), retailer.pk, external_id, "", "", "", "", "", "", first_seen[external_id], now)
            for external_id in missing]
    columns = ("id", "retailer_id", "external_id", "email", "phone", "first_name", "last_name", "language",
               "acquisition_channel", "identified_at", "recorded_at")
    # fmt: on
    bulk.insert(Customer, columns, rows, suffix="ON CONFLICT (retailer_id, external_id) DO NOTHING")
    return found | _customer_ids(retailer, missing) if missing else found


class _Batch(Generic[Fact]):
    """One call's facts: which are first of their key, which only repeat one, and which cannot be."""

    def __init__(
        self, facts: Sequence[Fact], *, key: Callable[[Fact], str], refused: dict[int, DomainError] | None = None
    ) -> None:
        self.facts: Sequence[Fact] = facts
        self.key: Callable[[Fact], str] = key
        self.refused = refused or {}
        self.hashes: dict[str, bytes] = {}
        self.fresh: list[Fact] = []
        self.first: dict[str, int] = {}
        self.made: dict[str, tuple[UUID, UUID | None]] = {}
        self.old: dict[str, tuple[UUID, bytes]] = {}
        self._sort()

    def _sort(self) -> None:
        for place, fact in enumerate(self.facts):
            if place in self.refused:
                continue
            number = self.key(fact)
            content = fingerprint(fact)
            if number not in self.hashes:
                self.hashes[number] = content
                self.first[number] = place
                self.fresh.append(fact)
            elif self.hashes[number] != content:
                self.refused[place] = OtherContent(number=number)

    def refuse(self, fact: Fact, error: DomainError) -> None:
        """Refuse the first fact of its number, and with it those that repeat it."""
        self.refused[self.first[self.key(fact)]] = error

    def known(
        self, retailer: Retailer, model: type[Order | Return | Interaction], numbers: Iterable[str] | None = None
    ) -> dict[str, tuple[UUID, bytes]]:
        """Return the id and content hash of those that were recorded before."""
        wanted = [self.key(fact) for fact in self.fresh] if numbers is None else list(numbers)
        rows = model.objects.filter(retailer=retailer, number__in=wanted)
        return {number: (pk, bytes(old)) for number, pk, old in rows.values_list("number", "pk", "content_hash")}

    def settle(
        self,
        retailer: Retailer,
        model: type[Order | Return | Interaction],
        made: dict[str, tuple[UUID, UUID | None]],
        *,
        known: dict[str, tuple[UUID, bytes]] | None = None,
    ) -> None:
        """Take in which facts were inserted now; the others must have been known."""
        self.made = made
        others = [number for fact in self.fresh if (number := self.key(fact)) not in made]
        self.old = known if known is not None else (self.known(retailer, model, others) if others else {})

    def created_ids(self) -> list[tuple[UUID, Fact]]:
        return [(self.made[number][0], fact) for fact in self.fresh if (number := self.key(fact)) in self.made]

    def outcomes(self) -> list[Outcome[Fact]]:
        return [self._outcome(place, fact) for place, fact in enumerate(self.facts)]

    def _outcome(self, place: int, fact: Fact) -> Outcome[Fact]:
        number = self.key(fact)
        first = self.first.get(number, place)
        if error := self.refused.get(place) or self.refused.get(first):
            return Outcome(fact, Status.FAILED, error=error)
        if number in self.made:
            made_id, customer_id = self.made[number]
            return Outcome(fact, Status.CREATED if place == first else Status.UNCHANGED, made_id, customer_id)
        old_id, old_hash = self.old[number]
        if old_hash != self.hashes[number]:
            return Outcome(fact, Status.FAILED, old_id, error=OtherContent(number=number))
        return Outcome(fact, Status.UNCHANGED, old_id)


def _currency_error(retailer: Retailer, fact: OrderFact) -> DomainError | None:
    if fact.currency in {"", retailer.currency}:
        return None
    return OtherCurrency(currency=fact.currency, expected=retailer.currency)


def _customer_ids(retailer: Retailer, external_ids: Iterable[str]) -> dict[str, UUID]:
    found = Customer.objects.filter(retailer=retailer, external_id__in=list(external_ids))
    return dict(found.values_list("external_id", "pk"))


def _insert_lines(orders: list[tuple[UUID, OrderFact]]) -> None:
    # fmt: off
    rows = (
        (order_id, position, line.sku, line.category, line.brand, line.quantity, line.unit_price, line.discount,
         line.net_amount, line.unit_cost)
        for order_id, fact in orders
        for position, line in enumerate(fact.lines, start=1)
    )
    columns = ("order_id", "position", "sku", "category", "brand", "quantity", "unit_price", "discount",
               "net_amount", "unit_cost")
    # fmt: on
    bulk.insert(OrderLine, columns, rows)


def _note_changes(retailer: Retailer, customers: Iterable[UUID | None]) -> None:
    touched = sorted({customer for customer in customers if customer is not None})
    bulk.insert(FactChange, ("retailer_id", "customer_id"), [(retailer.pk, customer) for customer in touched])


@dataclass
class _Line:
    id: int
    position: int
    sku: str
    bought: Decimal
    net_amount: Decimal
    returned: Decimal

    def take(self, quantity: Decimal) -> tuple[int, Decimal, Decimal]:
        """Return what goes back with some of this line, so that all of it together gives exactly its amount."""
        left = self.bought - self.returned
        if quantity > left:
            raise MoreThanBought(
                quantity=plain(quantity), line=self.position, left=plain(left), bought=plain(self.bought)
            )
        before = to_cents(self.net_amount * self.returned / self.bought)
        self.returned += quantity
        return self.id, quantity, to_cents(self.net_amount * self.returned / self.bought) - before


@dataclass
class _LockedOrder:
    id: UUID
    number: str
    customer_id: UUID | None
    occurred_at: datetime
    lines: list[_Line]

    def take(self, fact: ReturnFact) -> list[tuple[int, Decimal, Decimal]]:
        """Take all lines of a return, or none of them."""
        if fact.occurred_at < self.occurred_at:
            raise ReturnBeforeOrder(order_number=self.number)
        before = [line.returned for line in self.lines]
        try:
            taken: dict[int, tuple[int, Decimal, Decimal]] = {}
            for part in fact.lines:
                line_id, quantity, amount = self._line(part).take(part.quantity)
                earlier = taken.get(line_id, (line_id, Decimal(0), Decimal(0)))
                taken[line_id] = (line_id, earlier[1] + quantity, earlier[2] + amount)
        except DomainError:
            for line, returned in zip(self.lines, before, strict=True):
                line.returned = returned
            raise
        return list(taken.values())

    def _line(self, part: ReturnLineFact) -> _Line:
        if part.position is not None:
            found = [line for line in self.lines if line.position == part.position]
        else:
            found = [line for line in self.lines if line.sku == part.sku]
        if not found:
            raise UnknownLine(order_number=self.number, line=part.position or part.sku)
        if len(found) > 1:
            raise AmbiguousLine(order_number=self.number, line=part.sku)
        return found[0]


def _order_of(fact: ReturnFact, orders: dict[str, _LockedOrder]) -> _LockedOrder:
    if fact.order_number not in orders:
        raise UnknownOrder(order_number=fact.order_number)
    return orders[fact.order_number]


def _lock_orders(retailer: Retailer, numbers: set[str]) -> dict[str, _LockedOrder]:
    """Lock orders in id order, so that two returns of one order wait for each other, then read what is left of them."""
    locked = bulk.fetch(
        "SELECT id, number, customer_id, occurred_at FROM customers_order"
        " WHERE retailer_id = %s AND number = ANY(%s) ORDER BY id FOR UPDATE",
        [retailer.pk, sorted(numbers)],
    )
    lines = bulk.fetch(
        """
        SELECT l.order_id, l.id, l.position, l.sku, l.quantity, l.net_amount, coalesce(sum(r.quantity), 0)
        FROM customers_orderline l LEFT JOIN customers_returnline r ON r.line_id = l.id
        WHERE l.order_id = ANY(%s) GROUP BY l.id ORDER BY l.order_id, l.position
        """,
        [[row[0] for row in locked]],
    )
    by_order: dict[UUID, list[_Line]] = {row[0]: [] for row in locked}
    for order_id, *line in lines:
        by_order[order_id].append(_Line(*line))
    return {
        number: _LockedOrder(pk, number, customer_id, occurred_at, by_order[pk])
        for pk, number, customer_id, occurred_at in locked
    }


def plain(number: Decimal) -> str:
    """Write a quantity without the zeros of its scale."""
    return f"{number.normalize():f}"
