"""What a till, a shop or a support desk looks for: members by card, e-mail or phone; orders, redemptions and holds in lists."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Retailer
from loyalty.memberships.models import Membership
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Membership:
    ada = make.member(make.program(), "ada")
    key = make.key(ada.program.retailer)
    person = {"external_id": "ada", "email": "Ada@Example.org", "phone": "+33 6 12-34 56.78", "last_name": "Byron"}
    assert call(client, key, "customers", person).status_code == 200
    make.member(ada.program, "bob")
    make.member(make.program(), "ada")  # of another retailer
    return ada


@pytest.fixture
def key(ada: Membership) -> str:
    return make.key(ada.program.retailer)


def found(client: Client, key: str, path: str) -> list[Any]:
    answer = call(client, key, path)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def test_a_member_is_found_by_what_is_known_of_it(client: Client, key: str, ada: Membership) -> None:
    spaced = " ".join(ada.number[place : place + 4] for place in range(0, 16, 4))
    queries = ["customer=ada", "email=ADA@example.org", "phone=%2B33612345678", f"card={spaced}", f"card={ada.number}",
               f"program={ada.program.slug}&customer=ada"]  # fmt: skip

    numbers = [[row["member_number"] for row in found(client, key, f"members?{query}")] for query in queries]

    assert numbers == [[ada.number]] * len(queries)
    assert [row["customer"] for row in found(client, key, "members")] == ["bob", "ada"]
    assert [
        found(client, key, f"members?{query}") for query in ("email=no@where.org", "phone=1", "is_member=false")
    ] == [[]] * 3


@pytest.mark.parametrize(
    "written", ["%2B33612345678", "0033612345678", "06 12 34 56 78", "(0)6.12.34.56.78", "%2B33(0)612345678"]
)
def test_a_number_is_found_however_a_till_types_it(client: Client, key: str, ada: Membership, written: str) -> None:
    Retailer.objects.filter(pk=ada.retailer_id).update(zone="Europe/Paris")
    call(client, key, "customers", {"external_id": "bob", "phone": "+49 612345678"})

    assert [row["member_number"] for row in found(client, key, f"members?phone={written}")] == [ada.number]
    assert [row["external_id"] for row in found(client, key, f"customers?phone={written}")] == ["ada"]


def test_a_customer_is_found_and_says_where_it_is_a_member(client: Client, key: str, ada: Membership) -> None:
    for query in ("email=ada@example.org", "phone=%2B33612345678", "external_id=ada"):
        assert [row["external_id"] for row in found(client, key, f"customers?{query}")] == ["ada"]

    (mine,) = call(client, key, "customers/ada/memberships").json()

    assert (mine["program"], mine["member_number"], mine["left_at"]) == (ada.program.slug, ada.number, None)


def test_orders_are_listed_with_what_came_back(client: Client, key: str, ada: Membership) -> None:
    call(client, key, "orders", ORDER)
    call(client, key, "orders", ORDER | {"number": "A2", "customer": "bob", "occurred_at": "2026-06-20T10:00:00Z"})
    call(client, key, "returns", {"number": "R1", "order_number": "A1", "occurred_at": "2026-06-16T10:00:00Z",
                                  "lines": [{"sku": "milk", "quantity": "1"}]})  # fmt: skip

    listed = found(client, key, "orders")
    one = call(client, key, "orders/A1").json()

    assert [row["number"] for row in listed] == ["A2", "A1"]
    assert listed[1] == one
    assert (one["net_amount"], one["lines"][0]["quantity"], one["returns"][0]["lines"]) == (
        "10.50", "2.00", [{"position": 1, "quantity": "1.00", "net_amount": "5.25"}],
    )  # fmt: skip
    for query in (
        "orders?customer=ada",
        "orders?number=A1",
        "orders?until=2026-06-18T00:00:00Z",
        f"members/{ada.number}/orders",
    ):
        assert [row["number"] for row in found(client, key, query)] == ["A1"]


def test_redemptions_and_holds_are_listed(client: Client, key: str, ada: Membership) -> None:
    make.buys(ada, "100.00")
    base = f"members/{ada.number}"
    spent = call(client, key, f"{base}/redemptions", {"points": 10, "reference": "r1"}).json()["id"]
    call(client, key, f"{base}/redemptions", {"points": 5, "reference": "r2"})
    held = call(client, key, f"{base}/holds", {"points": 20, "reference": "h1"}).json()["id"]
    call(client, key, f"{base}/redemptions/{spent}/reverse", {})

    redeemed = found(client, key, f"{base}/redemptions")
    holds = [
        found(client, key, f"{base}/holds{query}")
        for query in ("", "?status=open", "?status=confirmed", "?reference=h1")
    ]

    assert [(row["reference"], row["points"], row["reversed_at"] is None) for row in redeemed] == [
        ("r2", 5, True),
        ("r1", 10, False),
    ]
    assert [[row["id"] for row in rows] for rows in holds] == [[held], [held], [], [held]]
    assert call(client, key, f"holds/{held}").json() == holds[0][0]


@pytest.mark.parametrize(
    "path", ["orders", "members", "customers", "members/{number}/redemptions", "members/{number}/orders"]
)
def test_a_list_takes_as_many_statements_however_long_it_is(
    client: Client, key: str, ada: Membership, path: str
) -> None:
    make.buys(ada, "1000.00")
    path = path.format(number=ada.number)
    counts = []
    for place in range(4):
        call(client, key, "orders", ORDER | {"number": f"N{place}"})
        call(client, key, f"members/{ada.number}/redemptions", {"points": 1, "reference": f"n{place}"})
        make.member(ada.program, f"carl{place}")
        if place in {0, 3}:
            found(client, key, path)  # who calls is known for some seconds
            with CaptureQueriesContext(connection) as queries:
                found(client, key, path)
            counts.append(len(queries))

    assert counts[0] == counts[1]
