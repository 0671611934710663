"""What a decision is made on and what it comes to: frozen values without a database."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from loyalty.outbox.publishing import NewEvent
from loyalty.points.clawback import OpenLot
from loyalty.points.ledger import Posting
from loyalty.points.rules import Line
from loyalty.tiers.assessment import Moved, Qualified
from loyalty.tiers.rules import Day


@dataclass(frozen=True, slots=True)
class Member:
    """
    A member of one program as decisions see it.

    :param owed: points that later earnings repay first
    :param tier_code: the step it stands on; None on the ground
    :param tier_id: the row of that step
    :param assessed_on: the latest day on which its tier was assessed: later news of earlier days counts from there
    :param days: what it spent and earned, by day, as far back as any window reaches
    :param lots: its open lots; only filled where a batch takes points
    """

    retailer_id: int
    program_id: int
    membership_id: UUID
    wallet_id: int
    balance: int
    owed: int
    enrolled_at: datetime
    left_at: datetime | None
    has_ordered: bool
    tier_code: str | None
    tier_id: int | None
    tier_since: datetime | None
    assessed_on: date | None
    days: tuple[Day, ...] = ()
    lots: tuple[OpenLot, ...] = ()

    def belongs_at(self, instant: datetime) -> bool:
        """Tell whether it was a member at an instant."""
        return self.enrolled_at <= instant and (self.left_at is None or instant < self.left_at)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order to decide."""

    order_id: UUID
    number: str
    customer_id: UUID
    occurred_at: datetime
    lines: tuple[Line, ...]

    @property
    def net_amount(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class GivenBack:
    """
    A return to decide.

    :param net_amount: what came back
    :param kept: the order's lines without all that came back until and with this return
    """

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    customer_id: UUID
    ordered_at: datetime
    occurred_at: datetime
    net_amount: Decimal
    kept: tuple[Line, ...]


Activity = Purchase | GivenBack


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
    allowance: int | None
    points: int
    points_kept: int


@dataclass(frozen=True, slots=True)
class DecidedReturn:
    """That a return was decided, and what it took."""

    retailer_id: int
    program_id: int
    return_id: UUID
    points: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class Effects:
    """
    All that one activity causes for one member, in the order in which it is written.

    :param reason: why an order gave nothing, as a code; empty where it gave something
    """

    reason: str = ""
    order: DecidedOrder | None = None
    order_return: DecidedReturn | None = None
    postings: tuple[Posting, ...] = ()
    qualified: tuple[Qualified, ...] = ()
    moves: tuple[Moved, ...] = ()
    events: tuple[NewEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What an activity causes, and how the member stands after it."""

    member: Member
    effects: Effects
