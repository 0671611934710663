"""What a return of an order takes back, or gives back. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.activities import (
    Award,
    DecidedOrder,
    FirstOrder,
    OrderCorrected,
    OrderReturned,
    cause_of_version,
)
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, OrderDecided, ReturnDecided, Told
from loyalty.engine.versions import Version
from loyalty.points.clawback import claw_back
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
    Move,
    NewLot,
    Policy,
    WalletState,
)
from loyalty.points.steps.earning import award_points, count
from loyalty.points.steps.entries import Cause, entry, post, wallet_in
from loyalty.points.steps.giving import free_lot
from loyalty.points.steps.giving_back import claim, give_own_back, own_back
from loyalty.points.steps.limiting import budget_left, limited_on, use_pool


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an order keeps of what it gave to one wallet, and what is taken for it (negative: given back)."""

    award: Award
    code: str
    taken: int = 0
    shortfall: int = 0


def take_back(decision: Decision) -> Decision:
    """
    Let an order keep the lesser of what it gave and of what its kept lines would earn.

    So the end is the same however a return was split, and a later return may give back what an earlier one took.
    """
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns take back"
    order = activity.decided
    assert order is not None, "the pipeline tells how the order was decided"
    version = decision.versions.decided(order.version_id, order.occasion)
    assert version is not None, "an order that was decided under no version has nothing to give back"
    occasion = order.occasion
    earned = by_wallet(earn_for_order(activity.kept, version.of(RULES).earnings, occasion))
    kept: list[_Kept] = []
    for award in order.awards:
        decision, one = _keep(decision, award, earned, activity, version)
        kept.append(one)
    decision = _count_less(decision, kept, activity, version)
    for one in kept:
        on = local_date(activity.ordered_at, version.zone)
        decision = use_pool(decision, one.code, version, on, -one.taken)
    after = replace(order, awards=tuple(one.award for one in kept), is_kept=bool(activity.kept.lines))
    taken, shortfall = sum(one.taken for one in kept), sum(one.shortfall for one in kept)
    decision = decision.then(OrderDecided(after), ReturnDecided(activity.return_id, taken, shortfall))
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
    limits = policy.limits
    if limits.transaction is not None and award.points > limits.transaction:
        limits = replace(limits, transaction=None)  # it was not rejected: a bonus that was passed on came on top
    limited = limit(earned.get(wallet.code, ()), limits, Room(period=award.allowance))
    keeps = min(total_of(limited.earned), award.points)
    on = local_date(activity.ordered_at, version.zone)
    given = _within_budget(decision, wallet.code, version, on, keeps - award.points_kept)
    cut = keeps - award.points_kept - given
    keeps -= cut
    changed = replace(award, points_kept=keeps)
    points = award.points_kept - keeps
    said = {
        "return": activity.number,
        "order": activity.order_number,
        "version": version.number,
        "kept_before": award.points_kept,
        "kept_now": keeps,
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
        decision, wallet, taken.moves, taken.missing, policy, said, activity.cause, activity.order_id
    )
    return decision, _Kept(changed, wallet.code, points, shortfall)


def _within_budget(decision: Decision, code: str, version: Version, on: date, points: int) -> int:
    """Return how many of some points that are to come back the wallet's budget has left; what is taken needs none."""
    left = budget_left(decision, code, version, on) if points > 0 else None
    return points if left is None else min(points, left)


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
    """Give points that returns had taken back to their order; what it gave less then, it gives as a new lot."""
    back = own_back(decision, wallet, points, activity.order_id, wallet.lots)
    lots = _new_lots(back.missing, decision, wallet.code, activity, version)
    return give_own_back(decision, wallet.code, back, said, activity, lots)


def _new_lots(
    points: int, decision: Decision, code: str, activity: OrderReturned, version: Version
) -> tuple[NewLot, ...]:
    """Return the lot of points that an order gives besides what it gave before, if there are any."""
    if not points:
        return ()
    lifetime = version.of(RULES).policy(code).lifetime
    lot = free_lot(points, replace(lifetime, extra_months=0), version, decision.at)
    return (replace(lot, order_id=activity.order_id),)


def _count_less(decision: Decision, kept: Sequence[_Kept], activity: OrderReturned, version: Version) -> Decision:
    """Let the order's day count less; an order of which nothing is left is none."""
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
    if following is None or not following.decided.occasion.is_first:
        decision = _be_first_no_more(decision, activity.order_id)
    if following is None:
        return decision
    # A correction tells what was so from the beginning; a return is something that happens.
    at = following.placed.occurred_at if isinstance(activity, OrderCorrected) else decision.at
    return _become_first(decision.then(at=at), following).then(at=decision.at)


def _be_first_no_more(decision: Decision, order_id: UUID) -> Decision:
    """Let an order have no bonus again, whatever it is corrected to, because another one has it, or will."""
    for effect in reversed(decision.effects):
        if isinstance(effect, OrderDecided) and effect.order.order_id == order_id:
            occasion = replace(effect.order.occasion, is_first=False)
            return decision.then(OrderDecided(replace(effect.order, occasion=occasion)))
    return decision


def _become_first(decision: Decision, following: FirstOrder) -> Decision:
    """
    Decide an order anew as its member's first, by its own version, and give it what it is worth more by that.

    Where it would be worth less in any wallet, it keeps what it has, and its returns go on being decided as before.
    """
    order, basket = following.decided, following.placed.basket
    version = decision.versions.decided(order.version_id, order.occasion)
    assert version is not None, "an order that was decided under no version does not become the first"
    # It was given as such to one of two customers who turned out to be one, or was so in a membership that has ended.
    if order.occasion.is_first or order.is_forfeited:
        return decision.then(OrderDecided(order))
    occasion = replace(order.occasion, is_first=True)
    earnings = version.of(RULES).earnings
    anew = by_wallet(earn_for_order(basket, earnings, occasion))
    before = by_wallet(earn_for_order(basket, earnings, order.occasion))
    under = decision.then(version=version, occasion=occasion)
    codes = _codes(under, order, anew)
    worth = {code: total_of(anew.get(code, ())) - total_of(before.get(code, ())) for code in codes}
    if any(points < 0 for points in worth.values()) or not any(worth.values()):
        return decision.then(OrderDecided(order))
    awards = []
    for code in codes:
        gain = _gain(under, code, following, anew.get(code, ()), before.get(code, ()))
        under, award = _award_gain(under, gain, following)
        awards.append(award)
    decided = replace(order, occasion=occasion, awards=tuple(awards))
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
    :param limited: what it gains by rule, as far as there is room for it
    """

    code: str
    award: Award
    limited: Limited


def _gain(
    under: Decision, code: str, following: FirstOrder, parts: tuple[Earned, ...], had: tuple[Earned, ...]
) -> _Gain:
    """
    Return what an order gains in one wallet, as far as the period and the budget have room for it now.

    An order that was over the transaction's limit was rejected whole, and gains nothing; what it gains rejects no other.

    :param parts: what it earns as the first
    :param had: what it earns as any other
    """
    wallet_id = wallet_in(under, code).wallet_id
    award = next((each for each in following.decided.awards if each.wallet_id == wallet_id), Award(wallet_id))
    limits = under.rules.of(RULES).policy(code).limits
    if limit(had, limits, Room()).reason:
        return _Gain(code, award, Limited(()))
    on = local_date(following.placed.occurred_at, under.rules.zone)
    # It makes room for itself: so it is decided as if it had not been.
    room = count(under, wallet_id, Day(on, NOTHING, -award.points_kept))
    room = use_pool(room, code, under.rules, on, -award.points_kept)
    limited = limited_on(room, code, parts, on, replace(limits, transaction=None))
    # What else has room by now was cut when it was decided, and stays so.
    points = min(total_of(limited.earned) - award.points_kept, total_of(parts) - total_of(had))
    gained = _gained(limited.earned, first_points(had, award.points_kept), points)
    return _Gain(code, award, replace(limited, earned=gained))


def _gained(anew: Sequence[Earned], before: Sequence[Earned], points: int) -> tuple[Earned, ...]:
    """Return up to so many points that rules give anew and did not give before."""
    known = {part.rule_id: part.points for part in before}
    more = (replace(part, points=part.points - known.get(part.rule_id, 0)) for part in anew)
    return first_points([part for part in more if part.points > 0], max(points, 0))


def _award_gain(decision: Decision, gain: _Gain, following: FirstOrder) -> tuple[Decision, Award]:
    """Give what an order gains in one wallet; it lives from now on, and what it awaits may have happened already."""
    order = following.placed
    happened = tuple((kind, max(at, decision.at)) for kind, at in order.events)
    name = cause_of_version("first", order.order_id, order.version)
    cause = Cause(name, {"order": order.number}, order.order_id, happened)
    decision = award_points(decision, gain.code, gain.limited, cause)
    on = local_date(order.occurred_at, decision.rules.zone)
    points = total_of(gain.limited.earned)
    if points:
        decision = count(decision, gain.award.wallet_id, Day(on, NOTHING, points))
        decision = use_pool(decision, gain.code, decision.rules, on, points)
    decision = decision.then(is_tight=decision.is_tight or gain.limited.reason == "over_budget")
    award, total = gain.award, gain.award.points + points
    allowance = None if award.allowance is None else max(award.allowance, total)
    return decision, Award(award.wallet_id, allowance, total, award.points_kept + points)
