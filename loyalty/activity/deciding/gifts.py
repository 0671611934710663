"""Points that a tier gives on entry: once per entry, and taken back with it as far as they are unspent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from loyalty.activity.deciding.points import Booked, free_lot, kept_alive, repayment
from loyalty.activity.rulesets import Ruleset
from loyalty.points.clawback import Move
from loyalty.points.ledger import MAIN, Posting
from loyalty.points.states import State
from loyalty.tiers.rules import Step


def gift(done: Booked, step: Step, ruleset: Ruleset, *, cause: str, at: datetime) -> Booked:
    """Give what a step gives on entry: points that can be spent at once, and repay what is owed first."""
    if not step.entry_gift:
        return done
    lifetime = ruleset.policy(MAIN).lifetime
    extended = replace(lifetime, extra_months=step.extra_months)
    alive = kept_alive(done.member, MAIN, extended, ruleset, at)
    done = Booked(alive.member, (*done.postings, *alive.postings))
    lot = free_lot(step.entry_gift, extended, ruleset, at, gift=step.code)
    posting = Posting(
        retailer_id=done.member.retailer_id,
        wallet_id=done.member.main.wallet_id,
        kind="earn",
        cause=f"gift:{step.code}:{cause}",
        occurred_at=at,
        lots=(lot,),
        explanation={"gift": step.code, "version": ruleset.number},
    )
    done = done.then(posting)
    usable = [each for each in done.member.main.lots if each.id == lot.id]
    return done.then(repayment(done.member, MAIN, usable, cause=f"repay:{posting.cause}", at=at))


def taken_back(done: Booked, undone: Sequence[tuple[str, datetime]], *, cause: str, at: datetime) -> Booked:
    """
    Take back the gifts of entries that a return undid.

    :param undone: steps with the instants at which they were entered
    """
    lots = [lot for lot in done.member.main.lots if lot.gift and (lot.gift, lot.earned_at) in set(undone)]
    moves = [
        Move(lot.id, state, State.CANCELLED, points)
        for lot in lots
        for state, points in ((State.PENDING, lot.pending), (State.AVAILABLE, lot.available))
        if points
    ]
    if not moves:
        return done
    posting = Posting(
        retailer_id=done.member.retailer_id,
        wallet_id=done.member.main.wallet_id,
        kind="return",
        cause=f"gift:{cause}",
        occurred_at=at,
        moves=tuple(moves),
        explanation={
            "gifts_back": [code for code, _ in undone],
            "points": sum(move.amount for move in moves),
        },
    )
    return done.then(posting)
