"""Vouchers at tills: checked, held, then confirmed or released; of two tills one wins, and the other is told when."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.languages import in_readers_language
from customers.core.money import decimals_of, to_unit, written
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.activity.account.session import AccountSession, HasLeft
from loyalty.activity.rewards.redeemed import Status, held_in, instant_of, read_again
from loyalty.activity.steps import LATE
from loyalty.engine.decision import run_steps
from loyalty.rewards.loading import OFFLINE
from loyalty.rewards.models import RewardRedemption, VoucherHold
from loyalty.rewards.sealing import digests_of, has_typing_error, hold_of, token_of
from loyalty.rewards.state import REWARDS, HeldReward
from loyalty.rewards.steps import use

HOLD_LIFE = timedelta(minutes=5)


class MistypedCode(DomainError):
    code = "mistyped_code"
    kind = Kind.INVALID
    message = _("The code has a typing error: its last character does not fit the others. Look again.")


class NoSuchVoucher(DomainError):
    code = "no_such_voucher"
    kind = Kind.NOT_FOUND
    message = _("There is no voucher with this code.")


class VoucherNotIssued(DomainError):
    code = "voucher_not_issued"
    kind = Kind.CONFLICT
    message = _("The code belongs to a pool, and nobody has redeemed it yet.")


class VoucherUsed(DomainError):
    code = "voucher_used"
    kind = Kind.CONFLICT
    message = _("The voucher was used before, at {at}.")


class VoucherOver(DomainError):
    code = "voucher_over"
    kind = Kind.CONFLICT
    message = _("The voucher is no longer good ({status}) since {at}.")


class OnItsWay(DomainError):
    code = "on_its_way"
    kind = Kind.CONFLICT
    message = _("This reward is on its way to its member, and cannot be used at a till.")


class VoucherHeld(DomainError):
    code = "voucher_held"
    kind = Kind.CONFLICT
    message = _("Another till has had the voucher in hand since {since}, until {until} at most.")


class OtherTill(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Another till has had the voucher under the reference {reference} before. Use one that is this till’s alone."
    )


class NoSuchHold(DomainError):
    code = "no_such_hold"
    kind = Kind.NOT_FOUND
    message = _("The token belongs to no hold.")


class HoldOver(DomainError):
    code = "hold_over"
    kind = Kind.CONFLICT
    message = _("The hold is over: {status}, at {at}.")


class ConfirmedOtherwise(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "The hold was confirmed before, for order “{order}” and {amount}. A voucher is used once: for another order, hold "
        "another voucher."
    )


class AmountTooFine(DomainError):
    code = "too_many_decimals"
    kind = Kind.INVALID
    message = _("“{amount}” has more decimals than amounts of {currency} have ({decimals}).")


class MoreThanReserved(DomainError):
    code = "more_than_reserved"
    kind = Kind.INVALID
    message = _(
        "This offer comes to {most} at most, and you said {amount}. Give no more than that, and say what you gave."
    )


@dataclass(frozen=True, slots=True)
class Voucher:
    """
    What a till may know of a voucher: nothing of whom it belongs to.

    :param status: usable, held, used, expired, or what else has become of it
    :param at: since when it is so; for usable None
    :param most: what it may come to at most, of an offer; None where the reward says all
    """

    redemption_id: UUID
    program: str
    reward: str
    name: str
    kind: str
    amount: Decimal | None
    percent: Decimal | None
    sku: str
    minimum_amount: Decimal
    status: str
    at: datetime | None
    held_until: datetime | None
    expires_at: datetime | None
    reference: str
    most: Decimal | None = None


COLUMNS = """
r.id, p.slug, w.code, w.name, w.name_fr, w.kind, r.amount, w.percent, w.sku, w.minimum_amount, r.status, r.used_at, r.ended_at,
r.expires_at, h.held_at, h.ends_at, r.reference,
CASE WHEN w.cost IS NULL THEN r.reserved END, r.id IS NULL, m.left_at, CASE WHEN w.on_withdrawal = 'give_back' THEN (
    SELECT min(v.effective_from) FROM programs_programversion v
    WHERE v.program_id = r.program_id AND v.status = 'published' AND v.effective_from > r.redeemed_at
        AND v.effective_from <= %(now)s
        AND NOT EXISTS (SELECT 1 FROM rewards_reward WHERE version_id = v.id AND key = r.reward_key)
) END
"""
FROM = """
LEFT JOIN rewards_rewardredemption r ON r.id = c.redemption_id LEFT JOIN rewards_reward w ON w.id = r.reward_id
LEFT JOIN memberships_membership m ON m.id = r.membership_id
LEFT JOIN programs_program p ON p.id = r.program_id
LEFT JOIN rewards_voucherhold h ON h.redemption_id = r.id AND h.status = 'open'
"""
BY_CODE = f"""
SELECT {COLUMNS} FROM (
    SELECT redemption_id FROM rewards_rewardcode WHERE retailer_id = %(retailer)s AND digest = ANY(%(digests)s)
    ORDER BY array_position(%(digests)s::bytea[], digest) LIMIT 1
) c {FROM}
"""
BY_ID = f"SELECT {COLUMNS} FROM (SELECT %(id)s::uuid AS redemption_id) c {FROM} WHERE r.retailer_id = %(retailer)s"


def check_voucher(retailer: Retailer, code: str, *, now: datetime) -> Voucher:
    """
    Return what a code is good for at an instant; whether or not a night has run.

    :raises MistypedCode: when its check character does not fit
    :raises NoSuchVoucher: when there is none
    :raises VoucherNotIssued: when it waits in a pool
    """
    found = bulk.fetch(BY_CODE, {"retailer": retailer.pk, "digests": digests_of(retailer.pk, code), "now": now})
    if not found:
        raise MistypedCode if has_typing_error(code) else NoSuchVoucher
    return read_voucher(found[0], now)


def voucher_of(retailer: Retailer, redemption_id: UUID, *, now: datetime) -> Voucher:
    """
    Return what a redeemed reward is good for.

    :raises NoSuchVoucher: when the retailer has none of the id
    """
    found = bulk.fetch(BY_ID, {"id": redemption_id, "retailer": retailer.pk, "now": now})
    if not found:
        raise NoSuchVoucher
    return read_voucher(found[0], now)


def read_voucher(row: tuple[Any, ...], now: datetime) -> Voucher:
    """Return what a row of `COLUMNS` says of a voucher at an instant."""
    (redemption_id, program, reward, name, name_fr, kind, amount, percent, sku, minimum, status, used_at, ended_at,
     expires_at, held_at, ends_at, reference, most, is_pooled, left_at, withdrawn_at) = row  # fmt: skip
    if is_pooled:
        raise VoucherNotIssued
    free_at = ends_at + OFFLINE if ends_at is not None else None
    is_held = free_at is not None and free_at > now
    at = ended_at or used_at
    if status in {Status.ISSUED, Status.IN_PROGRESS}:
        if is_held:
            status, at = "held", held_at
        elif expires_at is not None and expires_at <= now:
            status, at = Status.EXPIRED.value, expires_at
        elif left_at is not None:
            status, at = Status.FORFEITED.value, left_at
        elif status == Status.IN_PROGRESS:
            at = None
        elif withdrawn_at is not None:
            status, at = Status.WITHDRAWN.value, withdrawn_at
        else:
            status = "usable"
    shown = in_readers_language(name, name_fr)
    return Voucher(
        redemption_id, program, reward, shown, kind, amount, percent, sku, minimum, status, at,
        free_at if status == "held" else None, expires_at, reference, most,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldVoucher:
    """
    A voucher that a till has in hand, or had.

    :param token: by which the till ends the hold
    """

    hold: VoucherHold
    token: str
    voucher: Voucher
    is_new: bool = True


@transaction.atomic
def hold_voucher(  # noqa: PLR0913 - what, under which name, where, how long, when
    retailer: Retailer, voucher: Voucher, *, reference: str, till: str = "", life: timedelta = HOLD_LIFE, now: datetime
) -> HeldVoucher:
    """
    Let a till have a voucher in hand: nobody else can use it until it confirms, releases, or is silent for too long.

    :param voucher: as `check_voucher` told it
    :param reference: the till's own, once per voucher: the same again of the same till gives the same hold
    :raises VoucherUsed: when it was used before, with when
    :raises VoucherHeld: while another till has it
    :raises VoucherOver: when it is no longer good
    :raises OtherTill: when another till had it under this reference
    """
    redemption = _locked(voucher.redemption_id, now)
    holds = {hold.reference: hold for hold in VoucherHold.objects.filter(redemption=redemption)}
    mine = holds.get(reference)
    if mine is not None and mine.till == till:
        if mine.status in {VoucherHold.Status.RELEASED, VoucherHold.Status.SUPERSEDED}:
            raise HoldOver(status=mine.get_status_display(), at=instant_of(mine.ended_at))
        _require_not_undone(redemption)
        return _told(mine, retailer, now, is_new=False)
    _require_usable(redemption)
    other = next((hold for hold in holds.values() if hold.status == VoucherHold.Status.OPEN), None)
    if other is not None and other.ends_at + OFFLINE > now:
        raise VoucherHeld(since=instant_of(other.held_at), until=instant_of(other.ends_at + OFFLINE))
    if mine is not None:  # two tills that number their receipts alike are two
        raise OtherTill(reference=reference)
    if other is not None:
        other.status, other.ended_at = VoucherHold.Status.SUPERSEDED, now
        other.save(update_fields=["status", "ended_at"])
    made = VoucherHold.objects.create(
        id=new_id(), retailer=retailer, redemption=redemption, reference=reference, till=till, held_at=now,
        ends_at=now + life,
    )  # fmt: skip
    return _told(made, retailer, now)


@transaction.atomic
def confirm_voucher(  # noqa: PLR0913 - which, when, for what, how much
    retailer: Retailer,
    token: str,
    *,
    now: datetime,
    used_at: datetime | None = None,
    order: str = "",
    amount: Decimal | None = None,
) -> HeldVoucher:
    """
    Use a voucher that a till has in hand. Confirming the same again changes nothing.

    A till that was cut off confirms when it is back: as long as nobody else took the voucher over, it was its own.

    :param used_at: when the till gave what the voucher promises, where that was before now
    :param order: the number of the order that it was used for
    :param amount: what the voucher came to, in the retailer's currency; None for all that it promises
    :raises MoreThanReserved: when an offer came to more than was reserved for it
    :raises ConfirmedOtherwise: when it was confirmed for another order or amount
    :raises HoldOver: when the hold was released, or another till took the voucher over, with when
    :raises VoucherOver: when the voucher has ended since
    """
    found = _hold(retailer, token)
    session = AccountSession.open([found.redemption.membership_id], now)
    redemption = read_again(found.redemption)
    found.refresh_from_db(fields=["status", "ended_at"])
    if found.status == VoucherHold.Status.CONFIRMED:
        _require_not_undone(redemption)
        _require_same(redemption, order, amount)
        return _told(found, retailer, now, is_new=False)
    if found.status != VoucherHold.Status.OPEN:
        raise HoldOver(status=found.get_status_display(), at=instant_of(found.ended_at))
    decision = session.decisions[redemption.membership_id]
    if decision.member.left_at is not None:
        raise HasLeft(left=f"{decision.member.left_at:%Y-%m-%d}")
    held = held_in(decision, redemption)
    if not held.is_open:
        raise VoucherUsed(at=instant_of(redemption.used_at))
    amount = _require_reserved(held, amount, redemption)
    at = min(max(used_at or now, found.held_at), now)
    session.take(use(decision, held, Status.USED.value, at=at, order=order, amount=amount))
    session.finish()
    found.status, found.ended_at = VoucherHold.Status.CONFIRMED, now
    found.save(update_fields=["status", "ended_at"])
    return _told(found, retailer, now)


def _require_same(redemption: RewardRedemption, order: str, amount: Decimal | None) -> None:
    """Refuse to confirm a hold for something else than it was; what is not said now is not asked."""
    is_other_amount = None not in {amount, redemption.spent} and amount != redemption.spent
    if (order and order != redemption.order_number) or (is_other_amount and redemption.reward.cost is None):
        currency = redemption.program.retailer.currency
        raise ConfirmedOtherwise(order=redemption.order_number or "-", amount=written(redemption.spent, currency))


def _require_reserved(held: HeldReward, amount: Decimal | None, redemption: RewardRedemption) -> Decimal | None:
    """
    Return what a voucher came to: of an offer never more than is reserved, so that its budget is never overspent.

    What the retailer says that one costs is what it costs, whatever it comes to at the till.
    """
    if amount is None or redemption.reward.cost is not None:
        return None
    currency = redemption.program.retailer.currency
    if amount != to_unit(amount, currency):
        raise AmountTooFine(amount=f"{amount:f}", currency=currency, decimals=decimals_of(currency))
    if held.budget_id is not None and amount > held.reserved:
        most, said = (f"{to_unit(each, currency):f} {currency}" for each in (held.reserved, amount))
        raise MoreThanReserved(most=most, amount=said)
    return to_unit(amount, currency)


@transaction.atomic
def release_voucher(retailer: Retailer, token: str, *, now: datetime) -> HeldVoucher:
    """
    Let a voucher go that a till has in hand; a second release changes nothing.

    :raises HoldOver: when it was confirmed
    """
    found = _hold(retailer, token)
    session = AccountSession.open([found.redemption.membership_id], now)
    read_again(found.redemption)
    found.refresh_from_db(fields=["status", "ended_at"])
    if found.status == VoucherHold.Status.CONFIRMED:
        raise HoldOver(status=found.get_status_display(), at=instant_of(found.ended_at))
    if found.status == VoucherHold.Status.OPEN:
        found.status, found.ended_at = VoucherHold.Status.RELEASED, now
        found.save(update_fields=["status", "ended_at"])
        _end_what_waited(session, found)
    return _told(found, retailer, now)


def _end_what_waited(session: AccountSession, hold: VoucherHold) -> None:
    """Let a reward end at once that was past its time and only waited for its hold."""
    decision = session.decisions[hold.redemption.membership_id]
    state = decision.member.of(REWARDS)
    held = next((each for each in state.held if each.id == hold.redemption_id), None)
    if held is None or decision.version is None:
        return
    member = decision.member.having(REWARDS, state.without_hold(held))
    session.take(run_steps(decision.then(member=member), LATE))
    session.finish()


def _hold(retailer: Retailer, token: str) -> VoucherHold:
    hold_id = hold_of(token)
    holds = VoucherHold.objects.select_related("redemption").filter(retailer=retailer)
    found = holds.filter(pk=hold_id).first() if hold_id else None
    if found is None:
        raise NoSuchHold
    return found


def _locked(redemption_id: UUID, now: datetime) -> RewardRedemption:
    """Lock the member of a voucher, carry out what time has brought, and return it as it is then."""
    first = RewardRedemption.objects.only("membership_id").get(pk=redemption_id)
    session = AccountSession.open([first.membership_id], now)
    found = read_again(first)
    session.finish()
    return RewardRedemption.objects.select_related("reward").get(pk=found.pk)


def _require_not_undone(redemption: RewardRedemption) -> None:
    """Refuse to answer as before for a voucher that is over since: a till would take it as good."""
    if redemption.ended_at is not None:
        raise VoucherOver(status=redemption.get_status_display(), at=instant_of(redemption.ended_at))


def _require_usable(redemption: RewardRedemption) -> None:
    if redemption.status == Status.IN_PROGRESS:
        raise OnItsWay
    if redemption.status in {Status.USED, Status.FULFILLED}:
        raise VoucherUsed(at=instant_of(redemption.used_at))
    _require_not_undone(redemption)


def _told(hold: VoucherHold, retailer: Retailer, now: datetime, *, is_new: bool = True) -> HeldVoucher:
    return HeldVoucher(hold, token_of(str(hold.pk)), voucher_of(retailer, hold.redemption_id, now=now), is_new)
