"""Points that expire on inactivity, and facts that are told late: the order of telling must not matter."""

from itertools import permutations

import pytest

from loyalty.activity.models import SetAside
from loyalty.points.statement import Clock
from tests.cases.shop import Rule, Rung, Shop

pytestmark = pytest.mark.django_db

IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}
NOW = "2026-03-05 13:00"
VISIT = Rule(code="visit", kind="per_interaction", interaction="visit", points="7")


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


DOWN = [
    {"downgrade": "at_once"},
    {"downgrade": "at_once", "soft_landing": True},
    {"downgrade": "grace", "grace_days": 8},
]


@pytest.mark.parametrize("scheme", DOWN, ids=["at once", "step by step", "after a grace"])
@pytest.mark.parametrize("late", ["visit", "order"])
def test_a_late_fact_lets_no_night_be_lived_again(scheme: dict[str, object], late: str) -> None:
    shop = Shop(
        rules=[Rule(), VISIT],
        tiers=[Rung("silver", "100", gift=50), Rung("gold", "300")],
        policy=IDLE,
        scheme={"window": "rolling", "window_months": 2, **scheme},
    )
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.nights("2026-04-20")
    assert shop.ways("a") == [(None, "silver"), ("silver", None)]

    if late == "visit":
        shop.visit("v1", "a", at="2026-02-10 12:00", now="2026-04-20 12:00")
    else:
        shop.order("o2", "a", "5", at="2026-02-10 12:00", now="2026-04-20 12:00")

    due_at = shop.membership("a").next_due_at
    assert due_at is None or due_at > shop.at("2026-04-20 12:00")
    shop.nights("2026-04-21")
    assert SetAside.objects.count() == 0
    assert (shop.ways("a"), shop.balance("a")) == ([(None, "silver"), ("silver", None)], 0)
    shop.order("o3", "a", "10", at="2026-04-21 13:00")
    assert shop.balance("a") == 10


def test_a_tier_that_late_facts_gave_and_that_ended_is_entered_once() -> None:
    shop = Shop(
        rules=[Rule()],
        tiers=[Rung("silver", "100"), Rung("gold", "200")],
        policy=IDLE,
        scheme={"window": "rolling", "window_months": 5, "downgrade": "grace", "grace_days": 8, "basis": "points"},
    )
    shop.member("a")
    shop.nights("2026-12-27")

    for number, (day, amount) in enumerate(
        [("02-19", "102"), ("03-13", "271"), ("04-02", "71"), ("06-13", "266")], start=1
    ):
        shop.order(f"o{number}", "a", amount, at=f"2026-{day} 12:00", now="2026-12-27 23:00")

    assert shop.tier("a") is None


def test_points_that_end_as_a_version_begins_expire_in_its_night() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-15 12:00")

    shop.publish("2026-02-16 00:00", now="2026-01-20 00:00")
    shop.nights("2026-02-16")

    assert ("expire", -100) in [(line.kind, line.points) for line in shop.entries("a")]
