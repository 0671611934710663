"""The admin's pages of ready-made journeys, of the start of a campaign and of moving who is in it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.campaigns.models import Campaign, Entry, Message, Step
from loyalty.campaigns.publishing.managing import draft_of, publish
from loyalty.campaigns.publishing.ready_made import ORDER
from tests import make
from tests.campaigns.make_campaigns import ada, journey, says_by, waits
from tests.campaigns.test_admin import confirmed, said
from tests.campaigns.test_journeys import TEN, World
from tests.experiments.make_experiments import running, salt_that_holds_out

pytestmark = pytest.mark.django_db
PAGE = "admin:campaigns_campaign_ready_made"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


def test_one_click_makes_an_editable_draft_of_a_ready_made_journey(staff: Client) -> None:
    world = World()
    shown = said(staff.get(reverse(PAGE)))
    assert [shown.count(f'value="{name}"') for name in ORDER] == [1] * len(ORDER)

    answer: Any = staff.post(reverse(PAGE), {"program": world.club.pk, "journey": "win-back"}, follow=True)

    made = Campaign.objects.get()
    assert (made.code, made.state, made.name) == ("win-back", "draft", "Win-back")
    assert "Until then nothing is sent." in said(answer)
    assert "1. Wait until 10:00." in said(answer)
    assert (Message.objects.count(), Entry.objects.count()) == (0, 0)
    draft = staff.get(reverse("admin:campaigns_campaignversion_change", args=[made.versions.get().pk]))
    assert draft.status_code == 200


@pytest.mark.parametrize(
    "form", [{"journey": "welcome"}, {"program": "0", "journey": "welcome"}, {"journey": "nothing"}]
)
def test_what_is_not_there_makes_nothing(staff: Client, form: dict[str, str]) -> None:
    world = World()

    answer: Any = staff.post(reverse(PAGE), {"program": world.club.pk} | form if "program" not in form else form)

    made = form == {"journey": "welcome"}
    assert (answer.status_code, Campaign.objects.count()) == (302, int(made))


def test_without_a_program_the_page_says_what_is_missing(staff: Client) -> None:
    assert "Make a program first." in said(staff.get(reverse(PAGE)))


def test_the_start_says_whom_it_finds_and_asks_where_an_arm_has_too_few(staff: Client) -> None:
    world = World()
    held = running(
        world.owner, world.club, "holdout", at=make.START, salt=salt_that_holds_out(world.member.customer_id)
    )
    ada(world.club, "bob", agrees=())
    live = journey(world.club, {"kind": "broadcast"}, says_by("email"))
    Campaign.objects.filter(pk=live.pk).update(experiment=held)
    draft_of(live)
    address = reverse("admin:campaigns_campaign_publish_it", args=[live.pk])

    refused = said(staff.post(address, {"reason": "autumn"}))
    assert "fewer than 100" in refused
    assert 'name="confirmed"' not in refused
    shown = said(staff.post(address, {"reason": "autumn", "confirms_few": "on"}))
    assert "Today it finds 2 members. 1 enters." in shown
    assert "Do not enter, as they did not agree to it: 1." in shown
    assert "1 is held out and gets nothing, so that the difference can be measured." in shown
    confirmed(staff, address, {"reason": "autumn", "confirms_few": "on"})

    live.refresh_from_db()
    assert live.version is not None
    assert live.version.number == 2


def test_who_is_in_it_is_moved_after_it_was_shown(staff: Client) -> None:
    world = World()
    live = journey(world.club, {"kind": "cart"}, waits("P9D"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)
    Step.objects.filter(version=draft_of(live), position=0).update(wait="P3D")
    publish(draft_of(live), author="sue", now=timezone.now())
    address = reverse("admin:campaigns_campaign_move_them", args=[live.pk])

    assert "1 member goes on with version 2." in said(staff.post(address, {"reason": "autumn"}))
    assert Entry.objects.get().version.number == 1
    confirmed(staff, address, {"reason": "autumn"})

    assert Entry.objects.get().version.number == 2


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("draft", {"draft", "publish"}),
        ("live", {"draft", "publish", "move", "pause", "end"}),
        ("paused", {"draft", "publish", "move", "resume", "end"}),
        ("ended", set()),
    ],
)
def test_a_campaign_offers_what_can_be_done_with_it(staff: Client, state: str, offered: set[str]) -> None:
    world = World()
    live = journey(world.club, {"kind": "cart"}, waits("PT4H"), says_by("email"))
    Campaign.objects.filter(pk=live.pk).update(state=state, ended_at=TEN if state == "ended" else None)

    page = said(staff.get(reverse("admin:campaigns_campaign_change", args=[live.pk])))

    verbs = {"draft", "publish", "move", "pause", "resume", "end"}
    assert {verb for verb in verbs if f"/{live.pk}/{verb}" in page} == offered
