"""What members have of rewards: what they cost whom, how many are left, and what has become of each."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from tests.properties.model.terms import MAIN, Calendar, PriceTerms, Refused, RewardTerms, Step, Version, same_period

OFFLINE = timedelta(minutes=1)  # so much longer nobody else gets what a till has in hand
GONE = frozenset({"cancelled", "refunded", "withdrawn"})
OF_ANY_POINTS = frozenset({"donation", "pay_with_points"})
SENT = frozenset({"product", "experience"})


@dataclass
class Till:
    """A till that has a voucher in hand."""

    reference: str
    ends_at: datetime
    status: str = "open"


@dataclass(eq=False)
class Reward:
    """
    A reward that a member has.

    :param points: that it cost in a wallet
    :param amount: that it takes off or gave, in the currency; None for none
    :param matched: what the retailer added
    """

    reference: str
    member: str
    terms: RewardTerms
    wallet: str
    points: int
    at: datetime
    ends_at: datetime | None
    amount: Fraction | None = None
    matched: Fraction = Fraction(0)
    status: str = "issued"
    is_over: bool = False
    tills: list[Till] = field(default_factory=list)

    @property
    def is_unused(self) -> bool:
        return self.status in {"issued", "in_progress"}

    @property
    def till(self) -> Till | None:
        """Return the till that has it in hand, as far as it told."""
        return next((till for till in self.tills if till.status == "open"), None)

    def is_in_hand(self, now: datetime) -> bool:
        return self.is_unused and self.till is not None and self.till.ends_at + OFFLINE > now


@dataclass
class Rewards:
    """
    The rewards of all members of a program.

    :param pool: how many codes each pool had to begin with
    """

    calendar: Calendar
    versions: list[Version]
    unit: Fraction
    pool: int = 0
    all: dict[str, Reward] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    handed_out: Counter[str] = field(default_factory=Counter)
    causes: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    paid_out: dict[str, list[str]] = field(default_factory=dict)  # of each cause, which gifts it has been paid

    def price(
        self,
        terms: RewardTerms,
        member: str,
        step: Step | None,
        plan: str,
        wallet: str,
        points: int | None,
        now: datetime,
    ) -> int:
        """
        Return what a member is to pay in a wallet.

        :param points: that it wants to give, where it may choose
        """
        tier = step.code if step else ""
        if (terms.tiers and tier not in terms.tiers) or (terms.plans and plan not in terms.plans):
            raise Refused
        self._require_room(terms, member, now)
        if terms.kind in OF_ANY_POINTS:
            if wallet != MAIN or points is None or points < terms.points:
                raise Refused
            return points
        found = [each.points for each in self._prices(terms, step) if _is_for(each, wallet, tier, plan)]
        if not found:
            raise Refused
        return min(found)

    def _prices(self, terms: RewardTerms, step: Step | None) -> list[PriceTerms]:
        less = terms.points * (100 - step.discount_percent) // 100 if step else terms.points
        if step and step.discount_percent < 100 and terms.points:
            less = max(less, 1)  # nothing becomes free by rounding
        return [PriceTerms(less), *terms.prices]

    def _require_room(self, terms: RewardTerms, member: str, now: datetime) -> None:
        if terms.stock is not None and self.taken[terms.code] >= terms.stock:
            raise Refused
        if terms.codes == "pool" and self.handed_out[terms.code] >= self.pool:
            raise Refused
        if terms.member_limit is not None:
            on, day = self.calendar.day(now), self.calendar.day
            mine = [each for each in self.all.values() if each.member == member and each.terms.code == terms.code]
            had = [each for each in mine if same_period(terms.member_period, on, day(each.at)) and not _gave_back(each)]
            if len(had) >= terms.member_limit:
                raise Refused

    def give(self, reference: str, member: str, terms: RewardTerms, wallet: str, points: int, now: datetime) -> Reward:
        """Let a member have a reward that it has paid."""
        ends_at = None
        if terms.valid_days is not None and terms.kind != "donation":
            ends_at = self.calendar.midnight(self.calendar.day(now) + timedelta(days=terms.valid_days + 1))
        made = Reward(reference, member, terms, wallet, points, now, ends_at)
        if terms.kind in OF_ANY_POINTS:
            made.amount = self._whole(Fraction(points, terms.per_unit))
        elif terms.kind == "amount_off":
            made.amount = Fraction(5)
        if terms.kind == "donation":
            assert made.amount is not None
            made.status = "fulfilled"
            asked = self._whole(made.amount * terms.match_percent / 100)
            made.matched = max(min(asked, terms.match_budget - self._matched(terms.code)), Fraction(0))
            self._give_cause(made, 1)
        self.all[reference] = made
        self.taken[terms.code] += 1
        self.handed_out[terms.code] += terms.codes == "pool"
        return made

    def _matched(self, code: str) -> Fraction:
        """Return what the retailer has added to a cause's gifts."""
        given = (each.matched for each in self.all.values() if each.terms.code == code and not _gave_back(each))
        return sum(given, Fraction(0))

    def _whole(self, amount: Fraction) -> Fraction:
        return int(amount / self.unit) * self.unit

    def _give_cause(self, reward: Reward, sign: int) -> None:
        for kind, amount in (("member", reward.amount), ("match", reward.matched)):
            if amount:
                key = reward.terms.code, kind
                self.causes[key] = self.causes.get(key, Fraction(0)) + sign * amount

    def come_back(self, reward: Reward, status: str) -> None:
        """Let a reward end whose points have come back."""
        self.taken[reward.terms.code] -= 1
        if reward.terms.kind == "donation":
            self._give_cause(reward, -1)
        self.end(reward, status)

    def end(self, reward: Reward, status: str) -> None:
        reward.status, reward.is_over = status, True
        for till in reward.tills:
            till.status = "released" if till.status == "open" else till.status

    def require_undoable(self, reward: Reward, *, is_unused: bool, now: datetime) -> None:
        """Refuse to take back what is over, in a till's hand or paid out or, where only that comes back, what was used."""
        is_paid_out = any(reward.reference in paid for paid in self.paid_out.values())
        if reward.is_over or (is_unused and not reward.is_unused) or reward.is_in_hand(now) or is_paid_out:
            raise Refused

    def next_end(self, now: datetime, since: datetime) -> tuple[datetime, Reward] | None:
        """Return which reward ends first by time, or because it was withdrawn, and when; not before `since`."""
        found = [
            (max(end, since), reward.at, place, reward)
            for place, reward in enumerate(self.all.values())
            if (end := self._end_of(reward, now)) is not None and end <= now
        ]
        if not found:
            return None
        at, _, _, reward = min(found)
        return at, reward

    def _end_of(self, reward: Reward, now: datetime) -> datetime | None:
        if reward.status != "issued":
            return None
        ends = [reward.ends_at] if reward.ends_at is not None else []
        if reward.terms.withdrawal_gives_back:
            later = [version for version in self.versions if reward.at < version.start <= now]
            ends += [version.start for version in later if version.terms.reward(reward.terms.code) is None][:1]
        if not ends:
            return None
        return max(min(ends), reward.till.ends_at + OFFLINE) if reward.till else min(ends)

    def ending(self, reward: Reward, at: datetime) -> tuple[str, bool]:
        """Return what becomes of a reward that ends at an instant, and whether its points come back."""
        if reward.ends_at is not None and reward.ends_at <= at:
            return "expired", reward.terms.expiry_gives_back
        return "withdrawn", True

    def hold(self, reward: Reward, reference: str, life: timedelta, now: datetime) -> None:
        """Let a till have a voucher in hand; of two the first one has it until it is silent for too long."""
        if not reward.is_unused or reward.is_in_hand(now):
            raise Refused
        if reward.till is not None:
            reward.till.status = "superseded"
        reward.tills.append(Till(reference, now + life))

    def confirm(self, reward: Reward, reference: str) -> None:
        till = next(each for each in reward.tills if each.reference == reference)
        if till.status == "confirmed":
            return
        if till.status != "open" or not reward.is_unused:
            raise Refused
        till.status, reward.status = "confirmed", "used"

    def release(self, reward: Reward, reference: str) -> None:
        till = next(each for each in reward.tills if each.reference == reference)
        if till.status == "confirmed":
            raise Refused
        till.status = "released" if till.status == "open" else till.status

    def send(self, reward: Reward, status: str) -> None:
        """Let a product be on its way, or have come."""
        if reward.status == status:
            return
        if reward.terms.kind not in SENT or not reward.is_unused:
            raise Refused
        reward.status = status

    def pay_out(self, code: str) -> None:
        """Pay a cause all that it was given."""
        total = sum(amount for (cause, _), amount in self.causes.items() if cause == code)
        if total <= 0:
            raise Refused
        self.causes[code, "payout"] = self.causes.get((code, "payout"), Fraction(0)) - total
        self.paid_out.setdefault(code, []).extend(each.reference for each in self.of_cause(code))

    def of_cause(self, code: str) -> Collection[Reward]:
        return [each for each in self.all.values() if each.terms.code == code and not each.is_over]

    def leave(self, member: str) -> None:
        """Let what a member has not used go; what is on its way comes."""
        for reward in self.all.values():
            if reward.member == member and reward.status == "issued":
                self.end(reward, "forfeited")

    def shown(self, reward: Reward, now: datetime) -> str:
        """Return what a till is told of a voucher."""
        if reward.is_in_hand(now):
            return "held"
        return "usable" if reward.status == "issued" else reward.status


def _gave_back(reward: Reward) -> bool:
    return reward.status in GONE or (reward.status == "expired" and reward.terms.expiry_gives_back)


def _is_for(price: PriceTerms, wallet: str, tier: str, plan: str) -> bool:
    return price.wallet == wallet and price.tier in {"", tier} and price.plan in {"", plan}
