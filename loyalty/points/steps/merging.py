"""What one membership has goes to another one of the same person: lot by lot, each with its terms. Pure."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core.calendar import stamp
from loyalty.engine.activities import GivenOver, TakenOver
from loyalty.engine.decision import Decision
from loyalty.points.debts import as_given_over, covers_of, debts_of
from loyalty.points.expiry import Active, spans_of
from loyalty.points.state import POINTS, Move, NewLot, OpenLot, Redeemed, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import as_given, entry, post, repay, wallet_in, with_wallet
from loyalty.points.steps.passing import after_idling


def give_over(decision: Decision) -> Decision:
    """Let all points go, whatever has become of them, with what is owed and what is missing."""
    activity = decision.activity
    assert isinstance(activity, GivenOver), "memberships give over what they have"
    points = decision.member.of(POINTS)
    for wallet in points.wallets:
        redeemed = [each for each in points.redeemed if each.wallet_id == wallet.wallet_id]
        moves = tuple(
            Move(lot_id, state, State.TRANSFERRED, amount)
            for lot_id, there in _there(wallet, redeemed).items()
            for state, amount in there.items()
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


def _there(wallet: WalletState, redeemed: Sequence[Redeemed]) -> dict[UUID, Mapping[State, int]]:
    """Return how many points of which lots are where, as far as something may still become of them."""
    covers = covers_of(debts_of(wallet.debt_entries))
    found: dict[UUID, Mapping[State, int]] = {}
    for lot in wallet.lots:
        spent = sum(move.amount for each in redeemed for move in each.moves if move.lot_id == lot.id)
        there = {
            State.PENDING: lot.pending, State.AVAILABLE: lot.available, State.EXPIRED: lot.expired,
            State.REDEEMED: spent, State.CANCELLED: covers.get(lot.id, 0),
        }  # fmt: skip
        if any(there.values()):
            found[lot.id] = there
    return found


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
    ended = [lot for wallet in theirs.wallets for lot in wallet.lots if lot.expired and lot.expires_on_inactivity]
    return decision.then(member=after_idling(decision.member, (lot.went_at for lot in ended)))


def _follow(decision: Decision, theirs: WalletState, giver: UUID) -> Decision:
    """
    Let what expires on inactivity live by what both did: while one was active, the other was not idle.

    Also long ago, as what is told late may join that to what came after it.
    """
    spans = spans_of(theirs.actives or ())
    for span in spans:
        mine, is_newest = wallet_in(decision, theirs.code), span is spans[-1]
        kept = mine.keeping(Active(span.begin, span.end))
        if not _is_worse(mine, kept):
            cause = f"merge:{giver}:active" if is_newest else f"merge:{giver}:active:{stamp(span.begin)}"
            posting = entry(
                decision.then(at=span.begin),
                mine,
                "transfer",
                cause,
                {"points": 0, "merged": True},
                keeps_until=span.end,
            )
            decision = post(with_wallet(decision, kept), posting)
    return decision


def _is_worse(before: WalletState, after: WalletState) -> bool:
    """Tell whether what another one did harms who stays: no points end sooner because of a merge."""
    ends = {lot.id: lot.expires_at for lot in after.lots}
    return any(
        lot.available and end is not None and (lot.expires_at is None or end < lot.expires_at)
        for lot in before.lots
        if lot.expires_on_inactivity and (end := ends[lot.id]) != lot.expires_at
    )


def _take_lots(decision: Decision, theirs: WalletState, redeemed: Sequence[Redeemed], giver: UUID) -> Decision:
    mine = wallet_in(decision, theirs.code)
    found = _there(theirs, redeemed)
    if not found and not theirs.owed and not theirs.shortfall:
        return decision
    lost = {lot_id for each in theirs.debt_entries for lot_id in each.gift_lots}
    lots = {lot.id: _as_new(lot, found[lot.id], lost) for lot in theirs.lots if lot.id in found}
    gone = tuple(
        Move(lots[key].id, lots[key].state, state, there[state])
        for key, there in found.items()
        for state in (State.EXPIRED, State.CANCELLED)
        if there[state]
    )
    said: dict[str, Any] = {"points": sum(there[State.AVAILABLE] for there in found.values()), "merged": True}
    if debts := debts_of(theirs.debt_entries):
        said["debts"] = as_given_over(debts, {key: lot.id for key, lot in lots.items()})
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
        "merged_from": str(redeemed.first_id or redeemed.entry_id),
    }
    posting = entry(decision, wallet_in(decision, code), "redeem", f"redeem:{redeemed.reference}", said, moves=moves)
    return post(decision, posting)
