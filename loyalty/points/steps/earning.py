"""Points that are earned: by orders, interactions and days, or given for another reason. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core.ids import new_id
from loyalty.engine.activities import (
    Award,
    DecidedInteraction,
    DecidedOrder,
    GrantTakenBack,
    InteractionReported,
    InteractionVerified,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
)
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided, ReturnDecided, Told
from loyalty.engine.versions import Version
from loyalty.points.expiry import Lifetime, activation, expiration
from loyalty.points.limits import Asked, Limited, Rewarded, refusal_of
from loyalty.points.rules import (
    Counted,
    Earned,
    Earning,
    by_wallet,
    earn_for_interaction,
    total_of,
)
from loyalty.points.rules import earn as earn_for_order
from loyalty.points.state import (
    MAIN,
    POINTS,
    RULES,
    Day,
    DayCounted,
    GrantDecided,
    NewLot,
)
from loyalty.points.states import State
from loyalty.points.steps.entries import (
    Cause,
    entry,
    keeps_until,
    lifetime_of,
    post,
    repay_with,
    wallet_in,
)
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.keeping import keep
from loyalty.points.steps.limiting import limited_on, use_pool
from loyalty.points.steps.replacing import replace_others

VISIT = "visit"
NO_RULE, NO_POINTS_NOW = "no_rule_gave_points", "no_points_at_present"


def earn(decision: Decision) -> Decision:
    """Give what an order or an interaction earns, wallet by wallet, within limits and budgets."""
    activity = decision.activity
    if isinstance(activity, OrderPlaced):
        return _earn_for_order(decision, activity)
    assert isinstance(activity, InteractionReported), "only orders and interactions earn"
    allowed, refused = _allowed(decision, activity, decision.rules.of(RULES).earnings)
    earned = earn_for_interaction(activity.kind, allowed, decision.occasion)
    visits = int(activity.kind == VISIT)
    cause, awards = _cause_of(activity, allowed, earned), tuple[Award, ...]()
    if earned or visits:
        decision, awards = give(decision, earned, cause, Day(decision.on, NOTHING, 0, visits=visits))
    else:
        decision = decision.then(reason=nothing_given(decision.rules))
    decision = keep(decision, lambda rules: _rewards(decision, activity, rules), cause, awards)
    points = sum(award.points for award in awards)
    if points:
        decision = _remember(decision, activity)
    elif refused:
        decision = decision.then(reason=refused)
    told = [Told("points.earned", {"interaction": activity.number, "points": points}, decision.at)] if points else []
    return decision.then(InteractionDecided(activity.interaction_id, points, decision.reason), *told)


def earn_missing(decision: Decision) -> Decision:
    """Give what an interaction would have earned besides, had it been known that its product was bought."""
    activity = decision.activity
    assert isinstance(activity, InteractionVerified), "only what is verified is decided again"
    before = activity.decided
    assert before is not None, "the pipeline tells how it was decided"
    allowed, refused = _allowed(decision, activity, decision.rules.of(RULES).earnings)
    earned = _missing(allowed, earn_for_interaction(activity.kind, allowed, decision.occasion), before)
    cause, awards = _cause_of(activity, allowed, earned), tuple[Award, ...]()
    cause = replace(
        cause,
        name=f"{cause.name}:{before.entries}" if before.entries else cause.name,
        said={**cause.said, "verified_by": activity.order_number},
    )
    if earned:
        decision, awards = give(decision, earned, cause, Day(decision.on, NOTHING, 0))
    decision = keep(decision, lambda rules: _missing(rules, _rewards(decision, activity, rules), before), cause, awards)
    points = sum(award.points for award in awards)
    reason = decision.reason if earned else refused or before.reason
    if not points and (before.points or reason == before.reason):
        return decision
    if points:
        told = {"interaction": activity.number, "points": points}
        decision = _remember(decision, activity).then(Told("points.earned", told, decision.at))
    return decision.then(InteractionDecided(activity.interaction_id, before.points + points, reason, is_again=True))


def _missing(rules: Sequence[Earning], earned: Sequence[Earned], before: DecidedInteraction) -> tuple[Earned, ...]:
    """Return what of those rules is missing that ask for products; of a group's best, what the others gave counts for it."""
    asking = {rule.id for rule in rules if rule.terms is not None and rule.terms.is_about_products}
    found = []
    for part in earned:
        codes = (part.code, *(code for code, _ in part.beaten))
        points = part.points - sum(before.gave.get((part.wallet, code), 0) for code in codes)
        if part.rule_id in asking and points > 0:
            found.append(replace(part, points=points))
    return tuple(found)


APPROVED = "approved"  # what points await that somebody is to approve


def nothing_given(version: Version) -> str:
    """Return why nothing is given where no rule gave anything, as a code."""
    return NO_POINTS_NOW if version.is_withheld else NO_RULE


def label_of(interaction_id: UUID) -> str:
    """Return by what the lots of an interaction are known that may be approved, or taken back."""
    return f"interaction-{interaction_id.hex}"


def _cause_of(activity: InteractionReported, allowed: Sequence[Earning], earned: Sequence[Earned]) -> Cause:
    said = {"interaction": activity.kind, "number": activity.number}
    terms = {rule.id: rule.terms for rule in allowed if rule.terms is not None}
    waits = frozenset(rule_id for rule_id, each in terms.items() if each.needs_approval)
    label = label_of(activity.interaction_id) if any(part.rule_id in terms for part in earned) else ""
    return Cause(f"interaction:{activity.interaction_id}", said, awaits_approval=waits, label=label)


def _rewards(decision: Decision, activity: InteractionReported, rules: Sequence[Earning]) -> tuple[Earned, ...]:
    """Return what rules give for an interaction."""
    return earn_for_interaction(activity.kind, _allowed(decision, activity, rules)[0], decision.occasion)


def _allowed(decision: Decision, activity: InteractionReported, rules: Sequence[Earning]) -> tuple[list[Earning], str]:
    """Return those of some rules that may reward an interaction, and why others do not, as a code."""
    asked = Asked(
        activity.kind, activity.sku, decision.at, activity.bought_at, decision.rules.zone, is_gone=activity.is_gone
    )
    # What it gave itself, before its purchase was known, stands in nobody's way.
    known = [each for each in decision.member.of(POINTS).rewarded if each.interaction_id != activity.interaction_id]
    held = {each.id: Rewarded(each.id, each.kind, each.sku, each.at) for each in activity.reserved}
    rewarded = tuple({**held, **{each.interaction_id: each for each in known}}.values())
    allowed, refused = [], ""
    for rule in rules:
        if rule.kind is not Counted.PER_INTERACTION or rule.interaction != activity.kind:
            continue
        reason = refusal_of(rule.terms, asked, rewarded) if rule.terms is not None else ""
        if reason:
            refused = refused or reason
        else:
            allowed.append(rule)
    return allowed, refused


def _remember(decision: Decision, activity: InteractionReported) -> Decision:
    """Let an interaction count for the limits of those that follow, and its reward be found where its product is returned."""
    points = decision.member.of(POINTS)
    if any(each.interaction_id == activity.interaction_id for each in points.rewarded):
        return decision
    done = Rewarded(activity.interaction_id, activity.kind, activity.sku, decision.at)
    return decision.then(member=decision.member.having(POINTS, points.with_rewarded((*points.rewarded, done))))


def _earn_for_order(decision: Decision, order: OrderPlaced) -> Decision:
    earned = earn_for_order(order.basket, decision.rules.of(RULES).earnings, decision.occasion)
    cause = Cause(order.cause, {"order": order.number}, order.order_id, order.events, order.may_be_anew)
    decision, awards = give(decision, earned, cause, Day(decision.on, order.basket.paid, 0, orders=1))
    decided = decided_order(decision, order.order_id, awards)
    decision = keep(decision, lambda rules: earn_for_order(order.basket, rules, decision.occasion), cause, awards)
    points = decided.points
    told = [Told("points.earned", {"order": order.number, "points": points}, decision.at)] if points else []
    member = decision.member
    if member.first_order_id is None:
        member = member.with_first_order(order.order_id)
    return decision.then(OrderDecided(decided), *told, member=member)


def decided_order(decision: Decision, order_id: UUID, awards: tuple[Award, ...]) -> DecidedOrder:
    """Return how an order was decided, as a return of it must know."""
    return DecidedOrder(
        retailer_id=decision.member.retailer_id,
        program_id=decision.member.program_id,
        order_id=order_id,
        membership_id=decision.member.membership_id,
        version_id=decision.version.version_id if decision.version else None,
        occasion=decision.occasion,
        reason=decision.reason,
        awards=awards,
    )


def refuse(decision: Decision, reason: str) -> Decision:
    """Return a decision by which an activity gives nothing, because no rules apply to it."""
    decision = decision.then(reason=reason)
    match decision.activity:
        case OrderCorrected() | InteractionVerified():  # what it gave stays as it is
            return decision
        case OrderPlaced(order_id=order_id):
            award = Award(decision.member.of(POINTS).main.wallet_id)
            decided = replace(decided_order(decision, order_id, (award,)), version_id=None)
            return decision.then(OrderDecided(decided))
        case InteractionReported(interaction_id=interaction_id):
            return decision.then(InteractionDecided(interaction_id, 0, reason))
        case PointsGranted(id=grant_id) | GrantTakenBack(id=grant_id):
            return decision.then(GrantDecided(grant_id, 0, reason))
        case OrderReturned(return_id=return_id):
            return decision.then(ReturnDecided(return_id, 0, 0))
    return decision


def give(decision: Decision, earned: tuple[Earned, ...], cause: Cause, day: Day) -> tuple[Decision, tuple[Award, ...]]:
    """
    Give what rules earned.

    :param day: to which it counts, with the money, orders and visits that count besides
    """
    awards: list[Award] = []
    reasons: list[str] = []
    parts = by_wallet(earned)
    for code in sorted(parts.keys() | {MAIN}, key=lambda code: (code != MAIN, code)):
        limited = limited_on(decision, code, parts.get(code, ()), day.on)
        decision = award_points(decision, code, limited, cause)
        points = total_of(limited.earned)
        wallet_id = wallet_in(decision, code).wallet_id
        awards.append(Award(wallet_id, limited.allowance, points, points))
        if code == MAIN:
            decision = count(decision, wallet_id, replace(day, points=points))
        elif points:
            decision = count(decision, wallet_id, Day(day.on, NOTHING, points))
        decision = use_pool(decision, code, decision.rules, day.on, points)
        if limited.reason:
            reasons.append(limited.reason)
    nothing = "" if any(award.points for award in awards) else nothing_given(decision.rules)
    reason = reasons[0] if reasons else nothing
    return decision.then(reason=reason, is_tight=decision.is_tight or "over_budget" in reasons), tuple(awards)


def count(decision: Decision, wallet_id: int, day: Day) -> Decision:
    """Add something to a day of a wallet."""
    points = decision.member.of(POINTS)
    member = decision.member.having(POINTS, points.having(points.wallet_of(wallet_id).with_day(day)))
    return decision.then(DayCounted(wallet_id, day), member=member)


def award_points(decision: Decision, code: str, limited: Limited, cause: Cause) -> Decision:
    """Give points to a wallet, one lot for each rule, and repay what it owes from those that can be spent at once."""
    if not limited.earned:
        return decision
    lifetime = lifetime_of(decision, code)
    until = keeps_until(decision, code)
    decision = extend_inactivity(decision, code, until, order_id=cause.order_id)
    lots = tuple(lot_of(decision, part.points, part.rule_id, lifetime, cause) for part in limited.earned)
    said = {
        **cause.said,
        "version": decision.rules.number,
        "rules": [_explained(part) for part in limited.earned],
        **({} if code == MAIN else {"wallet": code}),
        **({"cut": limited.cut, "limit": limited.allowance, "reason": limited.reason} if limited.cut else {}),
    }
    wallet = wallet_in(decision, code)
    posting = entry(decision, wallet, "earn", cause.name, said, lots=lots, order_id=cause.order_id, keeps_until=until)
    decision = post(decision, posting)
    if cause.is_anew:
        decision = replace_others(decision, code, lots, cause=cause.name)
    return repay_with(decision, code, lots, cause.name)


def lot_of(decision: Decision, points: int, rule_id: int | None, lifetime: Lifetime, cause: Cause) -> NewLot:
    """Return a lot of points that a rule gives at the instant of the decision."""
    zone = decision.rules.zone
    event = lifetime.activation_event if cause.order_id is not None else ""  # nothing else is ever delivered
    event = APPROVED if rule_id in cause.awaits_approval else event
    since = dict(cause.events).get(event) if event else decision.at
    active_at = None if since is None else activation(since, lifetime, zone)
    return NewLot(
        id=new_id(),
        amount=points,
        earned_at=decision.at,
        active_at=active_at,
        expires_at=None if active_at is None else expiration(active_at, lifetime, zone),
        version_id=decision.rules.version_id,
        rule_id=rule_id,
        order_id=cause.order_id,
        state=State.AVAILABLE if active_at is not None and active_at <= decision.at else State.PENDING,
        activation_event=event,
        expires_on_inactivity=lifetime.on_inactivity,
        gift=cause.label,
    )


def _explained(part: Earned) -> dict[str, Any]:
    return {
        "rule": part.code,
        "points": part.points,
        "basis": f"{part.basis:f}",
        "multiplier": f"{part.multiplier.normalize():f}",
        "dropped": f"{part.dropped.normalize():f}",
        **({"capped": part.capped} if part.capped else {}),
        **({"beaten": [{"rule": code, "points": points} for code, points in part.beaten]} if part.beaten else {}),
    }
