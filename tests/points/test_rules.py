from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.engine.basket import Basket, Line, Occasion
from loyalty.points.clawback import claw_back
from loyalty.points.conditions import AllOf, In
from loyalty.points.expiry import Lifetime, activation, expiration
from loyalty.points.rules import Counted, Earning, earn, total_of
from loyalty.points.state import OpenLot, lots_after, spending_order

BASE = Earning(1, "base", Counted.PER_AMOUNT, Decimal(1))
FRESH = Earning(2, "fresh", Counted.PER_AMOUNT, Decimal(2), condition=In("category", frozenset({"FRESH"})))
WELCOME = Earning(3, "welcome", Counted.FIRST_ORDER, Decimal(100), uses_multiplier=False)


def points(*amounts: str, rules: tuple[Earning, ...] = (BASE,), multiplier: str = "1", is_first: bool = False) -> int:
    lines = [Line(Decimal(amount)) for amount in amounts]
    return total_of(earn(Basket(tuple(lines)), rules, Occasion(multiplier=Decimal(multiplier), is_first=is_first)))


@pytest.mark.parametrize(
    ("amounts", "multiplier", "expected"),
    [
        (("10.00",), "1", 10),
        (("0.99",), "1", 0),
        (("0.50", "0.50"), "1", 1),  # once, on the order's total
        (("10.99",), "1", 10),
        (("10.00",), "1.5", 15),
        (("9.99",), "1.5", 14),
        (("0.00",), "1", 0),
    ],
)
def test_points_are_rounded_down_once_on_the_total(amounts: tuple[str, ...], multiplier: str, expected: int) -> None:
    assert points(*amounts, multiplier=multiplier) == expected


def test_a_filter_counts_only_its_lines() -> None:
    lines = [Line(Decimal(10), category="FRESH"), Line(Decimal(5), category="FUEL")]

    earned = earn(Basket(tuple(lines)), (FRESH, BASE), Occasion(is_first=False))

    assert [(part.code, part.points, part.basis) for part in earned] == [
        ("base", 15, Decimal(15)),
        ("fresh", 20, Decimal(10)),
    ]


def test_a_brand_filter_and_a_category_filter_must_both_match() -> None:
    rule = replace(FRESH, condition=AllOf((FRESH.condition, In("brand", frozenset({"Own"})))))
    lines = [Line(Decimal(10), "FRESH", "Own"), Line(Decimal(10), "FRESH", "Other"), Line(Decimal(10), "", "Own")]

    assert total_of(earn(Basket(tuple(lines)), (rule,), Occasion(is_first=False))) == 20


def test_the_bonus_on_the_first_order_is_given_once_and_not_multiplied() -> None:
    assert points("10.00", rules=(BASE, WELCOME), multiplier="2", is_first=True) == 120
    assert points("10.00", rules=(BASE, WELCOME), multiplier="2", is_first=False) == 20


def test_a_minimum_amount_is_reached_or_nothing_is_given() -> None:
    rule = replace(BASE, minimum_amount=Decimal(20))

    assert (points("19.99", rules=(rule,)), points("20.00", rules=(rule,))) == (0, 20)


@given(st.permutations([BASE, FRESH, WELCOME]), st.lists(st.decimals("0", "999", places=2), min_size=1, max_size=5))
def test_the_order_of_the_rules_does_not_matter(rules: list[Earning], amounts: list[Decimal]) -> None:
    lines = [Line(amount, category="FRESH") for amount in amounts]

    assert earn(Basket(tuple(lines)), rules, Occasion(is_first=True)) == earn(
        Basket(tuple(lines)), (BASE, FRESH, WELCOME), Occasion(is_first=True)
    )


@given(st.lists(st.decimals("0", "999", places=2), min_size=1, max_size=6), st.integers(0, 5))
def test_fewer_lines_never_earn_more(amounts: list[Decimal], kept: int) -> None:
    lines = [Line(amount) for amount in amounts]
    whole = total_of(earn(Basket(tuple(lines)), (BASE, FRESH), Occasion(is_first=False)))

    assert total_of(earn(Basket(tuple(lines[:kept])), (BASE, FRESH), Occasion(is_first=False))) <= whole


PARIS = ZoneInfo("Europe/Paris")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("earned", "pending_days", "active"),
    [
        ("2026-03-01T10:00", 0, "2026-03-01T10:00"),
        ("2026-03-01T10:00", 14, "2026-03-15T00:00"),
        ("2026-03-28T23:59", 1, "2026-03-29T00:00"),
        ("2026-03-28T10:00", 2, "2026-03-30T00:00"),  # over the change to summer time
    ],
)
def test_points_become_active_at_midnight_after_the_pending_days(earned: str, pending_days: int, active: str) -> None:
    assert activation(local(earned), Lifetime(pending_days), PARIS) == local(active)


@pytest.mark.parametrize(
    ("active", "expiry", "count", "first_unusable"),
    [
        ("2026-03-15T00:00", "months", 1, "2026-04-16T00:00"),
        ("2026-01-31T12:00", "months", 1, "2026-03-01T00:00"),
        ("2028-01-31T12:00", "months", 1, "2028-03-01T00:00"),  # a leap year: usable on 29 February
        ("2024-02-29T12:00", "months", 12, "2025-03-01T00:00"),
        ("2026-03-15T10:00", "days", 30, "2026-04-15T00:00"),
        ("2026-03-15T10:00", "end_of_month", 0, "2026-04-01T00:00"),
        ("2026-03-15T10:00", "end_of_quarter", 0, "2026-04-01T00:00"),
        ("2026-12-31T23:59", "end_of_year", 0, "2027-01-01T00:00"),
        ("2026-11-30T10:00", "end_of_month", 3, "2027-03-01T00:00"),
    ],
)
def test_points_are_usable_through_their_last_day(active: str, expiry: str, count: int, first_unusable: str) -> None:
    assert expiration(local(active), Lifetime(expiry=expiry, expiry_count=count), PARIS) == local(first_unusable)


def test_points_may_never_expire() -> None:
    assert expiration(local("2026-01-01T00:00"), Lifetime(), PARIS) is None


def lot(place: int, *, order: int = 0, expires: int | None = None, pending: int = 0, available: int = 0) -> OpenLot:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    expires_at = None if expires is None else day.replace(month=expires)
    return OpenLot(UUID(int=place), UUID(int=order), day.replace(day=place), day, expires_at, pending, available)


def test_points_are_spent_by_expiry_then_age() -> None:
    lots = [lot(1), lot(2, expires=6), lot(3, expires=5), lot(4)]

    assert [each.id.int for each in spending_order(lots)] == [3, 2, 1, 4]


def test_a_return_takes_what_is_pending_then_its_own_then_others() -> None:
    lots = [lot(1, order=1, expires=2, available=50), lot(2, order=7, available=30), lot(3, order=7, pending=20)]

    taken = claw_back(90, UUID(int=7), lots)

    assert [(move.lot_id.int, move.source.value, move.amount) for move in taken.moves] == [
        (3, "pending", 20),
        (2, "available", 30),
        (1, "available", 40),
    ]
    assert taken.missing == 0


LOTS = st.lists(
    st.builds(
        lot, st.integers(1, 28), order=st.integers(1, 3), pending=st.integers(0, 50), available=st.integers(0, 50)
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)


@given(st.integers(0, 300), LOTS)
def test_a_clawback_takes_all_or_says_what_is_missing_and_never_too_much(points: int, lots: list[OpenLot]) -> None:
    taken = claw_back(points, UUID(int=1), lots)

    assert sum(move.amount for move in taken.moves) + taken.missing == points
    assert all(each.pending >= 0 and each.available >= 0 for each in lots_after(lots, taken.moves))


TWO = (
    Earning(4, "autumn", Counted.PER_ORDER, Decimal(5), group="week", best_of=True),
    Earning(5, "week", Counted.PER_ORDER, Decimal(8), group="week", best_of=True),
)


@given(st.permutations(TWO))
def test_the_best_of_a_group_gives_and_a_stack_adds_up(rules: list[Earning]) -> None:
    basket = Basket((Line(Decimal(10)),))
    stack = [replace(rule, best_of=False) for rule in rules]

    best = earn(basket, rules, Occasion())

    assert (total_of(best), total_of(earn(basket, stack, Occasion()))) == (8, 13)
    assert [(part.code, part.beaten) for part in best] == [("week", (("autumn", 5),))]


def test_of_two_that_are_alike_the_first_by_code_gives_whatever_the_order() -> None:
    alike = [replace(rule, points=Decimal(5)) for rule in TWO]

    for rules in (alike, alike[::-1]):
        (part,) = earn(Basket((Line(Decimal(10)),)), rules, Occasion())
        assert (part.code, part.beaten) == ("autumn", (("week", 5),))


def test_a_cap_cuts_before_the_best_is_chosen_and_says_so() -> None:
    rules = [TWO[0], replace(TWO[1], cap=3)]

    (part,) = earn(Basket((Line(Decimal(10)),)), rules, Occasion())

    assert (part.code, part.points, part.beaten) == ("autumn", 5, (("week", 3),))
    (alone,) = earn(Basket((Line(Decimal(10)),)), rules[1:], Occasion())
    assert (alone.points, alone.capped) == (3, 5)
