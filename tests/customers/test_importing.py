import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from customers.core import bulk
from customers.importing.encodings import UnreadableFile
from customers.importing.jobs import confirm, run_next, upload
from customers.importing.mapping import MissingColumns
from customers.importing.report import Report
from customers.importing.running import ANALYSE, preview_import, run_import
from customers.models import Customer, ImportJob, Interaction, Order, Return
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db

ORDERS = """order_number,customer,occurred_at,sku,quantity,net_amount,category
A1,ada,2026-03-01T10:00:00+01:00,milk,2,3.00,DAIRY
A1,ada,2026-03-01T10:00:00+01:00,bread,1,2.50,BAKERY
A2,bob,2026-03-02T10:00:00+01:00,milk,1,1.50,DAIRY
"""


def run(shop: object, kind: str, text: str | bytes, *, preview: bool = False) -> Report:
    content = text.encode() if isinstance(text, str) else text
    function = preview_import if preview else run_import
    return function(shop, kind, io.BytesIO(content), now=NOON)  # type: ignore[arg-type]


def test_orders_come_in_with_their_lines() -> None:
    shop = make.retailer()

    report = run(shop, "orders", ORDERS)

    assert (report.rows, report.created, report.unchanged, report.problems) == (3, 2, 0, [])
    assert dict(Order.objects.filter(retailer=shop).values_list("number", "net_amount")) == {
        "A1": Decimal("5.50"),
        "A2": Decimal("1.50"),
    }


def test_the_same_file_twice_changes_nothing() -> None:
    shop = make.retailer()
    run(shop, "orders", ORDERS)

    report = run(shop, "orders", ORDERS)

    assert (report.created, report.unchanged) == (0, 2)
    assert Order.objects.filter(retailer=shop).count() == 2


def test_a_preview_says_the_same_and_leaves_no_trace() -> None:
    shop = make.retailer()

    preview = run(shop, "orders", ORDERS, preview=True)

    assert (preview.created, Order.objects.filter(retailer=shop).count()) == (2, 0)
    assert run(shop, "orders", ORDERS).created == preview.created


def test_what_a_french_excel_writes_is_understood() -> None:
    shop = make.retailer(zone="Europe/Paris")
    text = (
        "order_number;customer;occurred_at;sku;quantity;net_amount;category\r\n"
        "A1;zoé;13/06/2026 10:30;café;2;1 234,50;Épicerie\r\n"
    )

    report = run(shop, "orders", text.encode("cp1252"))

    stored = Order.objects.get(retailer=shop)
    assert report.problems == []
    assert stored.net_amount == Decimal("1234.50")
    assert stored.occurred_at == datetime(2026, 6, 13, 8, 30, tzinfo=UTC)
    assert stored.customer is not None
    assert stored.customer.external_id == "zoé"
    assert stored.lines.get().category == "Épicerie"


def test_every_bad_row_is_named_with_line_column_and_reason_and_good_orders_are_kept() -> None:
    shop = make.retailer()
    text = ORDERS + (
        "A3,ada,yesterday,milk,1,1.00,\n"
        "A4,ada,2026-03-03T10:00:00Z,milk,one,1.00,\n"
        "A4,ada,2026-03-03T10:00:00Z,,1,1.00,\n"
        "A5,ada,2026-03-03T10:00:00Z,milk,-1,1.00,\n"
        "A6,ada,2026-03-03T10:00:00Z,milk,1,1.00,\n"
        "A2,ada,2026-03-03T10:00:00Z,milk,1,9.00,\n"
    )

    report = run(shop, "orders", text)

    assert [(problem.line, problem.column) for problem in report.problems] == [
        (5, "occurred_at"),
        (6, "quantity"),
        (7, "sku"),
        (8, "quantity"),
        (10, "occurred_at"),
        (10, "customer"),
    ]
    assert report.problems[1].reason == "“one” is no number."
    assert sorted(report.refused) == [4, 5, 6, 7, 8, 10]
    assert set(Order.objects.filter(retailer=shop).values_list("number", flat=True)) == {"A1", "A6"}


def test_an_order_that_is_recorded_with_other_content_is_a_bad_row() -> None:
    shop = make.retailer()
    run(shop, "orders", ORDERS)

    report = run(shop, "orders", ORDERS.replace("2.50", "2.60"))

    assert [(problem.line, problem.column) for problem in report.problems] == [(2, "order_number")]
    assert "already recorded with other content" in report.problems[0].reason
    assert (report.unchanged, list(report.refused)) == (1, [2, 3])


def test_customers_returns_and_interactions_come_in() -> None:
    shop = make.retailer()
    customers = "external_id,email,first_name,birth_date\nada,ada@example.org,Ada,1985-12-10\nbob,nobody,Bob,\n"

    report = run(shop, "customers", customers)
    run(shop, "orders", ORDERS)
    returned = run(shop, "returns", "return_number,order_number,occurred_at,sku,quantity\nR1,A1,2026-03-05,milk,1\n")
    interacted = run(
        shop, "interactions", "number,customer,kind,occurred_at,score\nI1,ada,nps,2026-03-05T10:00:00Z,9\n"
    )

    assert [(problem.line, problem.column) for problem in report.problems] == [(3, "email")]
    assert Customer.objects.get(retailer=shop, external_id="ada").birth_date == date(1985, 12, 10)
    assert (returned.created, Return.objects.get(retailer=shop).net_amount) == (1, Decimal("1.50"))
    assert (interacted.created, Interaction.objects.get(retailer=shop).score) == (1, 9)


def test_customers_again_change_only_what_is_said() -> None:
    shop = make.retailer()
    run(shop, "customers", "external_id,email,first_name\nada,ada@example.org,Ada\n")

    again = run(shop, "customers", "external_id,email,first_name\nada,ada@example.org,Ada\n")
    changed = run(shop, "customers", "external_id,last_name\nada,Lovelace\n")

    ada = Customer.objects.get(retailer=shop, external_id="ada")
    assert (again.created, again.unchanged, changed.created) == (0, 1, 1)
    assert (ada.first_name, ada.last_name, ada.email) == ("Ada", "Lovelace", "ada@example.org")


def test_a_file_without_the_columns_says_which() -> None:
    with pytest.raises(MissingColumns) as refused:
        run(make.retailer(), "orders", "number,date\n1,2\n")

    assert str(refused.value).startswith(
        "These columns are missing: net_amount or unit_price, occurred_at, order_number, quantity, sku."
    )


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        run(make.retailer(), "orders", "")


def test_the_command_names_the_retailers_that_there_are() -> None:
    make.retailer(slug="corner-shop")

    with pytest.raises(CommandError, match="corner-shop"):
        call_command("import_csv", "nobody", "orders", __file__)


def test_an_upload_is_previewed_confirmed_and_run_once() -> None:
    shop = make.retailer()

    job = upload(shop, "orders", "orders.csv", ORDERS.encode(), now=NOON)
    assert (job.status, job.created, Order.objects.filter(retailer=shop).count()) == ("previewed", 2, 0)
    assert run_next(now=NOON) is False
    confirm(job)
    ran = [run_next(now=NOON), run_next(now=NOON)]

    job.refresh_from_db()
    assert ran == [True, False]
    assert (job.status, job.created) == (ImportJob.Status.DONE, 2)
    assert Order.objects.filter(retailer=shop).count() == 2


def test_an_upload_whose_worker_died_is_taken_up_again() -> None:
    from datetime import timedelta

    shop = make.retailer()
    job = upload(shop, "orders", "orders.csv", ORDERS.encode(), now=NOON)
    ImportJob.objects.filter(pk=job.pk).update(status="running", touched_at=NOON - timedelta(minutes=6))

    ran = run_next(now=NOON)

    job.refresh_from_db()
    assert (ran, job.status) == (True, "done")


def test_the_planner_learns_of_what_came_though_the_application_owns_no_table() -> None:
    """After a large file; what the application's role may not do is only told in a warning."""
    run(make.retailer(), "orders", ORDERS)
    assert bulk.fetch("SELECT current_user")[0] == ("loyalty_app",)

    bulk.fetch(ANALYSE)

    known = "SELECT relname, reltuples FROM pg_class WHERE relname = ANY(%s)"
    tables = ["customers_customer", "customers_order", "customers_orderline"]
    assert dict(bulk.fetch(known, [tables])) == dict(zip(tables, (2, 2, 3), strict=True))
