"""Rewards and prices for some: the catalogue and the redemption say the same of everybody, at any instant."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.core.ids import new_id
from customers.models import Consent, Insight
from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.rewards.catalogue import shelf_of
from loyalty.activity.rewards.redeeming import NotForMember, redeem_reward
from loyalty.configuration.checking import check
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import cancel
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.rules import Buyer, Catalogue, Kind, RewardRule
from tests import make
from tests.make import NOON
from tests.plans import make_plans
from tests.rewards import shop

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
EVERYBODY = ("ada", "gold", "plus", "top", "all")
# Reward: whose it is alone, and who may have it.
ALONE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "for-all": ({}, set(EVERYBODY)),
    "gold-only": ({"tiers": ["gold"]}, {"gold", "all"}),
    "plus-only": ({"plans": ["plus"]}, {"plus", "all"}),
    "top-only": ({"segments": ["top_value"]}, {"top", "all"}),
    "gold-and-plus": ({"tiers": ["gold"], "plans": ["plus"]}, {"all"}),
    "any-tier-and-top": ({"tiers": ["bronze", "gold"], "segments": ["top_value", "at_risk"]}, {"top", "all"}),
}


def a_draft() -> ProgramVersion:
    """Return a draft with two tiers, of which gold makes rewards a tenth cheaper, a plan, and two wallets."""
    draft = make.version(tiers=[("bronze", "0", "1"), ("gold", "100", "1")])
    draft.tiers.filter(code="gold").update(reward_discount=Decimal(10))
    make_plans.add_plans(draft, {"code": "plus"})
    PointsPolicy.objects.create(version=draft, code="stars")
    return draft


def everybody(draft: ProgramVersion, at: datetime = NOON) -> dict[str, Membership]:
    """Return members of what a draft becomes: in no way special, in one way, and in all; with 10,000 points each."""
    program = make.published(draft, since=at - timedelta(days=60))
    found = {name: shop.member(program, 10_000, name=name, at=at - 3 * HOUR) for name in EVERYBODY}
    for name in ("gold", "all"):
        make.buys(found[name], "100.00", at=at - 2 * HOUR)
    for name in ("plus", "all"):
        make_plans.joined(found[name], at=at - HOUR)
    for name in ("top", "all"):
        agrees(found[name], at - HOUR)
    return found


def agrees(who: Membership, at: datetime) -> None:
    Insight.objects.create(
        customer=who.customer, run_id=1, as_of=at.date(), horizon_days=365, currency="EUR", historic_revenue=1,
        value_decile=10,
    )  # fmt: skip
    Consent.objects.create(customer=who.customer, purpose="profiling", granted=True, occurred_at=at, source="app")


def on_shelf(who: Membership, at: datetime) -> dict[str, Any]:
    """Return what a member can have now, by code."""
    shelf = shelf_of(who.pk, at=at)
    assert shelf is not None
    return {each["code"]: each for each in json.loads(shelf.as_json())["rewards"]}


def redeemable(who: Membership, at: datetime) -> set[str]:
    return {code for code, each in on_shelf(who, at).items() if each["redeemable"]}


def gets(who: Membership, at: datetime, prefix: str = "r") -> set[str]:
    """Return which of the exclusive rewards a member gets when it asks for each."""
    got = set()
    for code in ALONE:
        before = make.spendable(who, at)
        try:
            redeem_reward(who, code, reference=f"{prefix}-{code}", now=at)
        except NotForMember:
            assert make.spendable(who, at) == before
        else:
            got.add(code)
    return got


def test_who_may_have_what_is_the_same_in_the_catalogue_and_at_redemption() -> None:
    draft = a_draft()
    for code, (whose, _) in ALONE.items():
        shop.reward(draft, code, 10, **whose)
    members = everybody(draft)

    for name, who in members.items():
        theirs = {code for code, (_, some) in ALONE.items() if name in some}
        assert (name, redeemable(who, NOON)) == (name, theirs)
        assert (name, gets(who, NOON)) == (name, theirs)


def test_what_made_a_member_special_ends_at_its_instant_whether_or_not_a_night_has_run() -> None:
    draft = a_draft()
    for code, (whose, _) in ALONE.items():
        shop.reward(draft, code, 10, **whose)
    members = everybody(draft)
    cancel(members["plus"], now=NOON)
    ended = make.on("2026-07-15")  # the month that was paid is over, and no night has run
    Consent.objects.create(
        customer=members["top"].customer, purpose="profiling", granted=False, occurred_at=NOON + HOUR, source="app"
    )

    assert redeemable(members["plus"], ended - HOUR) == {"for-all", "plus-only"}
    for name, at, theirs in (
        ("plus", ended + HOUR, {"for-all"}),
        ("top", NOON + 2 * HOUR, {"for-all"}),
        ("gold", NOON + timedelta(days=400), {"for-all"}),  # what it bought is out of the window
    ):
        assert (name, redeemable(members[name], at)) == (name, theirs)
        assert (name, gets(members[name], at)) == (name, theirs)


@pytest.mark.parametrize(
    ("points", "percent", "costs"),
    [
        (1, "12.5", 1), (1, "99.99", 1), (3, "70", 1), (8, "12.5", 7), (7, "12.5", 6), (500, "0.1", 499), (1, "100", 0),
        (500, "100", 0), (0, "12.5", 0),
    ],
)  # fmt: skip
def test_what_costs_something_is_not_free_by_rounding(points: int, percent: str, costs: int) -> None:
    cup = RewardRule(1, new_id(), "cup", Kind.PRODUCT, "points", points)

    (price,) = Catalogue.of([cup], {}).prices_of(cup, Buyer("gold", Decimal(percent))).values()

    assert (price.points, price.rule) == (costs, "tier:gold" if costs < points else "list")


def test_of_all_prices_the_best_one_is_paid_in_each_wallet_and_named() -> None:
    draft = a_draft()
    shop.reward(draft, points=500)
    for code, points, whose in (
        ("gold-price", 440, {"tier": "gold"}),
        ("plus-price", 430, {"plan": "plus"}),
        ("top-price", 460, {"segment": "top_value"}),
        ("gold-plus", 420, {"tier": "gold", "plan": "plus"}),
        ("dearer", 600, {}),
        ("stars", 50, {"wallet": "stars"}),
        ("plus-stars", 40, {"wallet": "stars", "plan": "plus"}),
    ):
        shop.price(draft, code, points, **whose)
    members = everybody(draft)
    expected = {
        "ada": [("points", 500, "list"), ("stars", 50, "price:stars")],
        "gold": [("points", 440, "price:gold-price"), ("stars", 50, "price:stars")],
        "plus": [("points", 430, "price:plus-price"), ("stars", 40, "price:plus-stars")],
        "top": [("points", 460, "price:top-price"), ("stars", 50, "price:stars")],
        "all": [("points", 420, "price:gold-plus"), ("stars", 40, "price:plus-stars")],
    }

    for name, who in members.items():
        shown = [(one["wallet"], one["points"], one["rule"]) for one in on_shelf(who, NOON)["five-off"]["prices"]]
        got = redeem_reward(who, "five-off", reference="r1", now=NOON).redemption
        assert (name, shown) == (name, expected[name])
        assert (name, (got.wallet, got.points, got.price_rule)) == (name, expected[name][0])
        with pytest.raises(InsufficientPoints):
            redeem_reward(who, "five-off", reference="r2", wallet="stars", now=NOON)


def test_a_tiers_discount_is_taken_where_it_is_the_best_and_of_equals_the_list(client: Client) -> None:
    now = timezone.now()
    draft = a_draft()
    shop.reward(draft, points=500)
    shop.price(draft, "tiny", 499, tier="gold")
    shop.reward(draft, "cup", 100)
    shop.price(draft, "same", 100, reward="cup")
    shop.price(draft, "gift", 0, reward="cup", plan="plus")
    members = everybody(draft, now)
    headers = {"Authorization": f"Api-Key {make.key(draft.program.retailer)}"}

    def told(name: str, reward: str) -> tuple[int, str]:
        answer = client.post(
            f"/api/v1/members/{members[name].number}/rewards/redemptions",
            {"reward": reward, "reference": reward}, content_type="application/json", headers=headers,
        )  # fmt: skip
        assert answer.status_code == 201, answer.json()
        return answer.json()["points"], answer.json()["price"]

    assert told("gold", "five-off") == (450, "tier:gold")
    assert told("ada", "cup") == (100, "list")
    assert told("gold", "cup") == (90, "tier:gold")
    assert told("plus", "cup") == (0, "price:gift")
    assert make.spendable(members["plus"], now) == 10_000
    assert RewardRedemption.objects.filter(points=0).count() == 1


def test_a_plan_that_a_version_does_not_have_is_told_before_it_is_published() -> None:
    draft = a_draft()
    shop.reward(draft, plans=["plus", "prime"])
    shop.price(draft, "for-prime", 10, plan="prime")

    found = [(each.code, each.place) for each in check(draft) if each.code == "unknown_plan"]

    assert found == [("unknown_plan", "rewards/five-off"), ("unknown_plan", "reward_prices/for-prime")]
