"""The same where a balance counts, of which days tell nothing. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from loyalty.engine.activities import OrderCorrected, OrderReturned
from loyalty.engine.decision import Decision
from loyalty.points.state import OpenLot
from loyalty.tiers.rules import Counts, Standing, TierScheme, end_period, entered, fall, rise
from loyalty.tiers.state import TIERS, TierEntry
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import counts_of, joined_on, standing_of, sums_of, today_of
from loyalty.tiers.steps.gifts import all_tiers, place_of, take_gifts, tenure_of, untaken_gifts


def undo_by_balance(decision: Decision, activity: OrderReturned, scheme: TierScheme) -> Decision:
    """
    Where a balance counts, days do not tell the past: what goes is what the order's own rise had led to.

    That is the tiers that its points, and the gifts of the tiers to which they led, still hold up without them. A member
    has the tier then that it had before the order, protected as it was, or a higher one that the rest reaches.
    """
    had, counts = standing_of(decision), counts_of(decision, scheme)
    joined, on = joined_on(decision.member, decision.rules), today_of(decision)
    if isinstance(activity, OrderCorrected):  # which may give as well as take
        risen = rise(had, scheme, counts, on, joined)
        if scheme.rank(risen.key) > scheme.rank(had.key):
            return bring_to(decision, risen)
    changes = decision.member.of(TIERS).changes
    own = next((place for place, each in enumerate(changes) if _is_rise_by(scheme, each, activity.order_id)), None)
    if own is None:
        return _fallen_by_balance(take_gifts(decision, _gifts_that_came(decision, scheme, activity)), scheme, had)
    undone = _gifts_without(decision, scheme, changes[own:], activity.order_id)
    without = take_gifts(decision, undone)
    standing = _standing_before(without, scheme, changes[own])
    if scheme.rank(standing.key) >= scheme.rank(had.key):
        return _fallen_by_balance(without, scheme, had)
    moved = take_gifts(bring_to(decision, standing), undone)
    return _since_before(moved, changes[: own + 1])


def _fallen_by_balance(decision: Decision, scheme: TierScheme, had: Standing) -> Decision:
    """Let a member down, or let its grace begin, where it has less than its tier asks for."""
    current, counts = scheme.tier(had.key), counts_of(decision, scheme)
    if current is None or scheme.is_earned(current.key, counts):
        return decision
    joined, on = joined_on(decision.member, decision.rules), today_of(decision)
    if scheme.downgrade == "at_once":
        return bring_to(decision, entered(scheme, scheme.landing(current, scheme.earned(counts)), on, joined))
    return bring_to(decision, rise(had, scheme, counts, on, joined))


def _is_rise_by(scheme: TierScheme, change: TierEntry, order_id: UUID) -> bool:
    return change.is_by(order_id) and scheme.rank(change.to_key) > scheme.rank(change.from_key)


def _gifts_without(
    decision: Decision, scheme: TierScheme, changes: Sequence[TierEntry], order_id: UUID
) -> list[OpenLot]:
    """
    Return the gifts of entries since an order's own rise that there would not have been without it.

    Of tiers that are left those that the order's own rises gave; of the others those whose tier is not reached without them.
    """
    instants = {change.at for change in changes}
    tenures = [
        (lot, tenure)
        for lot in untaken_gifts(decision)
        if lot.earned_at in instants
        if (tenure := tenure_of(decision, lot, changes)) is not None
    ]
    own = {change.at for change in changes if _is_rise_by(scheme, change, order_id)}
    gone = [lot for lot, tenure in tenures if tenure.until is not None and lot.earned_at in own]
    doubtful = [lot for lot, tenure in tenures if tenure.until is None]
    while True:
        undone = [*gone, *doubtful]
        counts = counts_of(take_gifts(decision, undone), scheme)
        left = [lot for lot in doubtful if not _is_reached_by(decision, lot, counts)]
        if len(left) == len(doubtful):
            return undone
        doubtful = left


def _is_reached_by(decision: Decision, gift: OpenLot, counts: Counts) -> bool:
    """Tell whether what counts reaches the tier that gave a gift, or a higher one."""
    place = place_of(decision, gift)
    assert place is not None, "it has a tenure"
    earned = place.scheme.earned(counts)
    return place.scheme.rank(earned.key if earned else None) >= place.rank


def _gifts_that_came(decision: Decision, scheme: TierScheme, activity: OrderReturned) -> list[OpenLot]:
    """
    Return the gifts to which an order had led a member who was taken over since, and that its return undoes.

    They stay where the rest reaches their tier once for each gift of it that there is.
    """
    undone: list[OpenLot] = []
    gifts = untaken_gifts(decision)
    for changes in decision.member.of(TIERS).taken_over:
        own = next((place for place, each in enumerate(changes) if _is_rise_by(scheme, each, activity.order_id)), None)
        instants = {change.at for change in changes[own:]} if own is not None else set()
        for lot in gifts:
            if lot.from_lot is None or lot.earned_at not in instants:
                continue
            key = next((tier.key for tier in all_tiers(decision) if tier.code == lot.gift), None)
            there = sum(each.gift == lot.gift and each not in undone for each in gifts)
            counts = counts_of(take_gifts(decision, [*undone, lot]), scheme)
            earned = scheme.times(there).earned(counts)
            if scheme.rank(earned.key if earned else None) < scheme.rank(key):
                undone.append(lot)
    return undone


def _standing_before(decision: Decision, scheme: TierScheme, change: TierEntry) -> Standing:
    """Return the standing from which a change had led away, by what counts and what time has done since."""
    counts = counts_of(decision, scheme)
    joined, on = joined_on(decision.member, decision.rules), today_of(decision)
    if scheme.downgrade == "at_once":
        return entered(scheme, scheme.earned(counts), on, joined)
    standing = fall(Standing(change.from_key, change.protected_until), scheme, counts, on, joined)
    return end_period(standing, scheme, sums_of(decision.member, decision.rules), on)


def _since_before(decision: Decision, changes: Sequence[TierEntry]) -> Decision:
    """Let a member that is back on the tier before the last of some changes have it since it came to it."""
    state, (*earlier, last) = decision.member.of(TIERS), changes
    if state.key != last.from_key:
        return decision
    since = earlier[-1].at if earlier else decision.member.enrolled_at
    return decision.then(member=decision.member.having(TIERS, replace(state, since=since if state.key else None)))
