"""Points that expire on inactivity, and facts that are told late: the order of telling must not matter."""

from datetime import date
from itertools import permutations

import pytest

from customers.facts import InteractionFact
from loyalty.activity.intake import take_interactions
from loyalty.activity.models import SetAside
from loyalty.activity.nightly import run_nights
from loyalty.points.proof import prove
from loyalty.points.statement import Clock
from loyalty.tiers.models import Tier
from tests import make
from tests.cases.shop import NEGATIVE, Rule, Rung, Shop

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


def test_all_that_ended_comes_back_though_some_of_it_was_earned_before_what_was_told_first() -> None:
    """Two orders of one morning, the earlier one told after the later one: they are of one time without a gap."""
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.order("o0", "a", "20", at="2026-02-01 03:00", now="2026-02-01 12:01")
    shop.hears_nothing_until("2026-03-05 12:00")
    assert shop.balance("a") == 0

    shop.order("o2", "a", "3", at="2026-02-25 12:00", now=NOW)

    assert shop.balance("a") == 123
    assert prove().differences == []


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


# Points end with the span in which they were earned, whatever their member has done since

UNDONE = ["redemption", "hold", "paid order"]


@pytest.mark.parametrize("undone", UNDONE)
def test_what_ended_with_a_gap_comes_back_as_expired(undone: str) -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    if undone == "hold":
        shop.hold("a", 40, "r1", at="2026-01-10 12:00", minutes=100_000)
    else:
        shop.redeem("a", 40, "r1", at="2026-01-10 12:00")
    if undone == "paid order":
        shop.order("o2", "a", "40", at="2026-01-10 12:01", paid_with="40", redemptions=["r1"])
    shop.nights("2026-02-12")
    assert shop.balance("a") == 0
    shop.order("o3", "a", "10", at="2026-03-01 12:00")

    if undone == "hold":
        shop.release("a", "r1", at="2026-03-02 12:00")
    elif undone == "redemption":
        shop.reverse("a", "r1", at="2026-03-02 12:00")
    else:
        shop.give_back("b2", "o2", at="2026-03-02 12:00")

    assert shop.balance("a") == 10


def test_what_a_late_fact_keeps_alive_comes_back_alive() -> None:
    shop = Shop(rules=[Rule(), VISIT], policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.redeem("a", 40, "r1", at="2026-01-10 12:00")
    shop.order("o3", "a", "10", at="2026-03-01 12:00")
    assert shop.balance("a") == 10

    shop.visit("v1", "a", at="2026-02-05 12:00", now="2026-03-02 12:00")
    shop.reverse("a", "r1", at="2026-03-02 13:00")

    assert (shop.balance("a"), shop.usable_through("a")) == (117, [("2026-04-01", 117)])


def test_what_a_return_gives_back_to_points_that_ended_is_expired() -> None:
    large_or_small = {"any": [{"field": "order_amount", "from": "55.00"}, {"field": "order_amount", "to": "25.00"}]}
    band = Rule(points="100", code="band", kind="per_order", condition=large_or_small)
    shop = Shop(rules=[band, VISIT], policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "20", "20", "20", at="2026-01-05 12:00")
    shop.give_back("b1", "o1", at="2026-01-06 12:00", lines=[(3, "1")])
    shop.visit("v1", "a", at="2026-03-01 12:00")

    shop.give_back("b2", "o1", at="2026-03-02 12:00", lines=[(2, "1")])

    assert shop.balance("a") == 7


def test_what_comes_back_knows_what_the_nights_before_it_gave() -> None:
    anniversary = Rule(code="anniversary", kind="anniversary", points="7")
    shop = Shop(rules=[Rule(), anniversary], policy=IDLE, since="2025-01-01 00:00")
    shop.member("a", since="2025-02-03 12:00")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.redeem("a", 100, "r1", at="2026-01-10 12:00")

    shop.reverse("a", "r1", at="2026-02-20 12:00")  # no night has been since

    assert (shop.balance("a"), shop.usable_through("a")) == (107, [("2026-03-03", 107)])


def test_what_staff_take_keeps_no_points() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-10 12:00")
    shop.redeem("a", 40, "r1", at="2026-01-11 12:00")
    shop.adjust("a", -5, "a1", at="2026-02-05 12:00")
    shop.order("o2", "a", "10", at="2026-03-01 12:00")

    shop.reverse("a", "r1", at="2026-03-02 12:00")

    assert shop.balance("a") == 10


# An event of the order is nothing that its member does: what awaits it ends with the span in which it was earned

AWAITING = {**IDLE, "pending_event": "delivered"}


@pytest.mark.parametrize("told", ["2026-07-28 12:00", "2026-09-10 12:00"], ids=["in time", "late"])
def test_what_is_delivered_ends_with_the_gap_whenever_that_is_told(told: str) -> None:
    shop = Shop(policy=AWAITING)
    shop.member("a")
    shop.order("o1", "a", "133", at="2026-07-13 12:00")
    if told == "2026-07-28 12:00":
        shop.deliver("o1", at="2026-07-28 12:00", now=told)
    shop.order("o2", "a", "10", at="2026-08-25 12:00")
    shop.nights("2026-09-10")
    if told != "2026-07-28 12:00":
        shop.deliver("o1", at="2026-07-28 12:00", now=told)

    assert (shop.balance("a"), shop.pending("a")) == (0, 10)
    assert shop.as_of("a", "2026-08-13 12:00", Clock.OCCURRED) == 133
    assert shop.as_of("a", "2026-08-14 12:00", Clock.OCCURRED) == 0


def test_a_late_order_after_a_late_delivery_is_decided() -> None:
    shop = Shop(policy=AWAITING)
    shop.member("a")
    shop.order("o1", "a", "133", at="2026-07-13 12:00")
    shop.order("o2", "a", "10", at="2026-08-25 12:00")
    shop.nights("2026-10-29")
    shop.deliver("o1", at="2026-07-28 12:00", now="2026-10-29 12:00")

    shop.order("o3", "a", "5", at="2026-08-01 12:00", now="2026-10-29 13:00")

    assert shop.balance("a") == 0
    # Its member was active from 13 July to 25 September.
    assert shop.as_of("a", "2026-09-24 12:00", Clock.OCCURRED) == 133
    assert shop.as_of("a", "2026-09-26 00:00", Clock.OCCURRED) == 0


def test_what_becomes_active_after_its_member_was_idle_for_too_long_expires_at_once() -> None:
    shop = Shop(policy=AWAITING)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.nights("2026-04-01")
    assert shop.pending("a") == 100

    shop.deliver("o1", at="2026-04-01 12:00")

    assert (shop.balance("a"), shop.pending("a")) == (0, 0)
    assert shop.kinds("a") == ["earn", "activate", "expire"]


def test_days_of_waiting_over_the_end_of_a_span_do_not_join_another() -> None:
    shop = Shop(policy={**IDLE, "pending_days": 60})
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "a", "10", at="2026-03-01 12:00")

    shop.nights("2026-03-06")

    assert (shop.balance("a"), shop.pending("a")) == (0, 10)


# Each thing that a member does keeps points by the terms and the tier of its own time

BASE = [Rung("base", "0", longer=2)]


def test_a_redemption_keeps_points_for_the_months_of_the_tier_too() -> None:
    shop = Shop(tiers=BASE, policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    assert shop.usable_through("a") == [("2026-04-05", 100)]

    shop.redeem("a", 10, "r1", at="2026-03-20 12:00")

    assert shop.usable_through("a") == [("2026-06-20", 90)]


def test_a_hold_and_an_adjustment_keep_points_for_the_months_of_the_tier_too() -> None:
    shop = Shop(tiers=BASE, policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")

    shop.hold("a", 10, "h1", at="2026-03-20 12:00")
    assert shop.usable_through("a") == [("2026-06-20", 90)]
    shop.adjust("a", 5, "a1", at="2026-04-20 12:00")

    assert shop.usable_through("a") == [("2026-07-20", 95)]


@pytest.mark.parametrize("way", ["reported", "imported"])
def test_a_late_order_keeps_its_points_for_the_months_of_the_tier_too(way: str) -> None:
    shop = Shop(tiers=BASE, policy=IDLE)
    shop.member("a")
    shop.nights("2026-02-20")

    order = shop.bought("o1", "a", "100", at="2026-01-05 12:00")
    if way == "reported":
        shop.orders(order, now="2026-02-20 12:00")
    else:
        shop.import_orders(order, now="2026-02-20 12:00")
        shop.decide_backlog(now="2026-02-20 12:00")

    assert (shop.balance("a"), shop.usable_through("a")) == (100, [("2026-04-05", 100)])


def test_a_late_visit_keeps_points_for_the_months_of_the_tier_too() -> None:
    shop = Shop(rules=[Rule(), VISIT], tiers=BASE, policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.nights("2026-04-10")
    assert shop.balance("a") == 0

    shop.visit("v1", "a", at="2026-02-01 12:00", now="2026-04-10 12:00")

    assert shop.as_of("a", "2026-02-20 12:00", Clock.OCCURRED) == 107
    assert (shop.balance("a"), shop.usable_through("a")) == (107, [("2026-05-01", 107)])


@pytest.mark.parametrize("told", list(permutations(range(4))))
def test_late_visits_of_a_tier_that_lets_points_live_longer_are_told_in_any_order(told: tuple[int, ...]) -> None:
    shop = Shop(rules=[Rule(), VISIT], tiers=BASE, policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.nights("2026-06-10")

    days = ("02-01", "02-20", "01-20", "03-10")
    for place in told:
        shop.visit(f"v{place}", "a", at=f"2026-{days[place]} 12:00", now="2026-06-10 12:00")

    assert shop.as_of("a", "2026-02-25 12:00", Clock.OCCURRED) == 121
    assert shop.as_of("a", "2026-06-09 12:00", Clock.OCCURRED) == 128
    assert (shop.balance("a"), shop.usable_through("a")) == (128, [("2026-06-10", 128)])


# A version under which points do not expire on inactivity


OTHERWISE = [{"expiry": "never", "expiry_count": 0}, {"expiry": "days", "expiry_count": 500}]


@pytest.mark.parametrize("policy", OTHERWISE, ids=["never", "after days"])
def test_points_of_an_active_member_go_on_by_the_terms_before(policy: dict[str, object]) -> None:
    shop = Shop(policy={**IDLE, "expiry_count": 2})
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")

    shop.publish("2026-02-01 00:00", policy=policy, now="2026-01-20 00:00")
    shop.order("o2", "a", "10", at="2026-02-10 12:00")
    shop.order("o3", "a", "10", at="2026-03-01 12:00")
    shop.nights("2026-03-10")

    assert shop.balance("a") == 120
    shop.nights("2026-05-02")  # idle for more than two months since 1 March
    assert shop.balance("a") == 20


def test_points_of_an_active_member_go_on_whenever_it_is_told_that_it_was() -> None:
    shop = Shop(policy={**IDLE, "expiry_count": 2})
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.publish("2026-02-01 00:00", policy={"expiry": "never", "expiry_count": 0}, now="2026-01-20 00:00")
    shop.nights("2026-03-20")
    assert shop.balance("a") == 0

    shop.order("o2", "a", "10", at="2026-02-10 12:00", now="2026-03-20 12:00")

    assert shop.balance("a") == 110


# By the recorded clock a past day reads as it read then


def test_as_of_a_day_by_the_recorded_clock_what_was_told_later_is_not_known() -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.nights("2026-02-10")
    shop.order("o2", "a", "10", at="2026-02-01 12:00", now="2026-02-15 12:00")
    assert shop.balance("a") == 110

    assert shop.as_of("a", "2026-02-10 12:00", Clock.OCCURRED) == 110
    assert shop.as_of("a", "2026-02-10 12:00", Clock.RECORDED) == 0


@pytest.mark.parametrize("clock", list(Clock))
def test_as_of_a_day_points_have_ended_though_the_night_was_late(clock: Clock) -> None:
    shop = Shop(policy=IDLE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "a", "10", at="2026-03-01 12:00")

    days = ("2026-02-05 12:00", "2026-02-10 12:00", "2026-03-01 12:00")
    assert [shop.as_of("a", day, clock) for day in days] == [100, 0, 10]


@pytest.mark.parametrize("days", [0, 3])
def test_as_of_a_day_by_the_recorded_clock_points_waited_until_their_event_was_told(days: int) -> None:
    shop = Shop(policy={"pending_days": days, "pending_event": "delivered"})
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-03-01 12:00")
    shop.deliver("o1", at="2026-03-05 12:00", now="2026-03-09 12:00")

    assert shop.as_of("a", "2026-03-08 12:00", Clock.OCCURRED) == 100
    assert shop.as_of("a", "2026-03-08 12:00", Clock.RECORDED) == 0
    assert [shop.as_of("a", "2026-03-09 12:00", clock) for clock in Clock] == [100, 100]


def test_points_that_are_reinstated_repay_what_is_owed_by_then() -> None:
    shop = Shop(policy={**IDLE, **NEGATIVE}, rules=(Rule(), VISIT))
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.order("o2", "a", "20", at="2026-03-05 12:00")
    shop.redeem("a", 20, "r", at="2026-03-05 13:00")
    shop.give_back("r2", "o2", at="2026-03-05 14:00")
    assert (shop.balance("a"), shop.owed("a")) == (0, 20)

    shop.visit("v", "a", at="2026-02-25 12:00", now="2026-03-05 15:00")

    assert (shop.balance("a"), shop.owed("a")) == (87, 0)
    assert prove().differences == []


@pytest.mark.parametrize("second", ["10:00:00.600", "10:00:00.900"])
def test_two_late_visits_of_one_second_each_keep_points_by_the_tier_of_their_instant(second: str) -> None:
    draft = make.version(
        rules=(make.Rule(code="visit", kind="per_interaction", interaction="visit"), make.Rule(categories=("none",))),
        tiers=(("base", "0", "1"), ("gold", "50", "1")),
        points={"expiry": "inactivity", "expiry_count": 1},
        scheme={"basis": "spend", "window": "lifetime"},
    )
    Tier.objects.filter(version=draft, code="gold").update(extra_months=2)
    ada = make.member(make.published(draft))
    make.given(ada, 10, make.on("2026-01-10T10:00"))  # through 10 February
    make.buys(ada, "50.00", at=make.on("2026-02-05T10:00:00.500"))  # earns nothing, and makes her gold
    run_nights(ada.program, until=date(2026, 4, 1), now=make.on("2026-04-01T03:00"))

    for number, instant in enumerate(("10:00:00.100", second)):  # through 5 March, and then through 5 May
        visit = InteractionFact(f"v{number}", ada.customer.external_id, "visit", make.on(f"2026-02-05T{instant}"))
        (answer,) = take_interactions(ada.program.retailer, [visit], now=make.on("2026-04-02T10:00"))
        assert answer.outcome.error is None

    days = ("2026-04-02T10:00", "2026-05-05T23:59", "2026-05-06T00:00")
    assert [make.spendable(ada, make.on(day)) for day in days] == [12, 12, 0]
