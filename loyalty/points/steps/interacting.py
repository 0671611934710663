"""What becomes of an interaction's reward: approved, refused, or taken back with the product that it was about. Pure."""

from collections.abc import Sequence
from uuid import UUID

from customers.core.calendar import local_date
from loyalty.engine.activities import InteractionReviewed, OrderReturned
from loyalty.engine.basket import NOTHING
from loyalty.engine.decision import Decision, Told
from loyalty.points.clawback import claw_back_own
from loyalty.points.limits import Asked, Rewarded, is_bought
from loyalty.points.state import MAIN, POINTS, RULES, Day, Move, OpenLot
from loyalty.points.states import State
from loyalty.points.steps.earning import count, label_of
from loyalty.points.steps.entries import entry, post, wallet_in
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.limiting import use_pool
from loyalty.points.steps.passing import give_dates
from loyalty.points.steps.returning import take_or_owe


def approve(decision: Decision, interaction_id: UUID) -> Decision:
    """Let the points of an interaction become active that wait for somebody's approval, from now on."""
    cause = f"activate:approved:{interaction_id}"
    for wallet in decision.member.of(POINTS).wallets:
        waiting = waiting_of(wallet.lots, interaction_id)
        if waiting:
            decision = give_dates(decision, wallet, waiting, decision.at, 0, cause=cause)
    return decision


def refuse(decision: Decision, interaction_id: UUID, number: str) -> Decision:
    """Cancel the points of an interaction that wait for somebody's approval; by its number, it is told."""
    for wallet in decision.member.of(POINTS).wallets:
        waiting = waiting_of(wallet.lots, interaction_id)
        if not waiting:
            continue
        moves = tuple(Move(lot.id, State.PENDING, State.CANCELLED, lot.pending) for lot in waiting)
        points = sum(lot.pending for lot in waiting)
        said = {"refused": str(interaction_id), "points": points}
        posting = entry(decision, wallet, "return", f"interaction-back:{interaction_id}", said, moves=moves)
        decision = _count_less(post(decision, posting), wallet.code, waiting[0], points)
        decision = decision.then(Told("points.returned", {"interaction": number, "points": -points}, decision.at))
    return decision


def review(decision: Decision) -> Decision:
    """Approve or refuse what was approved or refused then, in a past that is simulated."""
    activity = decision.activity
    assert isinstance(activity, InteractionReviewed), "a past tells what was reviewed"
    if activity.is_approved:
        return approve(decision, activity.id)
    return refuse(decision, activity.id, number="")  # of a past that is simulated nobody is told


def waiting_of(lots: Sequence[OpenLot], interaction_id: UUID) -> list[OpenLot]:
    """Return the lots of an interaction that wait for an approval."""
    label = label_of(interaction_id)
    return [lot for lot in lots if lot.gift == label and lot.active_at is None and lot.pending]


def take_interactions_back(decision: Decision) -> Decision:
    """
    Take back what interactions gave whose product is returned, where their rules say so and nothing of it is left.

    And what they gave only because it had been bought, where it turns out that by then it was not.
    """
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns and corrections take back"
    rewarded = decision.member.of(POINTS).rewarded
    questioned = activity.questioned if rewarded else frozenset()
    for each in rewarded:
        if each.sku in questioned:
            decision = _take_back(decision, each, activity)
    return decision


def _take_back(decision: Decision, rewarded: Rewarded, activity: OrderReturned) -> Decision:
    interaction_id = rewarded.interaction_id
    label, before = label_of(interaction_id), decision
    for wallet in decision.member.of(POINTS).wallets:
        lots = [lot for lot in wallet.lots if lot.gift == label and _comes_back(decision, lot, rewarded, activity)]
        if not lots:
            continue
        points = sum(lot.amount for lot in lots)
        taken = claw_back_own(points, [lot.id for lot in lots], wallet.lots)
        decision = claim(decision, wallet.code, taken.claims)
        said = {
            "return": activity.number,
            "interaction_back": str(interaction_id),
            "gift_lots": [str(lot.id) for lot in lots],
            "points": points - taken.missing,
            **({} if wallet.code == MAIN else {"wallet": wallet.code}),
        }
        policy = decision.rules.of(RULES).policy(wallet.code)
        decision, _ = take_or_owe(
            decision, wallet_in(decision, wallet.code), taken.moves, taken.missing, policy, said,
            f"interaction-back:{interaction_id}",
        )  # fmt: skip
        decision = _count_less(decision, wallet.code, lots[0], points)
        told = {"return": activity.number, "order": activity.order_number, "points": -points}
        decision = decision.then(Told("points.returned", told, decision.at))
    if decision is before:
        return decision
    points_state = decision.member.of(POINTS)
    left = tuple(each for each in points_state.rewarded if each.interaction_id != interaction_id)
    return decision.then(member=decision.member.having(POINTS, points_state.with_rewarded(left)))


def _comes_back(decision: Decision, lot: OpenLot, rewarded: Rewarded, activity: OrderReturned) -> bool:
    """Tell whether the rule that gave a lot takes it back with the product, or would not have given it."""
    version = decision.versions.version(lot.version_id)
    rules = version.of(RULES).earnings if version else ()
    terms = next((rule.terms for rule in rules if rule.id == lot.rule_id), None)
    if version is None or terms is None:
        return False
    is_gone = rewarded.sku in activity.gone and rewarded.sku not in activity.kept_elsewhere
    if terms.takes_back and rewarded.at <= activity.occurred_at and is_gone:
        return True
    if terms.bought_within_days is None or rewarded.interaction_id not in activity.bought:
        return False
    bought_at = activity.bought[rewarded.interaction_id]
    asked = Asked(rewarded.kind, rewarded.sku, rewarded.at, bought_at, version.zone)
    return not is_bought(terms.bought_within_days, asked)


def _count_less(decision: Decision, code: str, lot: OpenLot, points: int) -> Decision:
    """Let the day on which it was earned, and its budget, count less."""
    version = decision.versions.version(lot.version_id) or decision.rules
    on = local_date(lot.earned_at, version.zone)
    decision = count(decision, wallet_in(decision, code).wallet_id, Day(on, NOTHING, -points))
    return use_pool(decision, code, version, on, -points)
