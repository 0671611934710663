"""
What an order said is replaced by what it should have said, as long as what came back of it still fits.

The order and its lines become the new content, as if it had been the only one; the old content stays readable as a revision.
Amounts of what came back are counted anew from the lines as they are now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.batches import Outcome, Status, check_each
from customers.checks import plain
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.facts import CorrectionFact, LineFact, OrderFact, fingerprint
from customers.identifying import NamedCustomer, earliest, find_or_register, lower_identified
from customers.models import Retailer
from customers.reading import RecordedOrder, recorded_orders
from customers.recording import as_recorded, record_orders
from customers.returning import BoughtLine, LockedOrder, lock_orders
from customers.rewriting import Change, write_changes


class OtherVersion(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Order {number} is at version {version}; version {reported} is no later one, and its content is another."
    )


class CameBack(DomainError):
    code = "came_back"
    kind = Kind.CONFLICT
    message = _("{quantity} of “{sku}” (line {line}) came back already; the corrected order must have as many of it.")


class HappenedBefore(DomainError):
    code = "happened_before"
    kind = Kind.CONFLICT
    message = _("Something happened to order {number} at {instant}; it cannot have been placed later.")


@transaction.atomic(savepoint=False)
def record_corrections(
    retailer: Retailer, facts: Sequence[CorrectionFact], *, now: datetime, are_decided: bool = False
) -> list[Outcome[CorrectionFact]]:
    """
    Let orders say something else, whole; one whose number is new is recorded as it is.

    Each outcome names the order, and its customer before and after: CREATED for an order that was not known, CORRECTED where
    the content changed, UNCHANGED where the order said so already (a later version is noted) or said so before (an older
    version). An older or the same version with other content is refused, and what returns or events do not fit.

    An order that a customer claimed stays the claimer's until a correction names a customer.

    :param are_decided: that whoever calls decides the orders that are new in the same transaction
    """
    checked, refused = check_each(facts, lambda fact: replace(fact, order=as_recorded(retailer, fact.order, now)))
    outcomes: dict[int, Outcome[CorrectionFact]] = {
        place: Outcome(checked[place], Status.FAILED, error=error) for place, error in refused.items()
    }
    for some in _rounds({place: fact for place, fact in enumerate(checked) if place not in refused}):
        outcomes |= zip(some, _correct(retailer, list(some.values()), now, are_decided=are_decided), strict=True)
    return [outcomes[place] for place in range(len(facts))]


def _rounds(facts: Mapping[int, CorrectionFact]) -> Iterable[dict[int, CorrectionFact]]:
    """Return corrections in rounds of one an order, the older versions first."""
    left = dict(sorted(facts.items(), key=lambda item: item[1].version))
    while left:
        first = {fact.number: place for place, fact in reversed(left.items())}
        yield {place: left.pop(place) for place in sorted(first.values())}


def lock_corrected(retailer: Retailer, facts: Sequence[CorrectionFact]) -> dict[str, LockedOrder]:
    """Hold the customers of corrections, then lock the orders, so that what they say stays until they are corrected."""
    numbers = {fact.number for fact in facts}
    _hold_customers(retailer, facts, numbers)
    return lock_orders(retailer, numbers)


def _correct(
    retailer: Retailer, facts: Sequence[CorrectionFact], now: datetime, *, are_decided: bool
) -> list[Outcome[CorrectionFact]]:
    """Correct one content of each of several orders."""
    locked = lock_corrected(retailer, facts)
    recorded = recorded_orders(retailer, locked)
    named = _named(retailer, facts, recorded, now)
    others = _others(locked)
    found: list[Outcome[CorrectionFact]] = []
    changes: list[Change] = []
    for fact in facts:
        if fact.number not in locked:
            found.append(_first_heard(retailer, fact, now, are_decided=are_decided))
            continue
        order, said = locked[fact.number], recorded[fact.number]
        after = _customer_after(fact, order, named, others.claimed)
        try:
            change = _change(fact, order, said, after, others.first_after.get(order.id))
        except DomainError as error:
            found.append(Outcome(fact, Status.FAILED, order.id, order.customer_id, error, order.customer_id))
            continue
        if change:
            changes.append(change)
        status = Status.CORRECTED if change and change.is_other else Status.UNCHANGED
        found.append(Outcome(fact, status, order.id, after, customer_before=order.customer_id))
    write_changes(retailer, changes, now)
    lower_identified(
        (named[customer], fact.occurred_at)
        for fact, outcome in zip(facts, found, strict=True)
        if (customer := fact.order.customer) and outcome.status is Status.CORRECTED
    )
    return found


HOLD = """
SELECT id FROM customers_customer WHERE retailer_id = %(retailer)s AND (external_id = ANY(%(named)s) OR id = ANY(ARRAY(
    SELECT customer_id FROM customers_order WHERE retailer_id = %(retailer)s AND number = ANY(%(numbers)s)
))) ORDER BY merged_into_id IS NULL, external_id FOR KEY SHARE
"""


def _hold_customers(retailer: Retailer, facts: Sequence[CorrectionFact], numbers: Iterable[str]) -> None:
    """Hold those who had the orders and those who get them in one order, as a merge does."""
    named = sorted({fact.order.customer for fact in facts if fact.order.customer})
    bulk.fetch(HOLD, {"retailer": retailer.pk, "named": named, "numbers": sorted(numbers)})


def _named(
    retailer: Retailer, facts: Sequence[CorrectionFact], recorded: Mapping[str, RecordedOrder], now: datetime
) -> dict[str, NamedCustomer]:
    """Return the customers whom corrections name, but for those of orders that are not known yet."""
    named = ((fact.order.customer, fact.occurred_at) for fact in facts if fact.number in recorded)
    first_seen = earliest((customer, instant) for customer, instant in named if customer)
    return find_or_register(retailer, first_seen, now=now)


@dataclass(frozen=True, slots=True)
class _Others:
    """What else is known of orders: which were claimed, and the first instant at which something happened to each."""

    claimed: frozenset[UUID]
    first_after: dict[UUID, datetime]


def _others(locked: Mapping[str, LockedOrder]) -> _Others:
    ids = [order.id for order in locked.values()]
    rows = bulk.fetch(
        """
        SELECT o.id, EXISTS (SELECT 1 FROM customers_orderclaim c WHERE c.order_id = o.id), least(
            (SELECT min(occurred_at) FROM customers_return r WHERE r.order_id = o.id),
            (SELECT min(occurred_at) FROM customers_orderevent e WHERE e.order_id = o.id)
        ) FROM customers_order o WHERE o.id = ANY(%s)
        """,
        [ids],
    )
    claimed = frozenset(order_id for order_id, is_claimed, _ in rows if is_claimed)
    return _Others(claimed, {order_id: first for order_id, _, first in rows if first is not None})


def _customer_after(
    fact: CorrectionFact, order: LockedOrder, named: Mapping[str, NamedCustomer], claimed: frozenset[UUID]
) -> UUID | None:
    if fact.order.customer:
        return named[fact.order.customer].id
    return order.customer_id if order.id in claimed else None


def _first_heard(
    retailer: Retailer, fact: CorrectionFact, now: datetime, *, are_decided: bool
) -> Outcome[CorrectionFact]:
    (outcome,) = record_orders(retailer, [fact.order], now=now, are_decided=are_decided)
    if outcome.status is Status.CREATED:
        bulk.execute("UPDATE customers_order SET version = %s WHERE id = %s", [fact.version, outcome.id])
    return Outcome(fact, outcome.status, outcome.id, outcome.customer_id, outcome.error)


def _change(
    fact: CorrectionFact, order: LockedOrder, said: RecordedOrder, after: UUID | None, first_after: datetime | None
) -> Change | None:
    """
    Return what a correction changes; nothing where it is known.

    :raises OtherVersion: for a version that is no later one, with other content
    :raises CameBack: when less of a line is left than came back
    :raises HappenedBefore: when something happened to the order before it would have been placed
    """
    is_same = after == order.customer_id and _content(fact.order) == _content(said.fact)
    if fact.version <= order.version:
        if is_same or said.earlier.get(fact.version) == fingerprint(fact):
            return None
        raise OtherVersion(number=fact.number, version=order.version, reported=fact.version)
    if is_same:
        return Change(order, said, fact, after, is_other=False)
    if first_after is not None and fact.occurred_at > first_after:
        raise HappenedBefore(number=fact.number, instant=first_after.isoformat())
    added = dict(enumerate(fact.order.lines, start=1))
    kept = _kept([line for line in order.lines if line.returned], added)
    return Change(order, said, fact, after, is_other=True, kept=kept, added=added)


def _content(order: OrderFact) -> bytes:
    """Return what an order says but for its customer, who may be named by several ids."""
    return fingerprint(replace(order, customer=None))


def _kept(returned: Sequence[BoughtLine], lines: dict[int, LineFact]) -> dict[int, tuple[int, LineFact]]:
    """
    Take from the new lines those that carry on lines of which something came back.

    A line carries on the one at its position, if it is of the same SKU; else the only one of its SKU.
    """
    kept: dict[int, tuple[int, LineFact]] = {}
    for find in (_at_its_place, _only_one_of_its_sku):
        for old in returned:
            position = None if old.id in kept else find(old, lines)
            if position is not None:
                kept[old.id] = (position, lines.pop(position))
    for old in returned:
        if old.id not in kept or kept[old.id][1].quantity < old.returned:
            raise CameBack(quantity=plain(old.returned), sku=old.sku, line=old.position)
    return kept


def _at_its_place(old: BoughtLine, lines: Mapping[int, LineFact]) -> int | None:
    return old.position if old.position in lines and lines[old.position].sku == old.sku else None


def _only_one_of_its_sku(old: BoughtLine, lines: Mapping[int, LineFact]) -> int | None:
    found = [position for position, line in lines.items() if line.sku == old.sku]
    return found[0] if len(found) == 1 else None
