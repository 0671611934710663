"""Referrals: who referred whom, what has become of it by what the friend has bought since, and what both get."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from tests.properties.model.past import Award, Fact, Key, OrderFact, Past, ReturnFact, terms_at
from tests.properties.model.terms import MAIN, ReferralTerms, Refused, WalletTerms, same_period

SHARED = {"address": 50, "ip": 20}
FINAL = {"same_customer", "cycle", "friend_left"}


@dataclass(eq=False)
class Reward:
    """
    What one side got for a referral once.

    :ivar life: the number of the membership that got it: of another one nothing is taken
    """

    key: Key
    name: str
    life: int
    side: str
    points: int
    at: datetime
    terms: ReferralTerms
    is_kept: bool = True


@dataclass(eq=False)
class Referral:
    """
    A friend that was referred.

    :ivar score: of what was suspicious when it was claimed
    :ivar order: that earns it
    """

    number: int
    friend: str
    advocate: str
    claimed_at: datetime
    terms: ReferralTerms
    status: str = "open"
    reason: str = ""
    score: int = 0
    is_reviewed: bool = False
    round: int = 0
    order: OrderFact | None = None
    earned_at: datetime | None = None
    rewards: list[Reward] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.status != "refused"


class Referrals:
    """All referrals of a program."""

    def __init__(self, past: Past, is_together: Callable[[str, str], bool]) -> None:
        self.past = past
        self.is_together = is_together
        self.all: list[Referral] = []
        self.signals: dict[str, set[tuple[str, str]]] = {}

    def of(self, friend: str) -> Referral | None:
        """Return the referral by which somebody came: one that is live, or else the last."""
        own = [each for each in self.all if each.friend == friend]
        return next((each for each in own if each.is_live), own[-1] if own else None)

    def claim(self, friend: str, advocate: str, signal: str, at: datetime) -> None:
        """
        Note who referred somebody.

        :param signal: what the friend has in common with the referrer: address, ip or nothing
        """
        terms = terms_at(self.past.versions, at).referrals
        if terms is None:
            raise Refused
        known = self.of(friend)
        if known is not None and known.is_live:
            if known.advocate != advocate:
                raise Refused
            return
        if known is not None and known.is_reviewed:
            if known.advocate != advocate:
                raise Refused
            return
        claimed = Referral(len(self.all), friend, advocate, at, terms)
        signals = self.signals_of(friend) | ({(signal, advocate)} if signal else set())
        reason = self._refusal(claimed)
        if known is not None and (known.advocate, known.reason) == (advocate, reason):
            return
        claimed.score = self._score(claimed, signals)
        self.signals[friend] = signals
        if reason:
            claimed.status, claimed.reason = "refused", reason
        elif claimed.score >= terms.hold_score:
            claimed.status, claimed.reason = "held", "suspicious"
        self.all.append(claimed)

    def signals_of(self, name: str) -> set[tuple[str, str]]:
        return self.signals.get(name, {("address", name), ("ip", name)})

    def _refusal(self, claimed: Referral) -> str:
        bought = self._bought_at(claimed.friend)
        if claimed.friend == claimed.advocate:
            return "same_customer"
        if bought is not None and bought < claimed.claimed_at:
            return "bought_before"
        return "cycle" if self._is_above(claimed.friend, claimed.advocate) else ""

    def _is_above(self, name: str, friend: str) -> bool:
        """Tell whether somebody, maybe by others, referred a friend."""
        seen = {friend}
        while (referral := self.of(friend)) is not None and referral.status in {"open", "held", "earned"}:
            friend = referral.advocate
            if friend == name:
                return True
            if friend in seen:
                return False
            seen.add(friend)
        return False

    def _score(self, claimed: Referral, signals: set[tuple[str, str]]) -> int:
        shared = {kind for kind, _ in signals & self.signals_of(claimed.advocate)}
        earlier = [each for each in self.all if each.advocate == claimed.advocate and each.friend != claimed.friend]
        earlier = [each for each in earlier if each.claimed_at <= claimed.claimed_at]
        score = sum(SHARED[kind] for kind in shared) + 60 * self.is_together(claimed.friend, claimed.advocate)
        score += 40 * (sum(each.status == "taken_back" for each in earlier) >= 2)
        just_above = [each for each in earlier if each.status == "earned" and each.order is not None]
        return score + 30 * (sum(self._is_just_above(each, each.order) for each in just_above if each.order) >= 3)

    def _is_just_above(self, referral: Referral, order: OrderFact) -> bool:
        minimum = referral.terms.minimum
        return 0 < minimum <= self._paid(order) < Fraction(105, 100) * minimum

    def review(self, friend: str, *, approve: bool, now: datetime) -> None:
        referral = self.of(friend)
        if referral is None or not referral.is_live or (approve and referral.status != "held"):
            raise Refused
        referral.is_reviewed = True
        if approve:
            referral.status, referral.reason = "open", ""
        else:
            self._end(referral, "refused", "refused_by_staff")

    def leave(self, name: str, now: datetime) -> None:
        """End the referral of a member that leaves; its referrer keeps the reward once the waiting is over."""
        referral = self.of(name)
        for each in self.all:
            for reward in each.rewards:
                if reward.name == name:
                    reward.life = 0
        if referral is None:
            return
        if referral.status == "earned" and referral.earned_at is not None:
            terms = self._wallet(referral.earned_at, referral.terms)
            if self.past.calendar.starts_active(referral.earned_at, terms) > now:
                self._end(referral, "taken_back", "friend_left")
        elif referral.status in {"open", "held"}:
            self._end(referral, "refused", "friend_left")

    def merge(self, stays: str, goes: str) -> None:
        """Let what both referred, and by whom both came, be of the one that stays: of two referrals the earlier one counts."""
        live = [each for each in self.all if each.friend in {stays, goes} and each.is_live]
        live = sorted(live, key=lambda each: (each.claimed_at, each.friend == goes))
        others = [each for each in live if {each.friend, each.advocate} != {stays, goes}]
        for each in live:
            if {each.friend, each.advocate} == {stays, goes}:
                makes_room = each.friend == stays and others
                self._end(each, "taken_back" if each.round and not makes_room else "refused", "same_customer")
        for each in others[1:]:
            self._end(each, "refused", "referred_before")
        for each in others[:1]:
            each.friend = stays
        for each in self.all:
            each.advocate = stays if each.advocate == goes else each.advocate
            for reward in each.rewards:
                reward.name = stays if reward.name == goes else reward.name
        self.signals[stays] = self.signals_of(stays) | self.signals_of(goes)
        own = self.of(stays)
        if own is not None and own.is_live and own.status != "taken_back" and self._is_above(stays, own.advocate):
            self._end(own, "taken_back" if own.round else "refused", "cycle")

    def follow(self, lives: dict[str, int], enrolled: dict[str, datetime]) -> None:
        """
        Bring rewards to what friends have earned.

        :param lives: the number of each member's membership, and `enrolled` since when
        """
        for referral in self.all:
            if referral.is_live and not (referral.status == "taken_back" and referral.reason in FINAL):
                self._settle(referral, lives, enrolled)

    def _settle(self, referral: Referral, lives: dict[str, int], enrolled: dict[str, datetime]) -> None:
        bought = self._bought_at(referral.friend)
        if bought is not None and bought < referral.claimed_at:
            if referral.status == "held":
                self._end(referral, "refused", "bought_before")
            self._lose(referral, "bought_before")
            return
        if referral.status == "held":
            return
        order, reason = self._earning(referral)
        if order is None:
            self._lose(referral, reason)
        elif referral.status == "earned":
            referral.order = order
        elif self._is_above(referral.friend, referral.advocate):
            self._end(referral, "taken_back", "cycle")
        elif (
            not referral.is_reviewed
            and referral.score
            and self._is_just_above(referral, order)
            and (referral.score + 20 >= referral.terms.hold_score)
        ):
            referral.status, referral.reason, referral.score = "held", "suspicious", referral.score + 20
        else:
            self._earn(referral, order, lives, enrolled)

    def _earning(self, referral: Referral) -> tuple[OrderFact | None, str]:
        """Return the order that earns a referral, or why none does."""
        terms = referral.terms
        all_ = [each for each in self._orders(referral.friend) if each.at >= referral.claimed_at]
        kept = [each for each in all_ if self._left(each)]
        if not kept:
            return None, "order_returned" if all_ else ""
        some = kept[:1] if terms.first_order_only else kept
        end = referral.claimed_at + timedelta(days=terms.window_days)
        in_time = [each for each in some if each.at <= end]
        if not in_time:
            return None, "too_late"
        found = next((each for each in in_time if self._paid(each) >= terms.minimum), None)
        return found, "" if found else "below_minimum"

    def _earn(self, referral: Referral, order: OrderFact, lives: dict[str, int], enrolled: dict[str, datetime]) -> None:
        referral.status, referral.reason, referral.round = "earned", "", referral.round + 1
        referral.order, referral.earned_at = order, order.at
        sides = (("friend", referral.friend, referral.terms.friend_points),
                 ("advocate", referral.advocate, referral.terms.advocate_points))  # fmt: skip
        for side, name, points in sides:
            is_member = name in enrolled and enrolled[name] <= order.at
            if points and is_member and self._has_room(referral.terms, name, side, points, order.at):
                key = ("grant", str(referral.number), side, str(referral.round))
                referral.rewards.append(Reward(key, name, lives[name], side, points, order.at, referral.terms))

    def _has_room(self, terms: ReferralTerms, name: str, side: str, points: int, at: datetime) -> bool:
        """Tell whether a referrer's limit and the budget have room for a whole reward."""
        on, day = self.past.calendar.day(at), self.past.calendar.day
        given = [each for referral in self.all for each in referral.rewards if each.is_kept]
        if side == "advocate" and terms.advocate_limit is not None:
            own = [each for each in given if each.side == "advocate" and each.name == name]
            if sum(same_period(terms.limit_period, day(each.at), on) for each in own) >= terms.advocate_limit:
                return False
        used = sum(each.points for each in given if same_period(terms.budget_period, day(each.at), on))
        return terms.budget is None or terms.budget - used >= points

    def _lose(self, referral: Referral, reason: str) -> None:
        if referral.status == "earned":
            self._end(referral, "taken_back", reason)
        elif referral.status == "open":
            referral.reason = reason

    def _end(self, referral: Referral, status: str, reason: str) -> None:
        for reward in referral.rewards:
            if reward.life:
                reward.is_kept = False
        referral.status, referral.reason, referral.order, referral.earned_at = status, reason, None, None

    def awards(self, name: str, life: int) -> list[Award]:
        """Return what a member is entitled to, as a friend and as a referrer."""
        return [
            Award(each.key, MAIN, each.points if each.is_kept else 0, each.at, each.at, self._wallet(each.at, each.terms), 0,
                  may_wait=True)
            for each in self._rewards_of(name, life)
        ]  # fmt: skip

    def given_ever(self, name: str, life: int) -> int:
        """Return what a member was given in all, whatever was taken back."""
        return sum(each.points for each in self._rewards_of(name, life))

    def _rewards_of(self, name: str, life: int) -> list[Reward]:
        return [each for one in self.all for each in one.rewards if (each.name, each.life) == (name, life)]

    def activities(self, name: str) -> list[datetime]:
        """Return when a member was given something."""
        return [each.at for referral in self.all for each in referral.rewards if each.name == name and each.life]

    def _wallet(self, at: datetime, terms: ReferralTerms) -> WalletTerms:
        wallet = terms_at(self.past.versions, at).wallets[MAIN]
        return replace(wallet, pending_days=terms.waiting_days, awaits="")

    # -- what friends bought

    def _facts(self, friend: str) -> Iterable[Fact]:
        return (
            each for each in self.past.facts if isinstance(each, OrderFact) and self.past.heir(each.member) == friend
        )

    def _orders(self, friend: str) -> list[OrderFact]:
        found = [each for each in self._facts(friend) if isinstance(each, OrderFact)]
        return sorted(found, key=lambda each: (each.at, each.number))

    def _bought_at(self, friend: str) -> datetime | None:
        return min((each.at for each in self._orders(friend)), default=None)

    def _left(self, order: OrderFact) -> int:
        """Return how many are left of an order; what came back after its membership had ended changes nothing."""
        ends = [left for name, _, since, left in self.past.spans if name == order.member and since <= order.at
                and (left is None or order.at < left)]  # fmt: skip
        end = ends[0] if ends else None
        back = [each for each in self.past.facts if isinstance(each, ReturnFact) and each.order == order.number]
        return order.quantity - sum(each.quantity for each in back if end is None or each.at < end)

    def _paid(self, order: OrderFact) -> Fraction:
        return max(Fraction(0), self._left(order) * order.unit_price - order.paid)
