"""A person is erased while something is reported for it: that is before, and erased with it, or after, and somebody new's."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from customers.facts import InteractionFact, ReturnFact, ReturnLineFact
from customers.identifying import UnknownCustomer
from customers.models import Customer, Erasure, Order, Retailer
from customers.privacy import erase, find
from customers.registration import CustomerFact, register
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.spending import hold
from loyalty.activity.intake import take_interactions, take_orders, take_returns
from loyalty.memberships import households
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.points.proof import prove
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON
from tests.races.test_customers import one_waits_for_the_other

pytestmark = pytest.mark.usefixtures("committed_db")
Work = Callable[[Retailer], object]
LATER = NOON + timedelta(days=1)


def erasing(shop: Retailer) -> object:
    found = Customer.objects.get(retailer=shop, email="ada@example.org")
    return erase(found, asked_by=Erasure.AskedBy.RETAILER, reason="asked", now=LATER)


WORKS: dict[str, Work] = {
    "order": lambda shop: take_orders(shop, [make.order("ada", "5.00", name="A2")], now=LATER),
    "interaction": lambda shop: take_interactions(shop, [InteractionFact("I1", "ada", "visit", NOON)], now=LATER),
    "return": lambda shop: take_returns(
        shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=LATER
    ),
    "registration": lambda shop: register(shop, [CustomerFact("ada", first_name="Ada")], now=LATER),
}


@pytest.fixture
def shop() -> Retailer:
    club = make.program()
    make.member(club, "ada")
    register(club.retailer, [CustomerFact("ada", "ada@example.org")], now=NOON)
    take_orders(club.retailer, [make.order("ada", "10.00", name="A1")], now=NOON)
    return club.retailer


@pytest.mark.parametrize("comes_first", [False, True])
@pytest.mark.parametrize("kind", sorted(WORKS))
def test_what_is_reported_meanwhile_is_of_nobody_or_of_somebody_new(
    shop: Retailer,
    kind: str,
    comes_first: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    raised = one_waits_for_the_other(shop, *((WORKS[kind], erasing) if comes_first else (erasing, WORKS[kind])))

    assert raised == []
    nobody = Customer.objects.get(erased_at__isnull=False)
    assert (nobody.email, nobody.first_name, nobody.external_id == "ada") == ("", "", False)
    new = list(Customer.objects.filter(external_id="ada"))
    expected = 0 if comes_first or kind == "return" else 1
    assert len(new) == expected
    mine = Order.objects.filter(number="A2")
    assert [order.customer for order in mine] == ([nobody if comes_first else new[0]] if kind == "order" else [])
    kept = {"order": 15 if comes_first else 10, "return": 0}.get(kind, 10)
    assert Wallet.objects.get(membership__customer=nobody).available == kept
    assert prove().differences == []


def test_two_who_erase_one_person_erase_it_once(shop: Retailer) -> None:
    raised = one_waits_for_the_other(shop, erasing, erasing_again)

    assert raised == []
    assert Erasure.objects.count() == 1


def erasing_again(shop: Retailer) -> object:
    found = find(shop, "ada")  # as it was before the first one committed
    return erase(found, asked_by=Erasure.AskedBy.STAFF, reason="too", now=LATER)


@pytest.mark.parametrize("comes_first", [False, True])
def test_a_merge_and_an_erasure_do_not_wait_in_a_circle(
    shop: Retailer,
    comes_first: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    club = Program.objects.get()
    make.member(club, "bob")

    def merging(shop: Retailer) -> object:
        return take_merge(shop, "bob", "ada", reference="m", now=LATER)

    raised = one_waits_for_the_other(shop, *((merging, erasing) if comes_first else (erasing, merging)))

    assert [type(error) for error in raised] == ([] if comes_first else [UnknownCustomer])
    assert Customer.objects.filter(erased_at__isnull=False).count() == (2 if comes_first else 1)


def test_what_a_till_holds_at_that_moment_is_given_back(shop: Retailer) -> None:
    ada = Membership.objects.get()

    raised = one_waits_for_the_other(shop, lambda _: hold(ada, 4, reference="till", now=NOON), erasing)

    assert raised == []
    wallet = Wallet.objects.get(membership=ada)
    assert (wallet.held, wallet.available) == (0, 10)


def test_a_token_that_is_given_at_that_moment_shows_nobodys_points(shop: Retailer, client: Client) -> None:
    ada, tokens = Customer.objects.get(external_id="ada"), []

    raised = one_waits_for_the_other(shop, erasing, lambda _: tokens.append(make.token(ada)))

    assert (raised, len(tokens)) == ([], 1)
    answers = [
        client.get(f"/api/v1/me{path}", headers={"authorization": f"Bearer {tokens[0]}"}) for path in ("", "/wallet")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]


def test_a_member_of_a_household_spends_while_the_other_one_is_erased(shop: Retailer) -> None:
    club, ada = Program.objects.get(), Membership.objects.get()
    bob = make.member(club, "bob")
    make.buys(bob, "10.00")
    households.share(bob, [ada], now=NOON)
    raised = one_waits_for_the_other(shop, lambda _: hold(bob, 15, reference="till", now=NOON), erasing)

    assert raised == []
    assert (Wallet.objects.get(membership=bob).held, Wallet.objects.get(membership=ada).available) == (15, 5)
    assert prove().differences == []
