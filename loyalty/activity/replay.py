"""
What-if: a past lived again under other rules, through the same decisions, without a write.

Each member begins anew on the day on which it joined, with the versions that were in force, and from a chosen instant on
with a draft. What is replayed: orders, returns, events of orders, interactions, redemptions, adjustments, and each
midnight on which something is due for the member. Points that moved between members come and go as they did.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import add_months, clamped, day_after, local_date, midnight
from customers.core.ids import new_id
from loyalty.activity.deciding.climbing import Assessed, When, assess, end_period
from loyalty.activity.deciding.days import decide_day
from loyalty.activity.deciding.earning import budget_key
from loyalty.activity.deciding.interactions import decide_happened, decide_interaction
from loyalty.activity.deciding.orders import decide_order
from loyalty.activity.deciding.points import Booked, activated, expired, kept_alive, repayment
from loyalty.activity.deciding.returns import decide_return
from loyalty.activity.history import load_happened, load_interactions, load_purchases, load_returns
from loyalty.activity.rulesets import Ruleset, Timeline
from loyalty.activity.state import (
    DecidedOrder,
    Decision,
    Effects,
    GivenBack,
    Happened,
    Interacted,
    Member,
    Purchase,
    Purse,
    Redeemed,
)
from loyalty.points.budgets import Budget, BudgetKey
from loyalty.points.clawback import Move
from loyalty.points.expiry import expiration
from loyalty.points.ledger import NewLot, Posting
from loyalty.points.rules import Counted
from loyalty.points.spending import spend, undo
from loyalty.points.states import State
from loyalty.tiers.rules import Counts, Ladder

CHUNK = 1_000
TOLD_EVERY = 5_000  # activities


@dataclass(frozen=True, slots=True)
class Moved:
    """
    Points that a member spent, got back, was given or lost by other ways than orders and time.

    :param kind: redeem, restore, adjust or transfer
    :param undoes: for restore, the entry that it undid
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    kind: str
    wallet: str
    points: int
    reference: str = ""
    undoes: UUID | None = None


Lived = Purchase | GivenBack | Happened | Interacted | Moved
RANKS: dict[type, int] = {Purchase: 0, Happened: 1, GivenBack: 2, Interacted: 3, Moved: 4}


@dataclass(frozen=True, slots=True)
class Joined:
    """A member as it joined."""

    membership_id: UUID
    customer_id: UUID
    retailer_id: int
    program_id: int
    enrolled_at: datetime
    left_at: datetime | None
    birth_date: date | None


Observer = Callable[[Member, str, datetime, Effects], None]


class Life:
    """One member's life in a program, activity by activity and night by night."""

    def __init__(
        self, joined: Joined, timeline: Timeline, budgets: "Budgets", observe: Observer, returned: Container[UUID] = ()
    ) -> None:
        self.timeline, self.budgets, self.observe, self.joined = timeline, budgets, observe, joined
        self.returned = returned  # orders of which something comes back: their closed lots are needed again
        self.zone = timeline.rulesets[0].zone
        self.joined_on = local_date(joined.enrolled_at, self.zone)
        self.member = _as_it_joined(joined, timeline)
        self.decided: dict[UUID, DecidedOrder] = {}
        self.redeemed: dict[str, Redeemed] = {}
        self.by_entry: dict[UUID, str] = {}
        self.missed = 0  # points that were redeemed in fact and are not there in this life
        self.nights: list[date] = []
        self.known: set[date] = set()
        self.today = self.joined_on
        self.starts = [start for start in timeline.starts if start > joined.enrolled_at]
        self._look_ahead_at_days(self.joined_on)

    def live(self, activity: Lived) -> None:
        """Live through the nights before an activity, and then through it."""
        self.sleep_until(activity.occurred_at)
        self.today = local_date(activity.occurred_at, self.zone)
        decision = self._decide(activity)
        if decision is not None:
            self._take(decision, activity.occurred_at, type(activity).__name__)
        if isinstance(activity, GivenBack | Moved):  # what counts may be less: the next night looks
            self._wake(day_after(local_date(activity.occurred_at, self.zone)))

    def sleep_until(self, instant: datetime) -> None:
        """Live through all that is due until an instant: versions that start, and nights."""
        while True:
            night = midnight(self.nights[0], self.zone) if self.nights else None
            start = self.starts[0] if self.starts else None
            if start is not None and start <= instant and (night is None or start <= night):
                self._start(self.starts.pop(0))
            elif night is not None and night <= instant:
                self._night(heappop(self.nights), night)
            else:
                return

    def _start(self, at: datetime) -> None:
        ruleset = self.timeline.at(at)
        if ruleset is not None:
            when = When(local_date(at, self.zone), at, f"version:{ruleset.number}")
            self._assessed(assess(self.member, ruleset, when), at)

    def _night(self, day: date, at: datetime) -> None:
        """Take the steps of a night in their order."""
        self.known.discard(day)
        self.today = day
        ruleset = self.timeline.at(at)
        if ruleset is None:
            return
        when = When(day, at, f"night:{day}")
        self._booked(activated(self.member, at), at)
        self._assessed(assess(self.member, ruleset, when), at)
        done = Booked(self.member)
        for purse in self.member.purses:
            done = done.then(expired(self.member, purse, at))
        self._booked(done, at)
        if ruleset.ladder.counts_balance:
            self._assessed(assess(self.member, ruleset, when), at)
        if ruleset.ladder.downgrade == "period_end":
            self._assessed(end_period(self.member, ruleset, when), at)
        self._celebrate(day, at, ruleset)

    def _celebrate(self, day: date, at: datetime, ruleset: Ruleset) -> None:
        for kind, began in ((Counted.BIRTHDAY, self.joined.birth_date), (Counted.ANNIVERSARY, self.joined_on)):
            if began is None or day <= began or clamped(day.year, began.month, began.day) != day:
                continue
            budgets = self.budgets.at(self.member, ruleset, day)
            decision = decide_day(self.member, kind, ruleset, on=day, at=at, budgets=budgets)
            if decision is not None:
                self._take(decision, at, kind.value)

    def _decide(self, activity: Lived) -> Decision | None:
        ruleset = self.timeline.at(activity.occurred_at)
        match activity:
            case Purchase():
                budgets = self._budgets(activity.occurred_at, ruleset)
                return decide_order(self.member, activity, ruleset, budgets)
            case GivenBack():
                return self._give_back(activity)
            case Happened():
                return decide_happened(self.member, activity, self.timeline)
            case Interacted():
                budgets = self._budgets(activity.occurred_at, ruleset)
                return decide_interaction(self.member, activity, ruleset, budgets)
            case Moved():
                return self._move(activity, ruleset) if ruleset else None

    def _budgets(self, at: datetime, ruleset: Ruleset | None) -> dict[BudgetKey, Budget]:
        return self.budgets.at(self.member, ruleset, local_date(at, self.zone)) if ruleset else {}

    def _give_back(self, activity: GivenBack) -> Decision | None:
        earlier = self.decided.get(activity.order_id)
        if earlier is None:
            return None
        undone = (
            [] if activity.kept.lines else [self._back(each) for each in activity.redemptions if each in self.redeemed]
        )
        return decide_return(self.member, activity, earlier, self.timeline, undone)

    def _back(self, reference: str) -> Redeemed:
        """Return a redemption to undo. Those of its lots that were forgotten since are empty; all live as they do now."""
        found = self.redeemed.pop(reference)
        until = self.member.purse_of(found.wallet_id).idle_until
        lots = tuple(
            replace(lot, pending=0, available=0, held=0, expires_at=until if lot.slides else lot.expires_at)
            for lot in found.lots
        )
        return replace(found, lots=lots)

    def _move(self, moved: Moved, ruleset: Ruleset) -> Decision | None:
        done = activated(self.member, moved.occurred_at)
        if moved.kind == "restore":
            reference = self.by_entry.get(moved.undoes) if moved.undoes else None
            return (
                self._restore(done, self._back(reference), moved) if reference in self.redeemed and reference else None
            )
        if moved.points > 0 and moved.kind != "redeem":
            return self._given(done, moved, ruleset)
        return self._spent(done, moved, ruleset)

    def _spent(self, done: Booked, moved: Moved, ruleset: Ruleset) -> Decision:
        if moved.kind == "redeem":
            lifetime = ruleset.policy(moved.wallet).lifetime
            alive = kept_alive(done.member, moved.wallet, lifetime, ruleset, moved.occurred_at)
            done = Booked(alive.member, (*done.postings, *alive.postings))
        into = {"redeem": State.REDEEMED, "adjust": State.CANCELLED}.get(moved.kind, State.TRANSFERRED)
        purse = done.member.purse(moved.wallet)
        taken = spend(abs(moved.points), purse.lots, at=moved.occurred_at, into=into)
        self.missed += taken.missing if moved.kind == "redeem" else 0
        if moved.kind == "redeem" and taken.moves:
            lots = tuple(lot for lot in purse.lots if lot.id in {move.lot_id for move in taken.moves})
            self.redeemed[moved.reference] = Redeemed(moved.id, moved.reference, purse.wallet_id, taken.moves, lots)
            self.by_entry[moved.id] = moved.reference
        posting = _posting(done.member, purse, moved, moves=taken.moves)
        done = done.then(posting) if taken.moves else done
        return Decision(done.member, Effects(postings=done.postings))

    def _given(self, done: Booked, moved: Moved, ruleset: Ruleset) -> Decision:
        lifetime = ruleset.policy(moved.wallet).lifetime
        alive = kept_alive(done.member, moved.wallet, lifetime, ruleset, moved.occurred_at)
        done = Booked(alive.member, (*done.postings, *alive.postings))
        purse = done.member.purse(moved.wallet)
        lot = NewLot(
            id=new_id(),
            amount=moved.points,
            earned_at=moved.occurred_at,
            active_at=moved.occurred_at,
            expires_at=expiration(moved.occurred_at, lifetime, ruleset.zone),
            version_id=ruleset.version_id,
            rule_id=None,
            order_id=None,
            state=State.AVAILABLE,
            slides=lifetime.slides,
        )
        posting = _posting(done.member, purse, moved, lots=(lot,))
        return self._repaid(done.then(posting), moved)

    def _restore(self, done: Booked, redeemed: Redeemed, moved: Moved) -> Decision:
        purse = done.member.purse_of(redeemed.wallet_id)
        known = {lot.id for lot in purse.lots}
        closed = tuple(lot for lot in redeemed.lots if lot.id not in known)
        done = replace(done, member=done.member.with_purse(replace(purse, lots=(*purse.lots, *closed))))
        expiries = {lot.id: lot.expires_at for lot in done.member.purse(purse.code).lots}
        moves = undo(redeemed.moves, expiries, at=moved.occurred_at)
        return self._repaid(done.then(_posting(done.member, purse, moved, moves=moves)), moved)

    def _repaid(self, done: Booked, moved: Moved) -> Decision:
        usable = [lot for lot in done.member.purse(moved.wallet).lots if lot.is_usable(moved.occurred_at)]
        done = done.then(repayment(done.member, moved.wallet, usable, cause=f"repay:{moved.id}", at=moved.occurred_at))
        return Decision(done.member, Effects(postings=done.postings))

    def _take(self, decision: Decision, at: datetime, what: str) -> None:
        effects = decision.effects
        self.member = decision.member
        if effects.order is not None:
            self.decided[effects.order.order_id] = effects.order
        self.budgets.give(effects.spent)
        if effects.postings:
            self._forget_closed_lots()
        self.observe(self.member, what, at, effects)
        self._look_ahead(effects, at)

    def _forget_closed_lots(self) -> None:
        for purse in self.member.purses:
            lots = tuple(
                lot for lot in purse.lots if lot.pending or lot.available or lot.held or lot.order_id in self.returned
            )
            if len(lots) < len(purse.lots):
                self.member = self.member.with_purse(replace(purse, lots=lots))

    def _booked(self, done: Booked, at: datetime) -> None:
        if done.postings:
            self._take(Decision(done.member, Effects(postings=done.postings)), at, "night")

    def _assessed(self, assessed: Assessed, at: datetime) -> None:
        self.member = assessed.member
        if assessed.moves or assessed.postings:
            effects = Effects(postings=assessed.postings, moves=assessed.moves)
            self._take(Decision(assessed.member, effects), at, "night")
        elif assessed.member.keeps_until is not None:
            self._wake(assessed.member.keeps_until)

    def _look_ahead(self, effects: Effects, at: datetime) -> None:
        """Note the nights on which what happened will matter."""
        for posting in effects.postings:
            for lot in posting.lots:
                self._wake_at(lot.active_at if lot.state is State.PENDING else None)
                self._wake_at(lot.expires_at)
        for dated in effects.dated:
            self._wake_at(dated.active_at)
            self._wake_at(dated.expires_at)
        for purse in self.member.purses:
            self._wake_at(purse.idle_until)
        for change in effects.qualified:
            for ladder in self._ladders():
                self._wake(_leaves(ladder, change.on, self.joined_on))
        if effects.moves or self.member.keeps_until:
            self._wake(day_after(local_date(at, self.zone)))
            self._wake(self.member.keeps_until)
        if any(ladder.counts_balance for ladder in self._ladders()):
            self._wake(day_after(local_date(at, self.zone)))

    def _ladders(self) -> list[Ladder]:
        return [ruleset.ladder for ruleset in self.timeline.rulesets]

    def _look_ahead_at_days(self, since: date) -> None:
        kinds = {rule.kind for ruleset in self.timeline.rulesets for rule in ruleset.earnings}
        last = local_date(self.budgets.until, self.zone).year
        for kind, began in ((Counted.BIRTHDAY, self.joined.birth_date), (Counted.ANNIVERSARY, self.joined_on)):
            if kind in kinds and began is not None:
                for year in range(since.year, last + 1):
                    day = clamped(year, began.month, began.day)
                    self._wake(day if day > since else None)

    def _wake_at(self, instant: datetime | None) -> None:
        if instant is not None:
            day = local_date(instant, self.zone)
            self._wake(day if midnight(day, self.zone) == instant else day_after(day))

    def _wake(self, day: date | None) -> None:
        if day is not None and day > self.today and day not in self.known:
            self.known.add(day)
            heappush(self.nights, day)


@dataclass
class Budgets:
    """
    What is left of the budgets as a replay goes on.

    :param until: the last instant of the replay
    """

    until: datetime
    used: dict[BudgetKey, int] = field(default_factory=dict)

    def at(self, member: Member, ruleset: Ruleset, on: date) -> dict[BudgetKey, Budget]:
        """Return the budgets that a day reaches."""
        found = {}
        for code, policy in ruleset.policies.items():
            if policy.limits.budget is not None:
                key = budget_key(member, code, ruleset, on)
                found[key] = Budget(policy.limits.budget - self.used.get(key, 0), None)
        return found

    def give(self, spent: Iterable[tuple[BudgetKey, int]]) -> None:
        for key, points in spent:
            self.used[key] = self.used.get(key, 0) + points


def with_draft(timeline: Timeline, draft: Ruleset, since: datetime) -> Timeline:
    """Return a program's timeline as it would be had a draft been in force from an instant on."""
    kept = [
        (start, ruleset) for start, ruleset in zip(timeline.starts, timeline.rulesets, strict=True) if start < since
    ]
    starts, rulesets = zip(*kept, (since, draft), strict=True)
    return replace(timeline, starts=tuple(starts), rulesets=tuple(rulesets))


def replay(
    timeline: Timeline,
    *,
    until: datetime,
    observe: Observer,
    on_chunk: Callable[[int, int], bool] = lambda _members, _orders: True,
) -> Iterator[Life]:
    """
    Let every member of a program live again until an instant; yield each life when it is over.

    Without budgets members do not touch each other, and come in chunks; with a budget all live side by side.

    :param observe: is told of everything that happens: member, what, when, effects
    :param on_chunk: is told how many members and orders are done; the replay ends when it says False
    """
    shared = any(policy.limits.budget is not None for rules in timeline.rulesets for policy in rules.policies.values())
    budgets = Budgets(until)
    last, members, orders = UUID(int=0), 0, 0
    while joined := _joined(timeline.program_id, after=last, until=until, limit=10**9 if shared else CHUNK):
        last = joined[-1].membership_id
        activities = _activities(timeline.program_id, joined, until)
        returned = frozenset(each.order_id for each in activities if isinstance(each, GivenBack))
        lives = {each.customer_id: Life(each, timeline, budgets, observe, returned) for each in joined}
        for place, activity in enumerate(activities, start=1):
            life = lives[activity.customer_id]
            if life.member.enrolled_at <= activity.occurred_at:
                life.live(activity)
            orders += isinstance(activity, Purchase)
            if place % TOLD_EVERY == 0 and not on_chunk(members + len(joined) * place // len(activities), orders):
                return
        for life in lives.values():
            life.sleep_until(until)
            yield life
        members += len(joined)
        if not on_chunk(members, orders):
            return


def _as_it_joined(joined: Joined, timeline: Timeline) -> Member:
    ruleset = timeline.at(joined.enrolled_at)
    first = ruleset.ladder.earned(Counts()) if ruleset else None
    codes = {code for each in timeline.rulesets for code in each.policies} - {"points"}
    purses = tuple(Purse(place, code, 0, 0, None) for place, code in enumerate(("points", *sorted(codes)), start=1))
    return Member(
        joined.retailer_id,
        joined.program_id,
        joined.membership_id,
        joined.enrolled_at,
        joined.left_at,
        has_ordered=False,
        tier_code=first.code if first else None,
        tier_id=first.id if first else None,
        tier_since=joined.enrolled_at if first else None,
        assessed_on=None,
        purses=purses,
    )


def _posting(
    member: Member, purse: Purse, moved: Moved, *, moves: tuple[Move, ...] = (), lots: tuple[NewLot, ...] = ()
) -> Posting:
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=purse.wallet_id,
        kind=moved.kind,
        cause=f"{moved.kind}:{moved.id}",
        occurred_at=moved.occurred_at,
        moves=moves,
        lots=lots,
        explanation={},
    )


def _leaves(ladder: Ladder, day: date, joined: date) -> date | None:
    """Return the first day on whose window a day does not count any more."""
    match ladder.window:
        case "calendar_year":
            return date(day.year + 1, 1, 1)
        case "membership_year":
            this_year = clamped(day.year, joined.month, joined.day)
            return this_year if this_year > day else clamped(day.year + 1, joined.month, joined.day)
        case "lifetime":
            return None
    same = add_months(day, ladder.window_months)
    return same if add_months(same, -ladder.window_months) >= day else same + timedelta(days=1)


JOINED = """
SELECT m.id, m.customer_id, m.retailer_id, m.program_id, m.enrolled_at, m.left_at, c.birth_date
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
WHERE m.program_id = %(program)s AND m.id > %(after)s AND m.enrolled_at <= %(until)s ORDER BY m.id LIMIT %(limit)s
"""
ORDERS = "SELECT id FROM customers_order WHERE customer_id = ANY(%s) AND occurred_at <= %s"
RETURNS = """
SELECT r.id FROM customers_return r JOIN customers_order o ON o.id = r.order_id
WHERE o.customer_id = ANY(%s) AND r.occurred_at <= %s
"""
EVENTS = """
SELECT e.id FROM customers_orderevent e JOIN customers_order o ON o.id = e.order_id
WHERE o.customer_id = ANY(%s) AND e.occurred_at <= %s
"""
INTERACTIONS = "SELECT id FROM customers_interaction WHERE customer_id = ANY(%s) AND occurred_at <= %s"
# A restoration that a return caused comes with the return; what time does comes with the nights.
MOVES = """
SELECT e.id, m.customer_id, e.occurred_at, e.kind, w.code,
    CASE WHEN e.kind = 'redeem' THEN (e.explanation->>'points')::bigint ELSE e.available_change END,
    coalesce(e.explanation->>'reference', e.id::text),
    CASE WHEN e.kind = 'restore' THEN substr(e.cause, 9)::uuid END
FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.customer_id = ANY(%s) AND e.occurred_at <= %s AND m.program_id = %s
    AND e.kind IN ('redeem', 'restore', 'adjust', 'transfer') AND NOT e.explanation ? 'return'
"""


def _joined(program_id: int, *, after: UUID, until: datetime, limit: int) -> list[Joined]:
    parameters = {"program": program_id, "after": after, "until": until, "limit": limit}
    return [Joined(*row) for row in bulk.fetch(JOINED, parameters)]


def _activities(program_id: int, joined: Sequence[Joined], until: datetime) -> list[Lived]:
    """Load all that some members ever did, in the order of its time."""
    customers = [each.customer_id for each in joined]

    def ids(sql: str) -> list[UUID]:
        return [found for (found,) in bulk.fetch(sql, [customers, until])]

    # An order's events are told when they happen, not with the order.
    purchases = [replace(each, events=()) if each.events else each for each in load_purchases(ids(ORDERS))]
    lived: list[Lived] = [
        *purchases,
        *load_returns(ids(RETURNS), anew=True),
        *load_happened(ids(EVENTS)),
        *load_interactions(ids(INTERACTIONS)),
        *(Moved(*row) for row in bulk.fetch(MOVES, [customers, until, program_id])),
    ]
    return sorted(lived, key=lambda each: (each.occurred_at, RANKS[type(each)], each.id))
