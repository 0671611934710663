"""A fact that is told late leaves the tier that there would be had it been told in time. Pure."""

from uuid import UUID

from customers.core.calendar import local_date
from loyalty.engine.decision import Decision
from loyalty.tiers.past import DayOfStart
from loyalty.tiers.rules import Standing, rise
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import counts_of, joined_on, standing_of, today_of
from loyalty.tiers.steps.entering import is_safer
from loyalty.tiers.steps.replaying import as_before, day_of_start, entries_kept, past_of


def is_late(decision: Decision) -> bool:
    """Tell whether a midnight or the start of a version lies between a fact and its report."""
    zone = decision.rules.zone
    starts = decision.versions.start_after(decision.at)
    crossed = starts is not None and starts <= decision.now
    return crossed or local_date(decision.at, zone) < local_date(decision.now, zone)


def catch_up(decision: Decision) -> Decision:
    """Put a member where it would be had a late fact been reported in time."""
    under = decision.then(version=decision.versions.at(decision.now), at=decision.now)
    scheme, is_before = under.rules.of(SCHEME), _is_before_start_of_its_day(decision)
    if scheme.downgrade == "at_once" and not scheme.soft_landing:  # such a tier has no past: today's window says all
        standing = _risen(under)
    else:
        standing = _standing_by_days(under, is_before_start=is_before)
    return bring_to(under, standing, known=_kept(under, standing, is_before_start=is_before)).then(
        version=decision.version, at=decision.at
    )


def _kept(decision: Decision, standing: Standing, *, is_before_start: bool) -> frozenset[UUID]:
    """Return the tiers that a late fact proves not to have been lost: they give no second gift."""
    scheme = decision.rules.of(SCHEME)
    if scheme.rank(standing.key) <= scheme.rank(decision.member.of(TIERS).key):
        return frozenset()
    how = DayOfStart.BEFORE_IT if is_before_start else day_of_start(decision, as_before(decision))
    return entries_kept(decision, past_of(decision, decision.member, how))


def _risen(decision: Decision) -> Standing:
    """Return the standing that a member has by what counts today, as far as it is higher."""
    joined = joined_on(decision.member, decision.rules)
    scheme = decision.rules.of(SCHEME)
    return rise(standing_of(decision), scheme, counts_of(decision, scheme), today_of(decision), joined)


def _standing_by_days(decision: Decision, *, is_before_start: bool) -> Standing:
    """
    Return the standing by a member's days with a late fact.

    Who came to its tier by its days stands by them again: so it makes no difference in which order they are told. Who came
    to it by another way, such as a merge, is put higher by what the fact has changed, and never lower.

    :param is_before_start: that the fact came before a version that began in the course of its day
    """
    scheme, had = decision.rules.of(SCHEME), standing_of(decision)
    before = as_before(decision)
    known = day_of_start(decision, before)
    how = DayOfStart.BEFORE_IT if is_before_start else known
    was = past_of(decision, before, known).standing
    after = past_of(decision, decision.member, how).standing
    if had == was:
        return after
    unchanged = was if how is known else past_of(decision, before, how).standing
    standing = _risen(decision) if after == unchanged else after
    ranks = scheme.rank(had.key), scheme.rank(standing.key)
    is_higher = ranks[1] > ranks[0] or (ranks[1] == ranks[0] and is_safer(standing, had))
    return standing if is_higher else had


def _is_before_start_of_its_day(decision: Decision) -> bool:
    """Tell whether a version began on the day of a fact, but after it."""
    start, zone = decision.versions.start_after(decision.at), decision.rules.zone
    return start is not None and local_date(start, zone) == local_date(decision.at, zone)
