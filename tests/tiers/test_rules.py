from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tiers.rules import Day, Ladder, Step, add_day, qualifying, window_start

STEPS = (
    Step(1, "bronze", Decimal(0), Decimal(1)),
    Step(2, "silver", Decimal(500), Decimal("1.5")),
    Step(3, "gold", Decimal(1000), Decimal(2)),
)
YEAR = Ladder("spend", "points", "calendar_year", 12, STEPS)
ROLLING = Ladder("spend", "points", "rolling", 12, STEPS)


@pytest.mark.parametrize(
    ("amount", "code"), [("0", "bronze"), ("499.99", "bronze"), ("500", "silver"), ("1000", "gold"), ("9999", "gold")]
)
def test_the_highest_reached_step_is_earned(amount: str, code: str) -> None:
    earned = ROLLING.earned(Decimal(amount))

    assert earned is not None
    assert earned.code == code


@pytest.mark.parametrize(
    ("ladder", "day", "first"),
    [
        (ROLLING, date(2026, 3, 15), date(2025, 3, 16)),
        (ROLLING, date(2024, 2, 29), date(2023, 3, 1)),
        (ROLLING, date(2025, 2, 28), date(2024, 2, 29)),
        (YEAR, date(2026, 3, 15), date(2026, 1, 1)),
        (YEAR, date(2026, 1, 1), date(2026, 1, 1)),
    ],
)
def test_the_window_begins(ladder: Ladder, day: date, first: date) -> None:
    assert window_start(ladder, day) == first


def test_only_days_within_the_window_count() -> None:
    days = (
        Day(date(2025, 3, 15), Decimal(7), 70),
        Day(date(2025, 3, 16), Decimal(5), 50),
        Day(date(2026, 3, 15), Decimal(1), 1),
    )

    assert qualifying(ROLLING, days, on=date(2026, 3, 15)) == Decimal(6)
    assert qualifying(Ladder("points", "points", "rolling", 12, STEPS), days, on=date(2026, 3, 15)) == Decimal(51)


@given(st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 9)), st.integers(-5, 5)), max_size=12))
def test_days_stay_sorted_and_add_up(changes: list[tuple[date, int]]) -> None:
    days: tuple[Day, ...] = ()
    for on, amount in changes:
        days = add_day(days, on, Decimal(amount), amount)

    assert [day.on for day in days] == sorted({on for on, _ in changes})
    assert sum(day.points for day in days) == sum(amount for _, amount in changes)
