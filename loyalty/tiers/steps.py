"""
What happens to a member's tier, step by step: benefits, up at once, down in the night, back after a return. Pure.

A fact that is reported late is counted on its own day, and the tier is then the one that it would be had the fact been
reported in time; what a return leaves is the tier that there would be without what came back.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from customers.core.calendar import day_before, local_date, midnight, stamp
from loyalty.engine.activities import (
    BirthDateTold,
    Enrolled,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
    TakenOver,
    TimePassed,
    VersionStarted,
)
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision, Told
from loyalty.engine.member import Member
from loyalty.engine.versions import Version, Versions
from loyalty.points.clawback import claw_back_own
from loyalty.points.state import MAIN, POINTS, RULES, Day, DayCounted, OpenLot, WalletState
from loyalty.points.steps.earning import give_points
from loyalty.points.steps.entries import Cause, settle_for_gifts, wallet_in
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.returning import take_or_owe
from loyalty.tiers.rules import (
    Counted,
    Counts,
    DayOfStart,
    Hold,
    LivedAgain,
    SchemeFrom,
    Standing,
    TierRule,
    TierScheme,
    counts_on,
    end_period,
    entered,
    fall,
    next_change,
    past_by,
    rise,
    start,
)
from loyalty.tiers.state import SCHEME, TIERS, TierChanged, TierEntry, TierState


def benefits(decision: Decision) -> Decision:
    """Let the tier that the member had at the time multiply what is earned, and let it live longer."""
    if not decision.member.has(TIERS):
        return decision
    activity = decision.activity
    if isinstance(activity, OrderCorrected) and (activity.is_withdrawn or not activity.is_moved):
        return decision  # the tier on which an order was decided stays with it
    state, at = decision.member.of(TIERS), decision.occasion.at
    key = _key_without(decision, activity) if isinstance(activity, OrderCorrected) else state.key_at(at)
    tier = decision.rules.of(SCHEME).tier(key)
    if tier is None:
        return decision
    had = decision.occasion
    multiplier, extra_months = had.multiplier * tier.multiplier, had.extra_months + tier.extra_months
    return decision.then(occasion=Occasion(had.at, had.zone, multiplier, had.is_first, tier.code, extra_months))


def _key_without(decision: Decision, activity: OrderCorrected) -> UUID | None:
    """
    Return the tier that a member had at an order's new instant without what the order had counted on its old day.

    Days tell it, but not what happened first within one day, nor what came by another way: there the changes do.
    """
    under = decision.then(version=decision.versions.at(max(decision.at, decision.now)))
    scheme, state, at = under.rules.of(SCHEME), under.member.of(TIERS), decision.occasion.at
    told = state.key_without(activity.order_id, at)
    if any(version.of(SCHEME).counts_balance for version in decision.versions.versions):
        return told
    before = _as_before(under)
    how = _day_of_start(under, before)
    if _past_by(under, before, how).standing.key != state.key:
        return told
    on = local_date(at, under.rules.zone)
    began, ended = (_key_on(under, on, how, is_over=is_over) for is_over in (False, True))
    return ended if scheme.rank(told) >= scheme.rank(ended) else began


def _key_on(decision: Decision, on: date, how: DayOfStart, *, is_over: bool) -> UUID | None:
    """Return the tier to which a member's days lead as a day begins, or when it is over."""
    counted = _counted(decision.member, decision.rules, until=on if is_over else day_before(on))
    return past_by(_schemes(decision), counted, on, day_of_start=how).standing.key


def enter(decision: Decision) -> Decision:
    """Give a new member the tier that everybody has, with its gift."""
    assert isinstance(decision.activity, Enrolled), "members enter as they enrol"
    if not decision.member.has(TIERS):
        return decision
    scheme, joined = decision.rules.of(SCHEME), decision.on
    counts = counts_on(scheme, (), (), on=joined, joined=joined)
    first = scheme.earned(counts)
    if first is None:
        return decision
    standing = entered(scheme, first, joined, joined)
    state = TierState(first.id, first.key, decision.at, standing.protected_until)
    decision = decision.then(member=decision.member.having(TIERS, state))
    for tier in scheme.passed(None, first):
        decision = _gift(decision, tier, f"enrolled:{stamp(decision.at)}")
    return decision


def assess(decision: Decision) -> Decision:
    """Put a member on the tier that it has earned: up at once; down in a night, as the program lets members down."""
    if not decision.member.has(TIERS):
        return decision
    activity, scheme = decision.activity, decision.rules.of(SCHEME)
    joined = joined_on(decision.member, decision.rules)
    if isinstance(activity, TimePassed):
        if _has_fallen(decision):
            return _moved(decision, rise(_standing(decision), scheme, _counts(decision, scheme), activity.on, joined))
        counts = _counted(decision.member, decision.rules).at_midnight(scheme, activity.on)
        return _moved(decision, fall(_standing(decision), scheme, counts, activity.on, joined))
    if _is_late(decision) and not scheme.counts_balance:
        return _catch_up(decision)
    counts = _counts(decision, scheme)
    return _moved(decision, rise(_standing(decision), scheme, counts, _today(decision), joined))


def note_disqualified(decision: Decision) -> Decision:
    """Let a grace begin on the day on which a member spends what its tier counts; up is a matter of the night."""
    if not decision.member.has(TIERS) or not decision.rules.of(SCHEME).counts_balance:
        return decision
    scheme, had = decision.rules.of(SCHEME), _standing(decision)
    standing = rise(had, scheme, _counts(decision, scheme), decision.on, joined_on(decision.member, decision.rules))
    return decision if standing.key != had.key else _moved(decision, standing)


def lose(decision: Decision) -> Decision:
    """Take the tier of a member that leaves; what its gifts are short of ends with what it owed."""
    if not decision.member.has(TIERS):
        return decision
    state = replace(decision.member.of(TIERS), gifts_missing=0)
    return _moved(decision.then(member=decision.member.having(TIERS, state)), Standing())


def take_over(decision: Decision) -> Decision:
    """Let a member have the higher one of its tier and of the one that it takes over, then what both together earn."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    if not decision.member.has(TIERS):
        return decision
    scheme, mine, theirs = decision.rules.of(SCHEME), decision.member.of(TIERS), activity.other.of(TIERS)
    ranks = scheme.rank(mine.key), scheme.rank(theirs.key)
    is_theirs = ranks[1] > ranks[0] or (ranks[0] == ranks[1] and _is_safer(theirs.standing, mine.standing))
    joined = joined_on(decision.member, decision.rules)
    had = theirs.standing if is_theirs else mine.standing
    standing = rise(had, scheme, _counts(decision, scheme), _today(decision), joined)
    known = frozenset(tier.key for tier in scheme.tiers[: max(ranks) + 1])
    moved = _moved(decision, standing, known=known)
    state = moved.member.of(TIERS)
    since = theirs.since if is_theirs and state.key == theirs.key and state.key != mine.key else state.since
    state = replace(state, since=since, gifts_missing=state.gifts_missing + theirs.gifts_missing)
    return moved.then(member=moved.member.having(TIERS, state))


def rise_now(decision: Decision) -> Decision:
    """Let a member rise by what the day itself gave."""
    if not decision.member.has(TIERS) or not any(isinstance(effect, DayCounted) for effect in decision.effects):
        return decision
    scheme, joined = decision.rules.of(SCHEME), joined_on(decision.member, decision.rules)
    return _moved(decision, rise(_standing(decision), scheme, _counts(decision, scheme), decision.on, joined))


def end_periods(decision: Decision) -> Decision:
    """Let a member whose period is over keep its tier for another one, or lose it."""
    activity = decision.activity
    if not decision.member.has(TIERS) or not isinstance(activity, TimePassed):
        return decision
    counted = _counted(decision.member, decision.rules)
    return _moved(decision, end_period(_standing(decision), decision.rules.of(SCHEME), counted, activity.on))


def restart(decision: Decision) -> Decision:
    """Assess a member under a version that comes into force: once, up and down, from its own instant."""
    activity = decision.activity
    if not decision.member.has(TIERS) or not isinstance(activity, VersionStarted):
        return decision
    version, scheme = decision.rules, decision.rules.of(SCHEME)
    earlier = _before(decision.versions, version)
    before = earlier.of(SCHEME) if earlier else None
    counted = _counted(decision.member, version)
    on = decision.on
    is_midnight = midnight(on, version.zone) == decision.at
    counts = (counted.at_midnight if is_midnight else counted.on)(scheme, on)
    had = _standing(decision)
    standing = start(had, before, scheme, counts, on, counted.joined)
    known = _entered_before(before, had.key)
    return _moved(decision, standing, known=known)


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
        return _undo_by_balance(decision, activity, scheme)
    under = decision.then(version=decision.versions.at(max(decision.at, decision.now)))
    scheme, had = under.rules.of(SCHEME), _standing(under)
    before = _as_before(under)
    how = _day_of_start(under, before)
    if _past_by(under, before, how).standing.key != had.key:  # it came to its tier by another way than its days
        down = fall if scheme.downgrade == "at_once" else rise
        counts = _counts(under, scheme)
        standing = down(had, scheme, counts, _today(under), joined_on(under.member, under.rules))
        return _moved(under, standing).then(version=decision.version)
    past = _past_by(under, under.member, how)
    moved = _take_gifts(_moved(under, past.standing), _undone_gifts(under, past.holds))
    return _as_since_before(moved, under.member.of(TIERS), past.moved_on).then(version=decision.version)


def _day_of_start(decision: Decision, before: Member) -> DayOfStart:
    """
    Return in which order a version's start and the rest of its day came, as the member's own tiers tell.

    Say silver asks for 60, and for 120 from 10:00 on. Who has spent 60 that day and is silver did so before ten.
    """
    if not any(scheme.since_joining and not scheme.at_midnight for scheme in _schemes(decision)):
        return DayOfStart.WITH_IT
    zone = decision.rules.zone
    changes = tuple((change.to_key, local_date(change.at, zone)) for change in decision.member.of(TIERS).changes)
    pasts = {how: _past_by(decision, before, how) for how in DayOfStart}
    told = (
        *(how for how, past in pasts.items() if past.moves == changes),
        *(how for how, past in pasts.items() if _tells_of(decision, past)),
        *(how for how, past in pasts.items() if past.standing == _standing(decision)),
    )
    return next(iter(told), DayOfStart.WITH_IT)


def _tells_of(decision: Decision, past: LivedAgain) -> bool:
    """Tell whether a past is the one that the member had: it came to its tier on the day on which it did."""
    state, zone = decision.member.of(TIERS), decision.rules.zone
    moved_on = local_date(state.changes[-1].at, zone) if state.changes else joined_on(decision.member, decision.rules)
    return past.standing.key == state.key and past.moved_on == moved_on


def _past_by(decision: Decision, member: Member, how: DayOfStart) -> LivedAgain:
    """Return what a member's days alone come to, as if each had been reported in time; see `past_by`."""
    counted = _counted(member, decision.rules)
    return past_by(_schemes(decision), counted, _today(decision), day_of_start=how)


def _undone_gifts(decision: Decision, holds: Sequence[Hold]) -> list[OpenLot]:
    """
    Return the gifts of entries that there would not have been, by the times at which the member would have had tiers.

    An entry is the same one where its tier would have been held at one time with it, though it was entered on another day.
    Where another member was taken over, days tell of both as of one: an entry of that one may be the same as one of this one.
    """
    wallet = wallet_in(decision, MAIN)
    taken = {lot_id for entry in wallet.debt_entries for lot_id in entry.gift_lots}
    gifts = [lot for lot in wallet.lots if lot.gift and lot.id not in taken]
    if not gifts:
        return []
    free, undone = list(holds), []
    for lot in sorted(gifts, key=lambda lot: lot.earned_at):
        changes = _changes_with(decision.member.of(TIERS), lot)
        hold = _hold_of(decision, lot, changes) if changes else None
        if hold is None:
            continue
        is_own = changes == decision.member.of(TIERS).changes
        same = next((each for each in (free if is_own else holds) if each.key == hold.key and each.meets(hold)), None)
        if same is None:
            undone.append(lot)
        elif is_own:
            free.remove(same)
    return undone


def _changes_with(state: TierState, lot: OpenLot) -> tuple[TierEntry, ...]:
    """
    Return the changes of which one gave a gift; none where unknown.

    Of a gift that came with a member who was taken over: that member's changes until then, and what followed.
    """
    for changes in state.taken_over if lot.from_lot is not None else ():
        *before, end = changes
        if any(change.at == lot.earned_at for change in before):
            return (*before, *(change for change in state.changes if change.at >= end.at))
    return state.changes if any(change.at == lot.earned_at for change in state.changes) else ()


def _hold_of(decision: Decision, lot: OpenLot, changes: Sequence[TierEntry]) -> Hold | None:
    """Return when a member had the tier whose entry gave a gift, by changes of which one gave it; None for no such tier."""
    scheme, zone = decision.rules.of(SCHEME), decision.rules.zone
    key = next((tier.key for tier in _all_tiers(decision) if tier.code == lot.gift and scheme.tier(tier.key)), None)
    if key is None:
        return None
    rank = scheme.rank(key)
    # By their order: a tier may be lost at the very instant at which it was entered.
    entered_by = next(place for place, change in enumerate(changes) if change.at == lot.earned_at)
    later = changes[entered_by + 1 :]
    left = next((change.at for change in later if scheme.rank(change.to_key) < rank), None)
    return Hold(key, local_date(lot.earned_at, zone), local_date(left, zone) if left else None)


def _all_tiers(decision: Decision) -> list[TierRule]:
    return [tier for version in decision.versions.versions for tier in version.of(SCHEME).tiers]


def _as_since_before(decision: Decision, had: TierState, moved_on: date) -> Decision:
    """
    Let a member have its tier since it would have had it without what came back.

    :param moved_on: the day on which it would have come to it
    """
    state, scheme, zone = decision.member.of(TIERS), decision.rules.of(SCHEME), decision.rules.zone
    rank = scheme.rank(state.key)
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
    return decision.then(member=decision.member.having(TIERS, replace(state, since=since)))


def _as_before(decision: Decision) -> Member:
    """Return the member with its days as they were before the decision."""
    points = decision.member.of(POINTS)
    for effect in decision.effects:
        if isinstance(effect, DayCounted):
            points = points.having(points.wallet_of(effect.wallet_id).with_day(effect.day.negative))
    return decision.member.having(POINTS, points)


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return the next midnight that changes a member's tier if nothing happens."""
    if not member.has(TIERS):
        return None
    if before is not None and before.has(TIERS) and not _may_change_sooner(member, before, versions, now):
        return None
    version = versions.at(now)
    if version is None:
        return None
    scheme = version.of(SCHEME)
    day = next_change(member.of(TIERS).standing, scheme, _counted(member, version), local_date(now, version.zone))
    return midnight(day, version.zone) if day else None


def _may_change_sooner(member: Member, before: Member, versions: Versions, now: datetime) -> bool:
    """Tell whether what happened can bring a change forward: what only adds to a tier that stays cannot."""
    if member.of(TIERS) is not before.of(TIERS) and member.of(TIERS).standing != before.of(TIERS).standing:
        return True
    pairs = zip(member.of(POINTS).wallets, before.of(POINTS).wallets, strict=True)
    version = versions.at(now)
    if version is not None and version.of(SCHEME).counts_balance:
        return any(after.balance != old.balance for after, old in pairs)
    return any(_counts_less(after, old) for after, old in pairs if after.days is not old.days)


def _counts_less(after: WalletState, old: WalletState) -> bool:
    if after.days[:-1] == old.days:  # one more day, as with nearly every order
        return False
    known = {day.on: day for day in old.days}
    return any(
        day.spend < was.spend or day.points < was.points or day.orders < was.orders
        for day in after.days
        if (was := known.get(day.on)) is not None and was is not day
    )


def joined_on(member: Member, version: Version) -> date:
    """Return the day of the program's zone on which a member joined."""
    return local_date(member.enrolled_at, version.zone)


def _today(decision: Decision) -> date:
    """Return the later of the days on which it happened, and on which it is decided."""
    return local_date(max(decision.at, decision.now), decision.rules.zone)


def _standing(decision: Decision) -> Standing:
    return decision.member.of(TIERS).standing


def _counted(member: Member, version: Version, *, until: date = date.max) -> Counted:
    points, scheme = member.of(POINTS), version.of(SCHEME)
    main = points.main
    wallet = main if scheme.wallet == MAIN else points.wallet(scheme.wallet)
    days = _until(until, main.days)
    others = days if wallet is main else _until(until, wallet.days)
    return Counted(days, others, joined=joined_on(member, version), balance=wallet.balance)


def _until(last: date, days: Sequence[Day]) -> Sequence[Day]:
    """Return days up to a last one."""
    return days if last == date.max else [day for day in days if day.on <= last]


def _counts(decision: Decision, scheme: TierScheme) -> Counts:
    points = decision.member.of(POINTS)
    main = points.main
    wallet = main if scheme.wallet == MAIN else points.wallet(scheme.wallet)
    joined = joined_on(decision.member, decision.rules)
    return counts_on(scheme, main.days, wallet.days, on=_today(decision), joined=joined, balance=wallet.balance)


def _is_late(decision: Decision) -> bool:
    """Tell whether a midnight or the start of a version lies between a fact and its report."""
    zone = decision.rules.zone
    starts = decision.versions.start_after(decision.at)
    crossed = starts is not None and starts <= decision.now
    return crossed or local_date(decision.at, zone) < local_date(decision.now, zone)


def _catch_up(decision: Decision) -> Decision:
    """Put a member where it would be had a late fact been reported in time."""
    under = decision.then(version=decision.versions.at(decision.now), at=decision.now)
    scheme = under.rules.of(SCHEME)
    if scheme.downgrade == "at_once" and not scheme.soft_landing:  # such a tier has no past: today's window says all
        standing = _risen(under)
    else:
        standing = _standing_by_days(under, is_before_start=_is_before_start_of_its_day(decision))
    return _moved(under, standing).then(version=decision.version, at=decision.at)


def _risen(decision: Decision) -> Standing:
    """Return the standing that a member has by what counts today, as far as it is higher."""
    joined = joined_on(decision.member, decision.rules)
    scheme = decision.rules.of(SCHEME)
    return rise(_standing(decision), scheme, _counts(decision, scheme), _today(decision), joined)


def _standing_by_days(decision: Decision, *, is_before_start: bool) -> Standing:
    """
    Return the standing by a member's days with a late fact.

    Who came to its tier by its days stands by them again: so it makes no difference in which order they are told. Who came
    to it by another way, such as a merge, is put higher by what the fact has changed, and never lower.

    :param is_before_start: that the fact came before a version that began in the course of its day
    """
    scheme, had = decision.rules.of(SCHEME), _standing(decision)
    before = _as_before(decision)
    known = _day_of_start(decision, before)
    how = DayOfStart.BEFORE_IT if is_before_start else known
    was = _past_by(decision, before, known).standing
    after = _past_by(decision, decision.member, how).standing
    if had == was:
        return after
    unchanged = was if how is known else _past_by(decision, before, how).standing
    standing = _risen(decision) if after == unchanged else after
    ranks = scheme.rank(had.key), scheme.rank(standing.key)
    is_higher = ranks[1] > ranks[0] or (ranks[1] == ranks[0] and _is_safer(standing, had))
    return standing if is_higher else had


def _is_safer(standing: Standing, than: Standing) -> bool:
    """Tell whether the same tier is protected for longer: no grace is better than one, a later day than an earlier one."""
    if standing.protected_until is None or than.protected_until is None:
        return standing.protected_until is None and than.protected_until is not None
    return standing.protected_until > than.protected_until


def _is_before_start_of_its_day(decision: Decision) -> bool:
    """Tell whether a version began on the day of a fact, but after it."""
    start, zone = decision.versions.start_after(decision.at), decision.rules.zone
    return start is not None and local_date(start, zone) == local_date(decision.at, zone)


def _schemes(decision: Decision) -> list[SchemeFrom]:
    """Return the schemes that have come into force by now."""
    zone, until = decision.rules.zone, max(decision.at, decision.now)
    begun = [
        pair for pair in zip(decision.versions.starts, decision.versions.versions, strict=True) if pair[0] <= until
    ]
    joined = decision.member.enrolled_at
    days = [(local_date(begins, zone), begins, each) for begins, each in begun]
    return [SchemeFrom(on, midnight(on, zone) == begins, each.of(SCHEME), begins > joined) for on, begins, each in days]


def _undo_by_balance(decision: Decision, activity: OrderReturned, scheme: TierScheme) -> Decision:
    """
    Where a balance counts, days do not tell the past: what goes is what the order's own rise had led to.

    That is the tiers that its points, and the gifts of the tiers to which they led, still hold up without them. A member
    has the tier then that it had before the order, protected as it was, or a higher one that the rest reaches.
    """
    had, counts = _standing(decision), _counts(decision, scheme)
    joined, on = joined_on(decision.member, decision.rules), _today(decision)
    if isinstance(activity, OrderCorrected):  # which may give as well as take
        risen = rise(had, scheme, counts, on, joined)
        if scheme.rank(risen.key) > scheme.rank(had.key):
            return _moved(decision, risen)
    changes = decision.member.of(TIERS).changes
    own = next((place for place, each in enumerate(changes) if _is_rise_by(scheme, each, activity.order_id)), None)
    if own is None:
        return _fallen_by_balance(decision, scheme, had)
    undone = _gifts_without(decision, scheme, changes[own:], activity.order_id)
    without = _take_gifts(decision, undone)
    standing = _standing_before(without, scheme, changes[own])
    if scheme.rank(standing.key) >= scheme.rank(had.key):
        return _fallen_by_balance(without, scheme, had)
    moved = _take_gifts(_moved(decision, standing), undone)
    return _since_before(moved, changes[: own + 1])


def _fallen_by_balance(decision: Decision, scheme: TierScheme, had: Standing) -> Decision:
    """Let a member down, or let its grace begin, where it has less than its tier asks for."""
    current, counts = scheme.tier(had.key), _counts(decision, scheme)
    if current is None or scheme.is_earned(current.key, counts):
        return decision
    joined, on = joined_on(decision.member, decision.rules), _today(decision)
    if scheme.downgrade == "at_once":
        return _moved(decision, entered(scheme, scheme.landing(current, scheme.earned(counts)), on, joined))
    return _moved(decision, rise(had, scheme, counts, on, joined))


def _is_rise_by(scheme: TierScheme, change: TierEntry, order_id: UUID) -> bool:
    return change.is_by(order_id) and scheme.rank(change.to_key) > scheme.rank(change.from_key)


def _gifts_without(
    decision: Decision, scheme: TierScheme, changes: Sequence[TierEntry], order_id: UUID
) -> list[OpenLot]:
    """
    Return the gifts of entries since an order's own rise that there would not have been without it.

    Of tiers that are left those that the order's own rises gave; of the others those whose tier is not reached without them.
    """
    wallet, instants = wallet_in(decision, MAIN), {change.at for change in changes}
    taken = {lot_id for entry in wallet.debt_entries for lot_id in entry.gift_lots}
    holds = [
        (lot, hold)
        for lot in wallet.lots
        if lot.gift and lot.id not in taken and lot.earned_at in instants
        if (hold := _hold_of(decision, lot, changes)) is not None
    ]
    own = {change.at for change in changes if _is_rise_by(scheme, change, order_id)}
    gone = [lot for lot, hold in holds if hold.until is not None and lot.earned_at in own]
    doubtful = [(lot, scheme.rank(hold.key)) for lot, hold in holds if hold.until is None]
    while True:
        undone = [*gone, *(lot for lot, _ in doubtful)]
        earned = scheme.earned(_counts(_take_gifts(decision, undone), scheme))
        left = [(lot, rank) for lot, rank in doubtful if rank > scheme.rank(earned.key if earned else None)]
        if len(left) == len(doubtful):
            return undone
        doubtful = left


def _standing_before(decision: Decision, scheme: TierScheme, change: TierEntry) -> Standing:
    """Return the standing from which a change had led away, by what counts and what time has done since."""
    counts = _counts(decision, scheme)
    joined, on = joined_on(decision.member, decision.rules), _today(decision)
    if scheme.downgrade == "at_once":
        return entered(scheme, scheme.earned(counts), on, joined)
    standing = fall(Standing(change.from_key, change.protected_until), scheme, counts, on, joined)
    return end_period(standing, scheme, _counted(decision.member, decision.rules), on)


def _since_before(decision: Decision, changes: Sequence[TierEntry]) -> Decision:
    """Let a member that is back on the tier before the last of some changes have it since it came to it."""
    state, (*earlier, last) = decision.member.of(TIERS), changes
    if state.key != last.from_key:
        return decision
    since = earlier[-1].at if earlier else decision.member.enrolled_at
    return decision.then(member=decision.member.having(TIERS, replace(state, since=since if state.key else None)))


def _moved(decision: Decision, standing: Standing, *, known: frozenset[UUID] = frozenset()) -> Decision:
    """
    Bring a member to another standing, with the change, its event and the gifts of the tiers that it enters.

    :param known: tiers that it had before: entering them gives nothing
    """
    state, scheme = decision.member.of(TIERS), decision.rules.of(SCHEME)
    tier = scheme.tier(standing.key)
    if standing.key == state.key:
        tier_id = tier.id if tier else state.tier_id
        if standing == state.standing and tier_id == state.tier_id:
            return decision
        after = replace(state, tier_id=tier_id, protected_until=standing.protected_until)
        return decision.then(member=decision.member.having(TIERS, after))
    at = max(decision.at, state.since or decision.at, state.changed_at or decision.at)
    cause = cause_of(decision)
    after = replace(
        state,
        tier_id=tier.id if tier else None,
        key=standing.key,
        since=at,
        changed_at=at,
        protected_until=standing.protected_until,
        changes=(*state.changes, TierEntry(at, state.key, standing.key, cause, state.protected_until)),
    )
    changed = TierChanged(
        decision.member.retailer_id,
        decision.member.membership_id,
        state.tier_id,
        after.tier_id,
        cause,
        _counts(decision, scheme).of(scheme.basis),
        at,
        state.protected_until,
    )
    payload = {"from": _code(decision, state.key), "to": _code(decision, standing.key), "cause": cause}
    told = Told("tier.changed", payload, at)
    decision = decision.then(changed, told, member=decision.member.having(TIERS, after))
    if tier is None:
        return decision
    before = decision.at
    for passed in scheme.passed(state.key, tier):
        if passed.key not in known:
            decision = _gift(decision.then(at=at), passed, cause)
    return decision.then(at=before)


def _code(decision: Decision, key: UUID | None) -> str | None:
    """Return the code of a tier, also of one that this version has no more; None for no tier."""
    versions = (decision.rules, *reversed(decision.versions.versions))
    return next((tier.code for version in versions if (tier := version.of(SCHEME).tier(key)) is not None), None)


def cause_of(decision: Decision) -> str:
    """Return what a change of tier names as its cause, once per member: such as order:ID or night:DAY."""
    activity = decision.activity
    match activity:
        case OrderPlaced() | OrderReturned() | TimePassed() | VersionStarted() | BirthDateTold():
            cause = activity.cause
        case _:
            cause = f"{CAUSES[type(activity).__name__]}:{activity.id}"
    earlier = sum(isinstance(effect, TierChanged) for effect in decision.effects)
    return f"{cause}:{earlier + 1}" if earlier else cause


UNDOING = ("return:", "correct:")  # by which a member came back to a tier, and did not enter it
CAUSES = {
    "OrderEvent": "event",
    "InteractionReported": "interaction",
    "PointsGranted": "grant",
    "GrantTakenBack": "grant_back",
    "PointsMoved": "moved",
    "Enrolled": "enrolled",
    "Left": "left",
    "GivenOver": "merged",
    "TakenOver": "merged",
}


def _has_fallen(decision: Decision) -> bool:
    """Tell whether this night has let the member down already: a soft landing is one tier, whatever happens in it."""
    scheme = decision.rules.of(SCHEME)
    ranks = {tier.id: rank for rank, tier in enumerate(scheme.tiers)}
    return scheme.soft_landing and any(
        isinstance(effect, TierChanged)
        and (ranks.get(effect.to_tier_id, -1) if effect.to_tier_id else -1) < ranks.get(effect.from_tier_id or 0, -1)
        for effect in decision.effects
    )


def _entered_before(before: TierScheme | None, key: UUID | None) -> frozenset[UUID]:
    """Return the tiers of an earlier version that a member had entered with the tier that it has."""
    if before is None or before.tier(key) is None:
        return frozenset()
    return frozenset(tier.key for tier in before.tiers[: before.rank(key) + 1])


def _before(versions: Versions, version: Version) -> Version | None:
    place = versions.versions.index(version)
    return versions.versions[place - 1] if place else None


def _gift(decision: Decision, tier: TierRule, cause: str) -> Decision:
    """Give what a tier gives on entry; it makes good first what of earlier gifts could not be taken back."""
    if not tier.entry_gift:
        return decision
    known = {lot.id for lot in wallet_in(decision, MAIN).lots}
    name = f"gift:{tier.code}:{cause}"
    kept = decision.occasion
    under = decision.then(occasion=replace(kept, extra_months=tier.extra_months))
    said = {"gift": tier.code, "version": decision.rules.number}
    under = give_points(under, MAIN, tier.entry_gift, Cause(name, said), gift=tier.code)
    state = under.member.of(TIERS)
    lots = [lot for lot in wallet_in(under, MAIN).lots if lot.id not in known]
    under, less = settle_for_gifts(under, MAIN, lots, state.gifts_missing, cause=name)
    if less:
        state = replace(state, gifts_missing=state.gifts_missing - less)
        under = under.then(member=under.member.having(TIERS, state))
    points = tier.entry_gift - less
    told = [Told("points.earned", {"gift": tier.code, "points": points}, under.at)] if points else []
    return under.then(*told, occasion=kept)


def note_settled(decision: Decision) -> Decision:
    """Note that points which came back made good what was missing of gifts: it is never more than what is missing in all."""
    if not decision.member.has(TIERS):
        return decision
    state, shortfall = decision.member.of(TIERS), decision.member.of(POINTS).main.shortfall
    if state.gifts_missing <= shortfall:
        return decision
    return decision.then(member=decision.member.having(TIERS, replace(state, gifts_missing=shortfall)))


def _take_gifts(decision: Decision, own: Sequence[OpenLot]) -> Decision:
    """Take back the gifts of entries that a return undid: from their own points, then from others, then by the policy."""
    if not own:
        return decision
    wallet = wallet_in(decision, MAIN)
    given = sum(lot.amount for lot in own)
    taken = claw_back_own(given, [lot.id for lot in own], wallet.lots)
    decision = claim(decision, MAIN, taken.claims)
    policy = decision.rules.of(RULES).policy(MAIN)
    said = {
        "gifts_back": [lot.gift for lot in own],
        "gift_lots": [str(lot.id) for lot in own],
        "points": sum(move.amount for move in taken.moves),
    }
    cause = f"gift:{cause_of(decision)}"
    wallet = wallet_in(decision, MAIN)
    decision, shortfall = take_or_owe(decision, wallet, taken.moves, taken.missing, policy, said, cause)
    if not shortfall:
        return decision
    state = decision.member.of(TIERS)
    state = replace(state, gifts_missing=state.gifts_missing + shortfall)
    return decision.then(member=decision.member.having(TIERS, state))


def _gifts_of(decision: Decision, tier: TierRule, wallet: WalletState) -> list[OpenLot]:
    """Return what a member was given as it last entered a tier, or passed it on its way up."""
    codes = {each.code for each in _all_tiers(decision) if each.key == tier.key}
    scheme = decision.rules.of(SCHEME)
    rank = scheme.rank(tier.key)
    entries = [
        change.at
        for change in decision.member.of(TIERS).changes
        if scheme.rank(change.from_key) < rank <= scheme.rank(change.to_key)
    ]
    if not entries:
        return []
    return [lot for lot in wallet.lots if lot.gift in codes and lot.earned_at == entries[-1]]
