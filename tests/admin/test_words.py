"""What pages say, in words: names and not ids, labels and not pairs, and no statement more for thirty rows than for one."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from analytics.models import CustomerValue
from customers.core.showing import in_words
from customers.models import Order, UndecidedFact
from customers.recording import record_orders
from loyalty.access.models import StaffRole
from loyalty.activity.causes import cause_in_words
from loyalty.activity.nightly import set_aside
from loyalty.badges.models import ChallengeAward, MemberProgress
from loyalty.campaigns.models import Campaign, Entry, FrequencyCap, MessageChannel, SendingHours
from loyalty.campaigns.publishing.describing import wait_of
from loyalty.campaigns.publishing.managing import end
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.models import Delivery
from loyalty.outbox.relay import dispatch
from loyalty.plans.models import Invoice
from loyalty.points.models import Entry as LedgerEntry
from tests import make
from tests.analytics.dashboards.shops import keeps, run_of
from tests.badges import game
from tests.campaigns import make_campaigns
from tests.make import NOON
from tests.plans import make_plans

pytestmark = pytest.mark.django_db

ROWS = 30


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def said(answer: Any) -> str:
    return str(answer.content.decode())


def title_of(page: str) -> str:
    return " ".join(re.findall(r"(?s)<title>(.*?)</title>", page)[0].split())


@pytest.mark.parametrize(("language", "state"), [("en", "waits"), ("fr", "en attente")])
def test_a_label_of_a_list_is_its_words_on_the_rows_own_page(staff: Client, language: str, state: str) -> None:
    club = make.program()
    add_endpoint(club.retailer, "https://example.org/hook")
    make.buys(make.member(club), "10.00")
    dispatch(now=NOON)
    row = Delivery.objects.select_related("event").latest("pk")

    page = said(
        staff.get(reverse("admin:outbox_delivery_change", args=[row.pk]), headers={"accept-language": language})
    )

    assert state in page
    assert "waiting&#x27;" not in page
    assert title_of(page).startswith(row.event.type)
    assert str(row.event_id) not in title_of(page)


def test_what_is_added_is_named_in_french_before_a_vowel_too(staff: Client) -> None:
    page = said(staff.get(reverse("admin:analytics_kpigoal_add"), headers={"accept-language": "fr"}))

    assert title_of(page).startswith("Ajout : objectif")
    assert "Select value" not in page


def test_a_list_of_members_needs_no_statement_for_each(staff: Client) -> None:
    club = game.program({"target": "9"}, tiers=[("bronze", "0", "1")])
    addresses = [reverse(f"admin:{name}_changelist") for name in ("memberships_membership", "badges_memberprogress")]

    def counts() -> list[int]:
        found = []
        for address in addresses:
            staff.get(address)
            with CaptureQueriesContext(connection) as sent:
                assert staff.get(address).status_code == 200
            found.append(len(sent))
        return found

    make.buys(make.member(club), "10.00")
    of_one = counts()
    for _ in range(ROWS - 1):
        make.buys(make.member(club), "10.00")

    assert counts() == of_one
    assert MemberProgress.objects.count() == ROWS


def test_what_waits_and_what_is_set_aside_are_known_by_their_numbers(staff: Client) -> None:
    club = make.program()
    ada = make.member(club, "ada")
    record_orders(club.retailer, [make.order("ada", "25.00", name="WEB/2026/7")], now=NOON)
    fact = UndecidedFact.objects.get()

    page = said(staff.get(reverse("admin:customers_undecidedfact_changelist")))
    own = said(staff.get(reverse("admin:customers_undecidedfact_change", args=[fact.pk])))

    assert "WEB/2026/7" in page
    assert "WEB/2026/7" in own
    assert str(fact.fact_id) not in page + own
    set_aside(ada.pk, "time", ValueError("was"), now=NOON)
    aside = said(staff.get(reverse("admin:activity_setaside_change", args=[ada.pk])))
    assert title_of(aside).startswith(ada.number)
    ada.set_aside.delete()


def test_an_entry_names_the_order_that_it_is_for(staff: Client) -> None:
    make.buys(make.member(make.program()), "10.00", name="WEB-8")
    entry = LedgerEntry.objects.get()

    page = said(staff.get(reverse("admin:points_entry_change", args=[entry.pk])))

    assert "order:WEB-8" in page
    assert f"order:{Order.objects.get().pk}" not in page


def test_a_campaigns_draft_is_opened_by_a_button_and_by_no_link(staff: Client) -> None:
    live = make_campaigns.journey(
        make.program(make_campaigns.shop()), {"kind": "cart"}, make_campaigns.says_by("email")
    )
    address = reverse("admin:campaigns_campaign_open_draft", args=[live.pk])

    asked = said(staff.get(address))
    assert "It begins as a copy of version 1." in asked
    assert live.versions.count() == 1

    staff.post(address)
    draft = live.versions.get(number=2)
    own = reverse("admin:campaigns_campaignversion_change", args=[draft.pk])
    assert staff.get(address)["Location"] == own  # there is one: nothing is made
    assert live.versions.count() == 2


def test_a_campaign_that_has_ended_says_why_it_has_no_draft(staff: Client) -> None:
    live = make_campaigns.journey(
        make.program(make_campaigns.shop()), {"kind": "cart"}, make_campaigns.says_by("email")
    )
    end(live, now=make_campaigns.NOON)

    page = said(staff.get(reverse("admin:campaigns_campaign_open_draft", args=[live.pk]), follow=True))

    assert "so this cannot be done with it." in page
    assert Campaign.objects.get().versions.count() == 1


@pytest.mark.parametrize(("role", "shows"), [("owner", True), ("manager", False), ("auditor", False)])
def test_a_channels_secret_is_shown_to_who_may_change_it(client: Client, role: str, shows: bool) -> None:  # noqa: FBT001 - of the table
    owner = make_campaigns.shop()
    user = User.objects.create_user(role, is_staff=True)
    StaffRole.objects.create(user=user, retailer=owner, role=role)
    client.force_login(user)
    channel = MessageChannel.objects.filter(retailer=owner, channel="email").get()

    page = said(client.get(reverse("admin:campaigns_messagechannel_change", args=[channel.pk])))

    assert "https://provider.example/messages" in page
    assert (channel.secret in page) is shows


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P1D", "1 day"), ("P2W", "14 days"), ("P1M", "1 month"), ("PT4H", "4 hours"), ("PT90M", "1 hour, 30 minutes"),
        ("P3D@09:00", "3 days, then until 09:00"), ("-P3D@09:00", "until 3 days before the day, at 09:00"),
        ("2026-12-24@18:00", "until Dec. 24, 2026, 18:00"), ("soon", "soon"),
    ],
)  # fmt: skip
def test_a_wait_is_said_in_words(text: str, words: str) -> None:
    assert wait_of(text) == words


def test_rows_are_named_in_the_readers_language(staff: Client) -> None:
    owner = make_campaigns.shop(quiet=True)
    hours = SendingHours(retailer=owner, quiet_from=NOON.time().replace(hour=21), quiet_to=NOON.time().replace(hour=8))
    cap = FrequencyCap(retailer=owner, limit=3, days=7, channel="sms")
    paid = make_plans.joined(make.member(make_plans.program()), at=NOON)
    invoice = Invoice.objects.get(subscription=paid)

    assert [str(hours), str(cap), str(invoice)] == ["9 p.m. - 8 a.m.", "at most 3 in 7 days SMS", "10.00 EUR"]
    with translation.override("fr"):
        assert [str(hours), str(invoice)] == ["21:00 - 08:00", "10,00 EUR"]
    assert in_words({"on": True, "days": [1, 2]}) == "on: yes, days: 1, 2"
    assert Entry._meta.verbose_name == "entry"


def test_a_page_of_a_version_says_which_it_is_in_the_windows_title(staff: Client) -> None:
    club = make.program()
    version = club.versions.get()

    titles = [
        title_of(said(staff.get(reverse(f"admin:programs_programversion_{name}", args=[version.pk]))))
        for name in ("page", "plan", "document")
    ]
    months_end = title_of(said(staff.get(reverse("admin:programs_program_month_end", args=[club.pk]))))

    assert [each.split(" | ")[0] for each in [*titles, months_end]] == [
        "Club · 1", "Club · 1 - Plan", "Club · 1 - Document", "Club - Month’s end",
    ]  # fmt: skip


def test_an_award_says_in_words_what_it_is_for_and_leads_there(staff: Client) -> None:
    club = game.program({"code": "three", "target": "1", "points": 30})
    bought = make.buys(make.member(club), "10", at=make.on("2026-06-01"))
    award = ChallengeAward.objects.get()
    link = f'href="{reverse("admin:customers_order_change", args=[bought.outcome.id])}">an order</a>'

    shown = said(staff.get(reverse("admin:badges_challengeaward_changelist")))
    own = said(staff.get(reverse("admin:badges_challengeaward_change", args=[award.pk])))

    for page in (shown, own):
        assert link in page
        assert award.cause not in page


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("time", "time alone"),
        ("version:7", "a new version of the program"),
        ("merged:0190c5a0-0000-7000-8000-000000000000", "a merge of two customers"),
        ("", "-"),
        ("contest:5", "contest:5"),
    ],
)
def test_a_cause_without_a_page_stands_in_words_alone(cause: str, words: str) -> None:
    assert cause_in_words(cause) == words


def test_progress_names_the_challenge_and_counts_on_to_no_goal_that_is_met(staff: Client) -> None:
    club = game.program(
        {"code": "once", "target": "1"},
        {"code": "five", "target": "5"},
    )
    ada = make.member(club)
    for _ in range(3):
        make.buys(ada, "10")

    page = said(staff.get(reverse("admin:badges_memberprogress_changelist")))

    assert "Once: met 1 time" in page
    assert "Five: 3 / 5" in page
    assert "3 / 1" not in page


def test_the_value_of_a_customer_is_titled_by_whom_it_is_of(staff: Client) -> None:
    owner = make.retailer()
    found = make.customer(owner, "C-4711")
    keeps(run_of(owner), (found, 1.0, "10"))
    row = CustomerValue.objects.get()

    page = said(staff.get(reverse("admin:analytics_customervalue_change", args=[row.pk])))

    assert title_of(page).startswith("C-4711")
    assert str(found.pk) not in title_of(page)
