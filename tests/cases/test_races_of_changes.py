"""Corrections, claims and merges that meet something else come to what one after the other would, wherever they meet."""

from collections.abc import Callable

import pytest

from customers.correcting import OtherVersion
from customers.merging import SameCustomer
from customers.models import UndecidedFact
from loyalty.activity.account.session import HasLeft
from loyalty.points.proof import prove
from tests import make
from tests.cases.interleaving import Met, Work, every_meeting
from tests.cases.shop import Shop
from tests.cases.test_races import BOTH_WAYS, World, refused, turned

pytestmark = pytest.mark.usefixtures("committed_db")

DAY = "2026-03-01 12:00"


def shop_of_two() -> Shop:
    """A shop with two members, one of whom has bought something."""
    shop = Shop()
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("o1", "ada", make.line("60.00", sku="milk"), make.line("30.00", sku="tea"), at=DAY)
    return shop


def correcting(shop: Shop, amount: str, version: int) -> Work:
    """Return the correction of the first line, the second as it is."""
    return lambda: shop.correct("o1", "ada", make.line(amount, sku="milk"), make.line("30.00", sku="tea"), at=DAY,
                                version=version)  # fmt: skip


def sound(check: Callable[[Met], None]) -> Callable[[Met], object]:
    def both(met: Met) -> None:
        check(met)
        assert prove().differences == []

    return both


def test_of_two_corrections_the_later_version_wins() -> None:
    def world(_: int) -> World:
        shop = shop_of_two()

        def check(_: Met) -> None:
            assert shop.balance("ada") == 80

        first, second = correcting(shop, "40.00", 1), correcting(shop, "50.00", 2)
        return lambda: refused(first, OtherVersion), second, sound(check)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_correction_and_a_return_leave_what_the_corrected_order_keeps(turn: str) -> None:
    def world(_: int) -> World:
        shop = shop_of_two()

        def check(_: Met) -> None:
            assert shop.balance("ada") == 40

        back = shop.brought_back("r1", "o1", lines=[(2, "1")], at="2026-03-02 12:00")
        return turned((correcting(shop, "40.00", 1), lambda: shop.returns(back), sound(check)), turn)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_claim_and_a_return_leave_what_the_order_keeps(turn: str) -> None:
    def world(_: int) -> World:
        shop = shop_of_two()
        shop.order("g1", None, "60.00", "30.00", at=DAY)

        def check(_: Met) -> None:
            assert shop.balance("bob") == 60

        back = shop.brought_back("r1", "g1", lines=[(2, "1")], at="2026-03-02 12:00")
        return turned((lambda: shop.claim("g1", "bob"), lambda: shop.returns(back), sound(check)), turn)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_merge_and_an_order_of_the_one_who_goes_leave_all_with_the_one_who_stays(turn: str) -> None:
    def world(_: int) -> World:
        shop = shop_of_two()
        fact = shop.bought("o2", "ada", "7.00", at=DAY)

        def check(_: Met) -> None:
            assert (shop.balance("bob"), shop.balance("ada")) == (97, 0)

        return turned((lambda: shop.merge("ada", "bob"), lambda: shop.orders(fact), sound(check)), turn)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_merge_and_the_backlog_decide_what_waits_once(turn: str) -> None:
    def world(_: int) -> World:
        shop = shop_of_two()
        shop.import_orders(shop.bought("o2", "ada", "7.00", at=DAY))

        def check(_: Met) -> None:
            shop.decide_backlog()
            assert (shop.balance("bob"), shop.balance("ada")) == (97, 0)
            assert not UndecidedFact.objects.filter(retailer=shop.retailer).exists()

        return turned((lambda: shop.merge("ada", "bob"), shop.decide_backlog, sound(check)), turn)

    assert every_meeting(world) == []


@BOTH_WAYS
def test_a_merge_and_a_redemption_of_the_one_who_goes_spend_no_point_twice(turn: str) -> None:
    def world(_: int) -> World:
        shop = shop_of_two()
        spend = lambda: refused(lambda: shop.redeem("ada", 50, "x", at=DAY), HasLeft)  # noqa: E731 - a work

        def check(met: Met) -> None:
            was_refused = met.second.result if not turn else met.first.result
            assert shop.balance("bob") == (90 if was_refused else 40)

        return turned((lambda: shop.merge("ada", "bob"), spend, sound(check)), turn)

    assert every_meeting(world) == []


def test_two_merges_of_each_other_are_one() -> None:
    def world(_: int) -> World:
        shop = shop_of_two()

        def check(_: Met) -> None:
            assert sorted((shop.balance("bob"), shop.balance("ada"))) == [0, 90]

        return (
            lambda: refused(lambda: shop.merge("ada", "bob"), SameCustomer),
            lambda: refused(lambda: shop.merge("bob", "ada"), SameCustomer),
            sound(check),
        )

    assert every_meeting(world) == []
