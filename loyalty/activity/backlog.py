"""
What was recorded without being decided (imports), decided in the order of its time; and the time that is due since.

Each fact waits in a queue, with its customer. A fact that cannot be decided stays there, with the error, and is tried again
later: it holds back its own customer's later facts, and nobody else's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date, midnight
from customers.models import Retailer, UndecidedFact
from loyalty.activity import pipeline
from loyalty.activity.held.bursts import hold_bursts
from loyalty.activity.history import load_activities, load_order_events
from loyalty.activity.loading import hold_customers
from loyalty.activity.nightly import advance_due
from loyalty.engine.activities import BirthDateTold
from loyalty.programs.models import Program

BATCH = 1_000
LOCK = 7_001  # the first key of the advisory lock; the second is the retailer
FIRST_RETRY, LAST_RETRY = timedelta(minutes=5), timedelta(days=1)
log = structlog.get_logger(__name__)

WAITING = """
SELECT q.id, q.customer_id, q.kind, q.fact_id, q.occurred_at, q.is_again FROM customers_undecidedfact q
WHERE q.retailer_id = %(retailer)s AND q.occurred_at <= %(now)s
    AND (q.next_try_at IS NULL OR q.next_try_at <= %(now)s) AND NOT EXISTS (
    SELECT 1 FROM customers_undecidedfact b
    WHERE b.customer_id = q.customer_id AND b.next_try_at > %(now)s AND b.occurred_at <= q.occurred_at)
ORDER BY q.occurred_at, q.id LIMIT %(limit)s
"""
DONE = "DELETE FROM customers_undecidedfact WHERE id = ANY(%s)"
FAILED = """
UPDATE customers_undecidedfact SET attempts = attempts + 1, error = %s,
    next_try_at = %s::timestamptz + least(%s::interval * power(2, attempts), %s::interval)
WHERE id = ANY(%s)
"""


class Waiting(NamedTuple):
    """A recorded fact that waits for its decision. :param is_again: that it was looked at as it was told"""

    id: int
    customer_id: UUID
    kind: str
    fact_id: UUID
    occurred_at: datetime
    is_again: bool


BEHIND = {
    kind: f"""
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at)
SELECT q.retailer_id, q.customer_id, '{kind.value}', f.id, f.occurred_at
FROM {table} f JOIN customers_undecidedfact q ON q.kind = 'order' AND q.fact_id = f.order_id
WHERE f.id = ANY(%s)
ON CONFLICT DO NOTHING
"""
    for kind, table in (
        (UndecidedFact.Kind.RETURN, "customers_return"),
        (UndecidedFact.Kind.EVENT, "customers_orderevent"),
    )
}


@dataclass
class CaughtUp:
    """What catching up came to. :ivar is_cut: that it ended before all was decided, and what is left is for another turn"""

    orders: int = 0
    returns: int = 0
    interactions: int = 0
    members: int = 0
    failed: int = 0
    is_cut: bool = False


def queue_behind(kind: UndecidedFact.Kind, fact_ids: Sequence[UUID]) -> None:
    """
    Queue returns or order events whose order itself still waits in the queue, so that they are decided after it.

    Call it after deciding them: whoever decides the order meanwhile holds its member, and is waited for.
    """
    if fact_ids:
        bulk.execute(BEHIND[kind], [list(fact_ids)])


FOLLOW = """
UPDATE customers_undecidedfact q SET customer_id = o.customer_id,
    occurred_at = CASE q.kind WHEN 'order' THEN o.occurred_at ELSE q.occurred_at END
FROM customers_order o WHERE o.id = %s AND o.customer_id IS NOT NULL AND {of_order}
"""
FORGET = """
DELETE FROM customers_undecidedfact q USING customers_order o
WHERE o.id = %s AND o.customer_id IS NULL AND {of_order}
"""
OF_ORDER = """(
    (q.kind = 'order' AND q.fact_id = o.id)
    OR (q.kind = 'return' AND q.fact_id IN (SELECT id FROM customers_return WHERE order_id = o.id))
    OR (q.kind = 'event' AND q.fact_id IN (SELECT id FROM customers_orderevent WHERE order_id = o.id))
)"""


def follow_order(order_id: UUID) -> None:
    """Let what waits of an order wait for the customer and the instant that it has now; a guest's waits for nobody."""
    bulk.execute(FOLLOW.format(of_order=OF_ORDER), [order_id])
    bulk.execute(FORGET.format(of_order=OF_ORDER), [order_id])


def is_waiting(order_id: UUID) -> bool:
    """Tell whether an order still waits for its decision."""
    return UndecidedFact.objects.filter(kind=UndecidedFact.Kind.ORDER, fact_id=order_id).exists()


def undecided_orders(retailer: Retailer) -> int:
    """Return how many orders wait for their decision."""
    return UndecidedFact.objects.filter(retailer=retailer, kind=UndecidedFact.Kind.ORDER).count()


def catch_up(
    retailer: Retailer,
    *,
    now: datetime,
    until: date | None = None,
    most: int | None = None,
    on_progress: Callable[[CaughtUp], None] = lambda _: None,
) -> CaughtUp | None:
    """
    Decide what waits, each fact in its own time; then carry out what time alone changes up to now.

    May be killed at any time: each batch commits with its own decisions, and the next call goes on.

    :param until: the last day whose midnight is carried out; up to this very moment if None
    :param most: about so many facts are decided in this turn, and time waits for what is left; all of them if None
    :returns: None when another process is catching up for this retailer
    """
    with _alone(retailer) as alone:
        if not alone:
            return None
        done, planned_for, decided = CaughtUp(), BATCH, 0
        while waiting := _waiting(retailer, now, BATCH if most is None else min(BATCH, most)):
            if most is not None and decided >= most:
                done.is_cut = True
                return done
            _decide_all(waiting, done, now)
            decided += len(waiting)
            if done.orders > 2 * planned_for:  # an import into an empty ledger outgrows the plans of its beginning
                bulk.replan()
                planned_for = done.orders
            on_progress(done)
        for program in Program.objects.filter(retailer=retailer).order_by("pk"):
            day = until or local_date(now, program.tzinfo)
            instant = midnight(day, program.tzinfo) if until else now
            done.members += advance_due(program, day=day, until=instant, now=now).members
        return done


def try_again(retailer: Retailer, customers: Sequence[UUID], *, now: datetime) -> int:
    """Decide what waits for some customers, whenever it was to be tried next; return how many facts wait still."""
    waiting = UndecidedFact.objects.filter(retailer=retailer, customer__in=customers)
    waiting.update(next_try_at=None)
    with _alone(retailer) as alone:  # else the one who is at work takes them
        if alone:
            rows = waiting.order_by("occurred_at", "pk").values_list(
                "pk", "customer_id", "kind", "fact_id", "occurred_at", "is_again"
            )
            _decide_all([Waiting(*row) for row in rows[:BATCH]], CaughtUp(), now)
    return waiting.count()


def _waiting(retailer: Retailer, now: datetime, limit: int) -> list[Waiting]:
    parameters = {"retailer": retailer.pk, "now": now, "limit": limit}
    return [Waiting(*row) for row in bulk.fetch(WAITING, parameters)]


def _decide_all(waiting: Sequence[Waiting], done: CaughtUp, now: datetime) -> None:
    """Decide facts together; where that fails, customer by customer, and who fails waits longer."""
    try:
        _decide(waiting, now)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        customers = sorted({fact.customer_id for fact in waiting})
        if len(customers) == 1:
            _postpone(waiting, error, now)
            done.failed += 1
            return
        for customer in customers:
            _decide_all([fact for fact in waiting if fact.customer_id == customer], done, now)
        return
    done.orders += sum(fact.kind == "order" for fact in waiting)
    done.returns += sum(fact.kind == "return" for fact in waiting)
    done.interactions += sum(fact.kind == "interaction" for fact in waiting)


@transaction.atomic
def _decide(waiting: Sequence[Waiting], now: datetime) -> None:
    # What was told and published before is not held because its author turned out to be somebody who wrote more.
    hold_bursts(_ids([fact for fact in waiting if not fact.is_again], "interaction"), now=now)
    # Behind the lock, so that nothing of what is read here changes before it is decided.
    hold_customers(fact.customer_id for fact in waiting)
    facts = [
        *load_activities(_ids(waiting, "order"), _ids(waiting, "return"), _ids(waiting, "interaction")),
        *load_order_events(_ids(waiting, "event")),
        *(BirthDateTold(fact.customer_id, fact.occurred_at) for fact in waiting if fact.kind == "customer"),
    ]
    pipeline.run(facts, now=now, in_their_time=True)
    bulk.execute(DONE, [[fact.id for fact in waiting]])


def _ids(waiting: Sequence[Waiting], kind: str) -> list[UUID]:
    return [fact.fact_id for fact in waiting if fact.kind == kind]


def _postpone(waiting: Sequence[Waiting], error: Exception, now: datetime) -> None:
    """Let facts wait longer that could not be decided, and tell staff."""
    names = [f"{fact.kind} {fact.fact_id}" for fact in waiting]
    log.error("facts set aside", customer=str(waiting[0].customer_id), facts=names, exc_info=error)
    said = f"{type(error).__name__}: {error}"[:2_000]
    bulk.execute(FAILED, [said, now, FIRST_RETRY, LAST_RETRY, [fact.id for fact in waiting]])


@contextmanager
def _alone(retailer: Retailer) -> Iterator[bool]:
    """
    Let one process at a time catch up for a retailer; the lock goes with its connection.

    Its commits do not wait for the disk: a crash can only undo the last moments of it, as a whole, and the next call
    decides the same again. What was recorded is on the disk already.
    """
    (locked,) = bulk.fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, retailer.pk])[0]
    bulk.execute("SET synchronous_commit TO off")
    try:
        yield bool(locked)
    finally:
        bulk.execute("SET synchronous_commit TO DEFAULT")
        if locked:
            bulk.fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK, retailer.pk])
