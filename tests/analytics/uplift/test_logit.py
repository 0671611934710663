"""The logit of joining, and what it makes of LaLonde's trainees and the Current Population Survey."""

import numpy as np
import pytest
from scipy.special import expit

from analytics.uplift.logit import fit_logit
from analytics.uplift.panel import Flags, Floats
from analytics.uplift.weights import standardised, weighting
from tests.analytics.uplift.known import is_known, rows

COVARIATES = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def trainees() -> tuple[Flags, Floats, Floats]:
    """Return who was trained, earnings in 1978, and what was known before (with u74, u75, age and schooling squared)."""
    found = rows("lalonde_nsw_treated_vs_cps.csv")
    column = {name: np.array([float(row[name]) for row in found]) for name in (*COVARIATES, "treat", "re78")}
    known = [column[name] for name in COVARIATES]
    known += [column["re74"] == 0, column["re75"] == 0, column["age"] ** 2, column["educ"] ** 2]
    return column["treat"] == 1, column["re78"], np.column_stack(known).astype(float)


def test_one_covariate_of_two_values_gives_the_log_odds_of_the_table() -> None:
    seen = np.array([0.0] * 10 + [1.0] * 10)[:, None]
    outcome = np.array([True] * 2 + [False] * 8 + [True] * 6 + [False] * 4)

    found = fit_logit(seen, outcome)

    assert found.coefficients == pytest.approx([np.log(2 / 8), np.log(6 / 4) - np.log(2 / 8)], abs=1e-6)
    assert found.converged


def test_an_offset_is_what_is_known_already() -> None:
    outcome = np.array([True] * 3 + [False] * 7)

    found = fit_logit(np.zeros((10, 0)), outcome, np.full(10, np.log(3 / 7)))

    assert found.coefficients == pytest.approx([0.0], abs=1e-9)


def test_covariates_that_tell_all_apart_end_in_finite_numbers() -> None:
    outcome = np.arange(40) >= 20

    found = fit_logit(np.where(outcome, 1.0, -1.0)[:, None], outcome)

    assert np.all(np.isfinite(found.coefficients))
    assert found.log_likelihood == pytest.approx(0.0, abs=1e-3)


def test_full_steps_diverge_on_trainees_against_the_survey_and_halved_ones_do_not() -> None:
    trained, _, known = trainees()
    covariates, offset = standardised(known, trained), np.log(trained.sum() / (~trained).sum())
    design = np.column_stack([np.ones(len(trained)), covariates])
    at = np.zeros(design.shape[1])
    for _ in range(3):
        chance = expit(offset + design @ at)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        at += np.linalg.solve(curvature, design.T @ (trained - chance))
    scores = offset + design @ at

    found = fit_logit(covariates, trained, np.full(len(trained), offset))

    assert np.sum(scores[trained]) - np.sum(np.logaddexp(0, scores)) < -1e9
    assert found.converged
    assert found.log_likelihood == pytest.approx(-417.787272, abs=1e-4)


def test_what_training_brought_lies_in_the_interval_of_the_experiment() -> None:
    trained, earned, known = trainees()
    people, one_cell = np.arange(len(trained), dtype=np.int32), np.zeros(len(trained), np.int32)

    weighted = weighting(people, trained, one_cell, known)
    effect = weighted.of_members(earned).value - weighted.of_controls(earned).value

    assert is_known("lalonde_cps_aipw_in_experimental_ci", effect)
    assert effect == pytest.approx(1463.3, abs=0.1)
    assert is_known("lalonde_cps_naive", float(earned[trained].mean() - earned[~trained].mean()))
