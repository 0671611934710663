"""A member falls on the day that was promised, one step in one night, and no tier outlives its end."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from loyalty.activity.progress import progress
from loyalty.activity.tier_counts import When
from loyalty.activity.versions import versions_of_program
from loyalty.campaigns.journeys.tier_gaps import gaps
from loyalty.planning.movers import standings
from tests.cases.shop import Change, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

ZONES = pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])
STEPS = (Rung("bronze", "0"), Rung("silver", "100"), Rung("gold", "300"))


# 16. A grace counts from the local day on which the member stopped qualifying


def by_balance(zone: str = "Europe/Paris", **scheme: Any) -> Shop:
    """Ada has silver by the 100 points that she can spend."""
    shop = Shop(zone, tiers=STEPS, scheme={"basis": "balance", "downgrade": "grace"} | scheme, since="2026-07-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-07-10 12:00")
    return shop


@ZONES
@pytest.mark.parametrize(
    ("grace", "stopped", "through", "falls"),
    [
        ({"grace_days": 1}, "2026-07-25 10:00", "2026-07-26", "2026-07-27 00:00"),
        ({"grace_days": 1}, "2026-07-25 00:00", "2026-07-26", "2026-07-27 00:00"),
        ({"grace_days": 1}, "2026-07-25 23:59:59", "2026-07-26", "2026-07-27 00:00"),
        ({"grace_days": 3}, "2026-07-25 22:30", "2026-07-28", "2026-07-29 00:00"),
        ({"grace_to_month_end": True}, "2026-07-31 10:00", "2026-07-31", "2026-08-01 00:00"),
        ({"grace_to_month_end": True}, "2026-07-30 10:00", "2026-07-31", "2026-08-01 00:00"),
        ({"grace_to_month_end": True, "grace_days": 1}, "2026-07-30 10:00", "2026-07-31", "2026-08-01 00:00"),
        ({"grace_to_month_end": True, "grace_days": 1}, "2026-07-31 10:00", "2026-08-31", "2026-09-01 00:00"),
    ],
)
def test_a_grace_counts_from_the_day_itself(
    zone: str, grace: dict[str, Any], stopped: str, through: str, falls: str
) -> None:
    shop = by_balance(zone, **grace)
    day = stopped[:10]
    shop.nights(day)
    shop.redeem("ada", 1, "r1", at=stopped)

    shop.nights(through)
    kept = (shop.tier("ada"), shop.protected_until("ada"))
    shop.nights(falls[:10])

    assert (kept, shop.tier("ada")) == (("silver", through), "bronze")
    assert shop.changes("ada")[1:] == [("silver", "bronze", falls)]


@ZONES
def test_the_same_grace_where_no_night_ran_between(zone: str) -> None:
    shop = by_balance(zone, grace_days=1)
    shop.redeem("ada", 1, "r1", at="2026-07-25 10:00")

    shop.nights("2026-08-10")

    assert shop.changes("ada")[1:] == [("silver", "bronze", "2026-07-27 00:00")]


def test_a_grace_counts_from_the_day_on_which_what_counted_left_the_window() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "grace", "grace_days": 1}
    shop = Shop(tiers=STEPS, scheme=scheme, since="2026-07-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-07-10 12:00")  # counts through 9 August

    shop.nights("2026-08-20")

    assert shop.changes("ada")[1:] == [("silver", "bronze", "2026-08-12 00:00")]


def test_who_qualifies_again_in_its_grace_has_none_and_a_whole_one_later() -> None:
    shop = by_balance(grace_days=2)
    shop.redeem("ada", 1, "r1", at="2026-07-25 10:00")
    shop.nights("2026-07-27")
    shop.order("o2", "ada", "1.00", at="2026-07-27 23:00")
    shop.nights("2026-07-29")
    again = (shop.tier("ada"), shop.protected_until("ada"))

    shop.redeem("ada", 1, "r2", at="2026-07-29 10:00")
    shop.nights("2026-08-10")

    assert again == ("silver", None)
    assert shop.changes("ada")[1:] == [("silver", "bronze", "2026-08-01 00:00")]


# 17. A soft landing is one step in one night, whatever happens in it or again


def softly_by_balance(zone: str = "Europe/Paris", **scheme: Any) -> Shop:
    """Ada has gold by 300 points: 250 that can be spent through 20 March, and 50 through the 21st."""
    policy = {"expiry": "days", "expiry_count": 10}
    shop = Shop(
        zone,
        tiers=STEPS,
        policy=policy,
        scheme={"basis": "balance", "downgrade": "at_once", "soft_landing": True} | scheme,
        since="2026-03-01 00:00",
    )
    shop.member("ada")
    shop.order("o1", "ada", "250.00", at="2026-03-10 12:00")
    shop.order("o2", "ada", "50.00", at="2026-03-11 12:00")
    assert shop.tier("ada") == "gold"
    return shop


@ZONES
def test_a_night_that_finds_two_reasons_to_fall_takes_one_step(zone: str) -> None:
    shop = softly_by_balance(zone)
    shop.redeem("ada", 100, "r1", at="2026-03-20 12:00")  # 200 are left, of which 150 expire in the night

    shop.nights("2026-03-21")
    after_one = (shop.tier("ada"), shop.balance("ada"))
    shop.nights("2026-03-25")

    assert after_one == ("silver", 50)
    assert shop.changes("ada")[-2:] == [
        ("gold", "silver", "2026-03-21 00:00"),
        ("silver", "bronze", "2026-03-22 00:00"),
    ]


@ZONES
def test_all_that_expires_in_one_night_takes_one_step(zone: str) -> None:
    shop = softly_by_balance(zone)

    shop.nights("2026-03-25")

    assert shop.changes("ada")[-2:] == [
        ("gold", "silver", "2026-03-21 00:00"),
        ("silver", "bronze", "2026-03-22 00:00"),
    ]


@ZONES
def test_a_night_that_runs_again_takes_no_other_step(zone: str) -> None:
    shop = softly_by_balance(zone)
    shop.redeem("ada", 280, "r1", at="2026-03-20 12:00")
    shop.nights("2026-03-21")

    shop.night_again("2026-03-21")
    after_again = (shop.tier("ada"), shop.changes("ada")[-1])
    shop.nights("2026-03-25")

    assert after_again == ("silver", ("gold", "silver", "2026-03-21 00:00"))
    assert shop.changes("ada")[-1] == ("silver", "bronze", "2026-03-22 00:00")


def test_a_night_that_runs_again_takes_no_other_step_by_spend_either() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once", "soft_landing": True}
    shop = Shop(tiers=STEPS, scheme=scheme, since="2026-03-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "300.00", at="2026-03-10 12:00")
    shop.nights("2026-04-10")

    shop.night_again("2026-04-10")

    assert (shop.tier("ada"), shop.ways("ada")) == ("silver", [("bronze", "gold"), ("gold", "silver")])


def test_a_soft_landing_with_a_grace_takes_one_step_and_then_a_whole_grace() -> None:
    shop = softly_by_balance(downgrade="grace", grace_days=2)
    shop.redeem("ada", 100, "r1", at="2026-03-18 12:00")  # through the 20th

    shop.nights("2026-03-30")

    # On the 21st it falls to silver, and 150 expire: 50 are left. Silver's grace begins that day, and runs through the 23rd.
    assert shop.changes("ada")[-2:] == [
        ("gold", "silver", "2026-03-21 00:00"),
        ("silver", "bronze", "2026-03-24 00:00"),
    ]


# 22. What has ended at midnight has ended, whether or not the night has been

NIGHT = pytest.mark.parametrize("night", ["before", "after", "never"])


def around_midnight(shop: Shop, day: str, night: str, order: tuple[str, str, str]) -> None:
    """Report an order of the first minutes of a day, before or after its night has run, or without it."""
    if night == "before":
        shop.nights(day)
    shop.order(order[0], "ada", order[1], at=f"{day} {order[2]}")
    if night == "after":
        shop.nights(day)


@ZONES
@NIGHT
@pytest.mark.parametrize(("amount", "then"), [("50.00", "00:00:20"), ("99.99", "00:00"), ("20.00", "10:00")])
def test_expired_points_count_for_no_tier(zone: str, night: str, amount: str, then: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "120", gift=30))
    policy = {"expiry": "days", "expiry_count": 10}
    shop = Shop(zone, tiers=tiers, policy=policy, scheme={"basis": "balance"}, since="2026-03-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-03-10 12:00")
    shop.nights("2026-03-20")

    around_midnight(shop, "2026-03-21", night, ("o2", amount, then))

    assert (shop.tier("ada"), shop.balance("ada"), shop.changes("ada")) == ("bronze", int(float(amount)), [])


@ZONES
@NIGHT
@pytest.mark.parametrize("then", ["00:00", "00:20", "18:00"])
def test_a_tier_that_ended_at_midnight_does_not_multiply(zone: str, night: str, then: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", times="2"))
    shop = Shop(zone, tiers=tiers, scheme={"window": "calendar_year"}, since="2026-12-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-12-10 12:00")
    shop.nights("2026-12-31")

    around_midnight(shop, "2027-01-01", night, ("o2", "50.00", then))

    assert (shop.gave("ada", "o2"), shop.tier("ada"), shop.balance("ada")) == (50, "bronze", 150)
    assert shop.changes("ada") == [
        ("bronze", "silver", "2026-12-10 12:00"),
        ("silver", "bronze", "2027-01-01 00:00"),
    ]


@NIGHT
@pytest.mark.parametrize(
    ("scheme", "eve", "ended"),
    [
        ({"window": "calendar_year", "downgrade": "period_end"}, "2027-12-31", "2028-01-01"),
        ({"window": "calendar_year", "downgrade": "grace", "grace_days": 9}, "2027-01-10", "2027-01-11"),
        ({"window": "rolling", "window_months": 1}, "2027-01-09", "2027-01-10"),
        ({"window": "membership_year"}, "2027-12-04", "2027-12-05"),
    ],
)
def test_a_tier_that_ended_is_no_condition_of_a_rule(night: str, scheme: dict[str, Any], eve: str, ended: str) -> None:
    rules = (Rule(), Rule(code="silver", points="3", condition={"field": "tier", "in": ["silver"]}))
    shop = Shop(
        rules=rules, tiers=(Rung("bronze", "0"), Rung("silver", "100")), scheme=scheme, since="2026-12-05 00:00"
    )
    shop.member("ada", since="2026-12-05 09:00")
    shop.order("o1", "ada", "100.00", at="2026-12-10 12:00")
    shop.nights(eve)
    shop.order("last", "ada", "10.00", at=f"{eve} 23:59:59")

    around_midnight(shop, ended, night, ("first", "10.00", "00:00:01"))

    assert (shop.gave("ada", "last"), shop.gave("ada", "first")) == (40, 10)


@NIGHT
def test_pending_points_that_became_active_at_midnight_count_before_the_night_too(night: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "120", times="2"))
    shop = Shop(tiers=tiers, policy={"pending_days": 2}, scheme={"basis": "balance"}, since="2026-03-01 00:00")
    shop.member("ada")
    shop.order("o1", "ada", "120.00", at="2026-03-10 12:00")
    shop.nights("2026-03-11")

    around_midnight(shop, "2026-03-12", night, ("o2", "50.00", "00:00:20"))

    assert (shop.gave("ada", "o2"), shop.tier("ada"), shop.balance("ada")) == (100, "silver", 120)
    assert shop.changes("ada") == [("bronze", "silver", "2026-03-12 00:00")]


# What is read of a tier does not hang on whether the night has been


def test_a_tier_is_read_as_the_night_will_leave_it() -> None:
    shop = Shop(tiers=[Rung("silver", "100")], scheme={"window_months": 1, "downgrade": "at_once"})
    shop.member("ada")
    shop.order("A", "ada", "100", at="2026-03-05 12:00")  # counts through 4 April

    read = [shop.tier("ada", at=at) for at in ("2026-04-04 23:59:59", "2026-04-05 00:00", "2026-04-05 00:00")]

    assert read == ["silver", None, None]
    assert shop.ways("ada") == [(None, "silver")]  # reading writes nothing


def test_a_grace_is_read_to_its_end() -> None:
    scheme = {"window_months": 1, "downgrade": "grace", "grace_days": 3}
    shop = Shop(tiers=[Rung("silver", "100")], scheme=scheme)
    shop.member("ada")
    shop.order("A", "ada", "100", at="2026-03-05 12:00")
    shop.nights("2026-04-05")

    assert shop.protected_until("ada") == "2026-04-08"
    assert shop.tier("ada", at="2026-04-08 23:59:59") == "silver"
    assert shop.tier("ada", at="2026-04-09 00:00") is None


def test_a_tier_by_balance_is_read_after_points_that_are_over() -> None:
    policy = {"pending_days": 0, "expiry": "days", "expiry_count": 5}
    shop = Shop(tiers=[Rung("silver", "100")], scheme={"basis": "balance", "downgrade": "at_once"}, policy=policy)
    shop.member("ada")
    shop.order("A", "ada", "100", at="2026-03-05 12:00")

    found = progress(shop.membership("ada"), at=shop.at("2026-03-11 00:00"))

    assert found.current is None
    assert (found.qualifying, found.to_next) == (Decimal(0), Decimal(100))


@pytest.mark.parametrize("lent", [0, 30])
def test_what_a_member_holds_counts_as_its_balance_for_whoever_reads_it(lent: int) -> None:
    """A hold spends nothing before it is confirmed; what the household lent for it is not the member's own."""
    tiers = [Rung("bronze", "0"), Rung("silver", "80"), Rung("gold", "150")]
    shop = Shop(tiers=tiers, scheme={"basis": "balance", "window": "calendar_year", "downgrade": "at_once"})
    for name, points in (("ada", "100"), ("bob", "30")):
        shop.member(name)
        shop.order(name, name, points, at="2026-03-04 12:00")
    shop.household("ada", "bob", at="2026-03-04 12:00")
    shop.hold("ada", 100 + lent if lent else 60, "h", at="2026-03-05 12:00")
    ada, at = shop.membership("ada"), shop.at("2026-03-05 12:05")
    version = versions_of_program(shop.program.pk).at(at)
    assert version is not None, "it is in force"

    for due_at in (ada.next_due_at, at):  # as it is written, and as the night will leave it
        ada.next_due_at = due_at
        found = progress(ada, at=at)
        assert (found.qualifying, found.to_next, found.to_keep) == (Decimal(100), Decimal(50), ())
    assert [each.counts for each in standings(shop.program, version, on=at.date()) if each.number == ada.number] == [
        100
    ]
    reach = gaps(shop.program, {"kind": "tier_within_reach", "percent": 40}, When.midnight(at.date(), at))
    assert [(customer, gap.missing) for customer, _, gap in reach] == [(ada.customer_id, (("balance", Decimal(50)),))]


def test_a_tier_that_a_birthday_gives_within_its_budget_is_read_on_the_day() -> None:
    rules = [Rule(), Rule(points="50", code="b", kind="birthday")]
    policy = {"pending_days": 0, "budget": 130, "budget_period": "ever"}
    shop = Shop(
        rules=rules, tiers=[Rung("silver", "40"), Rung("gold", "150")], scheme={"basis": "points"}, policy=policy
    )
    for name in ("ada", "bob"):
        customer = shop.register(name, since="2026-01-01 00:00")
        customer.birth_date = date(1990, 3, 5)
        customer.save(update_fields=["birth_date"])
        shop.member(name)
    shop.order("A", "bob", "100", at="2026-03-01 12:00")

    read = shop.tier("ada", at="2026-03-05 00:00:01")

    assert (read, shop.counted("ada")) == (None, 0)  # of the budget, 30 are left
    shop.publish("2026-03-02 00:00", policy={"budget": 150}, now="2026-03-01 13:00")
    assert shop.tier("ada", at="2026-03-05 00:00:01") == "silver"


@pytest.mark.parametrize("downgrade", ["never", "at_once"])
def test_no_change_of_tier_is_dated_before_the_one_that_was_told_before_it(downgrade: str) -> None:
    rungs = (Rung("bronze", "0"), Rung("silver", "60"), Rung("gold", "140"))
    shop = Shop(zone="UTC", tiers=rungs, scheme={"window": "lifetime", "downgrade": downgrade})
    shop.member("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    shop.order("o2", "a", "171", at="2026-02-03 12:00", now="2026-02-11 10:00")
    shop.give_back("r2", "o2", at="2026-02-11 11:00")

    shop.order("o3", "a", "255", at="2026-02-11 10:30", now="2026-02-11 11:30")

    assert shop.changes("a") == [
        Change("bronze", "silver", "2026-02-01 12:00"),
        Change("silver", "gold", "2026-02-11 10:00"),
        Change("gold", "silver", "2026-02-11 11:00"),
        Change("silver", "gold", "2026-02-11 11:00"),
    ]
    shop.give_back("r3", "o3", at="2026-02-11 12:00")
    assert (shop.tier("a"), shop.ways("a")[-1]) == ("silver", ("gold", "silver"))
