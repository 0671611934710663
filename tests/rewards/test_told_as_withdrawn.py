"""A reward that the version in force has no more is told as withdrawn by whoever asks, before a night has carried it out."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.core.ids import new_id
from customers.models import Customer
from customers.privacy import export
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.page import reading
from loyalty.rewards.models import RewardRedemption
from tests import make
from tests.page.test_pages import home_of, signed_in, text_of
from tests.rewards import shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ME, OF_MEMBER = "/api/v1/me/rewards/redemptions", "/api/v1/members/{}/rewards/redemptions"


def had(on_withdrawal: str = "give_back", **given: Any) -> tuple[Membership, RewardRedemption]:
    """Return who redeemed a reward three days ago that a version has had no more since yesterday."""
    now = timezone.now()
    draft = make.version(make.retailer(language="en"))
    shop.reward(draft, on_withdrawal=on_withdrawal, **given)
    shop.reward(draft, "other")
    program = make.published(draft)
    ada = shop.member(program, at=now - 4 * DAY)
    got = redeem_reward(ada, "five-off", reference="r1", now=now - 3 * DAY)
    shop.follow(program, now - DAY, without="five-off")
    return ada, got.redemption


def asked(ada: Membership) -> RewardRedemption:
    return reading.redemptions(ada).get()


def test_it_is_withdrawn_from_the_instant_of_the_version_that_has_it_no_more() -> None:
    ada, _got = had()
    now = timezone.now()
    row = asked(ada)
    since = row.withdrawn_at
    assert since is not None

    told = [(row.status_at(at), row.ended_by(at)) for at in (since - timedelta(seconds=1), since, now)]

    assert told == [("issued", None), ("withdrawn", since), ("withdrawn", since)]
    assert reading.open_redemptions(ada, at=now).count() == 0
    assert reading.open_redemptions(ada, at=since - timedelta(seconds=1)).count() == 1


@pytest.mark.parametrize(("given", "status"), [({"on_withdrawal": "keep"}, "issued"), ({"valid_days": 0}, "expired")])
def test_what_members_keep_is_theirs_and_what_has_ended_has_ended(given: dict[str, Any], status: str) -> None:
    ada, _got = had(**given)

    assert asked(ada).status_at(timezone.now()) == status


def test_the_member_staff_and_systems_are_told_the_same() -> None:
    ada, got = had()
    Customer.objects.filter(pk=ada.customer_id).update(email="ada@example.com")
    ada.customer.refresh_from_db()
    sue = Client()
    sue.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))

    mine = Client().get(ME, headers={"authorization": f"Bearer {make.token(ada.customer)}"}).json()["results"]
    theirs = Client().get(OF_MEMBER.format(ada.number), headers={"authorization": f"Api-Key {make.key(ada.retailer)}"})
    page = text_of(signed_in(ada).get(f"{home_of(ada)}mine/{got.pk}"))
    listed = sue.get(reverse("admin:rewards_rewardredemption_changelist")).content.decode()
    exported = json.dumps(export(ada.customer, now=timezone.now()), default=str)

    assert [each["status"] for each in (*mine, *theirs.json()["results"])] == ["withdrawn", "withdrawn"]
    assert mine[0]["ended_at"] is not None
    assert "Withdrawn" in page
    assert "withdrawn" in listed.lower()
    assert '"status": "withdrawn"' in exported


@pytest.mark.parametrize("number", [1, 30])
def test_many_are_told_by_as_many_statements_as_one(number: int, django_assert_num_queries: Any) -> None:
    ada, _got = had()
    (first,) = RewardRedemption.objects.all()
    for turn in range(1, number):
        first.pk, first.reference = new_id(), f"r{turn}-more"
        first._state.adding = True
        first.save(force_insert=True)

    with django_assert_num_queries(1):
        told = [each.status_at(timezone.now()) for each in reading.redemptions(ada)]

    assert told == ["withdrawn"] * number
