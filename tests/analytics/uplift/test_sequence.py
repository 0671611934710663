"""Looks before the end."""

import numpy as np
import pytest

from analytics.uplift.randomised import Arm, difference, difference_of_shares
from analytics.uplift.sequence import half_width, widened


def test_half_the_width_is_as_known() -> None:
    fixed = difference_of_shares(580, 10_000, 500, 10_000).effect
    half = (fixed.high - fixed.low) / 2

    at_5_000, at_20_000 = (half_width(fixed.error, 20_000, tuned_for=units) for units in (5_000, 20_000))

    assert at_5_000 == pytest.approx(0.009994, abs=5e-7)
    assert half == pytest.approx(0.006264, abs=5e-7)
    assert at_5_000 / half == pytest.approx(1.595, abs=5e-4)
    assert at_20_000 / half == pytest.approx(1.549, abs=5e-4)


def test_a_difference_that_is_clear_at_the_end_is_not_decided_at_a_look() -> None:
    fixed = difference_of_shares(580, 10_000, 500, 10_000).effect

    look = widened(fixed, 20_000)

    assert fixed.low > 0
    assert look.low < 0 < look.high


def test_who_looks_twenty_times_at_no_effect_is_wrong_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(3)
    draws, wrong, wrong_by_the_fixed_interval = 400, 0, 0

    for _draw in range(draws):
        first, second = rng.gamma(1.0, 20.0, (2, 2_000))
        looks = [difference(Arm(first[:n]), Arm(second[:n])).effect for n in range(100, 2_001, 100)]
        ranges = [widened(fixed, 2 * n) for fixed, n in zip(looks, range(100, 2_001, 100), strict=True)]
        wrong += any(not each.low <= 0 <= each.high for each in ranges)
        wrong_by_the_fixed_interval += any(not each.low <= 0 <= each.high for each in looks)

    assert wrong / draws <= 0.05
    assert wrong_by_the_fixed_interval / draws > 0.15
