"""Characters that nobody sees, or that are none: a file with them is read, or refused in words."""

import pytest

from customers.importing.jobs import upload
from customers.models import ImportJob, Order, Retailer
from tests import make
from tests.customers.files import HEAD, lines_of, order_rows, run
from tests.make import NOON

pytestmark = pytest.mark.django_db
NUL = "A cell holds a NUL character, which is no text."


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


@pytest.mark.parametrize("row", ["A1,ada,2026\x00,x,1,2", "A1,ada,2026-03-01,x,1\x00,2", "A1,\x00,2026-03-01,x,1,2"])
def test_a_row_with_a_nul_is_refused_in_words_that_can_be_kept(shop: Retailer, row: str) -> None:
    text = HEAD + row + "\n" + order_rows("A2")

    job = upload(shop, "orders", "till.csv", text.encode(), now=NOON)

    assert (job.status, job.problems) == (
        ImportJob.Status.PREVIEWED, [{"line": 2, "column": "", "reason": NUL}]
    )  # fmt: skip


def test_of_an_order_with_a_nul_in_a_row_nothing_is_taken(shop: Retailer) -> None:
    report = run(shop, "orders", HEAD + order_rows("A1") + order_rows("A1", "b\x00b") + order_rows("A2"))

    assert lines_of(report) == [(2, "order_number", "Line 3, which cannot be read, may belong to it."), (3, "", NUL)]
    assert list(Order.objects.values_list("number", flat=True)) == ["A2"]


@pytest.mark.parametrize("row", [" , , , , , ", "\u00a0,,,,,\t", " "])
def test_a_row_of_blanks_is_no_row(shop: Retailer, row: str) -> None:
    report = run(shop, "orders", HEAD + row + "\n" + order_rows("A2"))

    assert (lines_of(report), report.rows, report.created) == ([], 1, 1)


def test_a_cell_of_blanks_is_an_empty_cell(shop: Retailer) -> None:
    report = run(shop, "orders", HEAD + order_rows("A1", at=" ") + order_rows("A2"), preview=True)

    assert lines_of(report) == [(2, "occurred_at", "The cell is empty.")]


def test_files_put_together_keep_their_numbers(shop: Retailer) -> None:
    text = "\ufeff\ufeff" + HEAD + order_rows("A1") + "\ufeff" + order_rows("A2")

    report = run(shop, "orders", text)

    assert lines_of(report) == []
    assert list(Order.objects.order_by("number").values_list("number", flat=True)) == ["A1", "A2"]


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\u00ad", "\u202e", "\u2060"])
def test_an_id_with_a_character_that_nobody_sees_is_told(shop: Retailer, sign: str) -> None:
    report = run(shop, "orders", HEAD + order_rows(f"A{sign}1", customer=f"ada{sign}") + order_rows("A1"))

    assert report.created == 2
    sees = f"has a character that nobody sees, such as {{}} in line 2 (U+{ord(sign):04X})"
    ends = "It is taken as it stands, and is another than the id without."
    assert report.notices == [
        f"order_number: 1 id {sees.format('“A1”')}. {ends}",
        f"customer: 1 id {sees.format('“ada”')}. {ends}",
    ]


def test_letters_of_other_scripts_are_nothing_to_tell(shop: Retailer) -> None:
    report = run(shop, "orders", HEAD + order_rows("É日本😀", customer="zoë"))

    assert (report.created, report.notices) == (1, [])
