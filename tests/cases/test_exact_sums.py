"""What is shown of sums is all of them, however large, in the decimals of the retailer's currency."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from loyalty.points.closing import close_month
from loyalty.points.journal import month_end, write_csv
from loyalty.points.models import ClosedMonth, PointsPolicy
from tests import make
from tests.cases.shop import Rule, Rung, Shop

pytestmark = pytest.mark.django_db
MAX_AMOUNT = "999999999999.99"


def member_says(client: Client, shop: Shop) -> dict[str, Any]:
    """Return what the API says of Ada's tier."""
    key, number = make.key(shop.retailer), shop.membership("ada").number
    answer = client.get(f"/api/v1/members/{number}", headers={"authorization": f"Api-Key {key}"})
    assert answer.status_code == 200
    tier: dict[str, Any] = answer.json()["tier"]
    return tier


def test_a_member_with_the_largest_orders_can_be_read(client: Client) -> None:
    shop = Shop(tiers=[Rung("silver", "100"), Rung("gold", MAX_AMOUNT)])
    shop.member("ada")
    for number in ("A", "B", "C"):
        shop.order(number, "ada", MAX_AMOUNT, at="2026-01-10 12:00")

    tier = member_says(client, shop)

    assert (tier["qualifying"], tier["current"]["threshold"], tier["to_next"]) == ("2999999999999.97", MAX_AMOUNT, None)


def test_a_member_with_the_most_points_can_be_read(client: Client) -> None:
    scheme = {"basis": "points", "window": "lifetime"}
    shop = Shop(tiers=[Rung("silver", "100")], rules=[Rule(points="900")], scheme=scheme)
    shop.member("ada")
    shop.order("A", "ada", MAX_AMOUNT, at="2026-01-10 12:00")

    assert member_says(client, shop)["qualifying"] == "899999999999991.00"


def test_sums_of_dinars_have_three_decimals(client: Client) -> None:
    shop = Shop("Asia/Kuwait", "KWD", tiers=[Rung("silver", "1.500")])
    shop.member("ada")
    shop.order("A", "ada", "1.499", at="2026-01-10 12:00")

    tier = member_says(client, shop)

    assert (tier["qualifying"], tier["to_next"]) == ("1.499", "0.001")
    assert tier["missing"] == [{"basis": "spend", "amount": "0.001"}]


@pytest.mark.parametrize(
    ("currency", "value", "net", "owed", "written"),
    [
        ("KWD", "0.005", "1.234", "0.005", "0.005"),
        ("JPY", "1", "1000", "1", "1"),
        ("EUR", "0.015", "10.00", "0.02", "0.02"),
    ],
)
def test_what_is_owed_has_the_decimals_of_its_currency(
    currency: str, value: str, net: str, owed: str, written: str
) -> None:
    shop = Shop(currency=currency, rules=[Rule(points="1", kind="per_order")])
    draft = shop.draft()
    PointsPolicy.objects.filter(version=draft).update(point_value=Decimal(value), redeemed_share=Decimal(1))
    shop.publish_draft(draft, "2026-01-02 00:00")
    shop.member("ada")
    shop.order("A", "ada", net, at="2026-01-15 12:00")
    since, until = shop.at("2026-01-01 00:00"), shop.at("2026-02-01 00:00")

    month = month_end(shop.program, since=since, until=until, now=until + timedelta(days=1))
    file = StringIO()
    write_csv(month, file, program=shop.program)
    close_month(shop.program, since.date(), now=until + timedelta(days=1))

    assert month.after[0].liability == Decimal(owed)
    amounts = {cell for row in file.getvalue().splitlines()[1:] for cell in row.split(",")[5:7]}
    assert all(len(amount.partition(".")[2]) == len(written.partition(".")[2]) for amount in amounts)
    assert ClosedMonth.objects.get(program=shop.program).liability == Decimal(owed)
