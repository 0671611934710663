"""
The only writer of customers' values and of what is written down of them: into a run's own partition, then to the floors below.

A run's values are copied into a table that nobody reads, which becomes a partition when it is whole. Then what changed is
published in ranges of customers, each in a transaction of its own; a run that dies is finished by the next one, which writes
whatever differs. See docs/adr/0031-a-partition-for-each-run.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from uuid import UUID

import numpy as np
import structlog
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from analytics.blocks import Columns
from analytics.copying import Array, Money, write_columns
from analytics.models import ValueRun
from customers.core import bulk
from customers.core.money import decimals_of
from customers.models import Retailer

log = structlog.get_logger()

RANGE = 100_000  # customers whose insights are written in one transaction
PLACES = 32  # bits of a value's id that count the rows of its run
KINDS = {
    "id": "bigint", "run_id": "bigint", "customer_id": "uuid", "expected_purchases": "double precision",
    "probability_active": "double precision", "probability_of_buying": "double precision", "at_risk": "boolean",
    "value_decile": "smallint",
}  # fmt: skip


def open_partition(run: ValueRun) -> None:
    """Make the table that a run's values are copied into, anew if there is one."""
    bulk.fetch("SELECT analytics_open_values(%s)", [run.pk])


def stage(run: ValueRun, columns: Columns, first: int) -> int:
    """
    Copy values into a run's table.

    :param first: how many were copied before
    :returns: how many there are now
    """
    count = len(columns)
    decimals = decimals_of(run.currency)
    row: dict[str, Array | Money | None] = {
        "id": (run.pk << PLACES) + np.arange(first, first + count, dtype=np.int64),
        "run_id": np.full(count, run.pk, dtype=np.int64),
        "customer_id": columns.ids,
    }
    for name in (field.name for field in fields(columns)[1:]):
        values = getattr(columns, name)
        row[name] = values if values is None or name in KINDS else Money.of(values, decimals)
    with transaction.atomic():
        write_columns(f"analytics_customervalue_{run.pk}", row, KINDS)
    return first + count


def close_partition(run: ValueRun) -> None:
    """Let a run's values be read, once all are copied."""
    with transaction.atomic():
        bulk.fetch("SELECT analytics_close_values(%s)", [run.pk])


def drop_partition(run: ValueRun) -> None:
    """Forget a run's values; the run stays."""
    with transaction.atomic():
        bulk.fetch("SELECT analytics_drop_values(%s)", [run.pk])
        run.has_values = False
        run.save(update_fields=["has_values"])


# What is read of a customer. Rows in which none of it changed are not written; the run and its day are then those that last did.
TOLD = (
    "horizon_days", "currency", "historic_revenue", "historic_margin", "formula_value", "predicted_value", "value_low",
    "value_high", "value_if_active", "expected_purchases", "expected_order_value", "probability_active",
    "probability_of_buying", "at_risk", "value_decile",
)  # fmt: skip
OF_RUN = ("horizon_days", "currency")
BOUND = """
SELECT customer_id FROM analytics_customervalue WHERE run_id = %s AND customer_id > %s
ORDER BY customer_id OFFSET %s LIMIT 1
"""
# Merges and erasures take the same lock: who is erased gets no insight by a statement that began before.
NOBODY_LEAVES = "SELECT pg_advisory_xact_lock(hashtext('customers.merging'), %s)"
PUBLISH = f"""
INSERT INTO customers_insight (customer_id, run_id, as_of, {", ".join(TOLD)})
SELECT v.customer_id, r.id, r.data_cut,
    {", ".join(f"r.{name}" if name in OF_RUN else f"v.{name}" for name in TOLD)}
FROM analytics_customervalue v JOIN analytics_valuerun r ON r.id = v.run_id
JOIN customers_customer c ON c.id = v.customer_id AND c.erased_at IS NULL AND c.merged_into_id IS NULL
LEFT JOIN customers_insight k ON k.customer_id = v.customer_id
WHERE v.run_id = %(run)s AND v.customer_id > %(above)s AND v.customer_id <= %(until)s
    AND ({", ".join(f"k.{name}" for name in TOLD)})
        IS DISTINCT FROM ({", ".join(f"r.{name}" if name in OF_RUN else f"v.{name}" for name in TOLD)})
ON CONFLICT (customer_id) DO UPDATE SET run_id = excluded.run_id, as_of = excluded.as_of,
    {", ".join(f"{name} = excluded.{name}" for name in TOLD)}
RETURNING 1
"""
FORGET = """
DELETE FROM customers_insight i USING customers_customer c
WHERE c.id = i.customer_id AND c.retailer_id = %(retailer)s AND i.customer_id > %(above)s AND i.customer_id <= %(until)s
    AND NOT EXISTS (SELECT 1 FROM analytics_customervalue v WHERE v.run_id = %(run)s AND v.customer_id = i.customer_id)
RETURNING 1
"""
FORGET_ALL = (
    "DELETE FROM customers_insight i USING customers_customer c WHERE c.id = i.customer_id AND c.retailer_id = %s"
)
COUNTED = "WITH done AS ({sql}) SELECT count(*) FROM done"
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Published:
    """How many customers' insights were written, because something was new, and how many removed."""

    written: int
    removed: int


def publish(run: ValueRun) -> Published:
    """Write a run's values down for the floors below: those that changed, and without those of whom it says nothing."""
    written = removed = 0
    for above, until in _ranges(run):
        with transaction.atomic():
            bulk.fetch(NOBODY_LEAVES, [run.retailer_id])
            bulk.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            at = {"run": run.pk, "retailer": run.retailer_id, "above": above, "until": until}
            removed += bulk.fetch(COUNTED.format(sql=FORGET), at)[0][0]
            del at["retailer"]
            written += bulk.fetch(COUNTED.format(sql=PUBLISH), at)[0][0]
    return Published(written, removed)


def forget(retailer: Retailer) -> None:
    """Say nothing any more of a retailer's customers, of whom no order is left."""
    with transaction.atomic():
        bulk.fetch(NOBODY_LEAVES, [retailer.pk])
        bulk.execute(FORGET_ALL, [retailer.pk])


def _ranges(run: ValueRun) -> Iterator[tuple[UUID, UUID]]:
    """Yield ranges of ids, without their lower end, that cover all there can be."""
    above = FIRST
    while rows := bulk.fetch(BOUND, [run.pk, above, RANGE - 1]):
        yield above, rows[0][0]
        above = rows[0][0]
    yield above, LAST


def drop_old(retailer: Retailer) -> int:
    """
    Drop the values of runs, but for the last one and the last of each month; return of how many.

    Of runs that looked at an earlier day the last one is kept. Values that somebody is reading are dropped by a later run.
    """
    kept: set[tuple[int, int] | None] = set()
    dropped = 0
    runs = ValueRun.objects.filter(retailer=retailer, has_values=True, status__in=ValueRun.FINISHED)
    for run in runs.order_by(*ValueRun.LAST_FIRST):
        kind = (run.cut.year, run.cut.month) if run.is_current else None
        if kind in kept:
            dropped += _dropped_if_unread(run)
        kept.add(kind)
    return dropped


def _dropped_if_unread(run: ValueRun) -> bool:
    """Drop the values of a run, unless whoever reads the table keeps it past the lock timeout; return whether that was done."""
    try:
        drop_partition(run)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        run.has_values = True
        log.warning("values_still_read", run=run.pk)
        return False
    return True
