"""Interactions are rewarded, but farmed by nobody: limits, products that were bought, approvals, returns."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from customers.models import Retailer
from loyalty.activity.account.approving import DecidedOtherwise, NoSuchInteraction, NothingWaits, review
from loyalty.activity.account.merging import take_merge
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import Program
from tests import make
from tests.badges.game import does

pytestmark = pytest.mark.django_db

DAY = make.on("2026-06-10T12:00")


def club(owner: Retailer | None = None, points: dict[str, Any] | None = None, **terms: Any) -> Program:
    """Return a program that gives 50 points for a review under some terms, and nothing for orders."""
    draft = make.version(owner, rules=(make.Rule(kind="per_interaction", points="50", interaction="review"),))
    EarningRule.objects.filter(version=draft).update(uses_multiplier=False, **terms)
    PointsPolicy.objects.filter(version=draft).update(**(points or {}))
    return make.published(draft)


def reviews(who: Membership, sku: str = "", *, at: Any = DAY) -> tuple[int, str]:
    """Let a member review a product; return what that gave, and why not more."""
    answer = does(who, "review", at, sku=sku)
    (decision,) = answer.decisions
    assert decision.interaction is not None
    return decision.interaction.points, decision.interaction.reason


def test_a_review_of_a_product_that_was_never_bought_gives_nothing() -> None:
    ada = make.member(club(bought_within_days=365))
    make.buys(ada, make.line("10", sku="X"), at=make.on("2026-06-01"))

    assert reviews(ada, "Y") == (0, "product_not_bought")
    assert reviews(ada) == (0, "product_not_bought")
    assert reviews(ada, "X") == (50, "")


@pytest.mark.parametrize(("days", "points"), [(30, 50), (31, 0)])
def test_the_product_was_bought_within_so_many_days(days: int, points: int) -> None:
    ada = make.member(club(bought_within_days=30))
    make.buys(ada, make.line("10", sku="X"), at=DAY - timedelta(days=days))

    assert reviews(ada, "X")[0] == points


def test_what_was_returned_by_then_was_not_bought_and_a_part_of_it_was() -> None:
    ada = make.member(club(bought_within_days=365))
    bought = make.buys(ada, make.line("20", sku="X", quantity="2"), at=make.on("2026-06-01"))
    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-02"))
    assert reviews(ada, "X", at=make.on("2026-06-03"))[0] == 50

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-04"))

    assert reviews(ada, "X", at=make.on("2026-06-05")) == (0, "product_not_bought")


def test_the_fourth_of_a_day_gives_nothing_and_the_next_day_gives_again() -> None:
    ada = make.member(club(day_limit=3))

    assert [reviews(ada, at=DAY + timedelta(minutes=each))[0] for each in range(4)] == [50, 50, 50, 0]
    assert reviews(ada, at=DAY + timedelta(hours=3)) == (0, "over_day_limit")
    assert reviews(ada, at=DAY + timedelta(days=1)) == (50, "")


def test_a_month_has_its_limit_and_a_product_gives_once() -> None:
    ada = make.member(club(month_limit=3, once_per_product=True))

    assert reviews(ada, "X") == (50, "")
    assert reviews(ada, "X", at=DAY + timedelta(days=40)) == (0, "rewarded_for_product")
    assert [reviews(ada, sku, at=DAY + timedelta(days=1))[0] for sku in "ABC"] == [50, 50, 0]
    assert reviews(ada, "D", at=DAY + timedelta(days=2)) == (0, "over_month_limit")
    assert reviews(ada, "D", at=make.on("2026-07-01")) == (50, "")


def test_a_product_gives_once_to_two_accounts_that_are_one_person() -> None:
    program = club(once_per_product=True)
    ada, eva = make.member(program), make.member(program)
    assert reviews(eva, "X") == (50, "")

    take_merge(
        program.retailer,
        eva.customer.external_id,
        ada.customer.external_id,
        reference="same",
        now=DAY + timedelta(days=1),
    )

    assert reviews(ada, "X", at=DAY + timedelta(days=2)) == (0, "rewarded_for_product")
    assert reviews(ada, "Y", at=DAY + timedelta(days=2)) == (50, "")
    assert replay(program, now=DAY + timedelta(days=3)).deviations == []


@pytest.mark.parametrize(("setting", "left"), [(False, 50), (True, 0)])
def test_when_the_product_is_returned_the_points_stay_or_go_as_the_rule_says(*, setting: bool, left: int) -> None:
    program = club(bought_within_days=365, is_taken_back=setting)
    ada = make.member(program)
    bought = make.buys(ada, make.line("10", sku="X"), "5", at=make.on("2026-06-01"))
    reviews(ada, "X")

    make.returns(ada, bought, (2, "1"), at=make.on("2026-06-11"))
    assert make.spendable(ada, make.on("2026-06-11")) == 50
    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-12"))

    assert make.spendable(ada, make.on("2026-06-12")) == left
    assert replay(program, now=make.on("2026-06-13")).deviations == []


def test_who_has_the_product_from_another_order_keeps_the_points_until_that_comes_back_too() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    ada = make.member(program)
    first, second = (make.buys(ada, make.line("10", sku="X"), at=make.on(f"2026-06-0{day}")) for day in (1, 2))
    reviews(ada, "X")

    make.returns(ada, first, (1, "1"), at=make.on("2026-06-11"))
    assert make.spendable(ada, make.on("2026-06-11")) == 50
    make.returns(ada, second, (1, "1"), at=make.on("2026-06-12"))
    assert make.spendable(ada, make.on("2026-06-12")) == 0

    third = make.buys(ada, make.line("10", sku="X"), at=make.on("2026-06-13"))
    make.returns(ada, third, (1, "1"), at=make.on("2026-06-14"))
    assert make.spendable(ada, make.on("2026-06-14")) == 0
    assert replay(program, now=make.on("2026-06-15")).deviations == []


def test_points_that_were_spent_are_taken_from_others_or_recorded_as_missing() -> None:
    from loyalty.activity.account.spending import redeem

    ada = make.member(club(bought_within_days=365, is_taken_back=True))
    bought = make.buys(ada, make.line("10", sku="X"), at=make.on("2026-06-01"))
    reviews(ada, "X")
    redeem(ada, 50, reference="all", now=DAY)

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-12"))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).shortfall) == (0, 50)


def test_points_wait_for_an_approval_and_become_active_or_are_cancelled() -> None:
    program = club(needs_approval=True, day_limit=3)
    ada = make.member(program)
    good, bad = (does(ada, "review", DAY + timedelta(hours=each)).outcome.fact.number for each in (0, 1))
    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (100, 0)

    assert review(program.retailer, good, is_approved=True, now=DAY + timedelta(days=2)) == 50
    assert review(program.retailer, good, is_approved=True, now=DAY + timedelta(days=2)) == 0
    assert review(program.retailer, bad, is_approved=False, now=DAY + timedelta(days=2)) == 50
    assert review(program.retailer, bad, is_approved=False, now=DAY + timedelta(days=2)) == 0

    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (0, 50)
    assert replay(program, now=DAY + timedelta(days=3)).deviations == []
    with pytest.raises(DecidedOtherwise):
        review(program.retailer, good, is_approved=False, now=DAY + timedelta(days=3))
    with pytest.raises(DecidedOtherwise):
        review(program.retailer, bad, is_approved=True, now=DAY + timedelta(days=3))
    with pytest.raises(NoSuchInteraction):
        review(program.retailer, "nix", is_approved=True, now=DAY)
    photo = does(ada, "photo", DAY).outcome.fact.number
    with pytest.raises(NothingWaits):
        review(program.retailer, photo, is_approved=True, now=DAY)


def test_what_is_not_approved_yet_goes_with_its_product() -> None:
    ada = make.member(club(needs_approval=True, bought_within_days=9, is_taken_back=True))
    bought = make.buys(ada, make.line("10", sku="X"), at=make.on("2026-06-09"))
    reviews(ada, "X")

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-12"))

    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available, make.wallet_of(ada).shortfall) == (0, 0, 0)


def test_a_shop_approves_over_http(client: Client) -> None:
    program = club(needs_approval=True)
    ada = make.member(program)
    number = does(ada, "review", DAY, sku="X").outcome.fact.number
    key = {"authorization": f"Api-Key {make.key(program.retailer)}"}

    def call(path: str) -> tuple[int, Any]:
        answer = client.post(f"/api/v1/interactions/{path}", content_type="application/json", headers=key)
        return answer.status_code, answer.json()

    assert call(f"{number}/approve?dry_run=true") == (200, {"number": number, "points": 50, "dry_run": True})
    assert call(f"{number}/approve") == (200, {"number": number, "points": 50})
    assert call(f"{number}/approve") == (200, {"number": number, "points": 0})
    assert call(f"{number}/refuse")[1]["code"] == "decided_otherwise"
    assert call("nix/refuse")[0] == 404


def test_interactions_of_one_batch_see_each_other() -> None:
    from customers.facts import InteractionFact
    from loyalty.activity.intake import take_interactions

    ada = make.member(club(day_limit=1))
    facts = [InteractionFact(f"i{each}", ada.customer.external_id, "review", DAY) for each in range(3)]

    answers = take_interactions(ada.retailer, facts, now=DAY)

    gave = [answer.decisions[0].interaction for answer in answers]
    assert [each.points for each in gave if each] == [50, 0, 0]
