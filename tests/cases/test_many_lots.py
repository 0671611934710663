"""Members with more open lots than are read at once: what a verb or a return takes does not depend on how many there are."""

import pytest

from customers.core import bulk
from customers.facts import OrderFact
from loyalty.activity.account.session import InsufficientPoints
from loyalty.points.loading.lots import SPENDABLE
from loyalty.points.models import Lot
from loyalty.points.proof import require_proof
from tests.cases.shop import NEGATIVE, STOP, Shop, Shortfall

pytestmark = pytest.mark.django_db

MANY = 130  # more than are read first, so that more are asked for
DATED = {"pending_days": 0, "expiry": "end_of_month", "expiry_count": 6}


def orders(shop: Shop, who: str, *, month: int, count: int = MANY) -> list[OrderFact]:
    """Return orders of one euro, one a minute."""
    at = [f"2026-{month:02}-10 {9 + place // 60:02}:{place % 60:02}" for place in range(count)]
    return [shop.bought(f"{who}{month}-{place}", who, "1", at=at[place]) for place in range(count)]


@pytest.mark.parametrize("policy", [DATED, {"pending_days": 0}], ids=["with dates", "for ever"])
def test_a_redemption_takes_the_oldest_of_many_lots(policy: Shortfall) -> None:
    shop = Shop(policy=policy)
    shop.member("a")
    shop.orders(*orders(shop, "a", month=1))
    shop.orders(*orders(shop, "a", month=2))

    assert shop.redeem("a", MANY + 70, "r1", at="2026-03-01 12:00")

    left = Lot.objects.filter(available=1).order_by("earned_at")
    assert (left.count(), left[0].order and left[0].order.number) == (MANY - 70, "a2-70")
    with pytest.raises(InsufficientPoints):
        shop.redeem("a", MANY - 69, "r2", at="2026-03-01 12:00")
    shop.reverse("a", "r1", at="2026-03-02 12:00")
    assert shop.balance("a") == 2 * MANY
    require_proof()


def test_what_follows_its_member_is_spent_by_its_own_end_among_many() -> None:
    idle = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 3}
    shop = Shop(policy=idle)
    shop.member("a")
    shop.orders(*orders(shop, "a", month=1))
    shop.publish("2026-02-01", policy={"pending_days": 0, "expiry": "days", "expiry_count": 20})
    shop.orders(*orders(shop, "a", month=2))

    assert shop.redeem("a", MANY + 5, "r1", at="2026-02-20 12:00")

    # Points of February end on 2 March, those of January not before the member has been idle for three months.
    left = Lot.objects.filter(available=1).order_by("earned_at")
    assert (left.count(), left[0].order and left[0].order.number) == (MANY - 5, "a1-5")


@pytest.mark.parametrize(("shortfall", "owed"), [(NEGATIVE, 30), (STOP, 0)])
def test_a_return_takes_from_many_others_what_its_own_order_lacks(shortfall: Shortfall, owed: int) -> None:
    shop = Shop(policy=DATED | shortfall)
    shop.member("a")
    shop.order("big", "a", "160", at="2026-01-05 12:00")
    assert shop.redeem("a", 160, "r1", at="2026-01-06 12:00")
    shop.orders(*orders(shop, "a", month=2))

    shop.give_back("back", "big", at="2026-02-20 12:00")

    assert (shop.balance("a"), shop.owed("a")) == (0, owed)
    require_proof()


def test_a_return_takes_pending_points_where_nothing_else_is_left() -> None:
    shop = Shop(policy=DATED | NEGATIVE)
    shop.member("a")
    shop.order("big", "a", "160", at="2026-01-05 12:00")
    assert shop.redeem("a", 160, "r1", at="2026-01-06 12:00")
    shop.orders(*orders(shop, "a", month=2, count=60))
    shop.publish("2026-02-15", policy=DATED | NEGATIVE | {"pending_days": 30})
    shop.orders(*orders(shop, "a", month=3))

    shop.give_back("back", "big", at="2026-03-11 12:00")

    assert (shop.balance("a"), shop.pending("a"), shop.owed("a")) == (0, MANY - 100, 0)


def test_a_household_lends_from_many_lots() -> None:
    shop = Shop(policy=DATED)
    for name in ("a", "b"):
        shop.member(name)
    shop.household("a", "b", at="2026-01-01 12:00")
    shop.orders(*orders(shop, "b", month=1))
    shop.order("o", "a", "10", at="2026-01-20 12:00")

    assert shop.redeem("a", 110, "r1", at="2026-02-01 12:00")

    assert (shop.balance("a"), shop.balance("b")) == (0, MANY - 100)
    require_proof()


def test_who_has_lots_of_one_kind_is_not_searched_for_those_of_the_other() -> None:
    shop = Shop(policy=DATED)
    shop.member("a")
    shop.orders(*orders(shop, "a", month=1))
    bulk.execute("ANALYZE points_lot")
    # So small a table would be read as a whole or sorted, and which of both is luck: only an index in this order is left.
    for way in ("seqscan", "bitmapscan", "sort"):
        bulk.execute(f"SET LOCAL enable_{way} = off")

    asked = {"wallets": [shop.wallet("a").pk], "limit": 50}
    plan = [line.strip() for (line,) in bulk.fetch(f"EXPLAIN {SPENDABLE}", asked)]

    of_lots = [line for line in plan if line.startswith("Index Cond") and "expires_on_inactivity" in line]
    assert [("wallet_id =" in line) for line in of_lots] == [True, True], plan
