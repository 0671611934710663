from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.checks import InvalidFact
from customers.facts import InteractionFact, ReturnFact, ReturnLineFact, fingerprint, line_of
from customers.models import Customer, FactChange, Interaction, Order, Return
from customers.recording import record_interactions, record_orders, record_returns
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def test_an_order_is_recorded_with_its_lines_customer_and_day() -> None:
    shop = make.retailer(zone="Europe/Paris")
    late = NOON.replace(hour=23)

    (outcome,) = record_orders(shop, [make.order("ada", "10.00", "2.50", at=late, name="A1")], now=late)

    stored = Order.objects.get()
    assert stored.pk == outcome.id
    assert (stored.number, stored.net_amount, stored.currency) == ("A1", Decimal("12.50"), "EUR")
    assert stored.local_date == late.date() + timedelta(days=1)
    assert stored.customer == Customer.objects.get(retailer=shop, external_id="ada")
    assert list(stored.lines.order_by("position").values_list("position", "net_amount")) == [
        (1, Decimal("10.00")),
        (2, Decimal("2.50")),
    ]


def test_the_same_order_again_changes_nothing() -> None:
    shop = make.retailer()
    fact = make.order("ada", "10.00")
    record_orders(shop, [fact], now=NOON)
    changes = FactChange.objects.count()

    (outcome,) = record_orders(shop, [fact], now=NOON + timedelta(days=1))

    assert outcome.status == "unchanged"
    assert Order.objects.filter(retailer=shop).count() == 1
    assert FactChange.objects.count() == changes


def test_the_same_number_with_other_content_is_a_conflict_and_changes_nothing() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", name="A1")], now=NOON)

    (outcome,) = record_orders(shop, [make.order("ada", "11.00", name="A1")], now=NOON)

    assert outcome.error is not None
    assert outcome.error.code == "conflict"
    assert "A1" in str(outcome.error)
    assert Order.objects.get(retailer=shop).net_amount == Decimal("10.00")


def test_an_order_twice_in_one_batch_is_one_order() -> None:
    shop = make.retailer()
    fact, other = make.order("ada", "10.00", name="A1"), make.order("bob", "5.00", name="A1")

    outcomes = record_orders(shop, [fact, fact, other], now=NOON)

    assert [outcome.status.value for outcome in outcomes] == ["created", "unchanged", "failed"]
    assert Order.objects.filter(retailer=shop).count() == 1


def test_one_bad_order_does_not_spoil_the_others() -> None:
    shop = make.retailer()
    facts = [make.order("ada", "1.00"), make.order("ada", "1.00", currency="USD"), make.order("ada", "1.00")]

    outcomes = record_orders(shop, facts, now=NOON)

    assert [outcome.status.value for outcome in outcomes] == ["created", "failed", "created"]
    assert outcomes[1].error is not None
    assert str(outcomes[1].error) == "The order is in USD; this retailer sells in EUR."


def test_a_guest_stays_anonymous() -> None:
    shop = make.retailer()

    (outcome,) = record_orders(shop, [make.order(None, "10.00")], now=NOON)

    assert outcome.customer_id is None
    assert not Customer.objects.filter(retailer=shop).exists()


def test_the_same_instant_in_another_zone_is_the_same_order() -> None:
    from zoneinfo import ZoneInfo

    paris = NOON.astimezone(ZoneInfo("Europe/Paris"))
    goods = make.line("1.00", sku="s")

    assert fingerprint(make.order("ada", goods, at=NOON, name="A1")) == fingerprint(
        make.order("ada", goods, at=paris, name="A1")
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"quantity": Decimal(0), "net_amount": Decimal(1)}, "quantity_not_positive"),
        ({"quantity": Decimal(-1), "net_amount": Decimal(1)}, "quantity_not_positive"),
        ({"quantity": Decimal("0.0001"), "net_amount": Decimal(1)}, "too_many_decimals"),
        ({"quantity": Decimal(1), "net_amount": Decimal(-1)}, "amount_negative"),
        ({"quantity": Decimal(1)}, "no_amount"),
        ({"quantity": Decimal(1), "net_amount": Decimal(10) ** 12}, "amount_too_large"),
    ],
)
def test_a_line_that_cannot_be_is_refused(given: dict[str, Decimal], code: str) -> None:
    with pytest.raises(InvalidFact) as refused:
        line_of(sku="x", **given)  # type: ignore[arg-type] # the table's keys are parameters

    assert refused.value.code == code


def test_returns_of_parts_add_up_to_the_line_exactly() -> None:
    shop = make.retailer()
    goods = make.line("10.00", quantity="3", sku="s")
    record_orders(shop, [make.order("ada", goods, name="A1")], now=NOON)

    for part in range(3):
        fact = ReturnFact(f"R{part}", "A1", NOON + timedelta(days=part), (ReturnLineFact(Decimal(1), sku="s"),))
        record_returns(shop, [fact], now=fact.occurred_at)

    amounts = list(Return.objects.filter(retailer=shop).order_by("number").values_list("net_amount", flat=True))
    assert amounts == [Decimal("3.33"), Decimal("3.34"), Decimal("3.33")]


@pytest.mark.parametrize(
    ("order_number", "position", "quantity", "days", "code"),
    [
        ("A1", 1, "4", 1, "more_than_bought"),
        ("A1", 2, "1", 1, "unknown_line"),
        ("A2", 1, "1", 1, "unknown_order"),
        ("A1", 1, "1", -1, "return_before_order"),
    ],
)
def test_a_return_that_cannot_be_is_refused_whole(
    order_number: str, position: int, quantity: str, days: int, code: str
) -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", make.line("10.00", quantity="3"), name="A1")], now=NOON)
    lines = (ReturnLineFact(Decimal(1), 1), ReturnLineFact(Decimal(quantity), position))

    fact = ReturnFact("R1", order_number, NOON + timedelta(days=days), lines)
    (outcome,) = record_returns(shop, [fact], now=NOON + timedelta(days=1))

    assert outcome.error is not None
    assert outcome.error.code == code
    assert not Return.objects.filter(retailer=shop).exists()


@pytest.mark.parametrize(
    ("position", "sku", "takes"), [(1, "b", False), (2, "a", False), (2, "b", True), (2, "", True)]
)
def test_a_line_that_is_named_twice_is_named_the_same(position: int, sku: str, takes: bool) -> None:  # noqa: FBT001 - a table
    shop = make.retailer()
    lines = (make.line("10.00", sku="a"), make.line("20.00", sku="b"))
    record_orders(shop, [make.order("ada", *lines, name="A1")], now=NOON)
    fact = ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), position=position, sku=sku),))

    (outcome,) = record_returns(shop, [fact], now=NOON)

    assert (outcome.error.code if outcome.error else "") == ("" if takes else "other_line")
    assert Return.objects.count() == takes


def test_returns_together_cannot_exceed_what_was_bought() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", make.line("10.00", quantity="2"), name="A1")], now=NOON)
    facts = [
        ReturnFact(f"R{part}", "A1", NOON + timedelta(days=part), (ReturnLineFact(Decimal(1), 1),))
        for part in (1, 2, 3)
    ]

    outcomes = record_returns(shop, facts, now=NOON + timedelta(days=3))

    assert [outcome.status.value for outcome in outcomes] == ["created", "created", "failed"]
    assert str(outcomes[2].error) == "1 of line 1 cannot come back: 0 of 2 are left."


def test_the_same_return_again_changes_nothing() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", make.line("10.00", quantity="2"), name="A1")], now=NOON)
    fact = ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))
    record_returns(shop, [fact], now=NOON)

    (outcome,) = record_returns(shop, [fact], now=NOON)

    assert outcome.status == "unchanged"
    assert Return.objects.filter(retailer=shop).count() == 1


def test_interactions_are_recorded_once() -> None:
    shop = make.retailer()
    fact = InteractionFact("I1", "ada", "visit", NOON)

    outcomes = [record_interactions(shop, [fact], now=NOON)[0].status.value for _ in range(2)]

    assert outcomes == ["created", "unchanged"]
    assert Interaction.objects.filter(retailer=shop).count() == 1


def test_one_order_and_a_thousand_take_the_same_number_of_statements() -> None:
    shop = make.retailer()
    counts = []
    for size in (1, 1_000):
        facts = [make.order(make.number("c"), "1.00") for _ in range(size)]
        with CaptureQueriesContext(connection) as queries:
            record_orders(shop, facts, now=NOON)
        counts.append(len(queries))

    assert counts[0] == counts[1]
