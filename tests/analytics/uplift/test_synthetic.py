"""Synthetic difference-in-differences for roll-outs, against diff-diff on random panels, to 1e-6."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from diff_diff import SyntheticDiD

from analytics.uplift.synthetic import (
    RollOut,
    Synthetic,
    TooFewStores,
    jackknife_error,
    placebo_error,
    synthetic_did,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # diff-diff's, of its own coming changes
AGREES = 1e-6


def stores(
    seed: int, *, stores: int = 16, months: int = 12, first: int = 8, with_it: int = 3, effect: float = 5
) -> RollOut:
    """Stores with levels and a common season that moves some more than others."""
    rng = np.random.default_rng(seed)
    season = np.cumsum(rng.normal(0, 2, months)) * rng.uniform(0.5, 1.5, (stores, 1))
    sold = rng.normal(100, 20, (stores, 1)) + season + rng.normal(0, 3, (stores, months))
    rolled_out = np.arange(stores) < with_it
    sold[rolled_out, first:] += effect
    return RollOut(sold, rolled_out, first)


def theirs(roll_out: RollOut, method: str) -> Any:
    number, months = roll_out.sold.shape
    frame = pd.DataFrame({
        "store": np.repeat(np.arange(number), months), "month": np.tile(np.arange(months), number),
        "sold": roll_out.sold.ravel(), "with_it": np.repeat(roll_out.rolled_out, months).astype(int),
    })  # fmt: skip
    oracle = SyntheticDiD(variance_method=method, n_bootstrap=20, seed=7)
    return oracle.fit(frame, "sold", "with_it", "store", "month", post_periods=list(range(roll_out.first, months)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_effect_and_errors_agree_with_diff_diff(seed: int) -> None:
    roll_out = stores(seed)

    found = synthetic_did(roll_out)

    placebo, jackknife = theirs(roll_out, "placebo"), theirs(roll_out, "jackknife")
    assert found.effect == pytest.approx(placebo.att, abs=AGREES)
    assert placebo_error(roll_out, found, seed=7, draws=20) == pytest.approx(placebo.se, abs=AGREES)
    assert jackknife_error(roll_out, found) == pytest.approx(jackknife.se, abs=AGREES)


def test_the_effect_does_not_change_with_the_currency() -> None:
    roll_out = stores(4)

    in_cents = synthetic_did(RollOut(roll_out.sold * 100, roll_out.rolled_out, roll_out.first))

    assert in_cents.effect == pytest.approx(100 * synthetic_did(roll_out).effect, rel=1e-9)


def test_weights_are_shares() -> None:
    found = synthetic_did(stores(5))

    assert (found.stores.sum(), found.months.sum()) == pytest.approx((1, 1))
    assert found.stores.min() >= 0
    assert found.months.min() >= 0


def test_where_all_stores_go_alike_the_effect_is_exact() -> None:
    season, levels = np.array([3.0, 1, 4, 1, 5, 9, 2, 6]), np.array([[10.0], [20], [40], [80]])
    sold = levels + season
    sold[0, 5:] += 7

    found = synthetic_did(RollOut(sold, np.arange(4) < 1, 5))

    assert found.effect == pytest.approx(7, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "code"),
    [({"first": 1}, "months_before"), ({"first": 12}, "months_after"), ({"with_it": 0}, "stores_with"),
     ({"with_it": 15}, "stores_without")],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(given: dict[str, int], code: str) -> None:
    with pytest.raises(TooFewStores) as refused:
        synthetic_did(stores(1, **given))

    assert refused.value.code == code


def test_an_error_that_cannot_be_told_is_refused() -> None:
    alone, most = stores(1, with_it=1), stores(1, with_it=8)

    with pytest.raises(TooFewStores, match="stores_with"):
        jackknife_error(alone, synthetic_did(alone))
    with pytest.raises(TooFewStores, match="stores_without"):
        placebo_error(most, synthetic_did(most))
    with pytest.raises(TooFewStores, match="stores_without"):
        jackknife_error(most, Synthetic(0, np.array([1.0, *[0.0] * 7]), np.full(8, 1 / 8)))
