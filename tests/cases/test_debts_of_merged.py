"""What a member lacks goes with it when two customers turn out to be one: what comes back later replaces what it lacked."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from loyalty.activity.account.spending import reverse
from loyalty.points.models import Lot
from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import NEGATIVE, STOP, Rung, Shop

pytestmark = pytest.mark.django_db

YEAR: dict[str, Any] = {"pending_days": 0, "expiry": "days", "expiry_count": 200}
MERGED = "2026-03-01 12:00"


def redeemed_and_returned(shop: Shop, who: str) -> None:
    """Redeem an order's points, earn others, return the first order: others stand in its place, and some are missing."""
    shop.order("o1", who, make.line("100", sku="tea"), at="2026-02-01 12:00")
    shop.redeem(who, 100, "x", at="2026-02-01 13:00")
    shop.order("o2", who, "60", at="2026-02-10 12:00")
    shop.give_back("r1", "o1", at="2026-02-11 12:00")


def two_returned(shop: Shop, who: str) -> None:
    shop.order("o1", who, make.line("100", sku="tea"), at="2026-02-01 12:00")
    shop.order("o2", who, "80", at="2026-02-02 12:00")
    shop.redeem(who, 150, "x", at="2026-02-03 13:00")
    shop.order("o3", who, "48", at="2026-02-10 12:00")
    shop.give_back("r1", "o1", at="2026-02-11 12:00")
    shop.give_back("r2", "o2", at="2026-02-12 12:00")


def returned_in_part(shop: Shop, who: str) -> None:
    shop.order("o1", who, make.line("60", sku="tea"), make.line("40", sku="milk"), at="2026-02-01 12:00")
    shop.redeem(who, 100, "x", at="2026-02-01 13:00")
    shop.order("o2", who, "30", at="2026-02-10 12:00")
    shop.order("o3", who, "25", at="2026-02-10 13:00")
    shop.give_back("r1", "o1", at="2026-02-11 12:00", lines=[(1, "1")])


def undo(shop: Shop, who: str, reference: str, *, at: str) -> None:
    """Undo a redemption by the entry that told of it first, whoever's it was."""
    entry_id = next(entry_id for (_, told), entry_id in shop.redemptions.items() if told == reference)
    reverse(shop.membership(who), entry_id, now=shop.at(at))


def undone(shop: Shop, who: str) -> None:
    undo(shop, who, "x", at="2026-03-02 12:00")


def earned_then_undone(shop: Shop, who: str) -> None:
    shop.order("o9", who, "35", at="2026-03-02 11:00")
    undo(shop, who, "x", at="2026-03-03 12:00")


def corrected_then_undone(shop: Shop, who: str) -> None:
    lines = (make.line("100", quantity="2", sku="tea"), make.line("40", sku="milk"))
    shop.correct("o1", who, *lines, at="2026-02-01 12:00", now="2026-03-02 12:00")
    undo(shop, who, "x", at="2026-03-03 12:00")


def state_of(shop: Shop, who: str) -> tuple[object, ...]:
    return shop.usable_through(who), shop.pending(who), shop.owed(who), shop.wallet(who).shortfall


@pytest.mark.parametrize("missing", [STOP, NEGATIVE], ids=["short", "owed"])
@pytest.mark.parametrize("past", [redeemed_and_returned, two_returned, returned_in_part])
@pytest.mark.parametrize("later", [undone, earned_then_undone, corrected_then_undone])
@pytest.mark.parametrize("merges", [1, 2])
def test_who_was_merged_has_what_it_had_alone(
    past: Callable[[Shop, str], None], later: Callable[[Shop, str], None], missing: dict[str, Any], merges: int
) -> None:
    alone = Shop(policy=YEAR | missing)
    alone.member("a")
    past(alone, "a")
    later(alone, "a")

    both = Shop(policy=YEAR | missing)
    names = ["b", "a", "c"][: merges + 1]
    for name in names:
        both.member(name)
    past(both, "b")
    for place, (goes, stays) in enumerate(pairwise(names)):
        both.merge(goes, stays, at=f"2026-03-01 12:0{place}")
    assert prove().differences == []
    later(both, names[-1])

    assert state_of(both, names[-1]) == state_of(alone, "a")
    assert prove().differences == []


@pytest.mark.parametrize("missing", [STOP, NEGATIVE], ids=["short", "owed"])
def test_a_gift_that_was_lost_after_it_was_spent_is_replaced_by_its_own_points(missing: dict[str, Any]) -> None:
    given: dict[str, Any] = {"policy": YEAR | missing, "tiers": (Rung("bronze", "0"), Rung("silver", "100", gift=50))}
    states = []
    for names in (["a"], ["b", "a"]):
        shop = Shop(**given)
        for name in names:
            shop.member(name)
        who = names[0]
        shop.order("o1", who, "100", at="2026-02-01 12:00")
        shop.redeem(who, 150, "x", at="2026-02-01 13:00")
        shop.order("o2", who, "70", at="2026-02-10 12:00")
        shop.give_back("r1", "o1", at="2026-02-11 12:00")
        if len(names) > 1:
            shop.merge("b", "a", at=MERGED)
        undo(shop, "a", "x", at="2026-03-02 12:00")
        states.append(state_of(shop, "a"))

    assert states[0] == states[1]
    assert prove().differences == []


def test_what_both_lack_is_told_apart_after_a_merge() -> None:
    shop = Shop(policy=YEAR | STOP)
    for name in ("a", "b"):
        shop.member(name)
        shop.order(f"o1{name}", name, "100", at="2026-02-01 12:00")
        shop.redeem(name, 100, f"x{name}", at="2026-02-01 13:00")
        shop.order(f"o2{name}", name, "60", at=f"2026-02-1{1 + (name == 'b')} 12:00")
        shop.give_back(f"r{name}", f"o1{name}", at="2026-02-20 12:00")
    shop.merge("b", "a", at=MERGED)
    assert (shop.balance("a"), shop.wallet("a").shortfall) == (0, 80)

    undo(shop, "a", "xb", at="2026-03-02 12:00")
    # What came back to b's second order stands in the place of what a still misses, until that comes back too.
    assert (shop.usable_through("a"), shop.wallet("a").shortfall) == ([("2026-08-31", 20)], 0)
    undo(shop, "a", "xa", at="2026-03-03 12:00")

    assert (shop.usable_through("a"), shop.wallet("a").shortfall) == ([("2026-08-30", 60), ("2026-08-31", 60)], 0)
    assert Lot.objects.filter(available__gt=0).count() == 2
    assert prove().differences == []
