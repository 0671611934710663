"""Codes in words: of reasons, rules and the facts because of which somebody was looked at; and the pages that show them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from loyalty.campaigns.models import Entry, Message, Outcome
from loyalty.campaigns.models.words import Channel, occurrence_in_words
from loyalty.campaigns.reasons import reason_in_words, rule_in_words
from loyalty.campaigns.rules import exits, surveys
from loyalty.campaigns.rules.caps import Cap
from tests.campaigns.make_campaigns import journey, says_by, waits
from tests.campaigns.test_admin import said
from tests.campaigns.test_journeys import CART, EXITS, TEN, World

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("occurrence", "words"),
    [
        ("birthday:2026", "birthday in 2026"),
        ("anniversary:2027", "anniversary in 2027"),
        ("cart:20260501", "cart 20260501"),
        ("cart:2026/0001:a", "cart 2026/0001:a"),
        ("order:A:1", "order A:1"),
        ("lapse:2026-05-01", "nothing bought since May 1, 2026"),
        ("expiry:2026-12-31", "points that expire on Dec. 31, 2026"),
        ("tier:gold:2026-01-01", "tier gold within reach"),
        ("tier_risk:gold:2026-12-31", "tier gold at risk"),
        ("stage:prospect", "has not bought yet"),
        ("stage:lapsing:2026-05-01", "waits longer than usual since May 1, 2026"),
        ("broadcast", "said to all members"),
        ("wave:2026-W48", "week 2026-W48"),
        ("complaint:4711", "complaint:4711"),
    ],
)
def test_a_fact_stands_in_words(occurrence: str, words: str) -> None:
    assert occurrence_in_words(occurrence) == words


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        (Cap(3, 7, "", "", ""), "messages: at most 3 in 7 days"),
        (Cap(1, 1, Channel.EMAIL, "", ""), "e-mail: at most 1 in 1 day"),
        (Cap(2, 30, Channel.SMS, "marketing", ""), "SMS, marketing: at most 2 in 30 days"),
        (Cap(2, 30, "", "", "big_sale"), "big_sale: at most 2 in 30 days"),
        (
            Cap(12, 1, Channel.PUSH, "program", "x_1_per_day"),
            "push, about the program, x_1_per_day: at most 12 in 1 day",
        ),
    ],
)
def test_a_cap_stands_in_words(cap: Cap, words: str) -> None:
    assert rule_in_words(f"cap:{cap.name}") == words


def test_other_rules_and_reasons_stand_in_words_and_what_a_provider_says_as_it_said_it() -> None:
    assert [rule_in_words(each) for each in ("quiet", "paused", "speed", "ordered")] == [
        "quiet hours", "the member's pause", "the channel's speed", "ordered",
    ]  # fmt: skip
    assert [reason_in_words(each) for each in ("no_consent", "slot_taken", "550 unknown user")] == [
        "did not agree to it", "has another offer of the slot", "550 unknown user",
    ]  # fmt: skip


def test_why_an_entry_ends_or_a_question_is_not_asked_stands_in_words_of_both_languages() -> None:
    codes = {
        *exits.REASONS.values(),
        exits.NO_LONGER_TRUE,
        surveys.CLOSED,
        surveys.ASKED_LATELY,
        surveys.ASKED_OTHERWISE,
    }

    said = {code: reason_in_words(code) for code in codes}
    with override("fr"):
        in_french = {code: reason_in_words(code) for code in codes}

    assert [code for code in codes if said[code] == code and code != "ordered"] == []
    assert [code for code in codes if in_french[code] in {code, said[code]}] == []
    assert (said["contacted"], in_french["contacted"]) == ("spoke with support", "a parlé au support")


@pytest.mark.django_db
def test_the_pages_of_a_campaigns_members_say_no_codes(client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"), waits("P30D"), says_by("email"), exits=EXITS)
    world.cart("C1", TEN)
    world.work(TEN + 4 * HOUR)
    world.order(TEN + 5 * HOUR)
    world.work(TEN + 5 * HOUR)
    entry, message = Entry.objects.get(), Message.objects.get()

    lists = {
        name: said(client.get(reverse(f"admin:campaigns_{name}_changelist")))
        for name in ("entry", "outcome", "message")
    }
    pages = [
        said(client.get(reverse(f"admin:campaigns_{name}_change", args=[row.pk])))
        for name, row in (("entry", entry), ("message", message), ("outcome", Outcome.objects.latest("pk")))
    ]

    assert "cart C1" in lists["entry"]
    assert "ordered" in lists["entry"]
    for shown in (*lists.values(), *pages):
        assert "cart:C1" not in shown
        assert "no_consent" not in shown
        assert f"entry:{entry.pk}" not in shown
    assert f'href="{reverse("admin:campaigns_entry_change", args=[entry.pk])}">cart C1, step 2</a>' in pages[1]


@pytest.mark.django_db
def test_reasons_are_filtered_by_their_words(client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    world = World()
    journey(world.club, CART, waits("PT4H"), says_by("email"))
    for number in (1, 2):
        world.cart(f"C{number}", TEN)
    world.work(TEN)

    everything = said(client.get(reverse("admin:campaigns_outcome_changelist")))
    filtered = said(client.get(reverse("admin:campaigns_outcome_changelist"), {"reason": "gone"}))

    assert "was in it already" in everything
    assert ("cart C2" in everything, "cart C2" in filtered) == (True, False)
