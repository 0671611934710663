"""The referral policy as a part of a version: in its document, checked, and said in words."""

from typing import Any

import pytest
from django.utils import translation

from loyalty.configuration.checking import check
from loyalty.configuration.document import apply_to, check_document, differences, to_document
from loyalty.configuration.drafts import open_draft
from loyalty.configuration.referral_words import referrals_in_words
from loyalty.referrals.models import ReferralPolicy
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import add_policy, program

pytestmark = pytest.mark.django_db


def test_a_document_says_it_and_comes_back_the_same() -> None:
    draft = make.version()
    add_policy(draft, advocate_limit=5, budget=10_000)

    said = to_document(draft)
    other = make.version()
    apply_to(other, said)

    assert said["referrals"] == [
        {
            "code": "friends", "link": "https://shop.example/invite?code={code}", "advocate_points": 100,
            "friend_points": 50, "minimum_amount": "30", "advocate_limit": 5, "budget": 10_000,
        }
    ]  # fmt: skip
    assert to_document(other)["referrals"] == said["referrals"]


def test_there_is_one_at_most() -> None:
    said = to_document(make.version()) | {"referrals": [{"code": "a"}, {"code": "b"}]}

    (found,) = check_document(said)

    assert (found.place, found.is_error) == ("referrals", True)


def test_a_new_draft_goes_on_with_it_and_a_change_is_told() -> None:
    club = program()
    draft = open_draft(club, author="sue", now=NOON)
    before = to_document(draft)
    ReferralPolicy.objects.filter(version=draft).update(friend_points=60)

    (change,) = differences(before, to_document(draft))

    assert (change.path, change.before, change.after) == ("referrals/friends/friend_points", 50, 60)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"wallet": "stars"}, "unknown_wallet"),
        ({"advocate_points": 0, "friend_points": 0}, "nothing_to_give"),
        ({"link": "https://shop.example/invite"}, "no_link"),
        ({"link": "https://shop.example/{code}/{code}"}, "no_link"),
        ({"link": "https://shop.example/{code!r}{0}"}, "no_link"),
        ({"link": "javascript:alert({code})"}, "no_link"),
        ({"link": "https://[/{code}"}, "no_link"),
        ({"link": "http://shop.example/{code}"}, "no_https"),
        ({"minimum_amount": "30.001"}, "too_many_decimals"),
        ({"minimum_amount": "0"}, "no_minimum"),
        ({"budget": 100}, "budget_too_small"),
        ({"waiting_days": 0}, "no_waiting"),
    ],
)
def test_what_nobody_can_want_is_found(policy: dict[str, Any], code: str) -> None:
    draft = make.version()
    link = policy.pop("link", "")
    add_policy(draft, **policy)
    if link:
        ReferralPolicy.objects.filter(version=draft).update(link=link)

    assert [each.code for each in check(draft)] == [code]


def test_it_is_said_in_words() -> None:
    draft = make.version()
    add_policy(draft, advocate_limit=5, budget=10_000)

    with translation.override("en"):
        said = referrals_in_words(ReferralPolicy.objects.get(version=draft), "EUR")

    assert said == [
        "Who refers a friend gets 100 points, the friend 50.",
        "It takes the friend’s first order, of 30 EUR or more.",
        "The order has to come within 90 days of the claim.",
        "Both rewards are pending for 14 days, and are cancelled when the order comes back.",
        "A referrer gets 5 rewards at most: month.",
        "All together get 10,000 points at most: ever.",
        "What looks suspicious waits for a person to decide: from a score of 50 on.",
    ]
