"""Orders of nothing, free lines and gift cards: what a rule makes of them is its choice, and is told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml
from django.test import Client

from customers.facts import LineFact
from customers.models import OrderLine
from loyalty.activity.explaining import why
from loyalty.activity.intake import take_orders
from loyalty.activity.replaying import replay
from loyalty.configuration.document import apply_to, to_document
from loyalty.memberships.models import Membership
from tests import make
from tests.api.test_integration import ORDER, call
from tests.make import Rule

pytestmark = pytest.mark.django_db
CARD = "50.00"


def gift_card(amount: str = CARD) -> LineFact:
    return make.line(amount, is_gift_card=True)


def member(*rules: Rule) -> Membership:
    return make.member(make.program(rules=rules), "ada")


def told(ada: Membership, *lines: LineFact | str, **given: Any) -> tuple[int, list[tuple[str, str]], list[str]]:
    """Return what an order gave, the remarks on it, and its sentences."""
    make.buys(ada, *lines, name="A1", **given)
    order = ada.customer.orders.get(number="A1")
    found = why(ada, order)
    assert found is not None
    return found.points, [(each.rule, each.remark) for each in found.remarks], found.sentences


ITEM = Rule(points="10", kind="per_item", code="item")
BONUS = Rule(points="100", kind="per_order", code="bonus")
WELCOME = Rule(points="500", kind="first_order", code="welcome")
PAID_ITEM, PAID_BONUS, PAID_WELCOME = (replace(each, counts_free_lines=False) for each in (ITEM, BONUS, WELCOME))


@pytest.mark.parametrize(
    ("rule", "lines", "points", "remarks"),
    [
        # As it always was: a free line is an item, and an order of nothing an order.
        (ITEM, ("5.00", "0.00"), 20, []),
        (BONUS, ("0.00",), 100, []),
        (WELCOME, ("0.00",), 500, []),
        # A program that wants none of it says so.
        (PAID_ITEM, ("5.00", "0.00"), 10, ["free_lines_not_counted"]),
        (PAID_BONUS, ("0.00",), 0, ["only_free_lines"]),
        (PAID_WELCOME, ("0.00", "0.00"), 0, ["only_free_lines"]),
        # Gift cards earn when they are spent, unless a rule counts them when they are bought.
        (Rule(), ("20.00", gift_card()), 20, ["gift_cards_not_counted"]),
        (Rule(counts_gift_cards=True), ("20.00", gift_card()), 70, []),
        (ITEM, ("20.00", gift_card()), 10, ["gift_cards_not_counted"]),
        (BONUS, (gift_card(),), 0, ["only_gift_cards"]),
        (WELCOME, (gift_card(),), 0, ["only_gift_cards"]),
        (Rule(minimum_amount="60"), ("20.00", gift_card()), 0, ["under_minimum"]),
        (Rule(minimum_amount="60", counts_gift_cards=True), ("20.00", gift_card()), 70, []),
        # Both at once.
        (PAID_ITEM, ("0.00", gift_card()), 0, ["only_gift_cards"]),
        (
            PAID_ITEM, ("1.00", "0.00", gift_card()), 10,
            ["gift_cards_not_counted", "free_lines_not_counted"],
        ),
        # Other reasons to give nothing.
        (Rule(minimum_amount="20"), ("19.99",), 0, ["under_minimum"]),
        (Rule(points="0.5"), ("1.99",), 0, ["below_a_point"]),
        (Rule(), ("0.00",), 0, ["below_a_point"]),
        (Rule(), ("20.00",), 20, []),
    ],
)  # fmt: skip
def test_what_counts_is_the_rules_choice_and_told(
    rule: Rule, lines: tuple[LineFact | str, ...], points: int, remarks: list[str]
) -> None:
    assert told(member(rule), *lines)[:2] == (points, [(rule.code, each) for each in remarks])


def test_a_rules_minimum_is_named_where_it_is_the_reason() -> None:
    points, _remarks, sentences = told(member(Rule(minimum_amount="20")), "12.50")

    assert points == 0
    assert sentences[:2] == [
        "No earning rule gives points for it.",
        "Base gave nothing: its minimum of 20.00 EUR was not reached, for 12.50 counted.",
    ]


def test_what_did_not_count_is_said_beside_what_was_given() -> None:
    rule = PAID_ITEM

    _points, _remarks, sentences = told(member(rule), "5.00", "0.00", "0.00", gift_card())

    assert sentences[1:3] == ["Item: gift cards of 50.00 EUR did not count.", "Item: 2 free lines did not count."]


def test_nothing_is_said_of_rules_that_do_not_concern_an_order() -> None:
    ada = member(Rule(), Rule(code="bread", categories=("BREAD",), minimum_amount="5"), WELCOME)
    make.buys(ada, "1.00", name="A0")

    assert told(ada, "20.00")[:2] == (20, [])


def test_what_points_paid_is_the_reason_where_it_was_all() -> None:
    ada = member(Rule(), Rule(points="5", kind="per_item", code="item"))
    make.given(ada, 100, make.NOON)
    fact = make.order(ada, "20.00", name="A1", paid_with_points=Decimal(20))
    take_orders(ada.program.retailer, [fact], now=make.NOON)
    found = why(ada, ada.customer.orders.get())

    assert found is not None
    assert [(each.rule, each.remark) for each in found.remarks] == [
        ("base", "paid_with_points"),
        ("item", "paid_with_points"),
    ]


@pytest.mark.parametrize("rule", [Rule(counts_free_lines=False), Rule(counts_gift_cards=True), Rule()])
def test_a_return_keeps_what_the_kept_lines_would_earn(rule: Rule) -> None:
    ada = member(rule)
    bought = make.buys(ada, "20.00", "0.00", gift_card())
    whole = make.wallet_of(ada).available

    make.returns(ada, bought, (3, "1"))
    without_card = make.wallet_of(ada).available
    make.returns(ada, bought, (1, "1"), (2, "1"))

    assert (whole, without_card) == ((70, 20) if rule.counts_gift_cards else (20, 20))
    assert make.wallet_of(ada).available == 0


def test_a_past_with_free_lines_and_gift_cards_comes_to_the_same() -> None:
    ada = member(Rule(), PAID_ITEM, WELCOME)
    bought = make.buys(ada, "20.00", "0.00", gift_card())
    make.buys(ada, gift_card(), "3.00")
    make.returns(ada, bought, (1, "1"))

    done = replay(ada.program, now=make.NOON + timedelta(days=3))

    assert (done.members, done.skipped, done.deviations) == (1, 0, [])


def test_a_document_says_what_counts_and_reads_it_back() -> None:
    draft = make.version(rules=(Rule(),))
    document = to_document(draft)
    (rule,) = document["earning_rules"]
    rule |= {"counts_free_lines": False, "counts_gift_cards": True}

    apply_to(draft, yaml.safe_load(yaml.safe_dump(document)))

    row = draft.earning_rules.get()
    assert (row.counts_free_lines, row.counts_gift_cards) == (False, True)
    again = to_document(draft)["earning_rules"][0]
    assert (again["counts_free_lines"], again["counts_gift_cards"]) == (False, True)


def test_a_document_of_before_means_what_it_meant() -> None:
    draft = make.version(rules=(Rule(),))
    document = to_document(draft)
    for name in ("counts_free_lines", "counts_gift_cards"):
        document["earning_rules"][0].pop(name, None)

    apply_to(draft, document)

    row = draft.earning_rules.get()
    assert (row.counts_free_lines, row.counts_gift_cards) == (True, False)


def test_an_order_says_which_line_is_a_gift_card_and_the_same_again_is_the_same(client: Client) -> None:
    ada = member(Rule())
    key = make.key(ada.program.retailer)
    lines: list[dict[str, Any]] = [
        {"sku": "milk", "quantity": "1", "net_amount": "10.50"},
        {"sku": "card", "quantity": "1", "net_amount": "25.00", "is_gift_card": True},
    ]
    said = ORDER | {"customer": "ada", "lines": lines}

    first = call(client, key, "orders", said)
    again = call(client, key, "orders", said)
    other = call(client, key, "orders", said | {"lines": [lines[0], {**lines[1], "is_gift_card": False}]})
    reasons = call(client, key, f"members/{ada.number}/orders/{ORDER['number']}").json()

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert other.json()["errors"][0]["pointer"] == "/lines/1/is_gift_card"
    assert reasons["points"] == 10
    assert reasons["remarks"] == [
        {
            "rule": "base", "remark": "gift_cards_not_counted", "amount": "25.00", "minimum": "0.00", "lines": 1,
            "sentence": "Base: gift cards of 25.00 EUR did not count.",
        }
    ]  # fmt: skip
    assert list(OrderLine.objects.order_by("position").values_list("is_gift_card", flat=True)) == [False, True]


def test_a_correction_makes_a_line_a_gift_card(client: Client) -> None:
    ada = member(Rule())
    key = make.key(ada.program.retailer)
    line = {"sku": "card", "quantity": "1", "net_amount": "25.00"}
    call(client, key, "orders", ORDER | {"customer": "ada", "lines": [line]})
    before = make.wallet_of(ada).available

    said: dict[str, object] = {name: value for name, value in ORDER.items() if name != "number"}
    put = client.put(
        f"/api/v1/orders/{ORDER['number']}", said | {"customer": "ada", "lines": [{**line, "is_gift_card": True}], "version": 1},
        content_type="application/json", headers={"authorization": f"Api-Key {key}"},
    )  # fmt: skip

    assert (put.status_code, before, make.wallet_of(ada).available) == (200, 25, 0)
    assert OrderLine.objects.get().is_gift_card is True
