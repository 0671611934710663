"""Two members turn out to be one: whoever of them used a reference, it is that one's redemption that the order names."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers.facts import CorrectionFact, ReturnFact, ReturnLineFact
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.session import HasLeft
from loyalty.activity.account.spending import confirm, hold, redeem
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_orders, take_returns
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.activity.rewards.redeemed import Status
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import fulfil_reward
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.points.proof import prove
from loyalty.rewards.models import RewardRedemption
from tests import make
from tests.make import NOON
from tests.rewards import shop

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def two(**given: Any) -> tuple[Membership, Membership]:
    """Return two members of a club with two rewards, with a thousand points each."""
    draft = make.version()
    shop.reward(draft, points=500, **given)
    shop.reward(draft, "mug", 300, kind="product", sku="MUG", stock=9)
    program = make.published(draft)
    return shop.member(program, name="ada"), shop.member(program, name="bob")


def merge(ada: Membership, at: Any = NOON + HOUR) -> None:
    take_merge(ada.retailer, "ada", "bob", reference="crm", now=at)


def gone(ada: Membership, name: str = "A-1", at: Any = NOON + DAY) -> None:
    (answer,) = take_returns(
        ada.retailer, [ReturnFact(f"R-{name}", name, at, (ReturnLineFact(Decimal(1), 1),))], now=at
    )
    assert answer.outcome.error is None


def statuses() -> dict[str, str]:
    return dict(RewardRedemption.objects.order_by("pk").values_list("reward__code", "status"))


@pytest.mark.parametrize("whose", ["ada", "bob"])
@pytest.mark.parametrize("told", ["before the merge", "after it", "corrected after it"])
def test_the_order_of_either_brings_its_own_reward_back(whose: str, told: str) -> None:
    ada, bob = two()
    redeem_reward(ada, "five-off", reference="r", now=NOON)
    redeem_reward(bob, "mug", reference="r", now=NOON)
    order = make.order(whose, "10.00", at=NOON, name="A-1", redemptions=("r",))
    if told != "after it":
        take_orders(ada.retailer, [order], now=NOON)
    merge(ada)
    if told == "after it":
        take_orders(ada.retailer, [order], now=NOON + 2 * HOUR)
    elif told == "corrected after it":
        take_correction(ada.retailer, CorrectionFact(replace(order, store="lyon"), version=1), now=NOON + 2 * HOUR)
    assert take_orders(ada.retailer, [order], now=NOON + 3 * HOUR)[0].outcome.error is None or "corrected" in told

    gone(ada)

    mine, other, left = ("five-off", "mug", 1_700) if whose == "ada" else ("mug", "five-off", 1_500)
    assert statuses() == {mine: "refunded", other: "issued"}
    assert make.spendable(bob, NOON + DAY) == left
    assert prove().differences == []
    assert replay(bob.program, now=NOON + 2 * DAY).deviations == []


@pytest.mark.parametrize("is_held", [False, True])
def test_plain_redemptions_under_one_reference_stay_apart(*, is_held: bool) -> None:
    ada, bob = two()
    redeem(ada, 500, reference="r", now=NOON)
    if is_held:
        made, _ = hold(bob, 300, reference="r", now=NOON)
        confirm(made.pk, now=NOON)
    else:
        redeem(bob, 300, reference="r", now=NOON)
    take_orders(ada.retailer, [make.order(ada, "10.00", at=NOON, name="A-1", redemptions=("r",))], now=NOON)
    merge(ada)

    gone(ada)

    assert make.spendable(bob, NOON + DAY) == 1_700
    assert prove().differences == []


def back_again(member: Membership, at: Any) -> None:
    """Let a member leave, and come back a minute later."""
    leave(member, now=at)
    make.member(member.program, member.customer.external_id, since=at + timedelta(minutes=1))


def test_a_reward_that_came_with_a_merge_can_be_taken_back_whatever_its_new_member_had_forfeited_before() -> None:
    ada, bob = two()
    made = redeem_reward(ada, "five-off", reference="r", now=NOON).redemption
    back_again(bob, NOON + timedelta(minutes=9))
    merge(ada)

    cancel_reward(RewardRedemption.objects.get(pk=made.pk), now=NOON + 2 * HOUR)

    assert make.spendable(bob, NOON + 2 * HOUR) == 1_000
    assert prove().differences == []


def test_a_reward_of_a_membership_that_had_ended_before_a_merge_cannot() -> None:
    ada, bob = two()
    made = redeem_reward(ada, "mug", reference="r", now=NOON).redemption
    fulfil_reward(made, Status.FULFILLED, now=NOON)
    back_again(ada, NOON + timedelta(minutes=9))
    merge(ada)

    with pytest.raises(HasLeft):
        refund_reward(RewardRedemption.objects.get(pk=made.pk), now=NOON + 2 * HOUR)

    assert make.spendable(bob, NOON + 2 * HOUR) == 1_000


def test_a_free_reward_and_a_paid_one_under_one_reference_stay_apart() -> None:
    draft = make.version()
    shop.reward(draft, points=500)
    shop.reward(draft, "gift", 0)
    program = make.published(draft)
    ada, bob = shop.member(program, name="ada"), shop.member(program, name="bob")
    redeem_reward(ada, "five-off", reference="r", now=NOON)
    redeem_reward(bob, "gift", reference="r", now=NOON)
    take_orders(ada.retailer, [make.order(ada, "10.00", at=NOON, name="A-1", redemptions=("r",))], now=NOON)
    merge(ada)

    gone(ada)

    assert statuses() == {"five-off": "refunded", "gift": "issued"}
    assert make.spendable(bob, NOON + DAY) == 2_000


@pytest.mark.parametrize("names", [("L" * 80,), ("L" * 79 + "1", "L" * 79 + "2")])
def test_references_as_long_as_they_may_be_stay_apart_and_their_points_come_back(names: tuple[str, ...]) -> None:
    ada, bob = two(valid_days=5, on_expiry="give_back")
    for who in (ada, bob):
        for name in names[:1]:
            redeem_reward(who, "five-off", reference=name, now=NOON)
        for name in names[1:]:
            redeem_reward(who, "mug", reference=name, now=NOON)

    merge(ada)
    run_nights(bob.program, until=(NOON + 7 * DAY).date(), now=NOON + 7 * DAY)

    assert RewardRedemption.objects.filter(membership=bob, status="expired").count() == 2
    assert make.spendable(bob, NOON + 7 * DAY) == 2_000 - 2 * 300 * (len(names) - 1)
    assert prove().differences == []


@pytest.mark.parametrize("has_night_run", [True, False])
def test_what_had_ended_before_a_merge_comes_back_once_whether_or_not_the_night_has_run(*, has_night_run: bool) -> None:
    ada, bob = two(valid_days=0, on_expiry="give_back", stock=3)
    redeem_reward(ada, "five-off", reference="r", now=NOON)  # good to midnight
    end = make.on("2026-06-16")
    if has_night_run:
        run_nights(ada.program, until=end.date(), now=end + HOUR)
    merge(ada, end + 2 * HOUR)
    run_nights(ada.program, until=(end + 3 * DAY).date(), now=end + 3 * DAY)

    (row,) = RewardRedemption.objects.all()
    assert (row.status, row.ended_at, shop.taken(ada.program)) == ("expired", end, 0)
    assert make.spendable(bob, end + 3 * DAY) == 2_000
    assert replay(ada.program, now=end + 3 * DAY).deviations == []


@pytest.mark.parametrize("how", ["expired", "withdrawn", "cancelled"])
def test_what_comes_back_after_a_merge_is_no_difference_when_the_past_is_lived_again(how: str) -> None:
    ada, bob = two(valid_days=0, on_expiry="give_back", on_withdrawal="give_back")
    made = redeem_reward(ada, "five-off", reference="r", now=NOON).redemption
    merge(ada)
    if how == "withdrawn":
        shop.follow(ada.program, NOON + 2 * HOUR, without="five-off")
    elif how == "cancelled":
        cancel_reward(RewardRedemption.objects.get(pk=made.pk), now=NOON + 2 * HOUR)
    late = NOON + 3 * DAY
    run_nights(ada.program, until=late.date(), now=late)

    assert (make.spendable(bob, late), statuses()) == (2_000, {"five-off": how})
    done = replay(ada.program, now=late)
    assert (done.members, done.deviations) == (1, [])
