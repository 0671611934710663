"""Messages that waited after their step had said them: what they are about may not be true any more when they go."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.facts import ReturnFact, ReturnLineFact
from customers.models import Order
from customers.recording import record_returns
from loyalty.campaigns.messages.sending import PROVIDERS, send
from loyalty.campaigns.models import Entry, Message, MessageChannel
from loyalty.campaigns.publishing.managing import end, pause, resume
from loyalty.campaigns.reaching.preferences import choose
from loyalty.campaigns.transports import NoAnswer
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import (
    NOON,
    Box,
    ada,
    campaign,
    cap,
    due,
    journey,
    says_by,
    send_all,
    shop,
    waits,
)
from tests.campaigns.test_journeys import CART, TEN, World, at, outcomes
from tests.campaigns.test_triggers import Club, enters, in_a_journey_of_expiring_points

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NINE = at("2026-06-17T07:00Z")  # in Paris, fourteen days before the points end


def had_one_today(world: World, when: datetime) -> None:
    """Let a member have its one mail of a day, so that all others wait for the next day."""
    cap(world.owner, 1, 1, channel="email")
    due(campaign(world.club), world.member, at=when)
    send_all(world.owner, when, world.box)
    world.box.taken.clear()


def of_journey() -> Message:
    return Message.objects.get(entry__isnull=False)


def told() -> tuple[str, str, str]:
    found = of_journey()
    return found.state, found.reason, found.rule


@pytest.fixture
def expiring() -> Club:
    """A member whose mail of expiring points, at nine on June 17, waits for the next day."""
    world = in_a_journey_of_expiring_points()
    assert Entry.objects.get().about_date == date(2026, 7, 1)
    had_one_today(world, NINE - HOUR)
    world.work(NINE)
    assert (told(), of_journey().values["expiring_points"]) == (("due", "", "cap:email_1_per_day"), 150)
    assert Entry.objects.get().reason == "completed"
    return world


def test_points_that_are_spent_while_their_message_waits_are_not_said_to_expire(expiring: Club) -> None:
    make.given(expiring.member, -90, NINE + HOUR)

    expiring.work(NINE + DAY)

    assert (told(), expiring.box.taken) == (("dropped", "exited", "no_longer_true"), [])
    assert outcomes("dropped") == [("dropped", "exited")]


def test_what_waited_says_what_is_true_when_it_goes(expiring: Club) -> None:
    make.given(expiring.member, -30, NINE + HOUR)

    expiring.work(NINE + DAY)

    assert (told(), of_journey().values) == (("accepted", "", ""), {"expires_on": "2026-07-01", "expiring_points": 120})


def test_what_has_no_answer_is_not_sent_again_once_it_is_not_true_any_more(expiring: Club) -> None:
    MessageChannel.objects.update(takes_keys=True)
    expiring.box.answer = lambda _: NoAnswer()
    expiring.work(NINE + DAY)
    assert (told()[0], len(expiring.box.taken)) == ("claimed", 1)

    make.given(expiring.member, -90, NINE + DAY + MINUTE)
    expiring.work(NINE + DAY + HOUR)

    assert (told(), len(expiring.box.taken)) == (("unknown", "", ""), 1)


def test_what_has_no_answer_is_not_sent_again_once_its_campaign_has_ended(expiring: Club) -> None:
    MessageChannel.objects.update(takes_keys=True)
    expiring.box.answer = lambda _: NoAnswer()
    expiring.work(NINE + DAY)

    campaign = of_journey().campaign
    assert campaign is not None
    end(campaign, now=NINE + DAY + MINUTE)
    expiring.work(NINE + DAY + HOUR)

    assert (told(), len(expiring.box.taken)) == (("unknown", "", ""), 1)


def test_where_nobody_can_tell_what_is_true_now_it_says_what_was(expiring: Club) -> None:
    def fails(_entries: Collection[UUID], _now: datetime) -> dict[UUID, None]:
        raise RuntimeError

    make.given(expiring.member, -90, NINE + HOUR)
    while send(
        expiring.owner, clock=lambda: NINE + DAY, providers={**PROVIDERS, "http": expiring.box}, look_again=fails
    ):
        pass

    assert (told(), of_journey().values["expiring_points"]) == (("accepted", "", ""), 150)


def test_an_order_that_comes_back_while_its_message_waits_is_not_asked_about() -> None:
    world = Club()
    found = journey(
        world.club, {"kind": "review", "days": 7}, waits("P0D@10:00"), says_by("email", expires_after="P7D")
    )
    world.buys("20.00", "2026-06-01T10:00Z")
    assert enters(found, date(2026, 6, 8)) == [date(2026, 6, 8)]
    had_one_today(world, at("2026-06-08T06:00Z"))
    world.work(at("2026-06-08T08:00Z"))
    assert told() == ("due", "", "cap:email_1_per_day")

    back = ReturnFact(
        "r", Order.objects.get().number, at("2026-06-08T10:00Z"), (ReturnLineFact(Decimal(1), position=1),)
    )
    record_returns(world.owner, [back], now=at("2026-06-08T10:00Z"))
    world.work(at("2026-06-09T08:00Z"))

    assert (told(), world.box.taken) == (("dropped", "exited", "no_longer_true"), [])


def test_who_leaves_the_program_while_a_message_waits_is_told_nothing() -> None:
    world = World()
    journey(world.club, CART, says_by("email", expires_after="PT48H"))
    had_one_today(world, TEN)
    world.cart("C1", TEN)
    world.work(TEN)
    assert (told(), world.entries()) == (("due", "", "cap:email_1_per_day"), [("cart:C1", "completed")])

    Membership.objects.filter(pk=world.member.pk).update(left_at=TEN + HOUR)
    world.work(TEN + DAY)

    assert (told(), world.box.taken) == (("dropped", "exited", "left"), [])


@pytest.mark.parametrize(
    ("first", "then", "goes"),
    [
        ({"paused_until": at("2026-12-11T11:00Z")}, {"paused_until": None}, "2026-11-27T12:00Z"),
        ({"paused_until": at("2026-12-11T11:00Z")}, {"paused_until": at("2026-11-30T11:00Z")}, "2026-11-30T11:00Z"),
        # It is noon in Paris, and quiet by its own hours until eight: in Tokyo it is nine already.
        ({"quiet_from": time(12), "quiet_to": time(20)}, {"quiet_to": time(14)}, "2026-11-27T13:00Z"),
        ({"quiet_from": time(12), "quiet_to": time(20)}, {"zone": "Europe/London"}, "2026-11-27T20:00Z"),
        ({"quiet_from": time(12), "quiet_to": time(20)}, {"zone": "Asia/Tokyo"}, "2026-11-27T12:00Z"),
    ],
)
def test_what_waits_for_what_its_member_chose_is_decided_again_when_it_chooses_something_else(
    first: dict[str, Any], then: dict[str, Any], goes: str
) -> None:
    owner, box = shop(), Box()
    who = ada(make.program(owner))
    choose(who.customer, first, {}, source="api", now=NOON)
    due(campaign(who.program, on_cap="wait"), who)
    send_all(owner, NOON, box)
    assert box.taken == []

    choose(who.customer, then, {}, source="api", now=at("2026-11-27T12:00Z"))
    for instant in (at(goes) - timedelta(minutes=1), at(goes)):
        before = len(box.taken)
        send_all(owner, instant, box)

    assert (before, len(box.taken)) == (0, 1)


@pytest.mark.parametrize("lifted", ["deleted", "deleted in the list", "changed"])
def test_what_waits_for_a_cap_goes_when_staff_lifts_it(client: Client, lifted: str) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    owner, box, now = shop(), Box(), timezone.now()
    row, who = cap(owner, 1, 30), ada(make.program(owner))
    due(campaign(who.program, on_cap="wait"), who, at=now, until=now + 40 * DAY)
    (waiting,) = due(campaign(who.program, on_cap="wait"), who, at=now, until=now + 40 * DAY)
    send_all(owner, now, box)
    assert (len(box.taken), Message.objects.get(state="due").rule[:4]) == (1, "cap:")

    if lifted == "deleted":
        client.post(reverse("admin:campaigns_frequencycap_delete", args=[row.pk]), {"post": "yes"})
    elif lifted == "changed":
        said = {"retailer": owner.pk, "limit": 2, "days": 30, "channel": "", "kind": "", "tag": ""}
        client.post(reverse("admin:campaigns_frequencycap_change", args=[row.pk]), said)
    else:
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post(reverse("admin:campaigns_frequencycap_changelist"), chosen)
    send_all(owner, now + HOUR, box)

    assert len(box.taken) == 2
    assert {each.state for each in Message.objects.all()} == {"accepted"}
    assert waiting in {each.id for each in box.taken}


def test_who_leaves_while_a_campaign_pauses_hears_nothing_when_it_goes_on() -> None:
    world = World()
    found = journey(world.club, CART, waits("PT4H"), says_by("email", expires_after="PT48H"))
    for number in ("C1", "C2"):
        world.cart(number, TEN)
        world.work(TEN)
    had_one_today(world, TEN)
    world.work(TEN + 4 * HOUR)
    pause(found)
    world.work(TEN + DAY)
    assert told()[0] == "held"

    Membership.objects.filter(pk=world.member.pk).update(left_at=TEN + DAY)
    resume(found)
    world.work(TEN + DAY + HOUR)

    assert (told(), world.box.taken) == (("dropped", "exited", "left"), [])
