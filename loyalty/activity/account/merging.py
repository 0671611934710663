"""
Two customers turn out to be one: in each program what the one has as a member goes to the other one.

Whose membership is the only one keeps it, with its number. Of two, the one of the customer who stays goes on: it takes over
points lot by lot, what is owed, redemptions, days, the higher tier and the decisions on orders; the other one ends, and its
number leads there. What neither program has decided waits in the backlog, now for the one who stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.merging import MergedCustomer, merge
from customers.models import Customer, Retailer
from loyalty.activity.account.recounting import MovedInteractions, as_one
from loyalty.activity.account.session import AccountSession
from loyalty.activity.account.spending import end_timed_out
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.deciding import decide
from loyalty.activity.loading import may_grant
from loyalty.activity.pipeline import take_waiting
from loyalty.activity.references import rename_in_orders, suffix_of, take_over_references, used_references
from loyalty.activity.versions import versions_of, versions_of_program
from loyalty.badges.state import BADGES
from loyalty.badges.writing import unfold
from loyalty.engine.activities import GivenOver, TakenOver
from loyalty.engine.decision import Told
from loyalty.memberships import households
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Membership
from loyalty.points.capability import load_redeemed, with_all_debts
from loyalty.points.models import Hold
from loyalty.points.state import POINTS, Redeemed
from loyalty.tiers.models import Standing


class OpenHold(DomainError):
    code = "open_hold"
    kind = Kind.CONFLICT
    message = _("Hold {reference} of member {number} is open. Confirm or release it first, then merge.")


class TargetLeft(DomainError):
    code = "target_left"
    kind = Kind.CONFLICT
    message = _(
        "{target} has left program {program}, of which {source} is a member. Merge {target} into {source} instead, or enrol "
        "{target} again first."
    )


@dataclass(frozen=True, slots=True)
class MergedMembership:
    """
    What becomes of a membership of the customer who goes.

    :param number: of the membership that stays
    :param merged_number: of the one that ended; empty where it is the only one, and stays
    :param points: that went over and can be spent, by wallet
    :param pending: those that are not active yet, by wallet
    :param tier: the code of the tier that the member has now; empty for none
    """

    program: str
    number: str
    merged_number: str = ""
    points: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    tier: str = ""


@dataclass(frozen=True, slots=True)
class MergeAnswer:
    """
    What became of a merge.

    :param customer: external id of the customer who stays
    :param waiting: facts that programs are still to decide for the one who stays
    """

    merged: MergedCustomer
    customer: str
    memberships: tuple[MergedMembership, ...] = ()
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MergeFollower:
    """
    What a floor above has of customers, and lets go over with a merge; `settings.MERGE_FOLLOWERS` names them.

    :param lock: holds what is held before customers, of those whom the retailer's ids lead to
    :param take_over: lets what the one has be the other one's
    """

    lock: Callable[[Retailer, Sequence[str]], None]
    take_over: Callable[[MergedCustomer, datetime], None]


@transaction.atomic
def take_merge(  # noqa: PLR0913 - who, into whom, why, when
    retailer: Retailer, source: str, target: str, *, reference: str, now: datetime, dry_run: bool = False
) -> MergeAnswer:
    """
    Merge a customer into another one, with all that it has in programs; the same merge again changes nothing.

    :param source: external id of the customer who goes
    :param target: external id of the one who stays
    :param dry_run: answer what would happen, and leave no trace
    :raises OpenHold: when points of the one who goes are held
    :raises TargetLeft: when the one who stays has left a program of which the other one is a member
    """
    followers: list[MergeFollower] = [import_string(path) for path in settings.MERGE_FOLLOWERS]
    for follower in followers:
        follower.lock(retailer, (source, target))
    merged = merge(retailer, source, target, reference=reference, now=now)
    customer = Customer.objects.get(pk=merged.target_id).external_id
    answer = MergeAnswer(merged, customer)
    if merged.is_new:
        found = _merge_memberships(merged, source, customer, now)
        waiting = _let_wait(merged)
        answer = MergeAnswer(merged, customer, tuple(found), waiting)
        for follower in followers:
            follower.take_over(merged, now)
        # A birth date may be new, an enrolment earlier: the clock looks again.
        Membership.objects.filter(customer=merged.target_id, left_at=None).update(next_due_at=now)
        _take_back(merged.target_id, now)
    if dry_run:
        transaction.set_rollback(True)
    return answer


def _take_back(customer_id: UUID, now: datetime) -> None:
    """Let go at once with the merge what was given for who turned out to be nobody else, such as a friend."""
    members = Membership.objects.filter(customer=customer_id, left_at=None).values_list("pk", "program_id")
    keys = [key for key, program_id in members if may_grant(versions_of([program_id]).values())]
    if keys:
        AccountSession.open(keys, now).finish()
        take_waiting(keys, now=now)


def _merge_memberships(merged: MergedCustomer, source: str, target: str, now: datetime) -> list[MergedMembership]:
    both = Membership.objects.filter(customer__in=[merged.source_id, merged.target_id], merged_into=None)
    ids = lock_memberships(both.values_list("pk", flat=True))
    members = list(Membership.objects.select_related("program__retailer").filter(pk__in=ids).order_by("program_id"))
    staying = {each.program_id: each for each in members if each.customer_id == merged.target_id}
    found = []
    for each in members:
        if each.customer_id != merged.source_id:
            continue
        other = staying.get(each.program_id)
        if other is None:
            found.append(_move(each, merged.target_id))
        elif each.left_at is None:
            if other.left_at is not None:
                raise TargetLeft(target=target, source=source, program=each.program.slug)
            moved = MovedInteractions(merged.target_id, merged.interaction_ids)
            found.append(_join(each, other, moved, now))
        else:  # it has nothing any more
            _end(each, other, each.left_at)
            found.append(MergedMembership(each.program.slug, other.number, each.number, tier=_tier_of(other)))
    return found


def _move(member: Membership, customer_id: UUID) -> MergedMembership:
    """Let a membership be another customer's, who has none in its program."""
    member.customer_id = customer_id
    member.save(update_fields=["customer_id"])
    return MergedMembership(member.program.slug, member.number, tier=_tier_of(member))


def _join(source: Membership, target: Membership, moved: MovedInteractions, now: datetime) -> MergedMembership:
    """Let one member take over what the other one has."""
    end_timed_out([source], now=now)
    hold = Hold.objects.filter(wallet__membership=source, status=Hold.Status.OPEN).order_by("pk").first()
    if hold is not None:
        raise OpenHold(reference=hold.reference, number=source.number)
    gone = {lot: source.pk for (lot,) in bulk.fetch(GONE, [source.pk])}
    session = AccountSession.open([source.pk, target.pk], now, lent=gone, all_lots=True)
    if any(_has_archive(session, each) for each in (source, target)):
        unfold([source.pk, target.pk])
        session = AccountSession.open([source.pk, target.pk], now, lent=gone, all_lots=True)
    taken = used_references(target.pk)
    points, pending = _carry(session, source, target, moved, taken)
    payload = {"from": source.number, "into": target.number}
    for key in (source.pk, target.pk):
        session.take(session.decisions[key].then(Told("membership.merged", payload, now)))
    session.finish()
    take_over_references(source, target, taken)
    _take_over_rows(source, target)
    households.take_place(source, target, now=now)
    _end(source, target, now)
    return MergedMembership(target.program.slug, target.number, source.number, points, pending, _tier_of(target))


def _has_archive(session: AccountSession, member: Membership) -> bool:
    """Tell whether something that counts for a member's challenges is not read with it."""
    found = session.decisions[member.pk].member
    return found.has(BADGES) and bool(found.of(BADGES).archived_before)


def _carry(
    session: AccountSession, source: Membership, target: Membership, moved: MovedInteractions, taken: set[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """
    Decide what each of both members gives over and takes over; return what goes over, by wallet.

    :param taken: the references that the one who stays used
    """
    giving, taking = session.decisions[source.pk], session.decisions[target.pk]
    theirs = giving.member.of(POINTS)
    redeemed = _redeemed(source, taken)
    rename_in_orders(source, taken)
    for each in redeemed:
        theirs = theirs.having(theirs.wallet_of(each.wallet_id).knowing(each.lots))
    theirs = with_all_debts(theirs)
    giver = giving.member.having(POINTS, theirs.with_redeemed(redeemed))
    points = {wallet.code: sum(lot.available for lot in wallet.lots) for wallet in theirs.wallets}
    pending = {wallet.code: sum(lot.pending for lot in wallet.lots) for wallet in theirs.wallets}
    if giving.version is None:
        return points, pending
    taker = as_one(taking, giver, moved)
    giver = as_one(giving.then(member=giver), taking.member, moved)
    gives = decide(
        giver,
        GivenOver(new_id(), giver.customer_id, session.now, target.pk),
        giving.versions,
        now=session.now,
        pools={},
    )
    takes = decide(
        taker, TakenOver(new_id(), taking.member.customer_id, session.now, giver), taking.versions,
        now=session.now, pools={},
    )  # fmt: skip
    assert gives is not None, "giving over is always decided"
    assert takes is not None, "taking over is always decided"
    session.take(giving.then(*gives.effects, member=gives.member))
    session.take(taking.then(*takes.effects, member=takes.member))
    return points, pending


def _redeemed(source: Membership, taken: set[str]) -> tuple[Redeemed, ...]:
    """Return what was redeemed and may be undone; a reference that both used gets the number of the member who goes."""
    references = [(reference, source.pk) for (reference,) in bulk.fetch(REDEEMED, [source.pk])]
    return tuple(
        replace(each, reference=each.reference + suffix_of(source.number)) if each.reference in taken else each
        for each in load_redeemed(references).get(source.pk, ())
    )


# Points that have expired or were redeemed stand in no balance, and something may still become of them.
GONE = """
SELECT l.id FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE w.membership_id = %s AND (SELECT sum(CASE 'expired' WHEN v.to_state THEN v.amount WHEN v.from_state THEN -v.amount END)
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
UPDATE activity_orderdecision d SET membership_id = t.membership_id, wallet_id = t.id
FROM points_wallet s JOIN points_wallet t ON t.code = s.code AND t.membership_id = %s
WHERE d.membership_id = %s AND s.id = d.wallet_id
"""
# Not before an earlier membership of the one who stays ended: what that one had was forfeited.
SINCE = """
UPDATE memberships_membership t SET enrolled_at = least(t.enrolled_at, greatest(
    s.enrolled_at, (SELECT max(p.left_at) FROM memberships_membershipperiod p WHERE p.membership_id = t.id)))
FROM memberships_membership s WHERE t.id = %s AND s.id = %s
"""


def _take_over_rows(source: Membership, target: Membership) -> None:
    """Let days and decisions on orders be those of the member who stays, since the earlier of both enrolments."""
    both = [source.pk, target.pk]
    bulk.execute(ONE_FIRST, [both, both])
    for sql in (DAYS, DECISIONS, SINCE):
        bulk.execute(sql, [target.pk, source.pk])
    bulk.execute(FORGET_DAYS, [source.pk])


def _end(source: Membership, target: Membership, left_at: datetime) -> None:
    """End a membership whose number, with those that led to it, leads to another one from now on."""
    Membership.objects.filter(merged_into=source).update(merged_into=target)
    source.left_at, source.next_due_at, source.merged_into = left_at, None, target
    source.save(update_fields=["left_at", "next_due_at", "merged_into"])
    uses = versions_of_program(source.program_id).uses
    for capability in CAPABILITIES:
        if capability.name in uses:
            capability.merge_rows(source.pk, target.pk)


def _tier_of(member: Membership) -> str:
    standing = Standing.objects.select_related("tier").filter(pk=member.pk).first()
    return standing.tier.code if standing and standing.tier else ""


FOLLOW = "UPDATE customers_undecidedfact SET customer_id = %s WHERE customer_id = %s"
# What was refused because its customer was no member then, and is somebody who was.
FORGET_ORDERS = """
DELETE FROM activity_orderdecision d USING customers_order o, memberships_membership m
WHERE o.id = d.order_id AND o.customer_id = %s AND d.version_id IS NULL
    AND m.customer_id = o.customer_id AND m.program_id = d.program_id AND m.left_at IS NULL AND o.occurred_at >= m.enrolled_at
"""
FORGET_RETURNS = """
DELETE FROM activity_returndecision d USING customers_return r, customers_order o
WHERE r.id = d.order_return_id AND o.id = r.order_id AND o.customer_id = %s AND NOT EXISTS (
    SELECT 1 FROM activity_orderdecision e WHERE e.order_id = o.id AND e.program_id = d.program_id)
"""
FORGET_INTERACTIONS = """
DELETE FROM activity_interactiondecision d USING customers_interaction i, memberships_membership m
WHERE i.id = d.interaction_id AND i.customer_id = %s AND d.reason = 'not_a_member_then'
    AND m.customer_id = i.customer_id AND m.program_id = d.program_id AND m.left_at IS NULL AND i.occurred_at >= m.enrolled_at
"""
UNDECIDED = """
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at)
SELECT DISTINCT f.retailer_id, m.customer_id, f.kind, f.id, f.occurred_at
FROM memberships_membership m CROSS JOIN LATERAL (
    SELECT o.retailer_id, 'order' AS kind, o.id, o.occurred_at FROM customers_order o
    WHERE o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_orderdecision d WHERE d.order_id = o.id AND d.program_id = m.program_id)
    UNION ALL
    SELECT r.retailer_id, 'return', r.id, r.occurred_at FROM customers_return r JOIN customers_order o ON o.id = r.order_id
    WHERE o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_returndecision d WHERE d.order_return_id = r.id AND d.program_id = m.program_id)
    UNION ALL
    SELECT i.retailer_id, 'interaction', i.id, i.occurred_at FROM customers_interaction i
    WHERE i.customer_id = m.customer_id AND i.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_interactiondecision d WHERE d.interaction_id = i.id AND d.program_id = m.program_id)
) f WHERE m.customer_id = %s AND m.left_at IS NULL
ON CONFLICT DO NOTHING
"""


def _let_wait(merged: MergedCustomer) -> int:
    """Let what no program has decided of either customer wait for the one who stays; return how much waits."""
    bulk.execute(FOLLOW, [merged.target_id, merged.source_id])
    for sql in (FORGET_ORDERS, FORGET_RETURNS, FORGET_INTERACTIONS, UNDECIDED):
        bulk.execute(sql, [merged.target_id])
    ((waiting,),) = bulk.fetch(
        "SELECT count(*) FROM customers_undecidedfact WHERE customer_id = %s", [merged.target_id]
    )
    return int(waiting)
