"""A quote that nobody closed where it should be swallows no row: a file is read line by line around it."""

import pytest

from customers.importing.encodings import UnreadableFile
from customers.models import Order, Retailer
from tests import make
from tests.customers.files import lines_of, run

pytestmark = pytest.mark.django_db

HEAD = "order_number,occurred_at,sku,quantity,net_amount\n"
NAMED = "order_number,occurred_at,sku,name,quantity,net_amount\n"
AT = "2026-03-01T10:00:00Z"
UNBALANCED = "The quotes of this row are not balanced."


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


def _amounts(shop: Retailer) -> dict[str, list[str]]:
    orders = Order.objects.filter(retailer=shop).order_by("number")
    return {order.number: [str(line.net_amount) for line in order.lines.order_by("position")] for order in orders}


def test_an_inch_that_another_row_closes_swallows_no_order(shop: Retailer) -> None:
    text = NAMED + f'A1,{AT},s1,"TV 42,1,500\nA2,{AT},s2,cable,1,5\nA3,{AT},s3,screen 24",1,100\n'

    report = run(shop, "orders", text)

    assert lines_of(report) == [(2, "", UNBALANCED)]
    assert _amounts(shop) == {"A2": ["5.00"], "A3": ["100.00"]}


def test_an_inch_in_a_column_that_is_read_takes_no_line_of_another_order(shop: Retailer) -> None:
    rows = f'A1,{AT},"TV 42,1,500\nA2,{AT},cable,1,5\nA2,{AT},screen 24",1,100\nA2,{AT},mouse,1,10\n'

    report = run(shop, "orders", HEAD + rows)

    assert lines_of(report) == [(2, "", UNBALANCED)]
    assert _amounts(shop) == {"A2": ["5.00", "100.00", "10.00"]}


def test_rows_that_close_each_other_s_quotes_to_another_count_of_cells_are_read_alone(shop: Retailer) -> None:
    rows = f'A1,{AT},s1,"TV 42,1\nA2,{AT},s2,cable,1,5\nA3,{AT},s3,3,"screen 24",1,100\nA2,{AT},s4,mouse,1,10\n'

    report = run(shop, "orders", NAMED + rows)

    assert [line for line, _column, _reason in lines_of(report)] == [2, 4]
    assert _amounts(shop) == {"A2": ["5.00", "10.00"]}


def test_a_quoted_row_within_is_a_row_too(shop: Retailer) -> None:
    rows = f'A1,{AT},s1,"TV 42,1,500\n"A2",{AT},s2,"cable, red",1,5\n'

    report = run(shop, "orders", NAMED + rows)

    assert lines_of(report) == [(2, "", UNBALANCED)]
    assert _amounts(shop) == {"A2": ["5.00"]}


@pytest.mark.parametrize(
    "note", ["Please,\nring twice", "one\n\nthree", 'say ""hello""\nand, go', "\r\nbelow", "a\nb\nc\nd"]
)
@pytest.mark.parametrize("place", ["within", "last"])
def test_a_note_of_several_lines_that_nobody_reads_is_left_alone(shop: Retailer, note: str, place: str) -> None:
    header, row = (NAMED, f'A1,{AT},s1,"{note}",1,5') if place == "within" else (
        "order_number,occurred_at,sku,quantity,net_amount,note\n", f'A1,{AT},s1,1,5,"{note}"')  # fmt: skip

    report = run(shop, "orders", f"{header}{row}\nA2,{AT},{'s2,,1,7' if place == 'within' else 's2,1,7,'}\n")

    assert lines_of(report) == []
    assert _amounts(shop) == {"A1": ["5.00"], "A2": ["7.00"]}


def test_quotes_that_never_end_do_not_let_a_file_be_read_once_for_each_of_its_lines(shop: Retailer) -> None:
    # Each line opens a cell, and none closes one: a row goes on to the end of the file, and so does the one behind it.
    text = HEAD + 'a","x""\n' * 3_000

    with pytest.raises(UnreadableFile) as refused:
        run(shop, "orders", text)

    assert (refused.value.code, refused.value.facts["why"]) == ("unreadable_file", "quotes")
    assert not Order.objects.exists()


def test_some_quotes_that_never_end_are_told_row_by_row(shop: Retailer) -> None:
    text = HEAD + 'a","x""\n' * 30 + f"A2,{AT},s2,1,5\n"

    report = run(shop, "orders", text)

    assert [line for line, _column, _reason in lines_of(report)] == list(range(2, 32))
    assert _amounts(shop) == {"A2": ["5.00"]}
