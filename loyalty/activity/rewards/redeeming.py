"""A member redeems a reward; it is cancelled, refunded, sent. Points leave once, and come back to the lots they came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.money import unit_of
from loyalty.activity.account.households import Gathering, gather, household_of
from loyalty.activity.account.session import (
    AccountSession,
    NotInForce,
    ReferenceUsed,
    WalletSession,
    lent_by,
)
from loyalty.activity.account.spending import end_timed_out, give_back, use_reference
from loyalty.activity.rewards.buying import buyer_of, freed_by, profile_of
from loyalty.activity.versions import versions_of
from loyalty.engine.decision import Decision, Told
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Wallet
from loyalty.points.states import State
from loyalty.programs.models import Program
from loyalty.rewards.capability import load_one
from loyalty.rewards.models import CauseEntry, RewardCode, RewardRedemption, VoucherHold
from loyalty.rewards.rules import OF_ANY_POINTS, SENT, Price, RewardRule, matched, refusal, worth_of
from loyalty.rewards.rules import Kind as RewardKind
from loyalty.rewards.sealing import alike, digest_of, new_code, seal, unseal
from loyalty.rewards.state import CATALOGUE, REWARDS, CauseMoved, HeldReward, RewardCounted, RewardRedeemed
from loyalty.rewards.steps import give_up, use
from loyalty.rewards.writing import counters_of, lock_counters

Status = RewardRedemption.Status
OPEN = (Status.ISSUED, Status.IN_PROGRESS)


class NoSuchReward(DomainError):
    code = "no_such_reward"
    kind = Kind.NOT_FOUND
    message = _("The program’s catalogue has no reward “{reward}”.")


class NoSuchPrice(DomainError):
    code = "no_such_price"
    kind = Kind.INVALID
    message = _("“{reward}” cannot be paid from the wallet “{wallet}”. It can from: {wallets}.")


class OtherPoints(DomainError):
    code = "other_points"
    kind = Kind.INVALID
    message = _("“{reward}” takes {least} points or more, and you asked for {asked}. Say how many.")


class FixedPrice(DomainError):
    code = "fixed_price"
    kind = Kind.INVALID
    message = _("“{reward}” costs {points} points; leave the number out.")


class NotForMember(DomainError):
    code = "not_for_member"
    message = "{reason}"

    def __init__(self, reason: str, reward: str) -> None:
        super().__init__(reason=str(REFUSALS[reason]).format(reward=reward))
        self.reason = reason


REFUSALS = {
    "not_yet": _("“{reward}” cannot be redeemed yet."),
    "no_longer": _("“{reward}” cannot be redeemed any more."),
    "other_tier": _("“{reward}” is for members of other tiers."),
    "other_plan": _("“{reward}” is for members with another plan."),
    "other_segment": _("“{reward}” is not for this member."),
}


class SoldOut(DomainError):
    code = "sold_out"
    kind = Kind.CONFLICT
    message = _("There is no “{reward}” left. No points were taken.")


class LimitReached(DomainError):
    code = "limit_reached"
    message = _("The member has had “{reward}” as often as it may: {limit}.")


class OtherReward(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Reference {reference} was used for {points} points of “{reward}” before. Use a new one for a new request."
    )


class RewardEnded(DomainError):
    code = "reward_ended"
    kind = Kind.CONFLICT
    message = _("This reward is over: {status}, at {at}.")


class NotUndoable(DomainError):
    code = "not_cancellable"
    kind = Kind.CONFLICT
    message = _("This reward cannot be cancelled: {status}. Staff may refund it.")


class HeldByTill(DomainError):
    code = "held_by_till"
    kind = Kind.CONFLICT
    message = _("A till has this voucher in hand since {since}, until {until} at most. Try again then.")


class PaidOut(DomainError):
    code = "paid_out"
    kind = Kind.CONFLICT
    message = _("The donation was paid out to the cause with {document} and cannot come back.")


@dataclass(frozen=True, slots=True)
class RewardReceipt:
    """
    What became of a reward.

    :param code: as its member reads it; empty where it has none
    :param available: points that can be spent afterwards
    :param points: that came back, where it was undone
    :param expired: that came back, but had expired meanwhile
    """

    redemption: RewardRedemption
    code: str = ""
    available: int = 0
    points: int = 0
    expired: int = 0
    is_new: bool = True


@transaction.atomic
def redeem_reward(  # noqa: PLR0913 - who, what, under which name, when, from what, how many
    membership: Membership, code: str, *, reference: str, now: datetime, wallet: str = "", points: int | None = None
) -> RewardReceipt:
    """
    Let a member have a reward for its points; what is missing comes from its household, unless they may come back by time.

    :param code: of the reward
    :param reference: the caller's own, once per member: the same again changes nothing
    :param wallet: whose points pay; empty for the reward's own
    :param points: how many, of donations and of paying with points
    :raises NotForMember: when it is for others, or for another time
    :raises SoldOut: when none is left, or no code
    :raises LimitReached: when the member has had it as often as it may
    :raises InsufficientPoints: when fewer points can be spent
    :raises OtherReward: when the reference was used for another reward, wallet or number of points
    """
    wallet = wallet or _own_wallet(membership, code, now)
    end_timed_out([membership, *household_of(membership)], now=now)
    household, spending = gather(membership, now=now, wallet=wallet)
    if earlier := RewardRedemption.objects.filter(membership=membership, reference=reference).first():
        return _again(earlier, code, wallet, points, spending)
    spending.require_member()
    return _Purchase(membership, household, spending, reference).of(code, points)


@dataclass
class _Purchase:
    """One reward on its way to a locked member."""

    membership: Membership
    household: Gathering
    spending: WalletSession
    reference: str

    def of(self, code: str, points: int | None) -> RewardReceipt:
        decision = self.spending.decision
        reward = decision.rules.of(CATALOGUE).by_code.get(code)
        if reward is None:
            raise NoSuchReward(reward=code)
        price = self._price(reward, points)
        self._require_room(reward)
        unit = unit_of(self.membership.program.retailer.currency)
        amount = worth_of(reward, price.points, unit)
        added = self._take_from_stock(reward, amount, unit)
        pooled = self._code_of_pool(reward) if reward.from_pool else None
        redemption_id = new_id()
        self._pay(reward, price, redemption_id)
        self._take(reward, price, redemption_id, amount, added)
        available = self.spending.finish()
        text = _hand_out(self.membership, reward, redemption_id, pooled)
        return RewardReceipt(RewardRedemption.objects.select_related("reward").get(pk=redemption_id), text, available)

    def _price(self, reward: RewardRule, points: int | None) -> Price:
        """Return what the member pays, if it may have the reward at all."""
        decision = self.spending.decision
        buyer = buyer_of(decision, profile_of(decision.member.customer_id))
        if reason := refusal(reward, buyer, decision.on):
            raise NotForMember(reason, reward.code)
        prices = decision.rules.of(CATALOGUE).prices_of(reward, buyer)
        price = prices.get(self.spending.code)
        if price is None:
            raise NoSuchPrice(reward=reward.code, wallet=self.spending.code, wallets=", ".join(prices))
        if reward.kind not in OF_ANY_POINTS:
            if points not in {None, price.points}:
                raise FixedPrice(reward=reward.code, points=price.points)
            return price
        if points is None or points < price.points:
            raise OtherPoints(reward=reward.code, least=price.points, asked=points or 0)
        return Price(price.wallet, points, price.rule)

    def _require_room(self, reward: RewardRule) -> None:
        if reward.member_limit is None:
            return
        since = reward.counts_from(self.spending.now, self.spending.decision.rules.zone)
        freed = freed_by(self.spending.session, self.membership.pk).redemptions
        if redeemed_by(self.membership.pk, [(reward.key, since)], but=freed).get(reward.key, 0) >= reward.member_limit:
            raise LimitReached(reward=reward.code, limit=reward.member_limit)

    def _take_from_stock(self, reward: RewardRule, amount: Decimal | None, unit: Decimal) -> Decimal:
        """
        Lock what is counted of a reward and return what the retailer adds to a donation.

        Causes are locked first, each for itself: what is given to one stands in its ledger in the order of its locks, so that
        a payment is of all that stands before it. Of others, all that this member's time brings back is locked with it.
        """
        is_donation = reward.kind is RewardKind.DONATION
        if not reward.is_counted and not is_donation:
            return Decimal(0)
        key = (self.membership.program_id, reward.key)
        besides = () if is_donation else counters_of(self.spending.session.effects())
        added, taken, used = lock_counters(self.membership.retailer_id, [key, *besides])[key]
        taken -= freed_by(self.spending.session, self.membership.pk).pieces.get(reward.key, 0)
        if reward.stock is not None and reward.stock + added <= taken:
            raise SoldOut(reward=reward.code)
        return matched(reward, amount, used, unit) if amount is not None and reward.match_percent else Decimal(0)

    def _code_of_pool(self, reward: RewardRule) -> tuple[int, bytes, bytes]:
        found = bulk.fetch(NEXT_CODE, [self.membership.program_id, reward.key])
        if not found:
            raise SoldOut(reward=reward.code)
        pk, digest, sealed = found[0]
        return pk, digest, sealed

    def _pay(self, reward: RewardRule, price: Price, redemption_id: UUID) -> None:
        use_reference(self.membership, self.reference, price.points)
        if not price.points:
            return
        self.spending.require_spendable()
        until = self.spending.extend_inactivity()
        cause = f"redeem:{self.reference}"
        if not reward.is_own_alone:
            self.household.borrow(price.points, f"{cause}:{self.membership.pk}")
        said = {"reference": self.reference, "reward": reward.code, "redemption": str(redemption_id)}
        self.spending.take("redeem", cause, price.points, into=State.REDEEMED, said=said, keeps_until=until)

    def _take(
        self, reward: RewardRule, price: Price, redemption_id: UUID, amount: Decimal | None, added: Decimal
    ) -> None:
        """Let the member have it: in its state, in the stock, in the cause's ledger."""
        decision, now = self.spending.decision, self.spending.now
        member = decision.member
        is_donation = reward.kind is RewardKind.DONATION
        ends_at = None if is_donation else reward.ends_at(now, decision.rules.zone)
        redeemed = RewardRedeemed(
            redemption_id, member.retailer_id, member.program_id, member.membership_id, reward.id, reward.key,
            self.reference, price.wallet, price.points, price.rule, amount, added,
            Status.FULFILLED.value if is_donation else Status.ISSUED.value, now, ends_at, now if is_donation else None,
        )  # fmt: skip
        decision = decision.then(redeemed)
        if reward.is_counted:
            counted = RewardCounted(member.retailer_id, member.program_id, reward.key, 1, added)
            decision = decision.then(counted)
        for kind, given in (("member", amount), ("match", added)) if is_donation else ():
            if given:
                moved = CauseMoved(member.retailer_id, member.program_id, reward.key, kind, given, redemption_id, now)
                decision = decision.then(moved)
        payload = {
            "reward": reward.code,
            "redemption": str(redemption_id),
            "points": price.points,
            "wallet": price.wallet,
        }
        decision = decision.then(Told("reward.redeemed", payload, now))
        if not is_donation:
            held = HeldReward(
                redemption_id, reward.key, reward.code, self.reference, price.points, is_open=True, expires_at=ends_at,
                gives_back_on_expiry=reward.gives_back_on_expiry,
                gives_back_on_withdrawal=reward.gives_back_on_withdrawal, is_counted=reward.is_counted, amount=amount,
            )  # fmt: skip
            decision = decision.then(member=member.having(REWARDS, member.of(REWARDS).with_held(held)))
        self.spending.session.take(decision)


NEXT_CODE = """
SELECT id, digest, sealed FROM rewards_rewardcode WHERE program_id = %s AND reward_key = %s AND redemption_id IS NULL
ORDER BY id LIMIT 1 FOR NO KEY UPDATE
"""
# What was undone, or gave its points back, leaves room for another one.
REDEEMED_BY = """
SELECT d.reward_key, count(r.id)::int FROM (SELECT unnest(%b::uuid[]) AS reward_key, unnest(%b::timestamptz[]) AS since) d
JOIN rewards_rewardredemption r ON r.membership_id = %s AND r.reward_key = d.reward_key
    AND (d.since IS NULL OR r.redeemed_at >= d.since)
JOIN rewards_reward w ON w.id = r.reward_id
WHERE r.id <> ALL(%b::uuid[]) AND r.status NOT IN ('cancelled', 'refunded', 'withdrawn')
    AND NOT (r.status = 'expired' AND w.on_expiry = 'give_back') GROUP BY 1
"""


def redeemed_by(
    membership_id: UUID, asked: Iterable[tuple[UUID, datetime | None]], *, but: Iterable[UUID] = ()
) -> dict[UUID, int]:
    """
    Return how often a member has had rewards, by their keys.

    :param asked: rewards with since when they count; None for ever
    :param but: redemptions that count no more
    """
    rows = list(asked)
    if not rows:
        return {}
    return dict(bulk.fetch(REDEEMED_BY, [*bulk.columns_of(rows), membership_id, list(but)]))


def _own_wallet(membership: Membership, code: str, now: datetime) -> str:
    """Return the wallet that the list says of a reward."""
    versions = versions_of([membership.program_id])[membership.program_id]
    version = versions.at(now)
    if version is None:
        starts = versions.starts
        raise NotInForce(begins=f"{starts[0]:%Y-%m-%d %H:%M}" if starts else "-")
    reward = version.of(CATALOGUE).by_code.get(code)
    if reward is None:
        raise NoSuchReward(reward=code)
    return reward.wallet


def _again(
    earlier: RewardRedemption, code: str, wallet: str, points: int | None, spending: WalletSession
) -> RewardReceipt:
    """Answer a request that was carried out before as it was answered then."""
    asked = (code, wallet, earlier.points if points is None else points)
    if asked != (earlier.reward.code, earlier.wallet, earlier.points):
        raise OtherReward(reference=earlier.reference, points=earlier.points, reward=earlier.reward.code)
    if earlier.ended_at is not None:
        raise ReferenceUsed(reference=earlier.reference)
    return RewardReceipt(earlier, code_of(earlier), spending.available, is_new=False)


def code_of(redemption: RewardRedemption) -> str:
    """Return the code of a redeemed reward as its member reads it; empty where it has none."""
    found = RewardCode.objects.filter(redemption=redemption).first()
    return unseal(bytes(found.sealed), bytes(found.digest)) if found else ""


def _hand_out(
    membership: Membership, reward: RewardRule, redemption_id: UUID, pooled: tuple[int, bytes, bytes] | None
) -> str:
    """Give a redeemed reward its code, from the pool or a new one, and return it."""
    if pooled is not None:
        pk, digest, sealed = pooled
        RewardCode.objects.filter(pk=pk).update(redemption_id=redemption_id)
        return unseal(sealed, digest)
    if not reward.has_codes:
        return ""
    text = new_code()
    digest = digest_of(membership.retailer_id, alike(text))
    RewardCode.objects.create(
        retailer_id=membership.retailer_id,
        program_id=membership.program_id,
        reward_key=reward.key,
        digest=digest,
        sealed=seal(text, digest),
        redemption_id=redemption_id,
    )
    return text


@transaction.atomic
def cancel_reward(redemption: RewardRedemption, *, now: datetime, by_member: bool = False) -> RewardReceipt:
    """
    Take back a reward that is not used: its points come back to the lots that paid. Cancelling again changes nothing.

    :param by_member: that the member asks for it, who may as long as nothing is on its way, where the reward says so
    :raises NotUndoable: when it was used, or is not the member's to cancel
    :raises HeldByTill: while a till has it in hand
    :raises RewardEnded: when it is over for another reason
    """
    return _undo(redemption, Status.CANCELLED, now=now, by_member=by_member)


@transaction.atomic
def refund_reward(redemption: RewardRedemption, *, now: datetime) -> RewardReceipt:
    """
    Take back a reward although it was used: its points come back to the lots that paid. Again it changes nothing.

    :raises PaidOut: when it was a donation that the cause has by now
    :raises HeldByTill: while a till has it in hand
    :raises RewardEnded: when it is over for another reason
    """
    return _undo(redemption, Status.REFUNDED, now=now)


def _undo(redemption: RewardRedemption, status: Status, *, now: datetime, by_member: bool = False) -> RewardReceipt:
    entry = entry_of(redemption)
    lent = lent_by(entry.wallet_id, entry_id=entry.pk) if entry else {}
    session = AccountSession.open([redemption.membership_id], now, lent=lent)
    wallet = session.wallet(redemption.membership_id, redemption.wallet)
    redemption = RewardRedemption.objects.select_related("reward", "program__retailer").get(pk=redemption.pk)
    if redemption.status == status:
        return RewardReceipt(redemption, "", wallet.available, is_new=False)
    held = _require_undoable(redemption, wallet, status, by_member=by_member)
    back = give_back(wallet, entry.pk, reward=held.code, because=status.value) if entry else None
    session.take(give_up(wallet.decision, held, status.value, {"points": redemption.points}))
    available = wallet.finish()
    redemption.refresh_from_db()
    points, expired = (back.points, back.expired) if back else (0, 0)
    return RewardReceipt(redemption, "", available, points, expired)


def _require_undoable(
    redemption: RewardRedemption, wallet: WalletSession, status: Status, *, by_member: bool
) -> HeldReward:
    """Return a reward that may be undone, as it is behind the lock."""
    wallet.require_member()
    if redemption.redeemed_at < wallet.member.enrolled_at:
        raise RewardEnded(status=Status.FORFEITED.label, at=f"{redemption.redeemed_at:%Y-%m-%d}")
    held = held_in(wallet.decision, redemption)
    if status is Status.CANCELLED and not held.is_open:
        raise NotUndoable(status=redemption.get_status_display())
    if by_member and (held.is_sent or not redemption.reward.may_cancel):
        raise NotUndoable(status=redemption.get_status_display())
    if held.is_open and held.held_until is not None and held.held_until > wallet.now:
        hold = VoucherHold.objects.get(redemption=redemption, status=VoucherHold.Status.OPEN)
        raise HeldByTill(since=instant_of(hold.held_at), until=instant_of(held.held_until))
    if held.is_donation:
        _require_not_paid_out(redemption)
    return held


def held_in(decision: Decision, redemption: RewardRedemption) -> HeldReward:
    """
    Return a member's reward as a decision sees it; one that was used or sent is read anew.

    :raises RewardEnded: when it is over, which time may just have brought
    """
    found = next((each for each in decision.member.of(REWARDS).held if each.id == redemption.pk), None)
    if found is not None:
        return found
    if redemption.ended_at is not None:
        raise RewardEnded(status=redemption.get_status_display(), at=instant_of(redemption.ended_at))
    if redemption.status in OPEN:  # its end has just been carried out
        at = redemption.expires_at or decision.at
        status = Status.EXPIRED if redemption.expires_at and redemption.expires_at <= decision.at else Status.WITHDRAWN
        raise RewardEnded(status=status.label, at=instant_of(at))
    return load_one(redemption.membership_id, redemption.pk)


def _require_not_paid_out(redemption: RewardRedemption) -> None:
    """Refuse to take a donation back that the cause has; behind the cause's lock."""
    lock_counters(redemption.retailer_id, [(redemption.program_id, redemption.reward_key)])
    first = CauseEntry.objects.filter(redemption=redemption).order_by("pk").first()
    if first is None:
        return
    paid = CauseEntry.objects.filter(program=redemption.program_id, reward_key=redemption.reward_key, pk__gt=first.pk)
    if payout := paid.filter(kind=CauseEntry.Kind.PAYOUT).order_by("pk").first():
        raise PaidOut(document=payout.document)


def entry_of(redemption: RewardRedemption) -> Entry | None:
    """Return the entry of the points that paid a reward; None for one that cost none."""
    wallets = Wallet.objects.filter(membership=redemption.membership_id)
    return Entry.objects.filter(wallet__in=wallets, cause=f"redeem:{redemption.reference}").first()


class NotSent(DomainError):
    code = "not_sent"
    kind = Kind.CONFLICT
    message = _("Only products and experiences without codes are sent or fulfilled; this one is used with its code.")


@transaction.atomic
def fulfil_reward(redemption: RewardRedemption, status: Status, *, note: str = "", now: datetime) -> RewardRedemption:
    """
    Note that a product or an experience is on its way, or has come to its member; the same again changes nothing.

    :param status: in_progress or fulfilled
    :param note: such as the parcel's number
    :raises NotSent: when it is used with a code
    :raises RewardEnded: when it is over, or was fulfilled before it is in progress
    """
    session = AccountSession.open([redemption.membership_id], now)
    decision = session.decisions[redemption.membership_id]
    redemption = RewardRedemption.objects.select_related("reward").get(pk=redemption.pk)
    if redemption.status == status and redemption.note == (note or redemption.note):
        return redemption
    if redemption.reward.kind not in SENT or redemption.reward.codes != "none":
        raise NotSent
    held = held_in(decision, redemption)
    if not held.is_open:
        raise RewardEnded(status=redemption.get_status_display(), at=instant_of(redemption.used_at))
    session.take(use(decision, held, status.value, at=now, note=note))
    session.finish()
    redemption.refresh_from_db()
    return redemption


class NothingToPayOut(DomainError):
    code = "nothing_to_pay_out"
    kind = Kind.CONFLICT
    message = _("The cause “{reward}” has nothing to be paid out.")


@transaction.atomic
def pay_out(program: Program, reward_key: UUID, *, document: str, now: datetime) -> CauseEntry:
    """
    Note that all that a cause was given has been paid out to it; the same document again changes nothing.

    :param document: the transfer's own number
    :raises NothingToPayOut: when it has nothing
    """
    lock_counters(program.retailer_id, [(program.pk, reward_key)])
    entries = CauseEntry.objects.filter(program=program, reward_key=reward_key)
    if earlier := entries.filter(kind=CauseEntry.Kind.PAYOUT, document=document).first():
        return earlier
    total = sum((entry.amount for entry in entries), Decimal(0))
    if total <= 0:
        raise NothingToPayOut(reward=str(reward_key))
    return CauseEntry.objects.create(
        retailer_id=program.retailer_id, program=program, reward_key=reward_key, kind=CauseEntry.Kind.PAYOUT,
        amount=-total, document=document, occurred_at=now, recorded_at=now,
    )  # fmt: skip


@transaction.atomic
def add_stock(program: Program, reward_key: UUID, pieces: int) -> int:
    """Add to a reward's stock or, negative, take off it; return how many were added in all."""
    key = (program.pk, reward_key)
    added, _taken, _matched = lock_counters(program.retailer_id, [key])[key]
    bulk.execute(ADD, [added + pieces, *key])
    return added + pieces


ADD = "UPDATE rewards_rewardcounter SET added = %s WHERE program_id = %s AND reward_key = %s"


def instant_of(at: datetime | None) -> str:
    """Return an instant as refusals name it."""
    return f"{at:%Y-%m-%d %H:%M %Z}" if at else "-"
