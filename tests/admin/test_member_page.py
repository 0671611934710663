"""A member's page in the admin: what stands at its top, what staff do from it, and its statement."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, Erasure, Order
from customers.privacy import erase
from loyalty.access.models import StaffRole
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.spending import redeem
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Hold, PointsPolicy
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON
from tests.rewards import shop as of_rewards

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Membership:
    """A member with 160 points."""
    draft = make.version(tiers=[("bronze", "0", "1"), ("silver", "500", "1")], zone="Europe/Paris")
    of_rewards.reward(draft)
    PointsPolicy.objects.create(version=draft, code="miles", name="Miles", is_spendable=False)
    found = make.member(make.published(draft), "ada")
    who = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "phone": "+33 6 12 34 56 78"}
    Customer.objects.filter(pk=found.customer_id).update(**who)
    make.buys(found, "160.00", name="A1")
    return Membership.objects.get(pk=found.pk)


@pytest.fixture
def support(ada: Membership) -> Client:
    return signed_in(ada.program, "support", "eve")


def signed_in(club: Program, role: str, name: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    StaffRole.objects.create(user=user, retailer=club.retailer, role=role)
    found = Client()
    found.force_login(user)
    return found


def page_of(client: Client, row: Any, **asked: Any) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    answer = client.get(reverse(name, args=[row.pk]), asked)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


class Asked:
    """A verb of staff: opened, shown, confirmed."""

    def __init__(self, client: Client, who: Membership, way: str, **given: Any) -> None:
        self.client, self.address = client, reverse(f"admin:memberships_membership_{way}", args=[who.pk])
        first = client.get(self.address).content.decode()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', first))
        hidden.pop("csrfmiddlewaretoken", None)
        self.said = hidden | {name: str(value) for name, value in given.items()}
        self.shown = self._post()

    def _post(self, **more: str) -> str:
        return unescape(self.client.post(self.address, self.said | more, follow=True).content.decode())

    @property
    def signature(self) -> str:
        found: list[str] = re.findall(r'name="confirmed" value="(\w+)"', self.shown)
        return found[0] if found else ""

    def confirm(self) -> str:
        return self._post(confirmed=self.signature)


def test_the_page_begins_with_who_where_and_what(support: Client, ada: Membership) -> None:
    page = page_of(support, ada)

    number = " ".join(ada.number[place : place + 4] for place in range(0, 16, 4))
    top = page[: page.index('id="statement"')]
    assert all(words in top for words in (number, "Bronze", "160", "Miles", "ada@example.org", "+33 6 12 34 56 78"))
    assert '<p class="zone-said">Times are of Europe/Paris.</p>' in page
    assert [words in top for words in ("Adjust points", "Redeem points", "Give points back", "Hold points")] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("points", "words", "left"), [(40, "40 points are given.", 200), (-60, "60 points are taken.", 100)]
)
def test_points_are_adjusted_in_the_name_of_who_did_it(
    support: Client, ada: Membership, points: int, words: str, left: int
) -> None:
    asked = Asked(support, ada, "adjust", wallet="points", points=points, reason="a spilled coffee")

    assert words in asked.shown
    assert f"{left} points can be spent then." in asked.shown
    assert make.wallet_of(ada).available == 160
    assert "The points are adjusted." in asked.confirm()

    entry = Entry.objects.latest("pk")
    assert make.wallet_of(ada).available == left
    assert (entry.kind, entry.explanation["reason"], entry.explanation["author"]) == (
        "adjust",
        "a spilled coffee",
        "eve",
    )
    assert "a spilled coffee (by eve)" in page_of(support, ada)
    assert LogEntry.objects.get().change_message == "Adjust points: a spilled coffee"


@pytest.mark.parametrize(
    ("way", "given", "words"),
    [
        ("adjust", {"points": -161, "reason": "x"}, "161 points are asked for; 160 can be spent."),
        ("adjust", {"points": 0, "reason": "x"}, "it must be more than zero"),
        ("adjust", {"points": 5, "reason": " "}, "This field is required."),
        ("adjust", {"points": "1.5", "reason": "x"}, "Enter a whole number."),
        ("adjust", {"points": 10**15, "reason": "x"}, "less than or equal to"),
        ("redeem", {"points": 161, "reason": "x"}, "161 points are asked for; 160 can be spent."),
        ("redeem", {"points": -5, "reason": "x"}, "greater than or equal to 1"),
        ("redeem", {"points": 5, "reason": "x", "wallet": "miles"}, "only count for tiers"),
        ("redeem", {"points": 5, "reason": "x", "wallet": "none"}, "Select a valid choice."),
        ("redeem", {"points": 5, "reason": "x", "key": "no"}, "Enter a valid UUID."),
        ("hold", {"points": 161, "reason": "x", "minutes": 5}, "161 points are asked for; 160 can be spent."),
        ("hold", {"points": 5, "reason": "x", "minutes": 0}, "greater than or equal to 1"),
        ("give_back", {"which": "x", "reason": "x"}, "This member has no redemption to give back."),
        ("release", {"which": "x", "reason": "x"}, "This member has no open hold."),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_and_changes_nothing(
    support: Client, ada: Membership, way: str, given: dict[str, Any], words: str
) -> None:
    asked = Asked(support, ada, way, **({"wallet": "points"} | given))

    assert words in asked.shown
    assert (Entry.objects.count(), make.wallet_of(ada).available) == (1, 160)


def test_points_are_redeemed_and_given_back(support: Client, ada: Membership) -> None:
    asked = Asked(support, ada, "redeem", wallet="points", points=60, reason="paid at the desk")
    assert "60 points are redeemed." in asked.shown
    asked.confirm()
    redeemed = Entry.objects.latest("pk")
    assert (make.wallet_of(ada).available, redeemed.explanation["author"]) == (100, "eve")

    back = reverse("admin:memberships_membership_give_back", args=[ada.pk])
    assert f"{back}?which={redeemed.pk}" in page_of(support, ada)
    undone = Asked(support, ada, "give_back", which=redeemed.pk, reason="a mistake")
    assert "60 points come back, each with its own expiry." in undone.shown
    assert "The points are given back." in undone.confirm()

    entry = Entry.objects.latest("pk")
    assert (entry.kind, entry.explanation["reason"], entry.explanation["author"]) == ("restore", "a mistake", "eve")
    assert make.wallet_of(ada).available == 160
    assert f"{back}?which={redeemed.pk}" not in page_of(support, ada)


@pytest.mark.parametrize(
    ("way", "given", "left"), [("confirm", {"points": 20}, 140), ("confirm", {"points": ""}, 110), ("release", {}, 160)]
)
def test_points_are_held_and_the_hold_ends(
    support: Client, ada: Membership, way: str, given: dict[str, Any], left: int
) -> None:
    asked = Asked(support, ada, "hold", wallet="points", points=50, minutes=30, reason="on the phone")
    assert "They go back by themselves after 30 minutes." in asked.shown
    asked.confirm()
    held = Hold.objects.get()
    assert (held.times_out_at - held.held_at, make.wallet_of(ada).available) == (timedelta(minutes=30), 110)
    assert f"?which={held.pk}" in page_of(support, ada)

    ended = Asked(support, ada, way, which=held.pk, reason="done", **given)
    assert "The hold has ended." in ended.confirm()

    assert make.wallet_of(ada).available == left
    assert Entry.objects.latest("pk").explanation["author"] == "eve"


def test_a_confirmation_that_is_sent_twice_is_done_once(support: Client, ada: Membership) -> None:
    for way in ("adjust", "redeem"):
        asked = Asked(support, ada, way, wallet="points", points=10, reason="once")
        asked.confirm()

        assert "This was done already: nothing changes." in asked.confirm()

    assert make.wallet_of(ada).available == 160
    assert Entry.objects.count() == 3


def test_what_changed_meanwhile_is_shown_again(support: Client, ada: Membership) -> None:
    asked = Asked(support, ada, "redeem", wallet="points", points=10, reason="once")
    make.given(ada, 5, timezone.now())

    assert "this is not what you were shown" in asked.confirm()
    assert make.wallet_of(ada).available == 165


def test_what_paid_for_a_reward_goes_back_with_the_reward(support: Client, ada: Membership) -> None:
    make.given(ada, 500, NOON)
    redeem_reward(ada, "five-off", reference="r1", now=NOON + timedelta(days=1))
    own = redeem(ada, 10, reference="till-7", now=NOON + timedelta(days=2))

    address = reverse("admin:memberships_membership_give_back", args=[ada.pk])
    choices = re.findall(r'<option value="([\w-]+)"', support.get(address).content.decode())

    assert choices == [str(own.entry_id)]


@pytest.mark.parametrize("role", ["auditor"])
def test_who_may_only_read_gets_no_buttons(ada: Membership, role: str) -> None:
    page = page_of(signed_in(ada.program, role, role), ada)

    assert "Statement" in page
    assert reverse("admin:memberships_membership_adjust", args=[ada.pk]) not in page


@pytest.mark.parametrize("way", ["adjust", "redeem", "give_back", "hold", "confirm", "release"])
@pytest.mark.parametrize(("role", "status"), [("auditor", 403), ("analyst", 403), ("manager", 403)])
def test_who_may_not_is_refused(ada: Membership, way: str, role: str, status: int) -> None:
    address = reverse(f"admin:memberships_membership_{way}", args=[ada.pk])
    client = signed_in(ada.program, role, role)

    assert [client.get(address).status_code, client.post(address, {"points": 5}).status_code] == [status, status]


@pytest.mark.parametrize("way", ["adjust", "redeem", "give_back", "hold", "confirm", "release"])
def test_another_retailers_member_is_not_there(ada: Membership, way: str) -> None:
    stranger = signed_in(make.program(), "owner", "max")

    statuses = {
        name: stranger.get(reverse(f"admin:memberships_membership_{name}", args=[ada.pk])).status_code
        for name in (way, "change")
    }
    assert statuses == {way: 404, "change": 302}  # to the list, where it says that it is not there
    assert stranger.get(reverse("admin:memberships_membership_adjust", args=["none"])).status_code == 404


def test_who_has_left_has_no_buttons_and_is_refused(support: Client, ada: Membership) -> None:
    leave(ada, now=timezone.now())

    assert "Adjust points" not in page_of(support, ada)
    assert "This membership has ended already." in Asked(support, ada, "adjust", points=1, reason="x").shown


def test_what_was_written_about_an_erased_person_is_gone(support: Client, ada: Membership) -> None:
    Asked(support, ada, "redeem", wallet="points", points=10, reason="Ada asked").confirm()

    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=timezone.now())

    assert [each.explanation.get("reason", "") for each in Entry.objects.all()] == [""] * Entry.objects.count()


def rows(page: str) -> list[str]:
    """Return the kinds of the entries that a statement shows."""
    statement = page[page.index('id="statement"') :]
    return re.findall(r'<td><span class="tag (\w+)">', statement[: statement.index("</section>")])


def test_the_statement_comes_a_page_at_a_time_and_by_what_is_asked(support: Client, ada: Membership) -> None:
    for place in range(60):
        make.given(ada, 1, NOON + timedelta(days=1 + place))

    first, last = page_of(support, ada), page_of(support, ada, page=3)

    assert (rows(first), rows(last)) == (["adjust"] * 25, ["adjust"] * 10 + ["earn"])
    assert "page 3 of 3" in last
    assert rows(page_of(support, ada, kind="earn")) == ["earn"]
    assert rows(page_of(support, ada, wallet="miles")) == []
    assert rows(page_of(support, ada, wallet="points", since="2026-06-16", through="2026-06-17")) == ["adjust"] * 2
    assert "kind=adjust&page=2#statement" in page_of(support, ada, kind="adjust")
    assert "No entry is of this kind and time." in page_of(support, ada, kind="expire")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"kind": "none"}, "Select a valid choice"),
        ({"since": "2026-02-30"}, "Enter a valid date."),
        ({"wallet": "'"}, "Select a valid choice"),
        ({"page": "x"}, "Statement"),
        ({"page": "99999999999999999999"}, "Statement"),
        ({"since": "9999-12-31", "through": "9999-12-31"}, "less than or equal to"),
        ({"since": "0001-01-01", "through": "0001-01-01"}, "greater than or equal to"),
    ],
)  # fmt: skip
def test_a_statement_that_cannot_be_meant_is_told(
    support: Client, ada: Membership, asked: dict[str, str], shown: str
) -> None:
    assert shown in page_of(support, ada, **asked)


def test_a_day_is_a_day_of_the_program(support: Client, ada: Membership) -> None:
    make.given(ada, 1, make.on("2026-06-20T22:30"))  # half past midnight in Paris

    assert rows(page_of(support, ada, since="2026-06-21")) == ["adjust"]
    assert rows(page_of(support, ada, since="2026-06-21", through="2026-06-20")) == []


def test_customer_member_order_and_entry_lead_to_each_other(support: Client, ada: Membership) -> None:
    entry, order = Entry.objects.get(), Order.objects.get()
    pages = {
        "customer": (ada.customer, reverse("admin:customers_customer_change", args=[ada.customer_id])),
        "member": (ada, reverse("admin:memberships_membership_change", args=[ada.pk])),
        "order": (order, reverse("admin:customers_order_change", args=[order.pk])),
        "entry": (entry, reverse("admin:points_entry_change", args=[entry.pk])),
    }
    links = {name: page_of(support, row) for name, (row, _address) in pages.items()}

    missing = [
        (first, second)
        for first, second in (
            ("customer", "member"), ("customer", "order"), ("member", "customer"), ("member", "order"), ("member", "entry"),
            ("order", "customer"), ("order", "member"), ("order", "entry"), ("entry", "member"), ("entry", "order"),
        )
        if pages[second][1] not in links[first]
    ]  # fmt: skip
    assert missing == []
    assert f"?q={ada.number}" in links["member"]


def test_an_entry_is_told_in_words(support: Client, ada: Membership) -> None:
    page = page_of(support, Entry.objects.get())

    assert "Base: 160 points for 160.00 × 1" in page
    assert "160: issued → available" in page
    assert "(Europe/Paris)" in page
    assert '{"' not in page[page.index("<form") : page.index("</form>")]


def test_who_sees_no_persons_is_led_to_none(ada: Membership) -> None:
    page = page_of(signed_in(ada.program, "analyst", "ann"), Order.objects.get())

    assert "Lovelace" not in page[page.index('id="content"') :].split("<form")[0]
    assert reverse("admin:memberships_membership_change", args=[ada.pk]) not in page
