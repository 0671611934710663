"""The demo's members and their rewards through the year: who redeems what, who uses it, what comes back; the same each time."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from customers.core.errors import DomainError
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeemed import code_of
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import NothingToPayOut, fulfil_reward, pay_out
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward, RewardRedemption

Status = RewardRedemption.Status
CODES = 2_000
# Of the members in the order of their ids: every other one looks at the catalogue, each once in so many half months, and takes
# the first that it can pay of these, each beginning with another one.
EVERY, LOOKS = 2, 8
WISHES = (("five-off", 500), ("bag", 300), ("cinema", 900), ("forest", 200))
# What a member's rewards come to: of each so many one is cancelled, one sent late or forgotten, one used, one used much later,
# and one used and then brought back.
CANCELLED, FORGOTTEN, USED, USED_LATE, BROUGHT_BACK = range(5)
PAID_OUT_EVERY = 6  # half months


def act(club: Program, half_month: int, now: datetime) -> None:
    """
    Let members go on with the rewards that they have, and redeem others; every three months the forest is paid.

    :param half_month: how many half months of the demo there were before
    """
    keys = dict(Reward.objects.filter(version__program=club).values_list("code", "key"))
    if not RewardRedemption.objects.filter(program=club).exists() and half_month == 0:
        codes = ((place + 1, f"CINE-{place:05}", "") for place in range(CODES))
        import_codes(club, keys["cinema"], codes, file_name="cinema.csv", author="demo", now=now)
    for row in _open(club):
        _go_on(row, half_month, now)
    members = Membership.objects.filter(program=club, left_at=None, enrolled_at__lt=now)
    takers = members.select_related("program__retailer", "customer").order_by("customer__external_id")[::EVERY]
    spendable = dict(Wallet.objects.filter(membership__program=club).values_list("membership_id", "available"))
    for place, member in enumerate(takers):
        if place % LOOKS == half_month % LOOKS:
            _take(member, place, half_month, spendable.get(member.pk, 0), now)
    if half_month % PAID_OUT_EVERY == PAID_OUT_EVERY - 1:
        _pay_out(club, keys["forest"], half_month, now)


def _open(club: Program) -> Iterable[RewardRedemption]:
    """Return the rewards of which something may still become."""
    rows = RewardRedemption.objects.filter(program=club, ended_at=None).exclude(reward__kind=Reward.Kind.DONATION)
    return list(rows.select_related("reward", "program__retailer").order_by("redeemed_at", "reference", "membership"))


def _take(member: Membership, place: int, half_month: int, spendable: int, now: datetime) -> None:
    for turn in range(len(WISHES)):
        wish, price = WISHES[(place + turn) % len(WISHES)]
        if price > spendable:
            continue
        # What becomes of it stands in its name, so that the next half month knows.
        fate = (place // len(WISHES) + half_month // LOOKS) % (BROUGHT_BACK + 1)
        points = price if wish == "forest" else None
        try:
            redeem_reward(member, wish, reference=f"demo-{half_month}-{fate}", points=points, now=now)
        except DomainError:  # what it had has ended by now, or none is left
            continue
        return


def _go_on(row: RewardRedemption, half_month: int, now: datetime) -> None:
    """Let a reward be sent, used, cancelled or brought back, each in its time; of the forgotten ones time takes care."""
    _, since, fate = (int(part) if part.isdigit() else 0 for part in row.reference.split("-"))
    age = half_month - since
    is_sent = row.reward.kind == Reward.Kind.PRODUCT
    try:
        if fate == CANCELLED and age == 1:
            cancel_reward(row, now=now)
        elif is_sent and fate != CANCELLED:
            _send(row, fate, age, now)
        elif (fate in {USED, BROUGHT_BACK} and age == 1) or (fate == USED_LATE and age == 3):  # noqa: PLR2004 - later
            _use(row, half_month, now)
        elif fate == BROUGHT_BACK and age == 2:  # noqa: PLR2004 - a half month after it was used
            refund_reward(row, now=now)
    except DomainError:  # it has just ended
        return


def _send(row: RewardRedemption, fate: int, age: int, now: datetime) -> None:
    if age == 1:
        fulfil_reward(row, Status.IN_PROGRESS, note=f"parcel {row.reference}", now=now)
    elif age == 2 and fate != FORGOTTEN:  # noqa: PLR2004 - a half month on its way
        fulfil_reward(row, Status.FULFILLED, now=now)


def _use(row: RewardRedemption, half_month: int, now: datetime) -> None:
    retailer = row.program.retailer
    voucher = check_voucher(retailer, code_of(row), now=now)
    held = hold_voucher(retailer, voucher, reference=f"demo-{half_month}", till=str(1 + half_month % 3), now=now)
    confirm_voucher(retailer, held.token, now=now)


def _pay_out(club: Program, key: UUID, half_month: int, now: datetime) -> None:
    try:
        pay_out(club, key, document=f"demo-{half_month}", now=now)
    except NothingToPayOut:
        return
