"""What a version of the program changes, for whom, and from when."""

from collections.abc import Callable
from typing import Any

import pytest

from customers.core.errors import DomainError
from loyalty.points.proof import prove
from tests.cases.shop import Rule, Rung, Shop

pytestmark = pytest.mark.django_db

ZONES = pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])


# 5. A first version that is not yet in force


def opening_in_july(zone: str = "Europe/Paris") -> Shop:
    """The first version is published in May and in force from 1 July; Ada enrols in June."""
    shop = Shop(zone, since="2026-07-01 00:00", published="2026-05-01 12:00", policy={"may_transfer": True})
    for name in ("ada", "bob"):
        shop.member(name, since="2026-06-01 12:00")
    return shop


REQUESTS: list[Callable[[Shop, str], object]] = [
    lambda shop, at: shop.redeem("ada", 10, "r1", at=at),
    lambda shop, at: shop.hold("ada", 10, "till", at=at),
    lambda shop, at: shop.adjust("ada", 10, "a1", at=at),
    lambda shop, at: shop.adjust("ada", -10, "a1", at=at),
    lambda shop, at: shop.transfer("ada", "bob", 10, "t1", at=at),
]


@ZONES
@pytest.mark.parametrize("request_points", REQUESTS, ids=["redeem", "hold", "give", "take", "transfer"])
@pytest.mark.parametrize("at", ["2026-06-10 12:00", "2026-06-30 23:59:59"])
def test_before_the_first_version_points_are_refused_in_words(
    zone: str, request_points: Callable[[Shop, str], object], at: str
) -> None:
    shop = opening_in_july(zone)

    with pytest.raises(DomainError):
        request_points(shop, at)

    assert (shop.entries("ada"), shop.entries("bob"), shop.balance("ada")) == ([], [], 0)


def test_from_its_instant_on_everything_goes() -> None:
    shop = opening_in_july()
    shop.order("early", "ada", "30.00", at="2026-06-30 23:59:59")

    shop.adjust("ada", 100, "a1", at="2026-07-01 00:00")
    shop.hold("ada", 60, "till", at="2026-07-01 00:00")
    shop.confirm("ada", "till", points=20, at="2026-07-01 00:01")
    shop.redeem("ada", 30, "r1", at="2026-07-01 00:02")
    shop.transfer("ada", "bob", 10, "t1", at="2026-07-01 00:03")

    assert (shop.gave("ada", "early"), shop.balance("ada"), shop.balance("bob")) == (0, 40, 10)


def test_before_the_first_version_a_member_can_be_read_and_has_nothing() -> None:
    shop = opening_in_july()

    assert (shop.balance("ada"), shop.tier("ada"), shop.protected_until("ada")) == (0, None, None)


# 6. A version that brings a wallet brings it to everybody

STATUS = Rule(code="status", points="10", wallet="status")


@pytest.mark.parametrize("effective", ["2026-03-01 12:00", "2026-04-01 00:00"])
def test_a_wallet_that_a_version_brings_is_there_for_whoever_enrols_whenever(effective: str) -> None:
    shop = Shop(rules=[Rule()])
    shop.member("before", since="2026-02-01 12:00")
    shop.publish(effective, now="2026-03-01 12:00", rules=[Rule(), STATUS], wallets={"status": {"is_spendable": False}})
    shop.member("between", since="2026-03-10 12:00")
    shop.member("after", since="2026-04-10 12:00")
    names = ("before", "between", "after")

    for name in names:
        shop.order(f"o-{name}", name, "7.00", at="2026-04-20 12:00")

    assert [(shop.balance(name), shop.balance(name, wallet="status")) for name in names] == [(7, 70)] * 3


# 19. A tier belongs to the member, not to a version's row

SCHEME = (Rung("bronze", "0", gift=5), Rung("silver", "100", gift=50), Rung("gold", "300", gift=70))
RENAMED = (
    Rung("bronze", "0", gift=5),
    Rung("argent", "100", gift=50, was="silver"),
    Rung("or", "300", gift=70, was="gold"),
)


def with_holders(**scheme: Any) -> Shop:
    """Bob holds bronze, Sue silver and Gil gold."""
    shop = Shop(rules=[Rule()], tiers=SCHEME, scheme={"window": "lifetime", "downgrade": "at_once"} | scheme)
    for name, amount in (("bob", "20.00"), ("sue", "150.00"), ("gil", "400.00")):
        shop.member(name, since="2026-02-01 12:00")
        shop.order(f"o-{name}", name, amount, at="2026-03-01 12:00")
    return shop


HOLDERS = ("bob", "sue", "gil")
DOWNGRADES = pytest.mark.parametrize(
    "scheme",
    [
        {"downgrade": "at_once"},
        {"downgrade": "never"},
        {"downgrade": "grace", "grace_days": 30},
        {"soft_landing": True},
    ],
)


@DOWNGRADES
def test_a_renamed_tier_is_no_entry(scheme: dict[str, Any]) -> None:
    shop = with_holders(**scheme)
    before = [(shop.balance(name), len(shop.changes(name))) for name in HOLDERS]

    shop.publish("2026-04-01 00:00", tiers=RENAMED)
    shop.nights("2026-04-03")

    assert [(shop.balance(name), len(shop.changes(name))) for name in HOLDERS] == before
    assert [shop.tier(name) for name in HOLDERS] == ["bronze", "argent", "or"]


def test_who_holds_a_renamed_tier_goes_on_from_it() -> None:
    shop = with_holders()
    shop.publish("2026-04-01 00:00", tiers=RENAMED)
    before = shop.balance("sue")

    shop.order("more", "sue", "200.00", at="2026-04-02 12:00")
    shop.nights("2026-04-03")

    assert (shop.tier("sue"), shop.balance("sue")) == ("or", before + 200 + 70)


def test_a_tier_that_is_renamed_twice_is_still_no_entry() -> None:
    shop = with_holders()
    before = [(shop.balance(name), len(shop.changes(name))) for name in HOLDERS]

    shop.publish("2026-04-01 00:00", tiers=RENAMED)
    shop.nights("2026-04-02")
    back = (SCHEME[0], Rung("silver", "100", gift=50, was="argent"), Rung("gold", "300", gift=70, was="or"))
    shop.publish("2026-05-01 00:00", tiers=back)
    shop.nights("2026-05-02")

    assert [(shop.balance(name), len(shop.changes(name))) for name in HOLDERS] == before
    assert [shop.tier(name) for name in HOLDERS] == ["bronze", "silver", "gold"]


def test_a_lower_threshold_is_an_entry_for_who_enters_and_for_nobody_else() -> None:
    shop = with_holders()
    before = {name: shop.balance(name) for name in HOLDERS}

    shop.publish("2026-04-01 00:00", tiers=(SCHEME[0], Rung("silver", "20", gift=50), SCHEME[2]))
    shop.nights("2026-04-03")

    assert {name: shop.balance(name) - before[name] for name in HOLDERS} == {"bob": 50, "sue": 0, "gil": 0}
    assert shop.changes("bob") == [("bronze", "silver", "2026-04-01 00:00")]


@DOWNGRADES
def test_a_removed_tier_moves_its_holders_once_and_nobody_else(scheme: dict[str, Any]) -> None:
    shop = with_holders(**scheme)
    before = [shop.balance(name) for name in HOLDERS]

    shop.publish("2026-04-01 00:00", tiers=(SCHEME[0], SCHEME[2]))
    shop.nights("2026-04-05")

    assert [shop.tier(name) for name in HOLDERS] == ["bronze", "bronze", "gold"]
    assert shop.changes("sue")[1:] == [("silver", "bronze", "2026-04-01 00:00")]
    assert [len(shop.changes(name)) for name in HOLDERS] == [0, 2, 1]
    assert [shop.balance(name) for name in HOLDERS] == before


def test_who_held_a_removed_tier_and_qualifies_for_none_has_none() -> None:
    shop = Shop(tiers=[Rung("silver", "100"), Rung("gold", "300")], scheme={"window": "lifetime"})
    shop.member("sue")
    shop.order("o1", "sue", "150.00", at="2026-03-01 12:00")

    shop.publish("2026-04-01 00:00", tiers=[Rung("gold", "300")])
    shop.nights("2026-04-03")

    assert (shop.tier("sue"), shop.changes("sue")[1:]) == (None, [("silver", None, "2026-04-01 00:00")])


def test_who_held_a_removed_tier_goes_up_where_it_qualifies_for_more() -> None:
    shop = with_holders()
    before = shop.balance("sue")

    shop.publish("2026-04-01 00:00", tiers=(SCHEME[0], Rung("gold", "150", gift=70)))
    shop.nights("2026-04-03")

    assert (shop.tier("sue"), shop.balance("sue")) == ("gold", before + 70)
    assert shop.changes("sue")[1:] == [("silver", "gold", "2026-04-01 00:00")]


@pytest.mark.parametrize("basis", ["spend", "balance"])
@pytest.mark.parametrize(("passed", "spent"), [("nothing before", 0), ("silver before", 0), ("nothing before", 325)])
def test_the_gift_of_a_tier_that_was_removed_goes_with_the_order_that_entered_it(
    basis: str, passed: str, spent: int
) -> None:
    shop = Shop(
        tiers=[Rung("bronze", "0"), Rung("silver", "100", gift=5), Rung("gold", "300", gift=20)],
        scheme={"window": "lifetime", "basis": basis, "downgrade": "at_once"},
    )
    shop.member("ada")
    shop.order("small", "ada", "100.00" if passed == "silver before" else "50.00", at="2026-03-01 12:00")
    before = shop.balance("ada")
    assert before == (105 if passed == "silver before" else 50)
    shop.order("large", "ada", "300.00", at="2026-03-02 12:00")
    assert shop.balance("ada") == (425 if passed == "silver before" else 375)
    shop.publish("2026-04-01 00:00", tiers=[Rung("bronze", "0"), Rung("gold", "300", gift=20)])
    shop.nights("2026-04-03")
    if spent:
        shop.redeem("ada", spent, "till", at="2026-04-03 12:00")

    shop.give_back("back", "large", at="2026-04-03 13:00")
    if spent:
        shop.reverse("ada", "till", at="2026-04-03 14:00")

    assert (shop.tier("ada"), shop.balance("ada"), shop.owed("ada")) == ("bronze", before, 0)


# 21. Longer life is counted once, from the day of earning


@ZONES
@pytest.mark.parametrize(
    ("months", "longer", "earned", "through"),
    [
        (1, 1, "2026-01-31", "2026-03-31"),  # two months once; one month twice is 28 March
        (4, 1, "2026-10-31", "2027-03-31"),
        (1, 2, "2026-08-31", "2026-11-30"),
        (3, 3, "2026-11-30", "2027-05-30"),
        (1, 12, "2027-01-31", "2028-02-29"),
        (1, 1, "2026-01-15", "2026-03-15"),
    ],
)
def test_months_of_longer_life_are_counted_once(zone: str, months: int, longer: int, earned: str, through: str) -> None:
    shop = Shop(zone, tiers=[Rung("bronze", "0", longer=longer)], policy={"expiry": "months", "expiry_count": months})
    shop.member("ada")

    shop.order("o1", "ada", "10.00", at=f"{earned} 23:30")

    assert shop.usable_through("ada") == [(through, 10)]


def test_months_of_longer_life_are_counted_once_for_a_gift_too() -> None:
    tiers = [Rung("bronze", "0"), Rung("silver", "100", gift=30, longer=1)]
    shop = Shop(tiers=tiers, policy={"expiry": "months", "expiry_count": 1})
    shop.member("ada")

    shop.order("o1", "ada", "100.00", at="2026-01-31 12:00")

    assert shop.usable_through("ada") == [("2026-02-28", 100), ("2026-03-31", 30)]


def test_months_of_longer_life_are_counted_once_for_points_that_live_by_activity() -> None:
    policy = {"expiry": "inactivity", "expiry_count": 1}
    shop = Shop(tiers=[Rung("bronze", "0", longer=1)], policy=policy)
    shop.member("ada")

    shop.order("o1", "ada", "10.00", at="2026-01-31 12:00")

    assert shop.usable_through("ada") == [("2026-03-31", 10)]
    shop.nights("2026-03-31")
    assert shop.balance("ada") == 10
    shop.nights("2026-04-01")
    assert shop.balance("ada") == 0


@pytest.mark.parametrize(("earned", "through"), [("2026-01-15", "2026-03-31"), ("2026-01-31", "2026-03-31")])
def test_months_of_longer_life_to_the_months_end(earned: str, through: str) -> None:
    policy = {"expiry": "end_of_month", "expiry_count": 1}
    shop = Shop(tiers=[Rung("bronze", "0", longer=1)], policy=policy)
    shop.member("ada")

    shop.order("o1", "ada", "10.00", at=f"{earned} 12:00")

    assert shop.usable_through("ada") == [(through, 10)]


# 23. A gift on the lowest tier is given with the entry, which for who enrols under it is the enrolment

WITH_GIFT = (Rung("bronze", "0", gift=25), Rung("silver", "100"))


def test_who_enrols_on_the_lowest_tier_gets_its_gift_once() -> None:
    shop = Shop(tiers=WITH_GIFT)

    shop.member("ada", since="2026-03-01 12:00")
    at_once = shop.balance("ada")
    shop.nights("2026-03-03")
    shop.member("ada", since="2026-03-01 12:00")
    shop.order("o1", "ada", "10.00", at="2026-03-03 12:00")

    assert (at_once, shop.balance("ada"), shop.tier("ada"), shop.ways("ada")) == (25, 35, "bronze", [])


def test_who_was_a_member_before_there_were_tiers_gets_the_gift_with_the_version() -> None:
    shop = Shop()
    shop.member("before", since="2026-02-01 12:00")

    shop.publish("2026-04-01 00:00", tiers=WITH_GIFT)
    shop.nights("2026-04-02")
    shop.member("after", since="2026-04-02 12:00")

    assert [shop.balance(name) for name in ("before", "after")] == [25, 25]
    assert shop.changes("before") == [(None, "bronze", "2026-04-01 00:00")]


def test_who_stands_on_the_lowest_tier_already_does_not_enter_it_with_a_version_that_gives_a_gift() -> None:
    shop = Shop(tiers=[Rung("bronze", "0"), Rung("silver", "100")])
    shop.member("before", since="2026-02-01 12:00")

    shop.publish("2026-04-01 00:00", tiers=WITH_GIFT)
    shop.nights("2026-04-02")
    shop.member("after", since="2026-04-02 12:00")

    assert [shop.balance(name) for name in ("before", "after")] == [0, 25]


def test_an_enrolment_that_is_reported_after_the_version_comes_to_the_same() -> None:
    shop = Shop()
    shop.member("in time", since="2026-02-01 12:00")
    shop.publish("2026-04-01 00:00", tiers=WITH_GIFT)
    shop.nights("2026-04-10")

    shop.member("late", since="2026-02-01 12:00", now="2026-04-10 12:00")
    shop.nights("2026-04-11")

    assert [(shop.balance(name), shop.tier(name)) for name in ("in time", "late")] == [(25, "bronze")] * 2


def test_the_gift_of_the_lowest_tier_is_none_of_the_first_orders() -> None:
    shop = Shop("America/New_York", "USD", tiers=WITH_GIFT)
    shop.member("ada", since="2026-03-01 12:00")
    shop.order("o1", "ada", "150.00", at="2026-03-02 12:00")

    shop.give_back("r1", "o1", at="2026-03-03 12:00")

    assert (shop.balance("ada"), shop.tier("ada")) == (25, "bronze")


@pytest.mark.parametrize("zone", ["Europe/Paris", "Pacific/Auckland"])
def test_a_tier_stays_that_was_reached_on_the_day_of_a_version_before_it_began(zone: str) -> None:
    scheme = {"window": "lifetime", "downgrade": "never"}
    shop = Shop(zone, tiers=(Rung("bronze", "0"), Rung("silver", "60", gift=5)), scheme=scheme)
    shop.member("ada", since="2026-03-01 09:00")
    shop.order("a", "ada", "75.00", at="2026-03-01 10:00")
    higher = (Rung("bronze", "0"), Rung("silver", "120", gift=5))
    shop.publish("2026-03-01 12:00", tiers=higher)
    shop.order("b", "ada", "90.00", at="2026-03-04 12:00")

    shop.give_back("r1", "b", at="2026-03-04 13:00")

    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", 80)


def test_a_late_order_of_the_day_of_a_version_but_before_it_reaches_the_tier_that_it_reached_then() -> None:
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "60")), scheme={"window": "lifetime", "downgrade": "never"})
    shop.member("ada", since="2026-03-01 09:00")
    shop.publish("2026-03-01 12:00", tiers=(Rung("bronze", "0"), Rung("silver", "120")))

    shop.order("a", "ada", "75.00", at="2026-03-01 10:00", now="2026-03-02 12:00")

    assert shop.tier("ada") == "silver"


@pytest.mark.parametrize("change", ["return", "correction"])
def test_an_entry_on_the_day_of_a_versions_start_and_after_it_keeps_its_gift(change: str) -> None:
    def rungs(silver: str, gold: str, gifts: tuple[int, int]) -> tuple[Rung, ...]:
        return Rung("bronze", "0"), Rung("silver", silver, gift=gifts[0]), Rung("gold", gold, gift=gifts[1])

    shop = Shop(tiers=rungs("60", "140", (5, 7)), scheme={"downgrade": "at_once"})
    shop.member("ada")
    shop.order("o1", "ada", "60", at="2026-03-01 12:00")
    shop.publish("2026-03-02 10:00", tiers=rungs("120", "280", (6, 8)))
    shop.order("o2", "ada", "200", "60", at="2026-03-02 17:00")
    assert (shop.balance("ada"), shop.tier("ada")) == (60 + 5 + 260 + 6 + 8, "gold")

    if change == "return":
        shop.give_back("r1", "o2", at="2026-03-02 18:00", lines=[(2, "1")])
    else:
        shop.correct("o2", "ada", "200", at="2026-03-02 17:00", now="2026-03-02 18:00")

    assert (shop.balance("ada"), shop.tier("ada")) == (60 + 5 + 200 + 6, "silver")
    assert prove().differences == []


@ZONES
def test_a_tier_to_which_a_return_brought_back_was_reached_before_the_version_of_its_day(zone: str) -> None:
    """From 23:00 on, silver asks for four orders; three of that day had reached it by two. What came back is not when it did."""
    few = (Rung("bronze", "0"), Rung("silver", "2", gift=5), Rung("gold", "4", gift=7))
    many = (Rung("bronze", "0"), Rung("silver", "4", gift=6), Rung("gold", "8", gift=8))
    by_orders = {"basis": "orders", "window": "calendar_year", "downgrade": "period_end"}
    shop = Shop(zone, tiers=few, scheme=by_orders, since="2026-11-01 00:00")
    shop.member("ada")
    for minute, number in enumerate("abcd"):
        shop.order(number, "ada", "60.00", at=f"2026-11-22 07:0{minute}")
    shop.publish("2026-11-22 23:00", tiers=many)
    shop.give_back("of-d", "d", at="2026-12-28 07:00")
    shop.order("e", "ada", "60.00", at="2026-12-28 07:01")

    shop.give_back("of-a", "a", at="2026-12-28 07:02")

    assert shop.ways("ada") == [("bronze", "silver"), ("silver", "gold"), ("gold", "silver")]
    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", 3 * 60 + 5)
    assert prove().differences == []
