"""A guest's order becomes a customer's once, on the retailer's word."""

from datetime import timedelta

import pytest
from django.db import transaction

from customers.checks import InvalidFact
from customers.claiming import OrderOfAnother, claim_order
from customers.core.errors import DomainError
from customers.identifying import UnknownCustomer
from customers.models import Customer, FactChange, Order, OrderClaim, Retailer
from customers.recording import record_orders
from customers.returning import UnknownOrder
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
EARLIER = NOON - timedelta(days=30)


def shop_with_a_guest() -> Retailer:
    """A shop with a guest's order, where ada and bob are known as well."""
    shop = make.retailer()
    record_orders(shop, [make.order(None, "10.00", at=EARLIER, name="A1")], now=NOON)
    for name in ("ada", "bob"):
        make.customer(shop, name, since=NOON)
    return shop


def test_a_guests_order_becomes_the_customers_who_claims_it() -> None:
    shop = shop_with_a_guest()

    claimed = claim_order(shop, "A1", "ada", reference="receipt 7", now=NOON)

    ada = Customer.objects.get(retailer=shop, external_id="ada")
    order = Order.objects.get(retailer=shop)
    assert (claimed.order_id, claimed.customer_id, claimed.is_new) == (order.pk, ada.pk, True)
    assert (order.customer, ada.identified_at) == (ada, EARLIER)
    claim = OrderClaim.objects.get()
    assert (claim.order, claim.customer, claim.reference, claim.claimed_at) == (order, ada, "receipt 7", NOON)
    assert FactChange.objects.filter(customer=ada).count() == 1


def test_the_same_claim_again_changes_nothing() -> None:
    shop = shop_with_a_guest()
    claim_order(shop, "A1", "ada", reference="receipt 7", now=NOON)

    again = claim_order(shop, "A1", "ada", reference="receipt 8", now=NOON)

    assert again.is_new is False
    assert OrderClaim.objects.get().reference == "receipt 7"
    assert FactChange.objects.count() == 1


def test_an_order_of_ones_own_is_no_claim() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", name="A1")], now=NOON)

    assert claim_order(shop, "A1", "ada", reference="r", now=NOON).is_new is False
    assert not OrderClaim.objects.exists()


def test_the_order_as_it_was_reported_is_known_and_with_its_claimer_too() -> None:
    shop = make.retailer()
    guest = make.order(None, "10.00", name="A1")
    record_orders(shop, [guest], now=NOON)
    make.customer(shop, "ada")
    claim_order(shop, "A1", "ada", reference="r", now=NOON)
    named = make.order("ada", *guest.lines, name="A1")
    other = make.order("bob", *guest.lines, name="A1")

    outcomes = record_orders(shop, [guest, named, other], now=NOON)

    assert [outcome.status.value for outcome in outcomes] == ["unchanged", "unchanged", "failed"]


@pytest.mark.parametrize(
    ("number", "customer", "reference", "error"),
    [
        ("A1", "bob", "r", OrderOfAnother),
        ("A9", "bob", "r", UnknownOrder),
        ("A1", "Bob", "r", UnknownCustomer),
        ("A1", "bob ", "r", UnknownCustomer),
        ("A9", "eve", "r", UnknownCustomer),
        ("A1", "", "r", InvalidFact),
        ("A1", "bob", "", InvalidFact),
        ("A1", "bob", "r" * 101, InvalidFact),
        ("A1", "b" * 101, "r", InvalidFact),
        ("A1\x00", "bob", "r", InvalidFact),
    ],
)
def test_a_claim_that_cannot_be_is_refused_and_changes_nothing(
    number: str, customer: str, reference: str, error: type[DomainError]
) -> None:
    shop = shop_with_a_guest()
    claim_order(shop, "A1", "ada", reference="receipt 7", now=NOON)

    with pytest.raises(error), transaction.atomic():
        claim_order(shop, number, customer, reference=reference, now=NOON)

    assert OrderClaim.objects.count() == 1
    assert {customer.external_id for customer in Customer.objects.filter(retailer=shop)} == {"ada", "bob"}


def test_a_guests_order_is_nobodys_because_of_a_slip() -> None:
    shop = shop_with_a_guest()

    with pytest.raises(UnknownCustomer) as refused, transaction.atomic():
        claim_order(shop, "A1", "adda", reference="receipt 7", now=NOON)

    assert (refused.value.facts, refused.value.code) == ({"customer": "adda"}, "unknown_customer")
    assert Order.objects.get(retailer=shop).customer is None
    assert claim_order(shop, "A1", "ada", reference="receipt 7", now=NOON).is_new


def test_another_retailers_order_cannot_be_claimed() -> None:
    shop_with_a_guest()
    other = make.retailer()
    make.customer(other, "ada")

    with pytest.raises(UnknownOrder):
        claim_order(other, "A1", "ada", reference="r", now=NOON)
