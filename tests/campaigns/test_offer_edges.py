"""Offers by API, in the admin and on the member's page."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardBudget, RewardRedemption
from tests import make
from tests.campaigns.make_offers import ask, budget, club, granted, offer
from tests.campaigns.test_admin import confirmed, said
from tests.campaigns.test_api import told
from tests.page.test_pages import home_of, signed_in, text_of

pytestmark = pytest.mark.django_db


class Caller:
    """A retailer with an offer, a member, her token and its key."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.club = club(owner=make.retailer(language="en"))
        self.spring = offer(self.club, budget="20", at=self.now, name_fr="Dix de moins")
        self.member: Membership = make.member(self.club, "ada")
        self.hers = {"HTTP_AUTHORIZATION": f"Bearer {make.token(self.member.customer)}"}
        self.its = {"HTTP_AUTHORIZATION": f"Api-Key {make.key(self.club.retailer)}"}
        self.client = Client()

    def get(self, path: str, who: dict[str, str], **headers: str) -> Any:
        return self.client.get(f"/api/v1/{path}", **who, **headers)  # type: ignore[arg-type] # headers

    def post(self, path: str, who: dict[str, str], body: Any = None) -> Any:
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        return self.client.post(f"/api/v1/{path}", **sent, **who)  # type: ignore[arg-type] # headers

    def given(self, because: str = "complaint:1", who: str = "ada") -> Any:
        body = {"customer": who, "because": because}
        return self.post(f"offers/{self.spring.code}/grants", self.its, body)


def test_a_system_gives_an_offer_once_for_a_fact_and_is_told_why_not() -> None:
    here = Caller()
    make.member(here.club, "bob")
    make.member(here.club, "eve")

    first, again = told(here.given(), 201), told(here.given())
    told(here.given(who="bob"), 201)
    last = told(here.given(who="eve"))

    assert (first["granted"], first["is_new"], first["reason"]) == (True, True, "")
    assert (again["is_new"], again["offer"]["id"]) == (False, first["offer"]["id"])
    assert first["offer"] | {"id": "", "granted_at": "", "expires_at": ""} == {
        "id": "", "offer": here.spring.code, "name": "Ten off", "reward": "Ten-Off", "kind": "amount_off", "amount": "10.00",
        "percent": None, "status": "granted", "granted_at": "", "expires_at": "", "redemption": None,
    }  # fmt: skip
    assert last == {"granted": False, "is_new": False, "reason": "budget_reserved", "rule": "", "offer": None}
    assert told(here.given(who="nobody"), 404)["code"] == "unknown_customer"
    assert (
        told(here.post("offers/none/grants", here.its, {"customer": "ada", "because": "x"}), 404)["code"] == "not_found"
    )


def test_a_system_cannot_ask_in_the_name_of_a_campaigns_step() -> None:
    here = Caller()

    for because in ("entry:0193b3c0-0000-7000-8000-000000000000:7", "entry:x", "entry:"):
        refused = told(here.given(because=because), 400)
        assert (refused["code"], refused["errors"][0]["pointer"]) == ("reserved", "/because")
    told(here.given(because="reentry:1"), 201)


def test_a_dry_run_gives_nothing() -> None:
    here = Caller()

    answer = told(
        here.post(f"offers/{here.spring.code}/grants?dry_run=true", here.its, {"customer": "ada", "because": "x"})
    )

    assert (answer["dry_run"], answer["granted"], "id" in answer["offer"]) == (True, True, False)
    assert (OfferGrant.objects.count(), budget(here.spring)) == (0, (0, 0))


def test_a_member_sees_takes_and_declines_its_offers() -> None:
    here = Caller()
    first, second = (granted(here.spring, here.member, at=here.now, because=because) for because in ("a", "b"))

    taken = told(here.post(f"me/offers/{first.pk}/take", here.hers), 201)
    again = told(here.post(f"me/offers/{first.pk}/take", here.hers))
    declined = told(here.post(f"me/offers/{second.pk}/decline", here.hers))

    assert (taken["points"], taken["price"], taken["code"]) == (0, f"offer:{here.spring.code}", again["code"])
    assert declined["status"] == "declined"
    listed = told(here.get("me/offers", here.hers, HTTP_ACCEPT_LANGUAGE="fr"))["results"]
    assert sorted((each["name"], each["status"]) for each in listed) == [
        ("Dix de moins", "declined"),
        ("Dix de moins", "issued"),
    ]
    over = told(here.post(f"me/offers/{second.pk}/take", here.hers), 409)
    assert over["code"] == "offer_over"
    bob = {"HTTP_AUTHORIZATION": f"Bearer {make.token(make.member(here.club, 'bob').customer)}"}
    assert told(here.post(f"me/offers/{first.pk}/take", bob), 404)["code"] == "not_found"
    assert budget(here.spring) == (10, 0)


def test_offers_of_one_instant_are_each_listed_once_however_few_stand_on_a_page() -> None:
    here = Caller()
    given = [granted(here.spring, here.member, at=here.now, because=because) for because in ("a", "b")]

    first = told(here.get("me/offers?page_size=1", here.hers))
    second = told(here.get(first["next"].partition("/api/v1/")[2], here.hers))

    assert [each["id"] for each in (*first["results"], *second["results"])] == [str(each.pk) for each in given[::-1]]
    assert second["next"] is None


def test_a_till_takes_an_offer_and_says_what_it_came_to() -> None:
    here = Caller()
    grant = granted(here.spring, here.member, at=here.now)

    (seen,) = told(here.get(f"members/{here.member.number}/offers", here.its))["results"]
    taken = told(here.post(f"members/{here.member.number}/offers/{seen['id']}/take", here.its), 201)
    voucher = told(here.post("vouchers/check", here.its, {"code": taken["code"]}))
    held = told(here.post("vouchers/hold", here.its, {"code": taken["code"], "reference": "till:1"}), 201)
    over = told(here.post("vouchers/confirm", here.its, {"token": held["token"], "amount": "10.01"}), 422)
    told(here.post("vouchers/confirm", here.its, {"token": held["token"], "amount": "8.00", "order": "A-1"}))

    assert (voucher["most"], voucher["amount"]) == ("10.00", "10.00")
    assert over["code"] == "more_than_reserved"
    assert budget(here.spring) == (0, 8)
    grant.refresh_from_db()
    assert RewardRedemption.objects.get(offer_grant=grant).spent == 8
    shown = told(here.get(f"offers/{here.spring.code}", here.its))
    assert (shown["budget"], shown["used"]) == (
        {"limit": "20.00", "reserved": "0.00", "spent": "8.00", "free": "12.00"}, 1,
    )  # fmt: skip


@pytest.mark.parametrize("number", [1, 30])
def test_lists_ask_the_database_as_often_for_thirty_as_for_one(number: int, django_assert_num_queries: Any) -> None:
    here = Caller()
    RewardBudget.objects.filter(pk=here.spring.budget_id).update(limit=1_000)
    for turn in range(number):
        granted(here.spring, here.member, at=here.now, because=f"turn:{turn}")
        offer(here.club, at=here.now)

    with django_assert_num_queries(MINE):
        assert len(told(here.get("me/offers", here.hers))["results"]) == number
    here.get("offers", here.its)  # a key is known for some seconds
    with django_assert_num_queries(ALL):
        assert len(told(here.get("offers", here.its))) == number + 1


MINE, ALL = 4, 5


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


def test_an_offer_is_drawn_up_started_looked_at_and_ended_in_the_admin(staff: Client) -> None:
    program = club()
    form = {
        "retailer": program.retailer_id, "program": program.pk, "code": "spring", "name": "Ten off", "name_fr": "",
        "rewards": "ten-off", "limit": "20", "at_most": "", "first_day": "", "last_day": "", "valid_days": "14",
        "again_after_days": "", "slot": "", "priority": "10", "tiers": "", "segments": "", "value_from": "", "value_to": "",
        "categories": "", "brands": "", "excluded": "", "instead": "",
    }  # fmt: skip
    answer = staff.post(reverse("admin:campaigns_offer_add"), form, follow=True)
    row = Offer.objects.get()
    assert (row.state, row.budget.limit) == ("draft", 20), said(answer)

    confirmed(staff, reverse("admin:campaigns_offer_start_it", args=[row.pk]), {"reason": "spring"})
    ask(row, *[make.member(program) for _ in range(3)], at=timezone.now())
    page = said(staff.get(reverse("admin:campaigns_offer_change", args=[row.pk])))
    assert "reserved: 20.00 EUR" in page
    assert "the budget is reserved" in page
    confirmed(staff, reverse("admin:campaigns_offer_budget_it", args=[row.pk]), {"reason": "more", "limit": "30"})
    confirmed(staff, reverse("admin:campaigns_offer_withdraw_it", args=[row.pk]), {"reason": "a mistake"})

    row.refresh_from_db()
    assert (row.state, RewardBudget.objects.get().limit, budget(row)) == ("withdrawn", 30, (0, 0))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"program": "other"}, "This program is another retailer&#x27;s."),
        ({"instead": "foreign", "excluded": "serial_returner"}, "This offer is another program&#x27;s"),
        ({"value_from": "9", "value_to": "2"}, "No decile is from 9 to 2."),
    ],
)
def test_what_contradicts_itself_or_is_anothers_is_not_drawn_up(
    staff: Client, wrong: dict[str, str], word: str
) -> None:
    program, other = club(), club()
    keys = {"other": other.pk, "foreign": offer(other).pk}
    form = {
        "retailer": program.retailer_id, "program": program.pk, "code": "spring", "name": "Ten off", "rewards": "ten-off",
        "limit": "20", "valid_days": "14", "priority": "10",
    } | {name: keys.get(said, said) for name, said in wrong.items()}  # fmt: skip

    answer = staff.post(reverse("admin:campaigns_offer_add"), form, follow=True)

    assert word in answer.content.decode()
    assert not Offer.objects.filter(code="spring").exists()


def test_who_has_which_offer_is_found_filtered_and_exported(staff: Client) -> None:
    program = club()
    spring = offer(program, budget="10")
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    ask(spring, ada, bob)

    found = said(
        staff.get(reverse("admin:campaigns_offergrant_changelist"), {"q": "ada", "offer__id__exact": str(spring.pk)})
    )
    other = said(
        staff.get(reverse("admin:campaigns_offerrefusal_changelist"), {"q": "bob", "reason__exact": "budget_reserved"})
    )
    grant, refusal = OfferGrant.objects.get(), OfferRefusal.objects.get()
    for name, key in (("offergrant", grant.pk), ("offerrefusal", refusal.pk)):
        assert staff.get(reverse(f"admin:campaigns_{name}_change", args=[key])).status_code == 200
    form = {"action": "export", "_selected_action": [str(grant.pk)]}
    exported = said(staff.post(reverse("admin:campaigns_offergrant_changelist"), form))

    assert "Ten off" in found
    assert "the budget is reserved" in other
    lines = exported.splitlines()
    assert lines[0].startswith("granted_at,customer__external_id,offer__code,occurrence,reserved,status")
    assert f"ada,{spring.code},spring,10" in lines[1]


def test_a_member_sees_its_offers_for_it_takes_one_and_declines_one() -> None:
    now = timezone.now()
    program = club(owner=make.retailer(language="en"))
    ada = make.member(program, "ada", since=now - timedelta(days=90))
    Customer.objects.filter(pk=ada.customer_id).update(email="ada@example.com")
    ada.customer.refresh_from_db()
    spring = offer(program, at=now)
    first, second = (granted(spring, ada, at=now, because=because) for because in ("a", "b"))
    browser, home = signed_in(ada), home_of(ada)

    assert "Offers for you Ten off" in text_of(browser.get(home))
    page = text_of(browser.get(f"{home}for-you"))
    french = text_of(browser.get(f"{home}for-you", headers={"accept-language": "fr"}))
    taken = browser.post(f"{home}for-you/{first.pk}/take", follow=True)
    browser.post(f"{home}for-you/{second.pk}/decline")
    again = text_of(browser.get(f"{home}for-you"))

    assert page.count("Take it") == 2
    assert (french.count("J’en profite"), french.count("Prendre en charge")) == (2, 0)
    code = RewardRedemption.objects.get()
    assert f"/mine/{code.pk}" in taken.redirect_chain[-1][0]
    assert "Show this at the till:" in text_of(taken)
    assert ("Show the code" in again, "Take it" in again) == (True, False)
    assert budget(spring) == (Decimal(10), Decimal(0))
    browser.post(f"{home}for-you/{first.pk}/decline")
    assert "Offers for you" not in text_of(browser.get(f"{home}for-you"))
