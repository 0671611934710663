"""The one way of every change: load -> decide -> write. Read it top to bottom to know what an order causes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from loyalty.activity.decide import decide_order, decide_return
from loyalty.activity.loading import Loaded, Lots, load_decided, load_members, load_returned
from loyalty.activity.state import Activity, DecidedOrder, Decision, Effects, GivenBack, Member, Purchase
from loyalty.activity.writing import write


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
    Decide orders and returns of any customers, in the order of their time, and write what they cause.

    Each is decided once per program: what was decided before is left as it is. A return whose order was not decided
    has nothing to give back.

    :param are_new: that the caller recorded these orders in this transaction, so that nobody can have decided them
    """
    if not activities:
        return Batch()
    returns = [activity.return_id for activity in activities if isinstance(activity, GivenBack)]
    instants = [_counts_at(activity) for activity in activities]
    loaded = load_members(
        {activity.customer_id for activity in activities},
        earliest=min(instants),
        latest=max(instants),
        lots=Lots.ALL if returns else None,
    )
    decided = {} if are_new else load_decided({activity.order_id for activity in activities})
    returned = load_returned(returns) if returns else set()
    batch, after = _decide(activities, loaded, decided, returned)
    write(batch.effects, before=loaded.members, after=after, now=now)
    return batch


def _decide(
    activities: Sequence[Activity],
    loaded: Loaded,
    decided: dict[tuple[UUID, int], DecidedOrder],
    returned: set[tuple[UUID, int]],
) -> tuple[Batch, dict[int, Member]]:
    members = dict(loaded.members)
    batch = Batch()
    for activity in sorted(activities, key=in_order_of_time):
        for wallet in loaded.wallets_of.get(activity.customer_id, ()):
            if (own_id(activity), members[wallet].program_id) in returned:
                continue
            decision = _decide_one(activity, members[wallet], loaded, decided)
            if decision is None:
                continue
            members[wallet] = decision.member
            if decision.effects.order is not None:
                decided[decision.effects.order.order_id, decision.effects.order.program_id] = decision.effects.order
            batch.add(own_id(activity), decision.effects)
    return batch, members


def _decide_one(
    activity: Activity, member: Member, loaded: Loaded, decided: dict[tuple[UUID, int], DecidedOrder]
) -> Decision | None:
    timeline = loaded.timelines[member.program_id]
    earlier = decided.get((activity.order_id, member.program_id))
    if isinstance(activity, Purchase):
        return None if earlier else decide_order(member, activity, timeline.at(activity.occurred_at))
    return decide_return(member, activity, earlier, timeline.version(earlier.version_id)) if earlier else None


def in_order_of_time(activity: Activity) -> tuple[datetime, bool, UUID]:
    """Sort activities by when they occurred; an order comes before a return of the same instant."""
    return activity.occurred_at, isinstance(activity, GivenBack), own_id(activity)


def own_id(activity: Activity) -> UUID:
    """Return the id of the order or of the return that an activity is."""
    return activity.order_id if isinstance(activity, Purchase) else activity.return_id


def _counts_at(activity: Activity) -> datetime:
    """Return the instant on whose day an activity counts towards tiers: a return counts on its order's."""
    return activity.occurred_at if isinstance(activity, Purchase) else activity.ordered_at
