"""A retailer's orders and enrolments as columns: netted, linked or not, joined or never, as known at an instant."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.uplift.panel import NEVER, NOBODY
from analytics.uplift_runs import reading
from analytics.uplift_runs.models import MEMBER_CODES, UpliftRun
from analytics.uplift_runs.reading import Source, read
from customers.facts import ReturnFact, ReturnLineFact
from customers.models import Retailer
from customers.recording import record_orders, record_returns
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
DAY = (AT.date() - date(1970, 1, 1)).days
CUT = date(2026, 5, 31)


def source(club: Program, *, cut: date = CUT, known: datetime = NOON, codes: tuple[str, ...] = MEMBER_CODES) -> Source:
    return Source(club.retailer, club, cut, known, codes)


def bring_back(shop: Retailer, order: str, quantity: str, *, at: datetime, recorded: datetime = NOON) -> None:
    fact = ReturnFact(make.number("return"), order, at, (ReturnLineFact(Decimal(quantity), 1),))
    (outcome,) = record_returns(shop, [fact], now=recorded)
    assert outcome.error is None


def test_orders_come_by_customer_and_time_the_unlinked_first() -> None:
    club = make.program()
    shop = club.retailer
    bob, ada = make.customer(shop, "bob"), make.customer(shop, "ada")
    record_orders(
        shop,
        [
            make.order("ada", "20.00", at=AT + timedelta(days=3), identified_by="Card"),
            make.order("bob", "5.00", at=AT + timedelta(days=1), identified_by="email"),
            make.order(None, "7.00", at=AT + timedelta(days=2)),
            make.order("ada", "10.00", at=AT, identified_by="email"),
            make.order("ada", "99.00", at=NOON - timedelta(days=1)),  # after the cut
        ],
        now=NOON,
    )
    ada_first = ada.pk.bytes < bob.pk.bytes

    found = read(source(club))

    assert found is not None
    orders = found.panel.orders
    first, second = (0, 1) if ada_first else (1, 0)
    whose = [NOBODY, *sorted([first, first, second])]
    assert orders.customer.tolist() == whose
    by_customer = {who: orders.value[orders.customer == who].tolist() for who in (NOBODY, first, second)}
    assert by_customer == {NOBODY: [7.0], first: [10.0, 20.0], second: [5.0]}
    assert orders.membership_only[orders.customer == first].tolist() == [False, True]
    assert (orders.day[0], orders.seconds[0]) == (DAY + 2, (AT + timedelta(days=2)).timestamp())
    assert (found.panel.first, found.panel.cut) == (DAY, (CUT - date(1970, 1, 1)).days)
    assert found.panel.identification_known
    assert found.panel.customers.joined.tolist() == [NEVER, NEVER]
    assert orders.value.dtype == orders.seconds.dtype == "float64"
    assert orders.customer.dtype == orders.day.dtype == "int32"


def test_what_came_back_by_the_cut_and_what_points_paid_is_no_value() -> None:
    club = make.program()
    shop = club.retailer
    record_orders(
        shop,
        [
            make.order("ada", "30.00", at=AT, name="A1", paid_with_points=Decimal(10)),
            make.order("ada", "40.00", at=AT + timedelta(days=1), name="A2"),
            make.order("ada", "50.00", at=AT + timedelta(days=2), name="A3"),
        ],
        now=NOON,
    )
    bring_back(shop, "A1", "0.5", at=AT + timedelta(days=9))
    bring_back(shop, "A2", "1", at=AT + timedelta(days=9))
    bring_back(shop, "A3", "1", at=NOON - timedelta(days=1))

    found = read(source(club))

    assert found is not None
    assert found.panel.orders.value.tolist() == [10.0, 0.0, 50.0]


def test_margin_is_by_the_lines_costs_then_by_the_rate() -> None:
    plain, rated = make.program(), make.program(make.retailer(margin_rate=Decimal("0.30")))
    costed = make.program(make.retailer(margin_rate=Decimal("0.30")))
    for club in (plain, rated):
        record_orders(club.retailer, [make.order("ada", "100.00", at=AT)], now=NOON)
    line = make.line("100.00")
    record_orders(
        costed.retailer,
        [
            make.order("ada", replace(line, unit_cost=Decimal(80)), at=AT, name="C1"),
            make.order("ada", "100.00", at=AT + timedelta(days=1)),
        ],
        now=NOON,
    )

    margins = {club.slug: read(source(club)) for club in (plain, rated, costed)}

    told = [(found.basis, found.panel.orders.margin.tolist()) for found in margins.values() if found]
    basis = UpliftRun.MarginBasis
    assert told == [(basis.NONE, [100.0]), (basis.RATE, [30.0]), (basis.COSTS_AND_RATE, [20.0, 30.0])]


def test_who_joined_did_so_when_they_first_did_in_this_program_by_the_cut() -> None:
    club = make.program()
    other = make.program(club.retailer)
    ada, bob = make.member(club, "ada", since=AT), make.member(club, "bob", since=AT)
    make.member(other, "charlie", since=AT)
    make.member(club, "dora", since=datetime(2026, 6, 10, tzinfo=UTC))
    bob.left_at = AT + timedelta(days=5)
    bob.save(update_fields=["left_at"])
    bought = [make.order(name, "1.00", at=AT) for name in ("ada", "bob", "charlie", "dora")]
    record_orders(club.retailer, bought, now=NOON)

    found = read(source(club))

    assert found is not None
    assert sorted(found.panel.customers.joined.tolist()) == sorted([DAY, DAY, NEVER, NEVER])
    assert found.panel.customers.seconds[found.panel.customers.joined == DAY].tolist() == [AT.timestamp()] * 2
    assert found.left == 1
    assert ada.left_at is None


def test_what_was_recorded_later_is_not_known_and_the_digest_says_so() -> None:
    club = make.program()
    shop = club.retailer
    record_orders(shop, [make.order("ada", "30.00", at=AT, name="A1")], now=AT)
    first = read(source(club, known=AT))
    record_orders(shop, [make.order("ada", "10.00", at=AT, name="A2")], now=NOON)
    bring_back(shop, "A1", "1", at=AT + timedelta(days=1))

    again, later = read(source(club, known=AT)), read(source(club))

    assert first is not None
    assert again is not None
    assert later is not None
    assert again.digest == first.digest
    assert again.panel.orders.value.tolist() == [30.0]
    assert later.panel.orders.value.tolist() == [0.0, 10.0]
    assert later.digest != first.digest


def test_customers_are_divided_by_the_channel_of_their_first_order() -> None:
    club = make.program()
    record_orders(
        club.retailer,
        [
            make.order("ada", "1.00", at=AT, channel="web"),
            make.order("ada", "1.00", at=AT + timedelta(days=1), channel="shop"),
            make.order("bob", "1.00", at=AT, channel="shop"),
            make.order("bob", "1.00", at=AT + timedelta(days=1), channel="shop"),
            make.order("charlie", "1.00", at=AT),
        ],
        now=NOON,
    )

    found = read(source(club))

    assert found is not None
    channel = found.panel.customers.groups["channel"]
    assert list(channel.labels) == ["shop", "web", ""]
    assert sorted(channel.places.tolist()) == [0, 1, 2]
    assert found.panel.customers.stratum.tolist() == channel.places.tolist()
    assert not found.panel.identification_known


def test_nothing_bought_is_nothing_to_read() -> None:
    club = make.program()

    assert read(source(club)) is None
    assert reading.span(club.retailer, NOON) is None


def test_a_past_of_several_blocks_is_that_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    club = make.program()
    names = ("ada", "bob", "charlie")
    facts = [make.order(name, f"{day}.00", at=AT + timedelta(days=day)) for name in names for day in range(1, 6)]
    record_orders(club.retailer, [*facts, make.order(None, "9.00", at=AT)], now=NOON)
    whole = read(source(club))

    monkeypatch.setattr(reading, "SIZE", 4)
    parts = read(source(club))

    assert whole is not None
    assert parts is not None
    assert parts.digest == whole.digest
    assert len(parts.panel.orders) == 16
