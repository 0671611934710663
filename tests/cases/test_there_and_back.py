"""An order that leaves a member and comes back leaves the same as in a shop where it never left."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from customers.core.errors import DomainError
from customers.facts import LineFact
from loyalty.activity.correcting import take_claim
from loyalty.points.models import Entry
from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop
from tests.cases.test_corrections import END, FIRST, YEAR, picture

pytestmark = pytest.mark.django_db

ON = "2026-02-01 12:00"
Way = Callable[[Shop, Sequence[LineFact]], None]


def guest(shop: Shop, lines: Sequence[LineFact]) -> None:
    shop.correct("o1", None, *lines, at=ON, version=1)
    shop.correct("o1", "a", *lines, at=ON, version=2)


def another(shop: Shop, lines: Sequence[LineFact]) -> None:
    shop.correct("o1", "b", *lines, at=ON, version=1)
    shop.correct("o1", "a", *lines, at=ON, version=2)


def claimed(shop: Shop, lines: Sequence[LineFact]) -> None:
    shop.correct("o1", None, *lines, at=ON, version=1)
    assert shop.claim("o1", "a")


def too_early(shop: Shop, lines: Sequence[LineFact]) -> None:
    shop.correct("o1", "a", *lines, at="2025-12-01 12:00", version=1)
    shop.correct("o1", "a", *lines, at=ON, version=2)


def twice(shop: Shop, lines: Sequence[LineFact]) -> None:
    guest(shop, lines)
    shop.correct("o1", None, *lines, at=ON, version=3)
    shop.correct("o1", "a", *lines, at=ON, version=4)


def over_a_change(shop: Shop, lines: Sequence[LineFact]) -> None:
    shop.correct("o1", "a", *lines, make.line("35", sku="cup"), at=ON, version=1)
    shop.correct("o1", "b", *lines, make.line("35", sku="cup"), at=ON, version=2)
    shop.correct("o1", "a", *lines, at=ON, version=3)


WAYS = (guest, another, claimed, too_early, twice, over_a_change)


def nothing_more(_shop: Shop) -> None:
    pass


def some_came_back(shop: Shop) -> None:
    shop.give_back("r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])


def some_was_spent(shop: Shop) -> None:
    shop.redeem("a", 90, "x", at="2026-02-05 12:00")


def all_was_spent_and_some_came_back(shop: Shop) -> None:
    shop.redeem("a", 190, "x", at="2026-02-05 12:00")
    some_came_back(shop)


def something_else_was_bought(shop: Shop) -> None:
    shop.order("o2", "a", "15", at="2026-02-10 12:00")


def points_of_others_were_there(shop: Shop) -> None:
    """Its points are spent, and others' points live longer."""
    shop.redeem("a", 100, "x", at="2026-02-05 12:00")
    shop.order("o2", "a", "150", at="2026-02-10 12:00")


ALONE = (Rule(), FIRST)
TOGETHER = (Rule(),)  # it is the other order that is the first then, and stays so
BETWEEN: tuple[tuple[Callable[[Shop], None], Sequence[Rule], dict[str, Any]], ...] = (
    (nothing_more, ALONE, STOP),
    (some_came_back, ALONE, STOP),
    (some_was_spent, ALONE, STOP),
    (all_was_spent_and_some_came_back, ALONE, STOP),
    (all_was_spent_and_some_came_back, ALONE, NEGATIVE),
    (something_else_was_bought, TOGETHER, STOP),
    (points_of_others_were_there, TOGETHER, STOP),
    (points_of_others_were_there, TOGETHER, NEGATIVE),
)


def said(told: object) -> str:
    return getattr(told, "__name__", "") if callable(told) else ""


@pytest.mark.parametrize(("between", "rules", "missing"), BETWEEN, ids=said)
@pytest.mark.parametrize("way", WAYS, ids=said)
def test_it_is_as_if_it_had_never_left(
    way: Way, between: Callable[[Shop], None], rules: Sequence[Rule], missing: dict[str, Any]
) -> None:
    lines = (make.line("80", sku="milk"), make.line("20", sku="tea"))
    shops = [Shop(rules=rules, policy=YEAR | missing) for _ in range(2)]
    for shop in shops:
        shop.member("a")
        shop.member("b")
        shop.order("o1", "a", *lines, at=ON)
        between(shop)
        shop.hears_nothing_until(END)

    way(shops[0], lines)

    came_back, stayed = (picture(shop, "a", "b") for shop in shops)
    if rules is TOGETHER:
        for seen in (came_back, stayed):
            seen["a"]["orders"] = [order[:3] for order in seen["a"]["orders"]]
    assert came_back == stayed
    assert prove().differences == []


@pytest.mark.parametrize("way", WAYS, ids=said)
def test_it_gives_and_takes_its_tier_again(way: Way) -> None:
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "100", gift=30)), policy=YEAR)
    shop.member("a")
    shop.member("b")
    shop.order("o1", "a", "100", at=ON)

    way(shop, [make.line("100", sku="milk")])
    assert (shop.tier("a"), shop.balance("a")) == ("silver", 130)

    shop.give_back("r1", "o1", at=END)
    assert (shop.tier("a"), shop.balance("a")) == ("bronze", 0)
    assert prove().differences == []


def test_an_order_becomes_its_members_first_in_each_of_its_lives() -> None:
    shop = Shop(rules=(Rule(), FIRST), policy=YEAR)
    shop.member("a")
    for day, number in enumerate(("o1", "o2", "o3"), start=1):
        shop.order(number, "a", "10", at=f"2026-02-0{day} 12:00")
    shop.give_back("r1", "o1", at="2026-02-10 12:00")  # o2 becomes the first
    shop.correct("o2", None, "10", at="2026-02-02 12:00", version=1)  # o3 does
    shop.correct("o2", "a", "10", at="2026-02-02 12:00", version=2)
    assert (shop.keeps("a", "o2"), shop.keeps("a", "o3")) == (10, 110)

    shop.give_back("r3", "o3", at="2026-02-12 12:00")

    assert (shop.keeps("a", "o2"), shop.balance("a")) == (110, 110)
    firsts = Entry.objects.filter(wallet=shop.wallet("a"), cause__startswith="first:")
    assert firsts.count() == 3
    assert prove().differences == []


def test_coming_back_can_be_tried_out() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "80", at=ON)
    shop.correct("o1", None, "80", at=ON)
    before = shop.entries("a")

    answer = take_claim(shop.retailer, "o1", "a", reference="receipt", now=shop.at(END), dry_run=True)

    assert len(answer.decisions) == 1
    assert shop.entries("a") == before


def test_an_order_that_no_member_has_is_taken_from_nobody() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "80", at=ON)
    shop.correct("o1", None, "80", at=ON)

    with pytest.raises(DomainError):
        shop.correct("o1", None, "70", at=ON)

    assert (shop.balance("a"), shop.kinds("a")) == (0, ["earn", "return"])
