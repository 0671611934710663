"""
The only writer of the sufficient statistics: kept up with what changed, counted anew from the orders, and compared.

What an order is worth is what was paid for it with money, less what went back for what came back: of an order that was paid in
part with points, the same part of what came back was. Its cost is that of the lines whose unit cost is known. Goods cost however
they were paid, so what points paid is kept beside.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction

from analytics.models import CustomerStatistics
from customers.core import bulk
from customers.models import Customer, Retailer

BATCH = 20_000
LOCK = 7_003  # the first key of the advisory lock; the second is the retailer
COLUMNS = (
    "customer_id", "retailer_id", "first_day", "last_day", "purchase_days", "first_value", "total_value", "returned_value",
    "orders", "paid_with_points", "costed_value", "cost",
)  # fmt: skip

# Of a whole retailer what came back is summed before it is joined: for each order by itself it would be a search for each order.
BACK = "back AS (SELECT order_id, sum(net_amount) AS amount FROM customers_return r WHERE {returns} GROUP BY 1)"
COSTS = """
bought AS (
    SELECT l.order_id, sum(l.net_amount) AS amount, sum(l.unit_cost * l.quantity) AS cost
    FROM customers_orderline l WHERE l.unit_cost IS NOT NULL AND {lines} GROUP BY 1
), brought AS (
    SELECT l.order_id, sum(b.net_amount) AS amount, sum(l.unit_cost * b.quantity) AS cost
    FROM customers_return r JOIN customers_returnline b ON b.order_return_id = r.id
    JOIN customers_orderline l ON l.id = b.line_id AND l.unit_cost IS NOT NULL WHERE {returns} GROUP BY 1
), costs AS (
    SELECT order_id, l.amount - coalesce(b.amount, 0) AS amount, l.cost - coalesce(b.cost, 0) AS cost
    FROM bought l LEFT JOIN brought b USING (order_id)
)
"""
JOINED = "LEFT JOIN back b ON b.order_id = o.id"
COSTS_JOINED = "LEFT JOIN costs c ON c.order_id = o.id"
# Of some customers each order is looked up by itself: sums of all of theirs, joined by a plan that was made for ten customers or
# for tables that were empty then, would be searched from end to end for each order.
LOOKED_UP = """
LEFT JOIN LATERAL (SELECT sum(r.net_amount) AS amount FROM customers_return r WHERE r.order_id = o.id) b ON true
"""
COSTS_LOOKED_UP = """
LEFT JOIN LATERAL (
    SELECT sum(l.net_amount - coalesce(x.amount, 0)) AS amount, sum(l.unit_cost * (l.quantity - coalesce(x.quantity, 0))) AS cost
    FROM customers_orderline l LEFT JOIN LATERAL (
        SELECT sum(r.net_amount) AS amount, sum(r.quantity) AS quantity FROM customers_returnline r WHERE r.line_id = l.id
    ) x ON true WHERE l.order_id = o.id AND l.unit_cost IS NOT NULL
) c ON true
"""
KEPT = """
CASE WHEN o.paid_with_points = 0 AND b.amount IS NULL THEN o.net_amount
    WHEN o.paid_with_points = 0 THEN o.net_amount - b.amount
    ELSE o.net_amount - o.paid_with_points - coalesce(round(b.amount - b.amount * o.paid_with_points / o.net_amount, 4), 0)
END
"""
# All that was kept is worth this and KEPT together.
PAID_WITH_POINTS = """
o.paid_with_points - coalesce(b.amount - round(b.amount - b.amount * o.paid_with_points / o.net_amount, 4), 0)
"""
# The same of any order: those that points did not pay may come to nothing.
PAID = f"CASE WHEN o.paid_with_points = 0 THEN 0 ELSE {PAID_WITH_POINTS} END"
# Days that keep no money are no occasions; what points paid and what it cost are counted all the same.
TRUTH = """
days AS (
    SELECT o.customer_id, o.retailer_id, o.local_date AS day, count(*) AS orders, sum({kept}) AS value,
        sum(b.amount) AS returned, sum({paid_with_points}) FILTER (WHERE o.paid_with_points > 0) AS paid_with_points,
        {costed} AS costed, {cost} AS cost
    FROM customers_order o {back} {costs}
    WHERE o.customer_id IS NOT NULL AND {orders}
    GROUP BY 1, 2, 3
), truth AS (
    SELECT customer_id, retailer_id, min(day) FILTER (WHERE value > 0) AS first_day,
        max(day) FILTER (WHERE value > 0) AS last_day, count(*) FILTER (WHERE value > 0)::int AS purchase_days,
        (array_agg(value ORDER BY day) FILTER (WHERE value > 0))[1] AS first_value,
        sum(value) FILTER (WHERE value > 0) AS total_value, coalesce(sum(returned), 0) AS returned_value,
        sum(orders)::int AS orders, coalesce(sum(paid_with_points), 0) AS paid_with_points, {total_costed} AS costed_value,
        {total_cost} AS cost
    FROM days GROUP BY 1, 2 HAVING bool_or(value > 0)
)
"""
TOLD = f"SELECT {', '.join(COLUMNS)} FROM truth"
# Only what differs is written: a night in which nothing was wrong writes nothing.
DIFFERENT = f"""
different AS MATERIALIZED (
    SELECT coalesce(t.customer_id, k.customer_id) AS customer, {", ".join(f"t.{name}" for name in COLUMNS)}
    FROM truth t FULL JOIN (SELECT {", ".join(COLUMNS)} FROM analytics_customerstatistics k WHERE {{kept_rows}}) k
        ON k.customer_id = t.customer_id
    WHERE ({", ".join(f"t.{name}" for name in COLUMNS)}) IS DISTINCT FROM ({", ".join(f"k.{name}" for name in COLUMNS)})
)
"""
MEND = f"""
gone AS (
    DELETE FROM analytics_customerstatistics s USING different d WHERE d.customer_id IS NULL AND s.customer_id = d.customer
), counted AS (
    INSERT INTO analytics_customerstatistics ({", ".join(COLUMNS)})
    SELECT {", ".join(COLUMNS)} FROM different WHERE customer_id IS NOT NULL
    ON CONFLICT (customer_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
)
"""
# What is still to be counted is no mistake.
WRONG = """
SELECT count(*) FROM different d WHERE NOT EXISTS (SELECT 1 FROM customers_factchange f WHERE f.customer_id = d.customer)
"""
TAKE = """
DELETE FROM customers_factchange WHERE id = ANY(ARRAY(
    SELECT id FROM customers_factchange WHERE retailer_id = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)) RETURNING customer_id
"""
HAS_COSTS = """
SELECT EXISTS (SELECT 1 FROM customers_orderline WHERE retailer_id = %s AND unit_cost IS NOT NULL)
"""
WAITS = "SELECT EXISTS (SELECT 1 FROM customers_factchange WHERE customer_id = %s)"
OF_RETAILER = {
    "orders": "o.retailer_id = %(retailer)s",
    "returns": "r.retailer_id = %(retailer)s",
    "lines": "l.retailer_id = %(retailer)s",
    "kept_rows": "k.retailer_id = %(retailer)s",
}
AS_KNOWN_THEN = {
    "orders": "o.retailer_id = %(retailer)s AND o.local_date <= %(cut)s",
    "returns": "r.retailer_id = %(retailer)s AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s",
    "lines": "l.retailer_id = %(retailer)s",
}
# The same by what was recorded until an instant, so that it can be read again later.
AS_RECORDED_THEN = AS_KNOWN_THEN | {"returns": f"{AS_KNOWN_THEN['returns']} AND r.recorded_at <= %(known)s"}
OF_CUSTOMERS = {"orders": "o.customer_id = ANY(%(customers)s)", "kept_rows": "k.customer_id = ANY(%(customers)s)"}


def retailers_with_changes() -> list[int]:
    """Return the ids of the retailers whose statistics are not up to date."""
    return [retailer for (retailer,) in bulk.fetch("SELECT DISTINCT retailer_id FROM customers_factchange")]


def refresh(retailer: Retailer) -> int:
    """Count again what changed since the last time; return how many customers were touched."""
    total = 0
    while touched := _refresh_batch(retailer):
        total += touched
    return total


def statistics_of(customer: Customer) -> CustomerStatistics | None:
    """
    Return a customer's statistics as of now: what waits to be counted is counted for the reader, and kept by the next refresh.

    None of one who bought nothing, or brought all of it back.
    """
    if not bulk.fetch(WAITS, [customer.pk])[0][0]:
        return CustomerStatistics.objects.filter(customer=customer).first()
    sql = f"WITH {_truth('OF_CUSTOMERS', has_costs=has_costs(customer.retailer))} {TOLD}"
    rows = bulk.fetch(sql, {"customers": [customer.pk]})
    return CustomerStatistics(**dict(zip(COLUMNS, rows[0], strict=True))) if rows else None


@transaction.atomic
def rebuild(retailer: Retailer) -> int:
    """Count everything again by one statement; return of how many customers something else was kept, and mend it."""
    _take_turns(retailer)
    give_memory()
    return _differing(retailer, mend=True)


@transaction.atomic
def differences(retailer: Retailer) -> int:
    """Return of how many customers something else is kept than the orders say; 0 when all is well."""
    give_memory()
    return _differing(retailer, mend=False)


def earlier_truth(retailer: Retailer) -> str:
    """Return the tables of the truth at an earlier cut, as SQL that names the retailer, its zone and the cut."""
    return _truth("AS_KNOWN_THEN", has_costs=has_costs(retailer))


def has_costs(retailer: Retailer) -> bool:
    """Return whether the unit cost of anything that a retailer sold is known."""
    return bool(bulk.fetch(HAS_COSTS, [retailer.pk])[0][0])


def with_money(*, knows_costs: bool) -> str:
    """
    Return what joins to orders `o` what their margin is counted from, as `m`: value, paid, costed and cost.

    The tables `back` and, where costs are known, `costs` stand before it.
    """
    costed, cost = ("coalesce(c.amount, 0)", "coalesce(c.cost, 0)") if knows_costs else ("0::numeric", "0::numeric")
    money = f"SELECT {KEPT} AS value, {PAID} AS paid, {costed} AS costed, {cost} AS cost"
    return f"{JOINED} {COSTS_JOINED if knows_costs else ''} CROSS JOIN LATERAL ({money}) m"


def rate_of(retailer: Retailer) -> str | None:
    """Return a retailer's margin rate as it is kept with what was read by it."""
    return None if retailer.margin_rate is None else f"{retailer.margin_rate:.4f}"


def with_rate(retailer: Retailer, rate: str | None) -> Retailer:
    """Return a retailer as it was with another margin rate, to read the same again: it is not to be saved."""
    then = copy(retailer)
    then.margin_rate = None if rate is None else Decimal(rate)
    return then


def _differing(retailer: Retailer, *, mend: bool) -> int:
    parts = [
        _truth("OF_RETAILER", has_costs=has_costs(retailer)),
        DIFFERENT.format(**OF_RETAILER),
        *[MEND][: int(mend)],
    ]
    return int(bulk.fetch(f"WITH {', '.join(parts)} {WRONG}", {"retailer": retailer.pk})[0][0])


@cache
def _truth(scope: str, *, has_costs: bool) -> str:
    """Return the tables of the truth about some customers; who knows no costs reads no lines."""
    if scope == "OF_CUSTOMERS":
        return _days(OF_CUSTOMERS, LOOKED_UP, COSTS_LOOKED_UP if has_costs else "")
    where = {"OF_RETAILER": OF_RETAILER, "AS_KNOWN_THEN": AS_KNOWN_THEN}[scope]
    sums = [each.format(**where) for each in ((BACK, COSTS) if has_costs else (BACK,))]
    return ", ".join([*sums, _days(where, JOINED, COSTS_JOINED if has_costs else "")])


def _days(where: Mapping[str, str], back: str, costs: str) -> str:
    """Return the tables of customers' days and of what they come to; of costs nothing where they are not joined."""
    of_days = {"costed": "sum(c.amount)", "cost": "sum(c.cost)"} if costs else {"costed": "0", "cost": "0"}
    costed, cost = (f"coalesce(sum({name}), 0)" if costs else "0::numeric" for name in ("costed", "cost"))
    return TRUTH.format(
        orders=where["orders"],
        kept=KEPT,
        paid_with_points=PAID_WITH_POINTS,
        back=back,
        costs=costs,
        total_costed=costed,
        total_cost=cost,
        **of_days,
    )


def _take_turns(retailer: Retailer) -> None:
    """
    Let one at a time count for a retailer, by a statement that reads nothing else.

    Who waited for another's row would write what it had read before the wait.
    """
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, retailer.pk])


def give_memory() -> None:
    """
    Let this transaction group and join by hashing in memory, planned for this retailer's numbers.

    A retailer that is new in a large database is thought to have one order until the server next counts: sums of all its
    costs and returns would then be formed anew for each of its orders.
    """
    bulk.execute("SET LOCAL work_mem = '256MB'")
    bulk.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    bulk.execute("SET LOCAL enable_nestloop = off")


@transaction.atomic
def _refresh_batch(retailer: Retailer) -> int:
    _take_turns(retailer)
    customers = sorted({customer for (customer,) in bulk.fetch(TAKE, [retailer.pk, BATCH])})
    if customers:
        _count(customers, has_costs=has_costs(retailer))
    return len(customers)


def _count(customers: Sequence[UUID], *, has_costs: bool) -> None:
    """Write what differs now; who returned everything has no statistics any more."""
    parts = (_truth("OF_CUSTOMERS", has_costs=has_costs), DIFFERENT.format(**OF_CUSTOMERS), MEND)
    parameters: dict[str, Any] = {"customers": customers}
    bulk.fetch(f"WITH {', '.join(parts)} SELECT 1", parameters)
