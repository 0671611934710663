"""Scores of surveys: known answers, and what must not be said."""

import pytest

from analytics.kpis.scores import change, nps, share


@pytest.mark.parametrize(
    ("answers", "value", "low", "high"),
    [
        ((50, 30, 20), 30.0, 14.7, 45.3),
        ((300, 200, 100), 33.3, 27.4, 39.3),
        ((0, 10, 0), 0.0, 0.0, 0.0),
        ((0, 0, 40), -100.0, -100.0, -100.0),
    ],
)
def test_nps_has_its_interval(answers: tuple[int, int, int], value: float, low: float, high: float) -> None:
    score = nps(*answers)

    assert [round(each or 0, 1) for each in (score.value, score.low, score.high)] == [value, low, high]
    assert score.n == sum(answers)


def test_the_error_of_nps_is_that_of_three_values() -> None:
    assert round(nps(50, 30, 20).error or 0, 2) == 7.81


def test_few_answers_are_told_and_are_called_few() -> None:
    score = nps(6, 2, 2)

    assert (score.value and round(score.value), score.n, score.is_too_few) == (40, 10, True)
    assert not nps(15, 10, 5).is_too_few


def test_nobody_is_none_and_not_nothing() -> None:
    assert (nps(0, 0, 0).value, share(0, 0).value) == (None, None)
    assert nps(0, 10, 0).value == 0


def test_a_change_within_chance_is_not_detectable() -> None:
    few, many = change(nps(60, 25, 15), nps(50, 30, 20)), change(nps(600, 250, 150), nps(500, 300, 200))

    assert few is not None
    assert many is not None
    assert (round(few.value), round(few.half, 1), few.is_detectable, many.is_detectable) == (15, 21.1, False, True)
    assert change(nps(1, 1, 1), nps(0, 0, 0)) is None


@pytest.mark.parametrize(
    ("satisfied", "n", "said"),
    [(42, 50, (84.0, 71.5, 91.7)), (10, 10, (100.0, 72.2, 100.0)), (0, 10, (0.0, 0.0, 27.8))],
)
def test_csat_by_wilson(satisfied: int, n: int, said: tuple[float, float, float]) -> None:
    score = share(satisfied, n, 100)

    assert tuple(round(each or 0, 1) for each in (score.value, score.low, score.high)) == said
