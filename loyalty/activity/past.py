"""One member's past, lived again fact by fact by the same steps, without a write."""

from collections import defaultdict
from collections.abc import Callable, Container
from dataclasses import field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity.becoming_one import as_giver, as_one, without_plan
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import advance_to, decide
from loyalty.activity.lived_facts import Joined
from loyalty.activity.steps import CLOCK
from loyalty.engine.activities import (
    Activity,
    DecidedOrder,
    Enrolled,
    FirstOrder,
    GivenOver,
    Left,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    TakenOver,
)
from loyalty.engine.basket import Basket
from loyalty.engine.decision import Decision, Effect, OrderDecided, PoolUsed
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.profile import PROFILE, ProfileState
from loyalty.engine.versions import Versions
from loyalty.points.state import POINTS, Posting
from loyalty.tiers.state import SCHEME, TIERS

CELEBRATED = ("birthday:", "anniversary:")
Observer = Callable[[Decision], None]


@dataclass(frozen=True, slots=True)
class _Turn:
    """That a member left at an instant, came back, or took over what the membership of another one had, who it is."""

    at: datetime
    is_back: bool = False
    giver: "Past | None" = None


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

    def __init__(  # noqa: PLR0913 - who, when, under what
        self,
        joined: Joined,
        versions: Versions,
        budgets: Budgets,
        observe: Observer,
        returned: Container[UUID] = (),
        before: Joined | None = None,
        *,
        is_looked_back_at: bool = False,
    ) -> None:
        self.joined, self.versions, self.budgets, self.observe = joined, versions, budgets, observe
        self.returned = returned  # orders of which something comes back: their closed lots are needed again
        self.is_looked_back_at = is_looked_back_at or before is not None  # by what is late
        self.orders: dict[UUID, DecidedOrder] = {}
        self.kept: dict[UUID, OrderPlaced] = {}
        self.celebrated: set[str] = set()
        self._missed = 0
        self.apart: list[Past] = []  # that are one with it only later, or had left before they were
        lived = before or joined
        self.turns = _turns(lived)
        self.ended: list[
            tuple[datetime, Member]
        ] = []  # as it was at the end of each earlier membership, until it came back
        self.member = _as_it_enrolled(lived, versions)
        self._enrol(lived.began_at)

    @property
    def missed(self) -> int:
        """Return how many points were redeemed, by it and by those who are one with it, that it would not have had."""
        return self._missed + sum(each.missed for each in self.apart)

    def knowing(self, profile: ProfileState | None) -> Self:
        """Let it be known what kind of customer the member is, and was, if that is known."""
        if profile is not None:
            self.member = self.member.having(PROFILE, profile)
        return self

    def merge(self, giver: "Past", at: datetime) -> None:
        """Let it be known that the member takes over at an instant what another one has by then."""
        self.turns = sorted([*self.turns, _Turn(at, giver=giver)], key=lambda each: each.at)

    def replay(self, activity: Activity, now: datetime) -> None:
        """
        Let time pass up to an instant, and decide an activity, unless it is of before the membership and of none of its orders.

        :param now: when it occurred, or later, if it was late
        """
        self.advance_to(now)
        if activity.occurred_at < self.member.enrolled_at and not isinstance(activity, OrderReturned | OrderEvent):
            return
        told = self._told(activity)
        if told is not None and self._decided(told, now) is not None:
            self._take(self._decision)

    def advance_to(self, instant: datetime) -> None:
        """Carry out what time alone changes up to an instant; on its way the member leaves and comes back as it did."""
        while self.turns and self.turns[0].at <= instant:
            turn = self.turns.pop(0)
            self._advance_to(turn.at)
            if turn.giver is not None:
                self._take_over(turn.giver, turn.at)
            elif turn.is_back:
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

    def _take_over(self, giver: "Past", at: datetime) -> None:
        """Take over what another one has, by the steps of a merge; it is as old then as the older one of both."""
        giver.advance_to(at)
        since = max([giver.member.enrolled_at, *(each.left_at for _, each in self.ended if each.left_at)])
        if self.versions.at(at) is not None:
            self._be_one(giver, at)
        self.orders |= {
            key: replace(order, membership_id=self.member.membership_id) for key, order in giver.orders.items()
        }
        self.kept |= giver.kept
        self._missed += giver.missed
        self.member = replace(
            self.member,
            enrolled_at=min(self.member.enrolled_at, since),
            first_order_id=self._first_of(self.member.first_order_id, giver.member.first_order_id),
            due_at=at,
        )

    def _be_one(self, giver: "Past", at: datetime) -> None:
        mine, gave = self.member, as_giver(giver.member)
        self.member, giver.member = without_plan(mine), gave
        given = GivenOver(new_id(), gave.customer_id, at, mine.membership_id)
        taken = TakenOver(new_id(), mine.customer_id, at, gave)
        giver._take(giver._decided(given, at))
        self._take(self._decided(taken, at))
        self.celebrated |= giver.celebrated
        one = as_one(self.member, mine, gave, giver.member, self._decision.effects)
        points = one.of(POINTS)
        self.member = one.having(POINTS, replace(points, celebrated=points.celebrated | self.celebrated))

    def _first_of(self, *orders: UUID | None) -> UUID | None:
        """Return the earliest of some orders of which something is kept."""
        kept = ((self.kept[key].occurred_at, str(key), key) for key in orders if key is not None and key in self.kept)
        first = min(kept, default=None)
        return first[2] if first else None

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
        for effect in decision.effects:
            self._note(effect)
        activity = decision.activity
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

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, OrderDecided):
            self.orders[effect.order.order_id] = effect.order
        elif isinstance(effect, PoolUsed):
            self.budgets.give(effect)
        elif isinstance(effect, Posting):
            self._missed += effect.explanation.get("missing", 0)
            if effect.cause.startswith(CELEBRATED):
                self.celebrated.add(effect.cause)

    def _keep(self, order_id: UUID, basket: Basket) -> None:
        placed = self.kept.get(order_id)
        if placed is None:
            return
        if basket.lines:
            self.kept[order_id] = replace(placed, basket=basket)
        else:
            del self.kept[order_id]

    def _forget_closed_lots(self) -> None:
        if self.is_looked_back_at:  # what was taken in their place, or with them, may come back to any
            return
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
