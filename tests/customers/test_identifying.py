"""A customer is known from the earliest instant that anybody told us of, in whatever order we heard."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.facts import InteractionFact
from customers.importing.running import run_import
from customers.models import Customer, Retailer
from customers.recording import identify, record_interactions, record_orders
from customers.registration import CustomerFact, register
from loyalty.activity.account.enrolment import enrol_everyone
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FIRST = NOON - 700 * DAY


def known_since(shop: Retailer, name: str = "ada") -> datetime:
    return Customer.objects.get(retailer=shop, external_id=name).identified_at


def hear(shop: Retailer, how: str) -> None:
    """Hear of Ada in one of the ways; only the order tells of the earliest instant."""
    if how == "order":
        record_orders(shop, [make.order("ada", "1.00", at=FIRST, name="A1")], now=NOON)
    elif how == "file":
        register(shop, [CustomerFact("ada", first_name="Ada")], now=NOON)
    elif how == "visit":
        record_interactions(shop, [InteractionFact("I1", "ada", "visit", FIRST + DAY)], now=NOON)
    else:
        identify(shop, [("ada", NOON - DAY)], now=NOON)


@pytest.mark.parametrize("ways", list(permutations(["order", "file", "visit", "enrolment"])))
def test_the_earliest_instant_counts_in_whatever_order_it_is_told(ways: Sequence[str]) -> None:
    shop = make.retailer()

    for how in ways:
        hear(shop, how)

    assert known_since(shop) == FIRST


@pytest.mark.parametrize("newest_first", [False, True])
def test_customers_then_two_years_of_orders_then_everyone_is_enrolled_from_the_first_order_on(
    newest_first: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    club = make.program(since=FIRST - DAY)
    run_import(club.retailer, "customers", io.BytesIO(b"external_id\nada\nbob\n"), now=NOON)
    days = sorted((FIRST + timedelta(days=20 * step) for step in range(30)), reverse=newest_first)
    rows = [f"A{place},ada,{day.isoformat()},x,1,10.00\n" for place, day in enumerate(days)]
    text = "order_number,customer,occurred_at,sku,quantity,net_amount\n" + "".join(rows)

    run_import(club.retailer, "orders", io.BytesIO(text.encode()), now=NOON, batch_size=7)
    enrol_everyone(club, source="import", now=NOON)

    since = dict(club.memberships.values_list("customer__external_id", "enrolled_at"))
    assert since == {"ada": FIRST, "bob": NOON}


@pytest.mark.parametrize("kind", ["order", "interaction"])
def test_what_is_refused_or_known_moves_no_instant(kind: str) -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "1.00", name="A1")], now=NOON)
    record_interactions(shop, [InteractionFact("I1", "ada", "visit", NOON)], now=NOON)

    if kind == "order":
        error = record_orders(shop, [make.order("ada", "2.00", at=FIRST, name="A1")], now=NOON)[0].error
    else:
        error = record_interactions(shop, [InteractionFact("I1", "ada", "visit", FIRST)], now=NOON)[0].error

    assert error is not None
    assert known_since(shop) == NOON


def test_a_known_customers_order_takes_one_statement_more_only_when_it_is_the_earliest() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "1.00")], now=NOON)
    counts = []
    for at in (NOON - DAY, NOON, NOON - DAY / 2):
        with CaptureQueriesContext(connection) as queries:
            record_orders(shop, [make.order("ada", "1.00", at=at)], now=NOON, are_decided=True)
        counts.append(len(queries))

    assert counts == [2, 1, 1]
    assert known_since(shop) == NOON - DAY
