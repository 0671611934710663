"""Value runs beside whoever reads or changes what they are of."""

import pytest

from analytics.models import CustomerValue, ValueRun
from customers.core import bulk
from tests.analytics.test_runs import another_session
from tests.analytics.test_writing import shop_of, valued

pytestmark = pytest.mark.usefixtures("committed_db")


def test_values_that_somebody_reads_while_a_run_ends_are_dropped_by_a_later_run() -> None:
    shop = shop_of(2)
    first = valued(shop)
    bulk.execute("SET lock_timeout = '50ms'")

    with another_session() as reader:
        reader.execute(f"LOCK TABLE analytics_customervalue_{first.pk} IN ACCESS SHARE MODE")
        second = valued(shop)
    statuses = dict(ValueRun.objects.values_list("status", "has_values"))
    read_then = set(CustomerValue.objects.values_list("run_id", flat=True))
    third = valued(shop)

    assert (statuses, read_then) == ({"refused": True}, {first.pk, second.pk})
    assert set(CustomerValue.objects.values_list("run_id", flat=True)) == {third.pk}
