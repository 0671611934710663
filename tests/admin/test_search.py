"""One search of the admin: whatever somebody has in hand leads to the member, the customer or the order."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.core import bulk
from customers.core.tenancy import acting_for
from customers.models import Customer, Order, Retailer
from loyalty.access.models import StaffRole
from loyalty.activity.account.merging import take_merge
from loyalty.activity.intake import take_orders
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db

NUMBER = "4276550119082346"
PERSON = {
    "first_name": "Élodie",
    "last_name": "Lovelace-Durand",
    "email": "Elodie@example.org",
    "phone": "+33 6 12 34 56 78",
}


@pytest.fixture
def club() -> Program:
    """A program with Élodie and her order, and Bea, who is no member."""
    club = make.program(tiers=[("bronze", "0", "1")])
    Retailer.objects.filter(pk=club.retailer_id).update(zone="Europe/Paris")
    ada = make.member(club, "C-00123")
    Membership.objects.filter(pk=ada.pk).update(number=NUMBER)
    Customer.objects.filter(pk=ada.customer_id).update(**PERSON)
    make.buys(ada, "60.00", name="WEB/2026/0042")
    Customer.objects.filter(pk=make.customer(club.retailer, "bea").pk).update(last_name="100%_Bea")
    return club


@pytest.fixture
def as_role(club: Program) -> Callable[..., Client]:
    def sign_in(role: str, program: Program = club) -> Client:
        user = User.objects.create_user(make.number(role), is_staff=True)
        StaffRole.objects.create(user=user, retailer=program.retailer, role=role)
        found = Client()
        found.force_login(user)
        return found

    return sign_in


def hits(client: Client, text: str, **headers: str) -> list[tuple[str, str]]:
    """Return what the dialog shows for a text: each hit's kind and title."""
    answer = client.get(reverse("search"), {"q": text, "part": "1"}, headers=headers)
    assert answer.status_code == 200
    found = re.findall(r'<span class="tag">(.*?)</span> <strong>(.*?)</strong>', answer.content.decode())
    return [(kind, unescape(title)) for kind, title in found]


MEMBER = ("Member", "Élodie Lovelace-Durand")
ORDER = ("Order", "WEB/2026/0042")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NUMBER, [MEMBER]),
        ("4276 5501 1908 2346", [MEMBER]),
        (" 4276-5501-1908-2346 ", [MEMBER]),
        ("908234", [MEMBER]),
        ("2346", [MEMBER]),
        ("42", [MEMBER]),  # two characters: how a number begins
        ("elodie", [MEMBER]),
        ("ÉLO", [MEMBER]),
        ("durand élodie", [MEMBER]),
        ("lo", [MEMBER]),  # and how a name begins
        ("elodie@EXAMPLE", [MEMBER]),
        ("06 12 34 56 78", [MEMBER]),
        ("0033 6.12.34.56.78", [MEMBER]),
        ("+33612345678", [MEMBER]),
        ("3456", [MEMBER]),
        ("00123", [MEMBER]),
        ("c-00123", [MEMBER]),
        ("web/2026/0042", [ORDER]),
        ("0042", [ORDER]),
        ("bea", [("Customer", "100%_Bea")]),
        ("100%_", [("Customer", "100%_Bea")]),
        ("0%b", []),  # no wildcards
        ("_2026_", []),
        ("\\", []),
        ("nobody", []),
        ("x" * 500, []),
        ("a", []),
        ("   ", []),
        ("'; DROP", []),
    ],
)
def test_whatever_is_in_hand_is_found(
    as_role: Callable[..., Client], text: str, expected: list[tuple[str, str]]
) -> None:
    assert hits(as_role("support"), text) == expected


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("4276 5501 1908 2346", "memberships_membership"),
        ("ELODIE@example.org", "memberships_membership"),
        ("06 12 34 56 78", "memberships_membership"),
        ("C-00123", "memberships_membership"),
        ("WEB/2026/0042", "customers_order"),
        ("bea", "customers_customer"),
    ],
)
def test_what_can_be_one_thing_only_opens_at_once(as_role: Callable[..., Client], text: str, where: str) -> None:
    answer = as_role("support").get(reverse("search"), {"q": text})

    row = {
        "memberships_membership": Membership.objects.get(),
        "customers_order": Order.objects.get(),
        "customers_customer": Customer.objects.get(external_id="bea"),
    }[where]
    assert (answer.status_code, answer["Location"]) == (302, reverse(f"admin:{where}_change", args=[row.pk]))


@pytest.mark.parametrize("text", ["0033612345678", "+33 (0)6 12 34 56 78", "(0)6 12 34 56 78", "06 12 34 56 78"])
def test_of_two_numbers_that_end_alike_the_one_that_was_said_opens(
    as_role: Callable[..., Client], club: Program, text: str
) -> None:
    Customer.objects.filter(external_id="bea").update(phone="+49 6 12 34 56 78")
    ada = Membership.objects.get()

    assert as_role("support").get(reverse("search"), {"q": text})["Location"].endswith(f"/{ada.pk}/change/")
    assert as_role("support").get(reverse("search"), {"q": "+41 612345678"}).status_code == 200  # opens nobody
    assert len(hits(as_role("support"), "+41 612345678")) == 2


@pytest.mark.parametrize("stored", ["12 34 56 78", "+45 12345678", "004512345678"])
def test_a_short_number_is_found_with_its_country_and_without(
    as_role: Callable[..., Client], club: Program, stored: str
) -> None:
    Retailer.objects.filter(pk=club.retailer_id).update(zone="Europe/Copenhagen")
    Customer.objects.filter(external_id="bea").update(phone=stored)
    bea = Customer.objects.get(external_id="bea")

    for text in ("+45 12 34 56 78", "0045 12345678", "4512345678", "12 34 56 78"):
        assert ("Customer", "100%_Bea") in hits(as_role("support"), text)
        assert as_role("support").get(reverse("search"), {"q": text})["Location"].endswith(f"/{bea.pk}/change/")


@pytest.mark.parametrize("text", ["elodie", "2346", "0042", "", "Élodie Lovelace-Durand"])
def test_a_part_of_something_is_listed(as_role: Callable[..., Client], text: str) -> None:
    assert as_role("support").get(reverse("search"), {"q": text}).status_code == 200


def test_who_is_two_things_exactly_is_asked_which(as_role: Callable[..., Client], club: Program) -> None:
    make.customer(club.retailer, "WEB/2026/0042")

    assert as_role("support").get(reverse("search"), {"q": "WEB/2026/0042"}).status_code == 200
    assert {kind for kind, _title in hits(as_role("support"), "WEB/2026/0042")} == {"Order", "Customer"}


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        ("owner", "elodie", [MEMBER]),
        ("auditor", "elodie", [MEMBER]),
        ("support", "0042", [ORDER]),
        ("analyst", "0042", [ORDER]),
        ("analyst", "elodie", []),
        ("analyst", NUMBER, []),
    ],
)
def test_each_role_finds_what_it_may_see(
    as_role: Callable[..., Client], role: str, text: str, expected: list[tuple[str, str]]
) -> None:
    assert hits(as_role(role), text) == expected


def test_who_sees_no_persons_reads_no_names(as_role: Callable[..., Client]) -> None:
    page = as_role("analyst").get(reverse("search"), {"q": "0042", "part": "1"}).content.decode()

    assert "Lovelace" not in page
    assert "60.00" in page


def test_who_may_see_neither_has_no_search(as_role: Callable[..., Client], client: Client) -> None:
    manager = as_role("manager")

    assert manager.get(reverse("search"), {"q": "elodie"}).status_code == 403
    assert "data-search-open" not in manager.get(reverse("admin:index")).content.decode()
    assert client.get(reverse("search"), {"q": "elodie"}).status_code == 302  # to sign in


def test_nobody_finds_what_is_anothers(as_role: Callable[..., Client]) -> None:
    other = make.program()
    make.buys(make.member(other, "elodie-2"), "5.00", name="WEB/2026/0042")
    stranger = as_role("owner", other)

    assert hits(stranger, NUMBER) == []
    assert hits(stranger, "lovelace") == []
    assert [title for _kind, title in hits(stranger, "0042")] == ["WEB/2026/0042"]
    assert [kind for kind, _title in hits(as_role("owner"), "0042")] == ["Order"]  # its own, not both


@pytest.mark.parametrize(
    "call",
    ["customers_found(%s, ARRAY['elodie'], 9)", "memberships_found(%s, '4276', 9)", "orders_found(%s, '0042', 9)"],
)
def test_the_functions_hold_the_wall_themselves(club: Program, call: str) -> None:
    own, other = club.retailer_id, make.retailer().pk

    def found(acting: Any, asked: Any) -> int:
        with acting_for(acting):
            return len(list(bulk.fetch(f"SELECT * FROM {call}", [asked])))

    assert [found(own, own), found("*", own), found("*", None)] == [1, 1, 1]
    assert [found(other, own), found(own, other), found(own, None), found("", own), found("", None)] == [0] * 5


def test_who_sees_all_retailers_reads_whose_each_is(client: Client, club: Program) -> None:
    client.force_login(User.objects.create_superuser("root"))

    page = client.get(reverse("search"), {"q": "lovelace", "part": "1"}).content.decode()

    assert f"· {club.retailer}</span>" in page


def test_an_old_card_leads_to_who_stays(as_role: Callable[..., Client], club: Program) -> None:
    bob = make.member(club, "bob")
    take_merge(club.retailer, "bob", "C-00123", reference="same card", now=NOON)
    support = as_role("support")

    for text in (bob.number, "bob"):
        assert hits(support, text) == [MEMBER]
        assert support.get(reverse("search"), {"q": text})["Location"].endswith(
            f"/{Membership.objects.get(number=NUMBER).pk}/change/"
        )


def test_who_is_erased_is_not_found(as_role: Callable[..., Client], club: Program) -> None:
    nothing = {"email": "", "phone": "", "first_name": "", "last_name": "", "language": "", "birth_date": None}
    Customer.objects.filter(external_id="bea").update(**nothing, erased_at=NOON)

    assert hits(as_role("support"), "bea") == []


def test_more_than_can_be_shown_is_told(as_role: Callable[..., Client], club: Program) -> None:
    take_orders(club.retailer, [make.order(None, "1.00", name=f"many-{place:03}") for place in range(60)], now=NOON)

    page = as_role("support").get(reverse("search"), {"q": "many-", "part": "1"}).content.decode()

    assert "there are more: say more of what you look for" in page
    assert as_role("support").get(reverse("search"), {"q": "many-007"})["Location"]


def test_pages_of_the_menu_are_found_too(as_role: Callable[..., Client]) -> None:
    assert hits(as_role("support"), "ledg") == [("Page", "Ledger")]
    assert hits(as_role("support"), "grand l", **{"accept-language": "fr"}) == [("Page", "Grand livre")]


def test_more_hits_cost_no_more_statements(as_role: Callable[..., Client], club: Program) -> None:
    support = as_role("support")
    for place in range(12):
        Customer.objects.filter(pk=make.member(club, f"lot-{place}").customer_id).update(last_name="Twelve")

    counts = {}
    for text in ("lovelace", "twelve"):
        with CaptureQueriesContext(connection) as sent:
            assert hits(support, text)
        counts[text] = len(sent)

    assert counts == {"lovelace": 13, "twelve": 13}
