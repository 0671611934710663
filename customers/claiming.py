"""A guest's order becomes a customer's, on the retailer's word."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.checks import require_name
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.identifying import find_customer, lower_identified, note_changes
from customers.models import OrderClaim, Retailer
from customers.returning import UnknownOrder, lock_orders


class OrderOfAnother(DomainError):
    code = "order_of_another"
    kind = Kind.CONFLICT
    message = _("Order {order_number} belongs to another customer.")


@dataclass(frozen=True, slots=True)
class ClaimedOrder:
    """
    An order with the customer to whom it belongs now.

    :param is_new: whether it was a guest's until this claim
    """

    order_id: UUID
    customer_id: UUID
    is_new: bool


@transaction.atomic(savepoint=False)
def claim_order(retailer: Retailer, number: str, customer: str, *, reference: str, now: datetime) -> ClaimedOrder:
    """
    Give a guest's order to a customer, and write down on whose word; the same claim again changes nothing.

    The customer is known from the order's instant on. One who is not known is not registered by it, as by an order: nobody can
    tell a new id from a slip, and the order would be somebody's who does not exist. What the order earns is decided by whoever
    calls, in the same transaction.

    :param customer: the retailer's id of the customer
    :param reference: the retailer's own proof, such as the number of a receipt that was shown; up to 100 characters
    :raises UnknownCustomer: when the customer is not known
    :raises UnknownOrder: when there is no order of this number
    :raises OrderOfAnother: when it belongs to another customer
    :raises InvalidFact: for a text that cannot be
    """
    require_name("number", number, 100)
    require_name("customer", customer, 100)
    require_name("reference", reference, 100)
    claimer = find_customer(retailer, customer)
    order = lock_orders(retailer, {number}).get(number)
    if order is None:
        raise UnknownOrder(order_number=number)
    if order.customer_id not in {None, claimer.id}:
        raise OrderOfAnother(order_number=number)
    if order.customer_id is None:
        bulk.execute("UPDATE customers_order SET customer_id = %s WHERE id = %s", [claimer.id, order.id])
        OrderClaim.objects.create(
            retailer=retailer, order_id=order.id, customer_id=claimer.id, reference=reference, claimed_at=now
        )
        lower_identified([(claimer, order.occurred_at)])
        note_changes(retailer, [claimer.id])
    return ClaimedOrder(order.id, claimer.id, is_new=order.customer_id is None)
