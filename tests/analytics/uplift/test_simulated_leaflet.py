"""The demo's third retailer: who came because of a leaflet is told, with what media cost, and again changes nothing."""

from datetime import UTC, datetime

import pytest

from analytics.demonstration import simulated_leaflet
from analytics.experiments.models import ExperimentLook
from analytics.models import MediaCost
from analytics.what_pays.won import customers_won
from customers.models import Order

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 24, 8, 0, tzinfo=UTC)


def test_what_one_cost_who_came_because_of_the_leaflet_is_told() -> None:
    retailer = simulated_leaflet.load(now=NOW)

    found = customers_won(retailer)

    assert found.not_known == []
    (line,) = found.told
    won, media = line.won, line.media
    assert won.share is not None
    assert won.won is not None
    assert media is not None
    assert media.each is not None
    assert line.names == ("A leaflet to new addresses",)
    assert won.arm.customers + won.control.customers == 1_200
    assert won.share.low > 0
    assert media.spent == pytest.approx(1.25 * won.arm.customers)
    assert media.each.value == pytest.approx(media.spent / won.won.value)


def test_on_another_day_nothing_changes() -> None:
    retailer = simulated_leaflet.load(now=NOW)
    before = (Order.objects.count(), MediaCost.objects.count(), ExperimentLook.objects.count(), customers_won(retailer))

    again = simulated_leaflet.load(now=LATER)

    after = (Order.objects.count(), MediaCost.objects.count(), ExperimentLook.objects.count(), customers_won(again))
    assert after == before
