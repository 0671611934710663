"""Two members of a simulated past who become one: what is read again after a merge that was written, and here is not. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.plans.state import PLANS, PlanState
from loyalty.points.state import POINTS, PointsState, Posting, Redeemed
from loyalty.tiers.state import TIERS


def without_plan(member: Member) -> Member:
    """Return a member without its plan: a past is told of plans, also of what became of them with a merge."""
    return member.having(PLANS, PlanState()) if member.has(PLANS) else member


def as_giver(member: Member) -> Member:
    """Return a member as it gives over what it has: knowing the lots of all that it redeemed and may get back."""
    points = member.of(POINTS)
    for each in points.redeemed:
        points = points.having(points.wallet_of(each.wallet_id).knowing(each.lots))
    return without_plan(member.having(POINTS, points))


def as_one(member: Member, mine: Member, gave: Member, giver: Member, effects: Iterable[Effect]) -> Member:
    """
    Return a member as it is read after it took over from another one.

    :param mine: as it was before
    :param gave: the other one before it gave over
    :param giver: the other one afterwards
    :param effects: by which it took over
    """
    points, theirs = member.of(POINTS), gave.of(POINTS)
    points = replace(
        _with_ends_of(points, theirs),
        redeemed=(*points.redeemed, *_redeemed(points, effects)),
        rewarded=(*points.rewarded, *theirs.rewarded),
    )
    member = _with_changes_of(member.having(POINTS, points), giver)
    return member.having(PLANS, mine.of(PLANS)) if mine.has(PLANS) else member


def _redeemed(points: PointsState, effects: Iterable[Effect]) -> list[Redeemed]:
    """Return what the other one had redeemed, of the lots that have it now."""
    return [
        Redeemed(
            UUID(each.explanation["merged_from"]), each.explanation["reference"], each.wallet_id, each.moves,
            tuple(points.wallet_of(each.wallet_id).lot(move.lot_id) for move in each.moves),
        )
        for each in effects
        if isinstance(each, Posting) and each.kind == "redeem"
    ]  # fmt: skip


def _with_ends_of(points: PointsState, theirs: PointsState) -> PointsState:
    """Return wallets that know when lots had ended that came from the other one."""
    lots = [lot for wallet in theirs.wallets for lot in wallet.lots]
    ends = {lot.id: lot.ended_at for lot in lots if lot.ended_at is not None}
    for wallet in points.wallets if ends else ():
        known = (replace(lot, ended_at=ends[lot.from_lot]) if lot.from_lot in ends else lot for lot in wallet.lots)
        points = points.having(wallet.with_lots(tuple(known)))
    return points


def _with_changes_of(member: Member, giver: Member) -> Member:
    """Return a member who knows which tiers the other one had, and those who had become that one."""
    if not member.has(TIERS):
        return member
    mine, theirs = member.of(TIERS), giver.of(TIERS)
    others = (changes for changes in (theirs.changes, *theirs.taken_over) if changes)
    return member.having(TIERS, replace(mine, taken_over=(*mine.taken_over, *others)))
