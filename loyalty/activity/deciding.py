"""One dispatch: an activity of a member is decided by its steps, and sets the member's clock. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from loyalty.activity.steps import CLOCK, LATE, ON_REFUSAL, STEPS
from loyalty.engine.activities import (
    Activity,
    BirthDateTold,
    GrantTakenBack,
    InteractionReported,
    InteractionVerified,
    OrderCorrected,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
    ReferralClaimed,
    ReferralReviewed,
)
from loyalty.engine.basket import UTC_ZONE, Occasion
from loyalty.engine.decision import Decision, run_steps
from loyalty.engine.member import Member
from loyalty.engine.pools import Pools
from loyalty.engine.versions import Versions
from loyalty.points.steps.earning import refuse
from loyalty.points.steps.passing import next_of_points


def decide(member: Member, activity: Activity, versions: Versions, *, now: datetime, pools: Pools) -> Decision | None:
    """
    Decide what an activity causes for a member that was advanced to an instant; None where it causes nothing to know of.

    :param now: that instant; a fact that occurred before it is late
    """
    at = min(activity.occurred_at, now)
    version = versions.at(at)
    is_first = isinstance(activity, OrderPlaced) and member.first_order_id is None
    occasion = version.occasion(at, is_first=is_first) if version else Occasion(at, UTC_ZONE, is_first=is_first)
    decision = Decision(member, activity, version, versions, at, now, occasion, pools)
    if isinstance(activity, OrderReturned) and activity.decided is None:
        return None
    if reason := _refusal(decision):
        refused = refuse(decision, reason)
        return run_steps(refused, ON_REFUSAL) if isinstance(activity, OrderPlaced) else refused
    since = at
    if isinstance(activity, OrderCorrected):
        decision, since = _as_corrected(decision, activity)
    decision = run_steps(decision, STEPS[type(activity)]).then(version=version)
    if since < now:
        decision = carry_out(decision, since)
    before = None if isinstance(activity, BirthDateTold) else member  # that has changed already
    return decision.then(member=CLOCK.set_after(decision.member, before, versions, now))


def forfeit(member: Member, activity: Activity, versions: Versions, *, now: datetime) -> Decision:
    """Return that what a member did before it left, and that is told after, gives nothing; there is nothing to write."""
    at = min(activity.occurred_at, now)
    version = versions.at(at)
    occasion = version.occasion(at) if version else Occasion(at, UTC_ZONE)
    return Decision(member, activity, version, versions, at, now, occasion, reason="left_since")


def _as_corrected(decision: Decision, activity: OrderCorrected) -> tuple[Decision, datetime]:
    """Return a decision under the rules and on the occasion of a corrected order, and since when time has passed for it."""
    order, placed = activity.decided, activity.placed
    if activity.is_withdrawn or placed is None or order is None:
        return decision, activity.ordered_at
    # Of two who turned out to be one each has had a first order, and keeps what that was given as such.
    is_first = order.occasion.is_first or decision.member.first_order_id in {None, order.order_id}
    if activity.is_moved:
        version = decision.versions.at(placed.occurred_at)
        assert version is not None, "an order before the first version is withdrawn"
        occasion = version.occasion(placed.occurred_at, is_first=is_first)
    else:
        version = decision.versions.decided(order.version_id, order.occasion)
        occasion = replace(order.occasion, is_first=is_first)
    return decision.then(version=version, occasion=occasion), placed.occurred_at


def carry_out(decision: Decision, since: datetime) -> Decision:
    """Carry out what time has done since to the points of what is told late, each at its own instant."""
    at = decision.at
    while (due := next_of_points(decision.member, decision.now)) is not None:
        before = decision.member
        decision = run_steps(decision.then(at=max(due, since)), LATE)
        assert decision.member is not before, "what was due has been carried out"
    return decision.then(at=at)


def _refusal(decision: Decision) -> str:
    """Return why no rules apply to an activity; empty where they do."""
    activity = decision.activity
    if isinstance(activity, OrderReturned):
        is_decided = activity.decided is not None and activity.decided.version_id is not None
        return "" if is_decided and decision.version else "no_version_in_force_then"
    if decision.version is None:
        return "no_version_in_force_then"
    if isinstance(activity, OrderPlaced | InteractionReported | ReferralClaimed) and not decision.member.belongs_at(
        decision.at
    ):
        return "not_a_member_then"
    if isinstance(activity, PointsGranted | GrantTakenBack):
        return _refusal_of_grant(decision, activity)
    if isinstance(activity, BirthDateTold) and (
        decision.member.left_at is not None or not decision.member.belongs_at(decision.at)
    ):
        return "not_a_member_then"
    return ""


def _refusal_of_grant(decision: Decision, activity: PointsGranted | GrantTakenBack) -> str:
    member = decision.member
    if isinstance(activity, GrantTakenBack):
        return "not_a_member_then" if activity.is_forfeited or member.left_at is not None else ""
    if activity.is_erased:
        return "erased_since"
    return "" if member.left_at is None and member.belongs_at(decision.at) else "not_a_member_then"


def advance_to(
    member: Member,
    instant: datetime,
    versions: Versions,
    *,
    pools: Callable[[datetime], Pools],
    take: Callable[[Decision], None],
) -> Member:
    """Return the member after all that time alone changes up to an instant; `take` is given each decision."""
    return CLOCK.advance_to(member, instant, versions, pools, take)


def in_order_of_time(activity: Activity) -> tuple[datetime, int, str]:
    """
    Sort activities by when they occurred; an order comes before what happens to it at the same instant.

    A grant for something of before stands behind what was taken back before anybody asked for it: of two referrals of one
    person the earlier one goes on, and gets what the later one gives back.
    """
    at, rank = activity.occurred_at, RANKS.get(type(activity), len(RANKS))
    if isinstance(activity, PointsGranted) and activity.behind is not None and activity.behind >= at:
        at, rank = activity.behind, RANKS[GrantTakenBack]
    return at, rank, str(getattr(activity, "id", ""))


RANKS: dict[type, int] = {
    OrderPlaced: 0,
    OrderEvent: 1,
    OrderReturned: 2,
    OrderCorrected: 2,
    InteractionReported: 3,
    InteractionVerified: 3,
    PointsGranted: 4,
    GrantTakenBack: 5,
    ReferralClaimed: -1,
    ReferralReviewed: 6,
}
