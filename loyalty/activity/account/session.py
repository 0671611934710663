"""Members whose points a verb moves: locked, advanced to now, collecting what is to be written."""

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import advance_to, carry_out
from loyalty.activity.loading import Loaded, is_due, load_states, lock_memberships, require_lenders
from loyalty.activity.pipeline import take_waiting
from loyalty.activity.steps import AFTER_MOVES, BEFORE_MOVES, CLOCK
from loyalty.activity.writing import write
from loyalty.engine.activities import PointsMoved
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision, Effect, PoolUsed, Told, run_steps
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey, PoolMissing
from loyalty.engine.versions import Version, Versions
from loyalty.memberships.models import Membership
from loyalty.points.loading.debts import with_debts
from loyalty.points.loading.lots import load_lots, load_open, load_spendable
from loyalty.points.models import Entry
from loyalty.points.spending import spend
from loyalty.points.state import MAIN, POINTS, RULES, Move, NewLot, Posting, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import keeps_until, post, repay
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.moving import LentReturned, come_back, take_lent_back


class InsufficientPoints(DomainError):
    code = "insufficient_points"
    message = _("{asked} points are asked for; {available} can be spent.")


class NoPoints(DomainError):
    code = "no_points"
    kind = Kind.INVALID
    message = _("The number of points is {asked}; it must be more than zero.")


class NotSpendable(DomainError):
    code = "not_spendable"
    kind = Kind.INVALID
    message = _("Points of the wallet “{wallet}” only count for tiers and cannot be spent.")


class NoSuchWallet(DomainError):
    code = "no_such_wallet"
    kind = Kind.NOT_FOUND
    message = _("The member has no wallet “{wallet}”.")


class OtherRequest(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _("Reference {reference} was used for {points} points before. Use a new reference for a new request.")


class ReferenceUsed(DomainError):
    code = "reference_used"
    kind = Kind.CONFLICT
    message = _("Reference {reference} was used for something that was undone. Use a new reference for a new request.")


class NotInForce(DomainError):
    code = "no_version_in_force"
    kind = Kind.CONFLICT
    message = _("The program has no rules in force yet. They begin on {begins}; until then no points can be moved.")


class HasLeft(DomainError):
    code = "membership_ended"
    kind = Kind.CONFLICT
    message = _("The member left the program on {left}. Nothing can be earned or spent until it enrols again.")


@dataclass(frozen=True, slots=True)
class LedgerReceipt:
    """
    What was written.

    :param available: what can be spent afterwards
    :param expired: points that came back, but had expired meanwhile
    :param is_new: False where the same request had been carried out before
    """

    entry_id: UUID
    points: int
    available: int
    expired: int = 0
    is_new: bool = True


@dataclass
class AccountSession:
    """Members that are locked for a verb, each with the decision that it grows."""

    loaded: Loaded
    now: datetime
    decisions: dict[UUID, Decision] = field(default_factory=dict)
    done: list[Decision] = field(default_factory=list)
    lots: dict[UUID, UUID] = field(default_factory=dict)

    @classmethod
    def open(
        cls, memberships: Iterable[UUID], now: datetime, *, lent: dict[UUID, UUID] | None = None, all_lots: bool = False
    ) -> "AccountSession":
        """
        Lock members in the order of their ids, and carry out what time alone has changed by now.

        Lots are read as they are needed: a verb touches few of them, however many there are.

        :param all_lots: that it touches all of them
        :param lent: lots of others to which points may come back, with their members, which are locked, too
        """
        lent = lent or {}
        keys = [*memberships, *lent.values()]
        locked = lock_memberships(keys, latest=now)
        require_lenders(lent.values())
        if locked.waiting:
            take_waiting(locked.waiting, now=now)
            locked = lock_memberships(keys, latest=now)

        def is_passing(member: Member) -> bool:
            return all_lots or is_due(member, locked.versions_for(member), member.latest(now))

        loaded = load_states(locked, (), is_whole=lambda _: True, is_passing=is_passing, lots=lent)
        session = cls(loaded, now, lots=lent)
        for key, member in loaded.members.items():
            session._advance(key, member)
        return session

    def wallet(self, membership_id: UUID, code: str = MAIN) -> "WalletSession":
        """
        Return a wallet of a member.

        :raises NoSuchWallet: when the program never named it
        """
        if code not in {wallet.code for wallet in self.member(membership_id).of(POINTS).wallets}:
            raise NoSuchWallet(wallet=code)
        return WalletSession(self, membership_id, code)

    def member(self, membership_id: UUID) -> Member:
        return self.decisions[membership_id].member

    def version(self, membership_id: UUID) -> Version:
        """
        Return the version in force.

        :raises NotInForce: when there is none yet
        """
        decision = self.decisions[membership_id]
        if decision.version is None:
            starts = decision.versions.starts
            raise NotInForce(begins=f"{starts[0]:%Y-%m-%d %H:%M}" if starts else "-")
        return decision.version

    def effects(self) -> list[Effect]:
        """Return what was decided so far, and is written when the session is finished."""
        return [effect for decision in (*self.done, *self.decisions.values()) for effect in decision.effects]

    def postings(self) -> list[Posting]:
        """Return what is posted and not written yet: what time has done until now, and then the verb."""
        return [effect for effect in self.effects() if isinstance(effect, Posting)]

    def take(self, decision: Decision) -> None:
        """Take in what a verb decided for a member; what was lent goes on to the lender."""
        key = decision.member.membership_id
        known = len(self.decisions[key].effects)
        self.decisions[key] = decision
        for effect in decision.effects[known:]:
            if isinstance(effect, LentReturned):
                lender = self.decisions[self.lots[effect.lot_id]]
                self.take(take_lent_back(lender, effect, lost=self.loaded.lost))

    def finish(self) -> None:
        """Write what was collected, and what it means for a tier that counts what can be spent."""
        for key, decision in self.decisions.items():
            if decision.effects and decision.version is not None:
                # A night that began by another clock may be ahead of this one.
                self.decisions[key] = carry_out(run_steps(decision, AFTER_MOVES), decision.at)
        decisions = [*self.done, *(each for each in self.decisions.values() if each.effects)]
        after = {}
        for key, decision in self.decisions.items():
            before = self.loaded.members[key]
            after[key] = CLOCK.set_after(decision.member, before, decision.versions, decision.now)
        write(decisions, before=self.loaded.members, after=after, now=self.now)

    def _advance(self, key: UUID, member: Member) -> None:
        versions = self.loaded.versions_for(member)
        pools = _Pools()
        while True:
            taken: list[Decision] = []
            try:
                after = advance_to(
                    member, member.latest(self.now), versions, pools=lambda _: pools.left, take=taken.append
                )
                pools.use(taken)
                break
            except PoolMissing as missing:
                pools.lock(missing)
        self.done += [_numbered(decision) for decision in taken]
        self.decisions[key] = decision_on(after, versions, now=self.now, latest=member.latest(self.now))


def decision_on(member: Member, versions: Versions, *, now: datetime, latest: datetime) -> Decision:
    """Return the decision that a verb grows, of a member for whom time was carried out until an instant."""
    version = versions.at(now)
    activity = PointsMoved(new_id(), member.customer_id, now, "", MAIN, 0)
    occasion = version.occasion(now) if version else Occasion(now)
    decision = Decision(member, activity, version, versions, now, latest, occasion)
    return run_steps(decision, BEFORE_MOVES) if version else decision


def _numbered(decision: Decision) -> Decision:
    """Return a decision whose entries have ids: a statement shows entries in the order of their ids."""
    effects = (replace(each, entry_id=new_id()) if isinstance(each, Posting) else each for each in decision.effects)
    copy = replace(decision, effects=())
    return copy.then(*effects)


class _Pools:
    """The pools that a night before a verb takes from, locked as a whole as they are needed."""

    def __init__(self) -> None:
        self.before: dict[PoolKey, Pool] = {}
        self.left: dict[PoolKey, Pool] = {}

    def lock(self, missing: PoolMissing) -> None:
        for capability in CAPABILITIES:
            self.before |= capability.lock_pools({missing.key: missing.limit}, whole=True)
        self.left = dict(self.before)

    def use(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            for effect in decision.effects:
                if isinstance(effect, PoolUsed):
                    self.left[effect.key] = self.left[effect.key].give(effect.points)
        for capability in CAPABILITIES:
            capability.settle_pools(self.before, self.left)


class WalletSession:
    """One wallet of a locked member, collecting what is to be written."""

    def __init__(self, session: AccountSession, membership_id: UUID, code: str = MAIN) -> None:
        self.session, self.membership_id, self.code = session, membership_id, code
        self.now = session.now
        self.last: Posting | None = None

    @classmethod
    def open(
        cls, membership: Membership, now: datetime, code: str = MAIN, *, lent: dict[UUID, UUID] | None = None
    ) -> "WalletSession":
        """Lock a member, and open one of its wallets."""
        return AccountSession.open([membership.pk], now, lent=lent).wallet(membership.pk, code)

    @property
    def decision(self) -> Decision:
        return self.session.decisions[self.membership_id]

    @property
    def member(self) -> Member:
        return self.decision.member

    @property
    def state(self) -> WalletState:
        return self.member.of(POINTS).wallet(self.code)

    @property
    def wallet_id(self) -> int:
        return self.state.wallet_id

    @property
    def available(self) -> int:
        """Return what can be spent now: what has expired by now has been carried out."""
        return self.state.available

    @property
    def version(self) -> Version:
        return self.session.version(self.membership_id)

    def require_member(self) -> None:
        """
        Refuse what only members in a program with rules can do.

        :raises HasLeft: when it left
        :raises NotInForce: before the first version
        """
        left = self.member.left_at
        if left is not None and left <= self.now:
            raise HasLeft(left=f"{left:%Y-%m-%d}")
        self.session.version(self.membership_id)

    def require_spendable(self) -> None:
        """Refuse to spend points that only count for tiers."""
        self.require_member()
        if not self.version.of(RULES).policy(self.code).is_spendable:
            raise NotSpendable(wallet=self.code)

    def earlier(self, cause: str, reference: str, points: int) -> Entry | None:
        """
        Return what was written for the same cause before, also for a member who was merged into this one.

        :raises OtherRequest: when it was another request, be it of another wallet
        :raises ReferenceUsed: when it was undone since
        """
        asked = {"cause": cause, "code": self.code, "membership": self.membership_id}
        entries = Entry.objects.select_related("wallet")
        found = next((entries.get(pk=key) for (key,) in bulk.fetch(EARLIER, asked)), None)
        if found is None:
            return None
        if found.explanation["points"] != abs(points) or found.wallet.code != self.code:
            raise OtherRequest(reference=reference, points=found.explanation["points"])
        if Entry.objects.filter(wallet=found.wallet_id, cause=f"restore:{found.pk}").exists():
            raise ReferenceUsed(reference=reference)
        return found

    def know(self, lot_ids: Iterable[UUID]) -> None:
        """Look at lots too that were closed before, because points go back to them."""
        known, ids = {lot.id for lot in self.state.lots}, list(lot_ids)
        closed = load_lots(lot_id for lot_id in ids if lot_id not in known)
        self._know(with_debts(self.state.knowing(closed), ids, self.session.postings()))

    def know_spendable(self, points: int) -> None:
        """Look at the lots from which so many points would be spent."""
        self._know(self.state.knowing(load_spendable({self.wallet_id: points}).get(self.wallet_id, ())))

    def know_open(self) -> None:
        """Look at all open lots."""
        self._know(self.state.knowing(load_open([self.wallet_id]).get(self.wallet_id, ())))

    def _know(self, state: WalletState) -> None:
        member = self.member.having(POINTS, self.member.of(POINTS).having(state))
        self.session.take(self.decision.then(member=member))

    def extend_inactivity(self) -> datetime | None:
        """Let what expires on inactivity live longer, because its member does something; its entry must say until when."""
        until = keeps_until(self.decision, self.code)
        self.session.take(extend_inactivity(self.decision, self.code, until))
        return until

    def taken(self, points: int, *, into: State) -> tuple[Move, ...]:
        """Return the moves that take points in the order of spending, all or none."""
        if points <= 0:
            raise NoPoints(asked=points)
        self.know_spendable(points)
        taken = spend(points, self.state.lots, at=self.now, into=into)
        if taken.missing:
            raise InsufficientPoints(asked=points, available=self.available)
        return taken.moves

    def take(  # noqa: PLR0913 - what an entry says
        self,
        kind: str,
        cause: str,
        points: int,
        *,
        into: State,
        said: dict[str, Any] | None = None,
        keeps_until: datetime | None = None,
    ) -> UUID:
        """Take points in the order of spending, all or none."""
        moves, said = self.taken(points, into=into), {"points": points, **(said or {})}
        return self.post(kind, cause, moves, said, keeps_until=keeps_until)

    def post(  # noqa: PLR0913 - what an entry says
        self,
        kind: str,
        cause: str,
        moves: tuple[Move, ...],
        said: dict[str, Any],
        lots: tuple[NewLot, ...] = (),
        *,
        keeps_until: datetime | None = None,
    ) -> UUID:
        """
        Add an entry to what is to be written, and return its id; what comes in repays first what is owed.

        :param keeps_until: where the member is active by it, as `extend_inactivity` said
        """
        posting = replace(self._posting(kind, cause, moves, said, lots), keeps_until=keeps_until)
        decision = post(self.decision, posting)
        ids = {lot.id for lot in lots}
        usable = [lot for lot in decision.member.of(POINTS).wallet(self.code).lots if lot.id in ids]
        self.session.take(repay(self._told(decision, posting), self.code, usable, cause=f"repay:{cause}"))
        return _known(posting.entry_id)

    def receive(self, cause: str, said: dict[str, Any], lots: tuple[NewLot, ...]) -> None:
        """Add an entry by which others lend points for a payment: nothing of them repays what is owed."""
        posting = self._posting("transfer", cause, (), said, lots)
        self.session.take(self._told(post(self.decision, posting), posting))

    def come_back(self, kind: str, cause: str, moves: tuple[Move, ...], said: dict[str, Any]) -> UUID:
        """Add an entry that gives points back: to whom they had come from, and first to what is missing or owed."""
        posting = self._posting(kind, cause, moves, said)
        self.session.take(self._told(come_back(self.decision, self.code, posting), posting))
        return _known(posting.entry_id)

    def finish(self) -> int:
        """Write, and return what can be spent afterwards."""
        self.session.finish()
        return self.available

    def _posting(
        self, kind: str, cause: str, moves: tuple[Move, ...], said: dict[str, Any], lots: tuple[NewLot, ...] = ()
    ) -> Posting:
        return Posting(
            retailer_id=self.member.retailer_id,
            wallet_id=self.wallet_id,
            kind=kind,
            cause=cause,
            occurred_at=self.now,
            explanation=said if self.code == MAIN else {**said, "wallet": self.code},
            moves=moves,
            lots=lots,
            entry_id=new_id(),
        )

    def _told(self, decision: Decision, posting: Posting) -> Decision:
        payload = {"entry": str(posting.entry_id), "points": posting.change(State.AVAILABLE)}
        return decision.then(Told(f"points.{posting.kind}", payload, self.now))


def _known(entry_id: UUID | None) -> UUID:
    assert entry_id is not None, "a verb draws the ids of its entries"
    return entry_id


# The member's own first: of two who became one, each may have used a name.
EARLIER = """
SELECT e.id FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
WHERE e.cause = %(cause)s AND w.membership_id = ANY(ARRAY(
    SELECT %(membership)s::uuid UNION ALL SELECT id FROM memberships_membership WHERE merged_into_id = %(membership)s))
ORDER BY w.membership_id <> %(membership)s, w.code <> %(code)s LIMIT 1
"""
MOVES = """
SELECT coalesce(v.to_lot_id, m.lot_id), m.from_state, m.to_state, m.amount
FROM points_movement m JOIN points_entry e ON e.id = m.entry_id LEFT JOIN points_movedlot v ON v.lot_id = m.lot_id
WHERE e.wallet_id = %s AND e.{column} = %s ORDER BY m.id
"""
LENT = """
SELECT g.id, coalesce(gm.merged_into_id, gm.id) FROM points_movement m JOIN points_entry e ON e.id = m.entry_id
JOIN points_lot l ON l.id = m.lot_id AND l.is_lent JOIN points_lot g ON g.id = l.from_lot_id
JOIN points_wallet gw ON gw.id = g.wallet_id JOIN memberships_membership gm ON gm.id = gw.membership_id
WHERE e.wallet_id = %s AND e.{column} = %s
"""


def moves_of(wallet_id: int, *, entry_id: UUID | None = None, cause: str = "") -> list[Move]:
    """Return an entry's moves, by its id or its cause, of the lots that have the points since."""
    column, value = ("id", entry_id) if entry_id else ("cause", cause)
    rows = bulk.fetch(MOVES.format(column=column), [wallet_id, value])
    return [Move(lot_id, State(source), State(target), amount) for lot_id, source, target, amount in rows]


def lent_by(wallet_id: int, *, entry_id: UUID | None = None, cause: str = "") -> dict[UUID, UUID]:
    """Return the lots of others from which an entry's points were lent, with the members to whom they go back."""
    column, value = ("id", entry_id) if entry_id else ("cause", cause)
    return dict(bulk.fetch(LENT.format(column=column), [wallet_id, value]))
