"""Pages of staff tell amounts in the decimals of their currency: three of dinars, none of yen."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Order
from loyalty.activity.account.spending import redeem
from loyalty.activity.versions import read_version, versions_of_program
from loyalty.configuration.drafts import open_draft
from loyalty.planning.charts import charts_of
from loyalty.planning.costs import estimate
from loyalty.points.models import PointsPolicy
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize(
    ("currency", "amount", "value", "figures"),
    [
        # 100 points for 100 KWD, one spent: 99 are worth 0.495, and of 80 that are expected to be redeemed 79 are open.
        ("KWD", "100", "0.005", ("worth 0.495 KWD", '"figure">0.395 KWD')),
        ("JPY", "1000", "1", ("worth 999 JPY", '"figure">799 JPY')),
    ],
)
def test_a_months_end(staff: Client, currency: str, amount: str, value: str, figures: tuple[str, ...]) -> None:
    policy = {"point_value": Decimal(value), "redeemed_share": Decimal("0.8")}
    ada = make.member(make.program(make.retailer(currency=currency), points=policy))
    make.buys(ada, amount)
    redeem(ada, 1, reference="r1", now=NOON)

    address = reverse("admin:programs_program_month_end", args=[ada.program.pk])
    page = staff.get(f"{address}?month=2026-06&clock=occurred").content.decode()

    assert [figure for figure in figures if figure not in page] == []


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [("KWD", "12.345", "12.345 KWD"), ("JPY", "1200", ">1,200 JPY"), ("EUR", "7", "7.00 EUR")],
)
def test_an_order(staff: Client, currency: str, amount: str, shown: str) -> None:
    ada = make.member(make.program(make.retailer(currency=currency)))
    make.buys(ada, amount)

    address = reverse("admin:customers_order_change", args=[Order.objects.get().pk])

    assert shown in staff.get(address).content.decode()


@pytest.mark.parametrize(
    ("currency", "value", "costs"), [("KWD", "0.0015", "0.005"), ("JPY", "0.9", "3"), ("EUR", "0.0015", "0.00")]
)
def test_what_a_draft_would_cost(currency: str, value: str, costs: str) -> None:
    ada = make.member(make.program(make.retailer(currency=currency)))
    make.buys(ada, "3")
    draft = open_draft(ada.program)
    PointsPolicy.objects.filter(version=draft).update(point_value=Decimal(value))

    found = estimate(
        ada.program, versions_of_program(ada.program_id).at(NOON), read_version(draft.pk), until=make.on("2026-07-01")
    )

    # Three points: 0.0045 of money, or 2.7, by the currency's smallest amount.
    assert (f"{found.liability_then}", f"{found.cost_then}") == (costs, costs)


def test_a_what_if() -> None:
    side = {"net": 3, "cost": "0.005", "liability": "12.345", "issued": [3], "returned": [0], "tiers": {}}
    told = {"months": ["2026-06"], "currency": "KWD", "draft": side, "actual": side, "tiers": [], "members": 1, "movers": 0,
            "moves": [], "break_even": None}  # fmt: skip

    figures = [each["figure"] for each in charts_of(told)["figures"]]

    assert figures == ["3", "0.005 KWD", "12.345 KWD", "0"]
