"""When points become active, and until when they live."""

from datetime import date, timedelta

import pytest

from customers.facts import OrderEventFact
from loyalty.activity.account.spending import redeem
from loyalty.activity.intake import take_order_events
from loyalty.activity.nightly import run_nights
from loyalty.outbox.models import Event
from loyalty.points.models import Entry, Lot
from tests import make
from tests.make import NOON, on, spendable

pytestmark = pytest.mark.django_db


def test_points_wait_for_the_delivery_of_their_order_and_then_some_days() -> None:
    policy = {"pending_event": "delivered", "pending_days": 2, "expiry": "months", "expiry_count": 1}
    ada = make.member(make.program(points=policy))
    bought = make.buys(ada, "100.00", name="o1", at=on("2026-03-01T10:00"))
    later = on("2026-03-05T00:00")
    run_nights(ada.program, until=later.date(), now=later)
    waiting = make.wallet_of(ada)
    fact = OrderEventFact("o1", "delivered", on("2026-03-05T18:00"))

    for _ in range(2):  # the same again changes nothing
        take_order_events(ada.program.retailer, [fact], now=on("2026-03-06T10:00"))

    lot = Lot.objects.get()
    assert bought.decisions[0].order is not None
    assert (waiting.pending, waiting.available) == (100, 0)
    assert (lot.active_at, lot.expires_at) == (on("2026-03-07T00:00"), on("2026-04-08T00:00"))
    assert [spendable(ada, on(f"2026-{day}")) for day in ("03-06", "03-07", "04-07", "04-08")] == [0, 100, 100, 0]


def test_points_that_wait_for_an_event_alone_are_active_with_it() -> None:
    ada = make.member(make.program(points={"pending_event": "delivered"}))
    make.buys(ada, "100.00", name="o1")

    fact = OrderEventFact("o1", "delivered", NOON + timedelta(days=1))
    take_order_events(ada.program.retailer, [fact], now=NOON + timedelta(days=1))

    assert make.wallet_of(ada).available == 100
    assert list(Entry.objects.order_by("id").values_list("kind", flat=True)) == ["earn", "activate"]


def test_a_delivery_that_is_known_before_its_order_is_decided_counts() -> None:
    from customers.recording import record_order_events, record_orders
    from loyalty.activity.backlog import catch_up

    ada = make.member(make.program(points={"pending_event": "delivered"}))
    shop = ada.program.retailer
    record_orders(shop, [make.order(ada, "100.00", name="o1")], now=NOON)
    delivered = NOON + timedelta(days=1)
    record_order_events(shop, [OrderEventFact("o1", "delivered", delivered)], now=delivered)

    catch_up(shop, now=NOON, until=NOON.date())

    assert [spendable(ada, NOON + timedelta(days=day)) for day in (0, 1)] == [0, 100]


def test_points_are_not_active_before_a_date() -> None:
    ada = make.member(make.program(points={"pending_until": date(2026, 7, 1)}))

    make.buys(ada, "10.00", at=NOON)
    seen = [spendable(ada, on(at)) for at in ("2026-06-30T23:59", "2026-07-01T00:00")]
    make.buys(ada, "7.00", at=on("2026-07-03T12:00"))

    assert [*seen, spendable(ada, on("2026-07-03T12:00"))] == [0, 10, 17]


@pytest.mark.parametrize(
    ("earned", "last_day"),
    [("2026-06-29", "06-30"), ("2026-06-30", "06-30"), ("2026-07-01", "12-31"), ("2026-12-31", "12-31")],
)
def test_points_expire_on_the_next_of_fixed_dates(earned: str, last_day: str) -> None:
    ada = make.member(make.program(points={"expiry": "fixed_dates", "expiry_dates": ["06-30", "12-31"]}))

    make.buys(ada, "10.00", at=on(f"{earned}T12:00"))

    after = on(f"2026-{last_day}") + timedelta(days=1)
    assert (spendable(ada, after - timedelta(seconds=1)), spendable(ada, after)) == (10, 0)


def test_points_live_as_long_as_their_member_is_active() -> None:
    ada = make.member(make.program(points={"expiry": "inactivity", "expiry_count": 3}))
    make.buys(ada, "10.00", at=on("2026-01-31T12:00"))  # through 30 April
    make.buys(ada, "5.00", at=on("2026-04-30T12:00"))  # through 30 July
    redeem(ada, 1, reference="r1", now=on("2026-07-30T23:00"))  # through 30 October

    run_nights(ada.program, until=date(2026, 10, 30), now=NOON)
    alive = make.wallet_of(ada).available
    run_nights(ada.program, until=date(2026, 10, 31), now=NOON)

    assert (alive, make.wallet_of(ada).available) == (14, 0)
    assert [spendable(ada, on(at)) for at in ("2026-10-30T23:59", "2026-10-31T00:00")] == [0, 0]


def test_what_died_of_inactivity_does_not_live_again_with_the_next_order() -> None:
    ada = make.member(make.program(points={"expiry": "inactivity", "expiry_count": 1}))
    make.buys(ada, "10.00", at=on("2026-01-15T12:00"))

    make.buys(ada, "7.00", at=on("2026-02-16T00:00"))  # no night has been

    wallet = make.wallet_of(ada)
    assert (wallet.available, list(Entry.objects.order_by("id").values_list("kind", flat=True))) == (
        7,
        ["earn", "expire", "earn"],
    )


def test_what_a_return_finds_expired_is_told_once_though_no_night_has_been() -> None:
    ada = make.member(make.program(points={"expiry": "days", "expiry_count": 10}))
    bought = make.buys(ada, "100.00", at=NOON)
    late = NOON + timedelta(days=12)

    make.returns(ada, bought, (1, "1"), at=late)
    run_nights(ada.program, until=late.date(), now=late)

    told = Event.objects.filter(type="points.expired")
    assert [event.payload["points"] for event in told] == [100]
