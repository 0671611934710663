"""Dates and numbers are read in one way for a whole file: found from all of it, or asked for before anything is written."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from customers.importing.survey import MixedDates, MixedNumbers, UndecidedDates, UndecidedNumbers
from customers.models import Customer, Order, OrderLine
from tests import make
from tests.customers.files import HEAD, lines_of, run

pytestmark = pytest.mark.django_db


def orders(*dates: str) -> str:
    return HEAD + "".join(f"A{place},ada,{at},milk,1,2.00\n" for place, at in enumerate(dates))


def days() -> list[str]:
    return [str(day) for day in Order.objects.order_by("number").values_list("local_date", flat=True)]


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        (["11/12/2025", "13/12/2025"], ["2025-12-11", "2025-12-13"]),
        (["12/1/2010 8:26", "1/12/2011 10:30", "12/13/2010 9:00"], ["2010-12-01", "2011-01-12", "2010-12-13"]),
        (["01.02.2026", "31.01.2026 18:30:05"], ["2026-02-01", "2026-01-31"]),
        (["1-2-2026 1:05 PM", "1-31-2026 12:05 AM"], ["2026-01-02", "2026-01-31"]),
        (["05/05/2026", "06/06/2026 10h30"], ["2026-05-05", "2026-06-06"]),
        (["2026/02/01", "20260203"], ["2026-02-01", "2026-02-03"]),
        (["1/2/2026 1:05:00\u202fPM", "1/31/2026\u00a010:00"], ["2026-01-02", "2026-01-31"]),
        (["2026-02-01\u00a018:30", "20260203 1830", "2026-W06-3T10:00"], ["2026-02-01", "2026-02-03", "2026-02-04"]),
    ],
)
def test_the_whole_file_says_which_number_is_the_day(dates: list[str], read: list[str]) -> None:
    report = run(make.retailer(), "orders", orders(*dates))

    assert (report.problems, days()) == ([], read)


def test_a_file_that_does_not_say_it_is_refused_before_anything_is_written() -> None:
    shop = make.retailer()
    text = (
        orders("2026-03-01", "2026-03-02").replace("A1,ada,2026-03-02", "A1,ada,05/05/2026")
        + "A9,ada,11/12/2025,x,1,1\n"
    )
    text = text.replace("2026-03-01", "04/04/2026")

    with pytest.raises(UndecidedDates, match="“11/12/2025” in line 4 can be two days"):
        run(shop, "orders", text)

    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    "dates",
    [
        ["13/12/2025", "12/13/2025"],
        ["13/12/2025", "2025-12-13"],
        ["13/12/2025", "03/04/2026", "3/4/2026"],
        ["2026-01-01", "2026-01-02", "1/2/2026"],
    ],
)
def test_a_file_that_mixes_is_refused_with_both_lines(dates: list[str]) -> None:
    with pytest.raises(MixedDates, match=r"in line \d, .* in line \d"):
        run(make.retailer(), "orders", orders(*dates))

    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("dates", "said", "read", "bad"),
    [
        (["11/12/2025"], "dmy", ["2025-12-11"], []),
        (["11/12/2025"], "mdy", ["2025-11-12"], []),
        (["11/12/2025", "2025-12-13"], "dmy", ["2025-12-11", "2025-12-13"], []),
        (["13/12/2025", "12/13/2025"], "dmy", ["2025-12-13"], [3]),
        (["2025-12-13", "05/05/2026"], "ymd", ["2025-12-13"], [3]),
    ],
)
def test_what_somebody_says_counts(dates: list[str], said: str, read: list[str], bad: list[int]) -> None:
    report = run(make.retailer(), "orders", orders(*dates), dates=said)

    assert (days(), [problem.line for problem in report.problems]) == (read, bad)


def test_birth_dates_count_among_the_dates_of_a_file() -> None:
    shop = make.retailer(zone="Europe/Paris")
    text = "external_id,birth_date,identified_at\nada,10/12/1985,\nbob,,2026-03-01\ncyd,,01/03/2026\n"

    with pytest.raises(MixedDates):
        run(shop, "customers", text)
    run(shop, "customers", "external_id,birth_date,identified_at\nada,10/12/1985,\ncyd,,28/02/2026 10:00\n")

    assert Customer.objects.get(external_id="ada").birth_date == date(1985, 12, 10)
    assert Customer.objects.get(external_id="cyd").identified_at == datetime(2026, 2, 28, 9, tzinfo=UTC)


@pytest.mark.parametrize("at", ["32/01/2026", "30/02/2026", "1/2/26", "00/01/2026", "13/13/2026", "01/02/2026 25:00"])
def test_what_is_no_date_is_a_bad_row(at: str) -> None:
    report = run(make.retailer(), "orders", orders("31/01/2026", at))

    assert [(problem.line, problem.column) for problem in report.problems] == [(3, "occurred_at")]


@pytest.mark.parametrize("at", ["2026-03-29918:30", "2026-03-29x18:30", "2026-03-29_18:30", "2026032901830"])
def test_a_day_and_a_time_have_a_blank_or_a_t_between(at: str) -> None:
    report = run(make.retailer(), "orders", orders("2026-01-31", at))

    assert [(problem.line, problem.column) for problem in report.problems] == [(3, "occurred_at")]


def test_hours_that_a_clock_change_skips_or_doubles_are_told() -> None:
    shop = make.retailer(zone="Europe/Paris")
    text = orders("2026-03-29 02:30", "2025-10-26 02:30", "2025-10-26T02:30:00+01:00", "29/10/2025 02:30")
    text = text.replace("29/10/2025", "2025-10-29")

    report = run(shop, "orders", text)

    assert lines_of(report) == [
        (2, "occurred_at", "On the clock of Europe/Paris there was no 2026-03-29 02:30: the clocks went forward.")
    ]
    assert report.notices == [
        "The clocks went back: the time in line 3 was shown twice, and is taken as the earlier one."
    ]
    taken = list(Order.objects.order_by("number").values_list("occurred_at", flat=True)[:2])
    assert taken == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)]


def test_a_preview_shows_how_the_first_dates_are_read() -> None:
    report = run(make.retailer(), "orders", orders("12/1/2010 8:26", "12/13/2010 9:00"), preview=True)

    assert report.reading == [
        "UTF-8, cells divided by “,”",
        "decimals behind a point",
        "12/1/2010 8:26 = 1 December 2010",
        "12/13/2010 9:00 = 13 December 2010",
    ]


def amounts(*cells: str, sign: str = ";") -> str:
    head = HEAD.replace(",", sign)
    return head + "".join(f"A{n}{sign}ada{sign}2026-03-01{sign}x{sign}1{sign}{cell}\n" for n, cell in enumerate(cells))


def taken() -> list[str]:
    return [str(amount) for amount in OrderLine.objects.order_by("order__number").values_list("net_amount", flat=True)]


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1,50", "1 234,50", "12"], ["1.50", "1234.50", "12.00"]),
        (["1.50", "12"], ["1.50", "12.00"]),
        (["1.234,50", "2.000"], ["1234.50", "2000.00"]),
        (["1,234.50", "1,234,567", "2,000"], ["1234.50", "1234567.00", "2000.00"]),
        (["1\u202f234,5", "0,500"], ["1234.50", "0.50"]),
        (["1'234.50", "12’000.5", "1\u2009000.5"], ["1234.50", "12000.50", "1000.50"]),
        (["12", "1234"], ["12.00", "1234.00"]),
        ([".5", "12."], ["0.50", "12.00"]),
    ],
)
def test_the_whole_file_says_which_sign_stands_before_decimals(cells: list[str], read: list[str]) -> None:
    report = run(make.retailer(), "orders", amounts(*cells))

    assert (report.problems, taken()) == ([], read)


@pytest.mark.parametrize("cell", ["1.234", "1,234", "12.345"])
def test_a_file_whose_numbers_do_not_decide_is_refused(cell: str) -> None:
    with pytest.raises(UndecidedNumbers, match=f"“{cell}” in line 3 can be two numbers"):
        run(make.retailer(), "orders", amounts("5", cell))

    assert Order.objects.count() == 0


def test_a_file_whose_numbers_contradict_each_other_is_refused() -> None:
    with pytest.raises(MixedNumbers, match=r"“1,50” in line 2, “2\.50” in line 4"):
        run(make.retailer(), "orders", amounts("1,50", "3", "2.50"))


@pytest.mark.parametrize(
    ("cell", "said", "read"), [("1.234", "comma", "1234.00"), ("1,234", "point", "1234.00"), ("1,23", "comma", "1.23")]
)
def test_what_somebody_says_of_numbers_counts(cell: str, said: str, read: str) -> None:
    run(make.retailer(), "orders", amounts(cell), decimal=said)

    assert taken() == [read]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["0,5", "1.234"], "“1.234” has another sign than the decimals of this file."),
        (["0,5", "1,234"], "1.234 has more than 2 decimals."),
        (["5", "1E+3"], "“1E+3” is in scientific notation. Write all of its digits."),
        (["5", "1e-2"], "“1e-2” is in scientific notation."),
        (["5", "1,23,456"], "“1,23,456” is no number."),
        (["5", "12 34"], "“12 34” is no number."),
        (["5", "1_000"], "“1_000” is no number."),
        (["5", "٣"], "“٣” is no number."),
        (["5", "NaN"], "“NaN” is no number."),
        (["5", "€ 5"], "“€ 5” is no number."),
    ],
)
def test_a_number_that_is_none_is_a_bad_row(cells: list[str], reason: str) -> None:
    report = run(make.retailer(), "orders", amounts(*cells))

    ((line, column, said),) = lines_of(report)
    assert (line, column) == (3, "net_amount")
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("currency", "cell", "decimals"), [("EUR", "1.755", 2), ("KWD", "1.7555", 3), ("JPY", "1.5", 0)]
)
def test_more_decimals_than_the_currency_has_are_refused_as_by_api(currency: str, cell: str, decimals: int) -> None:
    report = run(make.retailer(currency=currency), "orders", amounts("5", cell), decimal="point")

    reason = f"{cell} has more than {decimals} decimals. Nothing is rounded: report the exact value."
    assert lines_of(report) == [(3, "net_amount", reason)]


def test_a_currency_with_three_decimals_keeps_them() -> None:
    run(make.retailer(currency="KWD"), "orders", amounts("1.755"), decimal="point")

    assert OrderLine.objects.get().net_amount == Decimal("1.755")


def test_ids_that_a_spreadsheet_has_changed_are_told() -> None:
    shop = make.retailer()
    names = ["17850.0", "17850", "4.51235E+12", "00123", "123", "13047.0"]
    text = HEAD + "".join(f"A{n},{name},2026-03-01,x,1,1\n" for n, name in enumerate(names))

    report = run(shop, "orders", text, preview=True)

    assert lines_of(report) == [
        (4, "customer", "A spreadsheet has written “4.51235E+12” in the place of an id: its last digits are lost.")
    ]
    assert report.notices == [
        (
            "customer: 2 ids end in .0, such as “17850.0” in line 2: a spreadsheet has made them numbers. "
            "They are taken as they stand."
        ),
        "customer: 1 id is in scientific notation, such as “4.51235E+12” in line 4: its last digits are lost.",
        (
            "customer: “00123” (line 5) and “123” (line 6) are two, but a spreadsheet takes zeros from the front of numbers. "
            "Look whether they are meant to be one."
        ),
    ]


def test_scientific_ids_are_taken_when_somebody_says_so() -> None:
    report = run(make.retailer(), "customers", "external_id\n4.51235E+12\n5E10\n", takes_scientific=True)

    assert (report.created, report.problems) == (2, [])


def test_article_numbers_that_look_scientific_are_none() -> None:
    report = run(make.retailer(), "orders", HEAD + "1E5,ada,2026-03-01,15E10,1,1\n")

    assert (report.created, report.notices) == (1, [])


@pytest.mark.parametrize(
    ("known", "reported"),
    [("17850", "17850.0"), ("17850.0", "17850"), ("00123", "123"), ("123", "00123"), ("007", "7.0")],
)
def test_a_new_customer_who_is_known_in_another_form_is_told(known: str, reported: str) -> None:
    shop = make.retailer()
    make.customer(shop, known)

    report = run(shop, "orders", HEAD + f"A2,{reported},2026-03-01,x,1,1\n", preview=True)

    told = f"“{reported}” in line 2, known as “{known}”."
    assert [notice for notice in report.notices if notice.endswith(told)] != []
    assert report.notices[-1].startswith("1 customer is new, but known with or without zeros")


def test_customers_who_are_known_as_they_are_reported_are_not_told() -> None:
    shop = make.retailer()
    make.customer(shop, "123")

    assert run(shop, "customers", "external_id\n123\n456\n", preview=True).notices == []
