from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tiers.rules import (
    FOREVER,
    Counts,
    Day,
    Ladder,
    Step,
    add_day,
    counted,
    grace_end,
    period_end,
    window_start,
)

STEPS = (
    Step(1, "bronze", Decimal(0), Decimal(1)),
    Step(2, "silver", Decimal(500), Decimal("1.5")),
    Step(3, "gold", Decimal(1000), Decimal(2)),
)
YEAR = Ladder("spend", "points", "calendar_year", 12, STEPS)
ROLLING = Ladder("spend", "points", "rolling", 12, STEPS)


JOINED = date(2024, 2, 29)


def ladder_of(**given: Any) -> Ladder:
    return replace(ROLLING, **given)


@pytest.mark.parametrize(
    ("amount", "code"), [("0", "bronze"), ("499.99", "bronze"), ("500", "silver"), ("1000", "gold"), ("9999", "gold")]
)
def test_the_highest_reached_step_is_earned(amount: str, code: str) -> None:
    earned = ROLLING.earned(Counts(spend=Decimal(amount)))

    assert earned is not None
    assert earned.code == code


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
    silver = replace(STEPS[1], further=(("orders", Decimal(5)), ("visits", Decimal(2))))
    ladder = ladder_of(steps=(STEPS[0], silver), combination=combination)

    earned = ladder.earned(counts)

    assert earned is not None
    assert earned.code == code
    assert ladder.missing(silver, counts) == () if code == "silver" else ladder.missing(silver, counts)


@pytest.mark.parametrize(
    ("ladder", "day", "first"),
    [
        (ROLLING, date(2026, 3, 15), date(2025, 3, 16)),
        (ROLLING, date(2024, 2, 29), date(2023, 3, 1)),
        (ROLLING, date(2025, 2, 28), date(2024, 2, 29)),
        (YEAR, date(2026, 3, 15), date(2026, 1, 1)),
        (YEAR, date(2026, 1, 1), date(2026, 1, 1)),
        (ladder_of(window="lifetime"), date(2026, 1, 1), FOREVER),
        (ladder_of(window="membership_year"), date(2024, 2, 29), date(2024, 2, 29)),
        (ladder_of(window="membership_year"), date(2025, 2, 27), date(2024, 2, 29)),
        (ladder_of(window="membership_year"), date(2025, 2, 28), date(2025, 2, 28)),
        (ladder_of(window="membership_year"), date(2028, 2, 28), date(2027, 2, 28)),
        (ladder_of(window="membership_year"), date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_the_window_begins(ladder: Ladder, day: date, first: date) -> None:
    assert window_start(ladder, day, JOINED) == first


@pytest.mark.parametrize(
    ("ladder", "entered", "end"),
    [
        (YEAR, date(2026, 3, 15), date(2027, 1, 1)),
        (ROLLING, date(2024, 2, 29), date(2025, 2, 28)),
        (ladder_of(window_months=1), date(2026, 1, 31), date(2026, 2, 28)),
        (ladder_of(window="lifetime"), date(2026, 12, 31), date(2027, 1, 1)),
        (ladder_of(window="membership_year"), date(2026, 2, 27), date(2026, 2, 28)),
        (ladder_of(window="membership_year"), date(2027, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_period_ends(ladder: Ladder, entered: date, end: date) -> None:
    assert period_end(ladder, entered, JOINED) == end


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
    ladder = ladder_of(downgrade="grace", grace_days=days, grace_to_month_end=to_month_end)

    assert grace_end(ladder, date(2026, 1, 31)) == end


def test_a_soft_landing_is_one_step_down_and_never_below_what_was_earned() -> None:
    soft = ladder_of(soft_landing=True)

    assert [soft.landing(STEPS[2], earned) for earned in (None, STEPS[0], STEPS[1])] == [STEPS[1]] * 3
    assert (soft.landing(STEPS[1], None), soft.landing(STEPS[0], None)) == (STEPS[0], None)
    assert ROLLING.landing(STEPS[2], STEPS[0]) == STEPS[0]


def test_only_days_within_the_window_count() -> None:
    days = (
        Day(date(2025, 3, 15), Decimal(7), 70, 1, 1),
        Day(date(2025, 3, 16), Decimal(5), 50, 1),
        Day(date(2026, 3, 15), Decimal(1), 1, 1, 4),
    )

    counts = counted(ROLLING, days, days, on=date(2026, 3, 15), joined=JOINED, balance=9)

    assert counts == Counts(spend=Decimal(6), points=51, orders=2, visits=4, balance=9)


@given(st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 9)), st.integers(-5, 5)), max_size=12))
def test_days_stay_sorted_and_add_up(changes: list[tuple[date, int]]) -> None:
    days: tuple[Day, ...] = ()
    for on, amount in changes:
        days = add_day(days, Day(on, Decimal(amount), amount, amount))

    assert [day.on for day in days] == sorted({on for on, _ in changes})
    assert sum(day.points for day in days) == sum(day.orders for day in days) == sum(amount for _, amount in changes)
