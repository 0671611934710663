"""A member's points as decisions see them, and what a decision does to them: frozen values. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.arms import Divided, holding, named_by
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key, copy_with
from loyalty.engine.versions import RulesOf
from loyalty.points import debts
from loyalty.points.debts import Debt, DebtEntry
from loyalty.points.expiry import Active, Lifetime, Span, spans_of
from loyalty.points.limits import Limits, Rewarded
from loyalty.points.rules import Earning
from loyalty.points.states import State

MAIN = "points"  # the wallet that every program has
CONTESTS = "contests"  # the source of prizes, which are won when a window ends and given later
SURPRISES = "surprises"  # the source of gifts that are drawn by lot
NEVER = datetime.max.replace(tzinfo=UTC)
FOREVER, UNLIMITED = Lifetime(), Limits()
POINTS: "Key[PointsState]" = Key("points")
RULES: "RulesOf[PointsRules]" = RulesOf("points")


@dataclass(frozen=True, slots=True)
class Policy:
    """How the points of one wallet live under a version."""

    lifetime: Lifetime = FOREVER
    limits: Limits = UNLIMITED
    allow_negative: bool = False
    is_spendable: bool = True
    may_transfer: bool = False


PLAIN = Policy()


@dataclass(frozen=True, slots=True)
class PointsRules(Divided):
    """What a version promises of points: its earning rules, and its policies by the code of their wallet."""

    earnings: tuple[Earning, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def named(self) -> frozenset[str]:
        return named_by(self.earnings)

    def for_arms(self, arms: frozenset[str]) -> Self:
        return replace(self, earnings=holding(self.earnings, arms))

    def withheld(self) -> Self:
        """Return how what a member has goes on, without anything that gives more of it."""
        return replace(self, earnings=())

    def policy(self, wallet: str) -> Policy:
        """Return how a wallet's points live; a wallet that this version does not name keeps its points for ever."""
        return self.policies.get(wallet, PLAIN)


@dataclass(frozen=True, slots=True)
class Move:
    """Points of a lot going from one state to another."""

    lot_id: UUID
    source: State
    target: State
    amount: int


@dataclass(frozen=True, slots=True)
class OpenLot:
    """
    A lot some of whose points are open.

    :param active_at: None as long as it awaits an event
    :param expires_at: the instant as things stand; that of a lot that expires on inactivity is the end of the span in
        which its member earned it
    :param gift: the code of the tier whose entry gave it
    :param is_lent: that somebody of the household brought it for one payment: it goes back when the payment is undone
    :param claimed: of its held points those that go to a return when their hold ends
    :param rule_id: the rule that gave it
    :param grant_id: the grant that gave it
    :param expired: points of it that have expired; only known where a return looks at its own order's lots
    :param cancelled: points of it that were cancelled; known there, too
    :param redeemed: points of it that were spent; known there, too
    :param transferred: points of it that others have; known there, too
    :param amount: all of its points; known there, too
    :param moved_to: the lot that has its points since its order's instant was corrected; known there, too
    :param ended_at: when it ended by inactivity, as it was carried out, whatever is known by now; known there, too
    """

    id: UUID
    order_id: UUID | None
    earned_at: datetime
    active_at: datetime | None
    expires_at: datetime | None
    pending: int
    available: int
    held: int = 0
    expires_on_inactivity: bool = False
    version_id: int = 0
    activation_event: str = ""
    gift: str = ""
    from_lot: UUID | None = None
    is_lent: bool = False
    claimed: int = 0
    rule_id: int | None = None
    grant_id: UUID | None = None
    expired: int = 0
    cancelled: int = 0
    redeemed: int = 0
    transferred: int = 0
    amount: int = 0
    moved_to: UUID | None = None
    ended_at: datetime | None = None

    @property
    def went_at(self) -> datetime | None:
        """Return when its expired points ended: of two who are one, each had ended by what one of them did."""
        return min((each for each in (self.expires_at, self.ended_at) if each is not None), default=None)

    def is_usable(self, at: datetime) -> bool:
        """Tell whether its available points can be spent at an instant."""
        return self.available > 0 and (self.expires_at is None or self.expires_at > at)

    @property
    def is_open(self) -> bool:
        return bool(self.available or self.pending or self.held)


def spending_order(lots: Iterable[OpenLot]) -> list[OpenLot]:
    """Return lots as they are spent: what expires first, never-expiring last, then the oldest."""
    return sorted(lots, key=lambda lot: (lot.expires_at or NEVER, lot.earned_at, lot.id))


@dataclass(frozen=True, slots=True)
class Day:
    """What a wallet earned, and for the main wallet what its member spent and did, on one day."""

    on: date
    spend: Decimal
    points: int
    orders: int = 0
    visits: int = 0

    def plus(self, other: "Day") -> "Day":
        return Day(
            self.on,
            self.spend + other.spend,
            self.points + other.points,
            self.orders + other.orders,
            self.visits + other.visits,
        )

    @property
    def negative(self) -> "Day":
        """Return what takes it away again."""
        return Day(self.on, -self.spend, -self.points, -self.orders, -self.visits)


def add_day(days: tuple[Day, ...], change: Day) -> tuple[Day, ...]:
    """Return the days, by date, with something more (or, negative, less) on one of them."""
    place = len(days)
    while place and days[place - 1].on >= change.on:
        place -= 1
    if place < len(days) and days[place].on == change.on:
        return (*days[:place], days[place].plus(change), *days[place + 1 :])
    return (*days[:place], change, *days[place:])


@dataclass(frozen=True, slots=True)
class NewLot:
    """
    An award: its points leave `issued` into `pending` or `available` when it is posted.

    :param active_at: None where it waits for its activation event
    :param from_lot: of another member, from which it was transferred
    :param gift: the code of the tier whose entry gives it
    :param is_lent: that somebody of the household brings it for one payment
    :param moved_from: the lot of its order whose points it has from now on
    :param grant_id: the grant that gives it
    """

    id: UUID
    amount: int
    earned_at: datetime
    active_at: datetime | None
    expires_at: datetime | None
    version_id: int
    rule_id: int | None
    order_id: UUID | None
    state: State
    activation_event: str = ""
    expires_on_inactivity: bool = False
    from_lot: UUID | None = None
    gift: str = ""
    is_lent: bool = False
    moved_from: UUID | None = None
    grant_id: UUID | None = None

    def opened(self, *, expires_at: datetime | None) -> OpenLot:
        """
        Return it as it is right after its issue.

        :param expires_at: as things stand
        """
        pending, available = (self.amount, 0) if self.state is State.PENDING else (0, self.amount)
        return OpenLot(
            id=self.id,
            order_id=self.order_id,
            earned_at=self.earned_at,
            active_at=self.active_at,
            expires_at=expires_at,
            pending=pending,
            available=available,
            expires_on_inactivity=self.expires_on_inactivity,
            version_id=self.version_id,
            activation_event=self.activation_event,
            gift=self.gift,
            from_lot=self.from_lot,
            is_lent=self.is_lent,
            rule_id=self.rule_id,
            grant_id=self.grant_id,
            amount=self.amount,
        )


@dataclass(frozen=True, slots=True)
class Posting(Effect):
    """
    An entry to be, with its lines.

    :param cause: unique per wallet: the same cause cannot be posted twice
    :param moves: of lots that exist, or of this posting's own new ones after their issue
    :param owed_change: points that the wallet owes more (or, repaying, less) after it
    :param shortfall_change: points that a return could not take and that are not owed: more or, settled, less
    :param entry_id: where the caller must know it; drawn otherwise
    :param keeps_until: where the member did something by it that keeps points: until when, if it does nothing more
    """

    writer: ClassVar[str] = "points"
    retailer_id: int
    wallet_id: int
    kind: str
    cause: str
    occurred_at: datetime
    explanation: dict[str, Any]
    lots: tuple[NewLot, ...] = ()
    moves: tuple[Move, ...] = ()
    owed_change: int = 0
    shortfall_change: int = 0
    order_id: UUID | None = None
    entry_id: UUID | None = None
    keeps_until: datetime | None = None

    def change(self, state: State) -> int:
        """Return by how much the wallet's points in a state change."""
        change = 0
        for lot in self.lots:
            if lot.state is state:
                change += lot.amount
        for move in self.moves:
            if move.target is state:
                change += move.amount
            elif move.source is state:
                change -= move.amount
        return change


@dataclass(frozen=True, slots=True)
class ActivityDisproved(Effect):
    """
    That what an entry says a member did never was.

    :param entry: the entry's cause, once per wallet
    :param cause: of what says so
    """

    writer: ClassVar[str] = "points"
    wallet_id: int
    entry: str
    cause: str


@dataclass(frozen=True, slots=True)
class LotDated(Effect):
    """A lot that awaited an event, and the dates that it has now that it happened."""

    writer: ClassVar[str] = "points"
    lot_id: UUID
    active_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LotClaimed(Effect):
    """Held points of a lot that a return takes when their hold ends: more or, negative, less."""

    writer: ClassVar[str] = "points"
    lot_id: UUID
    points: int


@dataclass(frozen=True, slots=True)
class DayCounted(Effect):
    """What to add to (or, negative, take from) a wallet's day; spending, orders and visits stand with the main one."""

    writer: ClassVar[str] = "points"
    wallet_id: int
    day: Day


@dataclass(frozen=True, slots=True)
class GrantAsked(Effect):
    """
    Points that a member is to get, or to lose again: they wait for it, and are decided as an activity of its own.

    Who asks need not hold that member. Of two with one cause for one member the first one counts.

    :param source: the name of the capability that asks
    :param occurred_at: when the member has earned it
    :param said: what the member reads of it
    :param version_id: the version that promises it
    :param takes_back: the earlier grant that is taken back
    """

    writer: ClassVar[str] = "points"
    id: UUID
    retailer_id: int
    membership_id: UUID
    source: str
    wallet: str
    points: int
    cause: str
    occurred_at: datetime
    said: Mapping[str, Any] = field(default_factory=dict)
    pending_days: int = 0
    version_id: int | None = None
    is_again: bool = False
    takes_back: UUID | None = None


@dataclass(frozen=True, slots=True)
class GrantDecided(Effect):
    """
    What a grant gave, or what was taken back of it.

    :param reason: why nothing, as a code
    """

    writer: ClassVar[str] = "points"
    grant_id: UUID
    points: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """
    A redemption that paid an order, and from which lots its points came.

    :param first_id: the entry by which it was made first, where it came with memberships that were merged
    """

    entry_id: UUID
    reference: str
    wallet_id: int
    moves: tuple[Move, ...]
    lots: tuple[OpenLot, ...]
    first_id: UUID | None = None


@dataclass(frozen=True)
class WalletState:
    """
    One wallet of a member.

    :param balance: what is available less what is owed
    :param owed: points that later earnings repay first
    :param shortfall: points that returns could not take: what comes back settles them, later earnings do not
    :param span: the newest through which its member was active: what it earned in it and expires on inactivity ends with it
    :param days: what it earned by day, and for the main wallet what its member spent, as far back as any window reaches
    :param lots: its open lots; only those that the batch looks at
    :param actives: all that its member did that keeps points, where a fact may be late; None where that was not looked at
    :param debt_entries: what entries told of debts, where points may come back to an order that was returned
    """

    wallet_id: int
    code: str
    balance: int = 0
    owed: int = 0
    shortfall: int = 0
    span: Span | None = None
    days: tuple[Day, ...] = ()
    lots: tuple[OpenLot, ...] = ()
    actives: tuple[Active, ...] | None = None
    debt_entries: tuple[DebtEntry, ...] = ()

    @property
    def available(self) -> int:
        """Return what can be spent, once time has been carried out."""
        return self.balance + self.owed

    def completed(
        self,
        *,
        days: tuple[Day, ...],
        lots: tuple[OpenLot, ...],
        actives: tuple[Active, ...] | None,
        debt_entries: tuple[DebtEntry, ...],
    ) -> "WalletState":
        """Return it with all that is looked at of it."""
        return copy_with(self, {"days": days, "lots": lots, "actives": actives, "debt_entries": debt_entries})

    def knowing_actives(self, actives: tuple[Active, ...]) -> "WalletState":
        """Return it with all that its member did that keeps points."""
        return copy_with(self, {"actives": actives})

    def with_lots(self, lots: tuple[OpenLot, ...]) -> "WalletState":
        return copy_with(self, {"lots": lots})

    def with_day(self, day: Day) -> "WalletState":
        return copy_with(self, {"days": add_day(self.days, day)})

    def knowing(self, lots: Iterable[OpenLot]) -> "WalletState":
        """
        Return it with lots besides that were not looked at before, such as closed ones to which points come back.

        They may have been read before what the member did last.
        """
        known = {lot.id for lot in self.lots}
        new = (replace(lot, expires_at=self.end_of(lot)) for lot in lots if lot.id not in known)
        return self.with_lots((*self.lots, *new))

    def lot(self, lot_id: UUID) -> OpenLot:
        return next(lot for lot in self.lots if lot.id == lot_id)

    def debt_of(self, order_id: UUID | None, lot_id: UUID) -> Debt | None:
        """Return what the returns of a lot's order, or the loss of a gift, lack that its points would replace."""
        return next((debt for debt in debts.debts_of(self.debt_entries) if debt.owns(order_id, lot_id)), None)

    def after(self, posting: Posting) -> "WalletState":
        """Return it after a posting."""
        opened = tuple(lot.opened(expires_at=self.end_of(lot)) for lot in posting.lots)
        changed: dict[str, Any] = {
            "balance": self.balance + posting.change(State.AVAILABLE) - posting.owed_change,
            "owed": self.owed + posting.owed_change,
            "shortfall": self.shortfall + posting.shortfall_change,
            "lots": _ended_by(posting, lots_after((*self.lots, *opened), posting.moves)),
        }
        if told := self._debts_of(posting):
            changed["debt_entries"] = (*self.debt_entries, *told)
        return copy_with(self, changed)

    def debt_entries_before(self, postings: Iterable[Posting]) -> tuple[DebtEntry, ...]:
        """Return what entries had told of debts before some postings, which are its last ones."""
        told = sum(len(self._debts_of(each)) for each in postings)
        return self.debt_entries[: max(len(self.debt_entries) - told, 0)]

    def _debts_of(self, posting: Posting) -> tuple[DebtEntry, ...]:
        if posting.kind in debts.KINDS:
            return (self._debt_entry(posting),)
        said = posting.explanation.get("debts")
        return debts.taken_over(said) if said else ()

    def _debt_entry(self, posting: Posting) -> DebtEntry:
        gift_lots = tuple(UUID(each) for each in posting.explanation.get("gift_lots", ()))
        of_order = {lot.id: posting.order_id is not None and lot.order_id == posting.order_id for lot in self.lots}
        own = {move.lot_id: of_order.get(move.lot_id, True) or move.lot_id in gift_lots for move in posting.moves}
        moves = ((move.lot_id, move.source, move.target, move.amount) for move in posting.moves)
        return DebtEntry(
            posting.kind,
            posting.order_id,
            gift_lots,
            posting.owed_change,
            posting.shortfall_change,
            debts.covers_in(moves, own),
            is_for_gifts=bool(posting.explanation.get("for_gifts")),
        )

    def end_of(self, lot: OpenLot | NewLot) -> datetime | None:
        """Return when a lot expires as things stand."""
        if not lot.expires_on_inactivity or self.span is None:
            return lot.expires_at
        if lot.earned_at >= self.span.begin:
            return self.span.end
        spans = spans_of(self.actives or ())
        # What came back as new points while its member was idle ends with what the member does next.
        return next((span.end for span in spans if span.holds(lot.earned_at)), lot.expires_at or self.span.end)

    def keeping(self, active: Active) -> "WalletState":
        """Return it after its member did something: what expires on inactivity lives as long as that lets it live."""
        actives = None if self.actives is None else (*self.actives, active)
        if self.span is None or active.at >= self.span.end:
            spans = [Span(active.at, active.until)]
        elif actives is not None:  # it may have begun earlier than anybody has noted
            spans = spans_of(actives)
        else:  # what was done before stands in the books, and is read from there
            spans = [self.span.with_(active)]
        lots = tuple(_ending_with(spans, lot) for lot in self.lots)
        return replace(self, span=spans[-1], actives=actives, lots=lots)

    def without(self, disproved: Collection[Active]) -> "WalletState":
        """
        Return it as if its member had not done some of what it did: what expires on inactivity ends the sooner.

        With nothing left that it did, nothing is left that ends: then what is known of its newest span stays.
        """
        assert self.actives is not None, "corrections look at all that keeps points"
        gone = {each.cause for each in disproved}
        actives = tuple(each for each in self.actives if each.cause not in gone)
        if not (spans := spans_of(actives)):
            return replace(self, actives=actives)
        lots = tuple(_ending_with(spans, lot, otherwise=spans[-1].end) for lot in self.lots)
        return replace(self, span=spans[-1], actives=actives, lots=lots)


def _ending_with(spans: Sequence[Span], lot: OpenLot, *, otherwise: datetime | None = None) -> OpenLot:
    """
    Return a lot that expires on inactivity as it ends with the span in which it was earned, if that is one of some.

    :param otherwise: when it ends if it was earned in none of them; None for as it did
    """
    if not lot.expires_on_inactivity:
        return lot
    end = next((span.end for span in spans if span.holds(lot.earned_at)), otherwise or lot.expires_at)
    return lot if end == lot.expires_at else replace(lot, expires_at=end)


@dataclass(frozen=True, slots=True)
class PointsState:
    """
    A member's wallets, the main one first.

    :param redeemed: redemptions that paid orders of which everything comes back in this batch
    :param celebrated: the causes of the birthdays and anniversaries that were given
    :param rewarded: interactions that were rewarded, where a rule looks at them
    """

    wallets: tuple[WalletState, ...]
    redeemed: tuple[Redeemed, ...] = ()
    celebrated: frozenset[str] = frozenset()
    rewarded: tuple[Rewarded, ...] = ()

    @property
    def main(self) -> WalletState:
        return self.wallets[0]

    def wallet(self, code: str) -> WalletState:
        """Return a wallet by its code; every member has all wallets that its program ever named."""
        for wallet in self.wallets:  # asked several times by each step: a generator would cost more than the search
            if wallet.code == code:
                return wallet
        raise KeyError(code)

    def wallet_of(self, wallet_id: int) -> WalletState:
        for wallet in self.wallets:
            if wallet.wallet_id == wallet_id:
                return wallet
        raise KeyError(wallet_id)

    def with_redeemed(self, redeemed: tuple[Redeemed, ...]) -> "PointsState":
        """Return it knowing some redemptions."""
        return PointsState(self.wallets, redeemed, self.celebrated, self.rewarded)

    def having(self, changed: WalletState) -> "PointsState":
        """Return it with one wallet changed."""
        wallets = tuple(changed if wallet.wallet_id == changed.wallet_id else wallet for wallet in self.wallets)
        return PointsState(wallets, self.redeemed, self.celebrated, self.rewarded)

    def with_rewarded(self, rewarded: tuple[Rewarded, ...]) -> "PointsState":
        """Return it knowing which interactions were rewarded."""
        return PointsState(self.wallets, self.redeemed, self.celebrated, rewarded)


def lots_after(lots: Sequence[OpenLot], moves: Iterable[Move]) -> tuple[OpenLot, ...]:
    """Return the lots as they are when the moves are made."""
    changes: dict[
        int, dict[State, int]
    ] = {}  # by number: a UUID is hashed by Python code, for each lot of each posting
    for move in moves:
        change = changes.setdefault(move.lot_id.int, {})
        change[move.source] = change.get(move.source, 0) - move.amount
        change[move.target] = change.get(move.target, 0) + move.amount
    if not changes:
        return tuple(lots)
    return tuple([_changed(lot, changes[lot.id.int]) if lot.id.int in changes else lot for lot in lots])


def _ended_by(posting: Posting, lots: tuple[OpenLot, ...]) -> tuple[OpenLot, ...]:
    """Return the lots, of which those know when they ended that end by a posting, whatever their member is told to have done."""
    if posting.kind == "transfer":  # what had ended before goes over so
        return lots
    gone = {move.lot_id for move in posting.moves if move.target is State.EXPIRED}
    if not gone:
        return lots
    return tuple(
        replace(lot, ended_at=posting.occurred_at) if lot.expires_on_inactivity and lot.id in gone else lot
        for lot in lots
    )


def _changed(lot: OpenLot, change: dict[State, int]) -> OpenLot:
    return replace(
        lot,
        pending=lot.pending + change.get(State.PENDING, 0),
        available=lot.available + change.get(State.AVAILABLE, 0),
        held=lot.held + change.get(State.HELD, 0),
        expired=lot.expired + change.get(State.EXPIRED, 0),
        cancelled=lot.cancelled + change.get(State.CANCELLED, 0),
        redeemed=lot.redeemed + change.get(State.REDEEMED, 0),
        transferred=lot.transferred + change.get(State.TRANSFERRED, 0),
    )
