"""Events from a position on: none twice, none missed, whoever commits first."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from customers.models import Retailer
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.outbox.relay import dispatch
from tests import make
from tests.api.test_integration import call

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def tell(shop: Retailer, *points: int) -> None:
    member = make.member(make.program(shop))
    data = {"program": member.program.slug, "member": member.number}
    publish((NewEvent(shop.pk, "points.expired", member.pk, data | {"points": each}, NOW) for each in points), now=NOW)


@pytest.fixture
def shop() -> Retailer:
    shop = make.retailer()
    add_endpoint(shop, "https://shop.example/hook")
    return shop


def test_a_caller_goes_on_where_it_left_off(client: Client, shop: Retailer) -> None:
    key = make.key(shop)
    tell(shop, 1, 2, 3)
    dispatch(now=NOW)

    first = call(client, key, "events?limit=2").json()
    rest = call(client, key, f"events?after={first['last']}").json()
    nothing = call(client, key, f"events?after={rest['last']}").json()
    tell(shop, 4)
    dispatch(now=NOW)
    later = call(client, key, f"events?after={nothing['last']}").json()

    events = [event for each in (first, rest, later) for event in each["events"] if event["type"] == "points.expired"]
    assert [event["data"]["points"] for event in events] == [1, 2, 3, 4]
    assert (nothing["events"], nothing["has_more"], nothing["last"]) == ([], False, rest["last"])
    assert first["has_more"] is True


def test_an_event_has_its_position_when_it_is_dispatched_whatever_its_id(client: Client, shop: Retailer) -> None:
    key = make.key(shop)
    tell(shop, 1)
    late = Event.objects.filter(type="points.expired").get()  # as one whose transaction commits later than others begin
    Event.objects.filter(pk=late.pk).update(dispatched_at=NOW)
    tell(shop, 2)
    dispatch(now=NOW)
    before = call(client, key, "events").json()
    Event.objects.filter(pk=late.pk).update(dispatched_at=None)
    dispatch(now=NOW)

    after = call(client, key, f"events?after={before['last']}").json()

    assert [event["data"]["points"] for event in after["events"]] == [1]


def test_nobody_hears_of_others(client: Client, shop: Retailer) -> None:
    tell(shop, 1)
    dispatch(now=NOW)

    assert call(client, make.key(make.retailer()), "events").json() == {"events": [], "last": 0, "has_more": False}


@pytest.mark.parametrize(
    "changed",
    [{"is_active": False}, {"is_active": False, "stopped_at": NOW}, {"events": ["tier.changed"]}],
    ids=["switched off by hand", "stopped", "of other types"],
)
def test_what_no_webhook_takes_just_now_stays_in_the_feed(
    client: Client, shop: Retailer, changed: dict[str, object]
) -> None:
    Endpoint.objects.filter(retailer=shop).update(**changed)
    tell(shop, 1, 2)
    dispatch(now=NOW)

    told = call(client, make.key(shop), "events").json()["events"]

    assert [event["data"]["points"] for event in told if event["type"] == "points.expired"] == [1, 2]
    assert not Delivery.objects.exists()


def test_a_retailer_without_a_webhook_keeps_no_events(client: Client) -> None:
    shop = make.retailer()
    tell(shop, 1)
    dispatch(now=NOW)

    assert not Event.objects.exists()
