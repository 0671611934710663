"""The one way of every change: load -> decide -> write. Read it top to bottom to know what an order causes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.core.calendar import local_date
from loyalty.activity.deciding.earning import budget_key
from loyalty.activity.deciding.interactions import decide_happened, decide_interaction
from loyalty.activity.deciding.orders import decide_order
from loyalty.activity.deciding.returns import decide_return
from loyalty.activity.loading import (
    Loaded,
    Lots,
    load_decided,
    load_members,
    load_redeemed,
    load_settled,
    with_own_lots,
)
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import (
    Activity,
    DecidedOrder,
    Decision,
    Effects,
    GivenBack,
    Happened,
    Interacted,
    Member,
    Purchase,
    Redeemed,
)
from loyalty.activity.writing import write
from loyalty.points.budgets import Budget, BudgetKey, BudgetTight, lock_budgets, settle_budgets


@dataclass
class Batch:
    """What a batch came to, activity by activity."""

    effects: list[Effects] = field(default_factory=list)
    by_activity: dict[UUID, list[Effects]] = field(default_factory=dict)

    def add(self, activity_id: UUID, effects: Effects) -> None:
        self.effects.append(effects)
        self.by_activity.setdefault(activity_id, []).append(effects)


@transaction.atomic(savepoint=False)
def run(activities: Sequence[Activity], *, now: datetime, are_new: bool = False) -> Batch:
    """
    Decide activities of any customers, in the order of their time, and write what they cause.

    Each is decided once per program: what was decided before is left as it is. A return whose order was not decided
    has nothing to give back.

    :param are_new: that the caller recorded them in this transaction, so that nobody can have decided them
    """
    if not activities:
        return Batch()
    desk = _load(activities, are_new=are_new)
    batch = desk.decide(activities)
    write(batch.effects, before=desk.loaded.members, after=desk.members, now=now)
    settle_budgets(desk.limits, desk.budgets_before, desk.budgets)
    return batch


@dataclass
class _Desk:
    """A batch's members and what is known of its activities, on which it is decided one activity after the other."""

    loaded: Loaded
    known: dict[tuple[UUID, int], DecidedOrder]
    settled: set[tuple[UUID, int]]
    redeemed: dict[UUID, list[Redeemed]]
    members: dict[UUID, Member] = field(default_factory=dict)
    decided: dict[tuple[UUID, int], DecidedOrder] = field(default_factory=dict)
    limits: dict[BudgetKey, int] = field(default_factory=dict)
    budgets: dict[BudgetKey, Budget] = field(default_factory=dict)
    budgets_before: dict[BudgetKey, Budget] = field(default_factory=dict)

    def decide(self, activities: Sequence[Activity]) -> Batch:
        """Decide within the budgets that the days of the activities reach, if there are any."""
        self._note_budgets(activities)
        if not self.limits:
            return self._decide_all(activities)
        try:
            with transaction.atomic():  # undone, it gives the locked shares back, but not the members
                return self._decide_within(activities, whole=False)
        except BudgetTight:
            return self._decide_within(activities, whole=True)

    def _decide_within(self, activities: Sequence[Activity], *, whole: bool) -> Batch:
        self.budgets = lock_budgets(self.limits, whole=whole)
        self.budgets_before = dict(self.budgets)
        return self._decide_all(activities)

    def _decide_all(self, activities: Sequence[Activity]) -> Batch:
        self.members, self.decided = dict(self.loaded.members), dict(self.known)
        batch = Batch()
        for activity in sorted(activities, key=in_order_of_time):
            for key in self.loaded.members_of.get(activity.customer_id, ()):
                if (activity.id, self.members[key].program_id) in self.settled:
                    continue
                decision = self._decide(activity, self.members[key])
                if decision is not None:
                    self._take_in(decision)
                    batch.add(activity.id, replace(decision.effects, program=self._slug(key)))
        return batch

    def _slug(self, key: UUID) -> str:
        return self.loaded.timelines[self.loaded.members[key].program_id].slug

    def _decide(self, activity: Activity, member: Member) -> Decision | None:
        timeline = self.loaded.timelines[member.program_id]
        if isinstance(activity, Interacted):
            return decide_interaction(member, activity, timeline.at(activity.occurred_at), self.budgets)
        if isinstance(activity, Happened):
            return decide_happened(member, activity, timeline)
        earlier = self.decided.get((activity.order_id, member.program_id))
        if isinstance(activity, Purchase):
            if earlier:
                return None
            return decide_order(member, activity, timeline.at(activity.occurred_at), self.budgets)
        if earlier is None:
            return None
        redeemed = () if activity.kept.lines else self._redeemed(activity, member)
        return decide_return(member, activity, earlier, timeline, redeemed)

    def _redeemed(self, activity: GivenBack, member: Member) -> Sequence[Redeemed]:
        named = self.redeemed.get(member.membership_id, ())
        return [each for each in named if each.reference in activity.redemptions]

    def _take_in(self, decision: Decision) -> None:
        effects = decision.effects
        self.members[decision.member.membership_id] = decision.member
        if effects.order is not None:
            self.decided[effects.order.order_id, effects.order.program_id] = effects.order
        for key, points in effects.spent:
            self.budgets[key] = self.budgets[key].give(points)
        if effects.is_tight and any(budget.share is not None for budget in self.budgets.values()):
            raise BudgetTight

    def _note_budgets(self, activities: Sequence[Activity]) -> None:
        """Note the budgets that the days of the activities reach, under the versions that decide them."""
        for activity in activities:
            for key in self.loaded.members_of.get(activity.customer_id, ()):
                member = self.loaded.members[key]
                for ruleset in self._deciding(activity, member):
                    for code, policy in ruleset.policies.items():
                        if policy.limits.budget is not None:
                            on = local_date(activity.counts_at, ruleset.zone)
                            self.limits[budget_key(member, code, ruleset, on)] = policy.limits.budget

    def _deciding(self, activity: Activity, member: Member) -> list[Ruleset]:
        timeline = self.loaded.timelines[member.program_id]
        if isinstance(activity, GivenBack) and (earlier := self.known.get((activity.order_id, member.program_id))):
            found = timeline.version(earlier.version_id)
        else:
            found = timeline.at(activity.counts_at)
        return [found] if found else []


def _load(activities: Sequence[Activity], *, are_new: bool) -> _Desk:
    """Load in the order of locks: members first, then what hangs on them."""
    returns = [activity for activity in activities if isinstance(activity, GivenBack)]
    interactions = [activity.id for activity in activities if isinstance(activity, Interacted)]
    instants = [activity.counts_at for activity in activities]
    needs_lots = any(isinstance(activity, GivenBack | Happened) for activity in activities)
    loaded = load_members(
        {activity.customer_id for activity in activities},
        earliest=min(instants),
        latest=max(instants),
        lots=Lots.ALL if needs_lots else None,
    )
    if returns:
        loaded = with_own_lots(loaded, {activity.order_id for activity in returns})
    orders = {activity.order_id for activity in activities if isinstance(activity, Purchase | GivenBack)}
    decided = load_decided(orders) if orders and not are_new else {}
    settled: set[tuple[UUID, int]] = set()
    if not are_new and returns:
        settled |= load_settled("activity_returndecision", "order_return_id", [each.id for each in returns])
    if not are_new and interactions:
        settled |= load_settled("activity_interactiondecision", "interaction_id", interactions)
    return _Desk(loaded, decided, settled, _load_redeemed(returns, loaded))


def _load_redeemed(returns: Sequence[GivenBack], loaded: Loaded) -> dict[UUID, list[Redeemed]]:
    """Load the redemptions that paid what came back as a whole."""
    named: dict[UUID, set[str]] = {}
    for each in returns:
        if not each.kept.lines:
            for key in loaded.members_of.get(each.customer_id, ()):
                named.setdefault(key, set()).update(each.redemptions)
    return load_redeemed(named)


def in_order_of_time(activity: Activity) -> tuple[datetime, int, UUID]:
    """Sort activities by when they occurred; an order comes before what happens to it at the same instant."""
    return activity.occurred_at, RANKS[type(activity)], activity.id


RANKS: dict[type, int] = {Purchase: 0, Happened: 1, GivenBack: 2, Interacted: 3}
