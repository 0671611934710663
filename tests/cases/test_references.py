"""One reference is one request of a member, and a redemption comes back once, when nothing of what it paid is kept."""

from collections.abc import Callable

import pytest

from loyalty.activity.account.session import OtherRequest, ReferenceUsed
from loyalty.activity.account.spending import confirm, hold, redeem
from loyalty.points.models import Entry, SpendingReference
from tests.cases.shop import Shop

pytestmark = pytest.mark.django_db


def rich_shop() -> Shop:
    """Let Ada and Bob have 200 points each, in a program with another wallet besides."""
    shop = Shop(wallets={"gold": {"on_return": "stop_at_zero"}})
    for name in ("ada", "bob"):
        shop.member(name)
        shop.adjust(name, 200, "g", at="2026-02-01 10:00")
    return shop


def by_redeeming(shop: Shop) -> None:
    shop.redeem("ada", 60, "r", at="2026-02-01 11:00")


def by_a_hold(shop: Shop) -> None:
    shop.hold("ada", 60, "r", at="2026-02-01 11:00")


def by_a_confirmed_hold(shop: Shop) -> None:
    by_a_hold(shop)
    shop.confirm("ada", "r", at="2026-02-01 11:01")


def by_a_released_hold(shop: Shop) -> None:
    by_a_hold(shop)
    shop.release("ada", "r", at="2026-02-01 11:01")


@pytest.mark.parametrize("use", [by_a_hold, by_a_confirmed_hold])
@pytest.mark.parametrize("points", [40, 60])
def test_the_reference_of_a_hold_redeems_nothing(use: Callable[[Shop], None], points: int) -> None:
    shop = rich_shop()
    use(shop)
    before = shop.balance("ada")

    with pytest.raises(OtherRequest):
        shop.redeem("ada", points, "r", at="2026-02-01 11:02")

    assert shop.balance("ada") == before


def test_the_reference_of_a_hold_that_took_nothing_is_free_for_one_more_request() -> None:
    shop = rich_shop()
    by_a_released_hold(shop)

    shop.redeem("ada", 40, "r", at="2026-02-01 11:02")
    shop.redeem("ada", 40, "r", at="2026-02-01 11:03")  # the same again

    assert shop.balance("ada") == 160
    with pytest.raises(OtherRequest):
        shop.redeem("ada", 60, "r", at="2026-02-01 11:04")
    with pytest.raises(OtherRequest):
        redeem(shop.membership("ada"), 40, reference="r", now=shop.at("2026-02-01 11:05"), wallet="gold")


def test_the_reference_of_a_redemption_holds_nothing() -> None:
    shop = rich_shop()
    by_redeeming(shop)

    with pytest.raises(OtherRequest):
        shop.hold("ada", 60, "r", at="2026-02-01 11:02")

    assert shop.balance("ada") == 140


@pytest.mark.parametrize("use", [by_redeeming, by_a_hold])
def test_a_reference_is_used_in_one_wallet(use: Callable[[Shop], None]) -> None:
    shop = rich_shop()
    use(shop)
    ada, now = shop.membership("ada"), shop.at("2026-02-01 11:02")

    with pytest.raises(OtherRequest):
        redeem(ada, 60, reference="r", now=now, wallet="gold")
    with pytest.raises(OtherRequest):
        hold(ada, 60, reference="r", now=now, wallet="gold")

    assert SpendingReference.objects.filter(membership=ada).count() == 1


def test_the_same_again_changes_nothing_and_what_was_undone_is_used_up() -> None:
    shop = rich_shop()
    by_redeeming(shop)

    assert not shop.redeem("ada", 60, "r", at="2026-02-01 11:02")
    shop.reverse("ada", "r", at="2026-02-01 11:03")
    with pytest.raises(ReferenceUsed):
        shop.redeem("ada", 60, "r", at="2026-02-01 11:04")

    assert shop.redeem("bob", 60, "r", at="2026-02-01 11:05")  # a reference is a member's own
    assert (shop.balance("ada"), shop.balance("bob")) == (200, 140)


def undone_by_itself(shop: Shop) -> str:
    shop.reverse("ada", "r", at="2026-02-01 11:03")
    return "ada"


def undone_with_its_order(shop: Shop) -> str:
    shop.order("A", "ada", "10", at="2026-02-01 11:02", paid_with="10", redemptions=["r"])
    shop.give_back("R", "A", at="2026-02-01 11:03")
    return "ada"


def undone_after_a_merge(shop: Shop) -> str:
    shop.merge("ada", "bob", at="2026-02-01 11:02")
    shop.redemptions["bob", "r"] = Entry.objects.get(cause=f"confirm:{shop.holds['ada', 'r']}").pk
    shop.reverse("bob", "r", at="2026-02-01 11:03")
    return "bob"


def undone_before_a_merge(shop: Shop) -> str:
    undone_by_itself(shop)
    shop.merge("ada", "bob", at="2026-02-01 11:03")
    return "bob"


def undone_between_two_merges(shop: Shop) -> str:
    undone_after_a_merge(shop)
    shop.member("cid")
    shop.merge("bob", "cid", at="2026-02-01 11:03", reference="case 2")
    return "cid"


@pytest.mark.parametrize(
    "undo",
    [undone_by_itself, undone_with_its_order, undone_after_a_merge, undone_before_a_merge, undone_between_two_merges],
)
def test_a_hold_whose_redemption_was_undone_is_neither_held_nor_confirmed_again(undo: Callable[[Shop], str]) -> None:
    shop = rich_shop()
    by_a_confirmed_hold(shop)
    shop.confirm("ada", "r", at="2026-02-01 11:01")  # the same again
    shop.hold("ada", 60, "r", at="2026-02-01 11:01")
    assert shop.balance("ada") == 140
    who = undo(shop)
    before, hold_id = shop.balance(who), shop.holds["ada", "r"]

    with pytest.raises(ReferenceUsed):
        shop.hold(who, 60, "r", at="2026-02-01 11:04")
    with pytest.raises(ReferenceUsed):
        confirm(hold_id, now=shop.at("2026-02-01 11:05"))

    assert shop.balance(who) == before


def returned(shop: Shop, number: str, order: str, at: str) -> None:
    shop.give_back(number, order, at=at)


def imported(shop: Shop, number: str, order: str, at: str) -> None:
    shop.import_returns(shop.brought_back(number, order, at=at))
    shop.decide_backlog(now=at)


@pytest.mark.parametrize("come_back", [returned, imported])
@pytest.mark.parametrize("first", ["A", "B"])
def test_what_two_orders_name_comes_back_when_nothing_is_left_of_both(
    come_back: Callable[[Shop, str, str, str], None], first: str
) -> None:
    shop = rich_shop()
    by_redeeming(shop)
    for number in ("A", "B"):
        shop.order(number, "ada", "10", at="2026-02-01 12:00", paid_with="10", redemptions=["r"])

    come_back(shop, "R1", first, "2026-02-02 12:00")
    assert shop.balance("ada") == 140

    come_back(shop, "R2", "B" if first == "A" else "A", "2026-02-03 12:00")
    assert shop.balance("ada") == 200


def test_an_order_that_names_what_is_not_its_members_own_gives_nothing_back() -> None:
    shop = rich_shop()
    by_redeeming(shop)
    shop.order("A", "ada", "10", at="2026-02-01 12:00", paid_with="10", redemptions=["r"])
    shop.order("B", "bob", "10", at="2026-02-01 12:00", paid_with="10", redemptions=["r", "nobodys"])

    shop.give_back("RB", "B", at="2026-02-02 12:00")
    assert (shop.balance("ada"), shop.balance("bob")) == (140, 200)

    shop.give_back("RA", "A", at="2026-02-02 13:00")
    assert shop.balance("ada") == 200
