"""
Callaway and Sant'Anna with covariates: what Stata's csdid publishes of mpdta, to all its digits.

diff-diff divides what controls weigh by the number of members, we (as csdid, and Sant'Anna and Zhao) by their sum: both come
to the same as customers grow, and agree to 1e-6 on mpdta alone.
"""

import numpy as np
import pandas as pd
import pytest
from diff_diff import CallawaySantAnna

from analytics.uplift import staggered
from analytics.uplift.adjusted import adjusted_effect
from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import NothingToCompare
from analytics.uplift.panel import NEVER
from tests.analytics.uplift import known

CSDID_ERROR = 0.0115028
NEAR = 0.01  # of effects whose errors are .1


def test_mpdta_with_log_population_tells_what_csdid_does() -> None:
    values, raised, people = known.counties()

    found = adjusted_effect(values, raised, people[:, None])

    assert known.is_known("mpdta_cs_dr_lpop_simple", found.estimate)
    assert found.error == pytest.approx(CSDID_ERROR, abs=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_comes_near_to_diff_diff(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customers, months = 300, 6
    traits = rng.normal(0, 1, (customers, 2))
    joined = np.where(rng.random(customers) < 1 / (1 + np.exp(-traits[:, 0])), rng.choice([2, 4], customers), NEVER)
    spent = rng.normal(0, 1, (customers, months)) + np.arange(months) * (1 + traits[:, :1]) + traits[:, 1:]
    frame = pd.DataFrame({
        "customer": np.repeat(np.arange(customers), months), "month": np.tile(np.arange(months), customers),
        "spent": spent.ravel(), "joined": np.repeat(np.where(joined == NEVER, 0, joined), months),
        "a": np.repeat(traits[:, 0], months), "b": np.repeat(traits[:, 1], months),
    })  # fmt: skip

    found = adjusted_effect(spent, joined.astype(np.int32), traits)

    told = CallawaySantAnna().fit(frame, "spent", "customer", "month", "joined", covariates=["a", "b"])
    assert found.estimate == pytest.approx(told.overall_att, abs=NEAR)
    assert found.error == pytest.approx(told.overall_se, abs=NEAR)


@pytest.mark.filterwarnings("ignore")
def test_it_agrees_with_diff_diff_on_mpdta() -> None:
    values, raised, people = known.counties()
    frame = pd.DataFrame(known.rows("mpdta.csv")).astype(float).rename(columns={"first.treat": "raised"})
    told = CallawaySantAnna().fit(frame, "lemp", "countyreal", "year", "raised", covariates=["lpop"])

    found = adjusted_effect(values, raised, people[:, None])

    assert (found.estimate, found.error) == pytest.approx((told.overall_att, told.overall_se), abs=1e-6)


def test_a_covariate_that_says_nothing_changes_nothing_but_a_little() -> None:
    values, raised, _ = known.counties()

    found = adjusted_effect(values, raised, np.zeros((len(values), 1)) + np.arange(len(values))[:, None] % 2)

    plain = staggered.simple(staggered.cohort_effects(CohortTable.of(values, raised)))
    assert found.estimate == pytest.approx(float(plain.estimates[0]), abs=0.002)


def test_where_nobody_can_be_compared_nothing_is_told() -> None:
    spent = np.ones((4, 3))

    with pytest.raises(NothingToCompare):
        adjusted_effect(spent, np.full(4, 1, dtype=np.int32), np.zeros((4, 1)))
    with pytest.raises(NothingToCompare):
        adjusted_effect(spent, np.full(4, NEVER, dtype=np.int32), np.zeros((4, 1)))
