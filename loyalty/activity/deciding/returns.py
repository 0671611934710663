"""What a return causes: afterwards its order has kept exactly what it would have earned without all that came back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from customers.core.calendar import local_date
from loyalty.activity.deciding.climbing import qualified, undo_entries
from loyalty.activity.deciding.earning import budget_key
from loyalty.activity.deciding.points import Booked, brought_up_to, repayment
from loyalty.activity.rulesets import Ruleset, Timeline
from loyalty.activity.state import Award, DecidedOrder, DecidedReturn, Decision, Effects, GivenBack, Member, Redeemed
from loyalty.outbox.publishing import NewEvent
from loyalty.points.budgets import BudgetKey
from loyalty.points.clawback import claw_back
from loyalty.points.ledger import MAIN, Posting
from loyalty.points.limits import Room, limit
from loyalty.points.rules import Earned, Occasion, by_wallet, earn, total_of
from loyalty.points.spending import undo
from loyalty.points.states import State
from loyalty.tiers.assessment import Qualified


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a return takes from one wallet."""

    award: Award
    code: str
    points: int
    shortfall: int


def decide_return(
    member: Member,
    given_back: GivenBack,
    decided: DecidedOrder,
    timeline: Timeline,
    redeemed: Sequence[Redeemed] = (),
) -> Decision:
    """
    Decide a return for the membership for which its order was decided.

    When nothing is left of the order, the redemptions that paid it are undone first, so that what they give back is
    there to be taken.

    :param timeline: with the version under which the order was decided, and the one of the return's own time
    :param redeemed: those redemptions, where nothing is left
    """
    ruleset = timeline.version(decided.version_id)
    if ruleset is None:
        return Decision(member, Effects(order_return=_decided(member, given_back, 0, 0)))
    done = brought_up_to(member, given_back.occurred_at)
    for each in redeemed:
        done = _restore(done, each, given_back)
    then = Occasion(given_back.ordered_at, ruleset.zone, decided.multiplier, decided.is_first, decided.tier_code)
    earned = by_wallet(earn(given_back.kept, ruleset.earnings, then))
    taken: list[_Taken] = []
    for award in decided.awards:
        done, took = _take(done, award, earned, given_back, ruleset)
        taken.append(took)
    on = local_date(given_back.ordered_at, ruleset.zone)
    days = _days(taken, on, given_back)
    fallen = undo_entries(
        qualified(done.member, days), timeline, given_back.occurred_at, f"return:{given_back.return_id}"
    )
    points, shortfall = sum(took.points for took in taken), sum(took.shortfall for took in taken)
    effects = Effects(
        order=replace(decided, awards=tuple(took.award for took in taken)),
        order_return=_decided(member, given_back, points, shortfall),
        postings=(*done.postings, *fallen.postings),
        qualified=days,
        moves=fallen.moves,
        events=(*_event(member, given_back, points), *fallen.events),
        spent=_given_back_to_budgets(member, taken, ruleset, on),
    )
    return Decision(fallen.member, effects)


def _take(
    done: Booked, award: Award, earned: dict[str, tuple[Earned, ...]], given_back: GivenBack, ruleset: Ruleset
) -> tuple[Booked, _Taken]:
    """Take from one wallet what its order no longer earns."""
    purse = done.member.purse_of(award.wallet_id)
    policy = ruleset.policy(purse.code)
    limited = limit(earned.get(purse.code, ()), policy.limits, Room(period=award.allowance))
    # A return never gives points: what was rejected whole stays so, although less of it would not have been.
    kept = min(total_of(limited.earned), award.points_kept)
    points = award.points_kept - kept
    if not points:
        return done, _Taken(award, purse.code, 0, 0)
    taken = claw_back(points, given_back.order_id, purse.lots)
    owed = taken.missing if policy.allow_negative else 0
    posting = Posting(
        retailer_id=done.member.retailer_id,
        wallet_id=purse.wallet_id,
        kind="return",
        cause=f"return:{given_back.return_id}",
        occurred_at=given_back.occurred_at,
        order_id=given_back.order_id,
        moves=taken.moves,
        owed_change=owed,
        explanation={
            "return": given_back.number,
            "order": given_back.order_number,
            "version": ruleset.number,
            "kept_before": award.points_kept,
            "kept_now": kept,
            "owed": owed,
            "shortfall": taken.missing - owed,
            **({} if purse.code == MAIN else {"wallet": purse.code}),
        },
    )
    return done.then(posting), _Taken(replace(award, points_kept=kept), purse.code, points, taken.missing - owed)


def _restore(done: Booked, redeemed: Redeemed, given_back: GivenBack) -> Booked:
    """Undo a redemption that paid for what came back: the same lots get their points, with their own expiry."""
    purse = done.member.purse_of(redeemed.wallet_id)
    known = {lot.id for lot in purse.lots}
    closed = tuple(lot for lot in redeemed.lots if lot.id not in known)
    member = done.member.with_purse(replace(purse, lots=(*purse.lots, *closed)))
    expiries = {lot.id: lot.expires_at for lot in member.purse(purse.code).lots}
    moves = undo(redeemed.moves, expiries, at=given_back.occurred_at)
    expired = sum(move.amount for move in moves if move.target is State.EXPIRED)
    posting = Posting(
        retailer_id=member.retailer_id,
        wallet_id=redeemed.wallet_id,
        kind="restore",
        cause=f"restore:{redeemed.entry_id}",
        occurred_at=given_back.occurred_at,
        moves=moves,
        explanation={
            "return": given_back.number,
            "redemption": redeemed.reference,
            "restored": sum(move.amount for move in moves) - expired,
            "expired": expired,
        },
    )
    done = replace(done, member=member).then(posting)
    usable = [lot for lot in done.member.purse(purse.code).lots if lot.is_usable(given_back.occurred_at)]
    return done.then(
        repayment(done.member, purse.code, usable, cause=f"repay:{posting.cause}", at=given_back.occurred_at)
    )


def _days(taken: Sequence[_Taken], on: date, given_back: GivenBack) -> tuple[Qualified, ...]:
    """Return what the order's day counts less; an order of which nothing is left is none."""
    spend = given_back.kept.paid - given_back.before.paid
    orders = -1 if given_back.before.lines and not given_back.kept.lines else 0
    return tuple(
        Qualified(took.award.wallet_id, on, spend, -took.points, orders)
        if took.code == MAIN
        else Qualified(took.award.wallet_id, on, Decimal(0), -took.points)
        for took in taken
        if took.points or took.code == MAIN
    )


def _given_back_to_budgets(
    member: Member, taken: Sequence[_Taken], ruleset: Ruleset, on: date
) -> tuple[tuple[BudgetKey, int], ...]:
    return tuple(
        (budget_key(member, took.code, ruleset, on), -took.points)
        for took in taken
        if took.points and ruleset.policy(took.code).limits.budget is not None
    )


def _decided(member: Member, given_back: GivenBack, points: int, shortfall: int) -> DecidedReturn:
    return DecidedReturn(member.retailer_id, member.program_id, given_back.return_id, points, shortfall)


def _event(member: Member, given_back: GivenBack, points: int) -> tuple[NewEvent, ...]:
    if not points:
        return ()
    payload = {"return": given_back.number, "order": given_back.order_number, "points": -points}
    return (NewEvent(member.retailer_id, "points.returned", member.membership_id, payload, given_back.occurred_at),)
