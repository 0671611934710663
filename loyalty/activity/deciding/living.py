"""
A member's life under rules that are not its own: through the same decisions, without a write.

A life begins on the day on which the member joined. What is lived: orders, returns, events of orders, interactions,
redemptions, adjustments, and each midnight on which something is due for the member. Points that moved between members
come and go as they did.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from uuid import UUID

from customers.core.calendar import add_months, clamped, day_after, local_date, midnight
from loyalty.activity.deciding.climbing import Assessed, When, assess, end_period
from loyalty.activity.deciding.days import decide_day
from loyalty.activity.deciding.earning import budget_key
from loyalty.activity.deciding.interactions import decide_happened, decide_interaction
from loyalty.activity.deciding.moving import Moved, Redemptions
from loyalty.activity.deciding.orders import decide_order
from loyalty.activity.deciding.points import Booked, activated, expired
from loyalty.activity.deciding.returns import decide_return
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
)
from loyalty.points.budgets import Budget, BudgetKey
from loyalty.points.rules import Counted
from loyalty.points.states import State
from loyalty.tiers.rules import Counts, Ladder

Lived = Purchase | GivenBack | Happened | Interacted | Moved


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


class Life:
    """One member's life in a program, activity by activity and night by night."""

    def __init__(
        self, joined: Joined, timeline: Timeline, budgets: Budgets, observe: Observer, returned: Container[UUID] = ()
    ) -> None:
        self.timeline, self.budgets, self.observe, self.joined = timeline, budgets, observe, joined
        self.returned = returned  # orders of which something comes back: their closed lots are needed again
        self.zone = timeline.rulesets[0].zone
        self.joined_on = local_date(joined.enrolled_at, self.zone)
        self.member = _as_it_joined(joined, timeline)
        self.decided: dict[UUID, DecidedOrder] = {}
        self.redemptions = Redemptions()
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
                return self.redemptions.decide(self.member, activity, ruleset) if ruleset else None

    def _budgets(self, at: datetime, ruleset: Ruleset | None) -> dict[BudgetKey, Budget]:
        return self.budgets.at(self.member, ruleset, local_date(at, self.zone)) if ruleset else {}

    def _give_back(self, activity: GivenBack) -> Decision | None:
        earlier = self.decided.get(activity.order_id)
        if earlier is None:
            return None
        undone = [] if activity.kept.lines else self.redemptions.undo(self.member, activity.redemptions)
        return decide_return(self.member, activity, earlier, self.timeline, undone)

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
