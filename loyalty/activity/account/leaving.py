"""A member leaves: told before what is lost, then nothing can be earned or spent until it enrols again."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.identifying import hold_who_stays
from loyalty.activity.account.session import AccountSession
from loyalty.activity.account.spending import release
from loyalty.activity.deciding import decide
from loyalty.activity.models import OrderDecision
from loyalty.activity.progress import progress
from loyalty.activity.versions import versions_of_member
from loyalty.engine.activities import Left
from loyalty.engine.decision import Told
from loyalty.memberships import households
from loyalty.memberships.models import Membership
from loyalty.plans.overview import overview
from loyalty.points.ends import ENDS_AT
from loyalty.points.models import Hold, Wallet
from loyalty.points.statement import balance


@dataclass(frozen=True, slots=True)
class LostByLeaving:
    """
    What a member loses by leaving.

    :param points: that it can spend, or could when its holds end, by wallet
    :param pending: that are not active yet, by wallet
    :param tier: the code of its tier; empty for none
    :param holds: open holds, which end
    :param plan: the code of its paid plan, which ends; empty for none
    :param rewards: that it has not used
    :param left_at: when it left, where it has already
    """

    points: dict[str, int]
    pending: dict[str, int]
    tier: str
    holds: int
    rewards: int = 0
    left_at: datetime | None = None
    plan: str = ""


def lost_by_leaving(membership: Membership, *, at: datetime) -> LostByLeaving:
    """Return what a member would lose by leaving at an instant."""
    points, pending = {}, {}
    for wallet in Wallet.objects.filter(membership=membership).order_by("pk"):
        found = balance(wallet, at=at, zone=membership.program.tzinfo)
        # What is held comes back with the end of its hold, and is lost with the rest.
        back = max(_coming_back(wallet, at) - wallet.shortfall - found.owed, 0)
        points[wallet.code], pending[wallet.code] = found.available + back, found.pending
    current = progress(membership, at=at).current
    tier = current.code if current else ""
    ((holds, rewards),) = bulk.fetch(OPEN, {"membership": membership.pk, "at": at})
    return LostByLeaving(points, pending, tier, holds, rewards, membership.left_at, _plan_of(membership, at))


def _plan_of(membership: Membership, at: datetime) -> str:
    """Return the code of a member's plan; empty for none."""
    mine = overview(membership, versions_of_member(membership), at=at).mine
    return mine.plan.code if mine else ""


OPEN = """
SELECT (SELECT count(*)::int FROM points_hold h JOIN points_wallet w ON w.id = h.wallet_id
        WHERE w.membership_id = %(membership)s AND h.status = 'open'),
    (SELECT count(*)::int FROM rewards_rewardredemption
        WHERE membership_id = %(membership)s AND status = 'issued' AND (expires_at IS NULL OR expires_at > %(at)s))
"""
COMING_BACK = f"""
SELECT coalesce(sum(held - claimed), 0)::bigint FROM (
    SELECT l.held, l.claimed, {ENDS_AT} AS ends_at FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
    WHERE l.wallet_id = %s AND l.held > 0 AND NOT l.is_lent
) h WHERE ends_at IS NULL OR ends_at > %s
"""


def _coming_back(wallet: Wallet, at: datetime) -> int:
    """Return how many held points would come back to a member: none that others lent, returns claimed, or that are over."""
    ((points,),) = bulk.fetch(COMING_BACK, [wallet.pk, at])
    return int(points)


@transaction.atomic
def leave(membership: Membership, *, now: datetime) -> LostByLeaving:
    """
    Let a member leave: its holds and its plan end, its points and its tier are forfeited; leaving again changes nothing.

    Its number stays its own: who enrols again has it, and begins anew.
    """
    lost = lost_by_leaving(membership, at=now)
    if membership.left_at is not None:
        return lost
    hold_who_stays(membership.customer_id)
    for hold_id in _open_holds(membership):
        release(hold_id, now=now)
    session = AccountSession.open([membership.pk], now, all_lots=True)
    before = session.decisions[membership.pk]
    if before.member.left_at is not None:
        return lost_by_leaving(Membership.objects.get(pk=membership.pk), at=now)
    activity = Left(new_id(), before.member.customer_id, now)
    if before.version is not None:
        decision = decide(before.member, activity, before.versions, now=now, pools={})
        assert decision is not None, "leaving is always decided"
        session.take(before.then(*decision.effects, member=decision.member))
    lost_points = {"points": sum(lost.points.values()), "pending": sum(lost.pending.values())}
    session.take(session.decisions[membership.pk].then(Told("membership.left", lost_points, now)))
    session.finish()
    households.leave(membership, now=now)
    decided = OrderDecision.objects.filter(membership=membership, version__isnull=False, is_forfeited=False)
    decided.update(is_forfeited=True)
    Membership.objects.filter(pk=membership.pk).update(left_at=now, next_due_at=None)
    membership.left_at = now
    return replace(lost, left_at=now)


def _open_holds(membership: Membership) -> list[UUID]:
    holds = Hold.objects.filter(wallet__membership=membership, status=Hold.Status.OPEN)
    return list(holds.order_by("pk").values_list("pk", flat=True))
