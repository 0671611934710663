"""What a return or a correction of an order takes back, or gives back. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from customers.core.calendar import local_date
from loyalty.engine.activities import (
    Award,
    DecidedOrder,
    FirstOrder,
    OrderReturned,
)
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, OrderDecided, ReturnDecided, Told
from loyalty.engine.versions import Version
from loyalty.points.clawback import claw_back, give_back
from loyalty.points.limits import Limited, Room, first_points, limit
from loyalty.points.rules import (
    Earned,
    by_wallet,
    total_of,
)
from loyalty.points.rules import earn as earn_for_order
from loyalty.points.state import (
    MAIN,
    POINTS,
    RULES,
    Day,
    LotClaimed,
    Move,
    NewLot,
    Policy,
    WalletState,
)
from loyalty.points.steps.earning import award_points, budget_left, count, free_lot, limited_by, use_pool
from loyalty.points.steps.entries import Cause, entry, post, wallet_in, with_wallet


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
    return pass_on_first(decision, activity)


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
    on = local_date(activity.ordered_at, version.zone)
    given = _within_budget(decision, wallet.code, version, on, keeps - award.points_kept)
    cut = keeps - award.points_kept - given
    keeps -= cut
    changed = Award(award.wallet_id, award.allowance, gave, keeps)
    points = award.points_kept - keeps
    said = {
        "return": activity.number,
        "order": activity.order_number,
        "version": version.number,
        "kept_before": award.points_kept,
        "kept_now": keeps,
        **({"correction": activity.correction} if activity.correction else {}),
        **({"cut": cut, "reason": "over_budget"} if cut else {}),
        **({} if wallet.code == MAIN else {"wallet": wallet.code}),
    }
    decision = decision.then(is_tight=decision.is_tight or bool(cut))
    if points < 0 or cut:
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


def _within_budget(decision: Decision, code: str, version: Version, on: date, points: int) -> int:
    """Return how many of some points that are to come back the wallet's budget has left; what is taken needs none."""
    left = budget_left(decision, code, version, on) if points > 0 else None
    return points if left is None else min(points, left)


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
    posting = entry(
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
    posting = entry(
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


def pass_on_first(decision: Decision, activity: OrderReturned) -> Decision:
    """Let the next order count as the member's first where nothing is left of the one that did, with its bonus."""
    member = decision.member
    if activity.kept.lines or member.first_order_id != activity.order_id:
        return decision
    following = activity.next_first
    decision = decision.then(member=member.with_first_order(following.placed.order_id if following else None))
    return _become_first(decision, following) if following else decision


def _become_first(decision: Decision, following: FirstOrder) -> Decision:
    """
    Decide an order anew as its member's first, by its own version, and give it what it is worth more by that.

    Where it would be worth less in any wallet, it keeps what it has, and its returns go on being decided as before.
    """
    order, basket = following.decided, following.placed.basket
    version = decision.versions.version(order.version_id)
    assert version is not None, "an order that was decided under no version does not become the first"
    occasion = replace(order.occasion, is_first=True)
    earnings = version.of(RULES).earnings
    anew = by_wallet(earn_for_order(basket, earnings, occasion))
    before = by_wallet(earn_for_order(basket, earnings, order.occasion))
    under = decision.then(version=version, occasion=occasion)
    gains = [_gain(under, code, following, anew, before) for code in _codes(under, order, anew)]
    is_tight = decision.is_tight or any(gain.limited.reason == "over_budget" for gain in gains)
    decision, under = decision.then(is_tight=is_tight), under.then(is_tight=is_tight)
    if any(gain.points < 0 for gain in gains) or not any(gain.points for gain in gains):
        return decision.then(OrderDecided(replace(order, is_first=True)))
    awards = []
    for gain in gains:
        under, award = _award_gain(under, gain, following)
        awards.append(award)
    decided = replace(order, occasion=occasion, awards=tuple(awards), is_first=True)
    return under.then(OrderDecided(decided), version=decision.version, occasion=decision.occasion)


def _codes(decision: Decision, order: DecidedOrder, anew: Mapping[str, Any]) -> list[str]:
    """Return the wallets in which an order gave, or would give, something: the main one first."""
    points = decision.member.of(POINTS)
    codes = {points.wallet_of(award.wallet_id).code for award in order.awards} | anew.keys()
    return sorted(codes, key=lambda code: (code != MAIN, code))


@dataclass(frozen=True, slots=True)
class _Gain:
    """
    What an order gains in one wallet by becoming its member's first.

    :param award: what it gave and keeps so far
    :param points: that it gains; negative where it is worth less
    :param limited: those points by rule, and what there is room for
    """

    code: str
    award: Award
    points: int
    limited: Limited


def _gain(
    under: Decision,
    code: str,
    following: FirstOrder,
    anew: Mapping[str, tuple[Earned, ...]],
    before: Mapping[str, tuple[Earned, ...]],
) -> _Gain:
    wallet_id = wallet_in(under, code).wallet_id
    award = next((each for each in following.decided.awards if each.wallet_id == wallet_id), Award(wallet_id))
    on = local_date(following.placed.occurred_at, under.rules.zone)
    parts, had = anew.get(code, ()), before.get(code, ())
    # It makes room for itself: so it is decided as if it had not been.
    room = use_pool(
        count(under, wallet_id, Day(on, NOTHING, -award.points_kept)), code, under.rules, on, -award.points_kept
    )
    limited = limited_by(room, code, parts, on)
    # What else has room by now was cut when it was decided, and stays so.
    points = min(total_of(limited.earned) - award.points_kept, total_of(parts) - total_of(had))
    gained = _gained(limited.earned, first_points(had, award.points_kept), points)
    return _Gain(code, award, points, replace(limited, earned=gained, cut=limited.cut if points else 0))


def _gained(anew: Sequence[Earned], before: Sequence[Earned], points: int) -> tuple[Earned, ...]:
    """Return up to so many points that rules give anew and did not give before."""
    known = {part.rule_id: part.points for part in before}
    more = (replace(part, points=part.points - known.get(part.rule_id, 0)) for part in anew)
    return first_points([part for part in more if part.points > 0], max(points, 0))


def _award_gain(decision: Decision, gain: _Gain, following: FirstOrder) -> tuple[Decision, Award]:
    """Give what an order gains in one wallet; it lives from now on, and what it awaits may have happened already."""
    order = following.placed
    happened = tuple((kind, max(at, decision.at)) for kind, at in order.events)
    cause = Cause(f"first:{order.order_id}", {"order": order.number}, order.order_id, happened)
    decision = award_points(decision, gain.code, gain.limited, cause)
    on = local_date(order.occurred_at, decision.rules.zone)
    if gain.points:
        decision = count(decision, gain.award.wallet_id, Day(on, NOTHING, gain.points))
        decision = use_pool(decision, gain.code, decision.rules, on, gain.points)
    points, kept = gain.award.points + gain.points, gain.award.points_kept + gain.points
    return decision, Award(gain.award.wallet_id, gain.limited.allowance, points, kept)
