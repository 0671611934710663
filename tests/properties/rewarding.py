"""What the driver does with rewards: members redeem, tills hold and confirm, staff takes back."""

from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from customers.models import Retailer
from loyalty.activity.account.session import HasLeft
from loyalty.activity.rewards import redeemed, redeeming, supplying, tills, undoing
from loyalty.activity.rewards.importing import import_codes
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.models import CauseEntry, Reward, RewardCounter, RewardRedemption
from tests import make
from tests.properties.model.terms import Terms
from tests.properties.model.world import POOL, TILL_LIFE

REWARD_REFUSALS = (
    redeeming.NoSuchReward,
    redeeming.NoSuchPrice,
    redeeming.OtherPoints,
    redeeming.NotForMember,
    redeeming.SoldOut,
    redeeming.LimitReached,
    redeemed.RewardEnded,
    undoing.NotUndoable,
    undoing.HeldByTill,
    undoing.PaidOut,
    supplying.NotSent,
    supplying.NothingToPayOut,
    tills.VoucherUsed,
    tills.VoucherOver,
    tills.VoucherHeld,
    tills.HoldOver,
    HasLeft,
)


class Rewarding:
    """Rewards of one program."""

    retailer: Retailer
    program: Program
    members: dict[str, Membership]
    payers: dict[str, str]
    rewarded: dict[str, UUID]
    codes: dict[str, str]
    tokens: dict[str, str]
    filled: set[str]

    def fill_pools(self, terms: Terms) -> None:
        """Import some codes for each pool that is new."""
        for reward in terms.rewards:
            if reward.codes == "pool" and reward.code not in self.filled:
                self.filled.add(reward.code)
                key = self._key(reward.code)
                codes = make.codes(*(f"{reward.code}-{self.program.pk}-{number}" for number in range(POOL)))
                now = self.program.created_at
                assert import_codes(self.program, key, codes, file_name="test", now=now).new == POOL

    def _key(self, code: str) -> UUID:
        keys = Reward.objects.filter(version__program=self.program, code=code).values_list("key", flat=True)
        (key,) = set(keys)
        return key

    def redeem_reward(
        self, name: str, code: str, wallet: str, points: int | None, reference: str, now: datetime
    ) -> None:
        done = redeeming.redeem_reward(
            self.members[name], code, reference=reference, now=now, wallet=wallet, points=points
        )
        self.rewarded[reference], self.codes[reference] = done.redemption.pk, done.code
        self.payers[reference] = name

    def entry_of_reward(self, reference: str) -> UUID:
        """Return the entry of the points that paid a reward, or an id of nothing."""
        entry = redeemed.entry_of(self._redemption(reference))
        return entry.pk if entry else self.rewarded[reference]

    def cancel_reward(self, reference: str, now: datetime) -> None:
        undoing.cancel_reward(self._redemption(reference), now=now)

    def refund_reward(self, reference: str, now: datetime) -> None:
        undoing.refund_reward(self._redemption(reference), now=now)

    def send_reward(self, reference: str, status: str, now: datetime) -> None:
        supplying.fulfil_reward(self._redemption(reference), RewardRedemption.Status(status), now=now)

    def hold_voucher(self, reference: str, till: str, now: datetime, life: timedelta = TILL_LIFE) -> None:
        voucher = tills.check_voucher(self.retailer, self.codes[reference].lower(), now=now)
        held = tills.hold_voucher(self.retailer, voucher, reference=till, life=life, now=now)
        self.tokens[till] = held.token

    def confirm_voucher(self, reference: str, till: str, now: datetime) -> None:
        tills.confirm_voucher(self.retailer, self.tokens[till], now=now)

    def release_voucher(self, reference: str, till: str, now: datetime) -> None:
        tills.release_voucher(self.retailer, self.tokens[till], now=now)

    def pay_out(self, code: str, now: datetime) -> None:
        supplying.pay_out(self.program, self._key(code), document=f"{now}", now=now)

    # -- what there is

    def reward(self, reference: str, now: datetime) -> str:
        """Return what a till is told of a reward, whether or not the night has been."""
        return tills.voucher_of(self.retailer, self.rewarded[reference], now=now).status

    def stocks(self) -> dict[str, int]:
        """Return how many are taken of each reward of which there are so many, by its code."""
        codes = dict(Reward.objects.filter(version__program=self.program).values_list("key", "code"))
        rows = RewardCounter.objects.filter(program=self.program)
        return {codes[row.reward_key]: row.taken for row in rows}

    def causes(self) -> dict[tuple[str, str], Fraction]:
        """Return what causes got, by cause and kind."""
        codes = dict(Reward.objects.filter(version__program=self.program).values_list("key", "code"))
        found: dict[tuple[str, str], Fraction] = {}
        for row in CauseEntry.objects.filter(program=self.program):
            key = codes[row.reward_key], row.kind
            found[key] = found.get(key, Fraction(0)) + Fraction(row.amount)
        return {key: amount for key, amount in found.items() if amount}

    def _redemption(self, reference: str) -> RewardRedemption:
        return RewardRedemption.objects.get(pk=self.rewarded[reference])
