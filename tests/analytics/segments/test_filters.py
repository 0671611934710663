"""Lists of insights by what kind of customer somebody is."""

from typing import Any

import pytest
from django.http import QueryDict

from analytics.segments.filters import SegmentFilters
from customers.models import Insight
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
KINDS: dict[str, dict[str, Any]] = {
    "ada": {
        "segment": "vip",
        "tags": ["gift_buyer", "brand_lover"],
        "life_stage": "established",
        "favourite_brand": "Own",
    },
    "bob": {"segment": "vip_at_risk", "tags": ["gift_buyer"], "life_stage": "lost"},
    "cat": {"segment": "potential_loyal", "life_stage": "new"},
    "dan": {},
}


def filtered(asked: str) -> Any:
    return SegmentFilters(QueryDict(asked), queryset=Insight.objects.all())


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["ada", "bob", "cat", "dan"]),
        ("segment=vip", ["ada"]),
        ("segment=vip&segment=vip_at_risk", ["ada", "bob"]),
        ("tag=gift_buyer", ["ada", "bob"]),
        ("tag=brand_lover&tag=seldom_buyer", ["ada"]),
        ("life_stage=new&life_stage=lost", ["bob", "cat"]),
        ("tag=gift_buyer&life_stage=lost", ["bob"]),
        ("favourite_brand=Own", ["ada"]),
    ],
)
def test_customers_are_found_by_their_kind(asked: str, names: list[str]) -> None:
    shop = make.retailer()
    usual = {"run_id": 1, "as_of": NOON.date(), "horizon_days": 365, "currency": "EUR", "historic_revenue": 1}
    for name, kind in KINDS.items():
        Insight.objects.create(customer=make.customer(shop, name), **usual, **kind)

    found = filtered(asked)

    assert found.is_valid()
    assert sorted(found.qs.values_list("customer__external_id", flat=True)) == names


@pytest.mark.parametrize("asked", ["segment=gold", "tag=vip", "life_stage=never_bought"])
def test_what_there_is_not_is_refused(asked: str) -> None:
    assert not filtered(asked).is_valid()
