"""What becomes of an order's points when a correction moves it to another instant: lots have the days of the new one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from loyalty.engine.activities import OrderCorrected, OrderPlaced
from loyalty.engine.decision import Decision
from loyalty.points.clawback import take
from loyalty.points.debts import debts_of
from loyalty.points.state import RULES, Move, NewLot, OpenLot, WalletState, spending_order
from loyalty.points.states import State
from loyalty.points.steps.earning import lot_of
from loyalty.points.steps.entries import Cause, entry, keeps_until, lifetime_of, post, wallet_in, with_wallet
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.idling import extend_inactivity

Carried = Mapping[State, int]  # how many points a new lot takes over, by where they are


def pull_out(decision: Decision, activity: OrderCorrected, code: str, points: int) -> tuple[Decision, int]:
    """
    Take what is left of an order's points out of lots that have the days of another instant; return what is not there.

    What is held, spent or with others goes to new lots as it is, and comes back to them.

    :param points: that the order has kept
    """
    own = spending_order(
        lot for lot in wallet_in(decision, code).lots if lot.order_id == activity.order_id and not lot.is_lent
    )
    sources = [(lot, State.PENDING, lot.pending) for lot in own]
    sources += [(lot, State.AVAILABLE, lot.available) for lot in own]
    sources += [(lot, State.EXPIRED, lot.expired) for lot in own]
    pulled = take(points, sources)
    carried = _carried(decision, wallet_in(decision, code), own)
    gone = tuple(
        Move(lot.id, state, State.CANCELLED, amount)
        for lot, _, there in carried
        for state, amount in there.items()
        if state is not State.CANCELLED
    )
    if pulled.moves or gone:
        said = {"order": activity.order_number, "correction": activity.correction, "points": points - pulled.missing}
        cause = f"move:{activity.order_id}:{activity.correction}"
        moves = (*pulled.moves, *gone)
        wallet = wallet_in(decision, code)
        decision = post(
            decision, entry(decision, wallet, "return", cause, said, moves=moves, order_id=activity.order_id)
        )
    return _carry(decision, activity, code, carried), pulled.missing


def _carried(decision: Decision, wallet: WalletState, own: Sequence[OpenLot]) -> list[tuple[OpenLot, NewLot, Carried]]:
    """Return the lots of which something may still come back, each with the new lot to which that will be."""
    covers: dict[UUID, int] = {}
    for debt in debts_of(wallet.debt_entries):
        for lot_id, points in debt.covers:
            covers[lot_id] = covers.get(lot_id, 0) + points
    found: list[tuple[OpenLot, NewLot, Carried]] = []
    for lot in own:
        new = _as_of_the_new_day(decision, wallet.code, lot)
        if lot.held and new.active_at is None:  # what awaits an event cannot be held: it stays as it is
            continue
        there = {
            State.HELD: lot.held,
            State.REDEEMED: lot.redeemed,
            State.TRANSFERRED: lot.transferred,
            State.CANCELLED: covers.get(lot.id, 0),  # by returns of other orders
        }
        there = {state: points for state, points in there.items() if points}
        if there:
            found.append((lot, replace(new, amount=sum(there.values())), there))
    return found


def _as_of_the_new_day(decision: Decision, code: str, lot: OpenLot) -> NewLot:
    """Return a lot, with points yet to be told, as the same rule gives it by the order's new instant."""
    placed = _placed(decision)
    under = decision.then(at=placed.occurred_at)
    before = decision.versions.version(lot.version_id)
    codes = {rule.id: rule.code for rule in (before.of(RULES).earnings if before else ())}
    rules = {rule.code: rule.id for rule in decision.rules.of(RULES).earnings}
    cause = Cause(placed.cause, {}, placed.order_id, placed.events)
    new = lot_of(under, 0, rules.get(codes.get(lot.rule_id or 0, "")), lifetime_of(under, code), cause)
    return replace(new, state=State.AVAILABLE if new.active_at is not None else State.PENDING, moved_from=lot.id)


def _placed(decision: Decision) -> OrderPlaced:
    activity = decision.activity
    assert isinstance(activity, OrderCorrected)
    assert activity.placed is not None, "an order that is its member's no more is not moved"
    return activity.placed


def _carry(
    decision: Decision, activity: OrderCorrected, code: str, carried: Sequence[tuple[OpenLot, NewLot, Carried]]
) -> Decision:
    """Open new lots at the order's new instant, with the points where they are, the claims on them and what they replace."""
    if not carried:
        return decision
    now, lots = decision.at, tuple(new for _, new, _ in carried)
    under = decision.then(at=_placed(decision).occurred_at)
    until = keeps_until(under, code)
    under = extend_inactivity(under, code, until, order_id=activity.order_id)
    moves = tuple(
        Move(new.id, new.state, state, amount) for _, new, there in carried for state, amount in there.items()
    )
    said = {"order": activity.order_number, "correction": activity.correction, "moved": sum(lot.amount for lot in lots)}
    cause = f"moved:{activity.order_id}:{activity.correction}"
    posting = entry(
        under, wallet_in(under, code), "earn", cause, said, moves=moves, lots=lots, order_id=activity.order_id,
        keeps_until=until,
    )  # fmt: skip
    return _renamed(post(under, posting), code, {lot.id: new.id for lot, new, _ in carried}).then(at=now)


def _renamed(decision: Decision, code: str, moved: Mapping[UUID, UUID]) -> Decision:
    """Let claims on lots, and what others took from them, be of the new ones."""
    claims = [(lot.id, lot.claimed) for lot in wallet_in(decision, code).lots if lot.id in moved and lot.claimed]
    decision = claim(decision, code, [(lot_id, -points) for lot_id, points in claims])
    decision = claim(decision, code, [(moved[lot_id], points) for lot_id, points in claims])
    wallet = wallet_in(decision, code)
    lots = tuple(replace(lot, moved_to=moved.get(lot.id, lot.moved_to)) for lot in wallet.lots)
    entries = tuple(each.of_moved(moved) for each in wallet.debt_entries)
    return with_wallet(decision, replace(wallet, lots=lots, debt_entries=entries))
