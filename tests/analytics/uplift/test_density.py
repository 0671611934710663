"""Whether customers pile up above a threshold, beside what diff-diff's test of the same says."""

import numpy as np
import pandas as pd
import pytest
from diff_diff import RDDensityTest

from analytics.uplift.density import BINS, MIN_SIDE, check_density
from analytics.uplift.panel import Floats

THRESHOLD = 500.0


def smooth(seed: int, customers: int = 20_000) -> Floats:
    return np.random.default_rng(seed).lognormal(6, 0.8, customers)


def topped_up(seed: int, customers: int = 20_000) -> Floats:
    """A fifth of those who lack less than 60 top up, to a little above the threshold."""
    rng, reached = np.random.default_rng(seed), smooth(seed, customers)
    near = (reached < THRESHOLD) & (reached > THRESHOLD - 60) & (rng.random(customers) < 0.2)
    return np.where(near, THRESHOLD + rng.exponential(15, customers), reached)


def test_members_who_top_up_are_seen() -> None:
    found = check_density(topped_up(1), THRESHOLD, 150)

    assert found.verdict == "bunched"
    assert found.ratio is not None
    assert found.ratio.low > 1.2
    assert found.p is not None
    assert found.p < 1e-6


def test_where_nobody_aims_at_it_the_threshold_passes() -> None:
    found = check_density(smooth(2), THRESHOLD, 250)

    assert found.verdict == "smooth"
    assert found.unseen is not None
    assert 1 < found.unseen <= 1.25


def test_a_threshold_at_which_nobody_aims_is_called_bunched_in_one_of_twenty() -> None:
    verdicts = [check_density(smooth(seed, 6_000), THRESHOLD, 200).verdict for seed in range(400)]

    assert 0.03 <= verdicts.count("bunched") / 400 <= 0.07


def test_what_could_not_have_been_seen_is_not_passed() -> None:
    found = check_density(smooth(3, 3_000), THRESHOLD, 150)

    assert found.verdict == "cannot_tell"
    assert found.unseen is not None
    assert found.unseen > 1.25


def test_too_few_customers_tell_nothing() -> None:
    found = check_density(smooth(4, 300), THRESHOLD, 150)

    assert (found.verdict, found.ratio, found.p) == ("cannot_tell", None, None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("reached", "threshold", "within"),
    [
        (np.random.default_rng(1).poisson(10, 20_000), 10, 3),  # orders: 7, 8 and 9 below it, 10, 11 and 12 above
        (np.random.default_rng(1).poisson(1.2, 20_000), 2, 1),
        (np.random.default_rng(1).gamma(4, 250, 20_000) // 100 * 100, 1_000, 300),
        (np.repeat([950, 1_000], 300), 1_000, 300),
    ],
)
def test_no_curve_is_drawn_through_a_few_amounts(reached: Floats, threshold: float, within: float) -> None:
    found = check_density(reached.astype(np.float64), threshold, within)

    assert (found.verdict, found.ratio, found.p, found.unseen, found.bins) == ("cannot_tell", None, None, None, ())
    assert min(found.below, found.above) >= MIN_SIDE


def test_who_is_exactly_at_the_threshold_has_reached_it() -> None:
    found = check_density(np.array([499.99, 500.0, 350.0, 650.0, 349.0]), THRESHOLD, 150)

    assert (found.below, found.above) == (2, 1)


def test_the_bins_hold_everybody_near() -> None:
    reached = smooth(5)
    found = check_density(reached, THRESHOLD, 150)

    assert len(found.bins) == 2 * BINS
    assert sum(point.n for point in found.bins) == found.below + found.above == int(np.sum(np.abs(reached - 500) < 150))
    assert all(point.low < point.value < point.high for point in found.bins)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "aims"), [(1, True), (6, True), (2, False), (7, False)])
def test_diff_diffs_test_says_the_same(seed: int, *, aims: bool) -> None:
    reached = topped_up(seed) if aims else smooth(seed)

    theirs = RDDensityTest(cutoff=THRESHOLD).fit(pd.DataFrame({"reached": reached}), "reached")

    assert (theirs.p_value < 0.05) is aims
    assert (check_density(reached, THRESHOLD, 200).verdict == "bunched") is aims
