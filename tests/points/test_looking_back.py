"""A wallet as of an instant, by both clocks: what had ended by then is gone, whenever a night found it."""

from datetime import datetime, timedelta

import pytest

from loyalty.activity.account.spending import hold, redeem
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.ledger import post
from loyalty.points.models import Entry, Lot
from loyalty.points.paging import OF_CUSTOMER, StatedEntry, page, running_balances
from loyalty.points.state import Move, Posting
from loyalty.points.statement import Clock, balance, forecast, was
from loyalty.points.states import State
from tests import make
from tests.make import on

pytestmark = pytest.mark.django_db
JANUARY, FEBRUARY, APRIL, MAY = on("2026-01-10T12:00"), on("2026-02-11"), on("2026-04-01"), on("2026-05-02T02:00")
CLOCKS = (Clock.RECORDED, Clock.OCCURRED)


def ada_with(days: int = 31, **policy: object) -> Membership:
    """Ada has 100 points of 10 January; through the day before 11 February, if they live for 31 days."""
    ada = make.member(make.program(points={"expiry": "days", "expiry_count": days} | policy))
    make.buys(ada, "100.00", at=JANUARY, recorded=JANUARY)
    return ada


def expires(who: Membership, points: int, *, at: datetime, recorded: datetime) -> None:
    """Write an expiry with the instant at which it was due, and the one at which the night found it."""
    wallet, lot = make.wallet_of(who), Lot.objects.get(wallet__membership=who)
    moves = (Move(lot.pk, State.AVAILABLE, State.EXPIRED, points),)
    said = {"points": points}
    posting = Posting(who.retailer_id, wallet.pk, "expire", f"expire:{lot.pk}", at, said, moves=moves)
    post([posting], balances={wallet.pk: wallet.balance}, now=recorded)


def stated(who: Membership, *, clock: Clock, at: datetime | None = None) -> list[StatedEntry]:
    return page(OF_CUSTOMER, {"customer": who.customer_id}, clock=clock, at=at, limit=50)


def available(who: Membership, at: datetime) -> list[int]:
    return [was(make.wallet_of(who), at=at, clock=clock).available for clock in CLOCKS]


@pytest.mark.parametrize("due", [FEBRUARY, MAY])
def test_points_that_ended_before_are_gone_however_late_the_night_found_them(due: datetime) -> None:
    """Whether the entry has the instant at which they were due, or that of the night."""
    ada = ada_with()
    expires(ada, 100, at=due, recorded=MAY)

    assert available(ada, APRIL) == [0, 0]
    assert available(ada, FEBRUARY - timedelta(seconds=1)) == [100, 100]
    assert available(ada, FEBRUARY) == [0, 0]
    assert available(ada, MAY) == [0, 0]


def test_the_nights_own_entry_is_as_late_as_it_likes() -> None:
    ada = ada_with()
    run_nights(ada.program, until=MAY.date(), now=MAY)

    assert (available(ada, APRIL), available(ada, MAY)) == ([0, 0], [0, 0])
    assert Entry.objects.filter(kind="expire").count() == 1


def test_what_was_redeemed_later_was_there_before() -> None:
    ada = ada_with(days=365)
    redeem(ada, 30, reference="r1", now=MAY)
    hold(ada, 20, reference="h1", now=MAY + timedelta(hours=1))

    wallet = make.wallet_of(ada)
    then, between, now = (
        [balance(wallet, at=at, zone=ada.program.tzinfo, clock=clock) for clock in CLOCKS]
        for at in (APRIL, MAY, MAY + timedelta(hours=2))
    )

    assert [(each.available, each.held, each.expires_next_points) for each in (*then, *between, *now)] == [
        (100, 0, 100),
        (100, 0, 100),
        (70, 0, 70),
        (70, 0, 70),
        (50, 20, 50),
        (50, 20, 50),
    ]
    assert now[0] == balance(wallet, at=MAY + timedelta(hours=2), zone=ada.program.tzinfo)


def test_a_late_order_was_not_known_and_yet_was_there() -> None:
    ada = ada_with(days=365)
    make.buys(ada, "40.00", at=FEBRUARY, recorded=MAY)

    assert (available(ada, APRIL), available(ada, MAY)) == ([100, 140], [140, 140])


def test_pending_points_that_were_due_count_as_active() -> None:
    ada = ada_with(days=365, pending_days=10)
    run_nights(ada.program, until=MAY.date(), now=MAY)

    pending = [was(make.wallet_of(ada), at=JANUARY + timedelta(days=1), clock=clock) for clock in CLOCKS]

    assert [(each.available, each.pending) for each in pending] == [(0, 100)] * 2
    assert available(ada, APRIL) == [100, 100]


def test_a_statement_by_the_occurred_clock_has_the_expiry_where_it_was_due() -> None:
    ada = ada_with()
    make.buys(ada, "40.00", at=APRIL, recorded=APRIL)

    occurred = stated(ada, clock=Clock.OCCURRED)
    balances = running_balances(occurred)

    assert [(each.kind, balances[each.id]) for each in occurred] == [("earn", 40), ("expire", 0), ("earn", 100)]
    assert [each.kind for each in stated(ada, clock=Clock.RECORDED, at=APRIL)] == ["earn", "expire", "earn"]
    assert [each.kind for each in stated(ada, clock=Clock.OCCURRED, at=APRIL)] == ["earn", "expire", "earn"]
    assert [each.points for each in forecast(make.wallet_of(ada), at=APRIL, zone=ada.program.tzinfo)] == [40]


def test_what_expires_by_inactivity_ends_with_its_wallet() -> None:
    ada = make.member(make.program(points={"expiry": "inactivity", "expiry_count": 1}))
    make.buys(ada, "100.00", at=JANUARY, recorded=JANUARY)

    assert (available(ada, JANUARY + timedelta(days=5)), available(ada, APRIL)) == ([100, 100], [0, 0])
