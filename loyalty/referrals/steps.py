"""
What claims, orders, returns and merges make of referrals, step by step. Pure.

A friend's member alone is decided here; what its referrer gets waits for that one as a grant, and so does its own reward.
What a referral has earned follows from the friend's orders as they are known, in whatever order they were told.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.ids import new_id
from loyalty.engine.activities import (
    GivenOver,
    GrantTakenBack,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
    ReferralClaimed,
    ReferralReviewed,
    TakenOver,
)
from loyalty.engine.basket import Basket
from loyalty.engine.decision import Decision, Effect, PoolUsed, Told
from loyalty.engine.pools import PoolKey, left_in
from loyalty.points.expiry import Lifetime, activation
from loyalty.points.limits import period_start
from loyalty.points.state import GrantAsked, GrantDecided
from loyalty.referrals.rules import (
    BOUGHT_BEFORE,
    CYCLE,
    NOT_CLAIMED,
    SAME_CUSTOMER,
    SCORES,
    FriendOrder,
    ReferralRules,
    Suspicion,
    earning_order,
    is_just_above,
    judge,
    plain,
    with_order,
    without_order,
)
from loyalty.referrals.state import (
    ADVOCATE,
    EARNED,
    FRIEND,
    HELD,
    OPEN,
    POLICY,
    REFERRALS,
    REFUSED,
    TAKEN_BACK,
    Candidate,
    Given,
    MemberReplaced,
    Referral,
    ReferralSaved,
    ReferralState,
    SignalsSeen,
)

FINAL = frozenset({SAME_CUSTOMER, CYCLE, "friend_left"})  # whatever the friend orders then
POOL = "@referrals"  # no wallet has such a code: the budget of referrals is one for all wallets


def claim(decision: Decision) -> Decision:
    """Let a member say who referred it."""
    activity = decision.activity
    assert isinstance(activity, ReferralClaimed), "referrals are claimed"
    if not decision.member.has(REFERRALS):
        return decision
    candidate = decision.member.of(REFERRALS).candidates.get(activity.id)
    if candidate is None:
        return decision
    claimed = _claim(decision, candidate, activity.channel, activity.signals)
    return claimed if claimed is decision else settle(claimed)


def follow_order(decision: Decision) -> Decision:
    """Let an order count for the referral by which its customer came; its promotion code may say which one that is."""
    activity = decision.activity
    assert isinstance(activity, OrderPlaced), "orders are placed"
    if not decision.member.has(REFERRALS):
        return decision
    state = decision.member.of(REFERRALS)
    candidate = state.candidates.get(activity.order_id)
    if candidate and (state.referral is None or not state.referral.is_live):
        decision = _claim(decision, candidate, "order", {})
    return _know(decision, _order(activity.order_id, decision.at, activity.basket))


def follow_return(decision: Decision) -> Decision:
    """Let what came back of an order, or its correction, count for its customer's referral."""
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "orders come back"
    if isinstance(activity, OrderCorrected):
        return _follow_correction(decision, activity)
    if not _has_referral(decision):
        return decision
    return _know(decision, _order(activity.order_id, activity.ordered_at, activity.kept))


def _follow_correction(decision: Decision, activity: OrderCorrected) -> Decision:
    if not decision.member.has(REFERRALS):
        return decision
    placed = None if activity.is_withdrawn else activity.placed
    decision = _correct_claim(decision, activity, placed)
    if not _has_referral(decision):
        return decision
    if placed is None:
        return _forget(decision, activity.order_id)
    return _know(decision, _order(activity.order_id, placed.occurred_at, activity.kept))


def _correct_claim(decision: Decision, activity: OrderCorrected, placed: OrderPlaced | None) -> Decision:
    """
    Let an order have claimed what its promotion code says now, when it was placed as it says now.

    :param placed: the order as it is now; None where it is the member's no more
    """
    candidate = decision.member.of(REFERRALS).candidates.get(activity.order_id) if placed else None
    claimed = _claimed_by(decision, activity)
    if claimed is not None and (candidate is None or candidate.code != claimed.code):
        decision = _end(decision, claimed, REFUSED, NOT_CLAIMED)
    if candidate is None or placed is None:
        return decision
    if claimed is not None and candidate.code == claimed.code:
        return _move_claim(decision, claimed, placed.occurred_at, candidate.orders)
    if _has_referral(decision) and _of(decision).is_live:
        return decision
    return _claim(decision.then(at=placed.occurred_at), candidate, "order", {}).then(at=decision.at)


def _move_claim(decision: Decision, claimed: Referral, at: datetime, orders: tuple[FriendOrder, ...]) -> Decision:
    """Let a claim be of another instant; where something else was promised then, what was earned goes back, to be earned anew."""
    if at == claimed.claimed_at:
        return decision
    if claimed.status == EARNED and _rules(decision, claimed) != decision.rules.of(POLICY):
        decision = _end(decision, claimed, TAKEN_BACK, NOT_CLAIMED)
        claimed = _of(decision)
    moved = replace(claimed, claimed_at=at, version_id=decision.rules.version_id, orders=orders)
    return _save(decision, moved)


def _claimed_by(decision: Decision, activity: OrderCorrected) -> Referral | None:
    """Return the member's live referral if the old content of a corrected order had claimed it."""
    if not _has_referral(decision) or not _of(decision).is_live or _of(decision).channel != "order":
        return None
    referral = _of(decision)
    known_at = next((each.at for each in referral.orders if each.id == activity.order_id), activity.ordered_at)
    named = plain(activity.before.promotion_code)
    return referral if (named, known_at) == (referral.code, referral.claimed_at) else None


def review(decision: Decision) -> Decision:
    """Let somebody decide what was held: approved, it earns by the friend's orders since; refused, it ends with its rewards."""
    activity = decision.activity
    assert isinstance(activity, ReferralReviewed), "referrals are reviewed"
    if not _has_referral(decision):
        return decision
    referral = _of(decision)
    if referral.id != activity.referral_id or not referral.is_live:
        return decision
    reviewed = replace(referral, reviewed_by=activity.author, review_note=activity.note, reviewed_at=decision.at)
    if not activity.is_approved:
        return _end(decision, reviewed, REFUSED, "refused_by_staff")
    if referral.status != HELD:
        return decision
    decision = _save(decision, replace(reviewed, status=OPEN, reason=""))
    return settle(_tell(decision, "approved", decision.at))


def recheck(decision: Decision) -> Decision:
    """End what turned out to be no referral: the friend is the referrer, or bought before, as merged customers tell."""
    return settle(decision) if _has_referral(decision) else decision


def settle(decision: Decision) -> Decision:
    """Bring a referral's rewards to what the friend's orders, as they are known now, have earned."""
    state, referral = decision.member.of(REFERRALS), _of(decision)
    if not referral.is_live or (referral.status == TAKEN_BACK and referral.reason in FINAL):
        return decision
    in_cycle = state.in_cycle and referral.status != TAKEN_BACK  # which is in none, unless it is earned again
    if reason := SAME_CUSTOMER if state.is_same_person else CYCLE if in_cycle else "":
        return _end(decision, referral, TAKEN_BACK if referral.round else REFUSED, reason)
    if state.bought_at is not None and state.bought_at < referral.claimed_at:
        return _lose(decision, referral, BOUGHT_BEFORE)
    return decision if referral.status == HELD else _follow_orders(decision, referral)


def _follow_orders(decision: Decision, referral: Referral) -> Decision:
    """Earn a referral, or lose it, by the friend's orders."""
    rules = _rules(decision, referral)
    earning = earning_order(referral.orders, referral.claimed_at, rules)
    if earning.order is None:
        return _lose(decision, referral, earning.reason)
    if referral.status == EARNED:
        changed = replace(referral, order_id=earning.order.id)
        return decision if changed == referral else _save(decision, changed)
    if decision.member.of(REFERRALS).in_cycle:
        return _end(decision, referral, TAKEN_BACK, CYCLE)
    if not referral.reviewed_by and _is_too_suspicious(referral, earning.order, rules):
        seen = Suspicion("just_above_minimum", SCORES["just_above_minimum"])
        held = replace(referral, status=HELD, reason="suspicious", suspicions=(*referral.suspicions, seen))
        return _tell(_save(decision, held), "held", decision.at)
    return _earn(decision, referral, earning.order, rules)


def leave(decision: Decision) -> Decision:
    """End the referral of a member that leaves; its referrer keeps the reward once the waiting is over."""
    if not _has_referral(decision) or not _of(decision).is_live:
        return decision
    referral = _of(decision)
    if referral.status == EARNED:
        is_over = referral.pending_until is not None and referral.pending_until <= decision.at
        return decision if is_over else _end(decision, referral, TAKEN_BACK, "friend_left")
    return _end(decision, referral, REFUSED, "friend_left") if referral.status in {OPEN, HELD} else decision


def give_over(decision: Decision) -> Decision:
    """Let whom a member referred have been referred by the one that stays; who is merged into its referrer was no friend."""
    activity = decision.activity
    assert isinstance(activity, GivenOver), "memberships give over what they have"
    if not decision.member.has(REFERRALS):
        return decision
    state = decision.member.of(REFERRALS)
    if state.referral is not None and state.referral.is_live and state.referral.advocate_id == activity.to:
        status = TAKEN_BACK if state.referral.round else REFUSED
        decision = _end(decision, state.referral, status, SAME_CUSTOMER)
    return decision.then(MemberReplaced(decision.member.membership_id, activity.to))


def take_over(decision: Decision) -> Decision:
    """
    Take over the referral by which another membership came; of two the earlier one stays.

    What it has earned follows when the merge is written: whether both had bought before, or referred each other, is known then.
    """
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    if not decision.member.has(REFERRALS):
        return decision
    other = activity.other
    mine, theirs = decision.member.of(REFERRALS).referral, other.of(REFERRALS).referral
    goes_on = theirs is not None and theirs.is_live and theirs.advocate_id != decision.member.membership_id
    if mine is not None and mine.is_live and mine.advocate_id == other.membership_id:
        # Where another one goes on it makes room, with its rewards: of a friend one referral is not refused.
        status = TAKEN_BACK if mine.round and not goes_on else REFUSED
        decision = _end(decision, mine, status, SAME_CUSTOMER)
        mine = None
    if mine is not None and mine.is_live:
        decision = _save(decision, mine)  # it knows by now what the other one ordered
    if theirs is not None and goes_on:
        decision = _adopt(decision, mine if mine and mine.is_live else None, theirs, other.membership_id)
    return decision


def _adopt(decision: Decision, mine: Referral | None, theirs: Referral, friend_id: UUID) -> Decision:
    """Go on with the earlier of two referrals of one person; the later one ends, with what it gave."""
    if mine is not None and mine.claimed_at <= theirs.claimed_at:
        member = decision.member
        later = replace(member, membership_id=friend_id).having(REFERRALS, ReferralState(theirs))
        return _end(decision.then(member=later), theirs, REFUSED, "referred_before").then(member=member)
    if mine is not None:
        decision = _end(decision, mine, REFUSED, "referred_before")
    return _save(decision, theirs)


def limit(decision: Decision) -> Decision:
    """Give no reward beyond the referrer's limit or the budget: it is given whole, or not at all."""
    activity = decision.activity
    assert isinstance(activity, PointsGranted), "rewards are granted"
    version = decision.versions.version(activity.version_id)
    if activity.source != REFERRALS.name or version is None or decision.reason or not decision.member.has(REFERRALS):
        return decision
    rules = version.of(POLICY)
    assert rules is not None, "who promises a reward has rules for it"
    on = local_date(activity.occurred_at, version.zone)
    state = decision.member.of(REFERRALS)
    if _side(activity.cause) == ADVOCATE:
        first = period_start(rules.limit_period, on)
        same = [
            one for one in state.given if period_start(rules.limit_period, local_date(one.at, version.zone)) == first
        ]
        if rules.advocate_limit is not None and len(same) >= rules.advocate_limit:
            return decision.then(reason="over_limit")
        given = (*state.given, Given(activity.grant_id, activity.occurred_at))
        decision = decision.then(member=decision.member.having(REFERRALS, replace(state, given=given)))
    if rules.budget is None:
        return decision
    key = PoolKey(decision.member.program_id, POOL, period_start(rules.budget_period, on))
    if left_in(decision.pools, key, rules.budget) < activity.points:
        return decision.then(reason="over_budget", is_tight=True)
    return decision.then(PoolUsed(key, activity.points, rules.budget))


def give_room(decision: Decision) -> Decision:
    """Let a reward that was taken back make room again for another one."""
    activity = decision.activity
    assert isinstance(activity, GrantTakenBack), "grants are taken back"
    version = decision.versions.version(activity.version_id)
    taken = sum(effect.points for effect in decision.effects if isinstance(effect, GrantDecided))
    if activity.source != REFERRALS.name or version is None or not taken or not decision.member.has(REFERRALS):
        return decision
    rules, state = version.of(POLICY), decision.member.of(REFERRALS)
    given = tuple(each for each in state.given if each.grant_id != activity.grant_id)
    decision = decision.then(member=decision.member.having(REFERRALS, replace(state, given=given)))
    if rules is None or rules.budget is None:
        return decision
    on = local_date(activity.granted_at, version.zone)
    key = PoolKey(decision.member.program_id, POOL, period_start(rules.budget_period, on))
    return decision.then(PoolUsed(key, -activity.points, rules.budget))


def _claim(decision: Decision, candidate: Candidate, channel: str, signals: Mapping[str, str]) -> Decision:
    """Judge a claim: it is refused, held, or open until the friend's order."""
    rules = decision.rules.of(POLICY)
    state = decision.member.of(REFERRALS)
    had = state.referral
    if rules is None or (had is not None and (had.is_live or _is_for_good(had))):
        return decision
    judgement = judge(candidate.evidence, rules, decision.at)
    if had is not None and (had.advocate_id, had.reason) == (candidate.advocate_id, judgement.refusal):
        return decision  # it was refused for the same before
    again = had if had is not None and had.advocate_id == candidate.advocate_id else None
    is_held = judgement.score >= rules.hold_score and not (again and again.reviewed_by)
    status = REFUSED if judgement.refusal else HELD if is_held else OPEN
    referral = Referral(
        id=again.id if again else new_id(),
        advocate_id=candidate.advocate_id,
        code=candidate.code,
        channel=channel,
        status=status,
        claimed_at=decision.at,
        version_id=decision.rules.version_id,
        reason=judgement.refusal or ("suspicious" if is_held else ""),
        suspicions=judgement.suspicions,
        round=again.round if again else 0,
        orders=candidate.orders,
        reviewed_by=again.reviewed_by if again else "",
        review_note=again.review_note if again else "",
        reviewed_at=again.reviewed_at if again else None,
    )
    known = candidate.evidence  # what the state says is of the referrer of an earlier claim
    state = replace(state, bought_at=known.bought_at, in_cycle=known.in_chain, is_same_person=known.is_same_customer)
    decision = _save(decision.then(member=decision.member.having(REFERRALS, state)), referral)
    if signals:
        member = decision.member
        seen = SignalsSeen(
            member.retailer_id, member.program_id, member.membership_id, referral.id, signals, decision.at
        )
        decision = decision.then(seen)
    return _tell(decision, {OPEN: "claimed", HELD: "held", REFUSED: "refused"}[status], decision.at)


def _is_for_good(ended: Referral) -> bool:
    """Tell whether somebody's decision ended a referral: who approved it did not end what an order, corrected, had claimed."""
    return bool(ended.reviewed_by) and ended.reason != NOT_CLAIMED


def _know(decision: Decision, order: FriendOrder) -> Decision:
    """Let a friend's order be known as it is now."""
    if not _has_referral(decision) or not _of(decision).is_live:
        return decision
    referral = _of(decision)
    if order.at < referral.claimed_at and all(each.id != order.id for each in referral.orders):
        return settle(decision)
    return _with_orders(decision, referral, with_order(referral.orders, order, _rules(decision, referral)))


def _forget(decision: Decision, order_id: UUID) -> Decision:
    """Let an order be the friend's no more."""
    referral = _of(decision)
    return _with_orders(decision, referral, without_order(referral.orders, order_id)) if referral.is_live else decision


def _with_orders(decision: Decision, referral: Referral, orders: tuple[FriendOrder, ...]) -> Decision:
    if orders != referral.orders:
        decision = _save(decision, replace(referral, orders=orders))
    return settle(decision)


def _earn(decision: Decision, referral: Referral, order: FriendOrder, rules: ReferralRules) -> Decision:
    """Let both rewards wait for their members, as of the order."""
    version = decision.versions.version(referral.version_id) or decision.rules
    at = max(order.at, referral.claimed_at)
    earned = replace(
        referral,
        status=EARNED,
        reason="",
        round=referral.round + 1,
        order_id=order.id,
        earned_at=at,
        pending_until=activation(at, Lifetime(pending_days=rules.waiting_days), version.zone),
        friend_grant=new_id() if rules.friend_points else None,
        advocate_grant=new_id() if rules.advocate_points else None,
    )
    asked = (
        _asked(decision, earned, FRIEND, earned.friend_grant, decision.member.membership_id, rules),
        _asked(decision, earned, ADVOCATE, earned.advocate_grant, earned.advocate_id, rules),
    )
    decision = _save(decision.then(*(each for each in asked if each)), earned)
    return _tell(decision, "earned", decision.at)


def _asked(  # noqa: PLR0913 - which reward, whose
    decision: Decision, referral: Referral, side: str, grant_id: UUID | None, whose: UUID, rules: ReferralRules
) -> GrantAsked | None:
    if grant_id is None or referral.earned_at is None:
        return None
    return GrantAsked(
        id=grant_id,
        retailer_id=decision.member.retailer_id,
        membership_id=whose,
        source=REFERRALS.name,
        wallet=rules.wallet,
        points=rules.friend_points if side == FRIEND else rules.advocate_points,
        cause=f"referral:{referral.id}:{side}:{referral.round}",
        occurred_at=referral.earned_at,
        said={"referral": side},
        pending_days=rules.waiting_days,
        version_id=referral.version_id,
        is_again=referral.round > 1,
    )


def _side(cause: str) -> str:
    """Return whose reward a grant is, by its cause."""
    return cause.split(":")[2]


def _lose(decision: Decision, referral: Referral, reason: str) -> Decision:
    """Take back what was earned, where it was; another order may earn it again."""
    if referral.status == EARNED:
        return _end(decision, referral, TAKEN_BACK, reason)
    if reason == BOUGHT_BEFORE and referral.status == HELD:
        return _end(decision, referral, REFUSED, reason)
    if referral.status == OPEN and referral.reason != reason:
        return _save(decision, replace(referral, reason=reason))
    return decision


def _end(decision: Decision, referral: Referral, status: str, reason: str) -> Decision:
    """Let a referral be refused or taken back, with both rewards where they were given."""
    backs: list[Effect] = []
    if referral.status == EARNED:
        rules = _rules(decision, referral)
        backs += [
            each
            for each in (
                _back(decision, referral, FRIEND, referral.friend_grant, rules, reason),
                _back(decision, referral, ADVOCATE, referral.advocate_grant, rules, reason),
            )
            if each
        ]
    ended = replace(referral, status=status, reason=reason, order_id=None, earned_at=None, pending_until=None)
    decision = _save(decision.then(*backs), ended)
    if referral.status == status:
        return decision
    return _tell(decision, status, decision.at)


def _back(  # noqa: PLR0913 - which reward, why
    decision: Decision, referral: Referral, side: str, grant_id: UUID | None, rules: ReferralRules, reason: str
) -> GrantAsked | None:
    if grant_id is None or referral.earned_at is None:
        return None
    return GrantAsked(
        id=new_id(),
        retailer_id=decision.member.retailer_id,
        membership_id=decision.member.membership_id if side == FRIEND else referral.advocate_id,
        source=REFERRALS.name,
        wallet=rules.wallet,
        points=rules.friend_points if side == FRIEND else rules.advocate_points,
        cause=f"referral:{referral.id}:{side}:{referral.round}:back",
        occurred_at=max(decision.at, referral.earned_at),
        said={"referral": side, "because": reason},
        version_id=referral.version_id,
        takes_back=grant_id,
    )


def _is_too_suspicious(referral: Referral, order: FriendOrder, rules: ReferralRules) -> bool:
    """Tell whether an order just above the minimum makes too much of what was suspicious already."""
    score = referral.score + SCORES["just_above_minimum"]
    return bool(referral.suspicions) and is_just_above(order.amount, rules) and score >= rules.hold_score


def _order(order_id: UUID, at: datetime, basket: Basket) -> FriendOrder:
    return FriendOrder(order_id, at, basket.paid, bool(basket.lines))


def _has_referral(decision: Decision) -> bool:
    return decision.member.has(REFERRALS) and decision.member.of(REFERRALS).referral is not None


def _of(decision: Decision) -> Referral:
    referral = decision.member.of(REFERRALS).referral
    assert referral is not None, "it is asked for before"
    return referral


def _rules(decision: Decision, referral: Referral) -> ReferralRules:
    """Return what the version promised under which a referral was claimed."""
    version = decision.versions.version(referral.version_id)
    assert version is not None, "it was claimed under a published version"
    rules = version.of(POLICY)
    assert rules is not None, "a version without rules for it takes no claims"
    return rules


def _save(decision: Decision, referral: Referral) -> Decision:
    member = decision.member
    saved = ReferralSaved(member.retailer_id, member.program_id, member.membership_id, referral)
    return decision.then(saved, member=member.having(REFERRALS, member.of(REFERRALS).having(referral)))


def _tell(decision: Decision, kind: str, at: datetime) -> Decision:
    referral = _of(decision)
    said: dict[str, Any] = {"code": referral.code, "status": referral.status}
    if referral.reason:
        said["reason"] = referral.reason
    if referral.suspicions:
        said["score"] = referral.score
        said["suspicions"] = [each.said() for each in referral.suspicions]
    if kind == "earned" and referral.pending_until is not None:
        said["pending_until"] = referral.pending_until.isoformat()
    return decision.then(Told(f"referral.{kind}", said, at))
