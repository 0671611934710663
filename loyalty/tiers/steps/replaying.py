"""What a member's days alone come to: its past, as if each fact had been reported in time. Pure."""

from uuid import UUID

from customers.core.calendar import local_date, midnight
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member
from loyalty.points.state import POINTS, DayCounted
from loyalty.tiers.past import DayOfStart, SchemeFrom, Tenure, TierPast, replay_days
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.causes import UNDOING
from loyalty.tiers.steps.counting import joined_on, standing_of, sums_of, today_of


def past_of(decision: Decision, member: Member, how: DayOfStart) -> TierPast:
    """Return what a member's days alone come to, as if each had been reported in time; see `replay_days`."""
    counted = sums_of(member, decision.rules)
    return replay_days(schemes_of(decision), counted, today_of(decision), day_of_start=how)


def day_of_start(decision: Decision, before: Member) -> DayOfStart:
    """
    Return in which order a version's start and the rest of its day came, as the member's own tiers tell.

    Say silver asks for 60, and for 120 from 10:00 on. Who has spent 60 that day and is silver did so before ten.
    """
    if not any(scheme.since_joining and not scheme.at_midnight for scheme in schemes_of(decision)):
        return DayOfStart.WITH_IT
    zone = decision.rules.zone
    changes = tuple((change.to_key, local_date(change.at, zone)) for change in decision.member.of(TIERS).changes)
    pasts = {how: past_of(decision, before, how) for how in DayOfStart}
    told = (
        *(how for how, past in pasts.items() if past.moves == changes),
        *(how for how, past in pasts.items() if _tells_of(decision, past)),
        *(how for how, past in pasts.items() if past.standing == standing_of(decision)),
    )
    return next(iter(told), DayOfStart.WITH_IT)


def _tells_of(decision: Decision, past: TierPast) -> bool:
    """Tell whether a past is the one that the member had: it came to its tier on the day on which it did."""
    state, zone = decision.member.of(TIERS), decision.rules.zone
    came = joined_on(decision.member, decision.rules)
    if state.changes:
        last = state.changes[-1]
        # A return, or a correction, brings a member back to a tier that it has had since before.
        is_back = last.cause.startswith(UNDOING)
        came = local_date((state.since if is_back else None) or last.at, zone)
    return past.standing.key == state.key and past.moved_on == came


def as_before(decision: Decision) -> Member:
    """Return the member with its days as they were before the decision."""
    points = decision.member.of(POINTS)
    for effect in decision.effects:
        if isinstance(effect, DayCounted):
            points = points.having(points.wallet_of(effect.wallet_id).with_day(effect.day.negative))
    return decision.member.having(POINTS, points)


def schemes_of(decision: Decision) -> list[SchemeFrom]:
    """Return the schemes that have come into force by now."""
    zone, until = decision.rules.zone, max(decision.at, decision.now)
    begun = [
        pair for pair in zip(decision.versions.starts, decision.versions.versions, strict=True) if pair[0] <= until
    ]
    joined = decision.member.enrolled_at
    days = [(local_date(begins, zone), begins, each) for begins, each in begun]
    return [SchemeFrom(on, midnight(on, zone) == begins, each.of(SCHEME), begins > joined) for on, begins, each in days]


def entries_kept(decision: Decision, past: TierPast) -> frozenset[UUID]:
    """
    Return the tiers that a member had lost and, as is known now, had all along: to have one again is no entry.

    :param past: what its days come to with what is known now
    """
    held = {each.key: each for each in past.tenures if each.until is None}
    return frozenset(each.key for each in _lost(decision) if each.key in held and held[each.key].meets(each))


def _lost(decision: Decision) -> list[Tenure]:
    """Return when a member had the tiers that it lost since, but for entries that were undone, also after the loss."""
    state, scheme, zone = decision.member.of(TIERS), decision.rules.of(SCHEME), decision.rules.zone
    if not state.changes:
        return []
    first = scheme.rank(state.changes[0].from_key)
    entered_on = {tier.key: joined_on(decision.member, decision.rules) for tier in scheme.tiers[: first + 1]}
    lost: list[Tenure] = []
    for change in state.changes:
        day = local_date(change.at, zone)
        below, above = sorted((scheme.rank(change.from_key), scheme.rank(change.to_key)))
        moved = [tier.key for tier in scheme.tiers[below + 1 : above + 1]]
        if scheme.rank(change.to_key) == above:
            entered_on |= dict.fromkeys((key for key in moved if key not in change.gifts_back), day)
            continue
        spans = [Tenure(key, entered_on.pop(key), day) for key in moved if key in entered_on]
        lost += [] if change.cause.startswith(UNDOING) else spans
    return lost
