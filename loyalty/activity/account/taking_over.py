"""
A member takes over what another one of the same person has: points lot by lot, what is owed, redemptions, the higher tier.

Both decide it by the steps of giving over and taking over; their days and their decisions on orders go over as rows.
"""

from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity.account.recounting import MovedInteractions, as_one
from loyalty.activity.account.session import AccountSession
from loyalty.activity.account.spending import end_timed_out
from loyalty.activity.deciding import decide
from loyalty.activity.references import rename_in_orders, suffix_of, take_over_references, used_references
from loyalty.badges.state import BADGES
from loyalty.badges.writing import unfold
from loyalty.engine.activities import GivenOver, TakenOver
from loyalty.engine.decision import Told
from loyalty.engine.member import Member
from loyalty.memberships.models import Membership
from loyalty.points.loading.debts import with_all_debts
from loyalty.points.loading.history import actives_of
from loyalty.points.loading.redeemed import load_redeemed
from loyalty.points.models import Hold
from loyalty.points.state import POINTS, PointsState, Redeemed

# Points that have expired or were redeemed stand in no balance, and something may still become of them.
GONE = """
SELECT l.id, w.membership_id FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE w.membership_id = ANY(%s) AND (SELECT sum(CASE 'expired' WHEN v.to_state THEN v.amount WHEN v.from_state THEN -v.amount END)
    FROM points_movement v WHERE v.lot_id = l.id) > 0
"""
REDEEMED = """
SELECT DISTINCT e.explanation->>'reference' FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id
JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.id = %s AND e.kind = 'redeem' AND e.explanation ? 'reference' AND e.occurred_at >= m.enrolled_at
"""
DAYS = """
INSERT INTO points_qualifyingday (wallet_id, on_date, spend, points, orders, visits)
SELECT t.id, d.on_date, d.spend, d.points, d.orders, d.visits FROM points_qualifyingday d
JOIN points_wallet s ON s.id = d.wallet_id JOIN points_wallet t ON t.code = s.code AND t.membership_id = %s
WHERE s.membership_id = %s
ON CONFLICT (wallet_id, on_date) DO UPDATE SET spend = points_qualifyingday.spend + excluded.spend,
    points = points_qualifyingday.points + excluded.points, orders = points_qualifyingday.orders + excluded.orders,
    visits = points_qualifyingday.visits + excluded.visits
"""
FORGET_DAYS = """
DELETE FROM points_qualifyingday d USING points_wallet w WHERE w.id = d.wallet_id AND w.membership_id = %s
"""
# Of two first orders the earlier one is the person's.
ONE_FIRST = """
UPDATE activity_orderdecision d SET is_first = false WHERE d.membership_id = ANY(%s) AND d.is_first AND d.is_kept
AND d.order_id <> (
    SELECT f.order_id FROM activity_orderdecision f JOIN customers_order o ON o.id = f.order_id
    WHERE f.membership_id = ANY(%s) AND f.is_first AND f.is_kept ORDER BY o.occurred_at, o.id LIMIT 1)
"""
DECISIONS = """
UPDATE activity_orderdecision d SET membership_id = t.membership_id, wallet_id = t.id,
    merged_from = coalesce(d.merged_from, d.membership_id)
FROM points_wallet s JOIN points_wallet t ON t.code = s.code AND t.membership_id = %s
WHERE d.membership_id = %s AND s.id = d.wallet_id
"""
# Not before an earlier membership of the one who stays ended: what that one had was forfeited.
SINCE = """
UPDATE memberships_membership t SET enrolled_at = least(t.enrolled_at, greatest(
    s.enrolled_at, (SELECT max(p.left_at) FROM memberships_membershipperiod p WHERE p.membership_id = t.id)))
FROM memberships_membership s WHERE t.id = %s AND s.id = %s
"""


class OpenHold(DomainError):
    code = "open_hold"
    kind = Kind.CONFLICT
    message = _("Hold {reference} of member {number} is open. Confirm or release it first, then merge.")


@dataclass(frozen=True, slots=True)
class PassedPoints:
    """
    The points that go over with a merge, by wallet.

    :param available: that can be spent
    :param pending: that are not active yet
    """

    available: dict[str, int]
    pending: dict[str, int]


def take_over(source: Membership, target: Membership, moved: MovedInteractions, *, now: datetime) -> PassedPoints:
    """
    Let one member take over what the other one has.

    :param moved: the interactions of the one who stays that were those of the one who goes
    :raises OpenHold: when points of the one who goes are held
    """
    end_timed_out([source], now=now)
    _refuse_open_hold(source)
    session = _open(source, target, now)
    used = used_references(target.pk)
    passed = _pass_on(session, source, target, moved, used)
    payload = {"from": source.number, "into": target.number}
    for key in (source.pk, target.pk):
        session.take(session.decisions[key].then(Told("membership.merged", payload, now)))
    session.finish()
    take_over_references(source, target, used)
    _take_over_rows(source, target)
    return passed


def _refuse_open_hold(source: Membership) -> None:
    hold = Hold.objects.filter(wallet__membership=source, status=Hold.Status.OPEN).order_by("pk").first()
    if hold is not None:
        raise OpenHold(reference=hold.reference, number=source.number)


def _open(source: Membership, target: Membership, now: datetime) -> AccountSession:
    """
    Open a session of both with all that they have, also points that are gone, and all that counts for both.

    What time has ended by now is written first: what goes over is read as it is then, and no row is both ended and moved at once.
    """
    keys = [source.pk, target.pk]
    session = AccountSession.open(keys, now)
    if session.effects():
        session.finish()
    gone = dict(bulk.fetch(GONE, [keys]))
    session = AccountSession.open(keys, now, lent=gone, all_lots=True)
    if any(_has_archive(session, each) for each in (source, target)):
        unfold(keys)
        session = AccountSession.open(keys, now, lent=gone, all_lots=True)
    return session


def _has_archive(session: AccountSession, member: Membership) -> bool:
    """Tell whether something that counts for a member's challenges is not read with it."""
    found = session.decisions[member.pk].member
    return found.has(BADGES) and bool(found.of(BADGES).archived_before)


def _pass_on(
    session: AccountSession, source: Membership, target: Membership, moved: MovedInteractions, used: set[str]
) -> PassedPoints:
    """
    Decide what each of both members gives over and takes over.

    :param used: the references that the one who stays used
    """
    giving, taking = session.decisions[source.pk], session.decisions[target.pk]
    theirs = _with_redeemed(session, source, used)
    passed = PassedPoints(
        {wallet.code: sum(lot.available for lot in wallet.lots) for wallet in theirs.wallets},
        {wallet.code: sum(lot.pending for lot in wallet.lots) for wallet in theirs.wallets},
    )
    if giving.version is None:
        return passed
    giver, stays = _with_actives(giving.member.having(POINTS, theirs)), _with_actives(taking.member)
    taker = as_one(taking.then(member=stays), giver, moved)
    giver = as_one(giving.then(member=giver), stays, moved)
    given = GivenOver(new_id(), giver.customer_id, session.now, target.pk)
    gives = decide(giver, given, giving.versions, now=session.now, pools={})
    taken = TakenOver(new_id(), taking.member.customer_id, session.now, giver)
    takes = decide(taker, taken, taking.versions, now=session.now, pools={})
    assert gives is not None, "giving over is always decided"
    assert takes is not None, "taking over is always decided"
    session.take(giving.then(*gives.effects, member=gives.member))
    session.take(taking.then(*takes.effects, member=takes.member))
    return passed


def _with_redeemed(session: AccountSession, source: Membership, used: set[str]) -> PointsState:
    """Return the points of the one who goes with what may come back to them; the references of its orders are renamed."""
    redeemed = _redeemed(source, used)
    rename_in_orders(source, used)
    theirs = session.member(source.pk).of(POINTS)
    for each in redeemed:
        theirs = theirs.having(theirs.wallet_of(each.wallet_id).knowing(each.lots))
    return with_all_debts(theirs, session.postings()).with_redeemed(redeemed)


def _with_actives(member: Member) -> Member:
    """Return a member with all times at which it was active: a late fact may join some of them yet."""
    points = member.of(POINTS)
    found = actives_of([wallet.wallet_id for wallet in points.wallets])
    for wallet in points.wallets:
        points = points.having(wallet.knowing_actives(found.get(wallet.wallet_id, ())))
    return member.having(POINTS, points)


def _redeemed(source: Membership, used: set[str]) -> tuple[Redeemed, ...]:
    """Return what was redeemed and may be undone; a reference that both used gets the number of the member who goes."""
    references = [(reference, source.pk) for (reference,) in bulk.fetch(REDEEMED, [source.pk])]
    return tuple(
        replace(each, reference=each.reference + suffix_of(source.number)) if each.reference in used else each
        for each in load_redeemed(references).get(source.pk, ())
    )


def _take_over_rows(source: Membership, target: Membership) -> None:
    """Let days and decisions on orders be those of the member who stays, since the earlier of both enrolments."""
    both = [source.pk, target.pk]
    bulk.execute(ONE_FIRST, [both, both])
    for sql in (DAYS, DECISIONS, SINCE):
        bulk.execute(sql, [target.pk, source.pk])
    bulk.execute(FORGET_DAYS, [source.pk])
