"""Scenario S22: reviews with their marks, verified and rewarded, as a shop reads them to show them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from loyalty.activity.account.merging import take_merge
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.activity.test_interaction_limits import DAY, club, reviews
from tests.badges.game import does
from tests.campaigns.test_api import told

pytestmark = pytest.mark.django_db
TERMS: dict[str, Any] = {
    "bought_within_days": 365, "once_per_product": True, "day_limit": 3, "month_limit": 20, "needs_approval": True,
}  # fmt: skip


class Shop:
    """A shop's system, which shows what customers wrote."""

    def __init__(self, program: Program) -> None:
        self.its = {"HTTP_AUTHORIZATION": f"Api-Key {make.key(program.retailer)}"}
        self.client = Client()

    def shows(self, **asked: str) -> list[dict[str, Any]]:
        answer = self.client.get("/api/v1/community", asked, **self.its)  # type: ignore[arg-type] # headers
        found: list[dict[str, Any]] = told(answer)["results"]
        return found

    def marks(self, **asked: str) -> tuple[Any, ...]:
        (row,) = self.shows(**asked)
        return tuple(row[name] for name in ("published", "verified", "rewarded", "reward", "points", "reason"))

    def decides(self, number: str, what: str) -> int:
        path = f"/api/v1/interactions/{number}/{what}"
        points: int = told(self.client.post(path, **self.its))["points"]  # type: ignore[arg-type] # headers
        return points


def buyer(program: Program, name: str, *skus: str) -> tuple[Membership, Any]:
    """Return a member who bought products nine days ago."""
    who = make.member(program, name)
    return who, make.buys(who, *(make.line("10", sku=sku) for sku in skus), at=DAY - timedelta(days=9))


def test_scenario_22_a_review_is_verified_and_rewarded_and_nobody_farms_it() -> None:
    program = club(**TERMS, is_taken_back=True)
    shop = Shop(program)
    ada, bought = buyer(program, "ada", "X", "A", "B", "C")
    charlie = make.member(program, "charlie")

    # Ada bought X and reviews it: 50 points pending; approved, they are hers, and the review has both marks.
    first = does(ada, "review", DAY, sku="X", score=1).outcome.fact.number
    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (50, 0)
    assert shop.marks(number=first) == (False, True, False, "waiting", 50, "")
    assert shop.decides(first, "approve") == 50
    assert shop.marks(number=first) == (True, True, True, "given", 50, "")
    assert make.wallet_of(ada).available == 50

    # A second review of X gives nothing, and is shown without the mark of a reward.
    assert reviews(ada, "X", at=DAY + timedelta(minutes=1)) == (0, "rewarded_for_product")
    assert [row["rewarded"] for row in shop.shows(sku="X")] == [False, True]

    # The fourth of a day gives nothing; the rating changes nothing.
    for minute, sku in enumerate("AB", start=2):
        (decision,) = does(ada, "review", DAY + timedelta(minutes=minute), sku=sku, score=5).decisions
        assert decision.interaction is not None
        assert decision.interaction.points == 50
    assert reviews(ada, "C", at=DAY + timedelta(minutes=4)) == (0, "over_day_limit")
    assert shop.marks(sku="C") == (True, True, False, "none", 0, "over_day_limit")

    # Charlie never bought X: published as unverified, and without points.
    assert reviews(charlie, "X", at=DAY + timedelta(hours=1)) == (0, "product_not_bought")
    assert shop.marks(customer="charlie") == (True, False, False, "none", 0, "product_not_bought")

    # She returns X: the mark goes, and the points by the setting.
    make.returns(ada, bought, (1, "1"), at=DAY + timedelta(days=1))
    assert shop.marks(number=first) == (True, False, False, "taken_back", 0, "")
    assert make.spendable(ada, DAY + timedelta(days=1)) == 0


def test_where_the_points_stay_the_mark_of_a_reward_stays_without_that_of_a_purchase() -> None:
    program = club(bought_within_days=365, is_taken_back=False)
    shop = Shop(program)
    ada, bought = buyer(program, "ada", "X")
    reviews(ada, "X")
    assert shop.marks() == (True, True, True, "given", 50, "")

    make.returns(ada, bought, (1, "1"), at=DAY + timedelta(days=1))

    assert shop.marks() == (True, False, True, "given", 50, "")


def test_what_is_refused_is_not_shown_nor_what_came_back_before_somebody_looked() -> None:
    program = club(**TERMS, is_taken_back=True)
    shop = Shop(program)
    ada, _ = buyer(program, "ada", "X")
    bob, bought = buyer(program, "bob", "X")
    refused = does(ada, "review", DAY, sku="X").outcome.fact.number
    reviews(bob, "X")

    assert shop.decides(refused, "refuse") == 50
    make.returns(bob, bought, (1, "1"), at=DAY + timedelta(days=1))

    assert shop.marks(customer="ada") == (False, True, False, "refused", 0, "")
    assert shop.marks(customer="bob") == (False, False, False, "refused", 0, "")


@pytest.mark.parametrize(("days", "verified"), [(0, True), (365, True), (366, False), (-1, False)])
def test_the_product_was_bought_within_a_year_before_it(days: int, *, verified: bool) -> None:
    program = club()
    ada = make.member(program, since=DAY - timedelta(days=500))
    make.buys(ada, make.line("10", sku="X"), at=DAY - timedelta(days=days))
    does(ada, "review", DAY, sku="X")

    assert Shop(program).marks()[1] is verified


def test_who_kept_a_part_or_has_it_from_another_order_is_verified_still() -> None:
    program = club()
    shop = Shop(program)
    ada = make.member(program, "ada")
    two = make.buys(ada, make.line("20", sku="X", quantity="2"), at=DAY - timedelta(days=3))
    reviews(ada, "X")

    make.returns(ada, two, (1, "1"), at=DAY + timedelta(days=1))
    assert shop.marks()[1] is True
    other = make.buys(ada, make.line("10", sku="X"), at=DAY - timedelta(days=2))
    make.returns(ada, two, (1, "1"), at=DAY + timedelta(days=2))
    assert shop.marks()[1] is True
    make.returns(ada, other, (1, "1"), at=DAY + timedelta(days=3))
    assert shop.marks()[1] is False


def test_after_a_merge_they_are_the_one_persons_with_their_marks() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    shop = Shop(program)
    eva, bought = buyer(program, "eva", "X")
    ada = make.member(program, "ada")
    reviews(eva, "X")
    take_merge(program.retailer, "eva", "ada", reference="same", now=DAY + timedelta(days=1))

    assert shop.marks(customer="eva") == shop.marks(customer="ada") == (True, True, True, "given", 50, "")
    make.returns(ada, bought, (1, "1"), at=DAY + timedelta(days=2))
    assert shop.marks(customer="ada") == (True, False, False, "taken_back", 0, "")


def test_another_retailer_sees_nothing_of_it_and_other_interactions_are_none() -> None:
    program = club()
    ada = make.member(program, "ada")
    reviews(ada, "X")
    does(ada, "visit", DAY)
    does(ada, "photo", DAY, sku="X")

    assert [row["kind"] for row in Shop(program).shows()] == ["photo", "review"]
    assert [row["kind"] for row in Shop(program).shows(kind="photo")] == ["photo"]
    assert Shop(club(make.retailer())).shows() == []
    assert Shop(program).client.get("/api/v1/community?kind=visit", **Shop(program).its).status_code == 400  # type: ignore[arg-type] # headers


@pytest.mark.parametrize("number", [1, 30])
def test_a_page_asks_the_database_as_often_for_thirty_as_for_one(number: int, django_assert_num_queries: Any) -> None:
    program = club()
    ada = make.member(program, "ada")
    for turn in range(number):
        does(ada, "review", DAY + timedelta(minutes=turn), sku=f"S{turn}")
    shop = Shop(program)
    shop.shows()

    with django_assert_num_queries(2):
        assert len(shop.shows()) == number
