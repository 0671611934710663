"""
Points that move by verbs: spent, given back, lent within a household, given or taken by staff. Pure.

Verbs (`loyalty.activity.account`) are made of these; `move` carries out in a simulated past what a verb did in fact.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.activities import OrderCorrected, OrderReturned, PointsMoved
from loyalty.engine.decision import Decision, Effect
from loyalty.points.clawback import state_at, take_from
from loyalty.points.spending import spend
from loyalty.points.state import POINTS, Move, OpenLot, Posting, Redeemed, WalletState, spending_order
from loyalty.points.states import State
from loyalty.points.steps.entries import Cause, as_given, entry, keeps_until, policy_of, post, settle, wallet_in
from loyalty.points.steps.giving import give_points
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.replacing import make_good
from loyalty.points.steps.returning import take_or_owe


@dataclass(frozen=True, slots=True)
class LentReturned(Effect):
    """
    Points go back to the member of the household who had lent them for a payment that is undone.

    :param lot_id: the lender's own lot, from which they came
    :param cause: once per wallet
    :param code: of the wallet
    :param lent: the lot that was lent, with the same terms
    """

    writer: ClassVar[str] = "lent"
    lot_id: UUID
    points: int
    cause: str
    code: str
    lent: OpenLot


def come_back(decision: Decision, code: str, posting: Posting) -> Decision:
    """
    Post what gives points back; what somebody had lent goes on to the lender, the rest settles what is missing or owed.

    :param posting: whose moves end where the points would be that are the member's own
    """
    wallet = wallet_in(decision, code)
    lent = {lot.id: lot for lot in wallet.lots if lot.is_lent}
    backs = {State.AVAILABLE, State.EXPIRED, State.PENDING}
    own: list[Move] = []
    returned: list[LentReturned] = []
    for move in posting.moves:
        lot = lent.get(move.lot_id)
        if lot is None or lot.from_lot is None or move.target not in backs:
            own.append(move)
            continue
        own.append(Move(move.lot_id, move.source, State.TRANSFERRED, move.amount))
        returned.append(LentReturned(lot.from_lot, move.amount, f"lent-back:{posting.cause}:{lot.id}", code, lot))
    own, claims = _claimed_first(own, wallet)
    decision = post(decision, replace(posting, moves=tuple(own))).then(*returned)
    decision = claim(decision, code, ((lot_id, -amount) for lot_id, amount in claims.items()))
    decision = _meet_claims(decision, code, posting.cause)
    back = [(move.lot_id, move.target, move.amount) for move in own if move.target in backs]
    return make_good(decision, code, back, cause=posting.cause)


def _claimed_first(moves: Sequence[Move], wallet: WalletState) -> tuple[list[Move], dict[UUID, int]]:
    """Return the moves, where what a return has claimed of held points is cancelled, and what was claimed, by lot."""
    left = {lot.id: lot.claimed for lot in wallet.lots if lot.claimed}
    met: dict[UUID, int] = {}
    changed: list[Move] = []
    for move in moves:
        amount = min(left.get(move.lot_id, 0), move.amount) if move.source is State.HELD else 0
        if move.target in {State.REDEEMED, State.TRANSFERRED} or not amount:
            changed.append(move)
            continue
        left[move.lot_id] -= amount
        met[move.lot_id] = met.get(move.lot_id, 0) + amount
        changed.append(replace(move, target=State.CANCELLED, amount=amount))
        if move.amount > amount:
            changed.append(replace(move, amount=move.amount - amount))
    return changed, met


def _meet_claims(decision: Decision, code: str, cause: str) -> Decision:
    """Take from others what a return had claimed of held points that were redeemed."""
    lost = [lot for lot in wallet_in(decision, code).lots if lot.claimed > lot.held]
    for place, lot in enumerate(lost):
        points = lot.claimed - lot.held
        decision = claim(decision, code, [(lot.id, -points)])
        wallet = wallet_in(decision, code)
        others = [each for each in wallet.lots if not _is_of_same(each, lot)]
        taken = take_from(points, spending_order(others))
        said: dict[str, Any] = {"claimed": points}
        if lot.gift:
            said["gift_lots"] = _gift_lots(wallet, lot)
        name = f"claim:{cause}:{place}" if place else f"claim:{cause}"
        decision, _ = take_or_owe(
            decision, wallet, taken.moves, taken.missing, policy_of(decision, code), said, name, lot.order_id
        )
    return decision


def _is_of_same(lot: OpenLot, other: OpenLot) -> bool:
    """Tell whether one order, or one gift, gave two lots."""
    return lot.order_id == other.order_id if lot.order_id is not None else lot.id == other.id


def _gift_lots(wallet: WalletState, lot: OpenLot) -> list[str]:
    """Return the gifts with which a gift was lost."""
    known = (each.gift_lots for each in wallet.debt_entries if lot.id in each.gift_lots)
    return [str(each) for each in next(known, (lot.id,))]


def take_lent_back(decision: Decision, returned: LentReturned, *, lost: Container[UUID]) -> Decision:
    """
    Give a lender the points back, in the lot from which they came and as they would be by now.

    Who has left, or left and came back, had forfeited them with the rest, had it not lent them. To whom a lender was merged
    gets them in a lot of its own.

    :param lost: lots of merged lenders of whom a membership has ended since, with all that it had
    """
    wallet, member = wallet_in(decision, returned.code), decision.member
    lot = next((lot for lot in wallet.lots if lot.id == returned.lot_id), None)
    if lot is None:
        return _take_over_lent(decision, returned, is_lost=returned.lot_id in lost)
    if lot.moved_to is not None:
        lot = wallet.lot(lot.moved_to)
    # What another member gave is as old as with that one: it may be older than the membership.
    is_forfeited = member.left_at is not None or (lot.from_lot is None and lot.earned_at < member.enrolled_at)
    target = State.CANCELLED if is_forfeited else state_at(lot, decision.now)
    posting = Posting(
        retailer_id=member.retailer_id,
        wallet_id=wallet.wallet_id,
        kind="transfer",
        cause=returned.cause,
        occurred_at=decision.at,
        explanation={"points": returned.points, "lent_back": True},
        moves=(Move(lot.id, State.TRANSFERRED, target, returned.points),),
    )
    decision = post(decision, posting)
    if is_forfeited:
        return decision
    return make_good(decision, wallet.code, [(lot.id, target, returned.points)], cause=returned.cause)


def _take_over_lent(decision: Decision, returned: LentReturned, *, is_lost: bool) -> Decision:
    """Give points that come back to a lender who was merged to the member that took over from it."""
    wallet = wallet_in(decision, returned.code)
    lot = as_given(returned.lent, {State.AVAILABLE: returned.points}, from_lot=returned.lot_id)
    is_lost = is_lost or decision.member.left_at is not None
    target = State.CANCELLED if is_lost else state_at(returned.lent, decision.now)
    moves = () if target is State.AVAILABLE else (Move(lot.id, State.AVAILABLE, target, returned.points),)
    said = {"points": returned.points, "lent_back": True}
    decision = post(decision, entry(decision, wallet, "transfer", returned.cause, said, lots=(lot,), moves=moves))
    if moves:
        return decision
    return settle(decision, wallet.code, [wallet_in(decision, wallet.code).lot(lot.id)], cause=returned.cause)


def undo_redemptions(decision: Decision) -> Decision:
    """Undo the redemptions that paid an order of which nothing is left: the same lots get their points back."""
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns undo redemptions"
    is_withdrawn = isinstance(activity, OrderCorrected) and activity.is_withdrawn
    if (
        activity.kept.lines or is_withdrawn
    ):  # what paid an order that turns out to be another one's paid it all the same
        return decision
    for redeemed in decision.member.of(POINTS).redeemed:
        if redeemed.reference in activity.redemptions:
            decision = undo_redeemed(decision, redeemed, {"return": activity.number, "redemption": redeemed.reference})
    return decision


def undo_redeemed(decision: Decision, redeemed: Redeemed, said: dict[str, Any]) -> Decision:
    """
    Undo a redemption: the same lots get their points back, each as it would be by now.

    :param said: what the entry explains besides
    """
    points = decision.member.of(POINTS)
    left = tuple(each for each in points.redeemed if each is not redeemed)
    wallet = points.wallet_of(redeemed.wallet_id).knowing(redeemed.lots)
    decision = decision.then(member=decision.member.having(POINTS, replace(points.having(wallet), redeemed=left)))
    moves = moves_back(redeemed.moves, wallet.code, State.REDEEMED, decision)
    expired = sum(move.amount for move in moves if move.target is State.EXPIRED)
    restored = sum(move.amount for move in moves) - expired
    posting = Posting(
        retailer_id=decision.member.retailer_id,
        wallet_id=wallet.wallet_id,
        kind="restore",
        cause=f"restore:{redeemed.entry_id}",
        occurred_at=decision.at,
        explanation={**said, "restored": restored, "expired": expired},
        moves=moves,
    )
    return come_back(decision, wallet.code, posting)


def move(decision: Decision) -> Decision:
    """Carry out what a verb did in fact, as far as there are points for it."""
    activity = decision.activity
    assert isinstance(activity, PointsMoved), "only verbs move points"
    if activity.kind == "restore":
        undone = next((each for each in decision.member.of(POINTS).redeemed if each.entry_id == activity.undoes), None)
        return undo_redeemed(decision, undone, {}) if undone else decision
    if activity.kind == "redeem":
        until = keeps_until(decision, activity.wallet)
        return _redeem(extend_inactivity(decision, activity.wallet, until), activity, until)
    if activity.points > 0:
        cause = Cause(f"{activity.kind}:{activity.id}", {})
        lifetime = policy_of(decision, activity.wallet).lifetime
        return give_points(
            decision,
            activity.wallet,
            activity.points,
            cause,
            kind=activity.kind,
            lifetime=lifetime,
            parts=activity.parts,
        )
    target = State.TRANSFERRED if activity.kind == "transfer" else State.CANCELLED
    decision, _ = _take(decision, activity, target, None)
    return decision


def _redeem(decision: Decision, activity: PointsMoved, until: datetime | None) -> Decision:
    before = wallet_in(decision, activity.wallet)
    decision, moves = _take(decision, activity, State.REDEEMED, until)
    if not moves:
        return decision
    taken = {move.lot_id for move in moves}
    # By then they may be closed and forgotten: what comes back comes back to an empty lot.
    lots = tuple(replace(lot, pending=0, available=0, held=0) for lot in before.lots if lot.id in taken)
    redeemed = Redeemed(activity.id, activity.reference, before.wallet_id, moves, lots)
    points = decision.member.of(POINTS)
    return decision.then(member=decision.member.having(POINTS, replace(points, redeemed=(*points.redeemed, redeemed))))


def _take(
    decision: Decision, activity: PointsMoved, into: State, until: datetime | None
) -> tuple[Decision, tuple[Move, ...]]:
    """Take as many points as are there; return what was moved."""
    wallet = wallet_in(decision, activity.wallet)
    taken = spend(abs(activity.points), wallet.lots, at=decision.now, into=into)
    said: dict[str, Any] = {"points": abs(activity.points) - taken.missing, "missing": taken.missing}
    posting = replace(_posting(decision, activity, taken.moves, said), keeps_until=until)
    return post(decision, posting), taken.moves


def moves_back(moves: Sequence[Move], code: str, source: State, decision: Decision) -> tuple[Move, ...]:
    """Return the moves that give points back to the lots that they came from, each as it would be by now."""
    lots = {lot.id: lot for lot in wallet_in(decision, code).lots}
    return tuple(Move(move.lot_id, source, state_at(lots[move.lot_id], decision.now), move.amount) for move in moves)


def _posting(decision: Decision, activity: PointsMoved, moves: tuple[Move, ...], said: dict[str, Any]) -> Posting:
    return Posting(
        retailer_id=decision.member.retailer_id,
        wallet_id=wallet_in(decision, activity.wallet).wallet_id,
        kind=activity.kind,
        cause=f"{activity.kind}:{activity.id}",
        occurred_at=decision.at,
        explanation=said,
        moves=moves,
    )
