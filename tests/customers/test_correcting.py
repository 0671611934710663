"""A corrected order is as if it had been the only one, and what it said before stays readable."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.batches import Outcome
from customers.checks import InvalidFact
from customers.claiming import claim_order
from customers.correcting import record_corrections
from customers.facts import CorrectionFact, LineFact, OrderEventFact, OrderFact, ReturnFact, ReturnLineFact
from customers.models import Customer, FactChange, Order, OrderRevision, Retailer, Return
from customers.recording import record_order_events, record_orders, record_returns
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=10)
MILK, BREAD = make.line("3.00", quantity="3", sku="milk"), make.line("2.50", sku="bread")


def a1(*lines: LineFact, who: str | None = "ada", **given: Any) -> OrderFact:
    return make.order(who, *lines, name="A1", **given)


def shop_with(fact: OrderFact, **given: Any) -> Retailer:
    shop = make.retailer(**given)
    record_orders(shop, [fact], now=NOON)
    return shop


def correct(shop: Retailer, fact: OrderFact, version: int = 1) -> Outcome[CorrectionFact]:
    return record_corrections(shop, [CorrectionFact(fact, version)], now=LATER)[0]


def give_back(shop: Retailer, quantity: str, *, position: int = 1, number: str = "R1") -> None:
    line = ReturnLineFact(Decimal(quantity), position)
    (outcome,) = record_returns(shop, [ReturnFact(number, "A1", NOON + timedelta(days=1), (line,))], now=LATER)
    assert outcome.error is None


def content(shop: Retailer) -> list[tuple[Any, ...]]:
    """Return all that is recorded of A1 but for ids, hash and version."""
    order = Order.objects.get(retailer=shop, number="A1")
    names = [f.name for f in Order._meta.concrete_fields]
    left_out = {"id", "retailer", "content_hash", "version", "recorded_at", "customer"}
    own = tuple(str(getattr(order, name)) for name in names if name not in left_out)
    line_names = (
        "position",
        "sku",
        "category",
        "brand",
        "quantity",
        "unit_price",
        "discount",
        "net_amount",
        "unit_cost",
    )
    lines = order.lines.order_by("position").values_list(*line_names)
    returns = order.returns.order_by("number").values_list("number", "net_amount")
    parts = (
        Return.objects.filter(order=order).order_by("number").values_list("lines__line__position", "lines__net_amount")
    )
    who = order.customer.external_id if order.customer else None
    return [(who, *own), *lines, *returns, *parts]


@pytest.mark.parametrize(
    "corrected",
    [
        a1(MILK, make.line("9.00", sku="wine")),
        a1(MILK),
        a1(make.line("4.00", quantity="4", sku="milk"), BREAD, make.line("1.00", sku="salt")),
        a1(BREAD, MILK),
        a1(MILK, BREAD, at=NOON - timedelta(days=3), store="lyon", redemptions=("r1",), paid_with_points=Decimal(1)),
        a1(MILK, BREAD, who="bob"),
        a1(MILK, BREAD, who=None),
        a1(make.line("2.99", quantity="1.5", sku="milk"), BREAD, shipping_amount=Decimal("4.90"), is_gift=True),
    ],
)
@pytest.mark.parametrize("returned", [False, True])
def test_what_is_recorded_is_as_if_the_corrected_order_had_been_the_only_one(
    corrected: OrderFact,
    returned: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    shop, other = shop_with(a1(MILK, BREAD)), shop_with(corrected)
    if returned:
        give_back(shop, "0.7")
        give_back(shop, "0.7", number="R2")
        milk = next(place for place, line in enumerate(corrected.lines, start=1) if line.sku == "milk")
        give_back(other, "0.7", position=milk)
        give_back(other, "0.7", position=milk, number="R2")

    outcome = correct(shop, corrected)

    assert (outcome.error, outcome.status) == (None, "corrected")
    assert content(shop) == content(other)


def test_an_outcome_names_the_order_and_its_customer_before_and_after() -> None:
    shop = shop_with(a1(MILK))
    changes = FactChange.objects.count()

    outcome = correct(shop, a1(MILK, who="bob"))

    ids = dict(Customer.objects.filter(retailer=shop).values_list("external_id", "pk"))
    assert (outcome.id, outcome.customer_before, outcome.customer_id) == (
        Order.objects.get(retailer=shop).pk,
        ids["ada"],
        ids["bob"],
    )
    assert FactChange.objects.count() == changes + 2


def test_the_old_content_stays_readable() -> None:
    shop = shop_with(a1(MILK, BREAD, store="lyon"))

    correct(shop, a1(BREAD), version=3)
    correct(shop, a1(MILK), version=4)

    first, second = OrderRevision.objects.filter(order__retailer=shop).order_by("version")
    assert (first.version, second.version, Order.objects.get(retailer=shop).version) == (0, 3, 4)
    assert (first.content["store"], first.content["customer"], first.content["net_amount"]) == ("lyon", "ada", "5.50")
    assert first.content["lines"][0] == {
        "sku": "milk",
        "quantity": "3.000",
        "net_amount": "3.00",
        "unit_price": "1.000000",
        "discount": "0.00",
        "category": "",
        "brand": "",
        "unit_cost": None,
        "is_gift_card": False,
    }
    assert second.replaced_at == LATER


@pytest.mark.parametrize(
    ("version", "lines", "status"),
    [
        (2, (BREAD,), "unchanged"),
        (3, (BREAD,), "unchanged"),
        (1, (MILK,), "unchanged"),
        (1, (BREAD,), "unchanged"),
        (2, (MILK,), "failed"),
        (1, (MILK, BREAD), "failed"),
        (3, (MILK, BREAD), "corrected"),
    ],
)
def test_a_version_is_known_by_its_content(version: int, lines: tuple[LineFact, ...], status: str) -> None:
    shop = shop_with(a1(MILK, MILK))
    correct(shop, a1(MILK), version=1)
    correct(shop, a1(BREAD), version=2)

    outcome = correct(shop, a1(*lines), version=version)

    assert outcome.status == status
    if status == "failed":
        assert outcome.error is not None
        assert outcome.error.code == "conflict"
        assert Order.objects.get(retailer=shop).lines.get().sku == "bread"


def test_a_later_version_of_the_same_content_is_noted() -> None:
    shop = shop_with(a1(MILK))

    correct(shop, a1(MILK), version=5)

    assert Order.objects.get(retailer=shop).version == 5
    assert not OrderRevision.objects.exists()
    assert correct(shop, a1(BREAD), version=4).status == "failed"


def test_what_was_reported_first_is_known_after_a_correction() -> None:
    first, second = a1(MILK), a1(BREAD)
    shop = shop_with(first)
    correct(shop, second)

    outcomes = record_orders(shop, [first, second, a1(MILK, BREAD)], now=LATER)

    assert [outcome.status.value for outcome in outcomes] == ["unchanged", "unchanged", "failed"]
    assert Order.objects.get(retailer=shop).lines.get().sku == "bread"


def test_a_correction_of_an_order_that_is_not_known_records_it() -> None:
    shop = make.retailer()

    created, again = correct(shop, a1(MILK), version=2), correct(shop, a1(MILK), version=2)

    assert (created.status, again.status) == ("created", "unchanged")
    assert created.customer_id == Customer.objects.get(retailer=shop).pk
    assert Order.objects.get(retailer=shop).version == 2


def test_several_versions_in_one_call_end_in_the_last() -> None:
    shop = shop_with(a1(MILK))
    facts = [CorrectionFact(a1(*lines), version) for lines, version in (((BREAD,), 2), ((MILK, BREAD), 1))]
    facts.append(CorrectionFact(make.order("bob", "1.00", name="B1"), 1))

    outcomes = record_corrections(shop, facts, now=LATER)

    assert [outcome.status.value for outcome in outcomes] == ["corrected", "corrected", "created"]
    assert list(OrderRevision.objects.order_by("version").values_list("version", flat=True)) == [0, 1]
    assert Order.objects.get(retailer=shop, number="A1").lines.get().sku == "bread"


@pytest.mark.parametrize(
    ("corrected", "code"),
    [
        (a1(BREAD), "came_back"),
        (a1(make.line("1.00", quantity="1.9", sku="milk"), BREAD), "came_back"),
        (a1(make.line("3.00", quantity="3", sku="wine"), BREAD), "came_back"),
        (a1(BREAD, *(make.line("2.00", quantity="2", sku="milk") for _ in range(2))), "came_back"),
        (a1(MILK, BREAD, at=NOON + timedelta(days=2)), "happened_before"),
        (a1(MILK, BREAD, at=LATER + timedelta(days=1)), "in_the_future"),
        (a1(MILK, BREAD, currency="USD"), "other_currency"),
        (a1(make.line("3.001", quantity="3", sku="milk")), "too_many_decimals"),
    ],
)
def test_what_cannot_carry_what_came_back_is_refused_and_changes_nothing(corrected: OrderFact, code: str) -> None:
    shop = shop_with(a1(MILK, BREAD))
    give_back(shop, "2")
    before = content(shop)

    outcome = correct(shop, corrected)

    assert outcome.error is not None
    assert outcome.error.code == code
    assert content(shop) == before
    assert not OrderRevision.objects.exists()


def test_an_order_cannot_be_placed_after_its_delivery() -> None:
    shop = shop_with(a1(MILK))
    record_order_events(shop, [OrderEventFact("A1", "delivered", NOON + timedelta(hours=1))], now=LATER)

    late, in_time = (correct(shop, a1(MILK, at=NOON + timedelta(minutes=minutes))) for minutes in (61, 60))

    assert late.error is not None
    assert (late.error.code, in_time.status) == ("happened_before", "corrected")


def test_lines_of_one_sku_are_carried_on_by_their_positions() -> None:
    one, two = make.line("3.00", quantity="3", sku="milk"), make.line("8.00", quantity="2", sku="milk")
    shop = shop_with(a1(one, two))
    give_back(shop, "1", position=2)

    correct(shop, a1(one, make.line("10.00", quantity="2", sku="milk")))

    assert Return.objects.get().net_amount == Decimal("5.00")


def test_two_returned_lines_change_places() -> None:
    shop = shop_with(a1(MILK, BREAD))
    give_back(shop, "1")
    give_back(shop, "1", position=2, number="R2")

    outcome = correct(shop, a1(BREAD, MILK))

    assert outcome.status == "corrected"
    order = Order.objects.get(retailer=shop)
    assert list(order.lines.order_by("position").values_list("sku", flat=True)) == ["bread", "milk"]
    assert list(order.returns.order_by("number").values_list("net_amount", flat=True)) == [Decimal(1), Decimal("2.50")]


def test_a_claimed_order_stays_the_claimers_until_a_correction_names_somebody() -> None:
    shop = shop_with(a1(MILK, who=None))
    make.customer(shop, "ada")
    claimed = claim_order(shop, "A1", "ada", reference="receipt 7", now=NOON)

    guest, named = correct(shop, a1(BREAD, who=None), 1), correct(shop, a1(BREAD, who="bob"), 2)

    assert (guest.customer_before, guest.customer_id) == (claimed.customer_id, claimed.customer_id)
    assert (named.customer_before, named.customer_id) == (
        claimed.customer_id,
        Customer.objects.get(retailer=shop, external_id="bob").pk,
    )


def test_a_corrected_instant_makes_a_customer_known_earlier() -> None:
    shop = shop_with(a1(MILK))

    correct(shop, a1(MILK, at=NOON - timedelta(days=9)))

    assert Customer.objects.get(retailer=shop).identified_at == NOON - timedelta(days=9)


@pytest.mark.parametrize("version", [0, -1, 2**31, 10**400])
def test_a_version_is_a_number_that_can_be_kept(version: int) -> None:
    with pytest.raises(InvalidFact) as refused:
        CorrectionFact(a1(MILK), version)

    assert (refused.value.column, refused.value.code) == ("version", "no_such_version")


def test_one_correction_and_fifty_take_the_same_number_of_statements() -> None:
    shop = make.retailer()
    counts = []
    for size in (1, 50):
        orders = [make.order(make.number("c"), MILK, BREAD) for _ in range(size)]
        record_orders(shop, orders, now=NOON)
        back = [ReturnFact(f"R{one.number}", one.number, NOON, (ReturnLineFact(Decimal(1), 1),)) for one in orders]
        record_returns(shop, back, now=NOON)
        facts = [CorrectionFact(make.order(one.customer, MILK, name=one.number), 1) for one in orders]
        with CaptureQueriesContext(connection) as queries:
            outcomes = record_corrections(shop, facts, now=NOON)
        counts.append(len(queries))
        assert {outcome.status.value for outcome in outcomes} == {"corrected"}

    assert counts[0] == counts[1]
