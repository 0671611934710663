"""The lines of an order may stand anywhere in a file; what contradicts is told with both lines."""

import pytest
from django.db.models import Sum

from customers.models import Customer, Interaction, Order, OrderLine, Return
from tests import make
from tests.customers.files import HEAD, lines_of, order_rows, run

pytestmark = pytest.mark.django_db


def test_lines_of_an_order_stand_anywhere() -> None:
    shop = make.retailer()
    text = (
        HEAD
        + order_rows("A1", "milk")
        + order_rows("A2", "milk")
        + order_rows("A1", "bread", "salt")
        + order_rows("A3")
    )

    report = run(shop, "orders", text)

    assert (report.created, report.problems, report.rows) == (3, [], 5)
    assert list(OrderLine.objects.filter(order__number="A1").order_by("position").values_list("sku", flat=True)) == [
        "milk", "bread", "salt",
    ]  # fmt: skip
    assert (run(shop, "orders", text).created, run(shop, "orders", text).unchanged) == (0, 3)


def test_rows_of_a_return_stand_anywhere() -> None:
    shop = make.retailer()
    run(shop, "orders", HEAD + order_rows("A1", "milk", "bread") + order_rows("A2"))
    head = "return_number,order_number,occurred_at,sku,quantity\n"

    report = run(
        shop,
        "returns",
        head + "R1,A1,2026-03-05,milk,1\nR2,A2,2026-03-05,milk,1\nR1,A1,2026-03-05,bread,1\n",
    )

    assert (report.created, report.problems) == (2, [])
    assert Return.objects.get(number="R1").lines.count() == 2


@pytest.mark.parametrize("between", ["", "A2,bob,2026-03-01,x,1,1\n"])
def test_the_same_row_twice_is_two_pieces(between: str) -> None:
    shop = make.retailer()
    row = "A1,ada,2026-03-01T10:00:00Z,milk,1,2.00\n"

    report = run(shop, "orders", HEAD + row + between + row)

    order = Order.objects.get(number="A1")
    assert (report.problems, order.net_amount, order.lines.aggregate(n=Sum("quantity"))["n"]) == ([], 4, 2)


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("A1,bob,2026-03-01T10:00:00Z,x,1,2.00,", "customer", "“ada” of the same, and this one “bob”"),
        ("A1,ada,2026-03-01T10:00:01Z,x,1,2.00,", "occurred_at", "“2026-03-01T10:00:00Z” of the same"),
        ("A1,ada,2026-03-01T10:00:00Z,x,1,2.00,USD", "currency", "“EUR” of the same, and this one “USD”"),
    ],
)
@pytest.mark.parametrize("between", ["", "A2,bob,2026-03-01T10:00:00Z,x,1,2.00,EUR\n"])
def test_what_contradicts_is_told_with_both_lines(row: str, column: str, says: str, between: str) -> None:
    shop = make.retailer()
    head = HEAD.strip() + ",currency\n"

    report = run(shop, "orders", f"{head}A1,ada,2026-03-01T10:00:00Z,milk,1,2.00,EUR\n{between}{row}\n")

    ((line, where, reason),) = lines_of(report)
    assert (line, where) == (4 if between else 3, column)
    assert reason.startswith("Line 2 says ")
    assert says in reason
    assert sorted(report.refused) == [2, line]
    assert not Order.objects.filter(number="A1").exists()


def test_what_is_written_otherwise_and_means_the_same_contradicts_nothing() -> None:
    shop = make.retailer()
    text = HEAD + "A1,ada,2026-03-01T10:00:00Z,milk,1,2.00\nA1,,2026-03-01 11:00:00 +0100,x,1,2.00\nA1,ada,,y,1,2.00\n"

    report = run(shop, "orders", text)

    assert (report.created, report.problems, Order.objects.get().lines.count()) == (1, [], 3)


def test_two_rows_of_one_customer_with_other_content_are_told() -> None:
    shop = make.retailer()
    text = "external_id,first_name,email\nada,Ada,\nbob,Bob,\nada,Adele,\ncyd,,c@example.org\ncyd,Cyd,\ncyd,Cyd,\n"

    report = run(shop, "customers", text)

    assert lines_of(report) == [(4, "first_name", "Line 2 says “Ada” of the same, and this one “Adele”.")]
    assert (report.created, report.unchanged, sorted(report.refused)) == (2, 2, [2, 4])
    cyd = Customer.objects.get(retailer=shop, external_id="cyd")
    assert (cyd.first_name, cyd.email) == ("Cyd", "c@example.org")
    assert not Customer.objects.filter(external_id="ada").exists()


def test_two_rows_of_one_interaction_with_other_content_are_told() -> None:
    shop = make.retailer()
    head = "number,customer,kind,occurred_at,score\n"
    text = head + "I1,ada,nps,2026-03-01,9\nI2,ada,nps,2026-03-01,9\nI1,ada,nps,2026-03-01,8\nI2,ada,nps,2026-03-01,9\n"

    report = run(shop, "interactions", text)

    assert lines_of(report) == [(4, "score", "Line 2 says “9” of the same, and this one “8”.")]
    assert (report.created, report.unchanged, Interaction.objects.count()) == (1, 1, 1)


def test_rows_without_a_number_are_each_refused() -> None:
    shop = make.retailer()
    text = HEAD + ",ada,2026-03-01,x,1,1\n,bob,2026-03-01,x,1,1\n"

    report = run(shop, "orders", text)

    assert lines_of(report) == [(2, "order_number", "The cell is empty."), (3, "order_number", "The cell is empty.")]


def test_an_order_of_too_many_rows_is_refused() -> None:
    shop = make.retailer()

    report = run(shop, "orders", HEAD + order_rows("A1") * 10_001 + order_rows("A2"))

    assert lines_of(report) == [(2, "order_number", "The order has 10001 lines; at most 10000 are taken.")]
    assert (report.created, len(report.refused)) == (1, 10_001)


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    shop = make.retailer()
    head = "order_number,customer,occurred_at,sku,quantity,unit_price,discount,currency,is_gift,shipping_amount\n"
    text = head + f"A1,{'x' * 101},yesterday,,-1,many,0.001,EURO,perhaps,-2\nA2,ada,2026-03-01,x,1,1,,,,\n"

    report = run(shop, "orders", text)

    assert [(problem.line, problem.column) for problem in report.problems] == [
        (2, "occurred_at"), (2, "sku"), (2, "quantity"), (2, "unit_price"), (2, "discount"), (2, "customer"), (2, "currency"),
        (2, "shipping_amount"), (2, "is_gift"),
    ]  # fmt: skip
    assert (list(report.refused), report.created) == ([2], 1)


def test_a_discount_of_the_order_is_taken_off_its_lines() -> None:
    shop = make.retailer()
    head = "order_number,occurred_at,sku,quantity,unit_price,order_discount,lines_amount\n"
    text = (
        head
        + "A1,2026-03-01,a,1,10.00,1.00,29.00\nA1,2026-03-01,b,2,10.00,,\n"
        + "A2,2026-03-01,a,3,0.01,0.01,0.03\nA3,2026-03-01,a,1,1.00,1.01,\n"
    )

    report = run(shop, "orders", text)

    assert lines_of(report) == [
        (4, "lines_amount", "The lines come to 0.02, but the file says 0.03."),
        (5, "order_discount", "The discount 1.01 is more than the lines cost, 1.00."),
    ]
    lines = OrderLine.objects.order_by("position").values_list("sku", "net_amount", "discount", "unit_price")
    assert [tuple(map(str, line)) for line in lines] == [
        ("a", "9.67", "0.33", "10.000000"), ("b", "19.33", "0.67", "10.000000"),
    ]  # fmt: skip


def test_a_letter_with_its_accent_in_one_or_in_two_is_one() -> None:
    shop = make.retailer()
    text = HEAD + order_rows("é1", customer="zoé") + order_rows("A2") + order_rows("e\u03011", customer="zoe\u0301")

    report = run(shop, "orders", text)

    assert (report.created, report.problems) == (2, [])
    assert Order.objects.get(number="é1").lines.count() == 2
    assert Customer.objects.filter(external_id__startswith="zo").values_list("external_id", flat=True).get() == "zoé"


@pytest.mark.parametrize("number", ["2026/0001", "ACME/42", "a?b#c", "ü/é", "x y"])
def test_numbers_of_any_characters_come_in_as_they_are(number: str) -> None:
    run(make.retailer(), "orders", HEAD + order_rows(number, customer=number))

    assert Order.objects.values_list("number", "customer__external_id").get() == (number, number)


@pytest.mark.parametrize(
    ("customer", "ending"), [("ACME/export.zip", "/export.zip"), ("/token", "/token"), ("a/b/merge", "/merge")]
)
def test_who_could_not_be_read_back_by_its_address_is_refused(customer: str, ending: str) -> None:
    report = run(make.retailer(), "orders", HEAD + order_rows("A1", customer=customer))

    (problem,) = report.problems
    assert problem.column == "customer"
    assert f"could not be read back: addresses of the API that lead elsewhere end in “{ending}”" in problem.reason
    assert not Order.objects.exists()


TWICE = (
    "All rows of 1 order stand in the file twice, from line 2 and from line 5 on. They are taken as twice as many pieces: if two "
    "exports overlap, take one of both out."
)


@pytest.mark.parametrize(
    ("rows", "notices"),
    [
        (["A1 a", "A1 b", "A2 a", "A1 a", "A1 b"], [TWICE]),
        (["A1 a", "A2 a", "A2 b", "A1 a"], [TWICE]),
        (["A1 a", "A2 a", "A2 b", "A1 a", "A3 a", "A1 a"], [TWICE]),
        (["A1 a", "A1 b", "A2 a", "A1 a"], []),
        (["A1 a", "A1 a", "A2 a"], []),
        (["A1 a", "A2 a", "A2 b", "A1 b"], []),
        (["A1 a", "A1 b", "A2 a", "A1 b", "A1 a"], []),
    ],
)
def test_all_rows_of_an_order_twice_are_told(rows: list[str], notices: list[str]) -> None:
    text = HEAD + "".join(order_rows(*row.split()) for row in rows)

    report = run(make.retailer(), "orders", text)

    assert (report.problems, report.notices) == ([], notices)
    assert OrderLine.objects.count() == len(rows)


@pytest.mark.parametrize("between", ["", "bob,Bob\n"])
def test_one_customer_may_stand_in_more_rows_than_an_order_has_lines(between: str) -> None:
    shop = make.retailer()
    text = "external_id,first_name\n" + "ada,Ada\n" * 10_002 + between + "ada,Ada\n"

    report = run(shop, "customers", text)

    assert lines_of(report) == []
    assert (report.created, report.unchanged) == (1 + bool(between), 10_002)
