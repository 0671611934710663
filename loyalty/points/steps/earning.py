"""Points that are earned: by orders, interactions and days, or given for another reason. Pure."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import clamped, local_date, midnight
from customers.core.ids import new_id
from loyalty.engine.activities import (
    Award,
    BirthDateTold,
    DecidedOrder,
    GrantTakenBack,
    InteractionReported,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
)
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided, PoolUsed, ReturnDecided, Told
from loyalty.engine.member import Member
from loyalty.engine.pools import PoolKey, left_in
from loyalty.engine.versions import Version, Versions
from loyalty.points.expiry import Lifetime, activation, expiration
from loyalty.points.limits import Asked, Limited, Limits, Rewarded, limit, period_start, refusal_of, room_of
from loyalty.points.rules import (
    Counted,
    Earned,
    Earning,
    by_wallet,
    earn_for_day,
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
    policy_of,
    post,
    repay_with,
    wallet_in,
)
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.replacing import replace_others

VISIT = "visit"


def earn(decision: Decision) -> Decision:
    """Give what an order or an interaction earns, wallet by wallet, within limits and budgets."""
    activity = decision.activity
    if isinstance(activity, OrderPlaced):
        return _earn_for_order(decision, activity)
    assert isinstance(activity, InteractionReported), "only orders and interactions earn"
    allowed, refused = _allowed(decision, activity)
    earned = earn_for_interaction(activity.kind, allowed, decision.occasion)
    visits = int(activity.kind == VISIT)
    points = 0
    if earned or visits:
        said = {"interaction": activity.kind, "number": activity.number}
        terms = {rule.id: rule.terms for rule in allowed if rule.terms is not None}
        waits = frozenset(rule_id for rule_id, each in terms.items() if each.needs_approval)
        label = label_of(activity.interaction_id) if any(part.rule_id in terms for part in earned) else ""
        cause = Cause(f"interaction:{activity.interaction_id}", said, awaits_approval=waits, label=label)
        decision, awards = _give(decision, earned, cause, Day(decision.on, NOTHING, 0, visits=visits))
        points = sum(award.points for award in awards)
    else:
        decision = decision.then(reason="no_rule_gave_points")
    if points:
        decision = _remember(decision, activity)
    elif refused:
        decision = decision.then(reason=refused)
    told = [Told("points.earned", {"interaction": activity.number, "points": points}, decision.at)] if points else []
    return decision.then(InteractionDecided(activity.interaction_id, points, decision.reason), *told)


APPROVED = "approved"  # what points await that somebody is to approve


def label_of(interaction_id: UUID) -> str:
    """Return by what the lots of an interaction are known that may be approved, or taken back."""
    return f"interaction-{interaction_id.hex}"


def _allowed(decision: Decision, activity: InteractionReported) -> tuple[list[Earning], str]:
    """Return the rules that may reward an interaction, and why others do not, as a code."""
    asked = Asked(activity.kind, activity.sku, decision.at, activity.bought_at, decision.rules.zone)
    rewarded = decision.member.of(POINTS).rewarded
    allowed, refused = [], ""
    for rule in decision.rules.of(RULES).earnings:
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
    done = Rewarded(activity.interaction_id, activity.kind, activity.sku, decision.at)
    return decision.then(member=decision.member.having(POINTS, points.with_rewarded((*points.rewarded, done))))


def _earn_for_order(decision: Decision, order: OrderPlaced) -> Decision:
    earned = earn_for_order(order.basket, decision.rules.of(RULES).earnings, decision.occasion)
    cause = Cause(order.cause, {"order": order.number}, order.order_id, order.events, order.may_be_anew)
    decision, awards = _give(decision, earned, cause, Day(decision.on, order.basket.paid, 0, orders=1))
    decided = decided_order(decision, order.order_id, awards)
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
        case OrderPlaced(order_id=order_id):
            award = Award(decision.member.of(POINTS).main.wallet_id)
            decided = replace(decided_order(decision, order_id, (award,)), version_id=None)
            return decision.then(OrderDecided(decided))
        case InteractionReported(interaction_id=interaction_id):
            return decision.then(InteractionDecided(interaction_id, 0, reason))
        case PointsGranted(id=grant_id) | GrantTakenBack(id=grant_id):
            return decision.then(GrantDecided(grant_id, 0, reason))
        case OrderCorrected():
            return decision
        case OrderReturned(return_id=return_id):
            return decision.then(ReturnDecided(return_id, 0, 0))
    return decision


def celebrate(decision: Decision) -> Decision:
    """
    Give what a birthday, or an anniversary of joining, earns: once a year, whatever happens.

    Their day begins with it; a birth date that is told on the very day is in time.
    """
    if isinstance(decision.activity, BirthDateTold):
        return _celebrate_since(decision)
    kinds, on = {rule.kind for rule in decision.rules.of(RULES).earnings}, decision.on
    for kind, began in _celebrated(decision.member, decision.rules):
        if kind in kinds and began < on and _same_day(began, on.year) == on:
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
            if Counted.BIRTHDAY in {rule.kind for rule in under.rules.of(RULES).earnings}:
                under = _celebrate(under, Counted.BIRTHDAY, on)
            decision = under.then(at=at, version=decision.version)
    return decision


def _celebrate(decision: Decision, kind: Counted, on: date) -> Decision:
    earned = earn_for_day(kind, decision.rules.of(RULES).earnings, decision.occasion)
    cause = Cause(f"{kind.value}:{on.year}", {"day": kind.value})
    if not earned or cause.name in decision.member.of(POINTS).celebrated:  # another birth date, another membership
        return decision
    decision, awards = _give(decision, earned, cause, Day(on, NOTHING, 0))
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
    kinds = {rule.kind for version in versions.versions for rule in version.of(RULES).earnings}
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


def _give(decision: Decision, earned: tuple[Earned, ...], cause: Cause, day: Day) -> tuple[Decision, tuple[Award, ...]]:
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
    nothing = "" if any(award.points for award in awards) else "no_rule_gave_points"
    reason = reasons[0] if reasons else nothing
    return decision.then(reason=reason, is_tight=decision.is_tight or "over_budget" in reasons), tuple(awards)


def count(decision: Decision, wallet_id: int, day: Day) -> Decision:
    """Add something to a day of a wallet."""
    points = decision.member.of(POINTS)
    member = decision.member.having(POINTS, points.having(points.wallet_of(wallet_id).with_day(day)))
    return decision.then(DayCounted(wallet_id, day), member=member)


def pool_key(program_id: int, code: str, version: Version, on: date) -> PoolKey:
    """Return which budget a wallet's points of a day come from."""
    return PoolKey(program_id, code, period_start(version.of(RULES).policy(code).limits.budget_period, on))


def pools_of(program_id: int, version: Version, on: date) -> dict[PoolKey, int]:
    """Return the budgets that a day reaches, with what each holds in all."""
    return {
        pool_key(program_id, code, version, on): policy.limits.budget
        for code, policy in version.of(RULES).policies.items()
        if policy.limits.budget is not None
    }


def use_pool(decision: Decision, code: str, version: Version, on: date, points: int) -> Decision:
    """Take points from the wallet's budget or, negative, give them back to it."""
    limit_of_all = version.of(RULES).policy(code).limits.budget
    if not points or limit_of_all is None:
        return decision
    return decision.then(PoolUsed(pool_key(decision.member.program_id, code, version, on), points, limit_of_all))


def budget_left(decision: Decision, code: str, version: Version, on: date) -> int | None:
    """Return what the wallet's budget of a day has left to give, after what the decision gives already; None for no budget."""
    limit_of_all = version.of(RULES).policy(code).limits.budget
    if limit_of_all is None:
        return None
    key = pool_key(decision.member.program_id, code, version, on)
    return max(left_in(decision.pools, key, limit_of_all) - _used(decision, key), 0)


def limited_on(
    decision: Decision, code: str, parts: tuple[Earned, ...], on: date, limits: Limits | None = None
) -> Limited:
    """
    Return what the limits of a wallet leave of points that count on a day, by all that is known of their periods.

    :param limits: other ones than those of the version that decides
    """
    limits = limits or policy_of(decision, code).limits
    earned = 0
    if limits.in_period is not None:
        first = period_start(limits.period, on)
        # All of the period, also what came after a late order's day: together they stay within the limit.
        days = wallet_in(decision, code).days
        earned = sum(day.points for day in days if period_start(limits.period, day.on) == first)
    budget = budget_left(decision, code, decision.rules, on)
    return limit(parts, limits, room_of(limits, earned=earned, budget_left=budget))


def _used(decision: Decision, key: PoolKey) -> int:
    return sum(effect.points for effect in decision.effects if isinstance(effect, PoolUsed) and effect.key == key)


def award_points(decision: Decision, code: str, limited: Limited, cause: Cause) -> Decision:
    """Give points to a wallet, one lot for each rule, and repay what it owes from those that can be spent at once."""
    if not limited.earned:
        return decision
    lifetime = lifetime_of(decision, code)
    until = keeps_until(decision, code)
    decision = extend_inactivity(decision, code, until)
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


def give_points(  # noqa: PLR0913 - who, of what, how many, why
    decision: Decision,
    code: str,
    points: int,
    cause: Cause,
    *,
    kind: str = "earn",
    gift: str = "",
    lifetime: Lifetime | None = None,
) -> Decision:
    """
    Give points that no rule counted, and that can be spent at once: a gift, a grant, an adjustment.

    :param lifetime: where the occasion's tier does not let them live longer
    """
    until = keeps_until(decision, code)
    decision = extend_inactivity(decision, code, until)
    lot = free_lot(points, lifetime or lifetime_of(decision, code), decision.rules, decision.at, gift=gift)
    wallet = wallet_in(decision, code)
    posting = entry(decision, wallet, kind, cause.name, cause.said, lots=(lot,), keeps_until=until)
    return repay_with(post(decision, posting), code, (lot,), cause.name)


def free_lot(points: int, lifetime: Lifetime, version: Version, at: datetime, *, gift: str = "") -> NewLot:
    """Return a lot of points that no order gave, and that can be spent at once."""
    return NewLot(
        id=new_id(),
        amount=points,
        earned_at=at,
        active_at=at,
        expires_at=expiration(at, lifetime, version.zone),
        version_id=version.version_id,
        rule_id=None,
        order_id=None,
        state=State.AVAILABLE,
        expires_on_inactivity=lifetime.on_inactivity,
        gift=gift,
    )
