"""A return, or a correction, leaves the tier that there would be without what came back. Pure."""

from dataclasses import replace
from datetime import timedelta

from customers.core.calendar import local_date, midnight
from loyalty.engine.activities import OrderReturned
from loyalty.engine.decision import Decision
from loyalty.tiers.past import TierPast
from loyalty.tiers.rules import fall, rise
from loyalty.tiers.state import SCHEME, TIERS, TierState
from loyalty.tiers.steps.by_balance import undo_by_balance
from loyalty.tiers.steps.causes import UNDOING
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import counts_of, joined_on, standing_of, today_of
from loyalty.tiers.steps.gifts import take_gifts, undone_gifts
from loyalty.tiers.steps.replaying import as_before, day_of_start, entries_kept, past_of


def undo_entries(decision: Decision) -> Decision:
    """
    Leave a member after a return, or a correction, with the tier that it would have without what came back.

    The gifts of entries that are undone go with them, by the wallet's own policy.
    """
    activity = decision.activity
    if not decision.member.has(TIERS) or not isinstance(activity, OrderReturned):
        return decision
    scheme = decision.rules.of(SCHEME)
    if any(version.of(SCHEME).counts_balance for version in decision.versions.versions):
        return undo_by_balance(decision, activity, scheme)
    under = decision.then(version=decision.versions.at(max(decision.at, decision.now)))
    scheme, had = under.rules.of(SCHEME), standing_of(under)
    before = as_before(under)
    how = day_of_start(under, before)
    was = past_of(under, before, how)
    if was.standing.key != had.key:  # it came to its tier by another way than its days
        down = fall if scheme.downgrade == "at_once" else rise
        counts = counts_of(under, scheme)
        standing = down(had, scheme, counts, today_of(under), joined_on(under.member, under.rules))
        return bring_to(under, standing).then(version=decision.version)
    past = past_of(under, under.member, how)
    if was.standing != had and (past.standing, past.moved_on) == (was.standing, was.moved_on):
        # It has its tier since, or until, another day than its days say, as a merge leaves it: what came back changed neither.
        return take_gifts(under, undone_gifts(under, past.tenures, how)).then(version=decision.version)
    known = entries_kept(under, past)
    moved = take_gifts(bring_to(under, past.standing, known=known), undone_gifts(under, past.tenures, how))
    came = past.moved_on != was.moved_on
    return _as_since_before(moved, under.member.of(TIERS), past, came_otherwise=came).then(version=decision.version)


def _as_since_before(decision: Decision, had: TierState, past: TierPast, *, came_otherwise: bool) -> Decision:
    """
    Let a member have its tier since it would have had it without what came back.

    :param past: what it would have come to
    :param came_otherwise: whether it would have come to its tier on another day than with it
    """
    state, scheme, zone = decision.member.of(TIERS), decision.rules.of(SCHEME), decision.rules.zone
    rank, moved_on = scheme.rank(state.key), past.moved_on
    entries = [
        change.at
        for change in had.changes
        if (change.to_key == state.key or scheme.rank(change.from_key) < rank <= scheme.rank(change.to_key))
        and local_date(change.at, zone) == moved_on
        and not change.cause.startswith(UNDOING)
    ]
    first = had.changes[0].from_key if had.changes else had.key
    since = state.since
    if state.key is None:
        since = None
    elif entries:
        since = entries[-1]
    elif first == state.key and moved_on == joined_on(decision.member, decision.rules):
        since = decision.member.enrolled_at
    elif since is not None and came_otherwise and moved_on > local_date(since, zone):
        # What came back had lifted it away from what would have held it longer, or lifted it before others would have: at which
        # hour of the day days do not tell.
        since = midnight(moved_on, zone)
    elif since is not None and moved_on < local_date(since, zone) + timedelta(days=past.by_night):
        # Where what came back kept it above, no change says when it would have come down: that is a matter of the night, and
        # may have been that of the same day.
        came = max(midnight(moved_on, zone), decision.member.enrolled_at)
        since = came if scheme.rank(had.key_at(came)) > rank else since
    return decision.then(member=decision.member.having(TIERS, replace(state, since=since)))
