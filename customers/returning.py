"""What is left of an order when parts of it come back: locked, checked, and exact to the cent."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.checks import plain
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.money import to_unit
from customers.facts import OrderEventFact, ReturnFact, ReturnLineFact
from customers.models import Retailer


class UnknownOrder(DomainError):
    code = "unknown_order"
    kind = Kind.NOT_FOUND
    message = _("There is no order {order_number}. Report the order first.")


class ReturnBeforeOrder(DomainError):
    code = "return_before_order"
    kind = Kind.INVALID
    message = _("It is dated before its order {order_number}.")


class UnknownLine(DomainError):
    code = "unknown_line"
    kind = Kind.INVALID
    message = _("Order {order_number} has no line {line}.")


class AmbiguousLine(DomainError):
    code = "ambiguous_line"
    kind = Kind.INVALID
    message = _("Order {order_number} has several lines with SKU {line}; name the line by its position.")


class OtherLine(DomainError):
    code = "other_line"
    kind = Kind.INVALID
    message = _(
        "Line {line} of order {order_number} is {sku}, and not {said}. Name it by one of both, or rightly by both."
    )


class MoreThanBought(DomainError):
    code = "more_than_bought"
    kind = Kind.CONFLICT
    message = _("{quantity} of line {line} cannot come back: {left} of {bought} are left.")


@dataclass
class BoughtLine:
    id: int
    position: int
    sku: str
    bought: Decimal
    net_amount: Decimal
    returned: Decimal
    currency: str

    def share(self, quantity: Decimal) -> Decimal:
        """Return what some of this line cost."""
        return to_unit(self.net_amount * quantity / self.bought, self.currency)

    def take(self, quantity: Decimal) -> tuple[int, Decimal, Decimal]:
        """Return what goes back with some of this line, so that all of it together gives exactly its amount."""
        left = self.bought - self.returned
        if quantity > left:
            raise MoreThanBought(
                quantity=plain(quantity), line=self.position, left=plain(left), bought=plain(self.bought)
            )
        before = self.share(self.returned)
        self.returned += quantity
        return self.id, quantity, self.share(self.returned) - before


@dataclass
class LockedOrder:
    id: UUID
    number: str
    customer_id: UUID | None
    occurred_at: datetime
    version: int
    lines: list[BoughtLine]

    def take(self, fact: ReturnFact) -> list[tuple[int, Decimal, Decimal]]:
        """Take all lines of a return, or none of them."""
        self.require_after(fact.occurred_at)
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

    def require_after(self, instant: datetime) -> None:
        """Refuse what would have happened to the order before it was placed."""
        if instant < self.occurred_at:
            raise ReturnBeforeOrder(order_number=self.number)

    def _line(self, part: ReturnLineFact) -> BoughtLine:
        if part.position is not None:
            found = [line for line in self.lines if line.position == part.position]
        else:
            found = [line for line in self.lines if line.sku == part.sku]
        if not found:
            raise UnknownLine(order_number=self.number, line=part.position or part.sku)
        if len(found) > 1:
            raise AmbiguousLine(order_number=self.number, line=part.sku)
        (line,) = found
        if part.sku and part.sku != line.sku:
            raise OtherLine(order_number=self.number, line=line.position, sku=line.sku, said=part.sku)
        return line


LOCK = """
WITH buyers AS MATERIALIZED (
    SELECT id FROM customers_customer WHERE id IN (
        SELECT customer_id FROM customers_order WHERE retailer_id = %(retailer)s AND number = ANY(%(numbers)s)
    ) ORDER BY external_id FOR KEY SHARE
)
SELECT id, number, customer_id, occurred_at, version FROM customers_order
WHERE retailer_id = %(retailer)s AND number = ANY(%(numbers)s) AND (SELECT count(*) FROM buyers) >= 0
ORDER BY id FOR NO KEY UPDATE
"""
LINES = """
SELECT l.order_id, l.id, l.position, l.sku, l.quantity, l.net_amount, coalesce(sum(r.quantity), 0), o.currency
FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
LEFT JOIN customers_returnline r ON r.line_id = l.id
WHERE l.order_id = ANY(%s) GROUP BY l.id, o.id ORDER BY l.order_id, l.position
"""


def order_of(fact: ReturnFact | OrderEventFact, orders: dict[str, LockedOrder]) -> LockedOrder:
    """
    Return the order that a return or an event names.

    :raises UnknownOrder: when there is none
    """
    if fact.order_number not in orders:
        raise UnknownOrder(order_number=fact.order_number)
    return orders[fact.order_number]


def lock_orders(retailer: Retailer, numbers: set[str]) -> dict[str, LockedOrder]:
    """
    Lock orders in id order, so that two returns of one order wait for each other, then read what is left of them.

    Their customers are held first: a merge, which moves orders to another customer, waits or is waited for.
    """
    locked = bulk.fetch(LOCK, {"retailer": retailer.pk, "numbers": sorted(numbers)})
    by_order: dict[UUID, list[BoughtLine]] = {row[0]: [] for row in locked}
    for order_id, *line in bulk.fetch(LINES, [list(by_order)]):
        by_order[order_id].append(BoughtLine(*line))
    return {
        number: LockedOrder(pk, number, customer_id, occurred_at, version, by_order[pk])
        for pk, number, customer_id, occurred_at, version in locked
    }
