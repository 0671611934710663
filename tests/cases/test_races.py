"""Two things at the same moment come to what one after the other would, wherever they meet."""

from collections.abc import Callable
from typing import Any

import pytest

from analytics import statistics
from customers.core.errors import DomainError
from loyalty.activity.account.session import InsufficientPoints
from loyalty.memberships.households import InAnotherHousehold
from tests.cases.interleaving import Met, Work, Worker, every_meeting
from tests.cases.shop import Rule, Rung, Shop

pytestmark = pytest.mark.usefixtures("committed_db")

BOTH_WAYS = pytest.mark.parametrize("turn", ["", "turned round"])
World = tuple[Work, Work, Callable[[Met], object]]


def turned(world: World, turn: str) -> World:
    """Return two works, the second one as the one that is stopped where they are turned round."""
    first, second, check = world
    return (second, first, check) if turn else world


def refused(work: Work, *refusals: type[DomainError]) -> bool:
    """Do something and tell whether it was refused."""
    try:
        work()
    except refusals:
        return True
    return False


def results(met: Met) -> list[object]:
    return sorted([met.first.result, met.second.result], key=str)


# Order and order


@pytest.mark.parametrize(
    ("zone", "amount", "welcome", "gift", "times", "balance"),
    [
        # The first of them: 120 + 500 + 50; the second on silver: 240.
        ("Europe/Paris", "120.00", 500, 50, "2", 910),
        ("Pacific/Auckland", "100.00", 30, 7, "3", 100 + 30 + 7 + 300),
    ],
)
def test_two_first_orders_of_a_new_member_are_a_first_and_a_second_one(
    zone: str, amount: str, welcome: int, gift: int, times: str, balance: int
) -> None:
    rules = (Rule(), Rule(code="welcome", kind="first_order", points=str(welcome), uses_multiplier=False))
    tiers = (Rung("bronze", "0"), Rung("silver", "100", times=times, gift=gift))

    def world(_: int) -> World:
        shop = Shop(zone, rules=rules, tiers=tiers)
        shop.member("ada")

        def check(_: Met) -> None:
            assert shop.balance("ada") == balance
            assert shop.changes("ada") == [("bronze", "silver", "2026-03-01 12:00")]
            assert shop.kinds("ada") == ["earn", "earn", "earn"]

        return (
            lambda: shop.order("o1", "ada", amount, at="2026-03-01 12:00"),
            lambda: shop.order("o2", "ada", amount, at="2026-03-01 12:00"),
            check,
        )

    assert every_meeting(world) == []


def test_one_order_that_two_processes_report_is_one() -> None:
    def world(_: int) -> World:
        shop = Shop(tiers=[Rung("bronze", "0"), Rung("silver", "100", gift=50)])
        shop.member("ada")
        fact = shop.bought("o1", "ada", "120.00", at="2026-03-01 12:00")

        def check(_: Met) -> None:
            assert (shop.balance("ada"), shop.kinds("ada")) == (170, ["earn", "earn"])

        return lambda: shop.orders(fact), lambda: shop.orders(fact), check

    assert every_meeting(world) == []


@BOTH_WAYS
def test_an_order_and_the_visit_that_reaches_a_tier_give_one_gift(turn: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "1", gift=50))

    def world(_: int) -> World:
        shop = Shop(tiers=tiers, scheme={"basis": "visits"})
        shop.member("ada")

        def check(_: Met) -> None:
            assert (shop.balance("ada"), shop.ways("ada")) == (100 + 50, [("bronze", "silver")])

        return turned(
            (
                lambda: shop.visit("v1", "ada", at="2026-03-01 12:00"),
                lambda: shop.order("o1", "ada", "100.00", at="2026-03-01 12:00"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


def test_two_visits_that_reach_a_tier_give_one_gift() -> None:
    def world(_: int) -> World:
        shop = Shop(tiers=[Rung("bronze", "0"), Rung("silver", "1", gift=50)], scheme={"basis": "visits"})
        shop.member("ada")

        def check(_: Met) -> None:
            assert (shop.balance("ada"), shop.counted("ada")) == (50, 2)

        return (
            lambda: shop.visit("v1", "ada", at="2026-03-01 12:00"),
            lambda: shop.visit("v2", "ada", at="2026-03-01 12:00"),
            check,
        )

    assert every_meeting(world) == []


def test_two_returns_of_one_order_keep_what_is_left_of_it() -> None:
    def world(_: int) -> World:
        shop = Shop(tiers=[Rung("bronze", "0"), Rung("silver", "100", gift=50)])
        shop.member("ada")
        shop.order("o1", "ada", "60.00", "30.00", "20.00", at="2026-03-01 12:00")

        def check(_: Met) -> None:
            assert (shop.balance("ada"), shop.keeps("ada", "o1"), shop.tier("ada")) == (60, 60, "bronze")
            assert shop.ways("ada") == [("bronze", "silver"), ("silver", "bronze")]

        return (
            lambda: shop.give_back("r1", "o1", lines=[(2, "1")], at="2026-03-02 12:00"),
            lambda: shop.give_back("r2", "o1", lines=[(3, "1")], at="2026-03-02 12:00"),
            check,
        )

    assert every_meeting(world) == []


# Order and night


@BOTH_WAYS
def test_an_order_of_the_night_in_which_a_tier_ends(turn: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", times="2"))

    def world(_: int) -> World:
        shop = Shop("America/New_York", tiers=tiers, scheme={"window": "calendar_year"}, since="2026-12-30 00:00")
        shop.member("ada")
        shop.order("o1", "ada", "100.00", at="2026-12-30 12:00")
        shop.nights("2026-12-31")

        def check(_: Met) -> None:
            shop.nights("2027-01-02")
            assert (shop.gave("ada", "o2"), shop.balance("ada"), shop.tier("ada")) == (50, 150, "bronze")
            assert shop.changes("ada") == [
                ("bronze", "silver", "2026-12-30 12:00"),
                ("silver", "bronze", "2027-01-01 00:00"),
            ]

        return turned(
            (
                lambda: shop.order("o2", "ada", "50.00", at="2027-01-01 00:20"),
                lambda: shop.nights("2027-01-01"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_an_order_of_the_night_in_which_points_expire(turn: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "120", gift=30))
    policy = {"expiry": "days", "expiry_count": 10}

    def world(_: int) -> World:
        shop = Shop(tiers=tiers, policy=policy, scheme={"basis": "balance"}, since="2026-03-10 00:00")
        shop.member("ada")
        shop.order("o1", "ada", "100.00", at="2026-03-10 12:00")
        shop.nights("2026-03-20")

        def check(_: Met) -> None:
            shop.nights("2026-03-22")
            assert (shop.balance("ada"), shop.tier("ada"), shop.changes("ada")) == (50, "bronze", [])

        return turned(
            (
                lambda: shop.order("o2", "ada", "50.00", at="2026-03-21 00:00:20"),
                lambda: shop.nights("2026-03-21"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_hold_that_is_released_in_the_last_moment_of_the_day(turn: str) -> None:
    def world(_: int) -> World:
        shop = Shop(policy={"expiry": "days", "expiry_count": 1}, since="2026-03-01 00:00")
        shop.member("ada")
        shop.order("o1", "ada", "2.00", at="2026-03-01 12:00")
        shop.nights("2026-03-02")
        shop.hold("ada", 1, "till", at="2026-03-02 23:55")

        def check(_: Met) -> None:
            shop.nights("2026-03-05")
            assert (shop.balance("ada"), shop.holdings("ada").held) == (0, 0)

        return turned(
            (
                lambda: shop.release("ada", "till", at="2026-03-02 23:59:59.900000"),
                lambda: shop.nights("2026-03-03"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


# Order and redemption


@BOTH_WAYS
def test_an_order_and_a_redemption_come_one_after_the_other(turn: str) -> None:
    def world(_: int) -> World:
        shop = Shop()
        shop.member("ada")
        shop.order("o1", "ada", "100.00", at="2026-03-01 12:00")

        def check(met: Met) -> None:
            was_refused = True in {met.first.result, met.second.result}
            assert shop.balance("ada") == (150 if was_refused else 30)

        return turned(
            (
                lambda: shop.order("o2", "ada", "50.00", at="2026-03-02 12:00"),
                lambda: refused(lambda: shop.redeem("ada", 120, "r1", at="2026-03-02 12:00"), InsufficientPoints),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_an_order_that_reaches_a_tier_by_balance_and_a_redemption_that_leaves_it(turn: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "140", gift=10))

    def world(_: int) -> World:
        shop = Shop(tiers=tiers, scheme={"basis": "balance"})
        shop.member("ada")
        shop.order("o1", "ada", "100.00", at="2026-03-01 12:00")

        def check(_: Met) -> None:
            # The order first: 150, silver with its gift, less 80. The redemption first: 20, and 50 more.
            assert (shop.balance("ada"), shop.ways("ada")) in [(80, [("bronze", "silver")]), (70, [])]

        return turned(
            (
                lambda: shop.order("o2", "ada", "50.00", at="2026-03-02 12:00"),
                lambda: shop.redeem("ada", 80, "r1", at="2026-03-02 12:00"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


def test_one_redemption_that_two_tills_report_is_one() -> None:
    def world(_: int) -> World:
        shop = Shop()
        shop.member("ada")
        shop.order("o1", "ada", "100.00", at="2026-03-01 12:00")

        def check(met: Met) -> None:
            assert (shop.balance("ada"), results(met)) == (40, [False, True])

        return (
            lambda: shop.redeem("ada", 60, "r1", at="2026-03-02 12:00"),
            lambda: shop.redeem("ada", 60, "r1", at="2026-03-02 12:00"),
            check,
        )

    assert every_meeting(world) == []


# Return and backlog


@BOTH_WAYS
@pytest.mark.parametrize(
    ("lines", "kept", "tier"), [([(2, "1")], 60, "bronze"), (None, 0, "bronze"), ([(3, "1")], 100, "silver")]
)
def test_a_return_of_an_order_that_the_backlog_decides(
    turn: str, lines: list[tuple[int, str]] | None, kept: int, tier: str
) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100"))

    def world(_: int) -> World:
        shop = Shop(tiers=tiers, since="2026-03-01 00:00")
        shop.member("ada")
        shop.import_orders(shop.bought("o1", "ada", "60.00", "40.00", "0.00", at="2026-03-01 12:00"))

        def check(_: Met) -> None:
            shop.decide_backlog(now="2026-03-01 16:00")
            assert (shop.balance("ada"), shop.keeps("ada", "o1")) == (kept, kept)
            assert (shop.counted("ada"), shop.tier("ada")) == (kept, tier)

        return turned(
            (
                lambda: shop.give_back("r1", "o1", lines=lines, at="2026-03-01 13:00", now="2026-03-01 14:00"),
                lambda: shop.decide_backlog(now="2026-03-01 14:00"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_an_order_and_the_backlog_of_the_same_member(turn: str) -> None:
    rules = (Rule(), Rule(code="welcome", kind="first_order", points="500"))
    tiers = (Rung("bronze", "0"), Rung("silver", "100", gift=50))

    def world(_: int) -> World:
        shop = Shop(rules=rules, tiers=tiers, since="2026-03-01 00:00")
        shop.member("ada")
        shop.import_orders(shop.bought("o1", "ada", "120.00", at="2026-03-01 12:00"))

        def check(_: Met) -> None:
            shop.decide_backlog(now="2026-03-01 16:00")
            assert (shop.balance("ada"), shop.ways("ada")) == (120 + 500 + 50 + 120, [("bronze", "silver")])

        return turned(
            (
                lambda: shop.order("o2", "ada", "120.00", at="2026-03-01 13:00", now="2026-03-01 14:00"),
                lambda: shop.decide_backlog(now="2026-03-01 14:00"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


# Enrolment and publication


def publication(shop: Shop) -> Work:
    """Return the publication of a version that brings a wallet."""
    status = Rule(code="status", points="10", wallet="status")
    draft = shop.draft(rules=[Rule(), status], wallets={"status": {"is_spendable": False}})
    return lambda: shop.publish_draft(draft, "2026-03-01 12:00", now="2026-03-01 12:00")


@BOTH_WAYS
def test_who_enrols_while_a_version_brings_a_wallet_has_it(turn: str) -> None:
    def world(_: int) -> World:
        shop = Shop(rules=[Rule()])
        shop.member("bob")

        def check(_: Met) -> None:
            for name in ("ada", "bob"):
                shop.order(f"o-{name}", name, "7.00", at="2026-03-01 13:00")
                assert (shop.balance(name), shop.balance(name, wallet="status")) == (7, 70)
            shop.nights("2026-03-02")

        return turned(
            (publication(shop), lambda: shop.member("ada", since="2026-03-01 12:00", now="2026-03-01 12:00"), check),
            turn,
        )

    assert every_meeting(world) == []


def ordering(shop: Shop) -> Work:
    return lambda: shop.order("o2", "bob", "7.00", at="2026-03-01 11:59", now="2026-03-01 12:00")


def redeeming(shop: Shop) -> Work:
    return lambda: shop.redeem("bob", 7, "r1", at="2026-03-01 12:00")


def opening_a_draft(shop: Shop) -> Work:
    return shop.draft


@pytest.mark.parametrize("till", [ordering, redeeming])
@pytest.mark.parametrize("staff", [publication, opening_a_draft])
def test_no_till_waits_for_who_works_at_a_version(till: Callable[[Shop], Work], staff: Callable[[Shop], Work]) -> None:
    def world(_: int) -> World:
        shop = Shop()
        shop.member("bob")
        shop.order("o1", "bob", "100.00", at="2026-02-01 12:00")

        def check(met: Met) -> None:
            assert (met.waited, shop.balance("bob")) == (False, 107 if till is ordering else 93)

        return staff(shop), till(shop), check

    assert every_meeting(world) == []


# Households


def two_at_home(**given: Any) -> Shop:
    """Ada and Bob have 50 points each, and spend together."""
    shop = Shop(policy={"may_transfer": True}, **given)
    for name in ("ada", "bob"):
        shop.member(name)
        shop.order(f"start-{name}", name, "50.00", at="2026-03-01 12:00")
    shop.household("ada", "bob", at="2026-03-01 13:00")
    return shop


def test_two_of_a_household_spend_what_both_have_once() -> None:
    def world(_: int) -> World:
        shop = two_at_home()

        def check(met: Met) -> None:
            assert results(met) == [False, True]
            assert shop.balance("ada") + shop.balance("bob") == 20

        return (
            lambda: refused(lambda: shop.redeem("ada", 80, "r1", at="2026-03-02 12:00"), InsufficientPoints),
            lambda: refused(lambda: shop.redeem("bob", 80, "r1", at="2026-03-02 12:00"), InsufficientPoints),
            check,
        )

    assert every_meeting(world) == []


def test_two_transfers_against_each_other() -> None:
    def world(_: int) -> World:
        shop = two_at_home()

        def check(_: Met) -> None:
            assert (shop.balance("ada"), shop.balance("bob")) == (40, 60)

        return (
            lambda: shop.transfer("ada", "bob", 30, "t1", at="2026-03-02 12:00"),
            lambda: shop.transfer("bob", "ada", 20, "t1", at="2026-03-02 12:00"),
            check,
        )

    assert every_meeting(world) == []


def test_two_households_of_the_same_members_named_the_other_way_round() -> None:
    def world(_: int) -> World:
        shop = Shop()
        for name in ("ada", "bob"):
            shop.member(name)
            shop.order(f"start-{name}", name, "50.00", at="2026-03-01 12:00")

        def check(met: Met) -> None:
            assert results(met) == [False, False], "the same household is no other household"
            shop.redeem("ada", 100, "all", at="2026-03-02 12:00")

        return (
            lambda: refused(lambda: shop.household("ada", "bob", at="2026-03-01 13:00"), InAnotherHousehold),
            lambda: refused(lambda: shop.household("bob", "ada", at="2026-03-01 13:00"), InAnotherHousehold),
            check,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_member_leaves_while_its_household_spends(turn: str) -> None:
    def world(_: int) -> World:
        shop = two_at_home()

        def check(met: Met) -> None:
            was_refused = True in {met.first.result, met.second.result}
            assert (shop.balance("ada"), shop.balance("bob")) == ((50, 50) if was_refused else (0, 20))

        return turned(
            (
                lambda: refused(lambda: shop.redeem("ada", 80, "r1", at="2026-03-02 12:00"), InsufficientPoints),
                lambda: shop.leaves_household("bob"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_return_of_a_member_whose_points_another_one_spends(turn: str) -> None:
    def world(_: int) -> World:
        shop = two_at_home()

        def check(met: Met) -> None:
            was_refused = True in {met.first.result, met.second.result}
            # Refused, Ada has her 50. Not refused, she has spent them with 30 of Bob's, and the return takes his other 20.
            assert (shop.balance("ada"), shop.balance("bob")) == ((50, 0) if was_refused else (0, 0))

        return turned(
            (
                lambda: refused(lambda: shop.redeem("ada", 80, "r1", at="2026-03-02 12:00"), InsufficientPoints),
                lambda: shop.give_back("back", "start-bob", at="2026-03-02 12:00"),
                check,
            ),
            turn,
        )

    assert every_meeting(world) == []


# Statistics


@BOTH_WAYS
def test_who_counts_while_an_order_is_counted(turn: str) -> None:
    def world(_: int) -> World:
        shop = Shop()
        shop.order("o1", "ada", "10.00", at="2026-03-01 12:00")

        def order_and_count() -> None:
            shop.order("o2", "ada", "20.00", at="2026-03-02 12:00")
            statistics.refresh(shop.retailer)

        def check(_: Met) -> None:
            statistics.refresh(shop.retailer)
            assert statistics.differences(shop.retailer) == 0

        return turned((lambda: statistics.refresh(shop.retailer), order_and_count, check), turn)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_who_counts_everything_while_an_order_is_counted(turn: str) -> None:
    def world(_: int) -> World:
        shop = Shop()
        shop.order("o1", "ada", "10.00", at="2026-03-01 12:00")

        def order_and_count() -> None:
            shop.order("o2", "ada", "20.00", at="2026-03-02 12:00")
            statistics.refresh(shop.retailer)

        def check(_: Met) -> None:
            statistics.refresh(shop.retailer)
            assert statistics.differences(shop.retailer) == 0

        return turned((lambda: statistics.rebuild(shop.retailer), order_and_count, check), turn)

    assert every_meeting(world) == []


def count_behind_another_one(place: int) -> int:
    """
    Let three processes count; return how many rows are wrong in the end.

    The first one has counted Bob and stops at a place. The second one counts both, and waits for the first at Bob's row,
    with what it has read of Ada until then. Meanwhile Ada buys again, and a third one counts that.
    """
    shop = Shop()
    for turn, name in enumerate(("bob", "ada"), start=1):
        shop.register(name, since="2026-02-01 12:00")
        shop.order(f"o{turn}", name, "10.00", at="2026-03-01 12:00")
        if name == "bob":
            first = Worker(lambda: statistics.refresh(shop.retailer), after=place)
            first.stops()
            shop.order("o3", "bob", "5.00", at="2026-03-02 12:00")
    second = Worker(lambda: statistics.refresh(shop.retailer))
    second.waits_for(first)
    shop.order("o4", "ada", "20.00", at="2026-03-03 12:00")
    third = Worker(lambda: statistics.refresh(shop.retailer))
    third.waits_for(first)
    for each in (first, second, third):
        each.ends()
        assert each.error is None
    statistics.refresh(shop.retailer)
    return statistics.differences(shop.retailer)


def test_a_count_that_has_waited_does_not_write_what_it_read_before_the_wait() -> None:
    assert [count_behind_another_one(place) for place in range(12)] == [0] * 12
