"""What is recorded is what was reported, to the last digit, or it is refused as its own row."""

import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from customers.checks import InvalidFact
from customers.core.money import MINOR_UNITS, decimals_of, unit_of
from customers.facts import InteractionFact, OrderFact, ReturnFact, ReturnLineFact, in_currency, line_of
from customers.importing.running import run_import
from customers.importing.table import Said
from customers.models import Customer, Order, OrderLine, Retailer, Return
from customers.recording import record_orders, record_returns
from customers.registration import CustomerFact, register
from loyalty.activity.account.spending import redeem
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
POINT = Said(decimal="point")
HEAD = "order_number,occurred_at,sku,quantity,net_amount,unit_price,discount,unit_cost,shipping_amount\n"


def order_of(**line: str) -> OrderFact:
    amounts = {name: Decimal(value) for name, value in line.items()}
    return OrderFact(number="A1", occurred_at=NOON, lines=(line_of(sku="x", **{"quantity": Decimal(1)} | amounts),))  # type: ignore[arg-type] # the table's keys are parameters


def by_api(shop: Retailer, lines: list[dict[str, Any]], **order: Any) -> tuple[int, dict[str, Any]]:
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})
    body = {"number": "A1", "occurred_at": "2026-06-15T12:00:00Z", "lines": lines} | order
    answer = client.post("/api/v1/orders", body, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("currency", "decimals"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("MGA", 2), ("UYI", 0), ("XTS", 2)]
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert decimals_of(currency) == decimals
    assert unit_of(currency) == Decimal(10) ** -decimals


def test_the_table_of_currencies_has_those_that_are_tender_today() -> None:
    from babel.core import get_global
    from babel.numbers import get_territory_currencies

    zones = [zone for zone in get_global("territory_currencies") if zone != "ZZ"]
    tender = {code for zone in zones for code in get_territory_currencies(zone)}

    assert tender - MINOR_UNITS.keys() == set()


@pytest.mark.parametrize(
    ("currency", "given", "stored"),
    [
        ("EUR", "12.5", "12.50"),
        ("EUR", "1E+2", "100.00"),
        ("EUR", "12.5000", "12.50"),
        ("EUR", "-0", "0.00"),
        ("KWD", "1.234", "1.234"),
        ("JPY", "100", "100"),
        ("JPY", "100.00", "100"),
        ("CLF", "0.0001", "0.0001"),
        ("EUR", "999999999999.99", "999999999999.99"),
    ],
)
def test_an_amount_is_stored_and_shown_in_its_currencys_digits(currency: str, given: str, stored: str) -> None:
    shop = make.retailer(currency=currency)

    (outcome,) = record_orders(shop, [order_of(net_amount=given)], now=NOON)

    assert outcome.error is None
    assert str(Order.objects.get(retailer=shop).net_amount) == stored
    assert str(OrderLine.objects.get(order=outcome.id).net_amount) == stored


REFUSED = [
    ("EUR", {"net_amount": "1.234"}, "net_amount", "too_many_decimals"),
    ("EUR", {"net_amount": "1e-20"}, "net_amount", "too_many_decimals"),
    ("KWD", {"net_amount": "1.2345"}, "net_amount", "too_many_decimals"),
    ("JPY", {"net_amount": "100.50"}, "net_amount", "too_many_decimals"),
    ("EUR", {"net_amount": "1", "discount": "0.001"}, "discount", "too_many_decimals"),
    ("EUR", {"unit_price": "1.1234567"}, "unit_price", "too_many_decimals"),
    ("EUR", {"net_amount": "1", "unit_cost": "0.0000001"}, "unit_cost", "too_many_decimals"),
    ("EUR", {"net_amount": "1", "quantity": "0.0005"}, "quantity", "too_many_decimals"),
    ("EUR", {"net_amount": "10000000000000.00"}, "net_amount", "amount_too_large"),
    ("EUR", {"net_amount": "1e9999999"}, "net_amount", "amount_too_large"),
    ("EUR", {"net_amount": "1", "discount": "1000000000000"}, "discount", "amount_too_large"),
    ("EUR", {"unit_price": "9999999999", "quantity": "101"}, "net_amount", "amount_too_large"),
    ("EUR", {"unit_price": "1000000000000"}, "unit_price", "amount_too_large"),
    ("EUR", {"net_amount": "1", "unit_cost": "1000000000000"}, "unit_cost", "amount_too_large"),
    ("EUR", {"net_amount": "1", "unit_cost": "-1"}, "unit_cost", "amount_negative"),
    ("EUR", {"unit_price": "1", "discount": "2"}, "net_amount", "amount_negative"),
    ("EUR", {"net_amount": "1", "quantity": "1000000000"}, "quantity", "quantity_too_large"),
]


@pytest.mark.parametrize(("currency", "line", "column", "reason"), REFUSED)
def test_what_cannot_be_stored_exactly_is_refused_with_its_field(
    currency: str, line: dict[str, str], column: str, reason: str
) -> None:
    with pytest.raises(InvalidFact) as refused:
        in_currency(order_of(**line), currency)

    assert (refused.value.column, refused.value.code) == (column, reason)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("column", ["quantity", "net_amount", "unit_price", "discount", "unit_cost"])
def test_what_is_no_number_is_refused(column: str, value: str) -> None:
    with pytest.raises(InvalidFact) as refused:
        order_of(**{"net_amount": "1", column: value})

    assert (refused.value.column, refused.value.code) == (column, "no_number")


@pytest.mark.parametrize(("currency", "line", "column", "reason"), REFUSED)
def test_api_and_csv_refuse_alike(currency: str, line: dict[str, str], column: str, reason: str) -> None:
    shop = make.retailer(currency=currency)
    row = {"quantity": "1"} | line
    cells = [row.get(name, "") for name in HEAD.strip().split(",")[3:]]

    status, answer = by_api(shop, [{"sku": "x"} | row])
    report = run_import(
        shop, "orders", io.BytesIO(f"{HEAD}A1,2026-06-15,x,{','.join(cells)}\n".encode()), now=NOON, said=POINT
    )

    assert status in {400, 422}
    assert [(error["code"], error["pointer"].split("/")[-1]) for error in answer["errors"]] in (
        [(reason, column)], [("invalid", column)],
    )  # fmt: skip
    assert [(problem.line, problem.column) for problem in report.problems] == [(2, column)]
    assert Order.objects.count() == 0


def test_a_price_with_six_decimals_gives_an_amount_with_the_currencys() -> None:
    fact = in_currency(order_of(unit_price="0.333333", quantity="3"), "EUR")

    assert (str(fact.net_amount), str(fact.lines[0].unit_price)) == ("1.00", "0.333333")


def test_the_line_with_too_many_decimals_is_named() -> None:
    shop = make.retailer(currency="JPY")
    lines = [{"sku": "x", "quantity": "1", "net_amount": amount} for amount in ("100", "100.50")]
    rows = [f"A1,2026-06-15,x,1,{line['net_amount']}\n" for line in lines]

    status, answer = by_api(shop, lines)
    text = "order_number,occurred_at,sku,quantity,net_amount\n" + "".join(rows)
    report = run_import(shop, "orders", io.BytesIO(text.encode()), now=NOON)

    assert status == 422
    assert answer["errors"] == [
        {
            "pointer": "/lines/1/net_amount",
            "code": "too_many_decimals",
            "detail": "100.5 has more than 0 decimals. Nothing is rounded: report the exact value.",
        }
    ]
    assert [(problem.line, problem.column) for problem in report.problems] == [(3, "net_amount")]


def test_one_line_that_is_too_large_leaves_the_99_good_orders_of_its_batch() -> None:
    shop = make.retailer()
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})
    orders = [
        {
            "number": f"A{place}",
            "occurred_at": "2026-06-15T12:00:00Z",
            "lines": [{"sku": "x", "quantity": "0.001", "net_amount": "2500000000000" if place == 50 else "12.00"}],
        }
        for place in range(100)
    ]

    answer = client.post("/api/v1/orders/batch", {"orders": orders}, content_type="application/json")

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [place for place, result in enumerate(results) if result["status"] != "created"] == [50]
    assert results[50]["error"]["errors"][0]["pointer"] == "/lines/0/net_amount"
    assert Order.objects.filter(retailer=shop).count() == 99


def test_one_row_that_is_too_large_leaves_the_good_orders_of_its_file() -> None:
    shop = make.retailer()
    amounts = ["12.00", "1e9999999", "2500000000000", "12.00", "NaN", "1.234"]
    text = "order_number,occurred_at,sku,quantity,net_amount\n"
    text += "".join(f"A{place},2026-06-15,x,0.001,{amount}\n" for place, amount in enumerate(amounts))

    report = run_import(shop, "orders", io.BytesIO(text.encode()), now=NOON)

    assert report.created == 2
    assert [(problem.line, problem.column) for problem in report.problems] == [
        (3, "net_amount"),
        (4, "net_amount"),
        (6, "net_amount"),
        (7, "net_amount"),
    ]


@pytest.mark.parametrize(
    ("amount", "quantity", "price"),
    [
        ("10000000000.00", "1", "10000000000.000000"),
        ("25000000000.00", "1", "25000000000.000000"),
        ("99999999.00", "0.001", "99999999000.000000"),
        ("999999999999.99", "0.001", "999999999999990.000000"),
        ("0.01", "999999999.999", "0.000000"),
    ],
)
def test_a_unit_price_that_is_derived_is_as_large_as_it_has_to_be(amount: str, quantity: str, price: str) -> None:
    shop = make.retailer()

    (outcome,) = record_orders(shop, [order_of(net_amount=amount, quantity=quantity)], now=NOON)

    assert outcome.error is None
    assert str(OrderLine.objects.get(order=outcome.id).unit_price) == price


def test_the_lines_of_an_order_together_are_bounded() -> None:
    half = make.line("600000000000.00")

    with pytest.raises(InvalidFact) as refused:
        make.order("ada", half, half)

    assert (refused.value.column, refused.value.code) == ("lines", "amount_too_large")


def test_two_orders_of_one_day_that_are_as_large_as_an_order_can_be_are_both_decided() -> None:
    ada = make.member(make.program(points={"pending_days": 0}, rules=[make.Rule(points="0.0001")]))

    for _ in range(2):
        assert make.buys(ada, "600000000000.00").outcome.status == "created"

    assert make.wallet_of(ada).available == 120_000_000


@pytest.mark.parametrize(
    "texts",
    [
        {"name": "n" * 101},
        {"channel": "c" * 51},
        {"store": "s" * 51},
        {"promotion_code": "p" * 101},
        {"identified_by": "i" * 21},
        {"redemptions": ("r" * 81,)},
        {"redemptions": ("r",) * 21},
        {"store": "a\x00b"},
        {"name": " "[:0] + "\x00"},
    ],
)
def test_a_text_that_its_column_cannot_hold_is_refused(texts: dict[str, Any]) -> None:
    with pytest.raises(InvalidFact):
        make.order("ada", "1.00", **texts)


def test_the_same_content_written_otherwise_is_no_conflict() -> None:
    ada = make.member(make.program(points={"pending_days": 0}), "ada")
    shop = ada.retailer
    make.given(ada, 100, NOON)
    for reference in ("r1", "r2"):
        redeem(ada, 10, reference=reference, now=NOON)
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})
    line = {"sku": "x", "quantity": "1", "net_amount": "12.00"}
    plain = {
        "number": "A1", "customer": "ada", "occurred_at": "2026-06-15T12:00:00Z", "lines": [line],
        "redemptions": ["r1", "r2"],
    }  # fmt: skip
    others = [
        plain | {"currency": ""},
        plain | {"currency": "EUR"},
        plain | {"currency": "eur"},
        plain | {"currency": None, "store": None, "is_gift": None, "shipping_amount": None},
        plain | {"shipping_amount": "-0.0", "paid_with_points": 0},
        plain | {"redemptions": ["r2", "r1", "r2"]},
        plain | {"lines": [line | {"net_amount": "12.000", "quantity": 1.0, "unit_cost": None, "discount": "0.000"}]},
        plain | {"occurred_at": "2026-06-15T14:00:00+02:00"},
    ]
    client.post("/api/v1/orders", plain, content_type="application/json")

    answers = [client.post("/api/v1/orders", other, content_type="application/json") for other in others]

    assert [answer.json().get("status") for answer in answers] == ["unchanged"] * len(others)
    assert Order.objects.get(retailer=shop).redemptions == ["r1", "r2"]


def test_an_order_that_was_recorded_under_another_hash_is_known() -> None:
    shop = make.retailer()
    fact = make.order("ada", "10.00", name="A1", redemptions=("r2", "r1"))
    record_orders(shop, [fact], now=NOON)
    Order.objects.filter(retailer=shop).update(content_hash=b"of an older form")

    same, other = (record_orders(shop, [each], now=NOON)[0] for each in (fact, make.order("ada", "9.00", name="A1")))

    assert same.status == "unchanged"
    assert other.error is not None
    assert other.error.code == "conflict"


def test_parts_that_come_back_are_rounded_to_the_currency() -> None:
    amounts = {}
    for currency, amount in (("JPY", "1000"), ("KWD", "10.000")):
        shop = make.retailer(currency=currency)
        record_orders(shop, [make.order("ada", make.line(amount, quantity="3"), name="A1")], now=NOON)
        for part in range(3):
            record_returns(shop, [ReturnFact(f"R{part}", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=NOON)
        rows = Return.objects.filter(retailer=shop).order_by("number")
        amounts[currency] = [str(amount) for amount in rows.values_list("net_amount", flat=True)]

    assert amounts == {"JPY": ["333", "334", "333"], "KWD": ["3.333", "3.334", "3.333"]}


def test_a_customers_cost_has_the_currencys_decimals() -> None:
    shop = make.retailer(currency="KWD")
    facts = [CustomerFact(name, acquisition_cost=Decimal(cost)) for name, cost in (("ada", "1.234"), ("bob", "1.2345"))]

    ada, bob = register(shop, facts, now=NOON)

    assert str(Customer.objects.get(retailer=shop, external_id="ada").acquisition_cost) == "1.234"
    assert (ada.error, bob.id, str(bob.error)) == (
        None,
        None,
        "1.2345 has more than 3 decimals. Nothing is rounded: report the exact value.",
    )
    assert not Customer.objects.filter(retailer=shop, external_id="bob").exists()


def test_one_bad_customer_leaves_the_others_of_its_file() -> None:
    shop = make.retailer()
    text = "external_id,acquisition_cost,identified_at\nada,1.50,\nbob,1.505,\ncyd,,2032-01-01\ndan,1e99,\neve,2,\n"

    report = run_import(shop, "customers", io.BytesIO(text.encode()), now=NOON)

    assert report.created == 2
    assert [(problem.line, problem.column) for problem in report.problems] == [
        (3, "acquisition_cost"),
        (4, "identified_at"),
        (5, "acquisition_cost"),
    ]


def test_a_retailers_currency_is_one_of_iso_4217() -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError, match="XAU"):
        Retailer(slug="gold", name="Gold", currency="XAU").full_clean()


@pytest.mark.parametrize(
    ("kind", "score", "is_taken"),
    [
        ("nps", 0, True), ("nps", 10, True), ("nps", -1, False), ("nps", 11, False), ("csat", 1, True), ("csat", 5, True),
        ("csat", 0, False), ("csat", 6, False), ("nps", None, True), ("review", 100, True),
    ],
)  # fmt: skip
def test_a_score_that_is_on_no_scale_of_its_survey_is_refused(kind: str, score: int | None, *, is_taken: bool) -> None:
    """It would be recorded, and counted nowhere."""
    if is_taken:
        assert InteractionFact("I1", "ada", kind, NOON, score=score).score == score
        return
    with pytest.raises(InvalidFact) as refused:
        InteractionFact("I1", "ada", kind, NOON, score=score)
    assert (refused.value.code, refused.value.column) == ("score_off_scale", "score")


@pytest.mark.parametrize("score", [10**400, 32_001, -32_001])
def test_a_score_that_is_too_large_is_refused(score: int) -> None:
    with pytest.raises(InvalidFact) as refused:
        InteractionFact("I1", "ada", "nps", NOON, score=score)

    assert refused.value.code == "score_too_large"


@pytest.mark.parametrize("position", [0, -1, 10_001, 10**400])
def test_a_position_that_no_line_has_is_refused(position: int) -> None:
    with pytest.raises(InvalidFact) as refused:
        ReturnLineFact(Decimal(1), position)

    assert refused.value.code == "no_such_position"


def test_a_number_whose_exponent_is_enormous_is_answered_at_once() -> None:
    shop = make.retailer()
    text = "number,customer,kind,occurred_at,score\nI1,ada,nps,2026-06-01,1e999999999\n"

    report = run_import(shop, "interactions", io.BytesIO(text.encode()), now=NOON)

    assert [(problem.line, problem.column) for problem in report.problems] == [(2, "score")]
