"""
A past simulated: members live again by the same steps, under any rules, without a write.

Each member begins as it enrolled, and goes through its facts in the order of their time, advanced to each as it would be
live. What verbs did in fact (redemptions, adjustments, transfers) comes with it.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime
from uuid import UUID

from customers.core.values import dataclass
from loyalty.activity.arms import load_arms
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import advance_to, decide
from loyalty.activity.lived_facts import Joined, facts_of, members_joined
from loyalty.activity.profiles import load_past
from loyalty.activity.steps import CLOCK
from loyalty.activity.versions import used_by
from loyalty.engine.activities import (
    Activity,
    DecidedOrder,
    Enrolled,
    FirstOrder,
    Left,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
)
from loyalty.engine.arms import NO_ARMS
from loyalty.engine.basket import Basket
from loyalty.engine.decision import Decision, OrderDecided, PoolUsed
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.profile import PROFILE, ProfileState
from loyalty.engine.versions import Version, Versions
from loyalty.points.state import POINTS, RULES, Posting
from loyalty.tiers.state import SCHEME, TIERS

CHUNK = 1_000
TOLD_EVERY = 5_000  # activities
Observer = Callable[[Decision], None]


@dataclass(frozen=True, slots=True)
class _Turn:
    """That a member left at an instant, or came back."""

    at: datetime
    is_back: bool


@dataclass
class Budgets:
    """
    What was given from pools as a simulation goes on.

    :param pools: each holds nothing, less what was given: what is left is counted by the limit of the version that decides
    """

    pools: defaultdict[PoolKey, Pool] = field(default_factory=lambda: defaultdict(lambda: Pool(0, None, 0)))

    def give(self, used: PoolUsed) -> None:
        self.pools[used.key] = self.pools[used.key].give(used.points)


class Past:
    """One member's past in a program, fact by fact."""

    def __init__(
        self, joined: Joined, versions: Versions, budgets: Budgets, observe: Observer, returned: Container[UUID] = ()
    ) -> None:
        self.joined, self.versions, self.budgets, self.observe = joined, versions, budgets, observe
        self.returned = returned  # orders of which something comes back: their closed lots are needed again
        self.orders: dict[UUID, DecidedOrder] = {}
        self.kept: dict[UUID, OrderPlaced] = {}
        self.missed = 0
        self.turns = _turns(joined)
        self.ended: list[
            tuple[datetime, Member]
        ] = []  # as it was at the end of each earlier membership, until it came back
        self.member = _as_it_enrolled(joined, versions)
        self._enrol(joined.began_at)

    def know(self, profile: ProfileState) -> None:
        """Let it be known what kind of customer the member is, and was."""
        self.member = self.member.having(PROFILE, profile)

    def replay(self, activity: Activity) -> None:
        """Let time pass up to an activity, and decide it."""
        self.advance_to(activity.occurred_at)
        told = self._told(activity)
        if told is not None and self._decided(told, activity.occurred_at) is not None:
            self._take(self._decision)

    def advance_to(self, instant: datetime) -> None:
        """Carry out what time alone changes up to an instant; on its way the member leaves and comes back as it did."""
        while self.turns and self.turns[0].at <= instant:
            turn = self.turns.pop(0)
            self._advance_to(turn.at)
            if turn.is_back:
                self._come_back(turn.at)
            else:
                self._leave(turn.at)
        self._advance_to(instant)

    def _enrol(self, at: datetime) -> None:
        started = self.versions.latest_start(at)
        if started is not None:
            self.member = self.member.with_start(started)
            self._take(self._decided(Enrolled(self.joined.membership_id, self.joined.customer_id, at), at))
        self.member = CLOCK.reset(self.member, self.versions, at)

    def _leave(self, at: datetime) -> None:
        """Forfeit all, also what its orders gave: nothing happens to them any more."""
        if self.versions.at(at) is not None:
            self._take(self._decided(Left(self.joined.membership_id, self.joined.customer_id, at), at))
        self.orders = {
            order_id: order if order.version_id is None else replace(order, is_forfeited=True)
            for order_id, order in self.orders.items()
        }
        self.member = replace(self.member, left_at=at, due_at=None)

    def _come_back(self, at: datetime) -> None:
        """Begin anew; what counted before counts no more."""
        self.ended.append((at, self.member))
        points = self.member.of(POINTS)
        for wallet in points.wallets:
            points = points.having(replace(wallet, days=()))
        fresh = replace(self.member, enrolled_at=at, left_at=None, started_at=None, due_at=None)
        self.member = fresh.having(POINTS, points)
        self._enrol(at)

    def _advance_to(self, instant: datetime) -> None:
        pools = self.budgets.pools
        self.member = advance_to(self.member, instant, self.versions, pools=lambda _: pools, take=self._take)

    def tier_code_at(self, instant: datetime) -> str:
        """Return the code of the tier that the member had at an instant; empty for none."""
        member = next((before for until, before in self.ended if instant < until), self.member)
        if not member.has(TIERS):
            return ""
        key = member.of(TIERS).key_at(instant)
        codes = {tier.key: tier.code for version in self.versions.versions for tier in version.of(SCHEME).tiers}
        return codes.get(key, "") if key else ""

    def _decided(self, activity: Activity, at: datetime) -> Decision | None:
        decision = decide(self.member, activity, self.versions, now=at, pools=self.budgets.pools)
        if decision is not None:
            self._decision = decision
        return decision

    def _told(self, activity: Activity) -> Activity | None:
        if isinstance(activity, OrderReturned):
            order = self.orders.get(activity.order_id)
            if order is None or order.is_forfeited:
                return None
            return replace(activity, decided=order, next_first=self._next_first(activity))
        if isinstance(activity, OrderEvent):
            return replace(activity, decided=self.orders.get(activity.order_id))
        return activity

    def _next_first(self, activity: OrderReturned) -> FirstOrder | None:
        if activity.kept.lines or self.member.first_order_id != activity.order_id:
            return None
        others = (
            (placed.occurred_at, str(order_id), placed)
            for order_id, placed in self.kept.items()
            if order_id != activity.order_id and self.orders[order_id].version_id is not None
        )
        first = min(others, default=None)
        return FirstOrder(first[2], self.orders[first[2].order_id]) if first else None

    def _take(self, decision: Decision | None) -> None:
        if decision is None:
            return
        self.member = decision.member
        activity = decision.activity
        for effect in decision.effects:
            if isinstance(effect, OrderDecided):
                self.orders[effect.order.order_id] = effect.order
            elif isinstance(effect, Posting):
                self.missed += effect.explanation.get("missing", 0)
            elif isinstance(effect, PoolUsed):
                self.budgets.give(effect)
        if isinstance(activity, OrderPlaced):
            self.kept[activity.order_id] = activity
        elif isinstance(activity, OrderReturned):
            self._keep(activity.order_id, activity.kept)
        elif isinstance(activity, OrderEvent) and (placed := self.kept.get(activity.order_id)):
            happened = (activity.kind, activity.occurred_at)
            self.kept[activity.order_id] = replace(placed, events=(*placed.events, happened))
        if any(isinstance(effect, Posting) and effect.moves for effect in decision.effects):
            self._forget_closed_lots()
        self.observe(decision)

    def _keep(self, order_id: UUID, basket: Basket) -> None:
        placed = self.kept.get(order_id)
        if placed is None:
            return
        if basket.lines:
            self.kept[order_id] = replace(placed, basket=basket)
        else:
            del self.kept[order_id]

    def _forget_closed_lots(self) -> None:
        points = self.member.of(POINTS)
        for wallet in points.wallets:
            lots = tuple(
                lot
                for lot in wallet.lots
                if lot.is_open or lot.gift or lot.grant_id or lot.expires_on_inactivity or lot.order_id in self.returned
            )
            if len(lots) < len(wallet.lots):
                points = points.having(wallet.with_lots(lots))
        if points is not self.member.of(POINTS):
            self.member = self.member.having(POINTS, points)


def with_draft(versions: Versions, draft: Version, since: datetime) -> Versions:
    """Return a program's versions as they would be had a draft been in force from an instant on."""
    whole = versions.whole or versions
    kept = [(begins, each) for begins, each in zip(whole.starts, whole.versions, strict=True) if begins < since]
    starts, all_versions = zip(*kept, (since, draft), strict=True)
    drafted = Versions(versions.program_id, versions.slug, tuple(starts), tuple(all_versions), used_by(all_versions))
    return drafted.among(versions.experiments)


def simulate(
    versions: Versions,
    *,
    until: datetime,
    observe: Observer,
    on_chunk: Callable[[int, int], bool] = lambda _members, _orders: True,
    members: Sequence[UUID] | None = None,
) -> Iterator[Past]:
    """
    Let every member of a program live again until an instant; yield each past when it is over.

    Without budgets members do not touch each other, and come in chunks; with a budget all live side by side.

    :param observe: is told of every decision
    :param on_chunk: is told how many members and orders are done; the simulation ends when it says False
    :param members: only some memberships
    """
    shared = any(
        policy.limits.budget is not None for each in versions.versions for policy in each.of(RULES).policies.values()
    )
    budgets = Budgets()
    last, done, orders = UUID(int=0), 0, 0
    while joined := members_joined(versions.program_id, last, until, 10**9 if shared else CHUNK, members):
        last = joined[-1].membership_id
        activities = facts_of(versions, joined, until)
        returned = frozenset(each.order_id for each in activities if isinstance(each, OrderReturned))
        arms = load_arms(versions, [each.customer_id for each in joined])
        pasts = {
            each.customer_id: Past(
                each, versions.of_arms(arms.get(each.customer_id, NO_ARMS)), budgets, observe, returned
            )
            for each in joined
        }
        for customer_id, profile in load_past(versions, list(pasts)).items():
            pasts[customer_id].know(profile)
        for place, activity in enumerate(activities, start=1):
            past = pasts[activity.customer_id]
            if past.member.enrolled_at <= activity.occurred_at:
                past.replay(activity)
            orders += isinstance(activity, OrderPlaced)
            if place % TOLD_EVERY == 0 and not on_chunk(done + len(joined) * place // len(activities), orders):
                return
        for past in pasts.values():
            past.advance_to(until)
            yield past
        done += len(joined)
        if not on_chunk(done, orders):
            return


def _turns(joined: Joined) -> list[_Turn]:
    """Return when a member left, and came back, after it had enrolled for the first time."""
    found = []
    for (_, left_at), enrolled_at in zip(
        joined.earlier, [*(begins for begins, _ in joined.earlier[1:]), joined.enrolled_at], strict=False
    ):
        found += [_Turn(left_at, is_back=False), _Turn(enrolled_at, is_back=True)]
    return [*found, *([_Turn(joined.left_at, is_back=False)] if joined.left_at else [])]


def _as_it_enrolled(joined: Joined, versions: Versions) -> Member:
    states = {each.name: each.begin(versions) for each in CAPABILITIES if each.name in versions.uses}
    return Member(
        retailer_id=joined.retailer_id,
        program_id=joined.program_id,
        membership_id=joined.membership_id,
        customer_id=joined.customer_id,
        enrolled_at=joined.began_at,
        birth_date=joined.birth_date,
        first_order_id=joined.first_order_id,
        states=states,
    )


def points_of(pasts: Iterable[Past]) -> int:
    """Return how many points of the main wallet some members have open."""
    return sum(lot.pending + lot.available + lot.held for past in pasts for lot in past.member.of(POINTS).main.lots)
