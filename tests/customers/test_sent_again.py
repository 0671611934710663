"""Refused rows that are mended and sent again are read as the file was in which they stood."""

import io
from decimal import Decimal
from typing import Any

import pytest

from customers.importing.jobs import answer, run_next, upload
from customers.importing.reading import open_source
from customers.importing.table import Said
from customers.importing.writing import write_refused
from customers.models import ImportJob, Order, OrderLine, Retailer
from tests import make
from tests.customers.files import lines_of, run
from tests.make import NOON

pytestmark = pytest.mark.django_db
HEAD = "order_number;occurred_at;sku;quantity;net_amount;customer\n"
AT = "2026-03-01 10:00"


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


def _refused(shop: Retailer, text: str, *, preset: str = "", kind: str = "orders", **said: Any) -> str:
    """Import a file and return the file of its refused rows."""
    report = run(shop, kind, text, preset=preset, **said)
    written = io.StringIO()
    write_refused(written, open_source(io.BytesIO(text.encode())), report)
    return written.getvalue()


def _days(shop: Retailer) -> dict[str, str]:
    return {order.number: str(order.local_date) for order in Order.objects.filter(retailer=shop)}


def test_months_stay_before_days_where_somebody_said_so(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + "A1;13/12/2025;a;1;5;\nA2;11/12/2025;a;x;5;\n", dates="mdy")

    report = run(shop, "orders", refused.replace(";x;", ";1;"))

    assert refused.splitlines()[0].lstrip("\ufeff").startswith("refusal dates=mdy;order_number;")
    assert [line for line, _column, _reason in lines_of(report)] == [2]
    assert _days(shop) == {"A2": "2025-11-12"}


def test_the_file_s_own_order_of_dates_goes_with_its_rows(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + "A1;3/29/2026;a;1;5;\nA2;11/12/2025;a;x;5;\n")

    report = run(shop, "orders", refused.replace(";x;", ";1;"))

    assert lines_of(report) == []
    assert _days(shop) == {"A1": "2026-03-29", "A2": "2025-11-12"}


def test_a_thousand_pieces_stay_a_thousand(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + f"A1;{AT};a;1;12.50;\nA2;{AT};a;1.234;x;\n", decimal="comma")

    report = run(shop, "orders", refused.replace(";x;", ";5;"))

    assert [(line, column) for line, column, _reason in lines_of(report)] == [(2, "net_amount")]
    assert OrderLine.objects.get(order__number="A2").quantity == Decimal(1234)


def test_what_a_file_could_not_tell_is_not_guessed_at_the_second_time(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + f"A1;{AT};a;1;1,50;\nA2;{AT};a;1.234;5,00;\n")

    report = run(shop, "orders", refused)

    assert refused.splitlines()[0].lstrip("\ufeff").startswith("refusal decimal=comma thousands=no;")
    assert [(line, column) for line, column, _reason in lines_of(report)] == [(2, "quantity")]


def test_a_mapping_goes_with_its_rows(shop: Retailer) -> None:
    head = "Name,Created at,Lineitem sku,Lineitem quantity,Lineitem price,Email,Cancelled at\n"
    text = head + "#1,2026-03-01 10:00:00 +0100,a,x,10,a@b.fr,\n#2,2026-03-01 10:00:00 +0100,a,1,10,a@b.fr,2026-03-02\n"
    refused = _refused(shop, text, preset="shopify")

    report = run(shop, "orders", refused.replace(";x;", ";2;"))

    assert (lines_of(report), report.created, report.ignored_columns) == ([], 1, ["cancelled at"])
    assert Order.objects.get(retailer=shop).net_amount == 20


def test_ids_that_were_meant_so_stay_so(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + f"A1;{AT};a;x;5;4.51E+12\n", takes_scientific=True)

    assert lines_of(run(shop, "orders", refused.replace(";x;", ";2;"))) == []


def test_what_somebody_says_now_counts(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + "A1;11/12/2025;a;x;5;\n", dates="mdy")

    run(shop, "orders", refused.replace(";x;", ";2;"), dates="dmy")

    assert _days(shop) == {"A1": "2025-12-11"}


@pytest.mark.parametrize(
    "name", ["refusal dates=xyz decimal=dot mapping=none ids thousands", "REFUSAL", "refusal  =", "Refusal dates"]
)
def test_a_name_that_says_nothing_is_the_column_s_name(shop: Retailer, name: str) -> None:
    report = run(shop, "orders", f"{name};{HEAD}2: bad;A1;{AT};'=a;1;5;\n")

    assert (lines_of(report), report.ignored_columns) == ([], [])
    assert OrderLine.objects.get().sku == "=a"


def test_rows_that_are_refused_twice_keep_how_they_are_read(shop: Retailer) -> None:
    once = _refused(shop, HEAD + "A1;11/12/2025;a;x;5;\n", dates="mdy")
    twice = _refused(shop, once)

    run(shop, "orders", twice.replace(";x;", ";1;"))

    assert _days(shop) == {"A1": "2025-11-12"}


def test_an_upload_shows_how_it_is_read_and_runs_so(shop: Retailer) -> None:
    refused = _refused(shop, HEAD + "A1;11/12/2025;a;x;5;\n", dates="mdy").replace(";x;", ";1;")

    job = upload(shop, "orders", "refused.csv", refused.encode(), now=NOON)
    answer(job, Said(dates="mdy"), now=NOON)
    ImportJob.objects.update(status=ImportJob.Status.WAITING)
    run_next(shop, now=NOON)

    assert job.said["dates"] == "mdy"
    assert _days(shop) == {"A1": "2025-11-12"}
