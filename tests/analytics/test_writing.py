"""Values in partitions: each retailer sees its own, a run that dies leaves nothing half, old ones go."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction

from analytics import reading, runs, writing
from analytics.blocks import Block
from analytics.copying import Money, read_columns, write_columns
from analytics.models import CustomerValue, ValueRun
from analytics.runs import compute_value
from customers.core.tenancy import NOBODY, acting_for
from customers.models import Insight, Retailer
from customers.recording import record_orders
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def shop_of(customers: int, at: Any = NOON) -> Retailer:
    shop = make.retailer()
    record_orders(shop, [make.order(f"c{place}", "10.00", at=at) for place in range(customers)], now=NOON)
    return shop


def valued(shop: Retailer) -> ValueRun:
    run = compute_value(shop, now=NOON)
    assert run is not None
    return run


def run_sql(sql: str) -> Any:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


@pytest.mark.parametrize("amount", ["0", "0.01", "-0.01", "9999.99", "-10000", "123456789.10", "-98765432101234.56"])
def test_amounts_are_written_as_they_are(amount: str) -> None:
    run_sql("CREATE TEMP TABLE taken (amount numeric)")
    units = np.array([int(Decimal(amount) * 100), 1], dtype=np.int64)

    write_columns("taken", {"amount": Money(units, 2)}, {})

    assert [row for (row,) in run_sql("SELECT amount FROM taken")] == [Decimal(amount), Decimal("0.01")]
    assert {str(row) for (row,) in run_sql("SELECT scale(amount) FROM taken")} == {"2"}


def test_what_is_read_in_blocks_is_all_that_is_there() -> None:
    sql = "SELECT g::int AS number, (g / 4.0)::float8 AS value FROM generate_series(1, %(last)s) g"
    kinds = {"number": "integer", "value": "double precision"}

    found = {size: list(read_columns(sql, {"last": 10}, kinds, size)) for size in (1, 3, 5, 10, 11)}

    assert {size: [len(block) for block in blocks] for size, blocks in found.items()} == {
        1: [1] * 10, 3: [3, 3, 3, 1], 5: [5, 5], 10: [10], 11: [10],
    }  # fmt: skip
    for blocks in found.values():
        assert np.concatenate([block["number"] for block in blocks]).tolist() == list(range(1, 11))
        assert np.concatenate([block["value"] for block in blocks]).tolist() == [each / 4 for each in range(1, 11)]
    assert list(read_columns(sql, {"last": 0}, kinds, 3)) == []


def test_each_retailer_sees_its_own_values_and_no_partition_itself() -> None:
    ours, theirs = (valued(shop_of(count)) for count in (3, 2))

    with acting_for(ours.retailer_id):
        mine = list(CustomerValue.objects.values_list("run_id", flat=True))
    with acting_for(NOBODY):
        nobodys = CustomerValue.objects.count()

    assert (mine, nobodys) == ([ours.pk] * 3, 0)
    for sql in (
        f"SELECT * FROM analytics_customervalue_{theirs.pk}",
        f"DELETE FROM analytics_customervalue_{ours.pk}",
        f"INSERT INTO analytics_customervalue_{ours.pk} SELECT * FROM analytics_customervalue",
        f"DROP TABLE analytics_customervalue_{ours.pk}",
    ):
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
            run_sql(sql)


@pytest.mark.parametrize("what", ["open", "close", "drop"])
def test_nobody_touches_another_retailers_partition(what: str) -> None:
    theirs = valued(shop_of(2))

    with acting_for(make.retailer().pk), pytest.raises(DatabaseError, match="is not of the retailer of this session"):
        run_sql(f"SELECT analytics_{what}_values({theirs.pk})")

    assert CustomerValue.objects.filter(run=theirs).count() == 2


def test_a_value_of_another_run_does_not_go_into_a_partition() -> None:
    run, other = valued(shop_of(1)), valued(shop_of(1))
    writing.open_partition(other)
    row = f"(1, {run.pk}, gen_random_uuid(), 1, 1)"
    columns = "(id, run_id, customer_id, historic_revenue, historic_margin)"

    with pytest.raises(DatabaseError, match="values_of_one_run"):
        run_sql(f"INSERT INTO analytics_customervalue_{other.pk} {columns} VALUES {row}")


class Died(Exception):
    """What ends a process in the middle."""


@pytest.mark.parametrize("step", ["statistics", "reading", "models", "writing", "publishing"])
def test_a_run_that_fails_leaves_nothing_half_and_says_so(step: str) -> None:
    shop = shop_of(3)
    first = valued(shop)
    insights = list(Insight.objects.order_by("pk").values())
    record_orders(shop, [make.order("c0", "5.00", at=NOON)], now=NOON)

    def dies(name: str, _done: int, _of: int) -> None:
        if name == step:
            raise Died

    with pytest.raises(Died):
        compute_value(shop, now=NOON, on_progress=dies)

    failed = list(ValueRun.objects.exclude(pk=first.pk).values_list("status", "code", "details", "has_values"))
    assert failed == ([] if step == "statistics" else [("failed", "error", {"error": "Died"}, False)])
    assert list(Insight.objects.order_by("pk").values()) == insights
    assert set(CustomerValue.objects.values_list("run_id", flat=True)) == {first.pk}
    assert runs.latest_run(shop.pk) == first


def test_the_next_run_cleans_up_after_one_that_died() -> None:
    shop = shop_of(3)
    died = ValueRun.objects.create(
        retailer=shop, status="running", ran_at=NOON, data_cut=NOON.date(), discount_rate=0, currency="EUR"
    )
    writing.open_partition(died)
    ours = next(reading.blocks(shop, NOON.date()), None)
    assert ours is None  # nothing is counted yet
    Insight.objects.bulk_create(
        Insight(customer=each, run_id=died.pk, as_of=NOON, horizon_days=1, currency="EUR", historic_revenue=99)
        for each in shop.customers.all()
    )

    run = valued(shop)

    died.refresh_from_db()
    assert (died.status, died.code, died.has_values) == ("failed", "died", False)
    assert set(Insight.objects.values_list("run_id", "historic_revenue")) == {(run.pk, Decimal(10))}
    names = run_sql("SELECT relname FROM pg_class WHERE relname ~ '^analytics_customervalue_[0-9]+$'")
    assert names == [(f"analytics_customervalue_{run.pk}",)]


def test_insights_are_written_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of(7)
    gone = make.customer(shop, "gone")
    make.customer(make.retailer(), "theirs")
    Insight.objects.create(customer=gone, run_id=1, as_of=NOON, horizon_days=1, currency="EUR", historic_revenue=1)
    monkeypatch.setattr(writing, "RANGE", 3)

    run = valued(shop)

    assert run.card["published"] == {"written": 7, "removed": 1}
    assert Insight.objects.filter(run_id=run.pk).count() == 7


def test_the_last_run_and_the_last_of_each_month_keep_their_values() -> None:
    shop = shop_of(2, NOON - timedelta(days=80))
    done = []
    for back in (70, 69, 40, 39, 5, 4):
        record_orders(shop, [make.order("c0", "1.00", at=NOON - timedelta(days=back))], now=NOON)
        done.append(valued(shop))
    looked_back = compute_value(shop, now=NOON, cut=(NOON - timedelta(days=39)).date())

    kept = list(ValueRun.objects.filter(has_values=True).order_by("pk"))

    assert looked_back is not None
    assert [run.data_cut for run in done] == [date(2026, 4, 6), date(2026, 4, 7), date(2026, 5, 6), date(2026, 5, 7),
                                              date(2026, 6, 10), date(2026, 6, 11)]  # fmt: skip
    assert kept == [done[1], done[3], done[5], looked_back]
    assert set(CustomerValue.objects.values_list("run_id", flat=True)) == {run.pk for run in kept}


def blocks_of(shop: Retailer) -> Iterator[Block]:
    return reading.blocks(shop, NOON.date(), size=2)


def test_a_spool_gives_the_same_blocks_again() -> None:
    shop = shop_of(5)
    valued(shop)

    with reading.Spool(blocks_of(shop)) as spool:
        once, again = list(spool), list(spool)

    assert (spool.customers, [len(block) for block in once]) == (5, [2, 2, 1])
    for one, other in zip(once, again, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.total.tolist() == other.total.tolist() == [10.0] * len(one)
