"""
What customers bought, and what a plan says of it, on Spark.

The statements are those of `analytics.statistics`, as Spark writes them; scoring is `analytics.scoring`, in the workers' own
Python. Facts are Parquet files, or whatever else Spark reads with the same columns: orders, order_lines, returns and
return_lines, in partitions as large as one likes.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from analytics.blocks import Block, Columns
from analytics.clv.tuples import Tuples
from analytics.scoring import Plan, score

TABLES = ("orders", "order_lines", "returns", "return_lines")
# As it was known at a cut: returns that had come back by then, of orders until then.
STATISTICS = """
WITH known AS (
    SELECT * FROM returns WHERE day <= DATE '{cut}'
), back AS (
    SELECT order_id, sum(net_amount) AS amount FROM known GROUP BY 1
), bought AS (
    SELECT order_id, sum(net_amount) AS amount, sum(unit_cost * quantity) AS cost
    FROM order_lines WHERE unit_cost IS NOT NULL GROUP BY 1
), brought AS (
    SELECT l.order_id, sum(b.net_amount) AS amount, sum(l.unit_cost * b.quantity) AS cost
    FROM known r JOIN return_lines b ON b.return_id = r.id JOIN order_lines l ON l.id = b.line_id AND l.unit_cost IS NOT NULL
    GROUP BY 1
), costs AS (
    SELECT l.order_id, l.amount - coalesce(b.amount, 0) AS amount, l.cost - coalesce(b.cost, 0) AS cost
    FROM bought l LEFT JOIN brought b ON b.order_id = l.order_id
), kept AS (
    SELECT o.customer_id, o.day, b.amount AS returned, c.amount AS costed, c.cost,
        CASE WHEN o.paid_with_points = 0 THEN o.net_amount - coalesce(b.amount, 0)
            ELSE o.net_amount - o.paid_with_points
                - coalesce(round(b.amount - b.amount * o.paid_with_points / o.net_amount, 4), 0) END AS value,
        CASE WHEN o.paid_with_points > 0 THEN o.paid_with_points
                - coalesce(b.amount - round(b.amount - b.amount * o.paid_with_points / o.net_amount, 4), 0)
            END AS paid_with_points
    FROM orders o LEFT JOIN back b ON b.order_id = o.id LEFT JOIN costs c ON c.order_id = o.id
    WHERE o.customer_id IS NOT NULL AND o.day <= DATE '{cut}'
), days AS (
    SELECT customer_id, day, count(*) AS orders, sum(value) AS value, sum(returned) AS returned,
        sum(paid_with_points) AS paid_with_points, sum(costed) AS costed, sum(cost) AS cost
    FROM kept GROUP BY 1, 2
)
SELECT customer_id, min(day) FILTER (WHERE value > 0) AS first_day, max(day) FILTER (WHERE value > 0) AS last_day,
    CAST(count(*) FILTER (WHERE value > 0) AS INT) AS purchase_days, min_by(value, day) FILTER (WHERE value > 0) AS first_value,
    sum(value) FILTER (WHERE value > 0) AS total_value, coalesce(sum(returned), 0) AS returned_value,
    CAST(sum(orders) AS INT) AS orders, coalesce(sum(paid_with_points), 0) AS paid_with_points,
    coalesce(sum(costed), 0) AS costed_value, coalesce(sum(cost), 0) AS cost
FROM days GROUP BY 1 HAVING bool_or(value > 0)
"""
TUPLES = """
SELECT purchase_days - 1 AS frequency, datediff(last_day, first_day) AS recency, datediff(DATE '{cut}', first_day) AS age,
    count(*) AS customers
FROM statistics GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
SCORED = (
    "customer_id string, historic_revenue double, historic_margin double, formula_value double, predicted_value double, "
    "value_low double, value_high double, value_if_active double, expected_order_value double, expected_purchases double, "
    "probability_active double, probability_of_buying double, at_risk boolean, value_decile smallint"
)
FIELDS = tuple(each.split()[0] for each in SCORED.split(", "))
UUID_BYTES = 16


def bring_code(session: SparkSession) -> None:
    """Send this package to the cluster's workers, who need NumPy, SciPy and pandas besides; once per session."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # workers fetch it as they come
    archive = shutil.make_archive(f"{folder}/analytics", "zip", Path(__file__).parents[2], "analytics")
    session.sparkContext.addPyFile(archive)


def read_facts(session: SparkSession, folder: str) -> None:
    """Name the facts of a folder: a subfolder of Parquet files for each of TABLES."""
    for table in TABLES:
        session.read.parquet(f"{folder}/{table}").createOrReplaceTempView(table)


def statistics(session: SparkSession, cut: date) -> DataFrame:
    """Return what each customer bought until a cut, as `CustomerStatistics` keeps it; named `statistics` from then on."""
    found = session.sql(STATISTICS.format(cut=cut.isoformat()))
    found.createOrReplaceTempView("statistics")
    return found


def tuples(session: SparkSession, cut: date) -> Tuples:
    """Return the distinct rows of all customers and how many have each: what models are fitted on, by one machine."""
    rows = session.sql(TUPLES.format(cut=cut.isoformat())).toPandas()
    frequency, recency, age = (rows[name].to_numpy(np.int32) for name in ("frequency", "recency", "age"))
    return Tuples(frequency, recency, age, rows["customers"].to_numpy(np.int64))


def scored(found: DataFrame, plan: Plan, cut: date) -> DataFrame:
    """Return what a plan says of each customer; the plan goes to the workers once, with the function."""
    return found.mapInPandas(_scoring(plan, cut), SCORED)


def _scoring(plan: Plan, cut: date) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    def of_each(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            yield _table(part["customer_id"], score(_block(part, cut), plan))

    return of_each


def _block(part: pd.DataFrame, cut: date) -> Block:
    first, last = (pd.to_datetime(part[name]).to_numpy("datetime64[D]") for name in ("first_day", "last_day"))
    days = {
        "frequency": part["purchase_days"].to_numpy() - 1, "recency": last - first, "age": np.datetime64(cut, "D") - first,
        "orders": part["orders"].to_numpy(),
    }  # fmt: skip
    columns: dict[str, Any] = {name: np.asarray(each).astype(np.int32) for name, each in days.items()}
    money = {"total": "total_value", "paid_with_points": "paid_with_points", "costed": "costed_value", "cost": "cost"}
    for name, of in money.items():
        columns[name] = part[of].astype(float).to_numpy(np.float64)
    return Block(ids=np.zeros(len(part), dtype=f"V{UUID_BYTES}"), **columns)  # ids are the table's, not the scores'


def _table(names: "pd.Series[Any]", said: Columns) -> pd.DataFrame:
    columns = {name: getattr(said, name) for name in FIELDS[1:]}
    return pd.DataFrame({"customer_id": names.to_numpy()} | columns)
