"""Event studies against what is published about mpdta, and against diff-diff on random panels, to 1e-6."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from diff_diff import BaconDecomposition, CallawaySantAnna, ImputationDiD, TwoStageDiD

from analytics.uplift import imputation, staggered
from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import Effects, NothingToCompare
from analytics.uplift.panel import NEVER, Floats, Places
from analytics.uplift.two_way import two_way
from tests.analytics.uplift import known

pytestmark = pytest.mark.filterwarnings("ignore")  # diff-diff's, of its own coming changes
AGREES = 1e-6
CONTROLS: dict[staggered.Controls, str] = {"never": "never_treated", "not_yet": "not_yet_treated"}
COLUMNS = ("spent", "customer", "month", "joined")


def mpdta() -> CohortTable:
    values, raised, _ = known.counties()
    return CohortTable.of(values, raised)


def random_panel(seed: int, *, with_never: bool = True) -> tuple[Floats, Places]:
    """Customers with levels, months with seasons, effects that grow, and errors that are alike within a customer."""
    rng = np.random.default_rng(seed)
    customers, months = 160, 8
    joined = rng.choice([2, 3, 5, 7, *[NEVER] * 2][: 6 if with_never else 4], customers).astype(np.int32)
    since = np.arange(months) - np.where(joined == NEVER, months, joined)[:, None]
    noise = np.cumsum(rng.normal(0, 1, (customers, months)), axis=1)
    spent = rng.gamma(2, 10, customers)[:, None] + rng.normal(0, 3, months) + noise
    return spent + np.where(since >= 0, 1 + 0.5 * since, 0), joined


def as_frame(spent: Floats, joined: Places) -> Any:
    customers, months = spent.shape
    return pd.DataFrame({
        "customer": np.repeat(np.arange(customers), months),
        "month": np.tile(np.arange(months), customers),
        "spent": spent.ravel(),
        "joined": np.repeat(np.where(joined == NEVER, 0, joined), months),
    })  # fmt: skip


def same(ours: Effects, table: CohortTable, theirs: list[Any]) -> bool:
    """Whether estimates and errors agree; theirs has a row of both for each effect."""
    mine = np.column_stack([ours.estimates, ours.errors(table)])
    return bool(np.allclose(mine, np.array(theirs, dtype=np.float64), rtol=0, atol=AGREES))


def theirs(effects: Any, keys: Any) -> list[Any]:
    return [(effects[key]["effect"], effects[key]["se"]) for key in keys]


def test_callaway_and_santanna_tell_the_published_twelve_effects() -> None:
    cells = staggered.cohort_effects(mpdta())

    named = [
        f"mpdta_attgt_{known.FIRST_YEAR + cohort}_{known.FIRST_YEAR + month}"
        for cohort, month in zip(cells.cohort, cells.month, strict=True)
    ]
    assert sorted(named) == sorted(case for case in known.ANSWERS if case.startswith("mpdta_attgt"))
    assert [
        case for case, value in zip(named, cells.effects.estimates, strict=True) if not known.is_known(case, value)
    ] == []


def test_callaway_and_santanna_tell_the_published_means() -> None:
    cells = staggered.cohort_effects(mpdta())
    since = staggered.by_months_since(cells)

    assert known.is_known("mpdta_simple", staggered.simple(cells).estimates[0])
    assert known.is_known("mpdta_dynamic_overall", since.overall.estimates[0])
    assert known.is_known("mpdta_group_overall", staggered.by_cohort(cells).overall.estimates[0])
    for months in range(4):
        assert known.is_known(f"mpdta_event_{months}", since.effects.estimates[since.at == months][0])


def test_imputation_and_two_way_tell_the_published_effects() -> None:
    table = mpdta()

    assert known.is_known("mpdta_bjs", imputation.by_months_since(imputation.impute(table)).overall.estimates[0])
    assert known.is_known("mpdta_twfe", two_way(table).estimates[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("controls", ["never", "not_yet"])
def test_callaway_and_santanna_agree_with_diff_diff(
    controls: staggered.Controls, base: staggered.Base, seed: int
) -> None:
    spent, joined = random_panel(seed)
    table = CohortTable.of(spent, joined)
    oracle = CallawaySantAnna(control_group=CONTROLS[controls], base_period=base)
    told = oracle.fit(as_frame(spent, joined), *COLUMNS, aggregate="all")

    cells = staggered.cohort_effects(table, controls=controls, base=base)
    since, cohorts = staggered.by_months_since(cells), staggered.by_cohort(cells)

    assert same(cells.effects, table, theirs(told.group_time_effects, zip(cells.cohort, cells.month, strict=True)))
    assert same(since.effects, table, theirs(told.event_study_effects, since.at))
    assert same(cohorts.effects, table, theirs(told.group_effects, cohorts.at))
    assert same(staggered.simple(cells), table, [(told.overall_att, told.overall_se)])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("with_never", [True, False])
@pytest.mark.parametrize(("about", "oracle"), [("cells", ImputationDiD), ("told", TwoStageDiD)])
def test_imputation_agrees_with_diff_diff(
    about: imputation.About, oracle: Callable[[], Any], seed: int, *, with_never: bool
) -> None:
    spent, joined = random_panel(seed, with_never=with_never)
    table = CohortTable.of(spent, joined)
    told = oracle().fit(as_frame(spent, joined), *COLUMNS, aggregate="all")

    imputed = imputation.impute(table)
    since, cohorts = imputation.by_months_since(imputed, about), imputation.by_cohort(imputed, about)

    assert same(since.effects, table, theirs(told.event_study_effects, since.at))
    assert same(cohorts.effects, table, theirs(told.group_effects, cohorts.at))
    assert same(since.overall, table, [(told.overall_att, told.overall_se)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_way_agrees_with_diff_diff_and_its_error_with_the_customers_one_by_one(seed: int) -> None:
    spent, joined = random_panel(seed)
    table = CohortTable.of(spent, joined)
    told = BaconDecomposition().fit(as_frame(spent, joined), *COLUMNS)

    effect = two_way(table)

    assert effect.estimates[0] == pytest.approx(told.twfe_estimate, abs=AGREES)
    assert effect.errors(table)[0] == pytest.approx(clustered_error(spent, joined), abs=AGREES)


def clustered_error(spent: Floats, joined: Places) -> float:
    """The textbook's sandwich with a column for every customer and every month."""
    customers, months = spent.shape
    member = (np.arange(months) >= joined[:, None]).ravel().astype(np.float64)
    of_customers = np.kron(np.eye(customers), np.ones((months, 1)))
    of_months = np.kron(np.ones((customers, 1)), np.eye(months))
    columns = np.column_stack([member, of_customers, of_months[:, 1:]])
    rest = spent.ravel() - columns @ np.linalg.lstsq(columns, spent.ravel())[0]
    scores = (columns * rest[:, None]).reshape(customers, months, -1).sum(axis=1)
    inverse = np.linalg.inv(columns.T @ columns)
    return float(np.sqrt((inverse @ scores.T @ scores @ inverse)[0, 0]))


def test_the_mean_may_leave_out_the_month_of_joining() -> None:
    spent, joined = random_panel(1)
    cells = staggered.cohort_effects(CohortTable.of(spent, joined))

    since = staggered.by_months_since(cells, joining_month=False)

    assert since.overall.estimates[0] == pytest.approx(since.effects.estimates[since.at > 0].mean(), abs=1e-12)


def test_where_nobody_can_be_compared_nothing_is_told() -> None:
    nobody_joined = CohortTable.of(np.ones((3, 4)), np.full(3, NEVER, dtype=np.int32))
    all_joined_at_once = CohortTable.of(np.ones((3, 4)), np.full(3, 2, dtype=np.int32))

    for table in (nobody_joined, all_joined_at_once):
        with pytest.raises(NothingToCompare):
            staggered.cohort_effects(table)
        with pytest.raises(NothingToCompare):
            imputation.by_months_since(imputation.impute(table))
        with pytest.raises(NothingToCompare):
            two_way(table)
