"""A birth date that is told late winds a member's clock, and changes nothing else of what time does."""

import pytest

from loyalty.activity.account.leaving import leave
from loyalty.points.models import Entry
from tests.cases.shop import Change, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

BASE = Rule()
BIRTHDAY = Rule(points="5", code="b", kind="birthday")
ANNIVERSARY = Rule(points="3", code="y", kind="anniversary")
BY_BALANCE = {"basis": "balance", "downgrade": "at_once"}
FIVE_DAYS = {"pending_days": 0, "expiry": "days", "expiry_count": 5}


def tell_birth_date(shop: Shop, born: str, *, at: str, decided: str | None = None) -> None:
    """Let a file say when Ada was born, and let a worker decide it."""
    shop.import_csv("customers", f"external_id,birth_date\nada,{born}\n", now=at)
    shop.decide_backlog(now=decided or at)


def test_a_night_that_was_missed_is_lived_before_a_birth_date_that_is_told() -> None:
    shop = Shop(rules=[BASE, BIRTHDAY, ANNIVERSARY], since="2025-01-01 00:00")
    shop.member("ada", since="2025-03-05 10:00")
    shop.nights("2026-03-01")

    tell_birth_date(shop, "1990-07-01", at="2026-03-10 12:00", decided="2026-03-10 12:01")

    assert shop.balance("ada") == 3  # of the 5th
    shop.nights("2026-07-02")
    assert shop.balance("ada") == 8


def test_a_tier_that_ended_at_midnight_ends_then_although_a_birth_date_is_told() -> None:
    rolling = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    shop = Shop(tiers=[Rung("silver", "100", times="2")], scheme=rolling)
    shop.member("ada")
    shop.order("first", "ada", "100", at="2026-03-05 12:00")
    shop.nights("2026-04-04")

    tell_birth_date(shop, "1990-07-01", at="2026-04-05 00:00", decided="2026-04-05 00:00:30")

    assert shop.changes("ada")[-1] == Change("silver", None, "2026-04-05 00:00")
    shop.order("second", "ada", "10", at="2026-04-05 09:00")
    assert shop.balance("ada") == 110


def test_a_period_and_points_end_on_their_own_days_although_a_birth_date_is_told() -> None:
    yearly = {"window": "calendar_year", "downgrade": "period_end"}
    shop = Shop(tiers=[Rung("silver", "100")], scheme=yearly, policy=FIVE_DAYS, since="2024-01-01 00:00")
    shop.member("ada")
    shop.order("first", "ada", "100", at="2024-12-29 12:00")
    shop.order("second", "ada", "10", at="2025-12-29 12:00")
    shop.nights("2025-12-31")

    tell_birth_date(shop, "1990-07-01", at="2026-01-05 12:00", decided="2026-01-05 12:00:30")

    assert shop.changes("ada")[-1] == Change("silver", None, "2026-01-01 00:00")
    ended = Entry.objects.filter(wallet=shop.wallet("ada"), kind="expire").order_by("occurred_at")
    assert [shop.said(each.occurred_at) for each in ended] == ["2025-01-04 00:00", "2026-01-04 00:00"]


def test_a_birth_date_that_is_told_by_day_lets_nobody_rise_before_the_night() -> None:
    shop = Shop(tiers=[Rung("silver", "100")], scheme=BY_BALANCE, policy=FIVE_DAYS)
    shop.member("ada")
    shop.order("first", "ada", "100", at="2026-03-05 12:00")
    shop.nights("2026-03-11")
    shop.adjust("ada", 500, "x", at="2026-03-11 10:00")

    tell_birth_date(shop, "1990-07-01", at="2026-03-11 11:00")
    tell_birth_date(shop, "1990-07-02", at="2026-03-11 11:30")

    assert shop.tier("ada") is None
    shop.nights("2026-03-12")
    assert shop.changes("ada")[-1] == Change(None, "silver", "2026-03-12 00:00")


def test_a_birthday_that_is_told_on_its_own_morning_is_given_once() -> None:
    shop = Shop(rules=[BASE, BIRTHDAY], tiers=[Rung("silver", "5")], scheme={"basis": "points"})
    shop.member("ada")
    shop.nights("2026-03-10")

    tell_birth_date(shop, "1990-03-10", at="2026-03-10 08:00", decided="2026-03-10 08:01")

    assert (shop.balance("ada"), shop.tier("ada")) == (5, "silver")
    tell_birth_date(shop, "1991-03-10", at="2026-03-10 09:00")
    shop.nights("2026-03-12")
    assert shop.balance("ada") == 5
    shop.nights("2027-03-10")
    assert shop.balance("ada") == 10


def test_a_birthday_that_is_told_on_its_evening_is_given_after_the_night_too() -> None:
    shop = Shop(rules=[BASE, BIRTHDAY])
    shop.member("ada")
    shop.nights("2026-03-10")

    tell_birth_date(shop, "1990-03-10", at="2026-03-10 23:59", decided="2026-03-11 00:10")

    assert shop.balance("ada") == 5


@pytest.mark.parametrize(
    ("told", "night", "decided"),
    [
        ("2026-03-09 23:59:30", "2026-03-10", "2026-03-10 00:00:30"),  # the minute before its day
        ("2026-03-09 23:59:30", "2026-03-12", "2026-03-12 09:00"),  # the worker slept
        ("2026-03-10 23:59:30", "2026-03-11", "2026-03-11 00:00:30"),  # the last minute of its day
        ("2026-03-10 09:00", "2026-03-14", "2026-03-14 09:00"),
    ],
)
def test_a_birthday_between_telling_and_deciding_is_given_though_nights_have_been(
    told: str, night: str, decided: str
) -> None:
    shop = Shop(rules=[BASE, BIRTHDAY], tiers=[Rung("silver", "5")], scheme={"basis": "points"}, policy=FIVE_DAYS)
    shop.member("ada")
    shop.import_csv("customers", "external_id,birth_date\nada,1990-03-10\n", now=told)
    shop.nights(night)

    shop.decide_backlog(now=decided)

    assert (shop.balance("ada"), shop.tier("ada")) == (5, "silver")
    assert shop.usable_through("ada") == [("2026-03-15", 5)]
    shop.nights("2027-03-09")
    assert shop.balance("ada") == 0
    shop.nights("2027-03-10")
    assert shop.balance("ada") == 5


def test_a_birthday_before_it_was_told_is_not_given() -> None:
    shop = Shop(rules=[BASE, BIRTHDAY])
    shop.member("ada")
    shop.import_csv("customers", "external_id,birth_date\nada,1990-03-10\n", now="2026-03-11 00:00:30")
    shop.nights("2026-03-12")

    shop.decide_backlog(now="2026-03-12 09:00")

    assert shop.balance("ada") == 0


def test_nobody_who_left_or_never_joined_is_given_a_birthday() -> None:
    shop = Shop(rules=[BASE, BIRTHDAY])
    shop.member("ada")
    shop.import_csv("customers", "external_id,birth_date\nada,1990-03-10\n", now="2026-03-10 08:00")
    leave(shop.membership("ada"), now=shop.at("2026-03-10 08:01"))

    shop.decide_backlog(now="2026-03-10 08:02")

    assert shop.balance("ada") == 0


@pytest.mark.parametrize("born", ["1990-03-10", "1990-03-20"], ids=["the same day", "another day"])
def test_two_who_turn_out_to_be_one_have_one_birthday_a_year(born: str) -> None:
    shop = Shop(rules=[BASE, BIRTHDAY])
    shop.member("ada")
    shop.member("bob")
    shop.import_csv("customers", f"external_id,birth_date\nada,1990-03-10\nbob,{born}\n", now="2026-03-01 12:00")
    shop.decide_backlog(now="2026-03-01 12:00")
    shop.nights("2026-03-11")
    of_both = shop.balance("ada") + shop.balance("bob")

    shop.merge("ada", "bob", at="2026-03-12 12:00")
    shop.nights("2026-03-25")

    assert shop.balance("bob") == of_both
    shop.nights("2027-03-25")
    assert shop.balance("bob") == of_both + 5
