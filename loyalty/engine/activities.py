"""What happens to a member, to be decided: frozen values, with all that a decision needs to know of each. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import stamp
from customers.core.values import dataclass
from loyalty.engine.basket import Basket, Occasion
from loyalty.engine.member import Member


@dataclass(frozen=True, slots=True)
class Award:
    """What an order gave to one wallet, and what it keeps of it."""

    wallet_id: int
    allowance: int | None = None
    points: int = 0
    points_kept: int = 0


@dataclass(frozen=True, slots=True)
class DecidedOrder:
    """
    How an order was decided for a member, as whatever happens to it later must know.

    :param occasion: on which it was decided; the same decides its returns
    :param is_kept: whether something of it is left
    :param is_forfeited: whether what it gave ended with the membership, which it had then; nothing happens to it any more
    """

    retailer_id: int
    program_id: int
    order_id: UUID
    membership_id: UUID
    version_id: int | None
    occasion: Occasion
    reason: str
    awards: tuple[Award, ...]
    is_kept: bool = True
    is_forfeited: bool = False

    @property
    def points(self) -> int:
        return sum(award.points for award in self.awards)

    def kept_in(self, wallet_id: int) -> int:
        """Return the points that a wallet keeps of the order."""
        return sum(award.points_kept for award in self.awards if award.wallet_id == wallet_id)


def cause_of_version(kind: str, fact_id: UUID, version: int) -> str:
    """
    Return what names a fact as a cause, such as order:ID or order:ID:v2, so that none has one cause twice.

    What was decided is only ever forgotten for a correction of the order.

    :param version: of the order's last correction; 0 before the first one
    """
    return f"{kind}:{fact_id}:v{version}" if version else f"{kind}:{fact_id}"


def is_of_order(cause: str, order_id: UUID) -> bool:
    """Tell whether a cause names the placing of an order, in whatever version."""
    return cause == f"order:{order_id}" or cause.startswith(f"order:{order_id}:")


class CountsAsItOccurs:
    """What counts on the day on which it occurs; a return counts on its order's."""

    __slots__ = ()
    occurred_at: datetime

    @property
    def counts_at(self) -> datetime:
        """Return the instant on whose day it counts."""
        return self.occurred_at


@dataclass(frozen=True, slots=True)
class OrderPlaced(CountsAsItOccurs):
    """
    An order to decide.

    :param events: what is known to have happened to it: kind and instant
    :param version: of its last correction; 0 before the first one
    """

    order_id: UUID
    number: str
    customer_id: UUID
    occurred_at: datetime
    basket: Basket
    events: tuple[tuple[str, datetime], ...] = ()
    version: int = 0

    @property
    def id(self) -> UUID:
        return self.order_id

    @property
    def cause(self) -> str:
        """Return what names it as a cause: it is another one after each correction, by which it may be decided anew."""
        return cause_of_version("order", self.order_id, self.version)

    @property
    def may_be_anew(self) -> bool:
        """Tell whether it may have been decided before, and that have been forgotten for a correction."""
        return self.version > 0


def _skus(basket: Basket) -> frozenset[str]:
    return frozenset(line.sku for line in basket.lines if line.sku)


@dataclass(frozen=True, slots=True)
class OrderReturned:
    """
    A return to decide: afterwards its order consists of fewer lines than before.

    :param kept: what is left of the order after all that came back until and with this return
    :param redemptions: the references of the redemptions that paid the order
    :param decided: how the order was decided; the pipeline tells
    :param next_first: the order that counts as the member's first when nothing is left of this one; the pipeline tells
    :param baskets: before and after, by program, where returns were decided in one program and not in another
    :param version: of the order's last correction; 0 before the first one
    :param kept_elsewhere: products of it that its customer has from other orders; the pipeline tells where a rule asks
    :param bought: when what rewarded interactions about its products are about was bought last before them, by all that is known
        with it; None for never; the pipeline tells where a rule asks
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
    decided: DecidedOrder | None = None
    next_first: "FirstOrder | None" = None
    baskets: Mapping[int | None, tuple[Basket, Basket]] = field(default_factory=dict)
    version: int = 0
    kept_elsewhere: frozenset[str] = frozenset()
    bought: Mapping[UUID, datetime | None] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """Return what names it as a cause: another one where it is decided anew after a correction of its order."""
        return cause_of_version("return", self.return_id, self.version)

    def in_program(self, program_id: int) -> "OrderReturned":
        """Return it with what the order keeps before and after it by what was decided in a program."""
        before, kept = self.baskets.get(program_id) or self.baskets.get(None) or (self.before, self.kept)
        return replace(self, before=before, kept=kept)

    @property
    def id(self) -> UUID:
        return self.return_id

    @property
    def gone(self) -> frozenset[str]:
        """Return the products of which its order has nothing more."""
        return _skus(self.before) - _skus(self.kept)

    @property
    def questioned(self) -> frozenset[str]:
        """Return the products of which it may say that they were not bought when their member was rewarded for a review."""
        return self.gone

    @property
    def counts_at(self) -> datetime:
        """Return the instant on whose day it counts: its order's."""
        return self.ordered_at


@dataclass(frozen=True, slots=True)
class OrderCorrected(OrderReturned):
    """
    The correction of an order: afterwards it is as if the order had never said anything else.

    `before` is what was left of the old content, `kept` what is left of the new one; `ordered_at` is the old instant.

    :param correction: the version of the new content
    :param placed: the order as it is now, whole; None where it is its member's no more
    :param withdrawn_in: the programs in which it counts no more, because its new instant lies before the membership
    :param is_withdrawn: whether it counts no more in this program: all that it gave is taken back
    """

    correction: int = 0
    placed: OrderPlaced | None = None
    withdrawn_in: frozenset[int] = frozenset()
    is_withdrawn: bool = False

    @property
    def cause(self) -> str:
        return f"correct:{self.order_id}:{self.correction}"

    def in_program(self, program_id: int) -> "OrderCorrected":
        """Return it as it is in a program: with what the order keeps there, or as one that counts no more."""
        before, kept = self.baskets.get(program_id) or self.baskets.get(None) or (self.before, self.kept)
        if self.placed is None or program_id in self.withdrawn_in:
            return replace(self, before=before, kept=replace(kept, lines=()), is_withdrawn=True)
        return replace(self, before=before, kept=kept)

    @property
    def gone(self) -> frozenset[str]:
        """Return the products of which its member has nothing more by the order."""
        is_nobodys = self.is_withdrawn or self.placed is None
        return _skus(self.before) - (frozenset() if is_nobodys else _skus(self.kept))

    @property
    def questioned(self) -> frozenset[str]:
        """Return also those that it has still, but from another instant."""
        return self.gone | (_skus(self.before) if self.is_moved else frozenset())

    @property
    def is_moved(self) -> bool:
        """Tell whether it says that the order was placed at another instant."""
        return self.placed is not None and self.placed.occurred_at != self.ordered_at


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """An order that becomes the member's first, because nothing is left of the one that was, and how it was decided."""

    placed: OrderPlaced
    decided: DecidedOrder


@dataclass(frozen=True, slots=True)
class OrderEvent(CountsAsItOccurs):
    """Something happened to an order, such as its delivery: points that awaited it may become active."""

    event_id: UUID
    kind: str
    order_id: UUID
    order_number: str
    customer_id: UUID
    occurred_at: datetime
    decided: DecidedOrder | None = None

    @property
    def id(self) -> UUID:
        return self.event_id


@dataclass(frozen=True, slots=True)
class HeldInteraction:
    """An interaction that waits for a person, and may be rewarded once that one has looked."""

    id: UUID
    kind: str
    sku: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InteractionReported(CountsAsItOccurs):
    """
    An interaction to decide.

    :param sku: of the product that it is about; empty for none
    :param bought_at: when that was bought last before it, and not returned by then; the pipeline tells where a rule asks
    :param is_gone: that the last of it came back since, and that was decided before this is
    :param reserved: those of its customer that came before it and are held: limits count them as rewarded
    """

    interaction_id: UUID
    number: str
    kind: str
    customer_id: UUID
    occurred_at: datetime
    sku: str = ""
    bought_at: datetime | None = None
    is_gone: bool = False
    reserved: tuple[HeldInteraction, ...] = ()

    @property
    def id(self) -> UUID:
        return self.interaction_id

    def having_reserved(self, held: Sequence[HeldInteraction]) -> "InteractionReported":
        return replace(self, reserved=tuple(held))


@dataclass(frozen=True, slots=True)
class DecidedInteraction:
    """
    How an interaction was decided in a program, as deciding it again must know.

    :param points: that it gave in all
    :param gave: what each rule gave, by wallet and the rule's code
    :param entries: in how many turns it gave that
    """

    points: int
    reason: str
    gave: Mapping[tuple[str, str], int] = field(default_factory=dict)
    entries: int = 0


@dataclass(frozen=True, slots=True)
class InteractionVerified(InteractionReported):
    """
    An interaction whose product turned out to have been bought before it: an order says so that was told only after it.

    :param order_number: of that order
    :param known: how it was decided without that, by program
    :param decided: how it was decided in the program that decides it again
    :param approved_at: when somebody approved it, who had held it; None where nobody did
    """

    order_number: str = ""
    known: Mapping[int, DecidedInteraction] = field(default_factory=dict)
    decided: DecidedInteraction | None = None
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PointsGranted(CountsAsItOccurs):
    """
    Points for a member because of something else: a referral, a badge, a campaign, staff.

    :param cause: once per wallet
    :param said: what the entry explains besides
    :param program_id: of whose member it is; None for every program of the customer
    :param source: the name of the capability that asked for it
    :param pending_days: whole days before its points become active
    :param version_id: the version that promised it; None where no limit is to be looked at
    :param before: the grants by which the same was given and taken back: what could not be taken then is settled first
    :param is_erased: whether its member was erased meanwhile: points for nobody would be owed for ever
    :param behind: the instant of the last grant that was taken back before this one was asked for: it makes room for this one
    """

    grant_id: UUID
    customer_id: UUID
    occurred_at: datetime
    wallet: str
    points: int
    cause: str
    said: Mapping[str, Any] = field(default_factory=dict)
    program_id: int | None = None
    source: str = ""
    pending_days: int = 0
    version_id: int | None = None
    before: tuple[UUID, ...] = ()
    is_erased: bool = False
    behind: datetime | None = None

    @property
    def id(self) -> UUID:
        return self.grant_id


@dataclass(frozen=True, slots=True)
class GrantTakenBack(CountsAsItOccurs):
    """
    What a grant gave is taken back, because what it was given for is no more.

    :param points: of the grant
    :param cause: once per wallet
    :param grant_id: that is taken back
    :param granted_at: the instant of the grant
    :param given: what that one gave; None where the two are decided together
    :param is_forfeited: that what it gave went with a membership that has ended
    """

    id: UUID
    customer_id: UUID
    program_id: int
    occurred_at: datetime
    wallet: str
    points: int
    cause: str
    grant_id: UUID
    granted_at: datetime
    source: str = ""
    version_id: int | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    given: int | None = None
    is_forfeited: bool = False


@dataclass(frozen=True, slots=True)
class ReferralClaimed(CountsAsItOccurs):
    """
    A member says who referred it.

    :param channel: by which: member, shop or enrolment
    :param signals: digests of its device and the like, by kind
    """

    id: UUID
    customer_id: UUID
    program_id: int
    occurred_at: datetime
    code: str
    channel: str
    signals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReferralReviewed(CountsAsItOccurs):
    """Somebody decided whether a member was referred, of which something is suspicious."""

    id: UUID
    customer_id: UUID
    program_id: int
    occurred_at: datetime
    referral_id: UUID
    is_approved: bool
    author: str
    note: str


@dataclass(frozen=True, slots=True)
class BirthDateTold(CountsAsItOccurs):
    """A customer's birth date was told, or told anew: it counts from then on, and on that day itself."""

    customer_id: UUID
    occurred_at: datetime

    @property
    def id(self) -> UUID:
        return self.customer_id

    @property
    def cause(self) -> str:
        return f"birth_date:{stamp(self.occurred_at)}"


@dataclass(frozen=True, slots=True)
class PointsMoved(CountsAsItOccurs):
    """
    Points that a member in fact spent, got back, was given or lost by a verb, when its past is simulated.

    :param kind: redeem, restore, adjust, transfer or leave
    :param points: given, or negative taken
    :param undoes: for restore, the entry that it undid
    :param parts: of points that another member passed on, how many end when: they keep the ends that they had
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    kind: str
    wallet: str
    points: int
    reference: str = ""
    undoes: UUID | None = None
    parts: tuple[tuple[int, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanFollowed(CountsAsItOccurs):
    """
    A member in fact had another paid plan from an instant on, when its past is simulated.

    :param key: of the plan; None for none
    :param plan_id: its row
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    key: UUID | None
    plan_id: int | None


@dataclass(frozen=True, slots=True)
class ChallengeJoined(CountsAsItOccurs):
    """
    A member in fact took part in a challenge, or on a leaderboard, from an instant on, when its past is simulated.

    :param name: of what it joined, as states know it
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class InteractionReviewed(CountsAsItOccurs):
    """An interaction whose reward waits was approved, or refused, before it is given: in a past that is told, or simulated."""

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    is_approved: bool


@dataclass(frozen=True, slots=True)
class Enrolled(CountsAsItOccurs):
    """A customer joined the program, or joined it again."""

    id: UUID
    customer_id: UUID
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Left(CountsAsItOccurs):
    """A member leaves the program: nothing can be earned or spent from then on."""

    id: UUID
    customer_id: UUID
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class GivenOver(CountsAsItOccurs):
    """
    A membership ends because its customer turned out to be another one: all that it has goes to that one's.

    :param to: the membership that stays
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    to: UUID


@dataclass(frozen=True, slots=True)
class TakenOver(CountsAsItOccurs):
    """
    A member takes over what another membership of the same person has.

    :param other: as it was before it gave it over
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    other: Member


@dataclass(frozen=True, slots=True)
class VersionStarted:
    """
    A version came into force, or what experiments make of it: every member is assessed once, from its own instant.

    :param cause: what names it, once
    """

    occurred_at: datetime
    number: int
    cause: str


@dataclass(frozen=True, slots=True)
class TimePassed:
    """
    An instant at which something is due for a member, such as a midnight.

    :param on: the day of the program's zone
    """

    occurred_at: datetime
    on: date

    @property
    def cause(self) -> str:
        return f"night:{self.on}"


Referring = ReferralClaimed | ReferralReviewed
Fact = (
    OrderPlaced
    | OrderReturned
    | OrderEvent
    | InteractionReported
    | InteractionReviewed
    | PointsGranted
    | GrantTakenBack
    | BirthDateTold
    | Referring
)
Activity = (
    Fact
    | PointsMoved
    | PlanFollowed
    | ChallengeJoined
    | Enrolled
    | Left
    | GivenOver
    | TakenOver
    | VersionStarted
    | TimePassed
)
