"""Touchpoints that happen here: messages and redemptions, of customers who were merged too, and deliveries."""

from datetime import timedelta
from typing import Any

import pytest

from analytics.paths.mapping import journey_map
from analytics.paths.touchpoints import Touch
from customers.facts import OrderEventFact
from customers.models import Customer, Retailer
from customers.recording import record_order_events
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.campaigns.models import Message
from tests import make
from tests.analytics.paths.shops import BEGIN, NOW, at, journeys
from tests.make import NOON
from tests.rewards import shop as of_rewards

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="UTC")


def mapped(owner: Retailer) -> dict[Touch, dict[Touch, int]]:
    found = journey_map(owner, since=BEGIN, until=at(50)).touchpoints
    return {each.touch: {touch: passage.times for touch, passage in each.nexts.items()} for each in found}


def sent(owner: Retailer, who: str, day: float, **given: Any) -> None:
    customer, _is_new = Customer.objects.get_or_create(
        retailer=owner, external_id=who, defaults={"identified_at": BEGIN}
    )
    said = {
        "kind": "marketing", "channels": ["email"], "channel": "email", "state": "accepted", "claimed_at": at(day),
        "planned_at": at(day), "due_at": at(day), "expires_at": at(day + 9), "cause": make.number("cause"),
    }  # fmt: skip
    Message.objects.create(retailer=owner, customer=customer, **(said | given))


def test_what_went_is_a_touchpoint_and_what_did_not_is_none(shop: Retailer) -> None:
    sent(shop, "ada", 1)
    sent(shop, "bob", 1, state="delivered", channels=["inbox"], channel="inbox", read_at=at(2))
    sent(shop, "charlie", 1, state="bounced")
    sent(shop, "dora", 1, state="dropped", reason="late", claimed_at=None, channel="")
    journeys(shop, dict.fromkeys(("ada", "bob", "charlie", "dora"), "v3"))

    assert mapped(shop) == {
        Touch.MESSAGE: {Touch.VISIT: 1, Touch.READ: 1}, Touch.READ: {Touch.VISIT: 1}, Touch.VISIT: {},
    }  # fmt: skip


def test_messages_of_who_was_merged_are_on_the_path_of_who_stays(shop: Retailer) -> None:
    sent(shop, "ada-at-the-till", 1)
    journeys(shop, {"ada": "v3"})
    assert mapped(shop)[Touch.MESSAGE] == {}

    Customer.objects.filter(external_id="ada-at-the-till").update(
        merged_into=Customer.objects.get(retailer=shop, external_id="ada")
    )

    assert mapped(shop)[Touch.MESSAGE] == {Touch.VISIT: 1}


def test_a_delivery_follows_its_order(shop: Retailer) -> None:
    journeys(shop, {"ada": "o1"})
    number = Customer.objects.get(retailer=shop, external_id="ada").orders.get().number

    record_order_events(
        shop, [OrderEventFact(number, "delivered", at(3)), OrderEventFact(number, "packed", at(2))], now=NOW
    )

    assert mapped(shop)[Touch.ORDER] == {Touch.DELIVERY: 1}


def test_a_redeemed_reward_is_a_touchpoint() -> None:
    ada = of_rewards.member(of_rewards.club())
    redeem_reward(ada, "five-off", reference="r1", now=NOON)

    found = journey_map(ada.retailer, since=NOON - timedelta(days=1), until=NOON + timedelta(days=60))

    assert [(each.touch, each.times, each.stopped.times) for each in found.touchpoints] == [(Touch.REDEMPTION, 1, 1)]
