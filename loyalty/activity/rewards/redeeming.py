"""A member redeems a reward: for the right price, once, as long as there is one."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.money import unit_of
from customers.core.values import dataclass
from loyalty.activity.account.households import Gathering, gather, household_of
from loyalty.activity.account.session import (
    AccountSession,
    NotInForce,
    ReferenceUsed,
    WalletSession,
)
from loyalty.activity.account.spending import end_timed_out, use_reference
from loyalty.activity.rewards.buying import buyer_of, freed_by, profile_of
from loyalty.activity.rewards.freeing import end_freed
from loyalty.activity.rewards.redeemed import OPEN, RewardReceipt, Status, code_of
from loyalty.activity.versions import versions_of_member
from loyalty.engine.decision import Decision, Told
from loyalty.memberships.models import Membership
from loyalty.points.states import State
from loyalty.rewards.models import Reward, RewardCode, RewardRedemption
from loyalty.rewards.rules import (
    OF_ANY_POINTS,
    Price,
    RewardRule,
    least_points,
    matched,
    out_of_time,
    refusal,
    worth_of,
)
from loyalty.rewards.rules import Kind as RewardKind
from loyalty.rewards.sealing import alike, digest_of, new_code, seal, unseal
from loyalty.rewards.state import CATALOGUE, REWARDS, CauseMoved, HeldReward, RewardCounted, RewardRedeemed
from loyalty.rewards.writing import counters_of, lock_counters


class NoSuchReward(DomainError):
    code = "no_such_reward"
    kind = Kind.NOT_FOUND
    message = _(
        "The program’s catalogue has no reward “{reward}”. The list of rewards has the codes of those that there are."
    )


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
    "granted_only": _("“{reward}” is no reward for points: members get it by an offer."),
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

    def __init__(self, reward: RewardRule) -> None:
        super().__init__(reward=reward.code)
        self.key = reward.key


class LimitReached(DomainError):
    code = "limit_reached"
    message = _("The member has had “{reward}” as often as it may: {limit}.")


class OtherReward(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Reference {reference} was used for {points} points of “{reward}” before. Use a new one for a new request."
    )


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
    return _or_freed(membership, lambda: _redeem(membership, code, reference, now, wallet, points), now)


def _or_freed(membership: Membership, redeem: Callable[[], RewardReceipt], now: datetime) -> RewardReceipt:
    """Let a member have a reward; where none is left, once more when what time has freed of others has come back."""
    try:
        return redeem()
    except SoldOut as refused:
        if not end_freed(membership, refused.key, now=now):
            raise
    return redeem()


@transaction.atomic
def _redeem(  # noqa: PLR0913 - the same
    membership: Membership, code: str, reference: str, now: datetime, wallet: str, points: int | None
) -> RewardReceipt:
    before = RewardRedemption.objects.filter(membership=membership, reference=reference).first()
    wallet = wallet or (before.wallet if before else _own_wallet(membership, code, now))
    end_timed_out([membership, *household_of(membership)], now=now)
    household, spending = gather(membership, now=now, wallet=wallet)
    earlier = RewardRedemption.objects.select_related("reward").filter(membership=membership, reference=reference)
    if (again := earlier.first()) is not None:
        return _again(again, code, wallet, points, spending)
    spending.require_member()
    reward = spending.decision.rules.of(CATALOGUE).by_code.get(code)
    if reward is None:
        raise NoSuchReward(reward=code)
    return _Purchase(membership, household, spending, reference).of(reward, points)


@dataclass(frozen=True, slots=True)
class Granted:
    """
    What an offer gave a member, who takes it now without points: as it was promised then, whatever later versions say.

    :param reward_key: what it is, whatever it is called by now
    :param granted_at: when it was promised
    :param rule: by what the member has it, such as offer:CODE
    :param budget_id: from which it is paid
    :param reserved: of that, the most that it may cost
    :param ends_at: until when it is the member's
    :param hold: locks it behind its member, before a budget: whoever takes it back holds it before the budget, too
    """

    reward_key: UUID
    granted_at: datetime
    rule: str
    budget_id: int
    reserved: Decimal
    ends_at: datetime
    hold: Callable[[], object]


def take_granted(membership: Membership, granted: Granted, *, reference: str, now: datetime) -> RewardReceipt:
    """
    Let a member have what an offer gave it. For whom it is was decided then; asked is whether it is time, and there is one.

    :param reference: of the offer's own, once per member: the same again changes nothing
    :raises NotForMember: when it is not its time, or it was withdrawn from who has it
    :raises SoldOut: when none is left, or no code
    :raises LimitReached: when the member has had it as often as it may
    """
    return _or_freed(membership, lambda: _take_granted(membership, granted, reference, now), now)


@transaction.atomic
def _take_granted(membership: Membership, granted: Granted, reference: str, now: datetime) -> RewardReceipt:
    session = AccountSession.open([membership.pk], now)
    earlier = RewardRedemption.objects.select_related("reward").filter(membership=membership, reference=reference)
    if (again := earlier.first()) is not None:
        wallet = session.wallet(membership.pk, again.wallet)
        return _again(again, again.reward.code, again.wallet, None, wallet)
    granted.hold()
    reward = _promised(session.decisions[membership.pk], granted)
    spending = session.wallet(membership.pk, reward.wallet)
    spending.require_member()
    return _Purchase(membership, Gathering(spending, ()), spending, reference, granted).of(reward, None)


def _promised(decision: Decision, granted: Granted) -> RewardRule:
    """Return what an offer promised; how many there are, how many a member may have and when is as it is now."""
    then, now = (decision.versions.at(each) for each in (granted.granted_at, decision.at))
    catalogues = [each.of(CATALOGUE) for each in (then, now) if each is not None]
    found = [rule for each in catalogues if (rule := each.by_key.get(granted.reward_key)) is not None]
    if not found:
        raise NoSuchReward(reward=granted.rule)
    promised, current = found[0], catalogues[-1].by_key.get(granted.reward_key)
    if current is None:
        if promised.gives_back_on_withdrawal:
            raise NotForMember("no_longer", promised.code)
        return promised
    return replace(
        promised, stock=current.stock, member_limit=current.member_limit, member_period=current.member_period,
        first_day=current.first_day, last_day=current.last_day, valid_until=current.valid_until,
    )  # fmt: skip


@dataclass
class _Purchase:
    """
    One reward on its way to a locked member.

    :param granted: where an offer gave it
    """

    membership: Membership
    household: Gathering
    spending: WalletSession
    reference: str
    granted: Granted | None = None

    def of(self, reward: RewardRule, points: int | None) -> RewardReceipt:
        price = self._price(reward, points) if self.granted is None else self._given(reward, self.granted)
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
        return RewardReceipt(_as_told(redemption_id), text, available)

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
        unit = unit_of(self.membership.program.retailer.currency)
        least = max(price.points, least_points(reward, unit))
        if points is None or points < least:
            raise OtherPoints(reward=reward.code, least=least, asked=points or 0)
        return Price(price.wallet, points, price.rule)

    def _given(self, reward: RewardRule, granted: Granted) -> Price:
        """Return that it costs nothing, if it is its time."""
        if reason := out_of_time(reward, self.spending.decision.on):
            raise NotForMember(reason, reward.code)
        return Price(reward.wallet, 0, granted.rule)

    def _require_room(self, reward: RewardRule) -> None:
        if reward.member_limit is None:
            return
        since = reward.counts_from(self.spending.now, self.spending.decision.rules.zone)
        freed = freed_by(self.spending.session).redemptions
        if redeemed_by(self.membership.pk, [(reward.key, since)], but=freed).get(reward.key, 0) >= reward.member_limit:
            raise LimitReached(reward=reward.code, limit=reward.member_limit)

    def _take_from_stock(self, reward: RewardRule, amount: Decimal | None, unit: Decimal) -> Decimal:
        """
        Lock what is counted of a reward and return what the retailer adds to a donation.

        Causes are locked first, each for itself: what is given to one stands in its ledger in the order of its locks, so that
        a payment is of all that stands before it. Of others, all that this member's time brings back is locked with it.
        """
        is_donation = reward.kind is RewardKind.DONATION
        if not self._is_counted(reward) and not is_donation:
            return Decimal(0)
        key = (self.membership.program_id, reward.key)
        besides = () if is_donation else counters_of(self.spending.session.effects())
        added, taken, used = lock_counters(self.membership.retailer_id, [key, *besides])[key]
        taken -= freed_by(self.spending.session).pieces.get(reward.key, 0)
        if reward.stock is not None and reward.stock + added <= taken:
            raise SoldOut(reward)
        return matched(reward, amount, used, unit) if amount is not None and reward.match_percent else Decimal(0)

    def _is_counted(self, reward: RewardRule) -> bool:
        """Tell whether a reward is counted: from the first version on that said so, also while another one does not."""
        versions = self.spending.decision.versions.versions
        return any(
            rule.is_counted for each in versions if (rule := each.of(CATALOGUE).by_key.get(reward.key)) is not None
        )

    def _code_of_pool(self, reward: RewardRule) -> tuple[int, bytes, bytes]:
        found = bulk.fetch(NEXT_CODE, [self.membership.program_id, reward.key])
        if not found:
            raise SoldOut(reward)
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
        is_counted = self._is_counted(reward)
        ends_at = None if is_donation else reward.ends_at(now, decision.rules.zone)
        granted = self.granted
        if granted is not None:
            ends_at = min(filter(None, (ends_at, granted.ends_at)))
        redeemed = RewardRedeemed(
            redemption_id, member.retailer_id, member.program_id, member.membership_id, reward.id, reward.key,
            self.reference, price.wallet, price.points, price.rule, amount, added,
            Status.FULFILLED.value if is_donation else Status.ISSUED.value, now, ends_at, now if is_donation else None,
            is_counted, granted.budget_id if granted else None, granted.reserved if granted else None,
        )  # fmt: skip
        decision = decision.then(redeemed)
        if is_counted:
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
                gives_back_on_withdrawal=reward.gives_back_on_withdrawal, is_counted=is_counted, amount=amount,
                budget_id=granted.budget_id if granted else None, reserved=granted.reserved if granted else Decimal(0),
            )  # fmt: skip
            decision = decision.then(member=member.having(REWARDS, member.of(REWARDS).with_held(held)))
        self.spending.session.take(decision)


def _as_told(redemption_id: UUID) -> RewardRedemption:
    return RewardRedemption.objects.select_related("reward", "program__retailer").get(pk=redemption_id)


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
    versions = versions_of_member(membership)
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
    """
    Answer a request that was carried out before as it was answered then, whatever the catalogue says by now.

    :raises ReferenceUsed: when it is over, which time may just have brought
    """
    asked = (wallet, earlier.points if points is None else points)
    if asked != (earlier.wallet, earlier.points) or not _was_called(earlier, code):
        raise OtherReward(reference=earlier.reference, points=earlier.points, reward=earlier.reward.code)
    held = {each.id for each in spending.decision.member.of(REWARDS).held if not each.is_over}
    if earlier.ended_at is not None or (earlier.status in OPEN and earlier.pk not in held):
        raise ReferenceUsed(reference=earlier.reference)
    return RewardReceipt(earlier, code_of(earlier), spending.available, is_new=False)


def _was_called(redemption: RewardRedemption, code: str) -> bool:
    """Tell whether a code is, or was in some version, that of a redeemed reward."""
    named = Reward.objects.filter(version__program=redemption.program_id, key=redemption.reward_key, code=code)
    return code == redemption.reward.code or named.exists()


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
