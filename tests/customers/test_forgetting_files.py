"""Files and their refused rows lose the rows of a person who is erased, whatever their columns are called."""

import pytest

from customers.importing.forgetting import forget_rows
from customers.importing.jobs import upload
from customers.importing.table import Said
from customers.models import ImportJob, Retailer
from tests import make
from tests.customers.test_other_systems import sample
from tests.make import NOON

pytestmark = pytest.mark.django_db
ADA = {"external_id": {"ada-7"}, "customer": {"ada-7"}, "email": {"ada@example.org"}, "phone": {"+33 1"}}


def forgotten(shop: Retailer, content: bytes, *, kind: str = "orders", preset: str = "", **said: object) -> ImportJob:
    upload(shop, kind, "f.csv", content, now=NOON, said=Said(**said), preset=preset)  # type: ignore[arg-type] # by name
    forget_rows(shop, ADA)
    return ImportJob.objects.get()


def test_an_address_is_found_in_any_column_of_an_export() -> None:
    job = forgotten(make.retailer(), sample("shopify"), preset="shopify")

    assert b"ada@example.org" not in bytes(job.content)
    assert [line[:5] for line in bytes(job.content).decode().splitlines()] == ["Name,", "#1002", "Pleas", "#1003"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_columns_with_other_names_and_encodings(encoding: str) -> None:
    text = "N°;Acheteur;Date;Réf;Qté;Montant\r\nA1;ADA-7;13/03/2026;x;1;2,50\r\nA2;zoé;13/03/2026;x;1;2,50\r\n"
    columns = {"N°": "order_number", "Acheteur": "customer", "Date": "occurred_at", "Réf": "sku", "Qté": "quantity",
               "Montant": "net_amount"}  # fmt: skip

    job = forgotten(make.retailer(), text.encode(encoding), columns=columns)

    assert bytes(job.content).decode(encoding) == text.replace("A1;ADA-7;13/03/2026;x;1;2,50\r\n", "")


def test_refused_rows_and_rows_that_nobody_can_read_go_too() -> None:
    text = 'external_id,phone,email\nada-7,+33 1,nobody\nbob,1,nobody\n"ada@example.org"x,1,2\nada-7,1\ncyd,1\n'

    job = forgotten(make.retailer(), text.encode(), kind="customers")

    assert bytes(job.content).decode() == "external_id,phone,email\nbob,1,nobody\ncyd,1\n"
    refused = bytes(job.refused_rows or b"").decode("utf-8-sig")
    assert [line.split(";")[1] for line in refused.splitlines()] == ["external_id", "bob", "cyd"]


def test_a_file_without_the_person_stays_as_it_is() -> None:
    content = b"sep=,\nexternal_id\nbob\n"

    job = forgotten(make.retailer(), content, kind="customers")

    assert bytes(job.content) == content


@pytest.mark.parametrize(
    "row",
    ["x1,+33600000007,", "x1,0033 6 00.00.00.07,", "x1,(+33) 6 00 00 00 07,", "x1,,Ada@Example.org called", "ada-7,,"],
)
def test_an_address_is_found_however_it_is_written_and_among_other_words(row: str) -> None:
    shop = make.retailer()
    content = f"external_id,phone,note\nbob,+33600000008,bada@example.org\n{row}\ncyd,7,\n"
    job = upload(shop, "customers", "f.csv", content.encode(), now=NOON)

    forget_rows(shop, ADA | {"phone": {"+33 6 00 00 00 07"}})

    job.refresh_from_db()
    assert bytes(job.content).decode() == "external_id,phone,note\nbob,+33600000008,bada@example.org\ncyd,7,\n"


def test_a_file_whose_columns_nobody_has_named_yet_loses_the_rows_as_well() -> None:
    text = (
        "N° commande;Date;Code client;Référence;Qté;Montant\nA1;29/03/2026;ada-7;s;1;5,00\nA2;29/03/2026;bob;s;1;5,00\n"
    )

    job = forgotten(make.retailer(), text.encode())

    assert job.status == ImportJob.Status.ASKED
    assert bytes(job.content).decode() == text.replace("A1;29/03/2026;ada-7;s;1;5,00\n", "")


@pytest.mark.parametrize(
    "row", ["x,06 00 00 00 07,", "x,0600000007,", "x,+33 (0)6 00 00 00 07,", "x,600000007,", "x,,0033600000007"]
)
def test_a_line_with_their_number_goes_however_it_is_written_there(row: str) -> None:
    shop = make.retailer(zone="Europe/Paris")
    kept = "external_id,phone,note\nbob,06 00 00 00 08,\ncyd,+49600000007,\ndan,00000007,\n"
    upload(shop, "customers", "f.csv", f"{kept}{row}\n".encode(), now=NOON)

    forget_rows(shop, ADA | {"phone": {"+33600000007"}})

    job = ImportJob.objects.get()
    assert bytes(job.content).decode() == kept
