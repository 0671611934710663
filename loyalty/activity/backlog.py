"""What was recorded without being decided (imports), decided in the order of its time, with the nights between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date
from customers.models import Retailer
from loyalty.activity import pipeline
from loyalty.activity.history import load_activities
from loyalty.activity.nightly import run_nights, start_versions
from loyalty.activity.rulesets import timelines
from loyalty.programs.models import Program

PAGE = 20_000
BATCH = 1_000
LOCK = 7_001  # the first key of the advisory lock; the second is the retailer

UNDECIDED = """
(
    SELECT o.occurred_at, 'order' AS kind, o.id FROM customers_order o
    WHERE o.retailer_id = %(retailer)s AND (o.occurred_at, o.id) > (%(at)s, %(id)s) AND EXISTS (
        SELECT 1 FROM memberships_membership m WHERE m.customer_id = o.customer_id AND m.enrolled_at <= o.occurred_at
        AND NOT EXISTS (
            SELECT 1 FROM activity_orderdecision d WHERE d.order_id = o.id AND d.program_id = m.program_id))
    ORDER BY o.occurred_at, o.id LIMIT %(limit)s
) UNION ALL (
    SELECT r.occurred_at, 'return', r.id FROM customers_return r
    WHERE r.retailer_id = %(retailer)s AND r.occurred_at >= %(at)s AND EXISTS (
        SELECT 1 FROM customers_order o JOIN memberships_membership m
            ON m.customer_id = o.customer_id AND m.enrolled_at <= o.occurred_at
        WHERE o.id = r.order_id AND NOT EXISTS (
            SELECT 1 FROM activity_returndecision d WHERE d.order_return_id = r.id AND d.program_id = m.program_id))
    ORDER BY r.occurred_at, r.id LIMIT %(limit)s
) UNION ALL (
    SELECT i.occurred_at, 'visit', i.id FROM customers_interaction i
    WHERE i.retailer_id = %(retailer)s AND i.occurred_at >= %(at)s AND EXISTS (
        SELECT 1 FROM memberships_membership m WHERE m.customer_id = i.customer_id AND m.enrolled_at <= i.occurred_at
        AND NOT EXISTS (
            SELECT 1 FROM activity_interactiondecision d WHERE d.interaction_id = i.id AND d.program_id = m.program_id))
    ORDER BY i.occurred_at, i.id LIMIT %(limit)s
)
ORDER BY 1, 2, 3 LIMIT %(limit)s
"""
COUNT = """
SELECT count(*) FROM customers_order o WHERE o.retailer_id = %(retailer)s AND EXISTS (
    SELECT 1 FROM memberships_membership m WHERE m.customer_id = o.customer_id AND m.enrolled_at <= o.occurred_at
    AND NOT EXISTS (SELECT 1 FROM activity_orderdecision d WHERE d.order_id = o.id AND d.program_id = m.program_id))
"""
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
NO_ID = UUID(int=0)


class Fact(NamedTuple):
    """A recorded order, return or interaction (`visit`) that waits for its decision."""

    occurred_at: datetime
    kind: str
    id: UUID


@dataclass
class CaughtUp:
    """What catching up came to."""

    orders: int = 0
    returns: int = 0
    interactions: int = 0
    nights: int = 0


def undecided_orders(retailer: Retailer) -> int:
    """Return how many orders wait for their decision."""
    return int(bulk.fetch(COUNT, {"retailer": retailer.pk})[0][0])


def catch_up(
    retailer: Retailer,
    *,
    now: datetime,
    until: date | None = None,
    on_progress: Callable[[CaughtUp], None] = lambda _: None,
) -> CaughtUp | None:
    """
    Decide what waits, and carry out each night that is due before what came after it; then the nights up to a day.

    May be killed at any time: each batch commits with its own decisions, and the next call goes on.

    :param until: the last day whose midnight is carried out; the day of `now` if None
    :returns: None when another process is catching up for this retailer
    """
    with _alone(retailer) as alone:
        if not alone:
            return None
        done, planned_for = CaughtUp(), BATCH
        programs = list(Program.objects.filter(retailer=retailer))
        for day, facts in _days(retailer):
            for program in programs:
                done.nights += len(run_nights(program, until=min(day, until or day), now=now))
            for start in range(0, len(facts), BATCH):
                _decide(facts[start : start + BATCH], done, now)
                if done.orders > 2 * planned_for:  # an import into an empty ledger outgrows the plans of its beginning
                    bulk.replan()
                    planned_for = done.orders
                on_progress(done)
        for program in programs:
            done.nights += len(run_nights(program, until=until or local_date(now, program.tzinfo), now=now))
            if until is None:
                start_versions(program, timelines([program.pk])[program.pk], until=now, now=now)
        return done


def _decide(facts: list[Fact], done: CaughtUp, now: datetime) -> None:
    ids: dict[str, list[UUID]] = {"order": [], "return": [], "visit": []}
    for fact in facts:
        ids[fact.kind].append(fact.id)
    pipeline.run(load_activities(ids["order"], ids["return"], ids["visit"]), now=now)
    done.orders += len(ids["order"])
    done.returns += len(ids["return"])
    done.interactions += len(ids["visit"])


def _days(retailer: Retailer) -> Iterator[tuple[date, list[Fact]]]:
    """Yield what waits, day by day of the retailer's zone; a day may come in several parts."""
    zone = retailer.tzinfo
    at, last_id = BEGINNING, NO_ID
    previous: list[Fact] = []
    while True:
        parameters = {"retailer": retailer.pk, "at": at, "id": last_id, "limit": PAGE}
        page = [Fact(*row) for row in bulk.fetch(UNDECIDED, parameters)]
        if not page:
            return
        assert page != previous, "what was decided must not wait any more"
        previous = page
        for day, facts in groupby(page, key=lambda fact: local_date(fact.occurred_at, zone)):
            yield day, list(facts)
        at, last_id = page[-1].occurred_at, NO_ID  # what this page decided is not found again


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
