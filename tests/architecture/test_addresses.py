"""Numbers and ids may hold anything, but customers' ids no end by which addresses of the API lead on; those are said once."""

import re
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from customers.checks import AFTER_CUSTOMERS
from loyalty.activity.api import urls as api
from loyalty.activity.api.changes import NumberView


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> list[str]:
    """Return the routes of all addresses, whole."""
    found = []
    for each in patterns:
        route = f"{before}{each.pattern}"
        found += routes(each.url_patterns, route) if isinstance(each, URLResolver) else [route]
    return found


def test_each_address_that_leads_on_from_a_customer_is_known() -> None:
    leads_on = re.compile(r"api/v1/customers/<([a-z]+):[a-z_]+>(/.+)")

    found = [match for match in map(leads_on.fullmatch, routes(get_resolver().url_patterns)) if match]

    assert {match[2] for match in found} == set(AFTER_CUSTOMERS)
    assert {match[1] for match in found} == {"path"}  # an id may hold a slash


def test_each_address_that_leads_on_from_an_order_leaves_the_order_its_own() -> None:
    """Whatever an order is called: what corrects it is no other action."""
    leads_on = re.compile(r"api/v1/orders/(<path:number>/.+|[^<>/]+)")
    addresses = {str(each.pattern): each for each in api.urlpatterns}

    found = [
        addresses[route.removeprefix("api/v1/")]
        for route in routes(get_resolver().url_patterns)
        if leads_on.fullmatch(route)
    ]

    assert len(found) == 3
    for each in found:
        view: Any = vars(each.callback)["view_class"]
        assert issubclass(view, NumberView)
        assert "PUT" in view.of_order
