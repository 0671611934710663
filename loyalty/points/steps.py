"""
What happens to a member's points, step by step: earned, taken back, activated, expired. Pure.

Each step takes a decision and returns it with postings (entries to be), days that count, and events for subscribers.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import clamped, local_date, midnight
from customers.core.ids import new_id
from loyalty.engine.activities import (
    Award,
    DecidedOrder,
    FirstOrder,
    InteractionReported,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
    TimePassed,
)
from loyalty.engine.basket import NOTHING
from loyalty.engine.clock import earliest
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided, PoolUsed, ReturnDecided, Told
from loyalty.engine.member import Member
from loyalty.engine.pools import PoolKey, left_in
from loyalty.engine.versions import Version, Versions
from loyalty.points.clawback import claw_back, give_back
from loyalty.points.expiry import Lifetime, activation, end_of_idling, expiration, idle_until
from loyalty.points.limits import Limited, Room, limit, period_start, room_of
from loyalty.points.rules import (
    Counted,
    Earned,
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
    LotClaimed,
    LotDated,
    Move,
    NewLot,
    OpenLot,
    Policy,
    Posting,
    WalletState,
    spending_order,
)
from loyalty.points.states import State

VISIT = "visit"


@dataclass(frozen=True, slots=True)
class Cause:
    """
    What gives points.

    :param name: once per wallet
    :param said: what the entry explains besides
    :param events: what is known to have happened to the order: kind and instant
    """

    name: str
    said: dict[str, Any]
    order_id: UUID | None = None
    events: tuple[tuple[str, datetime], ...] = ()


# --- what every step is made of -------------------------------------------------------------------------------------


def post(decision: Decision, posting: Posting | None) -> Decision:
    """Return a decision with one more entry, and the member after it."""
    if posting is None:
        return decision
    points = decision.member.of(POINTS)
    after = points.having(points.wallet_of(posting.wallet_id).after(posting))
    return decision.then(posting, member=decision.member.having(POINTS, after))


def with_wallet(decision: Decision, wallet: WalletState) -> Decision:
    """Return a decision with a wallet changed in what no entry says."""
    return decision.then(member=decision.member.having(POINTS, decision.member.of(POINTS).having(wallet)))


def policy_of(decision: Decision, code: str) -> Policy:
    return decision.rules.of(RULES).policy(code)


def lifetime_of(decision: Decision, code: str) -> Lifetime:
    """Return how long points of a wallet live that the occasion gives: a tier may let them live longer."""
    lifetime, extra = policy_of(decision, code).lifetime, decision.occasion.extra_months
    return replace(lifetime, extra_months=extra) if extra else lifetime


def wallet_in(decision: Decision, code: str) -> WalletState:
    return decision.member.of(POINTS).wallet(code)


def extend_inactivity(decision: Decision, code: str, lifetime: Lifetime) -> Decision:
    """Let what expires on inactivity live longer, because its member is active."""
    if not lifetime.on_inactivity:
        return decision
    wallet = wallet_in(decision, code)
    until = idle_until(decision.at, lifetime, decision.rules.zone)
    before = wallet.active_on
    wallet = replace(wallet, active_on=(*before, decision.at))
    if wallet.idle_until is None or wallet.idle_until < until:
        lots = tuple(replace(lot, expires_at=until) if lot.expires_on_inactivity else lot for lot in wallet.lots)
        wallet = replace(wallet, idle_until=until, lots=lots)
    extended = with_wallet(decision, wallet)
    return _reinstate(extended, code, before) if decision.at < decision.now else extended


def _reinstate(decision: Decision, code: str, active_before: Sequence[datetime]) -> Decision:
    """
    Give back what expired on inactivity in the meantime, where a late fact tells that its member was active.

    What time has carried out stays, unless the late fact itself proves it wrong: the points would have ended without it,
    and have not ended with it, or ended later. They come back at the instant at which they had gone.
    """
    coming: dict[tuple[datetime, datetime | None], list[OpenLot]] = {}
    wallet = wallet_in(decision, code)
    for lot in wallet.lots:
        if lot.expires_on_inactivity and lot.expired:
            went = _end_of_idling(decision, code, lot.earned_at, active_before)
            ends = _end_of_idling(decision, code, lot.earned_at, wallet.active_on)
            if went is not None and went <= decision.now and (ends is None or ends > went):
                coming.setdefault((went, ends), []).append(lot)
    for (went, ends), lots in coming.items():
        moves = tuple(Move(lot.id, State.EXPIRED, State.AVAILABLE, lot.expired) for lot in lots)
        said = {"reinstated": sum(move.amount for move in moves)}
        cause = f"reinstate:{lots[0].id}:{decision.at:%Y%m%dT%H%M%S}"
        posting = _posting(decision, wallet_in(decision, code), "restore", cause, said, moves=moves)
        decision = post(decision, replace(posting, occurred_at=went))
        decision = _ending(decision, code, {lot.id for lot in lots}, ends)
    return decision


def _ending(decision: Decision, code: str, ids: Collection[UUID], end: datetime | None) -> Decision:
    """Return a decision in which lots end at an instant that is over; those that live on follow their member."""
    if end is None or end > decision.now:
        return decision
    wallet = wallet_in(decision, code)
    lots = tuple(replace(lot, expires_at=end) if lot.id in ids else lot for lot in wallet.lots)
    return with_wallet(decision, wallet.with_lots(lots))


def _end_of_idling(decision: Decision, code: str, since: datetime, active_on: Sequence[datetime]) -> datetime | None:
    """Return when points end by inactivity, each thing that the member did under the version of its own time."""

    def ends(at: datetime) -> datetime | None:
        version = decision.versions.at(at)
        lifetime = version.of(RULES).policy(code).lifetime if version else None
        return idle_until(at, lifetime, version.zone) if version and lifetime and lifetime.on_inactivity else None

    return end_of_idling(since, active_on, ends)


def _end_with_gap(decision: Decision, code: str, lots: Iterable[NewLot]) -> Decision:
    """
    Let new lots of a late fact end by the gap in which their member did nothing, though it has been active since.

    They go on following their member: another late fact may fill the gap.
    """
    if decision.at >= decision.now:
        return decision
    end = _end_of_idling(decision, code, decision.at, wallet_in(decision, code).active_on)
    return _ending(decision, code, {lot.id for lot in lots if lot.expires_on_inactivity}, end)


def repay(decision: Decision, code: str, lots: Sequence[OpenLot], *, cause: str) -> Decision:
    """Let available points repay what a wallet owes."""
    wallet = wallet_in(decision, code)
    moves, left = _cancelling(lots, wallet.owed)
    repaid = wallet.owed - left
    if not moves:
        return decision
    said = {"repaid": repaid, "still_owed": left}
    return post(decision, _posting(decision, wallet, "repay", cause, said, moves=moves, owed_change=-repaid))


def settle(decision: Decision, code: str, lots: Sequence[OpenLot], *, cause: str) -> Decision:
    """
    Let points that come back settle first what returns could not take, then repay what is owed.

    :param lots: those to which points came back
    """
    wallet = wallet_in(decision, code)
    moves, left = _cancelling(lots, wallet.shortfall)
    if moves:
        settled = wallet.shortfall - left
        said = {"settled": settled, "still_short": left}
        posting = _posting(decision, wallet, "repay", f"settle:{cause}", said, moves=moves, shortfall_change=-settled)
        decision = post(decision, posting)
    ids = {lot.id for lot in lots}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in ids and lot.is_usable(decision.now)]
    return repay(decision, code, usable, cause=f"repay:{cause}")


def _cancelling(lots: Sequence[OpenLot], points: int) -> tuple[tuple[Move, ...], int]:
    """Return the moves that cancel up to so many available points, and how many are left to cancel."""
    moves = []
    for lot in spending_order(lots) if points else ():
        amount = min(points, lot.available)
        if amount:
            moves.append(Move(lot.id, State.AVAILABLE, State.CANCELLED, amount))
            points -= amount
    return tuple(moves), points


def give_points(  # noqa: PLR0913 - who, of what, how many, why
    decision: Decision, code: str, points: int, cause: Cause, *, kind: str = "earn", gift: str = ""
) -> Decision:
    """Give points that no rule counted, and that can be spent at once: a gift, a grant, an adjustment."""
    lifetime = lifetime_of(decision, code)
    decision = extend_inactivity(decision, code, lifetime)
    lot = free_lot(points, lifetime, decision.rules, decision.at, gift=gift)
    wallet = wallet_in(decision, code)
    decision = post(decision, _posting(decision, wallet, kind, cause.name, cause.said, lots=(lot,)))
    return _repay_from(_end_with_gap(decision, code, (lot,)), code, (lot,), cause.name)


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


def _repay_from(decision: Decision, code: str, lots: Sequence[NewLot], cause: str) -> Decision:
    if not wallet_in(decision, code).owed:
        return decision
    mine = {lot.id for lot in lots}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in mine]
    return repay(decision, code, usable, cause=f"repay:{cause}")


def _posting(  # noqa: PLR0913 - what an entry says
    decision: Decision,
    wallet: WalletState,
    kind: str,
    cause: str,
    said: dict[str, Any],
    *,
    moves: tuple[Move, ...] = (),
    lots: tuple[NewLot, ...] = (),
    owed_change: int = 0,
    shortfall_change: int = 0,
    order_id: UUID | None = None,
) -> Posting:
    return Posting(
        retailer_id=decision.member.retailer_id,
        wallet_id=wallet.wallet_id,
        kind=kind,
        cause=cause,
        occurred_at=decision.at,
        explanation=said,
        lots=lots,
        moves=moves,
        owed_change=owed_change,
        shortfall_change=shortfall_change,
        order_id=order_id,
    )


# --- earning --------------------------------------------------------------------------------------------------------


def earn(decision: Decision) -> Decision:
    """Give what an order or an interaction earns, wallet by wallet, within limits and budgets."""
    activity = decision.activity
    if isinstance(activity, OrderPlaced):
        return _earn_for_order(decision, activity)
    assert isinstance(activity, InteractionReported), "only orders and interactions earn"
    earned = earn_for_interaction(activity.kind, decision.rules.of(RULES).earnings, decision.occasion)
    visits = int(activity.kind == VISIT)
    points = 0
    if earned or visits:
        said = {"interaction": activity.kind, "number": activity.number}
        cause = Cause(f"interaction:{activity.interaction_id}", said)
        decision, awards = _give(decision, earned, cause, Day(decision.on, NOTHING, 0, visits=visits))
        points = sum(award.points for award in awards)
    else:
        decision = decision.then(reason="no_rule_gave_points")
    told = [Told("points.earned", {"interaction": activity.number, "points": points}, decision.at)] if points else []
    return decision.then(InteractionDecided(activity.interaction_id, points, decision.reason), *told)


def _earn_for_order(decision: Decision, order: OrderPlaced) -> Decision:
    earned = earn_for_order(order.basket, decision.rules.of(RULES).earnings, decision.occasion)
    cause = Cause(f"order:{order.order_id}", {"order": order.number}, order.order_id, order.events)
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
        case OrderReturned(return_id=return_id, correction=0):
            return decision.then(ReturnDecided(return_id, 0, 0))
    return decision


def grant(decision: Decision) -> Decision:
    """Give points because of something else."""
    activity = decision.activity
    assert isinstance(activity, PointsGranted), "only grants are granted"
    decision = give_points(decision, activity.wallet, activity.points, Cause(activity.cause, activity.said))
    payload = {**activity.said, "points": activity.points}
    return decision.then(Told("points.earned", payload, decision.at))


def celebrate(decision: Decision) -> Decision:
    """Give what a birthday, or an anniversary of joining, earns: once a year, whatever happens."""
    activity = decision.activity
    if not isinstance(activity, TimePassed) or not activity.is_midnight:
        return decision
    kinds = {rule.kind for rule in decision.rules.of(RULES).earnings}
    for kind, began in _celebrated(decision.member, decision.rules):
        if kind in kinds and began < activity.on and _same_day(began, activity.on.year) == activity.on:
            decision = _celebrate(decision, kind, activity.on)
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


def _give(decision: Decision, earned: tuple[Earned, ...], cause: Cause, day: Day) -> tuple[Decision, tuple[Award, ...]]:
    """
    Give what rules earned.

    :param day: to which it counts, with the money, orders and visits that count besides
    """
    awards: list[Award] = []
    reasons: list[str] = []
    parts = by_wallet(earned)
    for code in sorted(parts.keys() | {MAIN}, key=lambda code: (code != MAIN, code)):
        limited = _limited(decision, code, parts.get(code, ()), day.on)
        decision = _award(decision, code, limited, cause)
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
    if not points or version.of(RULES).policy(code).limits.budget is None:
        return decision
    return decision.then(PoolUsed(pool_key(decision.member.program_id, code, version, on), points))


def _limited(decision: Decision, code: str, parts: tuple[Earned, ...], on: date) -> Limited:
    limits = policy_of(decision, code).limits
    earned = 0
    if limits.in_period is not None:
        first = period_start(limits.period, on)
        # All of the period, also what came after a late order's day: together they stay within the limit.
        days = wallet_in(decision, code).days
        earned = sum(day.points for day in days if period_start(limits.period, day.on) == first)
    budget = None
    if limits.budget is not None:
        key = pool_key(decision.member.program_id, code, decision.rules, on)
        budget = left_in(decision.pools, key, limits.budget) - _used(decision, key)
    return limit(parts, limits, room_of(limits, earned=earned, budget_left=budget))


def _used(decision: Decision, key: PoolKey) -> int:
    return sum(effect.points for effect in decision.effects if isinstance(effect, PoolUsed) and effect.key == key)


def _award(decision: Decision, code: str, limited: Limited, cause: Cause) -> Decision:
    """Give points to a wallet, one lot for each rule, and repay what it owes from those that can be spent at once."""
    if not limited.earned:
        return decision
    lifetime = lifetime_of(decision, code)
    decision = extend_inactivity(decision, code, lifetime)
    lots = tuple(_lot(decision, part, lifetime, cause) for part in limited.earned)
    said = {
        **cause.said,
        "version": decision.rules.number,
        "rules": [_explained(part) for part in limited.earned],
        **({} if code == MAIN else {"wallet": code}),
        **({"cut": limited.cut, "limit": limited.allowance, "reason": limited.reason} if limited.cut else {}),
    }
    wallet = wallet_in(decision, code)
    posting = _posting(decision, wallet, "earn", cause.name, said, lots=lots, order_id=cause.order_id)
    return _repay_from(_end_with_gap(post(decision, posting), code, lots), code, lots, cause.name)


def _lot(decision: Decision, part: Earned, lifetime: Lifetime, cause: Cause) -> NewLot:
    zone = decision.rules.zone
    event = lifetime.activation_event if cause.order_id is not None else ""  # nothing else is ever delivered
    since = dict(cause.events).get(event) if event else decision.at
    active_at = None if since is None else activation(since, lifetime, zone)
    return NewLot(
        id=new_id(),
        amount=part.points,
        earned_at=decision.at,
        active_at=active_at,
        expires_at=None if active_at is None else expiration(active_at, lifetime, zone),
        version_id=decision.rules.version_id,
        rule_id=part.rule_id,
        order_id=cause.order_id,
        state=State.AVAILABLE if active_at is not None and active_at <= decision.at else State.PENDING,
        activation_event=event,
        expires_on_inactivity=lifetime.on_inactivity,
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


# --- returns and corrections ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an order keeps of what it gave to one wallet, and what is taken for it (negative: given back)."""

    award: Award
    code: str
    taken: int = 0
    shortfall: int = 0


def take_back(decision: Decision) -> Decision:
    """
    Let an order keep the lesser of what it gave and of what its kept lines would earn; a correction gives anew.

    So the end is the same however a return was split, and a later return may give back what an earlier one took.
    """
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns take back"
    order = activity.decided
    assert order is not None, "the pipeline tells how the order was decided"
    version = decision.versions.version(order.version_id)
    assert version is not None, "an order that was decided under no version has nothing to give back"
    occasion = order.occasion
    earned = by_wallet(earn_for_order(activity.kept, version.of(RULES).earnings, occasion))
    known = {award.wallet_id for award in order.awards}
    awards = list(order.awards)
    if activity.correction:  # other lines may earn in other wallets
        new = [decision.member.of(POINTS).wallet(code).wallet_id for code in earned]
        awards += [Award(wallet_id) for wallet_id in new if wallet_id not in known]
    kept: list[_Kept] = []
    for award in awards:
        decision, one = _keep(decision, award, earned, activity, version)
        kept.append(one)
    decision = _count_less(decision, kept, activity, version)
    for one in kept:
        on = local_date(activity.ordered_at, version.zone)
        decision = use_pool(decision, one.code, version, on, -one.taken)
    after = replace(order, awards=tuple(one.award for one in kept), is_kept=bool(activity.kept.lines))
    taken, shortfall = sum(one.taken for one in kept), sum(one.shortfall for one in kept)
    decision = decision.then(OrderDecided(after))
    if not activity.correction:
        decision = decision.then(ReturnDecided(activity.return_id, taken, shortfall))
    if taken:
        payload = {"return": activity.number, "order": activity.order_number, "points": -taken}
        decision = decision.then(Told("points.returned", payload, decision.at))
    return _pass_on_first(decision, activity)


def _keep(
    decision: Decision, award: Award, earned: dict[str, tuple[Earned, ...]], activity: OrderReturned, version: Version
) -> tuple[Decision, _Kept]:
    """Take from one wallet what its order no longer earns, or give it back."""
    wallet = decision.member.of(POINTS).wallet_of(award.wallet_id)
    policy = version.of(RULES).policy(wallet.code)
    limited = limit(earned.get(wallet.code, ()), policy.limits, Room(period=award.allowance))
    now_earned = total_of(limited.earned)
    gave = now_earned if activity.correction else award.points
    keeps = min(now_earned, gave)
    changed = Award(award.wallet_id, award.allowance, gave, keeps)
    points = award.points_kept - keeps
    said = {
        "return": activity.number,
        "order": activity.order_number,
        "version": version.number,
        "kept_before": award.points_kept,
        "kept_now": keeps,
        **({"correction": activity.correction} if activity.correction else {}),
        **({} if wallet.code == MAIN else {"wallet": wallet.code}),
    }
    if points < 0:
        return _give_again(decision, wallet, -points, said, activity, version), _Kept(changed, wallet.code, points)
    if not points:
        return decision, _Kept(changed, wallet.code)
    taken = claw_back(points, activity.order_id, wallet.lots)
    decision = claim(decision, wallet.code, taken.claims)
    wallet = wallet_in(decision, wallet.code)
    if taken.claims:
        said["waiting"] = sum(amount for _, amount in taken.claims)
    decision, shortfall = take_or_owe(
        decision, wallet, taken.moves, taken.missing, policy, said, _return_cause(activity), activity.order_id
    )
    return decision, _Kept(changed, wallet.code, points, shortfall)


def claim(decision: Decision, code: str, claims: Iterable[tuple[UUID, int]]) -> Decision:
    """Let held points go to a return when their hold ends or, negative, no more."""
    changed = dict(claims)
    if not changed:
        return decision
    wallet = wallet_in(decision, code)
    lots = tuple(
        replace(lot, claimed=lot.claimed + changed[lot.id]) if lot.id in changed else lot for lot in wallet.lots
    )
    effects = (LotClaimed(lot_id, points) for lot_id, points in changed.items())
    return with_wallet(decision.then(*effects), wallet.with_lots(lots))


def take_or_owe(  # noqa: PLR0913 - what an entry says
    decision: Decision,
    wallet: WalletState,
    moves: tuple[Move, ...],
    missing: int,
    policy: Policy,
    said: dict[str, Any],
    cause: str,
    order_id: UUID | None = None,
) -> tuple[Decision, int]:
    """
    Take points; those that are missing are owed, or recorded as a shortfall, as the policy says.

    :returns: the decision, and the shortfall
    """
    owed = missing if policy.allow_negative else 0
    shortfall = missing - owed
    posting = _posting(
        decision,
        wallet,
        "return",
        cause,
        {**said, "owed": owed, "shortfall": shortfall},
        moves=moves,
        owed_change=owed,
        shortfall_change=shortfall,
        order_id=order_id,
    )
    return post(decision, posting), shortfall


def _give_again(  # noqa: PLR0913 - what an entry says
    decision: Decision,
    wallet: WalletState,
    points: int,
    said: dict[str, Any],
    activity: OrderReturned,
    version: Version,
) -> Decision:
    """Give an order's points back: what was owed or missing for it first, then to its own lots, then as a new lot."""
    claims = _unclaimed(points, activity.order_id, wallet)
    decision = claim(decision, wallet.code, claims)
    wallet = wallet_in(decision, wallet.code)
    points -= -sum(amount for _, amount in claims)
    owed = min(points, wallet.owed)
    shortfall = min(points - owed, wallet.shortfall)
    back = give_back(points - owed - shortfall, activity.order_id, wallet.lots, now=decision.now)
    lots: tuple[NewLot, ...] = ()
    if back.missing:
        lifetime = version.of(RULES).policy(wallet.code).lifetime
        lot = free_lot(back.missing, replace(lifetime, extra_months=0), version, decision.at)
        lots = (replace(lot, order_id=activity.order_id),)
    said = {**said, "owed": -owed, "shortfall": -shortfall}
    posting = _posting(
        decision,
        wallet,
        "return",
        _return_cause(activity),
        said,
        moves=back.moves,
        lots=lots,
        owed_change=-owed,
        shortfall_change=-shortfall,
        order_id=activity.order_id,
    )
    return post(decision, posting)


def _unclaimed(points: int, order_id: UUID, wallet: WalletState) -> list[tuple[UUID, int]]:
    """Return the claims on an order's held points that are given up, negative, by lot."""
    given_up = []
    for lot in wallet.lots:
        amount = min(points, lot.claimed) if lot.order_id == order_id else 0
        if amount:
            given_up.append((lot.id, -amount))
            points -= amount
    return given_up


def _return_cause(activity: OrderReturned) -> str:
    if activity.correction:
        return f"correct:{activity.order_id}:{activity.correction}"
    return f"return:{activity.return_id}"


def _count_less(decision: Decision, kept: Sequence[_Kept], activity: OrderReturned, version: Version) -> Decision:
    """Let the order's day count less; an order of which nothing is left is none."""
    if activity.ordered_at < decision.member.enrolled_at:  # of a membership that ended: nothing of it counts any more
        return decision
    on = local_date(activity.ordered_at, version.zone)
    spend = activity.kept.paid - activity.before.paid
    orders = bool(activity.kept.lines) - bool(activity.before.lines)
    for one in kept:
        if one.code == MAIN:
            decision = count(decision, one.award.wallet_id, Day(on, spend, -one.taken, orders))
        elif one.taken:
            decision = count(decision, one.award.wallet_id, Day(on, NOTHING, -one.taken))
    return decision


def _pass_on_first(decision: Decision, activity: OrderReturned) -> Decision:
    """Let the next order count as the member's first where nothing is left of the one that did, with its bonus."""
    member = decision.member
    if activity.kept.lines or member.first_order_id != activity.order_id:
        return decision
    following = activity.next_first
    decision = decision.then(member=member.with_first_order(following.placed.order_id if following else None))
    return _become_first(decision, following) if following else decision


def _become_first(decision: Decision, following: FirstOrder) -> Decision:
    """Give an order what it gives besides as its member's first."""
    order = following.decided
    version = decision.versions.version(order.version_id)
    if version is None:
        return decision
    occasion = replace(order.occasion, is_first=True)
    earned = by_wallet(earn_for_order(following.placed.basket, version.of(RULES).earnings, occasion))
    under = decision.then(version=version, occasion=occasion)
    awards = []
    for award in order.awards:
        wallet = under.member.of(POINTS).wallet_of(award.wallet_id)
        limits = version.of(RULES).policy(wallet.code).limits
        bonus = tuple(part for part in earned.get(wallet.code, ()) if _is_bonus(version, part))
        limited = limit(bonus, replace(limits, transaction=None), Room(period=award.allowance))
        points = total_of(limited.earned)
        cause = Cause(f"first:{order.order_id}", {"order": following.placed.number}, order.order_id)
        under = _award(under, wallet.code, limited, cause)
        on = local_date(following.placed.occurred_at, version.zone)
        if points:
            under = use_pool(count(under, award.wallet_id, Day(on, NOTHING, points)), wallet.code, version, on, points)
        awards.append(replace(award, points=award.points + points, points_kept=award.points_kept + points))
    decided = replace(order, occasion=occasion, awards=tuple(awards))
    return under.then(OrderDecided(decided), version=decision.version, occasion=decision.occasion)


def _is_bonus(version: Version, part: Earned) -> bool:
    kinds = {rule.code: rule.kind for rule in version.of(RULES).earnings}
    return kinds[part.code] is Counted.FIRST_ORDER


# --- leaving -------------------------------------------------------------------------------------------------------


def forfeit(decision: Decision) -> Decision:
    """Cancel all points of a member that leaves, and what it owes."""
    for wallet in decision.member.of(POINTS).wallets:
        moves = tuple(
            Move(lot.id, state, State.CANCELLED, amount)
            for lot in wallet.lots
            for state, amount in ((State.PENDING, lot.pending), (State.AVAILABLE, lot.available))
            if amount
        )
        if moves or wallet.owed or wallet.shortfall:
            said = {"points": sum(move.amount for move in moves), "written_off": wallet.owed}
            posting = _posting(
                decision,
                wallet,
                "leave",
                f"leave:{decision.at:%Y%m%dT%H%M%S%f}",
                said,
                moves=moves,
                owed_change=-wallet.owed,
                shortfall_change=-wallet.shortfall,
            )
            decision = post(decision, posting)
    return decision


# --- time -----------------------------------------------------------------------------------------------------------


def date_lots(decision: Decision) -> Decision:
    """Give an order's lots that awaited an event their dates, and make active those whose days are over."""
    activity = decision.activity
    assert isinstance(activity, OrderEvent), "only events of orders are awaited"
    extra = activity.decided.occasion.extra_months if activity.decided else 0
    for wallet in decision.member.of(POINTS).wallets:
        awaited = [
            lot
            for lot in wallet.lots
            if lot.order_id == activity.order_id and lot.active_at is None and lot.activation_event == activity.kind
        ]
        if awaited:
            decision = _date(decision, wallet, awaited, activity, extra)
    return decision


def _date(
    decision: Decision, wallet: WalletState, awaited: Sequence[OpenLot], activity: OrderEvent, extra: int
) -> Decision:
    dated: dict[UUID, OpenLot] = {}
    effects = []
    for lot in awaited:
        version = decision.versions.version(lot.version_id)
        assert version is not None, "lots name a published version"
        lifetime = replace(version.of(RULES).policy(wallet.code).lifetime, extra_months=extra)
        active_at = activation(activity.occurred_at, lifetime, version.zone)
        ends_at = expiration(active_at, lifetime, version.zone)
        effects.append(LotDated(lot.id, active_at, ends_at))
        ends_at = wallet.idle_until if lot.expires_on_inactivity else ends_at
        dated[lot.id] = replace(lot, active_at=active_at, expires_at=ends_at)
    lots = tuple(dated.get(lot.id, lot) for lot in wallet.lots)
    decision = with_wallet(decision.then(*effects), wallet.with_lots(lots))
    due = [lot for lot in dated.values() if lot.pending and lot.active_at and lot.active_at <= decision.at]
    return _activate(decision, wallet.code, due, cause=f"activate:event:{activity.event_id}") if due else decision


def activate_due(decision: Decision) -> Decision:
    """Make active what is due in every wallet, and repay what is owed from it."""
    for wallet in decision.member.of(POINTS).wallets:
        due = [lot for lot in wallet.lots if lot.pending and lot.active_at is not None and lot.active_at <= decision.at]
        if due:
            decision = _activate(decision, wallet.code, due, cause=f"activate:{due[0].id}")
    return decision


def _activate(decision: Decision, code: str, due: Sequence[OpenLot], *, cause: str) -> Decision:
    moves = tuple(Move(lot.id, State.PENDING, State.AVAILABLE, lot.pending) for lot in due)
    wallet = wallet_in(decision, code)
    decision = post(decision, _posting(decision, wallet, "activate", cause, {"lots": len(moves)}, moves=moves))
    ids = {lot.id for lot in due}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in ids]
    return repay(decision, code, usable, cause=f"repay:{cause}")


def expire_due(decision: Decision) -> Decision:
    """Let points expire that are past their time."""
    for wallet in decision.member.of(POINTS).wallets:
        due = [
            lot for lot in wallet.lots if lot.available and lot.expires_at is not None and lot.expires_at <= decision.at
        ]
        if due:
            moves = tuple(Move(lot.id, State.AVAILABLE, State.EXPIRED, lot.available) for lot in due)
            # A lot may expire again to which points come back, at another instant or with the one that is late.
            cause = f"expire:{due[0].id}:{decision.at:%Y%m%dT%H%M}"
            decision = post(decision, _posting(decision, wallet, "expire", cause, {"lots": len(moves)}, moves=moves))
            decision = decision.then(
                Told("points.expired", {"points": sum(move.amount for move in moves)}, decision.at)
            )
    return decision


def next_of_points(member: Member, now: datetime) -> datetime | None:
    """Return the first instant up to now at which a lot that is known becomes active or expires."""
    instants = [
        earliest(lot.active_at if lot.pending else None, lot.expires_at if lot.available else None)
        for wallet in member.of(POINTS).wallets
        for lot in wallet.lots
    ]
    first = earliest(*instants)
    return first if first is not None and first <= now else None


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return when time will next change something for a member's points."""
    instants: list[datetime | None] = []
    known = {wallet.wallet_id: wallet for wallet in before.of(POINTS).wallets} if before else {}
    for wallet in member.of(POINTS).wallets:
        old = known.get(wallet.wallet_id)
        if old is wallet:
            continue
        seen = {lot.id: lot for lot in old.lots} if old else {}
        instants += [_lot_due(lot) for lot in wallet.lots if seen.get(lot.id) is not lot]
        if old is None:  # an empty wallet may have outlived its instant
            instants.append(wallet.idle_until if wallet.idle_until and wallet.idle_until > now else None)
        elif old.idle_until != wallet.idle_until:
            instants.append(wallet.idle_until)
    if before is None:
        instants.append(next_celebration(member, versions, now))
    return earliest(*instants)


def _lot_due(lot: OpenLot) -> datetime | None:
    activates = lot.active_at if lot.pending else None
    expires = lot.expires_at if lot.available and not lot.expires_on_inactivity else None
    return earliest(activates, expires)


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
