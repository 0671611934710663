"""Rewards and their prices for a variant: as the catalogue shows them, and as they are paid."""

from datetime import timedelta

import pytest

from loyalty.activity.rewards.redeeming import NoSuchReward, redeem_reward
from loyalty.experiments.running import end, start
from loyalty.memberships.models import Membership
from loyalty.page.reading import catalogue
from loyalty.rewards.models import Reward, RewardPrice
from tests import make
from tests.experiments.make_experiments import planned, running
from tests.experiments.test_arms import OFFER, both, people
from tests.make import NOON
from tests.rewards import shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
B_ALONE = {"experiment": "double", "variants": ["B"]}


def test_a_price_and_a_reward_hold_for_their_variant_alone() -> None:
    draft = make.version()
    reward = shop.reward(draft, code="five-off", points=500)
    shop.price(draft, "cheaper", 400, reward=reward.code)
    shop.reward(draft, code="only-b", points=100)
    RewardPrice.objects.filter(version=draft).update(arms=B_ALONE)
    Reward.objects.filter(version=draft, code="only-b").update(arms=B_ALONE)
    planned(draft.program.retailer, draft.program, "double", **OFFER)
    club = make.published(draft)
    members = people(club)
    for member in members:
        make.given(member, 1_000, NOON)
    experiment = start(club.experiments.get(), author="Grace", now=NOON)
    ada, bob = both(experiment, "A", "B")

    prices = {each.pk: _prices(each, NOON + DAY) for each in (ada, bob)}

    assert prices == {ada.pk: {"five-off": 500}, bob.pk: {"five-off": 400, "only-b": 100}}
    redeem_reward(bob, "five-off", reference="r1", now=NOON + DAY)
    redeem_reward(ada, "five-off", reference="r2", now=NOON + DAY)
    with pytest.raises(NoSuchReward):
        redeem_reward(ada, "only-b", reference="r3", now=NOON + DAY)
    assert [make.spendable(each, NOON + DAY) for each in (ada, bob)] == [500, 600]
    end(experiment, author="Grace", now=NOON + 2 * DAY)
    assert _prices(bob, NOON + 3 * DAY) == {"five-off": 500}


def _prices(member: Membership, at: object) -> dict[str, int]:
    return {each["code"]: each["prices"][0]["points"] for each in catalogue(member, at=at)}  # type: ignore[arg-type]


def test_who_is_held_out_of_benefits_goes_on_redeeming_at_the_list_price() -> None:
    draft = make.version(tiers=[("bronze", "0", "1")])
    draft.tiers.update(reward_discount=10)
    reward = shop.reward(draft, code="five-off", points=500)
    club = make.published(draft)
    for member in people(club):
        make.buys(member, "1000.00", at=NOON)
    ada, bob = both(running(club.retailer, club, form="no_benefits", at=NOON + DAY), "out", "in")

    for member in (ada, bob):
        redeem_reward(member, reward.code, reference="r", now=NOON + 2 * DAY)

    assert [make.spendable(each, NOON + 2 * DAY) for each in (ada, bob)] == [500, 550]
