"""Whatever stands in a cell, the file goes on: each of its orders is recorded, known, or a bad row."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.importing.running import run_import
from customers.importing.table import Said
from customers.models import Order
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
SAID = Said(dates="dmy", decimal="point")
COLUMNS = ("order_number", "occurred_at", "sku", "quantity", "net_amount", "unit_price", "discount", "unit_cost",
           "shipping_amount", "customer", "currency", "store")  # fmt: skip
NUMBERS = ["", "0", "-0", "1", "-1", "0.001", "1.005", "1e-20", "1e20", "1e9999999", "1E+2", "NaN", "sNaN", "Infinity",
           "10000000000", "999999999999.99", "1000000000000", "0,5", "٣", "1_000"]  # fmt: skip
RIGHT = {"occurred_at": "2026-06-15T12:00:00Z", "sku": "x", "quantity": "2", "net_amount": "3.00", "customer": "ada"}
TEXTS = ["", "a\x00b", "x" * 101, "é" * 100, "2199-12-31", "0001-01-01", "9999-12-31T23:59:59Z", "EUR", "eur", "XXX"]


@st.composite
def rows(draw: st.DrawFn) -> dict[str, str]:
    row = {"order_number": draw(st.sampled_from(["A1", "A2", "A3", "A4"]))} | RIGHT
    nasty = draw(st.lists(st.sampled_from(COLUMNS), max_size=3))
    return row | {column: draw(st.sampled_from(NUMBERS + TEXTS)) for column in nasty}


@given(given_rows=st.lists(rows(), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_goes_on_whatever_stands_in_its_cells(given_rows: list[dict[str, str]]) -> None:
    shop = make.retailer()
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows([*given_rows, {"order_number": "last"} | RIGHT])

    report = run_import(shop, "orders", io.BytesIO(text.getvalue().encode()), now=NOON, said=SAID)

    assert report.created == Order.objects.filter(retailer=shop).count()
    assert Order.objects.filter(retailer=shop, number="last").exists()
    assert run_import(shop, "orders", io.BytesIO(text.getvalue().encode()), now=NOON, said=SAID).created == 0
