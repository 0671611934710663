"""Files in the admin: asked for what they do not say, previewed, started, watched, cancelled, and sent again."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.importing import running
from customers.importing.formats import FORMATS
from customers.importing.jobs import cancel, confirm, run_next, upload
from customers.models import ImportJob, ImportMapping, Order, Retailer
from tests import make
from tests.customers.files import HEAD, order_rows
from tests.customers.test_other_systems import sample
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("sue"))
    return client


def bring(
    staff: Client, content: bytes | str, *, shop: Retailer | None = None, kind: str = "orders", **said: Any
) -> str:
    """Upload a file and return the page to which that leads."""
    file = SimpleUploadedFile("orders.csv", content.encode() if isinstance(content, str) else content)
    given = {"retailer": (shop or make.retailer()).pk, "kind": kind, "file": file} | said
    return page_of(staff.post(reverse("admin:customers_importjob_add"), given, follow=True))


def send(staff: Client, name: str, **given: Any) -> str:
    """Press a button of the only file's page."""
    return page_of(staff.post(address(name), given, follow=True))


def address(name: str) -> str:
    return reverse(f"admin:customers_importjob_{name}", args=[ImportJob.objects.get().pk])


def page_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        (bytes(range(256)), "is no text"),
        (b"order_number,sku\x00\n1,2\n", "is no text"),
        (b'order_number,"sku\n1,2\n', "balanced quotes"),
        (b"order_number,sku,sku\n1,2,3\n", "names these columns twice: sku"),
        (b"order_number," + b"x" * 140_000 + b"\n", "must name the columns"),
        ("é;a\n1;2\n".encode() + "é;a".encode("cp1252"), "is not in UTF-8"),
        (b" \n", "is empty"),
    ],
)
def test_what_cannot_be_read_is_answered_in_words(staff: Client, content: bytes, says: str) -> None:
    page = bring(staff, content)

    assert says in page
    assert "Import these rows" not in page


def test_a_file_that_does_not_decide_is_asked_for_and_keeps_its_answer(staff: Client) -> None:
    page = bring(staff, HEAD + order_rows("A1", at="1/2/2026"))
    assert "“1/2/2026” in line 2 can be two days" in page
    assert (ImportJob.objects.get().status, Order.objects.count()) == ("asked", 0)

    page = send(staff, "answer", dates="mdy")

    assert "1/2/2026 = 2 January 2026" in page
    assert "Import these rows" in page
    send(staff, "start_import")
    run_next(now=NOON)
    assert str(Order.objects.get().local_date) == "2026-01-02"


def test_columns_are_suggested_said_and_remembered(staff: Client) -> None:
    shop = make.retailer()
    content = "Commande;Date de vente;Code article;Nombre;Total ligne;Zut\nA1;13/03/2026;milk;2;3,50;x\n"

    page = bring(staff, content, shop=shop)
    assert page.count("suggested") == 5
    columns = {
        f"column-{n}": name
        for n, name in enumerate(["order_number", "occurred_at", "sku", "quantity", "net_amount", ""])
    }
    page = send(staff, "answer", **columns)

    assert "Columns that nobody reads: zut." in page
    assert ImportMapping.objects.get(retailer=shop).columns == {
        "Commande": "order_number", "Date de vente": "occurred_at", "Code article": "sku", "Nombre": "quantity",
        "Total ligne": "net_amount",
    }  # fmt: skip
    ImportJob.objects.all().delete()
    assert "Import these rows" in bring(staff, content.replace("A1", "A2"), shop=shop)


def test_an_export_of_another_system_is_recognised(staff: Client) -> None:
    page = bring(staff, sample("shopify"))
    assert '<option value="shopify" selected>' in page

    page = send(staff, "answer", preset="shopify")

    assert "1 row is left out: the order was cancelled." in page
    assert (ImportJob.objects.get().created, ImportMapping.objects.count()) == (2, 0)


def test_a_changed_mapping_counts_and_not_what_was_shown_under_another(staff: Client) -> None:
    bring(staff, sample("uci"), preset="shopify")

    page = send(staff, "answer", shown="shopify", preset="uci", **{"column-0": "", "column-1": "store"})

    assert "Import these rows" in page
    assert ImportJob.objects.get().said["columns"] == {}


def test_what_nobody_offers_is_not_taken_for_an_answer(staff: Client) -> None:
    bring(staff, HEAD + order_rows("A1", at="1/2/2026"))

    page = send(
        staff, "answer", dates="later", decimal="dot", preset="magento", **{"column-1": "colour", "column-x": "sku"}
    )

    assert "There is no mapping magento" in page
    assert ImportJob.objects.get().status == "asked"


def test_a_previewed_file_is_started_by_a_post_alone(staff: Client) -> None:
    bring(staff, HEAD + order_rows("A1"))

    assert staff.get(address("start_import")).status_code == 405
    assert ImportJob.objects.get().status == "previewed"
    answer = staff.post(address("start_import"), follow=True)

    assert ImportJob.objects.get().status == "waiting"
    assert answer["Refresh"] == "3"


def test_progress_is_shown_and_an_import_is_cancelled_between_batches(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(staff, HEAD + "".join(order_rows(f"A{place}") for place in range(6)))
    send(staff, "start_import")
    record = FORMATS["orders"].record
    pages: list[str] = []

    def recorded(*args: Any) -> Any:
        pages.append(page_of(staff.get(address("change"))))
        if len(pages) == 3:
            send(staff, "cancel_import")
        return record(*args)

    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(FORMATS["orders"], "record", recorded)
    run_next(now=NOON)

    job = ImportJob.objects.get()
    assert "4 of 6 rows" in pages[2]
    assert (job.status, job.rows_read, job.created, Order.objects.count()) == ("cancelled", 6, 6, 6)
    assert "Import these rows" not in page_of(staff.get(address("change")))


def test_a_cancelled_file_does_not_run() -> None:
    job = upload(make.retailer(), "orders", "o.csv", (HEAD + order_rows("A1")).encode(), now=NOON)
    confirm(job)
    cancel(job)

    assert (run_next(now=NOON), Order.objects.count()) == (False, 0)
    confirm(job)
    cancel(ImportJob.objects.get())
    assert ImportJob.objects.get().status == "cancelled"


def test_refused_rows_are_downloaded_mended_and_uploaded_again(staff: Client) -> None:
    shop = make.retailer()
    bring(staff, HEAD + order_rows("A1") + "A2,ada,soon,=2+3,1,1\n", shop=shop)

    content = staff.get(address("download_problems")).content.decode("utf-8-sig")
    assert content.splitlines() == [
        "refusal decimal=point thousands=no;order_number;customer;occurred_at;sku;quantity;net_amount",
        "3: occurred_at: “soon” is no date and time such as 2026-03-29T18:30:00+02:00.;A2;ada;soon;'=2+3;1;1",
    ]
    ImportJob.objects.all().delete()
    bring(staff, content.replace(";soon;", ";2026-03-02;"), shop=shop)
    send(staff, "start_import")
    run_next(now=NOON)

    assert Order.objects.get().lines.get().sku == "=2+3"


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_templates_are_downloaded(staff: Client, kind: str) -> None:
    found = staff.get(reverse("admin:customers_importjob_template", args=[kind]))

    assert found["Content-Disposition"] == f'attachment; filename="{kind}.csv"'
    assert FORMATS[kind].key in found.content.decode().splitlines()[0]
    assert reverse("admin:customers_importjob_template", args=[kind]) in page_of(
        staff.get(reverse("admin:customers_importjob_add"))
    )


def test_a_page_of_one_problem_or_of_thirty_asks_the_database_the_same(staff: Client) -> None:
    counts = []
    for rows in (1, 30):
        ImportJob.objects.all().delete()
        bring(staff, HEAD + "".join(f"A{n},ada,soon,x,1,1\n" for n in range(rows)))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            staff.get(address("change"))
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_pages_are_in_french(staff: Client) -> None:
    staff.cookies["django_language"] = "fr"

    assert bring(staff, HEAD + order_rows("A1", at="1/2/2026"))
