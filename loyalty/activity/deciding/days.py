"""What a member is given on its birthday, and on the anniversary of its joining."""

from datetime import date, datetime

from loyalty.activity.deciding.climbing import climb, occasion_of, qualified
from loyalty.activity.deciding.earning import Budgets, give
from loyalty.activity.deciding.points import Cause
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Decision, Effects, Member
from loyalty.outbox.publishing import NewEvent
from loyalty.points.rules import Counted, earn_for_day


def decide_day(  # noqa: PLR0913 - a day, its instant and what limits it
    member: Member, kind: Counted, ruleset: Ruleset, *, on: date, at: datetime, budgets: Budgets
) -> Decision | None:
    """Decide what a day gives to a member; None where no rule gives anything. Once a year, whatever happens."""
    if member.left_at is not None and member.left_at <= at:
        return None
    earned = earn_for_day(kind, ruleset.earnings, occasion_of(member, ruleset, at))
    if not earned:
        return None
    cause = f"{kind.value}:{on.year}"
    given = give(member, earned, ruleset, Cause(cause, at, {"day": kind.value}), on=on, budgets=budgets)
    climbed = climb(qualified(given.done.member, given.qualified), ruleset, on, at, f"{cause}:{on:%m-%d}")
    payload = {"day": kind.value, "points": given.points}
    event = NewEvent(member.retailer_id, "points.earned", member.membership_id, payload, at)
    effects = Effects(
        reason=given.reason,
        postings=(*given.done.postings, *climbed.postings),
        qualified=given.qualified,
        moves=climbed.moves,
        events=(*((event,) if given.points else ()), *climbed.events),
        spent=given.spent,
    )
    return Decision(climbed.member, effects)
