"""`manage.py value` for all retailers: what one's data refuse does not keep the others from their values."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from analytics.models import ValueRun
from customers.recording import record_orders
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def test_the_others_are_valued_where_one_is_refused() -> None:
    late, early, shut = (make.retailer(slug=slug, name=slug) for slug in ("a-late", "b-early", "c-shut"))
    record_orders(late, [make.order("ada", "10.00", at=datetime(2026, 5, 1, 12, tzinfo=UTC))], now=NOON)
    record_orders(early, [make.order("ada", "10.00", at=datetime(2026, 4, 1, 12, tzinfo=UTC))], now=NOON)
    record_orders(shut, [make.order("ada", "10.00", at=datetime(2026, 3, 1, 12, tzinfo=UTC))], now=NOON)
    out = StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("value", "--cut", "2026-04-01", stdout=out)

    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == ["a-late", "c-shut"]
    assert list(ValueRun.objects.values_list("retailer__slug", flat=True)) == ["b-early"]
    assert "b-early" in out.getvalue()
