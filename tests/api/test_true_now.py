"""What an answer says is true when it is asked for, whether or not a night has carried it out."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.privacy import export
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.points.models import Hold
from loyalty.rewards.models import RewardRedemption
from tests import make
from tests.api.test_integration import call
from tests.api.test_rewards import app, till
from tests.rewards import shop

pytestmark = pytest.mark.django_db


def test_a_reward_whose_end_has_passed_is_told_as_expired(client: Client) -> None:
    now = timezone.now()
    bought_at, ends_at = now - timedelta(days=40), now - timedelta(days=10)
    ada = shop.member(shop.club(valid_days=30), at=bought_at)
    redeemed = redeem_reward(ada, "five-off", reference="r1", now=bought_at).redemption
    RewardRedemption.objects.filter(pk=redeemed.pk).update(expires_at=ends_at)

    told: list[Any] = [
        till(client, ada).get(f"members/{ada.number}/rewards/redemptions").json()["results"],
        app(client, ada).get("me/rewards/redemptions").json()["results"],
    ]
    copy = next(each for each in export(ada.customer, now=now)["sections"] if each["name"] == "rewards")

    assert [[(row["status"], row["ended_at"], row["used_at"]) for row in rows] for rows in told] == [
        [("expired", told[0][0]["expires_at"], None)],
        [("expired", told[0][0]["expires_at"], None)],
    ]
    assert [(row["status"], row["ended_at"]) for row in copy["rows"]] == [("expired", ends_at.isoformat())]
    assert RewardRedemption.objects.get().status == "issued"  # no night has been


def test_a_hold_whose_time_has_passed_is_told_as_timed_out(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    make.buys(ada, "100.00")
    key, base = make.key(ada.retailer), f"members/{ada.number}/holds"
    late = call(client, key, base, {"points": 20, "reference": "h1"}).json()["id"]
    call(client, key, base, {"points": 30, "reference": "h2"})
    Hold.objects.filter(pk=late).update(times_out_at=timezone.now() - timedelta(minutes=1))

    def listed(query: str) -> list[tuple[str, str]]:
        return [(row["reference"], row["status"]) for row in call(client, key, f"{base}{query}").json()["results"]]

    one = call(client, key, f"holds/{late}").json()

    assert listed("") == [("h2", "open"), ("h1", "timed_out")]
    assert listed("?status=open") == [("h2", "open")]
    assert listed("?status=timed_out") == [("h1", "timed_out")]
    assert listed("?status=timed_out&reference=h2") == []
    assert (one["status"], one["ended_at"]) == ("timed_out", one["times_out_at"])
    assert Hold.objects.get(pk=late).status == "open"  # nothing has carried it out
