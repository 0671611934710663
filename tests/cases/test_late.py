"""What is reported late is decided by when it occurred; what time has done since stays done, and nothing stops."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loyalty.points.proof import prove
from loyalty.points.statement import Clock
from tests.cases.shop import NEGATIVE, STOP, Rung, Shop, Shortfall

pytestmark = pytest.mark.django_db

ZONES = pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])


# 3. What comes back late has expired meanwhile, and the nights go on


def after_a_night(zone: str = "Europe/Paris", policy: Shortfall = STOP, *, points: int = 2, spent: int = 1) -> Shop:
    """
    Ada earns points on 1 March, which can be spent through the 2nd, and spends some; the night of the 3rd expires the rest.

    Bob earns 7 on the 3rd, which can be spent through the 4th.
    """
    shop = Shop(zone, policy={"expiry": "days", "expiry_count": 1} | policy, since="2026-03-01 00:00")
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("start", "ada", f"{points}.00", at="2026-03-01 12:00")
    shop.redeem("ada", spent, "rw", at="2026-03-01 13:00")
    shop.order("paid", "ada", "0.00", redemptions=["rw"], at="2026-03-01 13:00")
    shop.nights("2026-03-03")
    shop.order("bobs", "bob", "7.00", at="2026-03-03 12:00")
    assert (shop.balance("ada"), shop.kinds("ada")) == (0, ["earn", "redeem", "expire"])
    return shop


def returned(shop: Shop) -> None:
    shop.give_back("r1", "paid", at="2026-03-02 23:00", now="2026-03-03 13:00")


def returned_by_import(shop: Shop) -> None:
    shop.import_returns(shop.brought_back("r1", "paid", at="2026-03-02 23:00"), now="2026-03-03 13:00")
    shop.decide_backlog(now="2026-03-03 13:00")


def reversed_in_the_last_second(shop: Shop) -> None:
    shop.reverse("ada", "rw", at="2026-03-02 23:59:59.900000")


COMES_BACK = pytest.mark.parametrize("come_back", [returned, returned_by_import, reversed_in_the_last_second])


@COMES_BACK
@pytest.mark.parametrize("policy", [STOP, NEGATIVE], ids=["stop_at_zero", "allow_negative"])
@pytest.mark.parametrize(
    ("zone", "points", "spent"), [("Europe/Paris", 2, 1), ("America/New_York", 90, 89), ("Pacific/Auckland", 50, 7)]
)
def test_what_comes_back_after_the_night_in_which_it_would_have_expired_has_expired(
    zone: str, come_back: Callable[[Shop], None], policy: Shortfall, points: int, spent: int
) -> None:
    shop = after_a_night(zone, policy, points=points, spent=spent)

    come_back(shop)
    at_once = (shop.balance("ada"), shop.owed("ada"))
    shop.nights("2026-03-04")
    before = shop.balance("bob")
    shop.nights("2026-03-06")

    assert (at_once, shop.balance("ada"), before, shop.balance("bob")) == ((0, 0), 0, 7, 0)
    assert shop.kinds("bob") == ["earn", "expire"]


@COMES_BACK
def test_after_what_came_back_late_other_returns_and_orders_are_taken(come_back: Callable[[Shop], None]) -> None:
    shop = after_a_night()
    come_back(shop)
    shop.nights("2026-03-04")

    shop.order("more", "ada", "20.00", "5.00", at="2026-03-04 12:00")
    shop.give_back("r2", "more", lines=[(2, "1")], at="2026-03-04 13:00")
    shop.give_back("r3", "start", at="2026-03-04 14:00")

    # Of the first order's two points one expired and one came back expired: without it they would not have been there.
    assert (shop.balance("ada"), shop.owed("ada")) == (20, 0)


def test_a_hold_that_is_released_in_the_last_second_but_after_the_night() -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 1}, since="2026-03-01 00:00")
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("o1", "ada", "2.00", at="2026-03-01 12:00")
    shop.hold("ada", 1, "till", at="2026-03-02 23:55")
    shop.nights("2026-03-03")

    shop.release("ada", "till", at="2026-03-02 23:59:59.900000", now="2026-03-03 00:00:00.100000")
    at_once = shop.balance("ada")
    shop.order("o2", "bob", "7.00", at="2026-03-03 12:00")
    shop.nights("2026-03-05")

    assert (at_once, shop.balance("ada"), shop.balance("bob")) == (0, 0, 0)


def test_an_adjustment_of_the_last_second_but_after_the_night_ends_with_its_day() -> None:
    shop = Shop(policy={"pending_days": 0, "expiry": "days", "expiry_count": 0}, since="2026-03-01 00:00")
    shop.member("ada")
    shop.nights("2026-03-03")

    shop.adjust("ada", 10, "a1", at="2026-03-02 23:59:59.900000")

    assert (shop.balance("ada", at="2026-03-03 00:00"), shop.membership("ada").next_due_at) == (0, None)
    assert [(line.kind, line.points) for line in shop.entries("ada")] == [("adjust", 10), ("expire", -10)]


def test_two_late_returns_one_after_the_other() -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 1}, since="2026-03-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "10.00", at="2026-03-01 12:00")
    for number in (1, 2):
        shop.redeem("ada", 3, f"rw{number}", at="2026-03-01 13:00")
        shop.order(f"paid{number}", "ada", "0.00", redemptions=[f"rw{number}"], at="2026-03-01 13:00")
    shop.nights("2026-03-03")

    for number in (1, 2):
        shop.give_back(f"r{number}", f"paid{number}", at=f"2026-03-02 2{number}:00", now="2026-03-03 13:00")
    shop.nights("2026-03-10")

    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)


@pytest.mark.parametrize("spent", [1, 2])
def test_what_comes_back_late_and_lives_by_activity(spent: int) -> None:
    """The same where points expire by inactivity: idle since 1 March, they are gone on 2 April."""
    shop = Shop(policy={"expiry": "inactivity", "expiry_count": 1}, since="2026-03-01 00:00")
    shop.member("ada")
    shop.order("start", "ada", "2.00", at="2026-03-01 12:00")
    shop.redeem("ada", spent, "rw", at="2026-03-01 13:00")
    shop.order("paid", "ada", "0.00", redemptions=["rw"], at="2026-03-01 13:00")
    shop.nights("2026-04-02")
    assert shop.balance("ada") == 0

    shop.give_back("r1", "paid", at="2026-04-01 23:00", now="2026-04-02 13:00")
    shop.nights("2026-04-04")

    assert shop.balance("ada") == 0
    shop.order("again", "ada", "5.00", at="2026-04-04 12:00")
    assert shop.balance("ada") == 5


# 14. An order that is reported late counts for today's tiers as one that was reported in time

IN_TIME_OR_LATE = pytest.mark.parametrize("reported", ["in time", "late", "by import"])


def reports(shop: Shop, fact: Any, reported: str, *, now: str) -> None:
    """Report an order when it occurs, or later, or import it later; then it is that later instant."""
    if reported == "in time":
        shop.orders(fact, now=fact.occurred_at)
    shop.nights(now[:10])
    if reported == "late":
        shop.orders(fact, now=now)
    if reported == "by import":
        shop.import_orders(fact, now=now)
    shop.decide_backlog(now=now)


LOWERED = (Rung("bronze", "0"), Rung("gold", "1000", times="2"))


@IN_TIME_OR_LATE
@pytest.mark.parametrize(
    ("zone", "downgrade"),
    [("Europe/Paris", "at_once"), ("America/New_York", "never"), ("Pacific/Auckland", "period_end")],
)
def test_an_order_of_an_earlier_versions_time_counts_for_todays_tiers(zone: str, reported: str, downgrade: str) -> None:
    shop = Shop(
        zone, tiers=LOWERED, scheme={"window": "calendar_year", "downgrade": downgrade}, since="2026-09-01 00:00"
    )
    shop.member("ada")
    shop.publish("2026-10-01 00:00", tiers=(LOWERED[0], Rung("gold", "800", times="2", gift=40)))

    reports(shop, shop.bought("o1", "ada", "900.00", at="2026-09-30 12:00"), reported, now="2026-10-05 12:00")
    tier = shop.tier("ada")
    shop.order("o2", "ada", "10.00", at="2026-10-06 12:00")

    assert (tier, shop.ways("ada")) == ("gold", [("bronze", "gold")])
    assert (shop.gave("ada", "o1"), shop.gave("ada", "o2"), shop.balance("ada")) == (900, 20, 900 + 40 + 20)


@IN_TIME_OR_LATE
def test_an_order_that_is_not_enough_for_todays_tiers_counts_with_the_next_one(reported: str) -> None:
    shop = Shop(tiers=LOWERED, scheme={"window": "calendar_year"}, since="2026-09-01 00:00")
    shop.member("ada")
    shop.publish("2026-10-01 00:00", tiers=(LOWERED[0], Rung("gold", "800", times="2")))

    reports(shop, shop.bought("o1", "ada", "790.00", at="2026-09-30 12:00"), reported, now="2026-10-05 12:00")
    before = shop.tier("ada")
    shop.order("o2", "ada", "10.00", at="2026-10-06 12:00")

    assert (before, shop.tier("ada"), shop.balance("ada")) == ("bronze", "gold", 800)


@IN_TIME_OR_LATE
def test_an_order_of_an_earlier_versions_time_is_not_enough_where_the_tier_was_raised(reported: str) -> None:
    shop = Shop(tiers=LOWERED, scheme={"window": "calendar_year"}, since="2026-09-01 00:00")
    shop.member("ada")
    shop.publish("2026-10-01 00:00", tiers=(LOWERED[0], Rung("gold", "1200", times="2")))

    reports(shop, shop.bought("o1", "ada", "1100.00", at="2026-09-30 12:00"), reported, now="2026-10-05 12:00")
    shop.order("o2", "ada", "10.00", at="2026-10-06 12:00")

    assert (shop.tier("ada"), shop.gave("ada", "o2")) == ("bronze", 10)


YEARLY = (Rung("bronze", "0"), Rung("silver", "500", times="2"))


@IN_TIME_OR_LATE
@pytest.mark.parametrize("meanwhile", ["an order", "nothing"])
@pytest.mark.parametrize(
    ("zone", "downgrade", "tier", "protected"),
    [
        ("Europe/Paris", "period_end", "silver", "2027-12-31"),
        ("Pacific/Auckland", "period_end", "silver", "2027-12-31"),
        ("America/New_York", "never", "silver", None),
        ("Europe/Paris", "at_once", "bronze", None),
    ],
)
def test_what_was_bought_last_year_and_reported_this_year(
    zone: str,
    reported: str,
    meanwhile: str,
    downgrade: str,
    tier: str,
    protected: str | None,
) -> None:
    shop = Shop(
        zone, tiers=YEARLY, scheme={"window": "calendar_year", "downgrade": downgrade}, since="2026-12-01 00:00"
    )
    shop.member("ada")
    if meanwhile == "an order":
        shop.order("o0", "ada", "10.00", at="2026-12-28 12:00")
    fact = shop.bought("o1", "ada", "500.00", at="2026-12-30 12:00")
    if reported == "in time":
        shop.orders(fact)
    if meanwhile == "an order":
        shop.nights("2027-01-03")
        shop.order("o2", "ada", "10.00", at="2027-01-03 12:00")

    if reported != "in time":
        reports(shop, fact, reported, now="2027-01-05 12:00")
    shop.nights("2027-01-08")

    assert (shop.tier("ada"), shop.protected_until("ada")) == (tier, protected)


@IN_TIME_OR_LATE
def test_a_grace_that_an_order_of_last_year_would_have_had(reported: str) -> None:
    scheme = {"window": "calendar_year", "downgrade": "grace", "grace_days": 30}
    shop = Shop(tiers=YEARLY, scheme=scheme, since="2026-12-01 00:00")
    shop.member("ada")

    reports(shop, shop.bought("o1", "ada", "500.00", at="2026-12-30 12:00"), reported, now="2027-01-05 12:00")
    shop.nights("2027-01-06")
    protected = (shop.tier("ada"), shop.protected_until("ada"))
    shop.nights("2027-02-01")

    # Nothing counts from 1 January on: that day and thirty more.
    assert (protected, shop.tier("ada")) == (("silver", "2027-01-31"), "bronze")


# 22. The tier and the points of its own time decide a late order


@pytest.mark.parametrize("nights", ["ran", "did not run"])
@pytest.mark.parametrize(
    ("at", "points"), [("2026-12-31 23:59:59", 20), ("2027-01-01 00:00", 10), ("2026-12-10 11:59:59", 10)]
)
def test_a_late_order_is_multiplied_by_the_tier_of_its_time(nights: str, at: str, points: int) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", times="2"))
    shop = Shop(tiers=tiers, scheme={"window": "calendar_year"}, since="2026-12-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-12-10 12:00")
    if nights == "ran":
        shop.nights("2027-01-05")

    shop.order("late", "ada", "10.00", at=at, now="2027-01-05 12:00")

    assert (shop.gave("ada", "late"), shop.tier("ada")) == (points, "bronze")


@pytest.mark.parametrize("first", ["newest", "oldest"])
@pytest.mark.parametrize("how", ["one by one", "in a batch", "by import"])
def test_orders_in_whatever_order_they_arrive_come_to_the_same(first: str, how: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100"))
    policy = {"expiry": "months", "expiry_count": 1}
    shop = Shop("Pacific/Auckland", "NZD", tiers=tiers, policy=policy, scheme={"window": "calendar_year"})
    shop.member("ada")
    days = ["2026-01-10", "2026-02-05", "2026-02-20"]
    facts = [shop.bought(f"o{day}", "ada", "60.00", at=f"{day} 12:00") for day in days]
    given = list(reversed(facts)) if first == "newest" else facts

    if how == "one by one":
        for fact in given:
            shop.orders(fact, now="2026-02-25 12:00")
    elif how == "in a batch":
        shop.orders(*given, now="2026-02-25 12:00")
    else:
        shop.import_orders(*given, now="2026-02-25 12:00")
    shop.decide_backlog(now="2026-02-25 13:00")

    # What the first order gave expired on 11 February.
    assert (shop.balance("ada"), shop.tier("ada"), shop.ways("ada")) == (120, "silver", [("bronze", "silver")])


# 24. Expired is expired on its day, whenever the night finds it


@ZONES
@pytest.mark.parametrize("how", ["reported late", "imported late", "late night"])
def test_as_of_a_day_points_that_had_expired_then_are_gone(zone: str, how: str) -> None:
    shop = Shop(zone, policy={"expiry": "months", "expiry_count": 1})
    shop.member("ada")
    fact = shop.bought("o1", "ada", "100.00", at="2026-01-10 12:00")  # can be spent through 10 February

    if how == "late night":
        shop.orders(fact)
    elif how == "reported late":
        shop.nights("2026-05-01")
        shop.orders(fact, now="2026-05-01 12:00")
    else:
        shop.nights("2026-05-01")
        shop.import_orders(fact, now="2026-05-01 12:00")
        shop.decide_backlog(now="2026-05-01 13:00")
    shop.nights("2026-05-03")

    days = ("2026-01-10 11:59:59", "2026-01-10 12:00", "2026-02-10 23:59:59", "2026-02-11 00:00", "2026-04-01 12:00")
    assert [shop.as_of("ada", day, Clock.OCCURRED) for day in days] == [0, 100, 100, 0, 0]
    assert (shop.as_of("ada", "2026-05-03 00:00", Clock.RECORDED), shop.balance("ada")) == (0, 0)


def test_as_of_a_day_points_that_had_become_active_then_are_there() -> None:
    shop = Shop(policy={"pending_days": 14})
    shop.member("ada")
    shop.nights("2026-05-01")
    shop.order("o1", "ada", "100.00", at="2026-01-10 12:00", now="2026-05-01 12:00")
    shop.nights("2026-05-03")

    days = ("2026-01-23 23:59:59", "2026-01-24 00:00", "2026-04-01 12:00")
    assert [shop.as_of("ada", day, Clock.OCCURRED) for day in days] == [0, 100, 100]


def test_as_of_a_day_points_that_expired_by_inactivity_are_gone() -> None:
    shop = Shop(policy={"expiry": "inactivity", "expiry_count": 1})
    shop.member("ada")
    shop.nights("2026-05-01")
    for number, at in (("o1", "2026-01-10 12:00"), ("o2", "2026-01-20 12:00")):
        shop.order(number, "ada", "100.00", at=at, now="2026-05-01 12:00")
    shop.nights("2026-05-03")

    days = ("2026-01-15 12:00", "2026-02-20 23:59:59", "2026-02-21 00:00", "2026-04-01 12:00")
    assert [shop.as_of("ada", day, Clock.OCCURRED) for day in days] == [100, 200, 0, 0]


PERIODS = {"window": "rolling", "window_months": 1, "downgrade": "period_end"}
RUNGS = (Rung("bronze", "0"), Rung("silver", "60"))


@pytest.mark.parametrize("reported", ["in time", "late"])
def test_a_late_order_sets_the_day_to_which_a_tier_is_protected(reported: str) -> None:
    shop = Shop(tiers=RUNGS, scheme=PERIODS)
    shop.member("ada")
    if reported == "in time":
        shop.order("o1", "ada", "60", at="2026-02-05 12:00")
    shop.order("o2", "ada", "60", at="2026-02-10 12:00")
    if reported == "late":
        shop.order("o1", "ada", "60", at="2026-02-05 12:00", now="2026-02-12 12:00")
    found = [shop.protected_until("ada")]
    for day in ("2026-03-05", "2026-03-10"):
        shop.nights(day)
        found.append(shop.protected_until("ada"))

    assert found == ["2026-03-04", "2026-04-04", "2026-04-04"]


@pytest.mark.parametrize("reported", ["in time", "late"])
def test_a_late_order_tells_which_period_a_tier_was_kept_for(reported: str) -> None:
    shop = Shop(tiers=RUNGS, scheme=PERIODS)
    shop.member("ada")
    if reported == "in time":
        shop.order("o1", "ada", "60", at="2026-01-20 12:00")
    shop.order("o2", "ada", "60", at="2026-02-10 12:00")
    shop.nights("2026-03-20")
    if reported == "late":
        shop.order("o1", "ada", "60", at="2026-01-20 12:00", now="2026-03-20 12:00")

    assert shop.tier("ada", at="2026-03-20 13:00") == "bronze"


FALLS = ({"downgrade": "never"}, {"downgrade": "period_end"}, {"downgrade": "grace", "grace_days": 30})


@pytest.mark.parametrize("fall", FALLS, ids=lambda fall: str(fall["downgrade"]))
@pytest.mark.parametrize("late_at", ["2026-03-03 12:00", "2026-03-02 12:00", "2026-03-02 08:00", "2026-03-01 12:00"])
@pytest.mark.parametrize("reported", ["in time", "late"])
def test_a_late_order_takes_no_tier_that_was_earned_on_the_day_of_a_start_and_before_it(
    reported: str, late_at: str, fall: dict[str, Any]
) -> None:
    silver = Rung("silver", "60", gift=5)
    shop = Shop(tiers=(RUNGS[0], silver), scheme={"window": "calendar_year", **fall})
    shop.member("ada")
    shop.publish("2026-03-02 10:00", tiers=(RUNGS[0], replace(silver, threshold="120")))
    orders = [("o1", "60", "2026-03-02 09:00"), ("o2", "1", late_at)]
    for number, amount, at in sorted(orders, key=lambda order: order[2]) if reported == "in time" else orders[:1]:
        shop.order(number, "ada", amount, at=at)
    shop.nights("2026-03-04")
    if reported == "late":
        shop.order("o2", "ada", "1", at=late_at, now="2026-03-05 12:00")
    found = (shop.tier("ada"), shop.balance("ada"), shop.protected_until("ada"))

    shop.order("o3", "ada", "100", at="2026-03-06 12:00")

    keeps = {"never": None, "period_end": "2026-12-31", "grace": "2026-04-01"}[str(fall["downgrade"])]
    assert found == ("silver", 66, keeps)
    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", 166)


def test_a_late_order_raises_nobody_by_days_of_two_who_were_not_one_then() -> None:
    shop = Shop(tiers=RUNGS, scheme={"window": "calendar_year", "downgrade": "never"}, since="2025-06-01 00:00")
    for name in ("ada", "bob"):
        shop.member(name)
        shop.order(f"o{name}", name, "40", at="2025-12-20 12:00")
    shop.nights("2026-01-02")
    shop.merge("bob", "ada", at="2026-01-02 12:00")

    shop.order("o3", "ada", "1", at="2026-01-01 12:00", now="2026-01-03 12:00")

    assert shop.tier("ada") == "bronze"


@pytest.mark.parametrize(
    ("scheme", "first", "second", "until"),
    [
        ({"window": "rolling", "window_months": 1, "downgrade": "at_once"}, "2026-01-01", "2026-01-20", "2026-02-03"),
        ({"window": "calendar_year", "downgrade": "period_end"}, "2025-12-10", "2026-01-20", "2027-01-03"),
    ],
    ids=["at_once", "period_end"],
)
@pytest.mark.parametrize("way", ["in_time", "late", "corrected"])
def test_a_tier_that_was_held_all_along_as_is_told_late_gives_no_second_gift(
    scheme: dict[str, Any], first: str, second: str, until: str, way: str
) -> None:
    """It was lost by night; an order of before, told since, says that it never should have been: it is no entry to have it."""
    tiers = (Rung("bronze", "0"), Rung("silver", "60", gift=5))
    shop = Shop(tiers=tiers, scheme={"basis": "spend"} | scheme, since="2025-12-01 00:00")
    shop.member("ada")
    shop.order("a", "ada", "60.00", at=f"{first} 12:00")
    if way != "late":
        shop.order("b", "ada", "60.00" if way == "in_time" else "10.00", at=f"{second} 12:00")
    shop.nights(until)

    if way == "late":
        shop.order("b", "ada", "60.00", at=f"{second} 12:00", now=f"{until} 12:00")
    if way == "corrected":
        shop.correct("b", "ada", "60.00", at=f"{second} 12:00", now=f"{until} 12:00")

    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", 60 + 60 + 5)
    assert prove().differences == []


@pytest.mark.parametrize("way", ["returned", "corrected", "in_one_batch"])
def test_a_tier_that_was_held_all_along_but_by_others_gives_the_gift_that_was_taken_back(way: str) -> None:
    """By night silver was lost, then its order came back with the gift: what is told since is the entry that there would be."""
    tiers = (Rung("bronze", "0"), Rung("silver", "60", gift=5))
    scheme = {"basis": "spend", "window": "calendar_year", "downgrade": "period_end"}
    shop = Shop(tiers=tiers, scheme=scheme, since="2025-12-01 00:00")
    shop.member("ada")
    shop.order("a", "ada", "60.00", at="2025-12-10 12:00")
    shop.nights("2027-01-03")
    if way == "corrected":
        shop.correct("a", "ada", "10.00", at="2025-12-10 12:00", now="2027-01-03 12:00")
    else:
        shop.give_back("of-a", "a", at="2027-01-03 12:00")
    without = shop.balance("ada")
    late = [
        shop.bought("b", "ada", "60.00", at="2025-12-12 12:00"),
        shop.bought("c", "ada", "60.00", at="2026-01-20 12:00"),
    ]

    for facts in [late] if way == "in_one_batch" else [[late[0]], [late[1]]]:
        shop.orders(*facts, now="2027-01-03 13:00")

    assert without == (10 if way == "corrected" else 0)
    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", without + 60 + 60 + 5)
    assert prove().differences == []
