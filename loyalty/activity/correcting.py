"""
An order is corrected, or comes to another customer: recorded and decided in one transaction.

What was decided of the old content is brought to what the new one gives, program by program; a customer who has the order no
more is left as if it had never been theirs, and one who has it now gets it as an order that is told late.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.batches import Outcome, Status
from customers.claiming import ClaimedOrder, claim_order
from customers.core import bulk
from customers.core.ids import new_id
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
    follow_order(order_id)
    locked = lock_customers({customer for customer in (before, after) if customer}, activities=(), latest=now)
    found = _Decided()
    if before is not None:
        corrected = _corrected(outcome, said, locked, before, now)
        batch = pipeline.run([corrected], now=now)
        if before == after:
            found.now += batch.by_fact.get(corrected.id, [])
            programs = corrected.withdrawn_in
            bulk.execute(
                FORGET_FORFEITED, [order_id, _new_in(locked, before, said.occurred_at, outcome.fact.occurred_at)]
            )
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


def _new_in(locked: Loaded, customer: UUID, before: datetime, after: datetime) -> list[UUID]:
    """Return a customer's memberships to which a new instant belongs, and the one before it did not."""
    members = _staying(locked, customer)
    return [member.membership_id for member in members if member.belongs_at(after) and not member.belongs_at(before)]


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
# What an order gave to a membership that has ended, it may turn out to give to the one after it.
FORGET_FORFEITED = """
DELETE FROM activity_orderdecision d USING memberships_membership m
WHERE d.order_id = %s AND d.is_forfeited AND m.id = d.membership_id AND m.id = ANY(%s)
"""
FORGET_RETURNS = """
DELETE FROM activity_returndecision d USING customers_return r WHERE r.id = d.order_return_id AND r.order_id = %s
    AND NOT EXISTS (SELECT 1 FROM activity_orderdecision o WHERE o.order_id = r.order_id AND o.program_id = d.program_id)
"""


def _kept(order_id: UUID) -> dict[UUID, int]:
    """Return what an order keeps, by membership."""
    return dict(bulk.fetch(KEPT, [order_id]))


def _forget(order_id: UUID, customer: UUID, programs: Collection[int]) -> None:
    """Let programs decide an order, and what came back of it, as if they had not."""
    bulk.execute(FORGET_ORDER, [order_id, customer, sorted(programs)])
    bulk.execute(FORGET_RETURNS, [order_id])
