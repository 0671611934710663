"""A shop loads its past in whatever order its files come, and its customers have what they would have had."""

from itertools import permutations

import pytest

from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.backlog import catch_up
from tests.cases.shop import Rule, Rung, Shop, line

pytestmark = pytest.mark.django_db

ZONES = pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])
NOW = "2026-11-20 12:00"
CUSTOMERS = "external_id,email\nada,ada@example.org\nbob,bob@example.org\n"
OLD = (
    "order_number,occurred_at,customer,sku,quantity,net_amount\n"
    "o1,2026-10-21T10:00,ada,x,1,10.00\n"
    "o2,2026-10-24T10:00,bob,x,1,35.00\n"
)
NEW = (
    "order_number,occurred_at,customer,sku,quantity,net_amount\n"
    "o3,2026-11-05T10:00,ada,x,1,20.00\n"
    "o4,2026-11-19T23:30,ada,x,1,30.00\n"
    "o5,2026-11-19T23:30,eve,x,1,5.00\n"
)
NEWEST_FIRST = (
    "order_number,occurred_at,customer,sku,quantity,net_amount\n"
    "o4,2026-11-19T23:30,ada,x,1,30.00\n"
    "o3,2026-11-05T10:00,ada,x,1,20.00\n"
    "o2,2026-10-24T10:00,bob,x,1,35.00\n"
    "o1,2026-10-21T10:00,ada,x,1,10.00\n"
)


def shop_with_a_past(zone: str = "Europe/Paris") -> Shop:
    welcome = Rule(code="welcome", kind="first_order", points="100", uses_multiplier=False)
    return Shop(zone, rules=[Rule(), welcome], since="2026-10-01 00:00")


def enrol_and_decide(shop: Shop) -> None:
    shop.enrol_everyone(now=NOW)
    shop.decide_backlog(now=NOW)


# 27. Customers, orders of the past, then everyone is enrolled


@ZONES
def test_a_customers_file_without_dates_takes_nobodys_past(zone: str) -> None:
    shop = shop_with_a_past(zone)

    shop.import_csv("customers", CUSTOMERS, now=NOW)
    shop.import_csv("orders", OLD, now=NOW)
    shop.import_csv("orders", NEW, now=NOW)
    enrol_and_decide(shop)

    assert [shop.gave("ada", number) for number in ("o1", "o3", "o4")] == [110, 20, 30]
    assert [shop.balance(name) for name in ("ada", "bob", "eve")] == [160, 135, 105]


@pytest.mark.parametrize("order", list(permutations(["customers", "old", "new"])))
def test_files_may_come_in_any_order(order: tuple[str, ...]) -> None:
    shop = shop_with_a_past()
    files = {"customers": ("customers", CUSTOMERS), "old": ("orders", OLD), "new": ("orders", NEW)}

    for name in order:
        kind, text = files[name]
        shop.import_csv(kind, text, now=NOW)
    enrol_and_decide(shop)

    assert [shop.balance(name) for name in ("ada", "bob", "eve")] == [160, 135, 105]


@pytest.mark.parametrize("with_customers", ["with", "without"])
def test_a_file_may_have_its_newest_orders_first(with_customers: str) -> None:
    shop = shop_with_a_past()
    if with_customers == "with":
        shop.import_csv("customers", CUSTOMERS, now=NOW)

    shop.import_csv("orders", NEWEST_FIRST, now=NOW)
    enrol_and_decide(shop)

    assert [shop.balance(name) for name in ("ada", "bob")] == [160, 135]


@pytest.mark.parametrize("reported", ["by API", "by file"])
def test_an_older_order_makes_its_customer_known_since_then(reported: str) -> None:
    shop = shop_with_a_past()
    shop.import_csv("orders", NEW, now=NOW)

    if reported == "by API":
        shop.order("o1", "ada", "10.00", at="2026-10-21 10:00", now=NOW)
    else:
        shop.import_csv("orders", OLD, now=NOW)
    enrol_and_decide(shop)

    assert shop.balance("ada") == 160


def test_an_older_visit_makes_its_customer_known_since_then() -> None:
    shop = shop_with_a_past()
    shop.import_csv("customers", CUSTOMERS, now=NOW)

    shop.import_csv("interactions", "number,customer,kind,occurred_at\nv1,ada,visit,2026-10-20T09:00\n", now=NOW)
    shop.import_csv("orders", OLD, now=NOW)
    enrol_and_decide(shop)

    since = shop.said(shop.membership("ada").enrolled_at)
    assert (since, shop.balance("ada")) == ("2026-10-20 09:00", 110)


def test_a_date_that_the_file_says_is_kept_where_it_is_earlier() -> None:
    shop = shop_with_a_past()
    customers = "external_id,identified_at\nada,2026-10-05T09:00\nbob,2026-11-10T09:00\n"

    shop.import_csv("customers", customers, now=NOW)
    shop.import_csv("orders", OLD, now=NOW)
    enrol_and_decide(shop)

    since = [shop.said(shop.membership(name).enrolled_at) for name in ("ada", "bob")]
    assert (since, shop.balance("bob")) == (["2026-10-05 09:00", "2026-10-24 10:00"], 135)


def test_who_is_a_member_since_a_day_stays_one_since_that_day() -> None:
    shop = shop_with_a_past()
    shop.member("ada", since="2026-11-01 00:00", now=NOW)

    shop.import_csv("orders", OLD, now=NOW)
    shop.import_csv("orders", NEW, now=NOW)
    enrol_and_decide(shop)

    # What she ordered before she agreed earns nothing; the first order that earns is her first.
    assert shop.said(shop.membership("ada").enrolled_at) == "2026-11-01 00:00"
    assert shop.balance("ada") == 120 + 30


# 26. Two programs load one past


def test_a_second_program_that_is_loaded_later_comes_to_the_same() -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "50"))
    first = Shop(tiers=tiers, scheme={"window": "lifetime"}, since="2026-01-01 00:00")
    second = Shop(beside=first, tiers=tiers, scheme={"window": "lifetime"}, since="2026-01-01 00:00")
    first.member("ada", since="2026-02-01 00:00")
    first.order("o1", "ada", "40.00", "20.00", at="2026-02-10 12:00")
    first.give_back("r1", "o1", lines=[(2, "1")], at="2026-02-12 12:00")
    first.order("o2", "ada", "30.00", at="2026-02-20 12:00")
    first.give_back("r2", "o1", lines=[(1, "1")], at="2026-02-25 12:00")

    second.member("ada", since="2026-02-01 00:00", now="2026-02-26 12:00")
    second.decide_backlog(now="2026-02-26 12:00")

    for shop in (first, second):
        assert (shop.balance("ada"), shop.counted("ada"), shop.tier("ada")) == (30, 30, "bronze")
    assert first.changes("ada") == second.changes("ada")
    assert [entry[:2] for entry in first.entries("ada")] == [entry[:2] for entry in second.entries("ada")]


def test_points_from_before_an_import_end_on_their_day_though_time_passed_within_the_import() -> None:
    stars = Rule(code="stars", wallet="stars", categories=["toys"])
    ten_days = {"pending_days": 0, "expiry": "days", "expiry_count": 10}
    shop = Shop(rules=(Rule(), stars), policy={"pending_days": 2}, wallets={"stars": ten_days})
    shop.member("ada")
    shop.order("o1", "ada", line("100", category="toys"), at="2026-03-01 12:00")
    shop.nights("2026-03-04")
    shop.import_orders(shop.bought("o2", "ada", "50", at="2026-03-04 12:00"))
    shop.import_interaction("i1", "ada", "visit", at="2026-03-08 12:00")
    shop.decide_backlog(now="2026-03-08 12:00")

    shop.nights("2026-03-12")

    # Earned on 1 March for ten days: through the 11th, though the import made points of o2 active on the 6th.
    found = shop.entries("ada", wallet="stars")
    assert [(each.kind, each.points) for each in found] == [("earn", 100), ("expire", -100)]
    assert shop.wallet("ada", "stars").available == 0


def test_points_of_an_order_told_after_a_visit_end_by_inactivity_as_they_would_have() -> None:
    idle = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}
    visit = Rule(code="visit", kind="per_interaction", interaction="visit", points="7")
    shop = Shop(rules=(Rule(), visit), policy=idle)
    shop.nights("2026-03-17")
    shop.member("ada", now="2026-03-17 10:00")
    shop.import_orders(shop.bought("o1", "ada", "5", at="2026-02-03 12:00"), now="2026-03-17 12:00")
    shop.visit("i1", "ada", at="2026-03-17 16:00")

    shop.decide_backlog(now="2026-03-17 17:00")

    # Nothing was done from 3 February to 3 March, so its 5 points had ended before the visit, whose 7 live.
    assert [(each.kind, each.points) for each in shop.entries("ada")] == [("earn", 7), ("earn", 5), ("expire", -5)]
    assert shop.wallet("ada").available == 7
    with pytest.raises(InsufficientPoints) as refused:
        shop.redeem("ada", 12, "x", at="2026-03-17 18:00")
    assert refused.value.facts == {"asked": 12, "available": 7}


def late_by_inactivity() -> Shop:
    """Return a shop whose points end after a month without any; Ada was enrolled today, and an order of 9 March waits."""
    shop = Shop(rules=(Rule(),), policy={"pending_days": 0, "expiry": "inactivity", "expiry_count": 1})
    shop.nights("2026-03-22")
    shop.member("ada", now="2026-03-22 10:00")
    shop.import_orders(shop.bought("o2", "ada", "20", at="2026-03-09 12:00"), now="2026-03-22 11:00")
    return shop


def test_an_order_that_waits_keeps_the_points_of_one_that_was_told_late_before_it_was_decided() -> None:
    shop = late_by_inactivity()
    shop.order("o1", "ada", "30", at="2026-02-10 12:00", now="2026-03-22 12:00")
    assert shop.wallet("ada").available == 0  # as far as is known by then they ended on 10 March

    shop.decide_backlog(now="2026-03-22 13:00")

    assert shop.wallet("ada").available == 50  # the order of 9 March let them live until 9 April
    shop.nights("2026-04-12")
    assert shop.wallet("ada").available == 0


def test_points_that_a_request_of_the_moment_let_end_live_on_by_an_order_that_waited() -> None:
    shop = Shop(rules=(Rule(),), policy={"pending_days": 0, "expiry": "inactivity", "expiry_count": 1})
    shop.nights("2026-03-22")
    shop.member("ada", now="2026-03-22 10:00")
    shop.import_orders(shop.bought("o1", "ada", "30", at="2026-02-10 12:00"), now="2026-03-22 11:00")
    shop.decide_backlog(now="2026-03-22 11:05")
    shop.import_orders(shop.bought("o2", "ada", "20", at="2026-03-09 12:00"), now="2026-03-22 11:10")
    with pytest.raises(InsufficientPoints):
        shop.redeem("ada", 40, "x", at="2026-03-22 12:00")
    shop.adjust("ada", 5, "y", at="2026-03-22 12:00")

    shop.decide_backlog(now="2026-03-22 13:00")

    assert shop.wallet("ada").available == 55


def test_what_a_merged_member_did_in_an_import_that_waits_keeps_the_points_that_went_over() -> None:
    shop = late_by_inactivity()
    shop.order("o1", "ada", "30", at="2026-02-10 12:00", now="2026-03-22 12:00")
    shop.member("bob", now="2026-03-22 12:30")
    shop.merge("ada", "bob", at="2026-03-22 12:40")
    assert shop.wallet("bob").available == 0

    shop.decide_backlog(now="2026-03-22 13:00")

    assert shop.wallet("bob").available == 50


@pytest.mark.parametrize("expiry", ["never", "inactivity"])
def test_a_request_of_the_moment_takes_nothing_from_what_waits_of_a_long_past(expiry: str) -> None:
    policy = {"pending_days": 0, "expiry": expiry, "expiry_count": 6}
    shop = Shop(
        policy=policy, tiers=(Rung("silver", "60", "2"),), scheme={"window": "rolling"}, since="2023-01-01 00:00"
    )
    shop.nights("2026-03-22")
    shop.member("ada", since="2023-01-02 00:00", now="2026-03-22 10:00")
    days = [f"{year}-{month:02}-10 12:00" for year in (2023, 2024, 2025) for month in (1, 3, 5, 7, 9, 11)]
    facts = [shop.bought(f"o{place}", "ada", "30", at=day) for place, day in enumerate(days)]
    shop.import_orders(*facts, now="2026-03-22 10:30")
    catch_up(shop.retailer, now=shop.at("2026-03-22 11:00"), most=4)
    shop.adjust("ada", 5, "x", at="2026-03-22 11:10")

    shop.decide_backlog(now="2026-03-22 12:00")

    # 5, two orders of 30 before silver, and sixteen of silver at twice as much: as if nobody had asked between.
    assert shop.wallet("ada").available == 1025
