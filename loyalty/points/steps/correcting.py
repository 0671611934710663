"""What the correction of an order takes back, or gives: as if the order had never said anything else. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.activities import Award, DecidedOrder, OrderCorrected, OrderPlaced
from loyalty.engine.basket import NOTHING, Basket
from loyalty.engine.decision import Decision, OrderDecided, Told
from loyalty.engine.versions import Version
from loyalty.points.clawback import claw_back
from loyalty.points.limits import Limited, Room, limit
from loyalty.points.rules import Earned, by_wallet, total_of
from loyalty.points.rules import earn as earn_for_order
from loyalty.points.state import MAIN, POINTS, RULES, Day
from loyalty.points.steps.earning import award_points, count, nothing_given
from loyalty.points.steps.entries import Cause, keeps_until, policy_of, wallet_in
from loyalty.points.steps.giving_back import claim, give_own_back, own_back
from loyalty.points.steps.idling import disprove
from loyalty.points.steps.keeping import Earns, keep, keep_until, kept_by_others
from loyalty.points.steps.limiting import limited_on, use_pool
from loyalty.points.steps.moved_orders import pull_out
from loyalty.points.steps.returning import pass_on_first, take_or_owe


@dataclass(frozen=True, slots=True)
class _Target:
    """What an order is to have given to a wallet, and what it keeps of it, rule by rule."""

    award: Award
    kept: tuple[Earned, ...] = ()
    reason: str = ""


def count_out(decision: Decision) -> Decision:
    """Let the day of the old content count without the order, and give to its budgets what came from them."""
    activity = _activity(decision)
    order = _decided(activity)
    version = _version_before(decision, order)
    on = local_date(activity.ordered_at, version.zone)
    for award in order.awards:
        code = decision.member.of(POINTS).wallet_of(award.wallet_id).code
        decision = _count(decision, code, _day(on, activity.before, award.points_kept).negative)
        decision = use_pool(decision, code, version, on, -award.points_kept)
    return decision


def correct(decision: Decision) -> Decision:
    """
    Let an order give what it would have given had it always said what it says now, within what limits have left by now.

    What it gave counts no more by then (`count_out`).

    What time and spending have done to its points stays done: only the difference is taken, or given as points of the
    order's own instant. Where that instant has moved, all points are those of the new one, wherever they are.
    """
    activity = _activity(decision)
    order = _decided(activity)
    targets = _targets(decision, activity, order)
    decision = _disprove(decision, activity, targets)
    changed = 0
    for code, target in targets.items():
        before = _kept_before(decision, order, code)
        decision = _change(decision, activity, code, before, target)
        decision = _count_in(decision, activity, code, target.award.points_kept)
        changed += target.award.points_kept - before
    decision = _decide_again(decision, activity, order, tuple(targets.values()))
    decision = _keep(decision, activity, order, targets)
    if changed:
        payload = {"order": activity.order_number, "points": changed}
        decision = decision.then(Told("points.corrected", payload, decision.at))
    return pass_on_first(decision, activity)


def _activity(decision: Decision) -> OrderCorrected:
    assert isinstance(decision.activity, OrderCorrected), "only corrections correct"
    return decision.activity


def _decided(activity: OrderCorrected) -> DecidedOrder:
    assert activity.decided is not None, "the pipeline tells how the order was decided"
    return activity.decided


def _version_before(decision: Decision, order: DecidedOrder) -> Version:
    version = decision.versions.decided(order.version_id, order.occasion)
    assert version is not None, "an order that was decided under no version is placed anew"
    return version


def _kept_before(decision: Decision, order: DecidedOrder, code: str) -> int:
    wallet_id = wallet_in(decision, code).wallet_id
    return sum(award.points_kept for award in order.awards if award.wallet_id == wallet_id)


def _count_in(decision: Decision, activity: OrderCorrected, code: str, points: int) -> Decision:
    """Let the day of the new content count the order, and take from its budgets what it keeps."""
    if activity.is_withdrawn or activity.placed is None:
        return decision
    on = local_date(activity.placed.occurred_at, decision.rules.zone)
    return use_pool(_count(decision, code, _day(on, activity.kept, points)), code, decision.rules, on, points)


def _day(on: date, basket: Basket, points: int) -> Day:
    return Day(on, basket.paid, points, int(bool(basket.lines)))


def _count(decision: Decision, code: str, day: Day) -> Decision:
    """Count a day; what was spent, and orders, count with the main wallet alone."""
    wallet_id = wallet_in(decision, code).wallet_id
    if code == MAIN:
        return count(decision, wallet_id, day)
    return count(decision, wallet_id, Day(day.on, NOTHING, day.points)) if day.points else decision


def _targets(decision: Decision, activity: OrderCorrected, order: DecidedOrder) -> dict[str, _Target]:
    """Return what the order is to give, wallet by wallet, the main one first."""
    points = decision.member.of(POINTS)
    codes = {points.wallet_of(award.wallet_id).code for award in order.awards} | {MAIN}
    if activity.is_withdrawn or activity.placed is None:
        return {code: _Target(Award(points.wallet(code).wallet_id)) for code in _main_first(codes)}
    placed, earnings = activity.placed, decision.rules.of(RULES).earnings
    whole = by_wallet(earn_for_order(placed.basket, earnings, decision.occasion))
    kept = by_wallet(earn_for_order(activity.kept, earnings, decision.occasion))
    on = local_date(placed.occurred_at, decision.rules.zone)
    found = {}
    for code in _main_first(codes | whole.keys()):
        limited = limited_on(decision, code, whole.get(code, ()), on)
        found[code] = _target(decision, code, limited, kept.get(code, ()))
    return found


def _main_first(codes: set[str]) -> list[str]:
    return sorted(codes, key=lambda code: (code != MAIN, code))


def _target(decision: Decision, code: str, whole: Limited, kept: tuple[Earned, ...]) -> _Target:
    gives = total_of(whole.earned)
    left = limit(kept, policy_of(decision, code).limits, Room(period=whole.allowance)).earned
    keeps = _some_of(left, gives)
    award = Award(wallet_in(decision, code).wallet_id, whole.allowance, gives, total_of(keeps))
    return _Target(award, keeps, whole.reason)


def _some_of(parts: Sequence[Earned], points: int, *, last: bool = False) -> tuple[Earned, ...]:
    """Return the first, or the last, so many points."""
    found = []
    for part in reversed(parts) if last else parts:
        some = min(part.points, points)
        points -= some
        if some:
            found.append(replace(part, points=some))
    return tuple(reversed(found)) if last else tuple(found)


def _change(decision: Decision, activity: OrderCorrected, code: str, before: int, target: _Target) -> Decision:
    """Bring what an order keeps in a wallet from what it was to what it is to be."""
    there, after = before, target.award.points_kept
    if activity.is_moved and not activity.is_withdrawn:
        decision, there = pull_out(decision, activity, code, before)
    said = {
        "order": activity.order_number,
        "correction": activity.correction,
        "version": decision.rules.number,
        "kept_before": before,
        "kept_now": after,
        **({} if code == MAIN else {"wallet": code}),
    }
    if after < there:
        return _take(decision, activity, code, there - after, said)
    return _give(decision, activity, code, _some_of(target.kept, after - there, last=True), said)


def _take(decision: Decision, activity: OrderCorrected, code: str, points: int, said: dict[str, Any]) -> Decision:
    taken = claw_back(points, activity.order_id, wallet_in(decision, code).lots)
    decision = claim(decision, code, taken.claims)
    if taken.claims:
        said["waiting"] = sum(amount for _, amount in taken.claims)
    wallet, policy = wallet_in(decision, code), policy_of(decision, code)
    decision, _ = take_or_owe(
        decision, wallet, taken.moves, taken.missing, policy, said, activity.cause, activity.order_id
    )
    return decision


def _give(
    decision: Decision, activity: OrderCorrected, code: str, parts: tuple[Earned, ...], said: dict[str, Any]
) -> Decision:
    """Give what earlier corrections or returns of the order had taken, or missed, back first; the rest as new points."""
    points = total_of(parts)
    if not points:
        return decision
    placed = activity.placed
    assert placed is not None, "an order that is its member's no more gives nothing"
    wallet = wallet_in(decision, code)
    # What was taken from lots of the order's own instant goes back to them.
    lots = [lot for lot in wallet.lots if lot.earned_at == placed.occurred_at and not activity.is_moved]
    back = own_back(decision, wallet, points, activity.order_id, lots)
    if not back.is_nothing:
        decision = give_own_back(decision, code, back, said, activity)
    new = _some_of(parts, back.missing, last=True)
    told = {"order": activity.order_number, "correction": activity.correction}
    cause = Cause(placed.cause, told, activity.order_id, placed.events)
    now = decision.at
    return award_points(decision.then(at=placed.occurred_at), code, Limited(new), cause).then(at=now)


def _disprove(decision: Decision, activity: OrderCorrected, targets: Mapping[str, _Target]) -> Decision:
    """Let nothing live on by the order where it earns nothing any more, or by the instant that it has no more."""
    keeping = _keeping(decision, activity, targets)
    for wallet in decision.member.of(POINTS).wallets:
        if wallet.code not in keeping:
            decision = disprove(decision, wallet.code, lambda active: active.order_id == activity.order_id)
    return decision


def _keeping(decision: Decision, activity: OrderCorrected, targets: Mapping[str, _Target]) -> Collection[str]:
    """Return the wallets of which what they have lives on by the order as it did."""
    if activity.is_withdrawn or activity.is_moved or activity.placed is None:
        return frozenset()
    under = decision.then(at=activity.placed.occurred_at)
    earning = {code for code, target in targets.items() if target.award.points}
    return earning | kept_by_others(under, _earned_by(under, activity.placed)).keys()


def _keep(
    decision: Decision, activity: OrderCorrected, order: DecidedOrder, targets: Mapping[str, _Target]
) -> Decision:
    """
    Let what its member has live on by the order at the instant that it has now, where no points of it do that.

    None do where it earns nothing for its arms, and where all that it gives came back, or was settled with what it owes.
    """
    if activity.is_withdrawn or activity.placed is None:
        return decision
    placed, now = activity.placed, decision.at
    said = {"order": activity.order_number, "correction": activity.correction}
    cause = Cause(placed.cause, said, activity.order_id)
    under = decision.then(at=placed.occurred_at)
    under = keep(under, _earned_by(under, placed), cause, [target.award for target in targets.values()])
    for code, target in targets.items():
        until = keeps_until(under, code) if target.award.points else None
        if until is not None and _is_new(under, activity, order, code):
            under = keep_until(under, code, until, cause)
    return under.then(at=now)


def _earned_by(decision: Decision, placed: OrderPlaced) -> Earns:
    return lambda rules: earn_for_order(placed.basket, rules, decision.occasion)


def _is_new(decision: Decision, activity: OrderCorrected, order: DecidedOrder, code: str) -> bool:
    """Tell whether an order that gave a wallet nothing, or not at this instant, gives it something now, and no entry says so."""
    wallet = wallet_in(decision, code)
    gave = any(award.wallet_id == wallet.wallet_id and award.points for award in order.awards)
    told = any((each.at, each.order_id) == (decision.at, order.order_id) for each in wallet.actives or ())
    return not told and (activity.is_moved or not gave)


def _decide_again(
    decision: Decision, activity: OrderCorrected, order: DecidedOrder, targets: tuple[_Target, ...]
) -> Decision:
    """Note how the order stands now; it becomes its member's first where there is none."""
    awards = tuple(target.award for target in targets)
    reasons = [target.reason for target in targets if target.reason]
    nothing = "" if any(award.points for award in awards) else nothing_given(decision.rules)
    decided = replace(
        order,
        version_id=decision.rules.version_id,
        occasion=order.occasion if activity.is_withdrawn else decision.occasion,
        reason=reasons[0] if reasons else nothing,
        awards=awards,
        is_kept=bool(activity.kept.lines),
    )
    member = decision.member
    if decided.is_kept and member.first_order_id is None:
        member = member.with_first_order(order.order_id)
    tight = decision.is_tight or "over_budget" in reasons
    return decision.then(OrderDecided(decided), member=member, reason=decided.reason, is_tight=tight)
