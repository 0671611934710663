"""What staff ask a worker for twice at once, by two clicks on one button: one run waits."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from analytics import runs
from analytics.models import RecommendationRun, RollOutRun, UpliftRun, ValueRun
from analytics.recommendations import running as recommendations
from analytics.roll_outs import running as roll_outs
from analytics.uplift_runs import running as uplift_runs
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON
from tests.races.test_points import together

pytestmark = pytest.mark.usefixtures("committed_db")
BEGAN = date(2026, 6, 1)


def uplift(club: Program, day: date | None = None) -> UpliftRun:
    return uplift_runs.ask(club, now=NOON, author="sue", cut=day)


def roll_out(club: Program, day: date | None = None) -> RollOutRun:
    asked = roll_outs.Asked(["s1", "s2"], day or date(2026, 5, 1))
    return roll_outs.ask(club.retailer, asked, now=NOON, author="sue")


def value(club: Program, day: date | None = None) -> ValueRun:
    return runs.ask(club.retailer, now=NOON, author="sue", data_cut=day)


def recommended(club: Program, _day: date | None = None) -> RecommendationRun:
    return recommendations.ask(club.retailer, now=NOON, author="sue")


@pytest.mark.parametrize(
    ("ask", "rows", "waits"),
    [(uplift, UpliftRun, 2), (roll_out, RollOutRun, 2), (value, ValueRun, 2), (recommended, RecommendationRun, 1)],
)
def test_two_clicks_at_once_leave_one_run_and_another_question_its_own(
    ask: Callable[..., Any], rows: Any, waits: int
) -> None:
    club = make.program()
    answers: list[int] = []

    together([lambda: answers.append(ask(club).pk)] * 5)
    ask(club, BEGAN)
    ask(make.program())

    (one,) = set(answers)
    assert rows.objects.filter(retailer=club.retailer).count() == waits
    assert rows.objects.count() == waits + 1
    rows.objects.filter(pk=one).update(status="failed")
    assert ask(club).pk != one
