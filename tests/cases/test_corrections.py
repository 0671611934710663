"""What a corrected order leaves behind: the same as in a shop that only ever heard the corrected one."""

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pytest

from customers.core.errors import DomainError
from customers.correcting import CameBack, HappenedBefore, OtherVersion
from customers.facts import LineFact
from customers.models import OrderRevision
from loyalty.activity.account.leaving import leave
from loyalty.activity.models import OrderDecision
from loyalty.points.models import BudgetShare, QualifyingDay
from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

FIRST = Rule(code="first", kind="first_order", points="100", uses_multiplier=False)
TIERS = (Rung("bronze", "0"), Rung("silver", "100", "2", gift=30))
Script = tuple[Callable[[Shop], object], ...]
do = methodcaller


def of(sku: str, amount: str) -> LineFact:
    return make.line(amount, sku=sku)


def picture(shop: Shop, *names: str) -> dict[str, Any]:
    """Return all that members, and the program, can be seen to have."""
    found: dict[str, Any] = {}
    for name in names:
        wallet = shop.wallet(name)
        holdings = shop.holdings(name)
        days = QualifyingDay.objects.filter(wallet=wallet).order_by("on_date")
        counted = [(str(day.on_date), day.spend, day.points, day.orders) for day in days]
        found[name] = {
            "holdings": holdings,
            "shortfall": wallet.shortfall,
            "usable": shop.usable_through(name),
            "days": [day for day in counted if any(day[1:])],
            "tier": shop.tier(name),
            "orders": sorted(
                OrderDecision.objects.filter(membership=shop.membership(name)).values_list(
                    "order__number", "points", "points_kept", "is_first", "is_kept", "reason"
                )
            ),
        }
    shares = BudgetShare.objects.filter(program=shop.program).values_list("starts_on", "used")
    budgets: dict[str, int] = {}
    for starts_on, used in shares:
        budgets[str(starts_on)] = budgets.get(str(starts_on), 0) + used
    found["budgets"] = {month: used for month, used in budgets.items() if used}
    return found


YEAR = {"pending_days": 0, "expiry": "days", "expiry_count": 100}
PLAIN: dict[str, Any] = {"rules": (Rule(), FIRST), "tiers": TIERS, "policy": YEAR}
END = "2026-03-20 12:00"


def told(shop: Shop) -> None:
    """Let two be members, one of whom has bought something else."""
    for name in ("a", "b"):
        shop.member(name)
    shop.order("o0", "b", "7", at="2026-01-10 12:00")


# What happened first, what the order should have said, and how it would have been told.
CASES: dict[str, tuple[dict[str, Any], Script, Script]] = {
    "less": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "50", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "50", at="2026-02-01 12:00"),),
    ),
    "more, over a tier": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "130", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "130", at="2026-02-01 12:00", now=END),),
    ),
    "less, under a tier": (
        PLAIN,
        (do("order", "o1", "a", "130", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "50", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "50", at="2026-02-01 12:00"),),
    ),
    "up and down again": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "130", at="2026-02-01 12:00", now="2026-02-03 12:00"),
                      do("correct", "o1", "a", "20", at="2026-02-01 12:00", version=2, now="2026-02-05 12:00"),
                      do("correct", "o1", "a", "60", at="2026-02-01 12:00", version=3, now=END)),
        (do("order", "o1", "a", "60", at="2026-02-01 12:00"),),
    ),
    "another day": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "80", at="2026-01-20 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-01-20 12:00"),),
    ),
    "another day and content": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "60", "30", at="2026-01-20 12:00", now=END)),
        (do("order", "o1", "a", "60", "30", at="2026-01-20 12:00"),),
    ),
    "another day, whose points have expired": (
        PLAIN | {"policy": {"pending_days": 0, "expiry": "days", "expiry_count": 30}},
        (do("order", "o1", "a", "80", at="2026-03-01 12:00"),
                      do("correct", "o1", "a", "80", at="2026-01-20 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-01-20 12:00"), do("nights", "2026-03-20")),
    ),
    "spent, then less": (
        PLAIN | {"policy": YEAR | STOP},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("redeem", "a", 40, "x", at="2026-02-02 12:00"),
                      do("correct", "o1", "a", "50", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "50", at="2026-02-01 12:00"),
                      do("redeem", "a", 40, "x", at="2026-02-02 12:00")),
    ),
    "spent, then on another day": (
        PLAIN | {"policy": YEAR | STOP},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("redeem", "a", 100, "x", at="2026-02-02 12:00"),
                      do("correct", "o1", "a", "80", at="2026-01-20 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-01-20 12:00"),
                      do("redeem", "a", 100, "x", at="2026-02-02 12:00")),
    ),
    "after a return": (
        PLAIN,
        (do("order", "o1", "a", of("milk", "80"), of("tea", "20"), at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")]),
                      do("correct", "o1", "a", of("milk", "70"), of("tea", "30"),
                                   at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "70", "30", at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])),
    ),
    "another's": (
        PLAIN,
        (do("order", "o1", "a", "90", at="2026-02-01 12:00"),
                      do("order", "o2", "a", "5", at="2026-02-02 12:00"),
                      do("correct", "o1", "b", "90", at="2026-02-01 12:00", now=END)),
        (do("order", "o2", "a", "5", at="2026-02-02 12:00"),
                      do("order", "o1", "b", "90", at="2026-02-01 12:00", now=END)),
    ),
    "another's, with a tier and its gift": (
        PLAIN,
        (do("order", "o2", "a", "5", at="2026-01-30 12:00"),
                      do("order", "o1", "a", "130", at="2026-02-01 12:00"),
                      do("correct", "o1", "b", "130", at="2026-02-01 12:00", now=END)),
        (do("order", "o2", "a", "5", at="2026-01-30 12:00"),
                      do("order", "o1", "b", "130", at="2026-02-01 12:00", now=END)),
    ),
    "another's, of which something came back": (
        PLAIN,
        (do("order", "o1", "a", of("milk", "80"), of("tea", "20"), at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")]),
                      do("correct", "o1", "b", of("milk", "80"), of("tea", "20"), at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "b", "80", "20", at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])),
    ),
    "nobody's": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", None, "80", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", None, "80", at="2026-02-01 12:00"),),
    ),
    "a guest's before": (
        PLAIN,
        (do("order", "o1", None, "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "80", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),),
    ),
    "before the membership": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("order", "o2", "a", "10", at="2026-02-02 12:00"),
                      do("correct", "o1", "a", "80", at="2025-12-20 12:00", now=END)),
        (do("order", "o2", "a", "10", at="2026-02-02 12:00"),
                      do("order", "o1", "a", "80", at="2025-12-20 12:00")),
    ),
    "into the membership": (
        PLAIN,
        (do("order", "o1", "a", "80", at="2025-12-20 12:00", now="2026-02-01 12:00"),
                      do("correct", "o1", "a", "80", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),),
    ),
    "over the transaction's limit": (
        PLAIN | {"tiers": (), "policy": YEAR | {"transaction_limit": 300}},
        (do("order", "o1", "a", of("milk", "80"), of("tea", "20"), at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")]),
                      do("correct", "o1", "a", of("milk", "280"), of("tea", "20"),
                                   at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "280", "20", at="2026-02-01 12:00"),
                      do("give_back", "r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])),
    ),
    "another month's budget": (
        PLAIN | {"policy": YEAR | {"budget": 1000, "budget_period": "month", "period_limit": 150, "period": "month"}},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "80", at="2026-01-20 12:00", now=END)),
        (do("order", "o1", "a", "80", at="2026-01-20 12:00"),),
    ),
    "pending": (
        PLAIN | {"policy": {"pending_days": 60, "expiry": "days", "expiry_count": 100}},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", "90", at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", "90", at="2026-02-01 12:00"),),
    ),
    "delivered before": (
        PLAIN | {"policy": {"pending_days": 14, "pending_event": "delivered", "expiry": "days", "expiry_count": 100}},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("deliver", "o1", at="2026-02-02 12:00"),
                      do("correct", "o1", "a", "90", at="2026-01-30 12:00", now=END)),
        (do("order", "o1", "a", "90", at="2026-01-30 12:00"),
                      do("deliver", "o1", at="2026-02-02 12:00"), do("nights", "2026-03-20")),
    ),
    "another wallet": (
        PLAIN | {"rules": (Rule(), Rule(code="s", wallet="stars", kind="per_item", points="3", categories=("x",))),
                 "wallets": {"stars": {"name": "Stars"}}},
        (do("order", "o1", "a", "80", at="2026-02-01 12:00"),
                      do("correct", "o1", "a", make.line("80", category="x"), at="2026-02-01 12:00", now=END)),
        (do("order", "o1", "a", make.line("80", category="x"), at="2026-02-01 12:00"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_as_if_the_corrected_order_had_been_the_only_one(name: str) -> None:
    given, corrected, only = CASES[name]
    one, other = Shop(**given), Shop(**given)

    for shop, script in ((one, corrected), (other, only)):
        told(shop)
        for step in script:
            step(shop)
        shop.hears_nothing_until(END)

    assert picture(one, "a", "b") == picture(other, "a", "b")
    assert prove().differences == []


def test_what_owes_is_owed_less_when_a_correction_gives_more() -> None:
    shop = Shop(policy={"pending_days": 0} | NEGATIVE)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.redeem("a", 100, "x", at="2026-02-01 13:00")
    shop.correct("o1", "a", "60", at="2026-02-01 12:00", now="2026-02-02 12:00")
    assert (shop.balance("a"), shop.owed("a")) == (0, 40)

    shop.correct("o1", "a", "120", at="2026-02-01 12:00", version=2, now="2026-02-03 12:00")

    assert (shop.balance("a"), shop.owed("a")) == (20, 0)


def test_what_another_order_missed_is_not_settled_by_a_correction() -> None:
    shop = Shop(policy={"pending_days": 0} | STOP)
    shop.member("a")
    shop.order("o1", "a", "50", at="2026-02-01 12:00")
    shop.redeem("a", 50, "x", at="2026-02-01 13:00")
    shop.give_back("r1", "o1", at="2026-02-02 12:00")
    shop.order("o2", "a", "100", at="2026-02-03 12:00")

    shop.correct("o2", "a", "150", at="2026-02-03 12:00", now="2026-02-04 12:00")

    assert shop.balance("a") == 150


def test_a_correction_told_twice_changes_nothing_and_an_older_one_is_refused() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    fact = shop.bought("o1", "a", "50", at="2026-02-01 12:00")

    said = [shop.correct("o1", "a", *fact.lines, at="2026-02-01 12:00", version=2, now=END) for _ in range(2)]
    with pytest.raises(OtherVersion):
        shop.correct("o1", "a", "60", at="2026-02-01 12:00", version=1, now=END)

    assert said == ["corrected", "unchanged"]
    assert shop.balance("a") == 50
    assert OrderRevision.objects.count() == 1


def test_the_correction_of_an_order_that_is_not_known_is_the_order() -> None:
    shop = Shop()
    shop.member("a")

    assert shop.correct("o1", "a", "80", at="2026-02-01 12:00", version=3) == "created"

    assert shop.balance("a") == 80


@pytest.mark.parametrize("who", ["a", "b", None])
def test_an_order_that_waits_is_decided_as_what_it_is_then(who: str | None) -> None:
    shop = Shop()
    for name in ("a", "b"):
        shop.member(name)
    shop.import_orders(shop.bought("o1", "a", "80", at="2026-02-01 12:00"), now="2026-02-01 12:00")

    shop.correct("o1", who, "50", at="2026-01-20 12:00", now="2026-02-02 12:00")
    assert (shop.balance("a"), shop.balance("b")) == (0, 0)
    shop.decide_backlog(now="2026-02-02 13:00")

    assert {name: shop.balance(name) for name in ("a", "b")} == {"a": 0, "b": 0} | ({who: 50} if who else {})
    assert prove().differences == []


@pytest.mark.parametrize(
    ("lines", "at", "error"),
    [
        ((), "2026-02-01 12:00", CameBack),
        (("50",), "2026-02-01 12:00", CameBack),
        (None, "2026-02-20 12:00", HappenedBefore),
        (None, "2027-01-01 12:00", DomainError),
    ],
    ids=["without lines", "other lines", "after its return", "in the future"],
)
def test_a_correction_that_cannot_be_is_refused_and_changes_nothing(
    lines: Any, at: str, error: type[DomainError]
) -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "80", "20", at="2026-02-01 12:00")
    shop.give_back("r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])
    before = picture(shop, "a")

    with pytest.raises((error, DomainError)):
        shop.correct("o1", "a", *(shop.known.orders["o1"].lines if lines is None else lines), at=at, now=END)

    assert picture(shop, "a") == before
    assert OrderRevision.objects.count() == 0


def test_returns_after_a_correction_take_what_the_corrected_order_gave() -> None:
    shop = Shop(**PLAIN)
    shop.member("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    shop.correct("o1", "a", "90", "40", at="2026-01-20 12:00", now="2026-02-03 12:00")
    assert shop.balance("a") == 260

    shop.give_back("r1", "o1", at="2026-02-05 12:00", lines=[(2, "1")])
    assert shop.balance("a") == 190
    shop.give_back("r2", "o1", at="2026-02-06 12:00", lines=[(1, "1")])

    assert (shop.balance("a"), shop.tier("a"), shop.counted("a")) == (0, "bronze", 0)
    assert prove().differences == []


def test_each_program_is_corrected_by_what_it_has_decided() -> None:
    shop = Shop(rules=(Rule(), FIRST))
    other = Shop(beside=shop, rules=(Rule("3"),))
    shop.member("a")
    other.member("a", since="2026-02-10 12:00")
    shop.order("o1", "a", "80", "20", at="2026-02-01 12:00", now="2026-02-11 12:00")
    shop.give_back("r1", "o1", at="2026-02-12 12:00", lines=[(2, "1")])
    assert (shop.balance("a"), other.balance("a")) == (180, 0)

    lines = shop.known.orders["o1"].lines
    shop.correct("o1", "a", *lines, at="2026-02-11 12:00", now=END)
    assert (shop.balance("a"), other.balance("a"), other.counted("a")) == (180, 240, 80)
    shop.correct("o1", "a", *lines, at="2026-02-01 12:00", version=2, now=END)

    assert (shop.balance("a"), other.balance("a"), other.counted("a")) == (180, 0, 0)
    assert prove().differences == []


def test_an_order_of_one_who_has_left_goes_to_whose_it_is() -> None:
    shop = Shop()
    for name in ("a", "b"):
        shop.member(name)
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leave(shop.membership("a"), now=shop.at("2026-02-02 12:00"))

    shop.correct("o1", "b", "80", at="2026-02-01 12:00", now=END)

    assert (shop.balance("a"), shop.balance("b")) == (0, 80)
    assert prove().differences == []


def test_what_is_held_of_a_corrected_order_goes_when_its_hold_ends() -> None:
    shop = Shop(policy={"pending_days": 0} | STOP)
    shop.member("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    shop.hold("a", 80, "h", at=END, minutes=60)
    shop.correct("o1", "a", "50", at="2026-02-01 12:00", now=END)
    assert shop.balance("a") == 0

    shop.release("a", "h", at="2026-03-20 12:10")

    assert (shop.balance("a"), shop.wallet("a").shortfall) == (50, 0)
    assert prove().differences == []


def test_a_correction_neither_undoes_what_paid_the_order_nor_pays_it_twice() -> None:
    shop = Shop()
    for name in ("a", "b"):
        shop.member(name)
    shop.order("o0", "a", "100", at="2026-01-20 12:00")
    shop.redeem("a", 60, "x", at="2026-02-01 11:00")
    shop.order("o1", "a", "80", at="2026-02-01 12:00", paid_with="60", redemptions=("x",))
    assert shop.balance("a") == 60

    shop.correct("o1", "b", "80", at="2026-02-01 12:00", paid_with="60", redemptions=("x",), now=END)

    assert (shop.balance("a"), shop.balance("b")) == (40, 20)


@pytest.mark.parametrize("moved_to", ["2026-02-01 11:00", "2026-02-03 10:00"])
def test_a_moved_order_is_not_multiplied_by_the_tier_that_it_gave_itself(moved_to: str) -> None:
    shop = Shop(tiers=[Rung("base", "0"), Rung("silver", "100", times="2")])
    shop.member("a")
    shop.order("o1", "a", "120", at="2026-02-01 10:00")

    shop.correct("o1", "a", "120", at=moved_to, version=2, now="2026-02-05 10:00")

    assert (shop.balance("a"), shop.tier("a")) == (120, "silver")
