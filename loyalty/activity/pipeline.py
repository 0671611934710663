"""The one way of every change: lock -> load -> decide -> write. What each activity causes stands in `steps`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeGuard
from uuid import UUID

from django.db import transaction

from customers.core.calendar import local_date, midnight
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import advance_to, decide, forfeit, in_order_of_time
from loyalty.activity.decisions import load_decided, load_kept, load_settled
from loyalty.activity.held.bursts import with_reserved
from loyalty.activity.history import find_lenders, load_kept_orders, with_baskets
from loyalty.activity.loading import Loaded, load_states, lock_customers, lock_memberships, may_grant, require_lenders
from loyalty.activity.needing import Need
from loyalty.activity.purchases import asks_for_products, limits_interactions, with_others, with_purchases
from loyalty.activity.verifying import find_approved, find_verified
from loyalty.activity.writing import write
from loyalty.engine.activities import (
    Activity,
    DecidedOrder,
    Fact,
    FirstOrder,
    GrantTakenBack,
    InteractionReported,
    InteractionVerified,
    OrderCorrected,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
    ReferralClaimed,
    ReferralReviewed,
)
from loyalty.engine.decision import Decision, OrderDecided, PoolUsed
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey, PoolMissing, PoolTight
from loyalty.points.granting import load_waiting
from loyalty.points.state import POINTS, GrantAsked
from loyalty.points.steps.moving import LentReturned, take_lent_back

OF_ONE_PROGRAM = PointsGranted | GrantTakenBack | ReferralClaimed | ReferralReviewed


@dataclass
class Batch:
    """What a batch came to: every decision in its order, and those of each fact, one for each program."""

    decisions: list[Decision] = field(default_factory=list)
    by_fact: dict[UUID, list[Decision]] = field(default_factory=dict)

    @classmethod
    def of(cls, pieces: Iterable["Batch"]) -> "Batch":
        """Return what pieces of a batch came to, each decided after those before it were written."""
        whole = cls()
        for piece in pieces:
            whole.decisions += piece.decisions
            whole.by_fact |= piece.by_fact
        return whole


@transaction.atomic(savepoint=False)
def run(facts: Sequence[Fact], *, now: datetime, are_new: bool = False, in_their_time: bool = False) -> Batch:
    """
    Decide facts of any customers, in the order of their time, and write what they cause.

    Each is decided once per program: what was decided before is left as it is. A return whose order was not decided
    has nothing to give back. Each member is advanced first: to now, or to the fact's own instant where a past is decided
    that was reported late as a whole.

    :param are_new: that the caller recorded them in this transaction, so that nobody can have decided them
    :param in_their_time: that they are a past, such as an import, in which time has not been carried out yet
    """
    if not facts:
        return Batch()
    decider = _load(facts, now=now, are_new=are_new, in_their_time=in_their_time)
    if len(pieces := _pieces(facts, decider.loaded)) > 1:
        batches = [run(piece, now=now, are_new=are_new, in_their_time=in_their_time) for piece in pieces]
        return Batch.of(batches)
    batch = _carry_out(decider, now)
    for following in (find_verified(facts, decider.loaded.versions), find_approved(facts, batch.decisions)):
        if following:
            batch = Batch.of([batch, run(following, now=now, in_their_time=in_their_time)])
    if not may_grant(decider.loaded.versions.values()):
        return batch
    asked = {each.membership_id for one in batch.decisions for each in one.effects if isinstance(each, GrantAsked)}
    if held := asked & decider.members.keys():
        # Who asks for itself need not wait.
        batch.decisions += take_waiting(held, now=now, in_their_time=in_their_time).decisions
    return batch


@transaction.atomic(savepoint=False)
def take_waiting(
    memberships: Iterable[UUID], *, now: datetime, until: datetime | None = None, in_their_time: bool = False
) -> Batch:
    """
    Decide the grants that wait for members, of whom none is locked that the caller does not name.

    :param until: grants of a later instant go on waiting; now if None
    :param in_their_time: that time is carried out for them up to their grants, and not to now
    """
    locked = lock_memberships(memberships, latest=now)
    facts = load_waiting(list(locked.members), until or now)
    return _carry_out(_loaded(facts, locked, now=now, in_their_time=in_their_time), now) if facts else Batch()


def _pieces(facts: Sequence[Fact], loaded: Loaded) -> list[list[Fact]]:
    """
    Return a batch in pieces, in the order of time, of which none has two facts that are to be decided apart.

    All members are locked by then, in the order of their ids, whichever piece they are in.
    """
    apart = frozenset[UUID]().union(*(each.apart(loaded.members.values()) for each in CAPABILITIES))
    if len(apart) < 2:  # noqa: PLR2004 - one alone meets nobody
        return [list(facts)]
    pieces: list[list[Fact]] = [[]]
    has_one = False
    for fact in sorted(facts, key=in_order_of_time):
        if fact.id in apart:
            if has_one:
                pieces.append([])
            has_one = True
        pieces[-1].append(fact)
    return pieces


def _carry_out(decider: "BatchDecider", now: datetime) -> Batch:
    batch = decider.decide()
    write(batch.decisions, before=decider.loaded.members, after=decider.members, now=now)
    decider.settle()
    return batch


@dataclass
class BatchDecider:
    """A batch's members and what is known of its facts, on which it is decided one fact after the other."""

    facts: Sequence[Fact]
    loaded: Loaded
    now: datetime
    in_their_time: bool
    known: dict[tuple[UUID, int], DecidedOrder]
    settled: set[tuple[UUID, int]]
    next_first: dict[UUID, list[FirstOrder]]
    lenders: dict[UUID, UUID]
    members: dict[UUID, Member] = field(default_factory=dict)
    orders: dict[tuple[UUID, int], DecidedOrder] = field(default_factory=dict)
    placed: dict[UUID, dict[UUID, OrderPlaced]] = field(default_factory=dict)
    limits: dict[PoolKey, int] = field(default_factory=dict)
    is_mixed: bool = False
    pools: dict[PoolKey, Pool] = field(default_factory=dict)
    pools_before: dict[PoolKey, Pool] = field(default_factory=dict)

    def decide(self) -> Batch:
        """Decide within the pools that the days of the facts reach, if there are any."""
        self._note_pools()
        while True:
            try:
                return self._decide_within_pools()
            except PoolMissing as missing:
                self._note_pool(missing.key, missing.limit)

    def settle(self) -> None:
        """Write down what was given from pools."""
        for capability in CAPABILITIES:
            capability.settle_pools(self.pools_before, self.pools)

    def _decide_within_pools(self) -> Batch:
        if not self.limits:
            return self._decide_all()
        if not self.is_mixed:
            try:
                with transaction.atomic():  # undone, it gives the locked shares back, but not the members
                    return self._decide_within(whole=False)
            except PoolTight:
                pass
        with transaction.atomic():
            return self._decide_within(whole=True)

    def _decide_within(self, *, whole: bool) -> Batch:
        self.pools = {}
        for capability in CAPABILITIES:
            self.pools |= capability.lock_pools(self.limits, whole=whole)
        self.pools_before = dict(self.pools)
        return self._decide_all()

    def _decide_all(self) -> Batch:
        self.members, self.orders, self.placed = dict(self.loaded.members), dict(self.known), {}
        batch = Batch()
        for fact in sorted(self.facts, key=in_order_of_time):
            for key in self.loaded.members_of.get(fact.customer_id, ()):
                program_id = self.members[key].program_id
                if (fact.id, program_id) not in self.settled and _is_of(fact, program_id):
                    self._decide_one(fact, key, batch)
        return batch

    def _decide_one(self, fact: Fact, key: UUID, batch: Batch) -> None:
        versions = self.loaded.versions_for(self.members[key])
        told = self._told(fact, self.members[key])
        if told is None:
            return
        if _is_forfeited(told, self.members[key]):
            forfeited = forfeit(self.members[key], told, versions, now=self.now)
            batch.by_fact.setdefault(fact.id, []).append(forfeited)  # an answer, and nothing to write
            return
        until = self._advanced_until(fact, self.members[key])
        self.advance(key, until, batch)
        decision = decide(self.members[key], told, versions, now=until, pools=self.pools)
        if decision is not None:
            self._take(decision, batch)
            batch.by_fact.setdefault(fact.id, []).append(decision)
            self._note_kept(told, key)

    def _note_kept(self, told: Activity, key: UUID) -> None:
        """Note what is kept of the orders that this batch decides: one may become its member's first."""
        placed = self.placed.setdefault(key, {})
        if isinstance(told, OrderPlaced):
            placed[told.order_id] = told
        elif isinstance(told, OrderReturned) and told.order_id in placed:
            placed[told.order_id] = replace(placed[told.order_id], basket=told.kept)

    def advance(self, key: UUID, instant: datetime, batch: Batch) -> None:
        """Carry out what time alone changes for a member up to an instant."""
        member = self.members[key]
        versions = self.loaded.versions_for(member)
        self.members[key] = advance_to(
            member, instant, versions, pools=lambda _: self.pools, take=lambda decision: self._take(decision, batch)
        )

    def _advanced_until(self, fact: Fact, member: Member) -> datetime:
        """Return up to when time is carried out for a member before a fact is decided."""
        if not self.in_their_time:
            return member.latest(self.now)
        at = member.latest(min(fact.occurred_at, self.now))
        days = member.of(POINTS).main.days
        if not days or not (version := self.loaded.versions_for(member).at(at)):
            return at
        # What it did on a later day has been decided already: this fact is late.
        last = days[-1].on
        return at if last <= local_date(at, version.zone) else min(midnight(last, version.zone), self.now)

    def _told(self, fact: Fact, member: Member) -> Activity | None:
        """Return a fact with what its decision must know of its order; None where there is nothing to decide."""
        if isinstance(fact, OrderPlaced):
            return None if (fact.order_id, member.program_id) in self.orders else fact
        if isinstance(fact, OrderReturned):
            order = self.orders.get((fact.order_id, member.program_id))
            if order is None or order.membership_id != member.membership_id or order.is_forfeited:
                return None
            mine = fact.in_program(member.program_id)
            return replace(mine, decided=order, next_first=self._next_first(mine, member))
        if isinstance(fact, InteractionVerified):
            known = fact.known.get(member.program_id)
            return replace(fact, decided=known) if known else None
        if isinstance(fact, OrderEvent):
            return replace(fact, decided=self.orders.get((fact.order_id, member.program_id)))
        return fact

    def _next_first(self, fact: OrderReturned, member: Member) -> FirstOrder | None:
        if fact.kept.lines or member.first_order_id != fact.order_id:
            return None
        here = self.placed.get(member.membership_id, {}).values()
        known = {each.decided.order_id: each for each in self.next_first.get(member.membership_id, ())}
        candidates = [
            each.placed for each in known.values() if each.placed.order_id not in {one.order_id for one in here}
        ]
        for placed in sorted((*candidates, *here), key=lambda each: (each.occurred_at, str(each.order_id))):
            order = self.orders.get((placed.order_id, member.program_id))
            order = order or (known[placed.order_id].decided if placed.order_id in known else None)
            if order and order.version_id is not None and order.is_kept and order.order_id != fact.order_id:
                return FirstOrder(placed, order)
        return None

    def _take(self, decision: Decision, batch: Batch) -> None:
        self.members[decision.member.membership_id] = decision.member
        batch.decisions.append(decision)
        for effect in decision.effects:
            if isinstance(effect, OrderDecided):
                self.orders[effect.order.order_id, effect.order.program_id] = effect.order
            elif isinstance(effect, PoolUsed):
                if effect.key not in self.pools:
                    raise PoolMissing(effect.key, effect.limit)
                self.pools[effect.key] = self.pools[effect.key].give(effect.points)
            elif isinstance(effect, LentReturned):
                self._take(self._lent_back(effect, decision), batch)
        if decision.is_tight and any(pool.share is not None for pool in self.pools.values()):
            raise PoolTight

    def _lent_back(self, returned: LentReturned, decision: Decision) -> Decision:
        """Give the points of an undone payment back to the member of the household who had lent them."""
        lender = self.members[self.lenders[returned.lot_id]]
        return take_lent_back(replace(decision, member=lender, effects=()), returned, lost=self.loaded.lost)

    def _note_pools(self) -> None:
        """Note the pools that the days of the facts reach, under the versions that decide them."""
        for fact in self.facts:
            for key in self.loaded.members_of.get(fact.customer_id, ()):
                versions = self.loaded.versions_for(self.loaded.members[key])
                order = (
                    self.known.get((fact.order_id, versions.program_id)) if isinstance(fact, OrderReturned) else None
                )
                version = versions.version(order.version_id) if order else versions.at(fact.counts_at)
                if version is not None:
                    on = local_date(fact.counts_at, version.zone)
                    for capability in CAPABILITIES:
                        for pool, limit in capability.pools(versions.program_id, version, on).items():
                            self._note_pool(pool, limit)

    def _note_pool(self, key: PoolKey, limit: int) -> None:
        """Note a pool; of one that two versions limit, no share can tell what either leaves: it is locked as a whole."""
        self.is_mixed = self.is_mixed or self.limits.get(key, limit) != limit
        self.limits[key] = limit


def _is_of(fact: Fact, program_id: int) -> bool:
    """Tell whether a fact concerns a program: grants and referrals are of one, facts of all."""
    return not isinstance(fact, OF_ONE_PROGRAM) or fact.program_id in {None, program_id}


def _is_forfeited(activity: Activity, member: Member) -> bool:
    """Tell whether what a fact would give has gone with all that its member lost by leaving."""
    is_earning = isinstance(activity, OrderPlaced | InteractionReported)
    return is_earning and member.left_at is not None and member.belongs_at(activity.occurred_at)


def _load(facts: Sequence[Fact], *, now: datetime, are_new: bool, in_their_time: bool) -> BatchDecider:
    """Lock the members first, then read what hangs on them."""
    lenders = find_lenders(facts)
    last = max(min(fact.occurred_at, now) for fact in facts) if in_their_time else now
    customers = {fact.customer_id for fact in facts}
    locked = lock_customers(customers, lenders.values(), activities=facts, latest=last)
    require_lenders(lenders.values())
    if locked.waiting:
        facts = [*facts, *load_waiting(sorted(locked.waiting), last)]
    return _loaded(facts, locked, lenders, now=now, are_new=are_new, in_their_time=in_their_time)


def _loaded(  # noqa: PLR0913 - what, of whom, when
    facts: Sequence[Fact],
    locked: Loaded,
    lenders: Mapping[UUID, UUID] = MappingProxyType({}),
    *,
    now: datetime,
    are_new: bool = False,
    in_their_time: bool,
) -> BatchDecider:
    """Read behind the lock what is to be known of members for facts."""
    returns = with_baskets([fact for fact in facts if _is_return(fact)])
    facts = [*(fact for fact in facts if not _is_return(fact)), *returns]
    is_of_products = any(isinstance(fact, InteractionReported | OrderReturned) for fact in facts)
    if is_of_products and asks_for_products(locked.versions.values()):
        facts = _with_products(facts)
    if any(isinstance(fact, InteractionReported) for fact in facts) and limits_interactions(locked.versions.values()):
        told = with_reserved(fact for fact in facts if isinstance(fact, InteractionReported))
        facts = [*(fact for fact in facts if not isinstance(fact, InteractionReported)), *told]
    orders = {fact.order_id for fact in facts if isinstance(fact, OrderPlaced | OrderReturned | OrderEvent)}
    known = load_decided(orders, locked.versions) if orders and not are_new else {}
    need = Need.of(facts, locked, known, lenders.values(), now=now, in_their_time=in_their_time)
    loaded = load_states(locked, facts, is_whole=need.is_whole, is_passing=need.is_passing, decided=known, lots=lenders)
    return BatchDecider(
        facts,
        loaded,
        now,
        in_their_time,
        known,
        _settled(facts, are_new=are_new),
        _load_next_first(facts, loaded, known),
        dict(lenders),
    )


def _with_products(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts with what their customers have of products."""
    interactions = with_purchases([fact for fact in facts if isinstance(fact, InteractionReported)])
    returns = with_others([fact for fact in facts if isinstance(fact, OrderReturned)])
    others = [fact for fact in facts if not isinstance(fact, InteractionReported | OrderReturned)]
    return [*others, *interactions, *returns]


def _is_return(fact: Fact) -> TypeGuard[OrderReturned]:
    """Tell returns from corrections, of which whoever reports them knows the baskets."""
    return isinstance(fact, OrderReturned) and not isinstance(fact, OrderCorrected)


def _settled(facts: Sequence[Fact], *, are_new: bool) -> set[tuple[UUID, int]]:
    """Return which facts were decided before, with their programs."""
    if are_new:
        return set()
    settled: set[tuple[UUID, int]] = set()
    if returns := [fact.id for fact in facts if _is_return(fact)]:
        settled |= load_settled("activity_returndecision", "order_return_id", returns)
    if interactions := [fact.id for fact in facts if type(fact) is InteractionReported]:
        settled |= load_settled("activity_interactiondecision", "interaction_id", interactions)
    return settled


def _load_next_first(
    facts: Sequence[Fact], loaded: Loaded, known: Mapping[tuple[UUID, int], DecidedOrder]
) -> dict[UUID, list[FirstOrder]]:
    """Load the orders that may become their members' first, because nothing is left of the one that is."""
    whole = {fact.order_id for fact in facts if isinstance(fact, OrderReturned) and not fact.kept.lines}
    members = [
        order.membership_id
        for (order_id, _), order in known.items()
        if order_id in whole
        and (member := loaded.members.get(order.membership_id)) is not None
        and member.first_order_id == order_id
    ]
    if not members:
        return {}
    decided = load_kept(members, loaded.versions)
    found: dict[UUID, list[FirstOrder]] = {}
    for program_id in sorted({order.program_id for order in decided}):
        orders = [order for order in decided if order.program_id == program_id]
        placed = {each.order_id: each for each in load_kept_orders([order.order_id for order in orders], program_id)}
        for order in orders:
            found.setdefault(order.membership_id, []).append(FirstOrder(placed[order.order_id], order))
    return found
