"""What a file cannot say surely is refused with its line, and never read wrongly; what other programs write is read."""

import codecs
import io

import pytest

from customers.core.errors import DomainError
from customers.importing.encodings import UnreadableFile
from customers.importing.reading import TwoColumnsOfOneName, open_source
from customers.importing.running import run_import
from customers.models import Customer, Order, OrderLine
from tests import make
from tests.customers.files import HEAD, lines_of, order_rows, run
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "header",
    [
        "order_number,customer,occurred_at,sku,quantity,net_amount,net_amount",
        "order_number,customer,occurred_at,sku,quantity,net_amount,NET_AMOUNT",
        'order_number,customer,occurred_at,sku,quantity,net_amount," net_amount "',
    ],
)
def test_two_columns_of_one_name_are_refused(header: str) -> None:
    shop = make.retailer()

    with pytest.raises(TwoColumnsOfOneName, match=r"Line 1 .* net_amount"):
        run(shop, "orders", f"{header}\nk,a,2026-03-01,x,1,5,10\n")

    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("k,a,1,5,10", 5),
        ("k,a,2026-03-01,x,1,5,10", 7),
        ("k", 1),
        ("k,a,2026-03-01,x,1,5,", 7),
        ("k,ada,2026-03-01,x,1,5,00", 7),
    ],
)
def test_a_row_with_other_cells_than_columns_is_refused_alone(row: str, cells: int) -> None:
    shop = make.retailer()

    report = run(shop, "orders", f"{HEAD}{row}\n" + order_rows("A2"))

    assert lines_of(report) == [(2, "", f"The row has {cells} cells under 6 columns.")]
    assert list(Order.objects.values_list("number", flat=True)) == ["A2"]


def test_an_order_that_may_miss_a_row_is_not_taken() -> None:
    shop = make.retailer()
    text = HEAD + order_rows("A1") + "A1,ada,2026-03-01,bread,1,5,00\n" + order_rows("A2")

    report = run(shop, "orders", text)

    assert lines_of(report) == [
        (2, "order_number", "Line 3, which cannot be read, may belong to it."),
        (3, "", "The row has 7 cells under 6 columns."),
    ]
    assert list(report.refused) == [3, 2]
    assert list(Order.objects.values_list("number", flat=True)) == ["A2"]


def test_a_customer_beside_a_row_that_cannot_be_read_is_taken() -> None:
    shop = make.retailer()

    report = run(shop, "customers", "external_id,first_name\nada,Ada\nada\n")

    assert (report.created, list(report.refused)) == (1, [3])


@pytest.mark.parametrize(
    "header",
    [
        '"order, number",order_number,customer,occurred_at,sku,quantity,net_amount',
        '"a;b","order_number";"customer";"occurred_at";"sku";"quantity";"net_amount"'.replace('","', '";"'),
        '"two\nlines",order_number,customer,occurred_at,sku,quantity,net_amount',
        '"said ""so""",order_number,customer,occurred_at,sku,quantity,net_amount',
    ],
)
def test_a_header_is_read_as_rows_are(header: str) -> None:
    shop = make.retailer()
    sign = ";" if '";"' in header else ","
    row = sign.join(["?", "A1", "ada", "2026-03-01", "milk", "2", "3.00"])

    report = run(shop, "orders", f"{header}\n{row}\n")

    line = OrderLine.objects.get()
    assert (report.problems, line.sku, line.quantity, line.net_amount) == ([], "milk", 2, 3)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('A1,ada,2026-03-01,"milk,1,2.00', "The quotes of this row are not balanced."),
        ('A1,ada,2026-03-01,"milk"x,1,2.00', "The quotes of this row are not balanced."),
        (
            f"A1,ada,2026-03-01,{'x' * 131_073},1,2.00",
            "A cell is longer than 131,072 characters, or a quote is not closed.",
        ),
    ],
)
def test_a_row_that_is_no_row_is_refused_and_the_rows_behind_it_are_read(row: str, reason: str) -> None:
    shop = make.retailer()

    report = run(shop, "orders", f"{HEAD}{row}\n" + "".join(order_rows(f"B{place}") for place in range(5)))

    assert lines_of(report) == [(2, "", reason)]
    assert (report.created, report.rows) == (5, 6)


def test_two_quotes_that_nobody_closed_do_not_become_one_cell() -> None:
    shop = make.retailer()
    text = HEAD + 'A1,ada,2026-03-01,"x,1,2.00\nA2,bob,2026-03-01,y",1,2.00\n' + order_rows("A3")

    report = run(shop, "orders", text)

    assert lines_of(report) == [(2, "", "The quotes of this row are not balanced.")]
    assert list(Order.objects.order_by("number").values_list("number", flat=True)) == ["A2", "A3"]


CUSTOMERS = "external_id;first_name\nada;Zoé\n"


@pytest.mark.parametrize(
    "content",
    [
        CUSTOMERS.encode(),
        codecs.BOM_UTF8 + CUSTOMERS.encode(),
        CUSTOMERS.encode("cp1252"),
        CUSTOMERS.encode("utf-16"),
        codecs.BOM_UTF16_BE + CUSTOMERS.encode("utf-16-be"),
        b"sep=;\r\n" + CUSTOMERS.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF8 + b'"sep=;"\n' + CUSTOMERS.encode(),
        ("sep=\t\n" + CUSTOMERS.replace(";", "\t")).encode("utf-16"),
        CUSTOMERS.replace("\n", "\r").encode(),
        b"\n\n" + CUSTOMERS.encode(),
    ],
)
def test_what_programs_write_is_read(content: bytes) -> None:
    shop = make.retailer()

    report = run(shop, "customers", content)

    assert report.problems == []
    assert Customer.objects.get(retailer=shop, external_id="ada").first_name == "Zoé"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"PK\x03\x04\x14\x00\x06\x00", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no text"),
        (b"external_id,first\x00name\nada,Ada\n", "is no text"),
        ("external_id,first_name\nada,Ada\n".encode("utf-16-le"), "is no text"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x00", "is no text"),
        (bytes(range(256)), "is no text"),
        (b'external_id,"first_name\nada,Ada\n', "balanced quotes"),
        (b"x" * 200_000 + b"\nada\n", "first line of the file must name the columns"),
        (b",,,\n1,2,3,4\n", "These columns are missing: external_id. The file has: 1, 2, 3, 4."),
        (
            "external_id,first_name\nada,Zoé\nbob,Léa\n".encode() + "cyd,Noé\n".encode("cp1252"),
            "Line 4 is not in UTF-8",
        ),
        (
            "external_id,first_name\nada,Zoé\nbob,Léa à Évreux\n".encode("cp1252") + "cyd,Noé\n".encode(),
            "Line 2 is not in UTF-8",
        ),
        (b"external_id,first_name\nada,Ada\nbob,\x81\x8d\n", "Line 3 is neither in UTF-8"),
    ],
)
def test_what_is_no_csv_file_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(DomainError, match=says):
        run(make.retailer(), "customers", content)


def test_a_file_without_rows_takes_nothing() -> None:
    assert run(make.retailer(), "customers", "external_id\n").rows == 0


def test_lines_count_from_the_header_whatever_stands_between() -> None:
    shop = make.retailer()
    text = "sep=,\n" + HEAD + "\n\n" + order_rows("A1") + "A2,ada,soon,x,1,1\n"

    report = run(shop, "orders", text)

    assert [problem.line for problem in report.problems] == [6]


def test_columns_are_divided_by_the_sign_that_divides_the_header() -> None:
    found = [
        open_source(io.BytesIO(text)).columns for text in (b"a|b\n", b"a\tb,c\td\n", b'a;"b, c, d, e";f\n', b"a\n")
    ]

    assert found == [["a", "b"], ["a", "b,c", "d"], ["a", "b, c, d, e", "f"], ["a"]]


def test_a_reader_that_was_left_can_begin_again() -> None:
    source = open_source(io.BytesIO(b"a,b\n1,2\n3,4\n"))
    next(source.rows())

    assert [row.cells for row in source.rows()] == [["1", "2"], ["3", "4"]]


def test_an_empty_file_is_an_unreadable_file() -> None:
    with pytest.raises(UnreadableFile):
        run_import(make.retailer(), "orders", io.BytesIO(b""), now=NOON)
