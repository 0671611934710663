"""Sufficient statistics: what they count, that they follow every change, and that the orders confirm them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from analytics import statistics
from analytics.models import CustomerStatistics, CustomerValue
from analytics.runs import compute_value
from analytics.statistics import COLUMNS, statistics_of
from customers.facts import ReturnFact, ReturnLineFact
from customers.merging import merge
from customers.models import Customer, Erasure, FactChange, Insight, Retailer
from customers.privacy import erase
from customers.recording import record_orders, record_returns
from tests import make
from tests.api.test_integration import ORDER, call
from tests.make import NOON

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def brings_back(shop: Retailer, order: str, *parts: tuple[int, str], at: datetime = NOON, name: str = "") -> None:
    lines = tuple(ReturnLineFact(Decimal(quantity), position) for position, quantity in parts)
    (outcome,) = record_returns(shop, [ReturnFact(name or make.number("return"), order, at, lines)], now=NOON)
    assert outcome.error is None


def kept(customer: Customer) -> dict[str, Any] | None:
    found: dict[str, Any] | None = CustomerStatistics.objects.filter(customer=customer).values(*COLUMNS).first()
    return found


def now(customer: Customer) -> dict[str, Any] | None:
    found = statistics_of(customer)
    return None if found is None else {name: getattr(found, name) for name in COLUMNS}


def test_statistics_count_days_values_and_returns_to_their_orders_day() -> None:
    shop = make.retailer()
    days = [AT, AT + timedelta(hours=2), AT + timedelta(days=5), AT + timedelta(days=9)]
    facts = [make.order("ada", f"{10 * (place + 1)}.00", at=day, name=f"A{place}") for place, day in enumerate(days)]
    record_orders(shop, facts, now=NOON)
    brings_back(shop, "A3", (1, "1"))

    assert statistics.refresh(shop) == 1

    found = CustomerStatistics.objects.get()
    assert (found.first_day, found.last_day) == (AT.date(), (AT + timedelta(days=5)).date())
    assert (found.purchase_days, found.orders) == (2, 4)
    assert (found.first_value, found.total_value, found.returned_value) == (30, 60, 40)
    assert FactChange.objects.count() == 0
    assert statistics.differences(shop) == 0


def test_what_was_paid_with_points_is_no_revenue_and_goes_back_with_its_part() -> None:
    shop = make.retailer()
    facts = [
        make.order("ada", "30.00", at=AT, name="A1", paid_with_points=Decimal(10)),
        make.order("ada", "5.00", at=AT + timedelta(days=1), name="A2", paid_with_points=Decimal(5)),
        make.order("bob", "30.00", at=AT, name="B1", paid_with_points=Decimal(10)),
    ]
    record_orders(shop, facts, now=NOON)
    brings_back(shop, "A1", (1, "0.5"))
    brings_back(shop, "B1", (1, "1"))

    statistics.refresh(shop)

    ada = CustomerStatistics.objects.get()
    assert (ada.total_value, ada.purchase_days, ada.returned_value, ada.orders) == (10, 1, 15, 2)
    assert statistics_of(Customer.objects.get(external_id="bob")) is None


def test_costs_are_those_of_what_was_kept() -> None:
    shop = make.retailer()
    costed = replace(make.line("40.00", quantity="4"), unit_cost=Decimal("2.5"))
    record_orders(shop, [make.order("ada", costed, "10.00", at=AT, name="A1")], now=NOON)
    brings_back(shop, "A1", (1, "1"), (2, "0.5"))

    statistics.refresh(shop)

    ada = CustomerStatistics.objects.get()
    assert (ada.total_value, ada.costed_value, ada.cost) == (35, 30, Decimal("7.5"))
    assert statistics.differences(shop) == 0


def test_what_points_paid_is_kept_beside_what_money_did() -> None:
    shop = make.retailer()
    costed = replace(make.line("40.00", quantity="4"), unit_cost=Decimal("2.5"))
    facts = [
        make.order("ada", costed, "60.00", at=AT, name="A1", paid_with_points=Decimal(30)),
        make.order("ada", "20.00", at=AT + timedelta(days=1), name="A2", paid_with_points=Decimal(20)),
        make.order("ada", "7.00", at=AT + timedelta(days=2), name="A3", paid_with_points=Decimal(7)),
        make.order("bob", "10.00", at=AT, name="B1", paid_with_points=Decimal(10)),
    ]
    record_orders(shop, facts, now=NOON)
    brings_back(shop, "A1", (1, "2"), (2, "0.5"))
    brings_back(shop, "A3", (1, "1"))

    statistics.refresh(shop)

    ada = CustomerStatistics.objects.get()
    # Half of the first came back, and half of what points paid with it; of the second all was kept, that no money paid.
    assert (ada.total_value, ada.paid_with_points, ada.costed_value, ada.cost) == (35, 35, 20, 5)
    assert (ada.purchase_days, ada.returned_value) == (1, 57)
    assert statistics.differences(shop) == 0
    assert kept(ada.customer) == now(ada.customer)


def test_rows_from_before_points_were_kept_are_counted_again() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "30.00", at=AT, paid_with_points=Decimal(10))], now=NOON)
    statistics.refresh(shop)
    CustomerStatistics.objects.update(paid_with_points=0)

    assert [statistics.rebuild(shop), statistics.rebuild(shop)] == [1, 0]

    assert CustomerStatistics.objects.get().paid_with_points == 10


def test_the_rebuild_is_the_truth_and_mends_what_it_does_not_confirm() -> None:
    shop, other = make.retailer(), make.retailer()
    for each in (shop, other):
        record_orders(each, [make.order(f"c{place}", "10.00", at=AT) for place in range(5)], now=NOON)
        statistics.refresh(each)
    CustomerStatistics.objects.filter(customer__external_id="c1").update(orders=9)
    CustomerStatistics.objects.filter(customer__external_id="c2").delete()
    assert [statistics.differences(each) for each in (shop, other)] == [2, 2]

    assert [statistics.rebuild(shop), statistics.rebuild(shop)] == [2, 0]

    assert [statistics.differences(each) for each in (shop, other)] == [0, 2]


def test_what_waits_to_be_counted_is_no_difference() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", at=AT)], now=NOON)

    assert statistics.differences(shop) == 0
    assert statistics.rebuild(shop) == 0

    assert CustomerStatistics.objects.get().total_value == 10


def test_a_customers_statistics_are_those_of_now_though_nobody_has_counted() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", at=AT, name="A1")], now=NOON)
    ada = Customer.objects.get()
    statistics.refresh(shop)
    record_orders(shop, [make.order("ada", "7.00", at=AT + timedelta(days=3))], now=NOON)

    found = statistics_of(ada)

    assert found is not None
    assert (found.total_value, found.purchase_days) == (17, 2)
    assert CustomerStatistics.objects.get().total_value == 10  # a reader writes nothing
    statistics.refresh(shop)
    assert kept(ada) == now(ada) == {name: getattr(found, name) for name in COLUMNS}


def test_an_order_by_the_api_counts_at_once_and_is_in_the_next_runs_value(client: Client) -> None:
    shop = make.retailer()
    key = make.key(shop)
    first = call(client, key, "orders", ORDER)
    ada = Customer.objects.get(external_id="ada")
    assert now(ada) is not None
    compute_value(shop, now=NOON)

    more = call(client, key, "orders", ORDER | {"number": "A2", "occurred_at": "2026-06-13T14:00:00+02:00"})

    found = statistics_of(ada)
    assert found is not None
    assert (first.status_code, more.status_code) == (201, 201)
    assert (found.orders, found.purchase_days, found.total_value) == (2, 2, 21)
    assert Insight.objects.get().historic_revenue == Decimal("10.50")
    compute_value(shop, now=NOON)
    assert Insight.objects.get().historic_revenue == 21


def test_a_return_by_the_api_takes_an_order_back_exactly(client: Client) -> None:
    shop = make.retailer()
    key = make.key(shop)
    for number, day in (("A1", 10), ("A2", 13)):
        call(client, key, "orders", ORDER | {"number": number, "occurred_at": f"2026-06-{day}T14:00:00+02:00"})
        if number == "A1":
            ada = Customer.objects.get(external_id="ada")
            before = now(ada)
            compute_value(shop, now=NOON)
            insight = Insight.objects.values(*_SAID).get()
    compute_value(shop, now=NOON)

    back = {
        "number": "R1",
        "order_number": "A2",
        "occurred_at": "2026-06-14T10:00:00+02:00",
        "lines": [{"position": 1, "quantity": "2"}],
    }
    answer = call(client, key, "returns", back)

    assert answer.status_code == 201, answer.json()
    found = now(ada)
    assert found is not None
    assert before is not None
    assert found | {"orders": 1, "returned_value": 0} == before
    compute_value(shop, now=NOON)
    assert Insight.objects.values(*_SAID).get() == insight


_SAID = ("historic_revenue", "historic_margin", "predicted_value", "value_decile")


def test_who_is_merged_takes_all_of_it_along(client: Client) -> None:
    shop = make.retailer()
    record_orders(
        shop,
        [
            make.order("ada", "10.00", at=AT),
            make.order("web-ada", "7.00", at=AT),
            make.order("web-ada", "5.00", at=AT + timedelta(days=4)),
        ],
        now=NOON,
    )
    compute_value(shop, now=NOON)
    ada, web = (Customer.objects.get(external_id=name) for name in ("ada", "web-ada"))

    merge(shop, "web-ada", "ada", reference="crm", now=NOON)

    found = statistics_of(ada)
    assert found is not None
    assert (found.purchase_days, found.orders, found.first_value, found.total_value) == (2, 3, 17, 22)
    assert statistics_of(web) is None
    compute_value(shop, now=NOON)
    assert dict(Insight.objects.values_list("customer__external_id", "historic_revenue")) == {"ada": 22}
    assert statistics.differences(shop) == 0


def test_of_who_is_erased_no_run_writes_anything_down() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", at=AT), make.order("bob", "10.00", at=AT)], now=NOON)
    compute_value(shop, now=NOON)

    erase(Customer.objects.get(external_id="ada"), asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)
    run = compute_value(shop, now=NOON)

    assert run is not None
    assert list(Insight.objects.values_list("customer__external_id", flat=True)) == ["bob"]
    assert (CustomerValue.objects.filter(run=run).count(), statistics.differences(shop)) == (2, 0)
