"""Facts of the future are refused, and carry out no time that has not come."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import InsufficientPoints
from tests.cases.shop import Rule, Rung, Shop, field_of

pytestmark = pytest.mark.django_db

NOW = "2026-06-20 12:00"
ZONES = pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])


def open_shop(zone: str = "Europe/Paris", **given: Any) -> Shop:
    """It is noon of 20 June, and Ada has 100 points of the 10th."""
    rules = (Rule(), Rule(code="review", kind="per_interaction", interaction="review", points="5"))
    shop = Shop(zone, rules=rules, since="2026-06-01 00:00", **given)
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-06-10 12:00")
    shop.nights("2026-06-20")
    return shop


def orders(shop: Shop, at: str) -> None:
    shop.order("f1", "ada", "50.00", at=at, now=NOW)


def returns(shop: Shop, at: str) -> None:
    shop.give_back("f1", "o1", at=at, now=NOW)


def visits(shop: Shop, at: str) -> None:
    shop.visit("f1", "ada", at=at, now=NOW)


def reviews(shop: Shop, at: str) -> None:
    shop.interaction("f1", "ada", "review", at=at, now=NOW)


def delivers(shop: Shop, at: str) -> None:
    shop.deliver("o1", at=at, now=NOW)


FACTS = pytest.mark.parametrize("report", [orders, returns, visits, reviews, delivers])
EXPIRES = {"expiry": "days", "expiry_count": 30}


@FACTS
@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Europe/Paris", "2026-06-20 12:15:01"),
        ("America/New_York", "2026-06-27 12:00"),
        ("Pacific/Auckland", "2027-06-20 12:00"),
    ],
)
def test_a_fact_of_the_future_is_refused_with_its_field_and_changes_nothing(
    zone: str, report: Callable[[Shop, str], None], at: str
) -> None:
    shop = open_shop(zone, policy=EXPIRES, tiers=[Rung("bronze", "0"), Rung("silver", "100")])
    before = (shop.entries("ada"), shop.changes("ada"))

    with pytest.raises(DomainError) as refused:
        report(shop, at)

    assert (refused.value.kind, field_of(refused.value)) == (Kind.INVALID, "occurred_at")
    assert not shop.is_known("f1")
    assert (shop.entries("ada"), shop.changes("ada"), shop.balance("ada", at=NOW)) == (*before, 100)


@FACTS
@pytest.mark.parametrize("at", ["2026-06-20 12:00", "2026-06-20 12:00:01", "2026-06-20 12:15"])
def test_a_clock_that_runs_ahead_is_forgiven(report: Callable[[Shop, str], None], at: str) -> None:
    shop = open_shop(policy=EXPIRES)

    report(shop, at)

    given: dict[Any, int] = {orders: 150, returns: 0, reviews: 105}
    assert shop.balance("ada", at="2026-06-20 12:15") == given.get(report, 100)


def test_in_a_batch_a_fact_of_the_future_is_a_bad_row_of_its_own() -> None:
    shop = open_shop(policy=EXPIRES)
    shop.member("bob")
    batch = [
        shop.bought("good", "ada", "20.00", at="2026-06-20 11:00"),
        shop.bought("bad", "ada", "30.00", at="2026-06-20 12:16"),
        shop.bought("good too", "bob", "40.00", at="2026-06-20 12:10"),
        shop.bought("worse", "bob", "50.00", at="2032-12-01 12:00"),
    ]

    errors = shop.orders(*batch, now=NOW)

    assert [error and field_of(error) for error in errors] == [None, "occurred_at", None, "occurred_at"]
    assert [shop.is_known(fact.number) for fact in batch] == [True, False, True, False]
    assert (shop.balance("ada"), shop.balance("bob")) == (120, 40)


def test_an_order_of_the_future_can_be_reported_again_when_its_time_has_come() -> None:
    shop = open_shop()
    errors = [
        shop.orders(shop.bought("f1", "ada", "50.00", at="2026-06-21 12:00"), now=now)[0]
        for now in (NOW, "2026-06-21 12:00")
    ]

    assert [error is None for error in errors] == [False, True]
    assert shop.balance("ada") == 150


def test_in_a_batch_of_returns_a_return_of_the_future_is_a_bad_row_of_its_own() -> None:
    shop = open_shop()
    shop.order("o2", "ada", "30.00", at="2026-06-19 12:00")

    errors = shop.returns(
        shop.brought_back("bad", "o1", at="2027-06-20 12:00"), shop.brought_back("good", "o2", at=NOW), now=NOW
    )

    assert [error is None for error in errors] == [False, True]
    assert shop.balance("ada") == 100


# A file

HEADER = "order_number,occurred_at,customer,sku,quantity,net_amount\n"


@ZONES
def test_in_a_file_a_row_of_the_future_is_a_bad_row_and_no_night_comes_before_its_time(zone: str) -> None:
    shop = open_shop(zone, policy=EXPIRES)
    rows = "f1,2026-06-19T12:00,ada,x,1,20.00\nf2,2027-12-01T12:00,ada,x,1,30.00\nf3,2026-06-20T09:00,ada,x,1,7.00\n"

    report = shop.import_csv("orders", HEADER + rows, now=NOW)
    shop.decide_backlog(now=NOW)

    assert (report.created, [(problem.line, problem.column) for problem in report.problems]) == (
        2,
        [(3, "occurred_at")],
    )
    assert shop.balance("ada", at=NOW) == 127
    assert shop.kinds("ada") == ["earn"] * 3
    shop.nights("2026-07-10")
    assert shop.balance("ada") == 127
    shop.nights("2026-07-11")
    assert shop.balance("ada") == 27


def test_in_a_file_of_returns_a_row_of_the_future_is_a_bad_row() -> None:
    shop = open_shop()
    rows = "return_number,order_number,occurred_at,position,quantity\nr1,o1,2027-06-20T12:00,1,1\n"

    report = shop.import_csv("returns", rows, now=NOW)
    shop.decide_backlog(now=NOW)

    assert (report.created, [(problem.line, problem.column) for problem in report.problems]) == (
        0,
        [(2, "occurred_at")],
    )
    assert shop.balance("ada", at=NOW) == 100


def test_in_a_file_of_interactions_a_row_of_the_future_is_a_bad_row() -> None:
    shop = open_shop(policy={"expiry": "inactivity", "expiry_count": 1})
    rows = "number,customer,kind,occurred_at\ni1,ada,visit,2027-06-20T12:00\ni2,ada,review,2026-06-20T12:05\n"

    report = shop.import_csv("interactions", rows, now=NOW)
    shop.decide_backlog(now=NOW)

    assert (report.created, [(problem.line, problem.column) for problem in report.problems]) == (
        1,
        [(2, "occurred_at")],
    )
    assert shop.balance("ada", at="2026-06-20 12:05") == 105


# What lies within the tolerance counts as now for everything that time carries out


@ZONES
@pytest.mark.parametrize("report", [orders, visits, reviews])
def test_a_clock_that_runs_ahead_carries_out_no_midnight(zone: str, report: Callable[[Shop, str], None]) -> None:
    """At 23:55 a till says that it is 00:05; points that can be spent through today can still be spent."""
    shop = open_shop(zone, policy=EXPIRES)  # through 10 July
    shop.nights("2026-07-10")
    now = "2026-07-10 23:55"
    if report is orders:
        shop.order("f1", "ada", "50.00", at="2026-07-11 00:05", now=now)
    else:
        shop.interaction("f1", "ada", "visit" if report is visits else "review", at="2026-07-11 00:05", now=now)

    assert "expire" not in shop.kinds("ada")
    shop.redeem("ada", 100, "r1", at="2026-07-10 23:56")


def test_a_clock_that_runs_ahead_ends_no_tier() -> None:
    scheme = {"window": "calendar_year"}
    shop = Shop(tiers=[Rung("bronze", "0"), Rung("silver", "100")], scheme=scheme, since="2026-12-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-12-10 12:00")
    shop.nights("2026-12-31")

    shop.order("o2", "ada", "1.00", at="2027-01-01 00:05", now="2026-12-31 23:55")
    before = shop.ways("ada")
    shop.nights("2027-01-01")

    assert before == [("bronze", "silver")]
    assert shop.changes("ada") == [
        ("bronze", "silver", "2026-12-10 12:00"),
        ("silver", "bronze", "2027-01-01 00:00"),
    ]


def test_an_order_of_the_minutes_after_midnight_goes_from_the_month_to_which_it_counted() -> None:
    shop = Shop(policy={"pending_days": 0, "period_limit": 100, "period": "month"})
    shop.member("ada")
    shop.order("A", "ada", "100", at="2026-02-01 00:05", now="2026-01-31 23:55")

    shop.give_back("RA", "A", at="2026-02-02 12:00")
    for number in ("B", "C"):
        shop.order(number, "ada", "150", at="2026-02-03 12:00")

    assert shop.balance("ada") == 100


def test_what_it_took_of_a_budget_goes_back_to_that_one() -> None:
    shop = Shop(policy={"pending_days": 0, "budget": 100, "budget_period": "month"})
    shop.member("ada")
    shop.order("A", "ada", "100", at="2026-02-01 00:05", now="2026-01-31 23:55")

    shop.give_back("RA", "A", at="2026-02-02 12:00")
    shop.order("B", "ada", "300", at="2026-02-03 12:00")

    assert shop.balance("ada") == 100


def test_it_counts_for_the_tier_of_the_year_from_which_it_goes() -> None:
    shop = Shop(tiers=[Rung("silver", "100")], scheme={"window": "calendar_year", "downgrade": "at_once"})
    shop.member("ada")
    shop.nights("2026-12-31")
    shop.order("A", "ada", "50", at="2027-01-01 00:05", now="2026-12-31 23:55")

    shop.give_back("RA", "A", at="2027-01-02 12:00")
    shop.order("B", "ada", "100", at="2027-01-03 12:00")

    assert (shop.counted("ada"), shop.tier("ada")) == (100, "silver")


def test_who_enrols_by_a_clock_that_runs_ahead_is_a_member_at_once() -> None:
    shop = Shop()

    shop.member("ada", since="2026-03-01 12:10", now="2026-03-01 12:00")
    shop.order("A", "ada", "10", at="2026-03-01 12:01")

    assert shop.balance("ada") == 10


def test_a_delivery_by_such_a_clock_makes_points_active_at_once_and_lets_them_live_from_today() -> None:
    policy = {"pending_days": 0, "pending_event": "delivered", "expiry": "days", "expiry_count": 1}
    shop = Shop(policy=policy)
    shop.member("ada")
    shop.order("A", "ada", "10", at="2026-03-01 12:00")

    shop.deliver("A", at="2026-03-04 00:05", now="2026-03-03 23:55")

    assert (shop.balance("ada"), shop.pending("ada")) == (10, 0)
    assert shop.usable_through("ada") == [("2026-03-04", 10)]


@pytest.mark.parametrize("imports", [False, True])
def test_an_order_by_such_a_clock_is_the_same_whichever_way_it_comes(imports: bool) -> None:  # noqa: FBT001 - a case
    shop = Shop(policy={"pending_days": 1, "expiry": "days", "expiry_count": 1})
    shop.member("ada")
    order = shop.bought("A", "ada", "10", at="2026-03-02 00:05")

    if imports:
        shop.import_orders(order, now="2026-03-01 23:55")
        shop.decide_backlog(now="2026-03-02 00:10")
    else:
        shop.orders(order, now="2026-03-01 23:55")
    shop.nights("2026-03-02")

    assert shop.usable_through("ada") == [("2026-03-03", 10)]


@pytest.mark.parametrize("report", [orders, visits, reviews])
def test_a_refused_fact_of_next_year_neither_expires_by_inactivity_nor_stops_the_tiers(
    report: Callable[[Shop, str], None],
) -> None:
    policy = {"expiry": "inactivity", "expiry_count": 1}
    shop = open_shop(policy=policy, tiers=[Rung("bronze", "0"), Rung("silver", "100")], scheme={"window_months": 1})

    with pytest.raises(DomainError):
        report(shop, "2027-06-20 12:00")
    shop.nights("2026-07-10")
    alive, tier = shop.balance("ada"), shop.tier("ada")
    shop.nights("2026-07-11")

    # Idle since 10 June, her points live through 10 July; so does what counts for silver, but through the 9th.
    assert (alive, tier, shop.balance("ada")) == (100, "bronze", 0)
    assert shop.changes("ada")[1:] == [("silver", "bronze", "2026-07-10 00:00")]


def test_a_delivery_of_next_week_makes_nothing_active_before_it() -> None:
    shop = open_shop(policy={"pending_event": "delivered"})

    with pytest.raises(DomainError):
        delivers(shop, "2026-06-27 12:00")
    with pytest.raises(InsufficientPoints):
        shop.redeem("ada", 1, "r1", at=NOW)

    assert (shop.balance("ada", at=NOW), shop.pending("ada", at=NOW)) == (0, 100)
    shop.deliver("o1", at="2026-06-27 12:00")
    assert (shop.balance("ada"), shop.pending("ada")) == (100, 0)


def test_other_members_points_do_not_hang_on_somebodys_clock() -> None:
    shop = open_shop(policy=EXPIRES)
    shop.member("bob")
    shop.order("bobs", "bob", "70.00", at="2026-06-15 12:00")
    future = shop.at(NOW) + timedelta(days=400)

    shop.import_orders(shop.bought("f1", "ada", "1.00", at=future), now=NOW)
    shop.decide_backlog(now=NOW)

    assert (shop.balance("ada", at=NOW), shop.balance("bob", at=NOW)) == (100, 70)
    assert (shop.kinds("ada"), shop.kinds("bob")) == (["earn"], ["earn"])
