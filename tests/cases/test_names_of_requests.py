"""A caller's reference is never taken for a name of the house, and goes on naming its request when members become one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from customers.facts import OrderFact
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.session import OtherRequest, ReferenceUsed
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.activity.intake import Answer, take_orders
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.undoing import cancel_reward
from loyalty.memberships.models import Membership
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward, RewardRedemption
from tests import make
from tests.make import on

pytestmark = pytest.mark.django_db

START, THEN, MERGED, AFTER = (on(f"2026-02-0{day}T12:00") for day in (1, 2, 3, 4))


def club() -> Program:
    draft = make.version(points={"may_transfer": True})
    Reward.objects.create(
        version=draft, code="five", name="Five", kind="amount_off", points=20, value=Decimal(5), codes="generated"
    )
    return make.published(draft)


def members(*names: str) -> list[Membership]:
    """Return members of one program who have 100 points each."""
    program = club()
    found = [make.member(program, name) for name in names]
    for each in found:
        make.given(each, 100, START)
    return found


def merge(source: Membership, target: Membership) -> None:
    ids = (source.customer.external_id, target.customer.external_id)
    take_merge(source.program.retailer, *ids, reference="one person", now=MERGED)


def left(who: Membership) -> int:
    return make.spendable(who, AFTER)


# Names that look like those of the house.


def test_a_redemption_may_be_called_like_a_hold() -> None:
    (ada,) = members("ada")
    held, _ = hold(ada, 10, reference="cart", now=THEN)

    redeem(ada, 10, reference=f"hold:{held.pk}", now=THEN)
    confirm(held.pk, now=THEN)

    assert left(ada) == 80


def test_a_redemption_may_be_called_like_a_hold_that_was_confirmed() -> None:
    (ada,) = members("ada")
    held, _ = hold(ada, 10, reference="cart", now=THEN)
    confirm(held.pk, now=THEN)

    receipt = redeem(ada, 10, reference=f"hold:{held.pk}", now=THEN)

    assert (receipt.is_new, left(ada)) == (True, 80)


def test_an_order_gives_back_what_it_names_and_not_what_is_called_like_it() -> None:
    (ada,) = members("ada")
    held, _ = hold(ada, 10, reference="cart", now=THEN)
    confirm(held.pk, now=THEN)
    redeem(ada, 30, reference=f"hold:{held.pk}", now=THEN)
    bought = take_orders(
        ada.program.retailer, [make.order(ada, "10.00", at=THEN, paid_with_points=Decimal(10), redemptions=("cart",))],
        now=THEN,
    )[0]  # fmt: skip

    make.returns(ada, bought, (1, "1"))

    assert left(ada) == 70  # 100, less the 30


@pytest.mark.parametrize("is_first", [True, False])
def test_a_transfer_may_be_called_like_what_was_received(*, is_first: bool) -> None:
    ada, bob, charlie = members("ada", "bob", "charlie")

    if is_first:
        transfer(bob, charlie, 5, reference=f"x:from:{ada.pk}", now=THEN)
    transfer(ada, bob, 7, reference="x", now=THEN)
    if not is_first:
        transfer(bob, charlie, 5, reference=f"x:from:{ada.pk}", now=THEN)

    assert (left(ada), left(bob), left(charlie)) == (93, 102, 105)


def test_two_of_a_household_may_lend_each_other_under_any_names() -> None:
    ada, bob = members("ada", "bob")
    key = f"Api-Key {make.key(ada.program.retailer)}"
    Client().put(
        f"/api/v1/members/{ada.number}/household", {"members": [bob.number]}, "application/json",
        headers={"Authorization": key},
    )  # fmt: skip

    redeem(ada, 110, reference="x", now=THEN)  # of which Bob lends 10
    make.given(ada, 100, THEN)
    redeem(bob, 120, reference=f"x:{ada.pk}:from", now=THEN)  # of which Ada lends 30

    assert (left(ada), left(bob)) == (70, 0)


def test_one_name_is_one_request_whichever_wallet_it_is_of() -> None:
    draft = make.version(points={"may_transfer": True})
    PointsPolicy.objects.create(version=draft, code="stars", may_transfer=True)
    program = make.published(draft)
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    for wallet in ("points", "stars"):
        adjust(ada, 100, reference=wallet, reason="a start", author="test", now=START, wallet=wallet)
    transfer(ada, bob, 5, reference="x", now=THEN)
    adjust(ada, 7, reference="x", reason="sorry", author="test", now=THEN)

    with pytest.raises(OtherRequest):
        transfer(ada, bob, 5, reference="x", now=THEN, wallet="stars")
    with pytest.raises(OtherRequest):
        adjust(ada, 7, reference="x", reason="sorry", author="test", now=THEN, wallet="stars")

    assert [make.spendable(ada, AFTER, wallet) for wallet in ("points", "stars")] == [102, 100]


# Members who become one: Ada goes, Bob stays.


def test_the_redemption_of_who_went_is_known_to_who_stays() -> None:
    ada, bob = members("ada", "bob")
    redeem(ada, 30, reference="x", now=THEN)
    merge(ada, bob)

    again = redeem(bob, 30, reference="x", now=AFTER)
    for points in (20, 31):
        with pytest.raises(OtherRequest):
            redeem(bob, points, reference="x", now=AFTER)
    with pytest.raises(OtherRequest):
        hold(bob, 30, reference="x", now=AFTER)
    with pytest.raises(OtherRequest):
        redeem_reward(bob, "five", reference="x", now=AFTER)

    assert (again.is_new, left(bob)) == (False, 170)


def test_what_who_went_had_undone_stays_undone() -> None:
    ada, bob = members("ada", "bob")
    reverse(ada, redeem(ada, 30, reference="x", now=THEN).entry_id, now=THEN)
    merge(ada, bob)

    with pytest.raises(ReferenceUsed):
        redeem(bob, 30, reference="x", now=AFTER)

    assert left(bob) == 200


def test_the_reward_of_who_went_is_known_to_who_stays() -> None:
    ada, bob = members("ada", "bob")
    redeem_reward(ada, "five", reference="x", now=THEN)
    merge(ada, bob)

    again = redeem_reward(bob, "five", reference="x", now=AFTER)
    with pytest.raises(OtherRequest):
        redeem(bob, 20, reference="x", now=AFTER)
    with pytest.raises(OtherRequest):
        hold(bob, 20, reference="x", now=AFTER)

    assert (again.is_new, left(bob)) == (False, 180)


def test_the_hold_of_who_went_is_known_to_who_stays() -> None:
    ada, bob = members("ada", "bob")
    held, _ = hold(ada, 7, reference="x", now=THEN)
    confirm(held.pk, now=THEN)
    merge(ada, bob)

    again, _ = hold(bob, 7, reference="x", now=AFTER)
    with pytest.raises(OtherRequest):
        hold(bob, 8, reference="x", now=AFTER)

    assert (again.pk, left(bob)) == (held.pk, 193)


def test_a_hold_that_took_nothing_leaves_its_name_free_for_who_stays() -> None:
    ada, bob = members("ada", "bob")
    held, _ = hold(ada, 7, reference="x", now=THEN)
    release(held.pk, now=THEN)
    merge(ada, bob)

    with pytest.raises(ReferenceUsed):
        hold(bob, 7, reference="x", now=AFTER)
    redeem(bob, 9, reference="x", now=AFTER)

    assert left(bob) == 191


def test_the_transfer_and_the_adjustment_of_who_went_are_known_to_who_stays() -> None:
    ada, bob, charlie = members("ada", "bob", "charlie")
    transfer(ada, charlie, 10, reference="x", now=THEN)
    adjust(ada, 5, reference="x", reason="a start", author="test", now=THEN)
    merge(ada, bob)

    sent = transfer(bob, charlie, 10, reference="x", now=AFTER)
    given = adjust(bob, 5, reference="x", reason="a start", author="test", now=AFTER)
    with pytest.raises(OtherRequest):
        transfer(bob, charlie, 11, reference="x", now=AFTER)

    assert (sent.is_new, given.is_new) == (False, False)
    assert (left(bob), left(charlie)) == (195, 110)


def test_a_transfer_is_the_same_when_who_got_it_went() -> None:
    ada, bob, charlie = members("ada", "bob", "charlie")
    transfer(charlie, ada, 10, reference="x", now=THEN)
    merge(ada, bob)

    again = transfer(charlie, bob, 10, reference="x", now=AFTER)

    assert (again.is_new, left(bob), left(charlie)) == (False, 210, 90)


def test_of_a_name_that_both_used_who_stays_has_its_own() -> None:
    ada, bob = members("ada", "bob")
    redeem(ada, 30, reference="x", now=THEN)
    transfer(bob, ada, 10, reference="x", now=THEN)
    redeem(bob, 5, reference="x", now=THEN)
    merge(ada, bob)

    assert redeem(bob, 5, reference="x", now=AFTER).is_new is False
    with pytest.raises(OtherRequest):
        redeem(bob, 30, reference="x", now=AFTER)
    assert left(bob) == 165


def test_an_order_of_each_gives_back_its_own_where_one_had_held_what_the_other_redeemed() -> None:
    ada, bob = members("ada", "bob")
    redeem(ada, 30, reference="cart", now=THEN)
    of_ada = _buys_with(ada, "oa", 30)
    held, _ = hold(bob, 20, reference="cart", now=THEN, life=timedelta(days=5))
    merge(ada, bob)
    confirm(held.pk, now=MERGED)
    of_bob = _buys_with(bob, "ob", 20)
    assert left(bob) == 150

    make.returns(bob, of_bob, (1, "1"))
    assert left(bob) == 170
    make.returns(bob, of_ada, (1, "1"))

    assert left(bob) == 200


def _buys_with(who: Membership, name: str, points: int) -> Answer[OrderFact]:
    """Let a member buy something that points pay as a whole."""
    paid = Decimal(points)
    fact = make.order(who, f"{paid}.00", at=THEN, name=name, paid_with_points=paid, redemptions=("cart",))
    return take_orders(who.program.retailer, [fact], now=MERGED)[0]


def test_a_reward_of_who_went_keeps_its_points_apart_from_a_hold_of_who_stays() -> None:
    ada, bob = members("ada", "bob")
    redeem_reward(ada, "five", reference="x", now=THEN)
    held, _ = hold(bob, 10, reference="x", now=THEN, life=timedelta(days=5))
    merge(ada, bob)
    confirm(held.pk, now=MERGED)

    cancel_reward(RewardRedemption.objects.get(), now=MERGED)

    assert left(bob) == 190
