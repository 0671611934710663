"""The night of a midnight at which a version comes into force, or an experiment starts or ends, is carried out as any other."""

from datetime import date, timedelta

import pytest

from customers.core.calendar import midnight
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.running import end
from loyalty.programs.models import Program
from tests import make
from tests.experiments.make_experiments import arm_of, running
from tests.make import START

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BIRTHDAY = make.Rule(code="birthday", kind="birthday", points="50")


def club(zone: str = "UTC") -> Program:
    return make.program(make.retailer(zone=zone), rules=(make.Rule(), BIRTHDAY))


def nights(of: Program, first: date, last: date) -> None:
    day = first
    while day <= last:
        run_nights(of, until=day, now=midnight(day, of.tzinfo) + timedelta(hours=1))
        day += DAY


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_birthday_on_the_day_of_a_new_version_is_given_once(zone: str) -> None:
    of = club(zone)
    ada = make.member(of, "ada", born=date(1990, 2, 10))
    publish(open_draft(of), effective_from=midnight(date(2026, 2, 10), of.tzinfo), now=START)

    nights(of, date(2026, 2, 9), date(2026, 2, 13))

    assert make.spendable(ada, START + 60 * DAY) == 50
    assert replay(of, now=midnight(date(2026, 2, 13), of.tzinfo) + DAY / 2).deviations == []


def test_an_experiment_that_starts_or_ends_at_midnight_takes_no_birthday_from_the_others() -> None:
    of = club()
    people = [make.member(of, f"c{place}", born=date(1990, 2, 10)) for place in range(8)]
    starts, ends = (midnight(date(year, 2, 10), of.tzinfo) for year in (2026, 2027))
    nights(of, date(2026, 2, 8), date(2026, 2, 9))
    experiment = running(of.retailer, of, form="no_benefits", at=starts)

    nights(of, date(2026, 2, 10), date(2026, 2, 12))
    first = {(arm_of(experiment, each.customer), make.spendable(each, starts + 5 * DAY)) for each in people}
    end(experiment, author="Grace", now=ends)
    nights(of, date(2027, 2, 10), date(2027, 2, 12))
    second = {(arm_of(experiment, each.customer), make.spendable(each, ends + 5 * DAY)) for each in people}

    assert first == {("in", 50), ("out", 0)}
    assert second == {("in", 100), ("out", 50)}
