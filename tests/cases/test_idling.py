"""Points that expire on inactivity, and facts that are told late: the order of telling must not matter."""

from itertools import permutations

import pytest

from loyalty.points.statement import Clock
from tests.cases.shop import Shop

pytestmark = pytest.mark.django_db

IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}
NOW = "2026-03-05 13:00"


@pytest.mark.parametrize("told", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("orders", "balance"),
    [
        ([("100", "2026-02-01 12:00"), ("10", "2026-02-25 12:00"), ("10", "2026-03-05 12:00")], 120),
        ([("100", "2026-01-15 12:00"), ("7", "2026-01-20 12:00"), ("10", "2026-03-05 12:00")], 10),
        ([("100", "2026-01-01 12:00"), ("20", "2026-02-10 12:00"), ("3", "2026-03-04 12:00")], 23),
    ],
    ids=["no gap", "a gap before the last", "a gap after the first"],
)
def test_points_end_with_the_first_gap_in_whatever_order_it_is_told(
    told: tuple[int, ...], orders: list[tuple[str, str]], balance: int
) -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")

    for place in told:
        amount, at = orders[place]
        shop.order(f"o{place}", "a", amount, at=at, now=NOW)

    assert shop.balance("a") == balance


def test_points_that_ended_are_reinstated_though_a_newer_order_was_decided_in_its_time() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.order("o3", "a", "10", at="2026-03-05 12:00")

    shop.order("o2", "a", "10", at="2026-02-25 12:00", now=NOW)

    assert shop.balance("a") == 120


def test_points_of_a_late_order_ended_before_a_newer_one() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o3", "a", "10", at="2026-03-05 12:00")

    shop.order("o2", "a", "100", at="2026-01-15 12:00", now=NOW)

    assert shop.balance("a") == 10


@pytest.mark.parametrize("told", list(permutations(range(3))))
def test_as_of_a_day_points_are_there_until_their_gap_in_whatever_order_it_is_told(told: tuple[int, ...]) -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.nights("2026-05-01")
    orders = [("100", "2026-01-10 12:00"), ("20", "2026-02-05 12:00"), ("3", "2026-03-01 12:00")]

    for place in told:
        amount, at = orders[place]
        shop.order(f"o{place}", "a", amount, at=at, now="2026-05-01 12:00")
    shop.nights("2026-05-03")

    days = ("2026-02-04 12:00", "2026-02-15 12:00", "2026-03-15 12:00", "2026-04-01 23:59", "2026-04-02 00:00")
    assert [shop.as_of("a", day, Clock.OCCURRED) for day in days] == [100, 120, 123, 123, 0]
    assert shop.balance("a") == 0


def test_what_ended_with_a_gap_comes_back_as_expired_whatever_was_done_since() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-10 12:00")
    shop.redeem("a", 40, "r1", at="2026-01-11 12:00")
    shop.order("o2", "a", "10", at="2026-03-05 12:00")

    shop.reverse("a", "r1", at="2026-03-06 12:00")

    assert shop.balance("a") == 10


def test_what_a_hold_kept_over_a_gap_comes_back_as_expired() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-10 12:00")
    shop.hold("a", 40, "h1", at="2026-01-11 12:00", minutes=60 * 24 * 90)
    shop.order("o2", "a", "10", at="2026-03-05 12:00")

    shop.release("a", "h1", at="2026-03-06 12:00")

    assert shop.balance("a") == 10


def test_what_staff_take_keeps_no_points() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-10 12:00")
    shop.redeem("a", 40, "r1", at="2026-01-11 12:00")
    shop.adjust("a", -5, "a1", at="2026-02-05 12:00")
    shop.order("o2", "a", "10", at="2026-03-01 12:00")

    shop.reverse("a", "r1", at="2026-03-02 12:00")

    assert shop.balance("a") == 10
