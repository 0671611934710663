"""What a decision is made on and what it comes to: frozen values without a database."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from loyalty.outbox.publishing import NewEvent
from loyalty.points.budgets import BudgetKey
from loyalty.points.clawback import Move, OpenLot
from loyalty.points.ledger import MAIN, Dated, Posting
from loyalty.points.rules import Basket
from loyalty.tiers.assessment import Moved, Qualified
from loyalty.tiers.rules import Day


@dataclass(frozen=True, slots=True)
class Purse:
    """
    One wallet of a member as decisions see it.

    :param balance: what is available less what is owed
    :param owed: points that later earnings repay first
    :param idle_until: when its lots that slide expire if the member does nothing more
    :param days: what it earned by day, and for the main wallet what its member spent, as far back as any window reaches
    :param lots: its open lots; only those that a batch looks at
    """

    wallet_id: int
    code: str
    balance: int
    owed: int
    idle_until: datetime | None
    days: tuple[Day, ...] = ()
    lots: tuple[OpenLot, ...] = ()


@dataclass(frozen=True, slots=True)
class TierStep:
    """An earlier change of tier, by the codes of the steps; None is the ground."""

    at: datetime
    from_code: str | None
    to_code: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """
    A member of one program as decisions see it.

    :param tier_code: the step it stands on; None on the ground
    :param tier_id: the row of that step
    :param assessed_on: the latest day on which its tier was assessed: later news of earlier days counts from there
    :param keeps_until: the first day on which it may lose its tier: the end of a period or of a grace
    :param purses: its wallets, the main one first
    :param steps: earlier changes of its tier, oldest first; only where a batch looks back behind `tier_since`
    """

    retailer_id: int
    program_id: int
    membership_id: UUID
    enrolled_at: datetime
    left_at: datetime | None
    has_ordered: bool
    tier_code: str | None
    tier_id: int | None
    tier_since: datetime | None
    assessed_on: date | None
    keeps_until: date | None = None
    purses: tuple[Purse, ...] = ()
    steps: tuple[TierStep, ...] = ()

    @property
    def main(self) -> Purse:
        return self.purse(MAIN)

    def purse(self, code: str) -> Purse:
        """Return a wallet by its code; every member has all wallets that its program ever named."""
        return next(purse for purse in self.purses if purse.code == code)

    def purse_of(self, wallet_id: int) -> Purse:
        return next(purse for purse in self.purses if purse.wallet_id == wallet_id)

    def with_purse(self, changed: Purse) -> "Member":
        """Return the member with one wallet changed."""
        purses = tuple(changed if purse.wallet_id == changed.wallet_id else purse for purse in self.purses)
        return replace(self, purses=purses)

    def belongs_at(self, instant: datetime) -> bool:
        """Tell whether it was a member at an instant."""
        return self.enrolled_at <= instant and (self.left_at is None or instant < self.left_at)

    def tier_at(self, instant: datetime) -> str | None:
        """Return the step on which it stood at an instant, as far as its known changes tell."""
        if self.tier_since is None or instant >= self.tier_since:
            return self.tier_code
        before = [step for step in self.steps if step.at <= instant]
        later = [step for step in self.steps if step.at > instant]
        if before:
            return before[-1].to_code
        return later[0].from_code if later else self.tier_code


@dataclass(frozen=True, slots=True)
class Purchase:
    """
    An order to decide.

    :param events: what is known to have happened to it: kind and instant
    """

    order_id: UUID
    number: str
    customer_id: UUID
    occurred_at: datetime
    basket: Basket
    events: tuple[tuple[str, datetime], ...] = ()

    @property
    def id(self) -> UUID:
        return self.order_id

    @property
    def counts_at(self) -> datetime:
        """Return the instant on whose day it counts towards tiers."""
        return self.occurred_at


@dataclass(frozen=True, slots=True)
class GivenBack:
    """
    A return to decide.

    :param kept: what is left of the order after all that came back until and with this return
    :param redemptions: the references of the redemptions that paid the order
    """

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    customer_id: UUID
    ordered_at: datetime
    occurred_at: datetime
    before: Basket
    kept: Basket
    redemptions: tuple[str, ...] = ()

    @property
    def id(self) -> UUID:
        return self.return_id

    @property
    def counts_at(self) -> datetime:
        """Return the instant on whose day it counts towards tiers: its order's."""
        return self.ordered_at


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to an order, such as its delivery: points that awaited it may become active."""

    event_id: UUID
    kind: str
    order_id: UUID
    order_number: str
    customer_id: UUID
    occurred_at: datetime

    @property
    def id(self) -> UUID:
        return self.event_id

    @property
    def counts_at(self) -> datetime:
        return self.occurred_at


@dataclass(frozen=True, slots=True)
class Interacted:
    """An interaction to decide."""

    interaction_id: UUID
    number: str
    kind: str
    customer_id: UUID
    occurred_at: datetime

    @property
    def id(self) -> UUID:
        return self.interaction_id

    @property
    def counts_at(self) -> datetime:
        return self.occurred_at


Activity = Purchase | GivenBack | Happened | Interacted


@dataclass(frozen=True, slots=True)
class Award:
    """What an order gave to one wallet, and what it keeps of it."""

    wallet_id: int
    allowance: int | None = None
    points: int = 0
    points_kept: int = 0


@dataclass(frozen=True, slots=True)
class DecidedOrder:
    """How an order was decided, as a return of it must know."""

    retailer_id: int
    program_id: int
    order_id: UUID
    membership_id: UUID
    version_id: int | None
    multiplier: Decimal
    is_first: bool
    reason: str
    awards: tuple[Award, ...]
    tier_code: str = ""

    @property
    def points(self) -> int:
        return sum(award.points for award in self.awards)


@dataclass(frozen=True, slots=True)
class DecidedReturn:
    """That a return was decided, and what it took."""

    retailer_id: int
    program_id: int
    return_id: UUID
    points: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class DecidedInteraction:
    """That an interaction was decided, and what it gave."""

    retailer_id: int
    program_id: int
    interaction_id: UUID
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption that paid an order, and from which lots its points came."""

    entry_id: UUID
    reference: str
    wallet_id: int
    moves: tuple[Move, ...]
    lots: tuple[OpenLot, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """
    All that one activity causes for one member, in the order in which it is written.

    :param reason: why it gave nothing, or less, as a code
    :param spent: what it gives from budgets or, negative, gives back to them
    :param is_tight: that what was locked of a budget cut it
    :param program: its slug, filled in by the pipeline
    """

    reason: str = ""
    order: DecidedOrder | None = None
    order_return: DecidedReturn | None = None
    interaction: DecidedInteraction | None = None
    postings: tuple[Posting, ...] = ()
    dated: tuple[Dated, ...] = ()
    qualified: tuple[Qualified, ...] = ()
    moves: tuple[Moved, ...] = ()
    events: tuple[NewEvent, ...] = ()
    spent: tuple[tuple[BudgetKey, int], ...] = ()
    is_tight: bool = False
    program: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an activity causes, and how the member stands after it."""

    member: Member
    effects: Effects
