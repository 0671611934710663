"""
THE page: what each activity causes, step by step, in this order. Pure.

Live requests, imports, nights, dry runs and what-ifs run these same tuples. A new capability stands here with a word in
the tuples that concern it, and with one line in `capabilities`.
"""

from loyalty.badges import steps as badges
from loyalty.engine import activities as what
from loyalty.engine.clock import Clock
from loyalty.engine.decision import Step
from loyalty.engine.profile import recognise
from loyalty.plans import steps as plans
from loyalty.points import steps as points
from loyalty.referrals import steps as referrals
from loyalty.rewards import steps as rewards
from loyalty.tiers import steps as tiers

ON_ENROLMENT: tuple[Step, ...] = (tiers.enter,)
ON_LEAVING: tuple[Step, ...] = (
    rewards.forfeit,
    points.forfeit,
    tiers.lose,
    plans.end_with_membership,
    referrals.leave,
    badges.forfeit,
)
ON_GIVING_OVER: tuple[Step, ...] = (
    points.give_over,
    tiers.lose,
    plans.give_over,
    rewards.give_over,
    referrals.give_over,
    badges.give_over,
)
ON_TAKING_OVER: tuple[Step, ...] = (
    points.take_over,
    tiers.take_over,
    plans.take_over,
    rewards.take_over,
    referrals.take_over,
    badges.take_over,
)
ON_ORDER: tuple[Step, ...] = (
    tiers.benefits,
    plans.benefits,
    recognise,
    points.earn,
    badges.award,
    tiers.assess,
    referrals.follow_order,
)
ON_RETURN: tuple[Step, ...] = (
    rewards.leave_out_over,
    rewards.keep_paid_out,
    points.undo_redemptions,
    rewards.undo,
    tiers.note_settled,
    badges.note_settled,
    points.take_back,
    points.take_interactions_back,
    badges.take_back,
    tiers.undo_entries,
    points.expire_due,
    referrals.follow_return,
)
ON_CORRECTION: tuple[Step, ...] = (
    points.count_out,
    tiers.benefits,
    plans.benefits,
    recognise,
    rewards.leave_out_over,
    rewards.keep_paid_out,
    points.undo_redemptions,
    rewards.undo,
    tiers.note_settled,
    badges.note_settled,
    points.correct,
    points.take_interactions_back,
    badges.take_back,
    tiers.undo_entries,
    points.expire_due,
    referrals.follow_return,
)
# An order from before its customer was a member gives nothing; but who bought then was no new customer.
ON_REFUSAL: tuple[Step, ...] = (referrals.recheck,)
ON_ORDER_EVENT: tuple[Step, ...] = (points.date_lots, points.expire_due)
ON_INTERACTION: tuple[Step, ...] = (
    tiers.benefits,
    plans.benefits,
    recognise,
    points.earn,
    badges.award,
    tiers.assess,
)
# A review whose product was bought, as an order says that is told only after it: what is missing of its reward is given.
ON_VERIFICATION: tuple[Step, ...] = (
    tiers.benefits,
    plans.benefits,
    recognise,
    points.earn_missing,
    badges.count_again,
    tiers.assess,
)
ON_GRANT: tuple[Step, ...] = (points.withhold, referrals.limit, points.grant, tiers.assess)
ON_GRANT_BACK: tuple[Step, ...] = (
    points.take_grant_back,
    tiers.note_settled,
    badges.note_settled,
    tiers.assess,
    referrals.give_room,
)
ON_CLAIM: tuple[Step, ...] = (referrals.claim,)
ON_REVIEW: tuple[Step, ...] = (referrals.review,)
ON_BIRTH_DATE: tuple[Step, ...] = (tiers.benefits, plans.benefits, recognise, points.celebrate, tiers.rise_now)
BEFORE_MOVES: tuple[Step, ...] = (tiers.benefits,)
AFTER_MOVES: tuple[Step, ...] = (tiers.note_settled, badges.note_settled, tiers.note_disqualified)
ON_MOVE: tuple[Step, ...] = (*BEFORE_MOVES, points.move, *AFTER_MOVES)
ON_PLAN: tuple[Step, ...] = (plans.follow,)
ON_APPROVAL: tuple[Step, ...] = (points.review,)
ON_JOINING: tuple[Step, ...] = (badges.follow,)
LATE: tuple[Step, ...] = (points.activate_due, rewards.end_due, points.expire_due, referrals.recheck)
ON_VERSION: tuple[Step, ...] = (tiers.restart, rewards.end_due, badges.reassess)
AT_MIDNIGHT: tuple[Step, ...] = (
    points.activate_due,
    tiers.assess,
    rewards.end_due,
    points.expire_due,
    tiers.assess,
    tiers.end_periods,
    plans.pass_time,
    tiers.benefits,
    plans.benefits,
    recognise,
    points.celebrate,
    tiers.rise_now,
    referrals.recheck,
)

STEPS: dict[type, tuple[Step, ...]] = {
    what.Enrolled: ON_ENROLMENT,
    what.Left: ON_LEAVING,
    what.GivenOver: ON_GIVING_OVER,
    what.TakenOver: ON_TAKING_OVER,
    what.OrderPlaced: ON_ORDER,
    what.OrderReturned: ON_RETURN,
    what.OrderCorrected: ON_CORRECTION,
    what.OrderEvent: ON_ORDER_EVENT,
    what.InteractionReported: ON_INTERACTION,
    what.InteractionVerified: ON_VERIFICATION,
    what.PointsGranted: ON_GRANT,
    what.GrantTakenBack: ON_GRANT_BACK,
    what.ReferralClaimed: ON_CLAIM,
    what.ReferralReviewed: ON_REVIEW,
    what.BirthDateTold: ON_BIRTH_DATE,
    what.PointsMoved: ON_MOVE,
    what.PlanFollowed: ON_PLAN,
    what.ChallengeJoined: ON_JOINING,
    what.InteractionReviewed: ON_APPROVAL,
}
CLOCK = Clock(
    at_midnight=AT_MIDNIGHT,
    in_between=LATE,
    on_version=ON_VERSION,
    due=(points.due, tiers.due, plans.due, rewards.due),
)
