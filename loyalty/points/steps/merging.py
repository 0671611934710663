"""What one membership has goes to another one of the same person: lot by lot, each with its terms. Pure."""

from collections.abc import Container, Mapping
from dataclasses import replace
from uuid import UUID

from loyalty.engine.activities import GivenOver, TakenOver
from loyalty.engine.decision import Decision
from loyalty.points.expiry import Active
from loyalty.points.state import POINTS, Move, NewLot, OpenLot, Redeemed, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import as_given, entry, post, repay, wallet_in, with_wallet


def give_over(decision: Decision) -> Decision:
    """Let all points go, whatever has become of them, with what is owed and what is missing."""
    activity = decision.activity
    assert isinstance(activity, GivenOver), "memberships give over what they have"
    points = decision.member.of(POINTS)
    for wallet in points.wallets:
        redeemed = [each for each in points.redeemed if each.wallet_id == wallet.wallet_id]
        moves = tuple(
            Move(lot.id, state, State.TRANSFERRED, amount)
            for lot in wallet.lots
            for state, amount in _there(lot, redeemed).items()
            if amount
        )
        if moves or wallet.owed or wallet.shortfall:
            said = {"points": sum(move.amount for move in moves if move.source is State.AVAILABLE), "merged": True}
            posting = entry(
                decision, wallet, "transfer", f"merge:{activity.to}", said, moves=moves, owed_change=-wallet.owed,
                shortfall_change=-wallet.shortfall,
            )  # fmt: skip
            decision = post(decision, posting)
    return decision


def _there(lot: OpenLot, redeemed: list[Redeemed]) -> Mapping[State, int]:
    """Return how many of a lot's points are where, as far as something may still become of them."""
    spent = sum(move.amount for each in redeemed for move in each.moves if move.lot_id == lot.id)
    return {
        State.PENDING: lot.pending, State.AVAILABLE: lot.available, State.EXPIRED: lot.expired, State.REDEEMED: spent,
    }  # fmt: skip


def take_over(decision: Decision) -> Decision:
    """Take over what another membership gave: its points repay what is owed, its days count, its redemptions can be undone."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    theirs = activity.other.of(POINTS)
    for wallet in theirs.wallets:
        redeemed = [each for each in theirs.redeemed if each.wallet_id == wallet.wallet_id]
        decision = _take_lots(
            _follow(decision, wallet, activity.other.membership_id), wallet, redeemed, activity.other.membership_id
        )
        for day in wallet.days:
            decision = with_wallet(decision, wallet_in(decision, wallet.code).with_day(day))
    return decision


def _follow(decision: Decision, theirs: WalletState, giver: UUID) -> Decision:
    """Let what expires on inactivity live by what both did: while one was active, the other was not idle."""
    if theirs.span is None:
        return decision
    mine, span = wallet_in(decision, theirs.code), theirs.span
    posting = entry(
        decision.then(at=span.begin), mine, "transfer", f"merge:{giver}:active", {"points": 0, "merged": True},
        keeps_until=span.end,
    )  # fmt: skip
    return post(with_wallet(decision, mine.keeping(Active(span.begin, span.end))), posting)


def _take_lots(decision: Decision, theirs: WalletState, redeemed: list[Redeemed], giver: UUID) -> Decision:
    mine = wallet_in(decision, theirs.code)
    found = {lot.id: there for lot in theirs.lots if any((there := _there(lot, redeemed)).values())}
    if not found and not theirs.owed and not theirs.shortfall:
        return decision
    lost = {lot_id for each in theirs.debt_entries for lot_id in each.gift_lots}
    lots = {lot.id: _as_new(lot, found[lot.id], lost) for lot in theirs.lots if lot.id in found}
    gone = tuple(
        Move(lots[key].id, State.AVAILABLE, State.EXPIRED, there[State.EXPIRED])
        for key, there in found.items()
        if there[State.EXPIRED]
    )
    said = {"points": sum(there[State.AVAILABLE] for there in found.values()), "merged": True}
    cause = f"merge:{giver}"
    posting = entry(
        decision, mine, "transfer", cause, said, lots=tuple(lots.values()), moves=gone, owed_change=theirs.owed,
        shortfall_change=theirs.shortfall,
    )  # fmt: skip
    decision = post(decision, posting)
    for each in redeemed:
        decision = _redeem_again(decision, theirs.code, each, lots)
    wallet = wallet_in(decision, theirs.code)
    usable = [lot for lot in wallet.lots if lot.is_usable(decision.now)]
    return repay(decision, theirs.code, usable, cause=f"repay:{cause}")


def _as_new(lot: OpenLot, there: Mapping[State, int], lost: Container[UUID]) -> NewLot:
    """
    Return a lot with another one's terms; what was lent goes back to whoever lent it first.

    :param lost: gifts that a return took: what was spent of them is owed or missed already, and no return takes it again
    """
    if lot.is_lent and lot.from_lot is not None:
        return replace(as_given(lot, there, from_lot=lot.from_lot), is_lent=True)
    given = as_given(lot, there, from_lot=lot.id)
    return replace(given, gift="") if lot.id in lost else given


def _redeem_again(decision: Decision, code: str, redeemed: Redeemed, lots: Mapping[UUID, NewLot]) -> Decision:
    """Let what was redeemed be so of the new lots, so that it is undone like any redemption."""
    moves = tuple(Move(lots[move.lot_id].id, State.AVAILABLE, State.REDEEMED, move.amount) for move in redeemed.moves)
    said = {
        "points": sum(move.amount for move in moves),
        "reference": redeemed.reference,
        "merged": True,
        "merged_from": str(redeemed.entry_id),
    }
    posting = entry(decision, wallet_in(decision, code), "redeem", f"redeem:{redeemed.reference}", said, moves=moves)
    return post(decision, posting)
