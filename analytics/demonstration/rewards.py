"""The demo's members and their rewards: who redeems what, who uses it, and what comes back; the same each time."""

from datetime import datetime

from customers.core.errors import DomainError
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeemed import RewardReceipt
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import fulfil_reward, pay_out
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward, RewardRedemption

CODES = 500
# Of the members in the order of their ids: every other one looks at the catalogue, and takes the first that it can pay of
# these, each beginning with another one.
EVERY = 2
WISHES = ("five-off", "bag", "cinema", "forest")


def redeem(club: Program, *, now: datetime) -> int:
    """
    Let members redeem and use rewards, unless some have; return how many were redeemed.

    Most vouchers are used, some wait, a few come back; bags are sent; what was given to the forest is paid out.
    """
    if RewardRedemption.objects.filter(program=club).exists():
        return 0
    keys = dict(Reward.objects.filter(version__program=club).values_list("code", "key"))
    codes = [f"CINE-{place:05}" for place in range(CODES)]
    import_codes(club, keys["cinema"], codes, file_name="cinema.csv", author="demo", now=now)
    members = Membership.objects.filter(program=club, left_at=None).select_related("program__retailer", "customer")
    done = 0
    for place, member in enumerate(members.order_by("customer__external_id")[::EVERY]):
        receipt = _first_it_can_pay(member, place, now)
        if receipt is not None:
            _live_on(member, receipt, place, now)
            done += 1
    if RewardRedemption.objects.filter(program=club, reward__code="forest").exists():
        pay_out(club, keys["forest"], document="demo-1", now=now)
    return done


def _first_it_can_pay(member: Membership, place: int, now: datetime) -> RewardReceipt | None:
    for turn in range(len(WISHES)):
        wish = WISHES[(place + turn) % len(WISHES)]
        points = 200 if wish == "forest" else None
        try:
            return redeem_reward(member, wish, reference=f"demo-{wish}", points=points, now=now)
        except DomainError:  # it has too few points, or none is left
            continue
    return None


def _live_on(member: Membership, receipt: RewardReceipt, place: int, now: datetime) -> None:
    """Let a redeemed reward go on: used, sent, waiting, or back."""
    redemption, turn = receipt.redemption, place // len(WISHES) % 5
    if redemption.reward.kind == Reward.Kind.DONATION:
        return
    if turn == 0:
        cancel_reward(redemption, now=now)
    elif redemption.reward.kind == Reward.Kind.PRODUCT:
        status = RewardRedemption.Status.IN_PROGRESS if turn == 1 else RewardRedemption.Status.FULFILLED
        fulfil_reward(redemption, status, note=f"parcel {place}", now=now)
    elif turn > 1:
        voucher = check_voucher(member.retailer, receipt.code, now=now)
        held = hold_voucher(member.retailer, voucher, reference="demo", till="1", now=now)
        confirm_voucher(member.retailer, held.token, now=now)
        if turn == 4:  # noqa: PLR2004 - the last of five
            refund_reward(redemption, now=now)
