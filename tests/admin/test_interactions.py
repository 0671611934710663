"""Rewards of interactions in the admin: the queue of those that wait, approved or refused with a reason, and all others."""

import csv
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.activity.account.merging import take_merge
from loyalty.activity.models import InteractionDecision
from loyalty.memberships.models import Membership
from tests import make
from tests.activity.test_interaction_limits import club
from tests.badges.game import does

pytestmark = pytest.mark.django_db
LIST = "admin:activity_interactiondecision_changelist"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def ada() -> Membership:
    """A member with three reviews that wait, and a photo that gives nothing."""
    found = make.member(club(needs_approval=True), "ada")
    for hour in range(3):
        does(found, "review", timezone.now() - timedelta(hours=hour + 1), sku=f"S{hour}")
    does(found, "photo", timezone.now() - timedelta(hours=9))
    return found


def row_of(sku: str) -> InteractionDecision:
    return InteractionDecision.objects.get(interaction__sku=sku)


def decide(staff: Client, row: InteractionDecision, **said: str) -> str:
    """Ask for a decision, confirm what is shown, and return the page after it."""
    address = reverse("admin:activity_interactiondecision_review", args=[row.pk])
    signature = staff.post(address, said).context["signature"]
    return staff.post(address, {**said, "confirmed": signature}, follow=True).content.decode()


def listed(staff: Client, **asked: str) -> list[tuple[str, str]]:
    rows = staff.get(reverse(LIST), asked).context["cl"].result_list
    return sorted((row.interaction.sku, row.reward) for row in rows)


def test_the_queue_is_what_waits_and_the_rest_is_found_by_what_became_of_it(staff: Client, ada: Membership) -> None:
    decide(staff, row_of("S0"), decision="approve", reason="a good one")
    decide(staff, row_of("S1"), decision="refuse", reason="copied")

    found = {word: listed(staff, reward=word) for word in ("waiting", "approved", "cancelled", "given", "none")}

    assert listed(staff) == found["waiting"] == [("S2", "waiting")]
    assert (found["approved"], found["cancelled"]) == ([("S0", "approved")], [("S1", "cancelled")])
    assert (found["given"], found["none"]) == ([], [("", "none")])
    assert len(listed(staff, reward="all")) == 4
    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.pending) == (50, 50)


def test_what_is_decided_is_noted_with_its_reason_and_not_offered_again(staff: Client, ada: Membership) -> None:
    page = decide(staff, row_of("S1"), decision="refuse", reason="copied")

    again = staff.get(reverse("admin:activity_interactiondecision_review", args=[row_of("S1").pk]), follow=True)

    assert "50 points are cancelled." in page
    assert LogEntry.objects.get().get_change_message() == "Approve or refuse the reward: copied"
    assert "Nothing of it waits for an approval." in again.content.decode()


def test_chosen_ones_are_approved_together_and_those_that_do_not_wait_stay(staff: Client, ada: Membership) -> None:
    decide(staff, row_of("S1"), decision="refuse", reason="copied")
    chosen = list(InteractionDecision.objects.values_list("pk", flat=True))

    page = staff.post(
        f"{reverse(LIST)}?reward=all", {"action": "approve_all", "_selected_action": chosen}, follow=True
    ).content.decode()

    assert "2 rewards were approved." in page
    assert [row_of(sku).pk for sku in ("S0", "S2")] == sorted(
        int(each.object_id or 0) for each in LogEntry.objects.filter(change_message__contains="Approve the rewards")
    )
    assert (make.wallet_of(ada).available, make.wallet_of(ada).pending) == (100, 0)


def test_a_reward_of_a_customer_who_was_merged_waits_where_it_went(staff: Client, ada: Membership) -> None:
    bob = make.member(ada.program, "bob")
    take_merge(ada.retailer, "ada", "bob", reference="desk", now=timezone.now())

    decide(staff, row_of("S0"), decision="approve", reason="fine")

    assert listed(staff, reward="approved") == [("S0", "approved")]
    assert make.wallet_of(bob).available == 50


def test_the_list_is_searched_and_taken_along(staff: Client, ada: Membership) -> None:
    number = row_of("S0").interaction.number

    found = [listed(staff, q=each) for each in (number, "ada", "S2", "nobody")]
    posted = {"action": "export", "_selected_action": [row_of("S0").pk]}
    (row,) = csv.DictReader(staff.post(reverse(LIST), posted).content.decode().splitlines())

    assert [len(each) for each in found] == [1, 3, 1, 0]
    assert (row["interaction__number"], row["points"], row["reward"]) == (number, "50", "waiting")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_are_shown(staff: Client, ada: Membership, language: str) -> None:
    addresses = [
        reverse(LIST),
        reverse("admin:activity_interactiondecision_change", args=[row_of("S0").pk]),
        reverse("admin:activity_interactiondecision_review", args=[row_of("S0").pk]),
    ]

    assert [staff.get(each, headers={"accept-language": language}).status_code for each in addresses] == [200] * 3
