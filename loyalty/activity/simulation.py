"""
A past simulated: members live again by the same steps, under any rules, without a write.

Each member begins as it enrolled, and goes through its facts in the order of their time, advanced to each as it would be
live. What verbs did in fact (redemptions, adjustments, transfers) comes with it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.activity.arms import load_arms
from loyalty.activity.lived_facts import facts_of, members_joined
from loyalty.activity.merged_pasts import MergedPasts, load_merged
from loyalty.activity.past import Budgets, Observer, Past
from loyalty.activity.profiles import load_past
from loyalty.activity.versions import used_by
from loyalty.engine.activities import (
    OrderPlaced,
    OrderReturned,
)
from loyalty.engine.arms import NO_ARMS
from loyalty.engine.versions import Version, Versions
from loyalty.points.state import POINTS, RULES

CHUNK = 1_000
TOLD_EVERY = 5_000  # activities


def with_draft(versions: Versions, draft: Version, since: datetime) -> Versions:
    """Return a program's versions as they would be had a draft been in force from an instant on."""
    whole = versions.whole or versions
    kept = [(begins, each) for begins, each in zip(whole.starts, whole.versions, strict=True) if begins < since]
    starts, all_versions = zip(*kept, (since, draft), strict=True)
    drafted = Versions(versions.program_id, versions.slug, tuple(starts), tuple(all_versions), used_by(all_versions))
    return drafted.among(versions.experiments)


def shares_budget(versions: Versions) -> bool:
    """Tell whether what one member is given leaves less for others: all live side by side."""
    policies = (policy for each in versions.versions for policy in each.of(RULES).policies.values())
    return any(policy.limits.budget is not None for policy in policies)


def simulate(  # noqa: PLR0913 - under what, until when, whom, and who is told
    versions: Versions,
    *,
    until: datetime,
    observe: Observer,
    on_chunk: Callable[[int, int], bool] = lambda _members, _orders: True,
    members: Sequence[UUID] | None = None,
    as_told: bool = False,
) -> Iterator[Past]:
    """
    Let every member of a program live again until an instant; yield each past when it is over.

    Without budgets members do not touch each other, and come in chunks; with a budget all live side by side.

    :param observe: is told of every decision
    :param on_chunk: is told how many members and orders are done; the simulation ends when it says False
    :param members: only some memberships
    :param as_told: let each fact be decided when it was told, and be late as it was then; in the order of its time otherwise
    """
    shared = shares_budget(versions)
    budgets = Budgets()
    last, done, orders = UUID(int=0), 0, 0
    while joined := members_joined(versions.program_id, last, until, 10**9 if shared else CHUNK, members):
        last = joined[-1].membership_id
        activities = facts_of(versions, joined, until)
        returned = frozenset(each.order_id for each in activities if isinstance(each, OrderReturned))
        merged = load_merged(joined, until, as_told=as_told)
        arms = load_arms(versions, [each.customer_id for each in joined])
        profiles = load_past(versions, [each.customer_id for each in joined])
        stays = {each.customer_id: each.membership_id for each in joined}
        pasts = {
            each.membership_id: Past(
                each, versions.of_arms(arms.get(each.customer_id, NO_ARMS)), budgets, observe, returned,
                merged.lives.get(each.membership_id), is_looked_back_at=as_told,
            ).knowing(profiles.get(each.customer_id))
            for each in merged.who_lived(joined)
        }  # fmt: skip
        for merge in merged.merges.values():
            if merge.goes_over:
                pasts[merge.into].merge(pasts[merge.membership_id], merge.at)
        placed = merged.placed(activities, stays, until)
        for place, (at, key, activity) in enumerate(placed, start=1):
            pasts[key].replay(activity, at)
            orders += isinstance(activity, OrderPlaced)
            if place % TOLD_EVERY == 0 and not on_chunk(done + len(joined) * place // len(placed), orders):
                return
        _end_others(merged, pasts, until)
        for key in stays.values():
            pasts[key].advance_to(until)
            yield pasts[key]
        done += len(joined)
        if not on_chunk(done, orders):
            return


def _end_others(merged: MergedPasts, pasts: Mapping[UUID, Past], until: datetime) -> None:
    """Live those to their end whom nobody takes over, as they had left or are merged only later; who stays tells of them."""
    for merge in merged.merges.values():
        if not merge.goes_over:
            past = pasts[merge.membership_id]
            past.advance_to(until)
            pasts[merge.into].apart.append(past)


def points_of(pasts: Iterable[Past]) -> int:
    """Return how many points of the main wallet some members have open, with those who are one with them only later."""
    return sum(
        sum(lot.pending + lot.available + lot.held for lot in past.member.of(POINTS).main.lots) + points_of(past.apart)
        for past in pasts
    )
