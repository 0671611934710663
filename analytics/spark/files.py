"""Facts of a retailer as Parquet files, in the columns that `analytics.spark.job` reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db import connection

from analytics.exporting import parquet_parts
from customers.models import Retailer

ROWS = 500_000  # of a file
AT_ONCE = 20_000
# Lines of which no cost is known are left out: nothing looks at them.
ORDERS = """
SELECT id::text, customer_id::text, local_date, net_amount, paid_with_points FROM customers_order
WHERE retailer_id = %(retailer)s
"""
LINES = """
SELECT id::text, order_id::text, net_amount, quantity, unit_cost FROM customers_orderline
WHERE retailer_id = %(retailer)s AND unit_cost IS NOT NULL
"""
# A return belongs to the day on which it came back, in the retailer's zone.
RETURNS = """
SELECT id::text, order_id::text, (occurred_at AT TIME ZONE %(zone)s)::date, net_amount FROM customers_return
WHERE retailer_id = %(retailer)s
"""
RETURN_LINES = """
SELECT b.order_return_id::text, b.line_id::text, b.quantity, b.net_amount FROM customers_returnline b
JOIN customers_return r ON r.id = b.order_return_id
JOIN customers_orderline l ON l.id = b.line_id AND l.unit_cost IS NOT NULL WHERE r.retailer_id = %(retailer)s
"""
FACTS = {
    "orders": (
        {"id": "text", "customer_id": "text", "day": "day", "net_amount": "money", "paid_with_points": "money"}, ORDERS,
    ),
    "order_lines": (
        {"id": "text", "order_id": "text", "net_amount": "money", "quantity": "money", "unit_cost": "money"}, LINES,
    ),
    "returns": ({"id": "text", "order_id": "text", "day": "day", "net_amount": "money"}, RETURNS),
    "return_lines": (
        {"return_id": "text", "line_id": "text", "quantity": "money", "net_amount": "money"}, RETURN_LINES,
    ),
}  # fmt: skip


def write_facts(retailer: Retailer, folder: Path) -> dict[str, int]:
    """
    Write a retailer's facts, a subfolder for each table; return how many rows each has.

    :raises NoParquet: where the packages for it are not installed
    """
    parameters = {"retailer": retailer.pk, "zone": retailer.zone}
    return {table: _write(folder / table, kinds, sql, parameters) for table, (kinds, sql) in FACTS.items()}


def _write(folder: Path, kinds: dict[str, str], sql: str, parameters: dict[str, Any]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    rows, place, total = _rows(sql, parameters), 0, 0
    while True:
        part = _Counted(rows)
        with (folder / f"part-{place:05}.parquet").open("wb") as file:
            for each in parquet_parts(kinds, iter(part)):
                file.write(each)
        total += part.count
        if part.count < ROWS:
            return total
        place += 1


class _Counted:
    """The next rows of one file."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self.rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        while self.count < ROWS and (row := next(self.rows, None)) is not None:
            self.count += 1
            yield row


def _rows(sql: str, parameters: dict[str, Any]) -> Iterator[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # with it the session is told for whom it acts
        cursor.cursor.itersize = AT_ONCE
        yield from cursor.cursor.stream(sql, parameters)
