"""No cell of a file that people open is a formula, whoever wrote what stands in it; and one function writes them all."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.core.exporting import is_escaped, write_csv
from customers.models import Customer
from tests import make

ROOT = Path(__file__).resolve().parents[2]
# What is written for programs, cell by cell as it was: a file without some of its rows, and the demo's.
AS_IT_IS = {"customers/core/exporting.py", "customers/importing/writing.py", "analytics/demonstration/dataset.py"}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+33 1 23", "'+33 1 23"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),
        ("-5", "-5"),
        (None, ""),
        ("O'Brien", "O'Brien"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00+00:00"),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ","])
def test_a_cell_is_no_formula(value: object, cell: str, delimiter: str) -> None:
    file = io.StringIO()

    write_csv(file, [value], [[value]], is_for_people=delimiter == ";")

    text = file.getvalue().removeprefix("\ufeff")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == [[cell], [cell]]


@pytest.mark.parametrize(
    ("number", "with_point", "with_comma"),
    [
        (Decimal("-6.67"), "-6.67", "-6,67"),
        (3.25, "3.25", "3,25"),
        (-0.5, "-0.5", "-0,5"),
        (12, "12", "12"),
        (True, "True", "True"),
    ],
)
def test_a_number_is_one_where_its_file_is_opened(number: object, with_point: str, with_comma: str) -> None:
    files = {is_french: io.StringIO() for is_french in (False, True)}

    for is_french, file in files.items():
        write_csv(file, ["n"], [[number]], is_for_people=is_french)

    assert files[False].getvalue() == f"n\r\n{with_point}\r\n"
    assert files[True].getvalue() == f"\ufeffn\r\n{with_comma}\r\n"


def test_an_apostrophe_before_a_formula_is_told_from_others() -> None:
    assert [is_escaped(text) for text in ("'=1", "''=1", "'x", "=1", "")] == [True, True, False, False, False]


@pytest.mark.django_db
def test_a_list_that_staff_take_along_has_none() -> None:
    shop = make.retailer()
    make.order("ada", "1.00")
    Customer.objects.create(
        retailer=shop,
        external_id="=cmd|x",
        first_name='=HYPERLINK("http://x")',
        identified_at=make.NOON,
        recorded_at=make.NOON,
    )
    client = Client()
    client.force_login(User.objects.create_superuser("sue"))
    given = {"action": "export", "_selected_action": list(Customer.objects.values_list("pk", flat=True))}

    (row,) = csv.DictReader(
        client.post(reverse("admin:customers_customer_changelist"), given).content.decode().splitlines()
    )

    assert (row["external_id"], row["first_name"]) == ("'=cmd|x", '\'=HYPERLINK("http://x")')


def test_one_function_writes_all_files() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("customers", "loyalty", "analytics")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)", path.read_text(encoding="utf-8"))
    }

    assert found == AS_IT_IS
