"""What a customer cost who would not have come anyway: counted by hand, and against published intervals."""

from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.uplift.winning import Arm, difference, won_by

IS_CONTROL = True


def arms(came: int, control_came: int, cost: float | None = 3_000.0, *, n: int = 1_000, control: int = 1_000,
         control_cost: float | None = 0.0, share: int = 5_000) -> list[Arm]:  # fmt: skip
    return [
        Arm("kept", IS_CONTROL, 10_000 - share, control, control_came, control_cost),
        Arm("welcome", not IS_CONTROL, share, n, came, cost),
    ]


def test_scenario_20_of_a_hundred_of_whom_twenty_would_have_come_each_won_one_cost_37_50() -> None:
    won = won_by(arms(100, 20), is_final=True)["welcome"]

    assert (won.why, won.of_all) == ("", 30.0)
    assert won.share is not None
    assert won.won is not None
    assert won.each is not None
    assert [won.share.value, won.won.value, won.each.value] == pytest.approx([0.08, 80.0, 37.5])
    # Wilson, by the roots of (p - q)^2 = z^2 q (1 - q) / n: .082909 to .120152 of the arm, .012984 to .030690 of the control.
    low, high = 0.0598415, 0.1013385
    assert [won.share.low, won.share.high] == pytest.approx([low, high], abs=1e-6)
    assert [won.each.low, won.each.high] == pytest.approx([3 / high, 3 / low], rel=1e-5)


# Newcombe (1998), Statistics in Medicine 17, table II, method 10.
@pytest.mark.parametrize(
    ("some", "of", "others", "of_others", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_the_interval_is_the_one_that_was_published(
    some: int, of: int, others: int, of_others: int, low: float, high: float
) -> None:
    found = difference(some, of, others, of_others)

    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_of_many_it_is_that_of_two_shares() -> None:
    found = difference(580, 10_000, 500, 10_000)  # S14: .0080 [.001736, .014264]

    assert found.value == pytest.approx(0.008)
    assert [found.low, found.high] == pytest.approx([0.001736, 0.014264], abs=2e-5)


@pytest.mark.parametrize(
    ("given_arms", "is_final", "why"),
    [
        (arms(100, 20), False, "not_ended"),
        (arms(100, 20, n=1_000, control=800), True, "arms_broken"),
        (arms(9, 1, n=100, control=99), True, "too_few"),
        (arms(0, 0, n=0, control=0), True, "too_few"),
        (arms(20, 20), True, "not_shown"),
        (arms(0, 0), True, "not_shown"),
        (arms(26, 20), True, "not_shown"),
        (arms(20, 100), True, "fewer_came"),
        (arms(100, 20, None), True, "cost_unknown"),
        (arms(100, 20, control_cost=None), True, "cost_unknown"),
        (arms(100, 20, 0.0), True, "costs_nothing"),
        (arms(100, 20, -5.0), True, "costs_nothing"),
        (arms(100, 20, 3_000.0, control_cost=3_000.0), True, "costs_nothing"),
        (arms(20, 0, n=100, control=100), True, ""),
    ],
)
def test_what_is_not_shown_has_no_cost_of_one(given_arms: list[Arm], is_final: Any, why: str) -> None:
    won = won_by(given_arms, is_final=is_final)["welcome"]

    assert won.why == why
    assert (won.each is None) == bool(why)
    assert (won.share is None) == (why in {"not_ended", "arms_broken", "too_few"})


def test_the_control_costs_as_much_for_as_many() -> None:
    won = won_by(arms(180, 10, 900.0, n=1_800, control=200, control_cost=50.0, share=9_000), is_final=True)["welcome"]

    assert won.cost == pytest.approx(900 - 50 / 200 * 1_800)
    assert won.won is not None
    assert won.won.value == pytest.approx(180 - 10 / 200 * 1_800)


def test_several_arms_share_the_level_among_them() -> None:
    one = won_by(arms(37, 20), is_final=True)["welcome"]
    several = [
        Arm("kept", IS_CONTROL, 2_500, 1_000, 20, 0.0),
        *(Arm(f"w{turn}", not IS_CONTROL, 2_500, 1_000, 37, 1.0) for turn in range(3)),
    ]

    found = won_by(several, is_final=True)

    assert one.why == ""
    assert {each.why for each in found.values()} == {"not_shown"}


@given(
    st.integers(100, 5_000), st.integers(100, 5_000), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1e9)
)  # fmt: skip
def test_a_cost_is_told_only_where_the_interval_is_above_zero_and_lies_within_its_own(
    n: int, control: int, came: float, control_came: float, cost: float
) -> None:
    some, others = int(came * n), int(control_came * control)
    share = round(10_000 * n / (n + control))

    won = won_by(arms(some, others, cost, n=n, control=control, share=share), is_final=True)["welcome"]

    found = difference(some, n, others, control)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (won.each is not None) == (found.low > 0)
    if won.each is not None and won.of_all is not None:
        assert 0 < won.each.low <= won.each.value <= won.each.high
        assert won.of_all <= won.each.value * (1 + 1e-9)
    other = difference(others, control, some, n)
    assert isclose(other.value, -found.value, abs_tol=1e-12)
    assert isclose(other.low, -found.high, abs_tol=1e-9)
    assert found.high > found.low
