"""Numbers and ids may hold anything but what addresses of the API lead on by; which that is, is said once."""

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from customers.checks import AFTER_CUSTOMERS, AFTER_ORDERS, BESIDE_ORDERS


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> list[str]:
    """Return the routes of all addresses, whole."""
    found = []
    for each in patterns:
        route = f"{before}{each.pattern}"
        found += routes(each.url_patterns, route) if isinstance(each, URLResolver) else [route]
    return found


@pytest.mark.parametrize(("what", "ends"), [("orders", AFTER_ORDERS), ("customers", AFTER_CUSTOMERS)])
def test_each_address_that_leads_on_from_an_order_or_a_customer_is_known(what: str, ends: tuple[str, ...]) -> None:
    leads_on = re.compile(rf"api/v1/{what}/<path:[a-z_]+>(/.+)")

    found = {match[1] for match in map(leads_on.fullmatch, routes(get_resolver().url_patterns)) if match}

    assert found == set(ends)


def test_what_stands_in_the_place_of_an_orders_number_is_known() -> None:
    beside = re.compile(r"api/v1/orders/([^<>/]+)")

    found = {match[1] for match in map(beside.fullmatch, routes(get_resolver().url_patterns)) if match}

    assert found == {BESIDE_ORDERS}
