"""
An order is corrected, or comes to another customer: recorded and decided in one transaction.

What was decided of the old content is brought to what the new one gives, program by program; a customer who has the order no
more is left as if it had never been theirs, and one who has it now gets it as an order that is told late.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.batches import Outcome, Status
from customers.claiming import ClaimedOrder, claim_order
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.correcting import lock_corrected, record_corrections
from customers.facts import CorrectionFact
from customers.models import Retailer
from loyalty.activity import pipeline
from loyalty.activity.backlog import follow_order, is_waiting
from loyalty.activity.history import Content, load_orders, load_returns, read_content
from loyalty.activity.intake import Answer
from loyalty.activity.loading import Loaded, hold_customers, lock_customers
from loyalty.activity.references import name_as_merged
from loyalty.engine.activities import Fact, OrderCorrected, OrderPlaced
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member


class PaymentUndone(DomainError):
    code = "payment_undone"
    kind = Kind.CONFLICT
    message = _(
        "Redemption {reference} was undone when all of order {number} had come back, and the corrected order keeps something. "
        "Redeem again under a new reference and name that one, or say that the order was not paid with points."
    )


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What became of a claim, and what the order caused: one decision per program that the claimer belongs to."""

    claimed: ClaimedOrder
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What an order kept for a member before a correction, and keeps after it, in all wallets: points."""

    before: int = 0
    after: int = 0

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class CorrectionAnswer(Answer[CorrectionFact]):
    """
    What became of a correction, and what it caused for the customer who has the order now.

    :param former: the decisions of the customer who had it before and has it no more
    :param keeps: what it kept and keeps, by membership
    """

    former: tuple[Decision, ...] = ()
    keeps: Mapping[UUID, Keeping] = field(default_factory=dict)


@transaction.atomic
def take_correction(
    retailer: Retailer, fact: CorrectionFact, *, now: datetime, dry_run: bool = False
) -> CorrectionAnswer:
    """
    Let an order say something else, whole, and bring what it gave to what it gives now; one that is new is taken as it is.

    An order that still waits to be decided is only corrected: it is decided as what it is then.

    :param dry_run: answer what would happen, and leave no trace
    :raises PaymentUndone: when it would keep something that a redemption is to have paid which its return had undone
    """
    locked = lock_corrected(retailer, [fact])
    said = read_content(locked[fact.number].id) if fact.number in locked else None
    kept = _kept(locked[fact.number].id) if fact.number in locked else {}
    (outcome,) = record_corrections(retailer, [fact], now=now, are_decided=True)
    outcome = _named(retailer, outcome)
    decided = _Decided()
    if outcome.id is not None and outcome.status is Status.CREATED and outcome.customer_id:
        batch = pipeline.run(load_orders([outcome.id]), now=now, are_new=True)
        decided.now += batch.by_fact.get(outcome.id, [])
    elif outcome.status is Status.CORRECTED and said is not None:
        decided = _decide_again(outcome, said, now)
    keeps = _kept(outcome.id) if outcome.id else {}
    if dry_run:
        transaction.set_rollback(True)
    changed = {key: Keeping(kept.get(key, 0), keeps.get(key, 0)) for key in kept.keys() | keeps}
    return CorrectionAnswer(outcome, tuple(decided.now), tuple(decided.former), changed)


@transaction.atomic
def take_claim(  # noqa: PLR0913 - which order, whose, why, when
    retailer: Retailer, number: str, customer: str, *, reference: str, now: datetime, dry_run: bool = False
) -> ClaimAnswer:
    """
    Give a guest's order to a customer, and decide it and what came back of it as if it had been told now.

    :param dry_run: answer what would happen, and leave no trace
    :raises UnknownCustomer: when there is no such customer
    :raises UnknownOrder: when there is no such order
    :raises OrderOfAnother: when it belongs to another customer
    """
    claimed = claim_order(retailer, number, customer, reference=reference, now=now)
    decisions: tuple[Decision, ...] = ()
    if claimed.is_new:
        hold_customers([claimed.customer_id])
        batch = pipeline.run(_as_told_now(claimed.order_id), now=now)
        decisions = tuple(batch.by_fact.get(claimed.order_id, ()))
    if dry_run:
        transaction.set_rollback(True)
    return ClaimAnswer(claimed, decisions)


@dataclass(slots=True)
class _Decided:
    """The decisions of whoever has an order now, and of whoever had it."""

    now: list[Decision] = field(default_factory=list)
    former: list[Decision] = field(default_factory=list)


def _decide_again(outcome: Outcome[CorrectionFact], said: Content, now: datetime) -> _Decided:
    """Decide a corrected order anew for whoever had it and whoever has it now."""
    order_id, before, after = outcome.id, outcome.customer_before, outcome.customer_id
    assert order_id is not None, "what was corrected is recorded"
    customers = {customer for customer in (before, after) if customer}
    _require_paid(order_id, outcome.fact, customers, was_gone=not said.left().lines)
    follow_order(order_id)
    locked = lock_customers(customers, activities=(), latest=now)
    found = _Decided()
    if before is not None:
        corrected = _corrected(outcome, said, locked, before, now)
        batch = pipeline.run([corrected], now=now)
        if before == after:
            found.now += batch.by_fact.get(corrected.id, [])
            programs = corrected.withdrawn_in
            _forget_forfeited(order_id, locked, before, said.occurred_at, outcome.fact.occurred_at)
        else:
            found.former += batch.by_fact.get(corrected.id, [])
            programs = frozenset(locked.versions)
        _forget(order_id, before, programs)
    if after is not None and not is_waiting(order_id):
        batch = pipeline.run(_as_told_now(order_id), now=now)
        anew = batch.by_fact.get(order_id, [])
        members = {decision.member.membership_id for decision in anew}
        found.now = [each for each in found.now if each.member.membership_id not in members] + anew
    return found


# Redemptions that were undone because nothing was left of what they had paid, by whoever had the order or has it: of this order,
# or of another one that they paid as well.
UNDONE = """
SELECT u.explanation->>'redemption' FROM memberships_membership m
JOIN memberships_membership own ON own.id = m.id OR own.merged_into_id = m.id
JOIN points_wallet w ON w.membership_id = own.id JOIN points_entry u ON u.wallet_id = w.id
WHERE m.customer_id = ANY(%(customers)s) AND u.kind = 'restore' AND u.explanation->>'redemption' = ANY(%(references)s)
    AND (%(was_gone)s OR u.explanation->>'return' IN (SELECT number FROM customers_return WHERE order_id = %(order)s))
LIMIT 1
"""


def _require_paid(order_id: UUID, fact: CorrectionFact, customers: Collection[UUID], *, was_gone: bool) -> None:
    """
    Refuse that an order keeps something for which points came back: only whoever redeems can say whether to pay again.

    :param was_gone: whether nothing of it was left before
    """
    references = list(fact.order.redemptions)
    if not references or not read_content(order_id).left().lines:
        return
    asked = {"customers": list(customers), "references": references, "was_gone": was_gone, "order": order_id}
    for (reference,) in bulk.fetch(UNDONE, asked):
        raise PaymentUndone(number=fact.number, reference=reference)


def _corrected(
    outcome: Outcome[CorrectionFact], said: Content, locked: Loaded, customer: UUID, now: datetime
) -> OrderCorrected:
    """Return a correction as its former customer's programs are to decide it."""
    order_id, fact = outcome.id, outcome.fact
    assert order_id is not None, "what was corrected is recorded"
    is_theirs = outcome.customer_id == customer
    placed = load_orders([order_id])[0] if is_theirs else None
    says = read_content(order_id)
    programs = says.programs()
    withdrawn = _withdrawn_in(locked, customer, said.occurred_at, fact.occurred_at) if placed else frozenset()
    pairs = {program: (said.left_in(program, says.decided), says.left_in(program)) for program in {None, *programs}}
    smallest = min((kept for _, kept in pairs.values()), key=lambda kept: len(kept.lines))
    return OrderCorrected(
        return_id=new_id(),
        number=fact.number,
        order_id=order_id,
        order_number=fact.number,
        customer_id=customer,
        ordered_at=said.occurred_at,
        occurred_at=now,
        before=pairs[None][0],
        # Who loads what becomes first when nothing is left looks at this one.
        kept=says.nothing() if withdrawn or placed is None else smallest,
        redemptions=fact.order.redemptions if is_theirs else (),
        baskets=pairs,
        correction=fact.version,
        placed=placed,
        withdrawn_in=withdrawn,
    )


def _withdrawn_in(locked: Loaded, customer: UUID, before: datetime, after: datetime) -> frozenset[int]:
    """
    Return the programs that lose an order by its new instant: its customer was no member then, or there were no rules.

    What an order gave to a membership that has ended was forfeited with it, and that membership keeps it.
    """
    return frozenset(
        member.program_id
        for member in _staying(locked, customer)
        if member.belongs_at(before)
        and not (member.belongs_at(after) and locked.versions_for(member).at(after) is not None)
    )


def _staying(locked: Loaded, customer: UUID) -> list[Member]:
    members = (locked.members[key] for key in locked.members_of.get(customer, ()))
    return [member for member in members if member.left_at is None]


def _as_told_now(order_id: UUID) -> Sequence[Fact]:
    """Return an order with what came back of it, for those programs that have not decided it."""
    placed: list[OrderPlaced] = load_orders([order_id])
    returns = [found for (found,) in bulk.fetch("SELECT id FROM customers_return WHERE order_id = %s", [order_id])]
    return [*placed, *load_returns(returns)]


def _named(retailer: Retailer, outcome: Outcome[CorrectionFact]) -> Outcome[CorrectionFact]:
    """Return a correction with the redemptions that its order names as they are called since its customer was merged."""
    order = outcome.fact.order
    if outcome.id is None or outcome.status not in {Status.CREATED, Status.CORRECTED}:
        return outcome
    named = name_as_merged(retailer, [(outcome.id, order.customer or "", order.redemptions)])
    if outcome.id not in named:
        return outcome
    return replace(outcome, fact=replace(outcome.fact, order=replace(order, redemptions=named[outcome.id])))


KEPT = "SELECT membership_id, sum(points_kept)::bigint FROM activity_orderdecision WHERE order_id = %s GROUP BY 1"
# That an order was decided under no rules says nothing of its new content; what was decided for another is undone.
FORGET_ORDER = """
DELETE FROM activity_orderdecision d USING memberships_membership m WHERE d.order_id = %s AND m.id = d.membership_id
    AND (d.version_id IS NULL OR (m.customer_id = %s AND d.program_id = ANY(%s)))
"""
# What an order gave to a membership that has ended, it may turn out to give to another one: to the one after it, or to that of
# the member who took over. It stays where both instants of the order are in one membership that has ended.
FORGET_FORFEITED = """
DELETE FROM activity_orderdecision d USING memberships_membership m
WHERE d.order_id = %(order)s AND d.is_forfeited AND m.program_id = d.program_id AND m.id = ANY(%(members)s) AND NOT EXISTS (
    SELECT 1 FROM memberships_membership e CROSS JOIN LATERAL (
        SELECT e.enrolled_at, e.left_at WHERE e.merged_into_id IS NOT NULL
        UNION ALL SELECT p.enrolled_at, p.left_at FROM memberships_membershipperiod p WHERE p.membership_id = e.id
    ) ended
    WHERE (e.id = m.id OR e.merged_into_id = m.id)
        AND %(before)s >= ended.enrolled_at AND %(before)s < ended.left_at
        AND %(after)s >= ended.enrolled_at AND %(after)s < ended.left_at
)
"""
FORGET_RETURNS = """
DELETE FROM activity_returndecision d USING customers_return r WHERE r.id = d.order_return_id AND r.order_id = %s
    AND NOT EXISTS (SELECT 1 FROM activity_orderdecision o WHERE o.order_id = r.order_id AND o.program_id = d.program_id)
"""


def _kept(order_id: UUID) -> dict[UUID, int]:
    """Return what an order keeps, by membership."""
    return dict(bulk.fetch(KEPT, [order_id]))


def _forget_forfeited(order_id: UUID, locked: Loaded, customer: UUID, before: datetime, after: datetime) -> None:
    """Let an order be decided by the memberships to which its new instant belongs, if it is of none any more that has ended."""
    members = [member.membership_id for member in _staying(locked, customer) if member.belongs_at(after)]
    if members:
        bulk.fetch(FORGET_FORFEITED, {"order": order_id, "members": members, "before": before, "after": after})


def _forget(order_id: UUID, customer: UUID, programs: Collection[int]) -> None:
    """Let programs decide an order, and what came back of it, as if they had not."""
    bulk.execute(FORGET_ORDER, [order_id, customer, sorted(programs)])
    bulk.execute(FORGET_RETURNS, [order_id])
