"""Referrals in the admin: the queue with what is suspicious, reviews, lists that are taken along, and the version's page."""

import csv
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.activity.account.referring import note_member_signals
from loyalty.activity.explaining import rule_names, said_by
from loyalty.points.models import Entry
from loyalty.referrals.models import Referral
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import claims, person, points, program, referred

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


@pytest.fixture
def pair() -> Any:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    note_member_signals(ada, {"device": "d"}, now=NOON)
    claims(bob, ada, signals={"device": "d"})
    make.buys(bob, "45.00", at=NOON)
    return ada, bob


def decide(staff: Client, row: Referral, **said: str) -> str:
    """Ask for a review, confirm what is shown, and return the page after it."""
    address = reverse("admin:referrals_referral_review", args=[row.pk])
    shown = staff.post(address, said)
    signature = shown.context["signature"]
    return staff.post(address, {**said, "confirmed": signature}, follow=True).content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_queue_says_what_is_suspicious(staff: Client, pair: Any, language: str) -> None:
    address = reverse("admin:referrals_referral_changelist")

    page = staff.get(address, {"status__exact": "held"}, headers={"accept-language": language})
    row = staff.get(reverse("admin:referrals_referral_change", args=[Referral.objects.get().pk]))

    assert (page.status_code, row.status_code) == (200, 200)
    assert pair[0].number in page.content.decode()
    if language == "en":
        assert "the friend uses a device of the referrer · 60" in page.content.decode()


def test_what_is_approved_is_noted_with_its_author(staff: Client, pair: Any) -> None:
    ada, bob = pair

    page = decide(staff, Referral.objects.get(), decision="approve", reason="sisters")

    row = Referral.objects.get()
    assert "both rewards are given" in page
    assert (row.status, row.reviewed_by, row.review_note) == ("earned", "eve", "sisters")
    assert points(ada, bob, at=timezone.now()) == [(100, 0), (50, 0)]


def test_what_is_refused_ends_and_is_not_offered_again(staff: Client, pair: Any) -> None:
    _, bob = pair

    decide(staff, Referral.objects.get(), decision="refuse", reason="one phone")
    again = staff.get(reverse("admin:referrals_referral_review", args=[Referral.objects.get().pk]), follow=True)

    assert referred(bob) == ("refused", "refused_by_staff")
    assert "This referral has ended already." in again.content.decode()


def test_a_list_is_searched_and_taken_along(staff: Client, pair: Any) -> None:
    ada, _ = pair
    address = reverse("admin:referrals_referral_changelist")

    found = staff.get(address, {"q": ada.number}).content.decode()
    none = staff.get(address, {"q": "4711"}).content.decode()
    posted = {"action": "export", "_selected_action": [Referral.objects.get().pk]}
    (row,) = csv.DictReader(staff.post(address, posted).content.decode().splitlines())

    assert (ada.number in found, ada.number in none) == (True, False)
    said = (row["advocate__number"], row["status"], row["scores"])
    assert said == (ada.number, "held", "same_device:60")


def test_the_versions_page_says_it_in_words(staff: Client, pair: Any) -> None:
    version = pair[0].program.versions.get()

    page = staff.get(reverse("admin:programs_programversion_page", args=[version.pk])).content.decode()

    assert "Who refers a friend gets 100 points, the friend 50." in page


def test_a_statement_says_what_a_reward_was_for(pair: Any) -> None:
    club = program()
    ada, bob = person(club, "ada"), person(club, "bob")
    claims(bob, ada)
    bought = make.buys(bob, "45.00", at=NOON)
    points(ada, bob, at=NOON)
    make.returns(bob, bought, (1, "1"), at=NOON)
    points(ada, bob, at=NOON)

    entries = list(Entry.objects.filter(wallet__membership=ada).order_by("pk"))
    names = rule_names(club.pk, entries)

    assert [(each.kind, said_by(each, names)) for each in entries] == [
        ("earn", ["Reward for referring a friend"]),
        ("return", ["A reward of 100 points was taken back: what it was given for is no more"]),
    ]
    assert entries[1].label == "reward taken back"
