"""The rewards that a member has, as decisions see them, and what a decision does to them: frozen values. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key
from loyalty.engine.versions import RulesOf
from loyalty.points.debts import DebtEntry
from loyalty.points.state import OpenLot, Redeemed
from loyalty.rewards.rules import NOTHING, Catalogue

REWARDS: "Key[RewardsState]" = Key("rewards")
CATALOGUE: RulesOf[Catalogue] = RulesOf("rewards")


@dataclass(frozen=True, slots=True)
class HeldReward:
    """
    A reward that a member has and has not used up, or that an order names which comes back.

    :param is_open: that it is neither used nor ended
    :param is_sent: that it is on its way, so that it neither ends by time nor is withdrawn
    :param expires_at: with which instant it ends; None for never
    :param held_until: up to when a till has it in hand: it does not end before
    :param is_counted: that it comes back to a stock
    :param matched: what the retailer added to a donation
    :param is_over: that it has ended
    :param budget_id: from which it is paid, of an offer; None for what points pay
    :param reserved: of that budget, the most that it may cost
    :param spent: what it came to when it was used; None where nobody said
    :param order_number: of the order for which it was used
    :param is_paid_out: that the cause has a donation by now, so that it does not come back
    """

    id: UUID
    reward_key: UUID
    code: str
    reference: str
    points: int
    is_open: bool
    is_sent: bool = False
    expires_at: datetime | None = None
    held_until: datetime | None = None
    gives_back_on_expiry: bool = False
    gives_back_on_withdrawal: bool = False
    is_counted: bool = False
    amount: Decimal | None = None
    matched: Decimal = NOTHING
    is_donation: bool = False
    is_over: bool = False
    budget_id: int | None = None
    reserved: Decimal = NOTHING
    spent: Decimal | None = None
    order_number: str = ""
    is_paid_out: bool = False

    def end_in(self, catalogue: Catalogue, since: datetime) -> datetime | None:
        """
        Return when it ends by time alone or because it was withdrawn; None for never.

        :param since: from when the catalogue is in force
        """
        if not self.is_open or self.is_sent:
            return None
        ends = [self.expires_at] if self.expires_at is not None else []
        if self.is_withdrawn_from(catalogue):
            ends.append(since)
        if not ends:
            return None
        end = min(ends)
        return end if self.held_until is None else max(end, self.held_until)

    def is_withdrawn_from(self, catalogue: Catalogue) -> bool:
        """Tell whether its points come back because a catalogue does not have it any more."""
        return self.gives_back_on_withdrawal and self.reward_key not in catalogue.by_key


@dataclass(frozen=True, slots=True)
class RewardsState:
    """
    A member's rewards.

    :param held: those that are open, and those that orders name which come back; only where a decision looks at them
    :param paid: the redemptions of points that paid those whose points may come back by time
    :param debts: what entries told of debts that those points would settle, by wallet
    :param covers: lots, closed or not, that would get back what was taken in others' place
    """

    held: tuple[HeldReward, ...] = ()
    paid: tuple[Redeemed, ...] = ()
    debts: Mapping[int, tuple[DebtEntry, ...]] = field(default_factory=dict)
    covers: tuple[OpenLot, ...] = ()

    def paid_for(self, held: HeldReward) -> Redeemed | None:
        return next((each for each in self.paid if each.reference == held.reference), None)

    def with_held(self, held: HeldReward) -> "RewardsState":
        """Return it with one reward more, or one changed."""
        others = tuple(each for each in self.held if each.id != held.id)
        return replace(self, held=(*others, held))

    def without_hold(self, held: HeldReward) -> "RewardsState":
        """Return it with a reward that no till has in hand any more."""
        return self.with_held(replace(held, held_until=None))

    def without(self, held: HeldReward) -> "RewardsState":
        return replace(self, held=tuple(each for each in self.held if each.id != held.id))


@dataclass(frozen=True, slots=True)
class RewardRedeemed(Effect):
    """A member gets a reward."""

    writer: ClassVar[str] = "rewards"
    id: UUID
    retailer_id: int
    program_id: int
    membership_id: UUID
    reward_id: int
    reward_key: UUID
    reference: str
    wallet: str
    points: int
    price_rule: str
    amount: Decimal | None
    matched: Decimal
    status: str
    redeemed_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    is_counted: bool = False
    budget_id: int | None = None
    reserved: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RewardEnded(Effect):
    """
    A reward is used up, or over.

    :param status: what has become of it
    """

    writer: ClassVar[str] = "rewards"
    id: UUID
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RewardKept(Effect):
    """A donation stays although its order came back, and its points with it: the cause has been paid."""

    writer: ClassVar[str] = "rewards"
    id: UUID
    reference: str


@dataclass(frozen=True, slots=True)
class RewardUsed(Effect):
    """A reward was used, or came to the member."""

    writer: ClassVar[str] = "rewards"
    id: UUID
    status: str
    at: datetime
    order_number: str = ""
    note: str = ""
    spent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BudgetMoved(Effect):
    """
    What a reward of an offer reserves of its budget and, when it was used, what it costs; negative where it comes back.

    :param cause: once per budget
    """

    writer: ClassVar[str] = "rewards"
    retailer_id: int
    budget_id: int
    redemption_id: UUID
    cause: str
    reserved: Decimal
    spent: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class RewardCounted(Effect):
    """
    What members took of a reward or, negative, what came back of it.

    :param matched: of the budget with which the retailer adds to donations
    """

    writer: ClassVar[str] = "rewards"
    retailer_id: int
    program_id: int
    reward_key: UUID
    taken: int
    matched: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class CauseMoved(Effect):
    """What a cause gets or, negative, does not get after all."""

    writer: ClassVar[str] = "rewards"
    retailer_id: int
    program_id: int
    reward_key: UUID
    kind: str
    amount: Decimal
    redemption_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class RewardsMoved(Effect):
    """A membership's rewards are another one's from now on: both were one person's."""

    writer: ClassVar[str] = "rewards"
    source_id: UUID
    target_id: UUID
    number: str
