"""
What happens to a member's rewards, step by step: they end, come back with their orders, go over. Pure.

Points come back to the lots that paid, with their own expiry; the stock, and what the retailer added to a donation, with them.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.engine.activities import OrderCorrected, OrderReturned, TakenOver
from loyalty.engine.clock import earliest
from loyalty.engine.decision import Decision, Told
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.points.state import POINTS, Redeemed
from loyalty.points.steps.entries import with_wallet
from loyalty.points.steps.moving import undo_redeemed
from loyalty.rewards.rules import NOTHING
from loyalty.rewards.state import (
    CATALOGUE,
    REWARDS,
    BudgetMoved,
    CauseMoved,
    HeldReward,
    RewardCounted,
    RewardEnded,
    RewardKept,
    RewardsMoved,
    RewardUsed,
)


def end_due(decision: Decision) -> Decision:
    """Let rewards end that are past their time, or that the catalogue has no more; their points come back as they say."""
    if not decision.member.has(REWARDS):
        return decision
    catalogue, since = decision.rules.of(CATALOGUE), _since(decision.versions, decision.at)
    for held in decision.member.of(REWARDS).held:
        end = held.end_in(catalogue, since)
        if end is None or end > decision.at:
            continue
        is_over = held.expires_at is not None and held.expires_at <= decision.at
        status = "expired" if is_over else "withdrawn"
        gives_back = held.gives_back_on_expiry if is_over else True
        decision = _end(decision, held, status, gives_back=gives_back)
    return decision


def keep_paid_out(decision: Decision) -> Decision:
    """Let donations stay, and their points, that a cause has been paid, whatever comes back of the order that names them."""
    for held in _named(decision):
        if held.is_paid_out:
            member = decision.member
            points, state = member.of(POINTS), member.of(REWARDS).without(held)
            others = tuple(each for each in points.redeemed if each.reference != held.reference)
            member = member.having(REWARDS, state).having(POINTS, replace(points, redeemed=others))
            decision = decision.then(RewardKept(held.id, held.reference), member=member)
    return decision


def leave_out_over(decision: Decision) -> Decision:
    """Let an order bring nothing back of rewards that it names and that had ended: they paid nothing."""
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns bring rewards back"
    if not decision.member.has(REWARDS) or not activity.redemptions:
        return decision
    over = {held.reference for held in decision.member.of(REWARDS).held if held.is_over}
    if over.isdisjoint(activity.redemptions):
        return decision
    left = tuple(reference for reference in activity.redemptions if reference not in over)
    return decision.then(activity=replace(activity, redemptions=left))


def undo(decision: Decision) -> Decision:
    """Let the rewards come back that paid an order of which nothing is left; their points have come back before."""
    for held in _named(decision):
        assert isinstance(decision.activity, OrderReturned), "only returns bring rewards back"
        decision = give_up(decision, held, "refunded", {"return": decision.activity.number})
    return decision


def _named(decision: Decision) -> tuple[HeldReward, ...]:
    """Return the member's rewards that paid an order of which nothing is left."""
    if not decision.member.has(REWARDS):
        return ()
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns bring rewards back"
    if activity.kept.lines or (isinstance(activity, OrderCorrected) and activity.is_withdrawn):
        return ()
    return tuple(held for held in decision.member.of(REWARDS).held if _paid(held, activity))


def _paid(held: HeldReward, activity: OrderReturned) -> bool:
    """Tell whether a reward paid an order: the order names it or, of an offer, the till named the order."""
    if held.reference in activity.redemptions:
        return True
    return held.budget_id is not None and not held.is_over and held.order_number == activity.order_number


def forfeit(decision: Decision) -> Decision:
    """Let the rewards go that a member has not used when it leaves."""
    if not decision.member.has(REWARDS):
        return decision
    for held in decision.member.of(REWARDS).held:
        if held.is_open and not held.is_sent:
            decision = _without(decision, held, "forfeited", {})
    return decision


def take_over(decision: Decision) -> Decision:
    """Take over the rewards of another membership of the same person."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    other = activity.other
    if not decision.member.has(REWARDS):
        return decision
    state = decision.member.of(REWARDS)
    for held in other.of(REWARDS).held:
        state = state.with_held(held)
    moved = RewardsMoved(other.membership_id, decision.member.membership_id, other.number)
    return decision.then(moved, member=decision.member.having(REWARDS, state))


def give_over(decision: Decision) -> Decision:
    """Let all rewards go to another membership of the same person."""
    if not decision.member.has(REWARDS):
        return decision
    state = decision.member.of(REWARDS)
    return decision.then(member=decision.member.having(REWARDS, type(state)()))


def use(  # noqa: PLR0913 - what, how, when, for what
    decision: Decision, held: HeldReward, status: str, *, at: datetime, order: str = "", note: str = "",
    amount: Decimal | None = None,
) -> Decision:  # fmt: skip
    """
    Let a reward be used, be on its way, or have come to its member.

    :param amount: what it came to; None where nobody said: then what was reserved for it, of an offer
    """
    state = decision.member.of(REWARDS)
    state = state.with_held(replace(held, is_sent=True)) if status == "in_progress" else state.without(held)
    said = {"reward": held.code, "redemption": str(held.id), "status": status}
    if order:
        said["order"] = order
    spent = held.reserved if amount is None and held.budget_id is not None else amount
    spent = None if status == "in_progress" else spent
    if held.budget_id is not None and spent is not None:
        decision = decision.then(_moved(decision, held, status, -held.reserved, spent, at))
    used = RewardUsed(held.id, status, at, order, note, spent)
    return decision.then(used, Told(f"reward.{status}", said, at), member=decision.member.having(REWARDS, state))


def give_up(decision: Decision, held: HeldReward, status: str, said: dict[str, Any]) -> Decision:
    """Let a reward end whose points come back, or have: so do its stock and what was given to a cause."""
    member = decision.member
    if held.is_counted:
        counted = RewardCounted(member.retailer_id, member.program_id, held.reward_key, -1, -held.matched)
        decision = decision.then(counted)
    if held.is_donation:
        for kind, amount in (("member", held.amount), ("match", held.matched)):
            if amount:
                decision = decision.then(
                    CauseMoved(
                        member.retailer_id, member.program_id, held.reward_key, kind, -amount, held.id, decision.at
                    )
                )
    return _without(decision, held, status, said)


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return when time will next end one of a member's rewards."""
    if not member.has(REWARDS) or (before is not None and before.of(REWARDS) is member.of(REWARDS)):
        return None
    version = versions.at(now)
    if version is None:
        return None
    catalogue, since = version.of(CATALOGUE), _since(versions, now)
    return earliest(*(held.end_in(catalogue, since) for held in member.of(REWARDS).held))


def _since(versions: Versions, at: datetime) -> datetime:
    since = versions.latest_start(at)
    assert since is not None, "steps run under a version"
    return since


def _end(decision: Decision, held: HeldReward, status: str, *, gives_back: bool) -> Decision:
    if not gives_back:
        return _without(decision, held, status, {})
    paid = decision.member.of(REWARDS).paid_for(held)
    if paid is not None:
        said = {"reward": held.code, "redemption": held.reference, "because": status}
        decision = undo_redeemed(_knowing_debts(decision, paid), paid, said)
    return give_up(decision, held, status, {"points": held.points})


def _knowing_debts(decision: Decision, paid: Redeemed) -> Decision:
    """Return a decision that knows what points that come back are to settle first."""
    state, wallet = decision.member.of(REWARDS), decision.member.of(POINTS).wallet_of(paid.wallet_id)
    if wallet.debt_entries or paid.wallet_id not in state.debts:
        return decision
    return with_wallet(decision, replace(wallet.knowing(state.covers), debt_entries=state.debts[paid.wallet_id]))


def _moved(  # noqa: PLR0913 - what a line of a ledger says
    decision: Decision, held: HeldReward, what: str, reserved: Decimal, spent: Decimal, at: datetime
) -> BudgetMoved:
    assert held.budget_id is not None, "what points pay has no budget"
    return BudgetMoved(decision.member.retailer_id, held.budget_id, held.id, f"{what}:{held.id}", reserved, spent, at)


def _without(decision: Decision, held: HeldReward, status: str, said: dict[str, Any]) -> Decision:
    if held.budget_id is not None:
        reserved, spent = (-held.reserved, NOTHING) if held.is_open else (NOTHING, -(held.spent or NOTHING))
        if reserved or spent:
            decision = decision.then(_moved(decision, held, status, reserved, spent, decision.at))
    state = decision.member.of(REWARDS).with_held(replace(held, is_open=False, is_over=True))
    told = Told(
        f"reward.{status}", {"reward": held.code, "redemption": str(held.id), "status": status, **said}, decision.at
    )
    ended = RewardEnded(held.id, status, decision.at)
    return decision.then(ended, told, member=decision.member.having(REWARDS, state))
