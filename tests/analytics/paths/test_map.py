"""The journey map by hand: what follows what, and after what customers stop."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.paths.mapping import Passage, Touchpoint, journey_map
from analytics.paths.page import map_page
from analytics.paths.touchpoints import Touch
from customers.models import Retailer
from tests import make
from tests.analytics.paths.shops import BEGIN, at, journeys
from tests.analytics.paths.test_funnels import worth

pytestmark = pytest.mark.django_db
MINUTE = 1 / 1_440
DAY = 86_400


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="UTC")


def mapped(owner: Retailer, until: datetime = BEGIN + timedelta(days=50)) -> dict[Touch, Touchpoint]:
    return {each.touch: each for each in journey_map(owner, since=BEGIN, until=until).touchpoints}


def test_what_follows_what_and_after_what_customers_stop(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 o2 v5 o8", "bob": "v1 s3", "charlie": "v1"})
    found = mapped(shop)

    assert found[Touch.VISIT].nexts == {Touch.ORDER: Passage(2, 1, 2 * DAY), Touch.SUPPORT: Passage(1, 1, 2 * DAY)}
    assert (found[Touch.VISIT].times, found[Touch.VISIT].customers) == (4, 3)
    assert found[Touch.VISIT].stopped == Passage(1, 1, None)
    assert found[Touch.ORDER].nexts == {Touch.VISIT: Passage(1, 1, 3 * DAY)}
    assert (found[Touch.ORDER].stopped.times, found[Touch.SUPPORT].stopped.times) == (1, 1)


def test_a_touchpoint_is_ended_by_friction_when_nothing_comes_after_it(shop: Retailer) -> None:
    journeys(
        shop,
        {"ada": "v1 s3", "bob": "v1 s3 o4", "charlie": "v1 c2", "dora": "v1 c4", "eve": "v1 q2:1", "fay": "v1 q2:4"},
    )
    visit = mapped(shop)[Touch.VISIT]

    assert (visit.times, visit.ended_by_friction) == (6, 3)


def test_the_same_again_within_half_an_hour_is_one_touchpoint(shop: Retailer) -> None:
    journeys(shop, {"ada": f"v1 v{1 + 20 * MINUTE} v{1 + 50 * MINUTE} v{1 + 81 * MINUTE}"})

    assert (mapped(shop)[Touch.VISIT].times, mapped(shop)[Touch.VISIT].nexts) == (
        2,
        {Touch.VISIT: Passage(1, 1, 81 * 60)},
    )


@pytest.mark.parametrize("answers", ["n2 q{later}:1", "q2:1 n{later}", "n2 q2:1", "q2:1 n2", "q2:4 q{later}:2"])
def test_of_answers_that_are_one_touchpoint_a_bad_one_is_friction(shop: Retailer, answers: str) -> None:
    journeys(shop, {"ada": f"o1 {answers.format(later=2 + 10 * MINUTE)}"})
    found = mapped(shop)

    assert (found[Touch.ORDER].ended_by_friction, found[Touch.SURVEY].times) == (1, 1)


def test_after_thirty_days_a_path_is_another_one(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 o31", "bob": f"v1 o{31 + MINUTE}"})
    found = mapped(shop, at(80))

    assert (found[Touch.VISIT].nexts[Touch.ORDER].times, found[Touch.VISIT].stopped.times) == (1, 1)


def test_of_what_is_new_nobody_knows_what_follows(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 o2 v30"})

    assert {touch: each.times for touch, each in mapped(shop, at(31)).items()} == {Touch.VISIT: 1, Touch.ORDER: 1}


def test_an_order_is_told_once_and_a_tie_goes_by_kind(shop: Retailer) -> None:
    journeys(shop, {"ada": "o1 v1"})

    assert mapped(shop)[Touch.VISIT].nexts == {Touch.ORDER: Passage(1, 1, 0.0)}
    assert Touch.KEPT_ORDER not in mapped(shop)


def test_what_who_stopped_is_worth(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1", "bob": "v1", "charlie": "v1 o2"})
    worth(shop, ada=("loyal", "500"), charlie=("new", "40"))
    visit = mapped(shop)[Touch.VISIT]

    assert (visit.stopped.times, visit.valued, visit.mean_value) == (2, 1, 500.0)


def test_what_came_last_has_a_column_though_nobody_knows_what_follows_it(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 r2", "bob": "v1 o2 v3 r4"})

    found = map_page(shop, {"days": "30"}, now=at(5))

    columns = list(map(str, found["columns"]))
    assert columns == ["visit", "order placed", "review or photo"]
    visit = next(row for row in found["rows"] if str(row["name"]) == "visit")
    assert [cell["words"] for cell in visit["cells"]] == ["", "33\u00a0%", "67\u00a0%"]


def test_it_takes_one_statement(shop: Retailer) -> None:
    journeys(shop, {f"c{number}": "v1 o2" for number in range(50)})
    with CaptureQueriesContext(connection) as sent:
        mapped(shop)

    assert len([each for each in sent if "WITH touches" in each["sql"]]) == 1
