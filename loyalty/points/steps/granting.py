"""Points that a member is given because of something else, and that are taken back when that is no more. Pure."""

from dataclasses import replace

from loyalty.engine.activities import GrantTakenBack, PointsGranted
from loyalty.engine.decision import Decision, Told
from loyalty.points.clawback import claw_back_own
from loyalty.points.debts import Debt, lacking_of_gifts
from loyalty.points.expiry import Lifetime, activation, expiration
from loyalty.points.state import CONTESTS, MAIN, RULES, GrantDecided, Move, NewLot, Policy
from loyalty.points.states import State
from loyalty.points.steps.earning import NO_POINTS_NOW
from loyalty.points.steps.entries import Cause, entry, keeps_until, lifetime_of, post, repay_with, wallet_in
from loyalty.points.steps.giving import free_lot
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.idling import extend_inactivity
from loyalty.points.steps.keeping import keep_until
from loyalty.points.steps.returning import take_or_owe


def withhold(decision: Decision) -> Decision:
    """Give nothing, because of whatever else, to who is to get nothing extra; but what was won before that is given."""
    activity = decision.activity
    assert isinstance(activity, PointsGranted), "only grants are withheld"
    is_withheld = decision.version is not None and decision.version.is_withheld and activity.source != CONTESTS
    return decision.then(reason=decision.reason or NO_POINTS_NOW) if is_withheld else decision


def grant(decision: Decision) -> Decision:
    """Give points because of something else, unless a step before says why not; they may be pending for some days."""
    activity = decision.activity
    assert isinstance(activity, PointsGranted), "only grants are granted"
    until = keeps_until(decision, activity.wallet)
    if decision.reason:
        if decision.reason == NO_POINTS_NOW and until is not None:
            decision = keep_until(decision, activity.wallet, until, Cause(activity.cause, dict(activity.said)))
        return decision.then(GrantDecided(activity.grant_id, 0, decision.reason))
    decision = extend_inactivity(decision, activity.wallet, until)
    lot = _lot(decision, activity)
    wallet = wallet_in(decision, activity.wallet)
    said = {**activity.said, "points": activity.points, **({} if wallet.code == MAIN else {"wallet": wallet.code})}
    posting = entry(decision, wallet, "earn", activity.cause, said, lots=(lot,), keeps_until=until)
    decision = _repay(post(decision, posting), activity, lot)
    payload = {**activity.said, "points": activity.points}
    return decision.then(GrantDecided(activity.grant_id, activity.points), Told("points.earned", payload, decision.at))


def _lot(decision: Decision, activity: PointsGranted) -> NewLot:
    """Return a grant's lot, which becomes active with a midnight where it is pending first."""
    zone, lifetime = decision.rules.zone, lifetime_of(decision, activity.wallet)
    active_at = activation(decision.at, Lifetime(pending_days=activity.pending_days), zone)
    return replace(
        free_lot(activity.points, lifetime, decision.rules, decision.at),
        active_at=active_at,
        expires_at=expiration(active_at, lifetime, zone),
        state=State.PENDING if active_at > decision.at else State.AVAILABLE,
        grant_id=activity.grant_id,
    )


def _repay(decision: Decision, activity: PointsGranted, lot: NewLot) -> Decision:
    """Let what is given repay what is owed; where it was given before, what could not be taken back of that it settles first."""
    before = [each.id for each in wallet_in(decision, activity.wallet).lots if each.grant_id in activity.before]
    for debt in lacking_of_gifts(wallet_in(decision, activity.wallet).debt_entries, before):
        decision = _settle_before(decision, activity, lot, debt)
    return repay_with(decision, activity.wallet, (lot,), activity.cause)


def _settle_before(decision: Decision, activity: PointsGranted, given: NewLot, debt: Debt) -> Decision:
    """Let a grant settle what could not be taken back of an earlier one, also while it is pending: later nothing tells of it."""
    wallet = wallet_in(decision, activity.wallet)
    lot = wallet.lot(given.id)
    settled = min(lot.pending + lot.available, debt.shortfall, wallet.shortfall)
    if not settled:
        return decision
    said = {
        "settled": settled,
        "still_short": wallet.shortfall - settled,
        "gift_lots": [str(each) for each in debt.gift_lots],
    }
    moves = (Move(lot.id, given.state, State.CANCELLED, settled),)
    cause = f"settle:{activity.cause}:{debt.gift_lots[0]}"
    return post(decision, entry(decision, wallet, "repay", cause, said, moves=moves, shortfall_change=-settled))


def take_grant_back(decision: Decision) -> Decision:
    """Take back what a grant gave: from its own points, then from others, then by the wallet's policy."""
    activity = decision.activity
    assert isinstance(activity, GrantTakenBack), "only grants are taken back"
    wallet = wallet_in(decision, activity.wallet)
    own = [lot for lot in wallet.lots if lot.grant_id == activity.grant_id]
    # Of who was merged come the points that are there; what others have by now was given all the same.
    points = sum(lot.amount for lot in own) if activity.given is None else activity.given
    if not points:
        return decision.then(GrantDecided(activity.id, 0, "nothing_given"))
    taken = claw_back_own(points, [lot.id for lot in own], wallet.lots)
    decision = claim(decision, activity.wallet, taken.claims)
    said = {**activity.said, "grant_back": points, "gift_lots": [str(lot.id) for lot in own]}
    decision, _ = take_or_owe(
        decision,
        wallet_in(decision, activity.wallet),
        taken.moves,
        taken.missing,
        _policy(decision, activity),
        said,
        activity.cause,
    )
    payload = {**activity.said, "points": -points}
    return decision.then(GrantDecided(activity.id, points), Told("points.returned", payload, decision.at))


def _policy(decision: Decision, activity: GrantTakenBack) -> Policy:
    """Return how the wallet lives under the version under which the grant was given."""
    own = (lot for lot in wallet_in(decision, activity.wallet).lots if lot.grant_id == activity.grant_id)
    of = next((lot.version_id for lot in own), activity.version_id)
    version = (decision.versions.version(of) if of else None) or decision.rules
    return version.of(RULES).policy(activity.wallet)
