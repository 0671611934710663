from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.points.state import Day, add_day
from loyalty.tiers.rules import (
    FOREVER,
    Counts,
    TierRule,
    TierScheme,
    counts_on,
    grace_end,
    period_end,
    window_start,
)

TIERS = (
    TierRule(1, UUID(int=1), "bronze", Decimal(0), Decimal(1)),
    TierRule(2, UUID(int=2), "silver", Decimal(500), Decimal("1.5")),
    TierRule(3, UUID(int=3), "gold", Decimal(1000), Decimal(2)),
)
YEAR = TierScheme("spend", "points", "calendar_year", 12, TIERS)
ROLLING = TierScheme("spend", "points", "rolling", 12, TIERS)


JOINED = date(2024, 2, 29)


def scheme_of(**given: Any) -> TierScheme:
    return replace(ROLLING, **given)


@pytest.mark.parametrize(
    ("amount", "code"), [("0", "bronze"), ("499.99", "bronze"), ("500", "silver"), ("1000", "gold"), ("9999", "gold")]
)
def test_the_highest_reached_step_is_earned(amount: str, code: str) -> None:
    earned = ROLLING.earned(Counts(spend=Decimal(amount)))

    assert earned is not None
    assert earned.code == code


@pytest.mark.parametrize(
    ("combination", "counts", "percent"),
    [
        ("all", Counts(), 0),
        ("all", Counts(spend=Decimal(499), orders=5, visits=2), 99),
        ("all", Counts(spend=Decimal("499.99"), orders=5, visits=2), 99),
        ("all", Counts(spend=Decimal(700), orders=2, visits=2), 40),  # 2 of 5 orders is what holds it back
        ("all", Counts(spend=Decimal(700), orders=2, visits=0), 0),
        ("all", Counts(spend=Decimal(500), orders=5, visits=2), 100),
        ("all", Counts(spend=Decimal(-20), orders=5, visits=2), 0),
        ("any", Counts(spend=Decimal(50), orders=4), 80),
        ("any", Counts(spend=Decimal(50), orders=5), 100),
    ],
)
def test_the_way_to_a_tier_is_done_where_it_is_reached(combination: str, counts: Counts, percent: int) -> None:
    silver = replace(TIERS[1], further=(("orders", Decimal(5)), ("visits", Decimal(2))))
    scheme = scheme_of(tiers=(TIERS[0], silver), combination=combination)

    assert scheme.percent_of(silver, counts) == percent
    assert scheme.percent_of(TIERS[0], Counts(spend=Decimal(-20))) == 0


@pytest.mark.parametrize(
    ("combination", "counts", "code"),
    [
        ("all", Counts(spend=Decimal(500)), "bronze"),
        ("all", Counts(spend=Decimal(500), orders=5, visits=2), "silver"),
        ("all", Counts(spend=Decimal(499), orders=5, visits=2), "bronze"),
        ("any", Counts(spend=Decimal(500)), "silver"),
        ("any", Counts(orders=5), "silver"),
        ("any", Counts(visits=2), "silver"),
        ("any", Counts(orders=4, visits=1), "bronze"),
    ],
)
def test_all_or_any_of_further_conditions(combination: str, counts: Counts, code: str) -> None:
    silver = replace(TIERS[1], further=(("orders", Decimal(5)), ("visits", Decimal(2))))
    scheme = scheme_of(tiers=(TIERS[0], silver), combination=combination)

    earned = scheme.earned(counts)

    assert earned is not None
    assert earned.code == code
    assert scheme.missing(silver, counts) == () if code == "silver" else scheme.missing(silver, counts)


@pytest.mark.parametrize(
    ("scheme", "day", "first"),
    [
        (ROLLING, date(2026, 3, 15), date(2025, 3, 16)),
        (ROLLING, date(2024, 2, 29), date(2023, 3, 1)),
        (ROLLING, date(2025, 2, 28), date(2024, 2, 29)),
        (YEAR, date(2026, 3, 15), date(2026, 1, 1)),
        (YEAR, date(2026, 1, 1), date(2026, 1, 1)),
        (scheme_of(window="lifetime"), date(2026, 1, 1), FOREVER),
        (scheme_of(window="membership_year"), date(2024, 2, 29), date(2024, 2, 29)),
        (scheme_of(window="membership_year"), date(2025, 2, 27), date(2024, 2, 29)),
        (scheme_of(window="membership_year"), date(2025, 2, 28), date(2025, 2, 28)),
        (scheme_of(window="membership_year"), date(2028, 2, 28), date(2027, 2, 28)),
        (scheme_of(window="membership_year"), date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_the_window_begins(scheme: TierScheme, day: date, first: date) -> None:
    assert window_start(scheme, day, JOINED) == first


@pytest.mark.parametrize(
    ("scheme", "entered", "end"),
    [
        (YEAR, date(2026, 3, 15), date(2027, 1, 1)),
        (ROLLING, date(2024, 2, 29), date(2025, 2, 28)),
        (scheme_of(window_months=1), date(2026, 1, 31), date(2026, 2, 28)),
        (scheme_of(window="lifetime"), date(2026, 12, 31), date(2027, 1, 1)),
        (scheme_of(window="membership_year"), date(2026, 2, 27), date(2026, 2, 28)),
        (scheme_of(window="membership_year"), date(2027, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_period_ends(scheme: TierScheme, entered: date, end: date) -> None:
    assert period_end(scheme, entered, JOINED) == end


@pytest.mark.parametrize(
    ("days", "to_month_end", "end"),
    [
        (30, False, date(2026, 3, 3)),
        (1, False, date(2026, 2, 2)),
        (0, True, date(2026, 2, 1)),
        (28, True, date(2026, 3, 1)),
        (29, True, date(2026, 4, 1)),
    ],
)
def test_grace_counts_from_the_day_after(days: int, to_month_end: bool, end: date) -> None:  # noqa: FBT001 - a row
    scheme = scheme_of(downgrade="grace", grace_days=days, grace_to_month_end=to_month_end)

    assert grace_end(scheme, date(2026, 1, 31)) == end


def test_a_soft_landing_is_one_step_down_and_never_below_what_was_earned() -> None:
    soft = scheme_of(soft_landing=True)

    assert [soft.landing(TIERS[2], earned) for earned in (None, TIERS[0], TIERS[1])] == [TIERS[1]] * 3
    assert (soft.landing(TIERS[1], None), soft.landing(TIERS[0], None)) == (TIERS[0], None)
    assert ROLLING.landing(TIERS[2], TIERS[0]) == TIERS[0]


def test_only_days_within_the_window_count() -> None:
    days = (
        Day(date(2025, 3, 15), Decimal(7), 70, 1, 1),
        Day(date(2025, 3, 16), Decimal(5), 50, 1),
        Day(date(2026, 3, 15), Decimal(1), 1, 1, 4),
    )

    counts = counts_on(ROLLING, days, days, on=date(2026, 3, 15), joined=JOINED, balance=9)

    assert counts == Counts(spend=Decimal(6), points=51, orders=2, visits=4, balance=9)


@given(st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 9)), st.integers(-5, 5)), max_size=12))
def test_days_stay_sorted_and_add_up(changes: list[tuple[date, int]]) -> None:
    days: tuple[Day, ...] = ()
    for on, amount in changes:
        days = add_day(days, Day(on, Decimal(amount), amount, amount))

    assert [day.on for day in days] == sorted({on for on, _ in changes})
    assert sum(day.points for day in days) == sum(day.orders for day in days) == sum(amount for _, amount in changes)
