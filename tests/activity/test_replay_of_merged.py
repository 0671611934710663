"""Pasts of members who were two, and of facts that were told late, come to the same when they are lived again as they were."""

from datetime import timedelta

import pytest
from django.db.models import F

from loyalty.activity.account.leaving import leave
from loyalty.activity.account.spending import reverse
from loyalty.activity.replaying import replay
from loyalty.points.models import Wallet
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

FIRST = Rule(code="first", kind="first_order", points="100", uses_multiplier=False)
IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}
AT = "2026-03-01 12:00"


def members(*names: str, **given: object) -> Shop:
    """A shop of which some are members since New Year."""
    shop = Shop(**given)  # type: ignore[arg-type] # as it is called
    for name in names:
        shop.member(name)
    return shop


def deviations(shop: Shop) -> list[str]:
    """Return what the check tells after a night: a merge leaves something to be looked at to the next one."""
    shop.nights(f"{shop.known.latest + timedelta(days=1):%Y-%m-%d}")
    done = replay(shop.program, now=shop.known.latest)
    assert done.skipped == 0
    return [str(each) for each in done.deviations]


def test_each_of_both_has_had_a_first_order() -> None:
    shop = members("a", "b", "c", rules=[Rule(), FIRST])
    for name in "abc":
        shop.order(name, name, "20", at="2026-02-01 12:00")
    shop.merge("b", "a", at=AT)
    shop.merge("a", "c", at="2026-03-02 12:00")

    assert (shop.balance("c"), deviations(shop)) == (360, [])


def test_the_first_order_of_who_comes_is_not_first_again_when_it_is_kept() -> None:
    shop = members("a", "b", rules=[Rule(), FIRST])
    shop.order("o1", "b", "20", at="2026-02-01 12:00")
    shop.merge("b", "a", at=AT)
    shop.order("o2", "a", "20", at="2026-03-02 12:00")
    shop.order("late", "a", "5", at="2026-01-15 12:00", now="2026-03-03 12:00")

    assert (shop.balance("a"), deviations(shop)) == (145, [])


def test_each_of_both_has_entered_a_tier() -> None:
    shop = members("a", "b", tiers=(Rung("bronze", "0"), Rung("silver", "60", "2", 30)))
    for name in "ab":
        shop.order(name, name, "80", at="2026-02-01 12:00")
    shop.order("o3", "b", "10", at="2026-02-02 12:00")  # twice
    shop.merge("b", "a", at=AT)

    assert (shop.balance("a"), deviations(shop)) == (80 + 30 + 80 + 30 + 20, [])


def test_a_gift_goes_or_stays_by_the_tiers_that_both_had() -> None:
    rungs = (Rung("bronze", "0"), Rung("silver", "60", "1", 30))
    shop = members("a", "b", tiers=rungs, scheme={"window": "rolling", "window_months": 1}, policy=NEGATIVE)
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    shop.order("o2", "b", "80", at="2026-02-02 12:00")
    shop.merge("b", "a", at="2026-02-03 12:00")
    shop.give_back("r1", "o1", at="2026-02-04 12:00")

    # Silver is reached once by what is left: of the two gifts one stays.
    assert (shop.balance("a"), shop.tier("a"), deviations(shop)) == (80 + 30, "silver", [])


def test_points_of_the_one_had_ended_while_the_other_was_active() -> None:
    shop = members("a", "b", policy=IDLE)
    shop.order("o1", "b", "100", at="2026-01-05 12:00")
    shop.order("o2", "a", "5", at="2026-01-20 12:00")
    shop.order("o3", "a", "7", at="2026-02-15 12:00")
    shop.nights("2026-02-20")
    shop.merge("b", "a", at="2026-02-20 12:00")

    assert (shop.balance("a"), deviations(shop)) == (12, [])


@pytest.mark.parametrize(
    ("at", "left"),
    [
        ("2026-02-08 12:00", 7 + 1),  # says nothing of when the 100 ended
        ("2026-01-25 12:00", 7 + 100 + 1),  # they lived on until 25 February, and by the other one's order
    ],
)
def test_what_is_told_after_a_merge_is_told_to_who_is_one_by_then(at: str, left: int) -> None:
    shop = members("a", "b", policy=IDLE)
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "7", at="2026-01-30 12:00")
    shop.nights("2026-02-10")
    shop.merge("b", "a", at="2026-02-10 12:00")

    shop.order("late", "a", "1", at=at, now="2026-02-11 12:00")

    assert (shop.balance("a"), deviations(shop)) == (left, [])


def test_what_comes_back_late_of_an_order_of_who_was_younger_is_taken() -> None:
    shop = members("b", policy=STOP)
    shop.order("o1", "b", "50", at="2026-01-10 12:00")
    shop.member("a", since="2026-01-12 12:00")
    leave(shop.membership("a"), now=shop.at("2026-02-01 12:00"))
    shop.member("a", since="2026-02-02 12:00", now="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)
    shop.give_back("r1", "o1", at="2026-01-20 12:00", now="2026-03-02 12:00")

    assert (shop.balance("a"), deviations(shop)) == (0, [])


def test_a_redemption_is_undone_of_who_was_merged_twice() -> None:
    shop = members("a", "b", "c")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 30, "x", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)
    shop.merge("a", "c", at="2026-03-02 12:00")

    reverse(shop.membership("c"), shop.redemptions["b", "x"], now=shop.at("2026-03-03 12:00"))
    shop.hears_nothing_until("2026-03-03 12:00")

    assert (shop.balance("c"), deviations(shop)) == (80, [])


def test_what_had_been_forfeited_before_a_merge_went_over_to_nobody() -> None:
    shop = members("a", "b", rules=[Rule(), FIRST])
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    leave(shop.membership("b"), now=shop.at("2026-02-10 12:00"))
    shop.merge("b", "a", at=AT)
    shop.order("o2", "a", "20", at="2026-03-02 12:00")

    assert (shop.balance("a"), deviations(shop)) == (120, [])


def test_an_order_that_was_told_late_multiplies_none_that_had_been_decided() -> None:
    shop = members("a", tiers=(Rung("bronze", "0"), Rung("silver", "100", "2")))
    shop.order("o1", "a", "100", at="2026-02-05 12:00")
    shop.order("late", "a", "100", at="2026-02-01 12:00", now="2026-02-10 12:00")

    assert (shop.balance("a"), shop.tier("a"), deviations(shop)) == (200, "silver", [])


@pytest.mark.breaks_the_ledger
def test_who_is_elsewhere_is_named_after_a_merge_with_late_facts() -> None:
    shop = members("a", "b", rules=[Rule(), FIRST])
    shop.order("o1", "a", "20", at="2026-02-01 12:00")
    shop.order("o2", "b", "20", at="2026-02-01 12:00", now="2026-02-10 12:00")
    shop.merge("b", "a", at=AT)
    Wallet.objects.filter(pk=shop.wallet("a").pk).update(available=F("available") + 1)

    number = shop.membership("a").number
    assert deviations(shop) == [
        f"{shop.program.slug}, member {number}: the balance of points is 241, and 240 when its past is lived again"
    ]


@pytest.mark.breaks_the_ledger
def test_what_was_held_at_another_time_excuses_nothing() -> None:
    shop = members("a", policy={"pending_days": 30})
    shop.adjust("a", 20, "sorry", at="2026-02-01 12:00")
    shop.hold("a", 20, "cart", at="2026-02-02 12:00")
    shop.release("a", "cart", at="2026-02-02 12:10")
    shop.order("o1", "a", "50", at="2026-02-03 12:00")
    Wallet.objects.filter(pk=shop.wallet("a").pk).update(available=F("available") + 10, pending=F("pending") - 10)

    found = replay(shop.program, now=shop.known.latest + timedelta(minutes=1)).deviations

    assert [(each.what, each.stored, each.replayed) for each in found] == [
        ("the balance of points", "30", "20"),
        ("what is pending of points", "40", "50"),
    ]
