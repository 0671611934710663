"""
Value of so many customers: from the tables of their statistics to their written values, in CPU seconds and memory.

    make bench NAME=value [QUICK=1] [CUSTOMERS=10000000]

Read, group, fit, predict, rank, write: all that a run does but trying models on orders, which looks at a sample of 200,000
customers whatever their number. Publication to the floors below is measured beside it where there are at most two million: the
first one, when everything is new, and one in which nothing changed.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
os.environ.setdefault("OMP_NUM_THREADS", "1")
django.setup()

import numpy as np  # noqa: E402

from analytics import reading, runs, scoring, writing  # noqa: E402
from analytics.choosing import Sample  # noqa: E402
from analytics.clv import pareto_nbd  # noqa: E402
from analytics.clv.pareto_nbd import ParetoNBD  # noqa: E402
from analytics.clv.simulation import simulate  # noqa: E402
from analytics.clv.tuples import Tuples, collect  # noqa: E402
from analytics.copying import Money, write_columns  # noqa: E402
from analytics.models import CustomerValue, ValueRun  # noqa: E402
from analytics.scoring import Plan, Prediction  # noqa: E402
from benchmarks.measuring import MICRO, Cost, Figure, arguments, judge, measure, own_database, show  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.models import Insight, Retailer  # noqa: E402

MILLION = 1_000_000
TRUE = ParetoNBD(r=0.55, alpha=74.0, s=0.6, beta=82.0)  # days; CDNOW's customers
CUT = datetime(2026, 6, 15, tzinfo=UTC)
DAYS = 730
MAX_PUBLISHED = 2 * MILLION
CHUNK = 250_000
NOBODY: Any = runs.nobody_watches


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--customers", type=int, default=0)
    asked = parser.parse_args()
    customers = asked.customers or (MILLION if asked.quick else 10 * MILLION)
    own_database()
    shop = Retailer.objects.create(slug="bench", name="Bench", zone="UTC", currency="EUR", margin_rate=Decimal("0.3"))
    seed(shop, customers)
    costs: dict[str, Cost] = {}

    def step(name: str, work: Callable[[], None]) -> None:
        costs[name] = measure(work, customers)

    done = Steps(shop)
    forget_peak()
    step("read", done.read)
    step("group", done.group)
    step("fit", done.fit)
    step("predict", done.predict)
    step("rank and write", done.write)
    memory = peak()
    total = Cost(sum(each.client for each in costs.values()), sum(each.server for each in costs.values()))
    assert CustomerValue.objects.filter(run=done.run).count() == customers, "everybody has a value"
    published = customers <= MAX_PUBLISHED
    if published:
        step("publish, all new", done.publish)
        step("publish, nothing new", done.publish)
        assert Insight.objects.count() == customers, "everybody has an insight"
    show(f"Value of {customers:,} customers, per customer", costs | {"to written values": total})
    seconds = total.total * customers / MICRO
    share = customers / (10 * MILLION)
    publishing = [cost.total * customers / MICRO for name, cost in costs.items() if name.startswith("publish")]
    return judge([
        Figure("value_tuples", len(done.tuples), "distinct rows"),
        Figure("value_fit_cpu", costs["fit"].total * customers / MICRO, "s"),
        Figure("value_total_cpu", seconds, "s", 90 * share),
        Figure("value_client_memory", memory, "MB", 700),
        *(Figure(f"value_publish_{name}_cpu", cost, "s") for name, cost in zip(("all", "nothing"), publishing, strict=False)),
    ])  # fmt: skip


class Steps:
    """What a run does, one thing after the other."""

    tuples: Tuples
    plan: Plan
    prediction: Prediction

    def __init__(self, shop: Retailer) -> None:
        self.run = ValueRun.objects.create(
            retailer=shop, status="running", ran_at=CUT, data_cut=CUT.date(), horizon_days=365,
            discount_rate=Decimal("0.1"), currency="EUR", margin_rate=shop.margin_rate,
        )  # fmt: skip
        self.sums = runs.Sums()

    def read(self) -> None:
        """Read all statistics once."""
        self.spool = reading.Spool(reading.blocks(self.run.retailer, CUT.date()))

    def group(self) -> None:
        """Sum up, sample and group rows."""
        self.sample = Sample.among(self.spool.customers)
        self.tuples = collect(runs._gathered(self.spool, self.sums, self.sample, NOBODY))

    def fit(self) -> None:
        """Fit both models."""
        model, _ = pareto_nbd.fit(self.tuples)
        self.prediction = Prediction(model, self.sample.spend(), 1.0, 365, 0.1)

    def predict(self) -> None:
        """Predict each distinct row."""
        money, formula = runs._money(self.run, self.sums), scoring.Formula(3.0, self.sums.common_rate)
        self.plan = Plan(money, formula, scoring.predict_rows(self.prediction, self.tuples, seed=1))

    def write(self) -> None:
        """Rank everybody and write their values."""
        runs._stage(self.run, self.spool, self.plan, NOBODY)

    def publish(self) -> None:
        """Write down what changed."""
        writing.publish(self.run)


def seed(shop: Retailer, customers: int) -> None:
    """Make customers with the statistics of a simulated shop, and one order, so that there is a last day."""
    rng = np.random.default_rng(1)
    bulk.execute("SET session_replication_role TO replica")
    bulk.execute("CREATE TEMP TABLE drawn (id uuid, x integer, t integer, age integer, value numeric)")
    for first in range(0, customers, CHUNK):
        count = min(CHUNK, customers - first)
        drawn = simulate(TRUE, rng.uniform(1, DAYS, count), rng).in_days()
        mean = 20.0 * rng.standard_gamma(2.0, count) + 1.0
        value = rng.standard_gamma(6.0 * (drawn.frequency + 1)) / 6.0 * mean
        columns: dict[str, Any] = {
            "id": np.frombuffer(rng.bytes(16 * count), dtype="V16"), "x": drawn.frequency, "t": drawn.recency,
            "age": drawn.age, "value": Money.of(np.maximum(value, 0.01), 2),
        }  # fmt: skip
        write_columns("drawn", columns, {"id": "uuid", "x": "integer", "t": "integer", "age": "integer"})
    parameters = {"shop": shop.pk, "cut": CUT.date(), "at": CUT}
    bulk.fetch(STATISTICS, parameters)
    if customers <= MAX_PUBLISHED:
        bulk.fetch(CUSTOMERS, {"shop": shop.pk, "at": CUT - timedelta(days=DAYS)})
    bulk.fetch(ORDER, {"shop": shop.pk, "at": CUT, "cut": CUT.date()})
    bulk.execute("DROP TABLE drawn")
    bulk.execute("SET session_replication_role TO DEFAULT")
    bulk.execute("VACUUM ANALYZE")
    bulk.execute("CHECKPOINT")


STATISTICS = """
WITH made AS (
    INSERT INTO analytics_customerstatistics (customer_id, retailer_id, first_day, last_day, purchase_days, first_value,
        total_value, returned_value, orders)
    SELECT id, %(shop)s, %(cut)s::date - age, %(cut)s::date - age + t, x + 1, value / (x + 1), value, 0, x + 1 FROM drawn
)
SELECT %(at)s::timestamptz
"""
CUSTOMERS = """
WITH made AS (
    INSERT INTO customers_customer (id, retailer_id, external_id, email, phone, first_name, last_name, language,
        acquisition_channel, identified_at, recorded_at)
    SELECT id, %(shop)s, 'c' || row_number() OVER (), '', '', '', '', '', '', %(at)s, %(at)s FROM drawn
)
SELECT 1
"""
ORDER = """
WITH made AS (
    INSERT INTO customers_order (id, retailer_id, customer_id, number, occurred_at, local_date, currency, net_amount,
        shipping_amount, channel, store, promotion_code, is_gift, identified_by, paid_with_points, redemptions, content_hash,
        recorded_at)
    SELECT gen_random_uuid(), %(shop)s, id, 'n1', %(at)s, %(cut)s, 'EUR', 1, 0, '', '', '', false, '', 0, '[]', '', %(at)s
    FROM drawn LIMIT 1
)
SELECT 1
"""


def forget_peak() -> None:
    """Let the kernel measure the most memory from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> float:
    """Return the most memory that this process had, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
