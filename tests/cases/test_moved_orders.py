"""What was held, spent or lent of an order whose instant is corrected: it comes back with the days of the new instant."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import pytest

from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop
from tests.cases.test_corrections import picture

pytestmark = pytest.mark.django_db

Script = tuple[Callable[[Shop], object], ...]
do = methodcaller
DAYS = {"pending_days": 0, "expiry": "days", "expiry_count": 100}
OLD, NEW, END = "2026-02-10 12:00", "2026-02-01 12:00", "2026-03-20 12:00"
ON = "2026-03-01 12:00"
WHOLE = make.line("80", sku="milk")


@dataclass(frozen=True)
class Moved:
    """A correction to another instant, maybe with another amount; an order that was there from the beginning stays there."""

    amount: str = "80"
    to: str = NEW
    version: int = 1

    def __call__(self, shop: Shop) -> None:
        shop.correct("o1", "a", make.line(self.amount, sku="milk"), at=self.to, version=self.version, now=ON)


# What happened before the correction, the correction, and what happened after it.
CASES: dict[str, tuple[dict[str, Any], Script, tuple[Moved, ...], Script]] = {
    "held, then released": (
        DAYS,
        (do("hold", "a", 50, "h", at=ON, minutes=60),),
        (Moved(),),
        (do("release", "a", "h", at="2026-03-01 12:10"),),
    ),
    "held, then confirmed in part": (
        DAYS,
        (do("hold", "a", 50, "h", at=ON, minutes=60),),
        (Moved(),),
        (do("confirm", "a", "h", at="2026-03-01 12:10", points=20),),
    ),
    "held, then timed out": (
        DAYS,
        (do("hold", "a", 80, "h", at=ON, minutes=10),),
        (Moved(),),
        (do("time_out", at="2026-03-01 12:30"),),
    ),
    "redeemed, then undone": (
        DAYS,
        (do("redeem", "a", 50, "x", at="2026-02-20 12:00"),),
        (Moved(),),
        (do("reverse", "a", "x", at="2026-03-02 12:00"),),
    ),
    "redeemed, and undone when it would have expired": (
        DAYS | {"expiry_count": 30},
        (do("redeem", "a", 50, "x", at="2026-02-20 12:00"),),
        (Moved(),),
        (do("reverse", "a", "x", at="2026-03-07 12:00"), do("nights", "2026-03-20")),
    ),
    "redeemed for an order that comes back": (
        DAYS,
        (do("redeem", "a", 50, "x", at="2026-02-20 12:00"),
         do("order", "o2", "a", "50", at="2026-02-20 12:10", paid_with="50", redemptions=("x",))),
        (Moved(),),
        (do("give_back", "r2", "o2", at="2026-03-05 12:00"),),
    ),
    "moved twice": (
        DAYS,
        (do("redeem", "a", 50, "x", at="2026-02-20 12:00"), do("hold", "a", 20, "h", at=ON, minutes=60)),
        (Moved(to="2026-02-15 12:00"), Moved(version=2)),
        (do("release", "a", "h", at="2026-03-01 12:10"), do("reverse", "a", "x", at="2026-03-02 12:00")),
    ),
    "with less, of what is held": (
        DAYS | STOP,
        (do("hold", "a", 80, "h", at=ON, minutes=60),),
        (Moved("50"),),
        (do("release", "a", "h", at="2026-03-01 12:10"),),
    ),
    "with less, of what is redeemed": (
        DAYS | NEGATIVE,
        (do("redeem", "a", 80, "x", at="2026-02-20 12:00"),),
        (Moved("50"),),
        (do("reverse", "a", "x", at="2026-03-02 12:00"),),
    ),
    "with more, of what is redeemed": (
        DAYS,
        (do("redeem", "a", 80, "x", at="2026-02-20 12:00"),),
        (Moved("95"),),
        (do("reverse", "a", "x", at="2026-03-02 12:00"),),
    ),
    "held and claimed by a return before": (
        DAYS | STOP,
        (do("hold", "a", 80, "h", at=ON, minutes=60),
         do("give_back", "r1", "o1", at=ON, lines=[(1, "0.5")])),
        (Moved(),),
        (do("release", "a", "h", at="2026-03-01 12:10"),),
    ),
    "moved, and only then returned": (
        DAYS | STOP,
        (do("redeem", "a", 80, "x", at="2026-02-20 12:00"),),
        (Moved(),),
        (do("give_back", "r1", "o1", at="2026-03-01 13:00", lines=[(1, "0.5")]),
         do("reverse", "a", "x", at="2026-03-02 12:00")),
    ),
    "while the household's hold has it": (
        DAYS,
        (do("household", "a", "b", at="2026-02-11 12:00"), do("hold", "b", 50, "h", at=ON, minutes=60)),
        (Moved(),),
        (do("release", "b", "h", at="2026-03-01 12:10"),),
    ),
    "while the household has spent it": (
        DAYS,
        (do("household", "a", "b", at="2026-02-11 12:00"), do("redeem", "b", 80, "x", at="2026-02-20 12:00"),
         do("order", "o2", "b", "80", at="2026-02-20 12:10", paid_with="80", redemptions=("x",))),
        (Moved(),),
        (do("give_back", "r2", "o2", at="2026-03-05 12:00"),),
    ),
    "whose points another return took": (
        DAYS | STOP,
        (do("order", "o2", "a", "30", at="2026-02-09 12:00"), do("redeem", "a", 30, "x", at="2026-02-20 12:00"),
         do("give_back", "r2", "o2", at="2026-02-21 12:00")),
        (Moved(to="2026-02-12 12:00"),),
        (do("reverse", "a", "x", at="2026-03-02 12:00"),),
    ),
    "whose member was merged since": (
        DAYS,
        (do("redeem", "a", 50, "x", at="2026-02-20 12:00"),),
        (Moved(),),
        (do("merge", "a", "b", at="2026-03-01 13:00"),
         lambda shop: shop.redemptions.update({("b", "x"): shop.redemptions["a", "x"]}),
         do("reverse", "b", "x", at="2026-03-02 12:00")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_comes_back_lives_as_the_corrected_order_says(name: str) -> None:
    policy, before, correction, after = CASES[name]
    one, other = (Shop(rules=(Rule(),), policy=policy) for _ in range(2))
    *_, last = correction

    for shop, at, corrections in ((one, OLD, correction), (other, last.to, (last,))):
        for who in ("a", "b"):
            shop.member(who)
        shop.order("o1", "a", WHOLE, at=at)
        steps: Script = (*before, *corrections, *after)
        for step in steps:
            step(shop)
        shop.hears_nothing_until(END)

    names = ("b",) if "merged" in name else ("a", "b")
    assert picture(one, *names) == picture(other, *names)
    assert prove().differences == []


def test_what_is_held_or_spent_of_an_order_that_turns_out_to_be_pending_waits_when_it_comes_back() -> None:
    shop = Shop(policy=DAYS | {"pending_days": 14})
    shop.member("a")
    shop.order("o1", "a", "80", at=OLD)
    shop.nights("2026-02-25")
    shop.hold("a", 50, "h", at=ON, minutes=60)
    shop.redeem("a", 20, "x", at=ON)

    shop.correct("o1", "a", "80", at="2026-02-20 12:00", now=ON)
    assert (shop.balance("a"), shop.pending("a"), shop.holdings("a").held) == (0, 10, 50)
    shop.release("a", "h", at="2026-03-01 12:10")
    shop.reverse("a", "x", at="2026-03-01 12:20")
    assert (shop.balance("a"), shop.pending("a")) == (0, 80)
    shop.nights("2026-03-20")

    assert (shop.balance("a"), shop.pending("a"), shop.usable_through("a")) == (80, 0, [("2026-06-14", 80)])
    assert prove().differences == []


def test_a_lot_of_which_something_is_held_stays_where_its_order_turns_out_to_await_its_delivery() -> None:
    shop = Shop(policy=DAYS)
    shop.member("a")
    shop.publish("2026-02-05 00:00", now="2026-02-01 00:00", policy={"pending_event": "delivered", "pending_days": 1})
    shop.order("o1", "a", "80", at="2026-02-04 12:00")
    shop.hold("a", 50, "h", at=ON, minutes=60)
    shop.redeem("a", 20, "x", at=ON)

    shop.correct("o1", "a", "80", at=OLD, now=ON)
    shop.release("a", "h", at="2026-03-01 12:10")
    shop.reverse("a", "x", at="2026-03-01 12:20")
    assert (shop.balance("a"), shop.pending("a")) == (70, 10)
    shop.deliver("o1", at="2026-03-02 12:00")
    shop.nights("2026-03-20")

    assert (shop.balance("a"), shop.pending("a")) == (80, 0)
    assert prove().differences == []


SILVER = (Rung("bronze", "0"), Rung("silver", "100", times="2"))


@pytest.mark.parametrize(
    ("others", "moved_to", "gives"),
    [
        ((("60", "2026-02-05 12:00"),), "2026-02-06 12:00", 60),  # silver came of both together
        ((("60", "2026-02-05 12:00"),), "2026-02-05 13:00", 60),
        ((("60", "2026-02-05 12:00"), ("50", "2026-02-05 15:00")), "2026-02-06 12:00", 120),
        ((("60", "2026-02-05 12:00"), ("50", "2026-02-07 12:00")), "2026-02-06 12:00", 60),
        ((("120", "2026-02-05 12:00"),), "2026-02-06 12:00", 120),
        ((("120", "2026-02-05 12:00"),), "2026-02-04 12:00", 60),
        ((("120", "2026-02-05 12:00"),), "2026-02-05 13:00", 120),
        ((("120", "2026-02-05 12:00"),), "2026-02-05 11:00", 60),
    ],
)
@pytest.mark.parametrize("downgrade", ["never", "at_once", "period_end"])
def test_a_moved_order_is_multiplied_by_the_tier_that_others_gave_without_it(
    downgrade: str, others: tuple[tuple[str, str], ...], moved_to: str, gives: int
) -> None:
    shop = Shop(tiers=SILVER, scheme={"downgrade": downgrade})
    shop.member("a")
    shop.order("o1", "a", "60", at="2026-02-01 10:00")
    for place, (amount, at) in enumerate(others, start=2):
        shop.order(f"o{place}", "a", amount, at=at)

    shop.correct("o1", "a", make.line("60"), at=moved_to, version=2, now="2026-02-10 10:00")

    assert shop.gave("a", "o1") == gives
