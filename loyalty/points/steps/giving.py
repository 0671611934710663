"""Points that no rule counted: gifts, grants, adjustments. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from customers.core.ids import new_id
from loyalty.engine.decision import Decision
from loyalty.engine.versions import Version
from loyalty.points.expiry import Lifetime, expiration
from loyalty.points.state import NewLot
from loyalty.points.states import State
from loyalty.points.steps.entries import Cause, entry, keeps_until, lifetime_of, post, repay_with, wallet_in
from loyalty.points.steps.idling import extend_inactivity


def give_points(  # noqa: PLR0913 - who, of what, how many, why
    decision: Decision,
    code: str,
    points: int,
    cause: Cause,
    *,
    kind: str = "earn",
    gift: str = "",
    lifetime: Lifetime | None = None,
    parts: Sequence[tuple[int, datetime]] = (),
) -> Decision:
    """
    Give points that no rule counted, and that can be spent at once: a gift, a grant, an adjustment.

    :param lifetime: where the occasion's tier does not let them live longer
    :param parts: how many of them end when, where they have their ends already
    """
    until = keeps_until(decision, code)
    decision = extend_inactivity(decision, code, until)
    lives = lifetime or lifetime_of(decision, code)
    ended = [
        replace(
            free_lot(some, lives, decision.rules, decision.at, gift=gift), expires_at=end, expires_on_inactivity=False
        )
        for some, end in parts
    ]
    rest = points - sum(lot.amount for lot in ended)
    lots = (*ended, *((free_lot(rest, lives, decision.rules, decision.at, gift=gift),) if rest > 0 else ()))
    wallet = wallet_in(decision, code)
    posting = entry(decision, wallet, kind, cause.name, cause.said, lots=lots, keeps_until=until)
    return repay_with(post(decision, posting), code, lots, cause.name)


def free_lot(points: int, lifetime: Lifetime, version: Version, at: datetime, *, gift: str = "") -> NewLot:
    """Return a lot of points that no order gave, and that can be spent at once."""
    return NewLot(
        id=new_id(),
        amount=points,
        earned_at=at,
        active_at=at,
        expires_at=expiration(at, lifetime, version.zone),
        version_id=version.version_id,
        rule_id=None,
        order_id=None,
        state=State.AVAILABLE,
        expires_on_inactivity=lifetime.on_inactivity,
        gift=gift,
    )
