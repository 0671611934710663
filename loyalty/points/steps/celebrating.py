"""Birthdays, and anniversaries of joining: what their days earn. Pure."""

from datetime import date, datetime

from customers.core.calendar import clamped, local_date, midnight
from loyalty.engine.activities import Award, BirthDateTold
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, Told
from loyalty.engine.member import Member
from loyalty.engine.versions import Version, Versions
from loyalty.points.rules import Counted, earn_for_day
from loyalty.points.state import POINTS, RULES, Day
from loyalty.points.steps.earning import give
from loyalty.points.steps.entries import Cause
from loyalty.points.steps.keeping import keep, name_of


def celebrate(decision: Decision) -> Decision:
    """
    Give what a birthday, or an anniversary of joining, earns: once a year, whatever happens.

    Their day begins with it; a birth date that is told on the very day is in time.
    """
    if isinstance(decision.activity, BirthDateTold):
        return _celebrate_since(decision)
    on = decision.on
    for kind, began in _celebrated(decision.member, decision.rules):
        if began < on and _same_day(began, on.year) == on:
            decision = _celebrate(decision, kind, on)
    return decision


def _celebrate_since(decision: Decision) -> Decision:
    """
    Give birthdays from the day on which the birth date was told, each on its own day.

    Nights that have been since did not know of it: their clocks had been set before.
    """
    born, at = decision.member.birth_date, decision.at
    if born is None:
        return decision
    for year in range(decision.on.year, local_date(decision.now, decision.rules.zone).year + 1):
        on = _same_day(born, year)
        begins = midnight(on, decision.rules.zone)
        if born < on and decision.on <= on and begins <= decision.now:
            under = decision.then(at=max(at, begins), version=decision.versions.at(max(at, begins)))
            decision = _celebrate(under, Counted.BIRTHDAY, on).then(at=at, version=decision.version)
    return decision


def _celebrate(decision: Decision, kind: Counted, on: date) -> Decision:
    earned = earn_for_day(kind, decision.rules.of(RULES).earnings, decision.occasion)
    cause = Cause(f"{kind.value}:{on.year}", {"day": kind.value})
    known, awards = decision.member.of(POINTS).celebrated, tuple[Award, ...]()
    if cause.name in known:  # another birth date, another membership
        return decision
    if earned:
        decision, awards = give(decision, earned, cause, Day(on, NOTHING, 0))
    if name_of(cause) not in known:
        decision = keep(decision, lambda rules: earn_for_day(kind, rules, decision.occasion), cause, awards)
    points = sum(award.points for award in awards)
    return (
        decision.then(Told("points.earned", {"day": kind.value, "points": points}, decision.at)) if points else decision
    )


def _celebrated(member: Member, version: Version) -> list[tuple[Counted, date]]:
    joined = local_date(member.enrolled_at, version.zone)
    born = [(Counted.BIRTHDAY, member.birth_date)] if member.birth_date else []
    return [*born, (Counted.ANNIVERSARY, joined)]


def _same_day(began: date, year: int) -> date:
    """Return a day's anniversary in a year: that of 29 February is the 28th in most years."""
    return clamped(year, began.month, began.day)


def next_celebration(member: Member, versions: Versions, now: datetime) -> datetime | None:
    """Return the next midnight that is a birthday or an anniversary, where any version gives something for it."""
    # Of all arms: what others are given lets live on what who is given nothing has.
    whole = versions.whole or versions
    kinds = {rule.kind for version in whole.versions for rule in version.of(RULES).earnings}
    kinds &= {Counted.BIRTHDAY, Counted.ANNIVERSARY}
    if not kinds:
        return None
    version = versions.versions[0]
    today = local_date(now, version.zone)
    days = [
        _same_day(began, year)
        for kind, began in _celebrated(member, version)
        if kind in kinds
        for year in (today.year, today.year + 1)
    ]
    following = [midnight(day, version.zone) for day in days if day > today]
    return min(following) if following else None
