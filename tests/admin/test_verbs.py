"""What staff do to customers, orders and members in the admin: shown before it happens, then done with its reason."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.facts import CorrectionFact
from customers.models import Customer, CustomerMerge, Order, OrderClaim, UndecidedFact
from customers.recording import record_orders
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_orders
from loyalty.activity.models import SetAside
from loyalty.activity.nightly import set_aside
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def club() -> Program:
    """A program with two members, one of whom has 60 points."""
    club = make.program(tiers=[("bronze", "0", "1"), ("silver", "50", "1")], scheme={"window": "lifetime"})
    make.member(club, "ada")
    Customer.objects.filter(external_id="ada").update(first_name="Ada", last_name="Lovelace", email="ada@example.org")
    make.buys(make.member(club, "bob"), "60.00")
    return club


def asked(client: Client, name: str, pk: Any, said: dict[str, str]) -> tuple[str, Any]:
    """Return the page that shows what would happen, and the answer once that is confirmed."""
    page = reverse(f"admin:{name}", args=[pk])
    assert client.get(page).status_code == 200
    tried = client.post(page, said)
    assert tried.status_code == 200
    return tried.content.decode(), client.post(page, {**said, "confirmed": signature(tried)}, follow=True)


def signature(shown: Any) -> str:
    """Return what a page that shows what would happen sends back with its confirmation."""
    (found,) = re.findall(r'name="confirmed" value="(\w+)"', shown.content.decode())
    return str(found)


def test_a_customer_is_merged_into_another_one(staff: Client, club: Program) -> None:
    bob = Customer.objects.get(external_id="bob")

    page, done = asked(staff, "customers_customer_merge_into", bob.pk, {"customer": "ada", "reason": "same card"})

    ada = Membership.objects.get(customer__external_id="ada")
    assert "60 points, and 0 pending ones, of member" in page
    assert "The one who stays is Ada Lovelace, ada@example.org, external id ada." in unescape(page)
    assert "<small>Customer bob</small>" in page
    assert "of Club." in page
    assert "The customers are merged. The one who stays is" in done.content.decode()
    assert "1 order goes over." in done.content.decode()
    assert (make.wallet_of(ada).available, CustomerMerge.objects.get().reference) == (60, "same card (eve)")
    assert LogEntry.objects.get().change_message == "Merge into another customer: same card"


def test_what_would_happen_is_only_shown_and_a_refusal_said(staff: Client, club: Program) -> None:
    bob = Customer.objects.get(external_id="bob")
    page = reverse("admin:customers_customer_merge_into", args=[bob.pk])

    staff.post(page, {"customer": "ada", "reason": "same card"})
    refused = staff.post(page, {"customer": "nobody", "reason": "same card", "confirmed": "1"}).content.decode()
    unexplained = staff.post(page, {"customer": "ada", "reason": "", "confirmed": "1"}).content.decode()

    assert "There is no customer nobody." in refused
    assert "This field is required." in unexplained
    assert not CustomerMerge.objects.exists()


def test_what_is_confirmed_is_what_was_shown(staff: Client, club: Program) -> None:
    make.member(club, "cyd")
    bob = Customer.objects.get(external_id="bob")
    page = reverse("admin:customers_customer_merge_into", args=[bob.pk])
    said = {"customer": "ada", "reason": "same card"}
    shown = staff.post(page, said)

    other = staff.post(page, {"customer": "cyd", "reason": "same card", "confirmed": signature(shown)})
    make.given(Membership.objects.get(customer=bob), 5, timezone.now())  # since it was shown
    changed = staff.post(page, {**said, "confirmed": signature(shown)})

    assert 'type="text"' not in shown.content.decode().split("<section", 1)[1]
    for answer in (other, changed):
        assert "Nothing was done: this is not what you were shown." in answer.content.decode()
    assert not CustomerMerge.objects.exists()
    assert 'name="customer" value="ada"' in staff.post(page, {**said, "change": "1"}).content.decode()
    staff.post(page, {**said, "confirmed": signature(changed)})
    assert CustomerMerge.objects.count() == 1


def test_what_is_done_already_is_not_offered_again(staff: Client, club: Program) -> None:
    bob = Customer.objects.get(external_id="bob")
    order = Order.objects.get()
    membership = Membership.objects.get(customer=bob)
    asked(staff, "memberships_membership_end_membership", membership.pk, {"reason": "asked by mail"})
    asked(staff, "customers_customer_merge_into", bob.pk, {"customer": "ada", "reason": "same card"})

    for name, row, verb, said in (
        ("customers_customer", bob, "merge_into", "This customer was merged into another one already."),
        ("customers_order", order, "claim_for", "This order has a customer already."),
        ("memberships_membership", membership, "end_membership", "This membership has ended already."),
    ):
        address = reverse(f"admin:{name}_{verb}", args=[row.pk])
        assert address not in staff.get(reverse(f"admin:{name}_change", args=[row.pk])).content.decode()
        assert said in staff.post(address, {"customer": "ada", "reason": "x"}, follow=True).content.decode()


def test_a_claim_for_one_who_left_says_so(staff: Client, club: Program) -> None:
    bob = Membership.objects.get(customer__external_id="bob")
    asked(staff, "memberships_membership_end_membership", bob.pk, {"reason": "asked by mail"})
    now = timezone.now()
    orders = [make.order(None, "25.00", name="g1"), make.order(None, "25.00", name="g2", at=now)]
    take_orders(club.retailer, orders, now=now)
    before, after = (Order.objects.get(number=number) for number in ("g1", "g2"))
    said = {"customer": "bob", "reason": "receipt"}

    earlier, _done = asked(staff, "customers_order_claim_for", before.pk, said)
    later, _done = asked(staff, "customers_order_claim_for", after.pk, said)

    assert "It goes to external id bob." in earlier
    assert "It gives 0 points in Club. The customer has left the program since." in earlier
    assert "It gives 0 points in Club. The customer was not a member when the order was placed." in later


def test_a_guests_order_is_claimed(staff: Client, club: Program) -> None:
    take_orders(club.retailer, [make.order(None, "25.00", name="g1")], now=NOON)
    order = Order.objects.get(number="g1")

    page, done = asked(staff, "customers_order_claim_for", order.pk, {"customer": "ada", "reason": "receipt"})

    assert "It gives 25 points in Club." in page
    assert done.status_code == 200
    assert OrderClaim.objects.get().reference == "receipt (eve)"
    assert make.wallet_of(Membership.objects.get(customer__external_id="ada")).available == 25


def test_an_order_that_left_its_member_is_claimed_by_it(staff: Client, club: Program) -> None:
    (answer,) = take_orders(club.retailer, [make.order("ada", "25.00", name="g1")], now=NOON)
    guests = CorrectionFact(replace(answer.outcome.fact, customer=None), version=1)
    take_correction(club.retailer, guests, now=NOON)
    order = Order.objects.get(number="g1")

    page, done = asked(staff, "customers_order_claim_for", order.pk, {"customer": "ada", "reason": "receipt"})

    assert "It gives 25 points in" in page
    assert done.status_code == 200
    assert make.wallet_of(Membership.objects.get(customer__external_id="ada")).available == 25


def test_a_membership_ends_told_before_what_is_lost(staff: Client, club: Program) -> None:
    bob = Membership.objects.get(customer__external_id="bob")

    page, done = asked(staff, "memberships_membership_end_membership", bob.pk, {"reason": "asked by mail"})

    bob.refresh_from_db()
    assert "60 points and 0 pending ones are lost." in page
    assert "The tier Silver is lost." in page
    assert (done.status_code, bob.left_at is not None, make.wallet_of(bob).available) == (200, True, 0)


def test_what_could_not_be_carried_out_is_tried_again_at_once(staff: Client, club: Program) -> None:
    bob = Membership.objects.get(customer__external_id="bob")
    set_aside(bob.pk, "time", ValueError("was"), now=timezone.now())
    record_orders(club.retailer, [make.order("ada", "25.00")], now=NOON)
    UndecidedFact.objects.update(next_try_at=timezone.now() + timedelta(days=365), error="was")

    for name, pk in (("activity_setaside", bob.pk), ("customers_undecidedfact", UndecidedFact.objects.get().pk)):
        answer = staff.post(
            reverse(f"admin:{name}_changelist"), {"action": "try_again", "_selected_action": str(pk)}, follow=True
        )
        assert "All of it is carried out." in answer.content.decode()

    assert (SetAside.objects.count(), UndecidedFact.objects.count()) == (0, 0)
    assert make.wallet_of(Membership.objects.get(customer__external_id="ada")).available == 25
