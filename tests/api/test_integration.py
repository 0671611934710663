import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from customers.models import Customer, Order
from loyalty.api.models import IdempotencyRecord
from tests import make

pytestmark = pytest.mark.django_db

ORDER = {
    "number": "A1",
    "customer": "ada",
    "occurred_at": "2026-06-15T14:00:00+02:00",
    "lines": [{"sku": "milk", "quantity": "2", "unit_price": "5.25", "category": "DAIRY"}],
}


def call(client: Client, key: str, path: str, body: Any = None, **headers: str) -> Any:
    credential = {"authorization": f"Api-Key {key}"} if key else {}
    if body is None:
        return client.get(f"/api/v1/{path}", headers=credential | headers)
    return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=credential | headers)


def test_the_way_of_a_shop_from_customer_to_balance(client: Client) -> None:
    shop = make.retailer()
    make.program(shop, tiers=[("bronze", "0", "1"), ("silver", "10", "2")])
    club = shop.programs.get().slug
    key = make.key(shop)

    customer = call(client, key, "customers", {"external_id": "ada", "email": "ada@example.org"})
    enrolment = call(
        client, key, "enrolments", {"program": club, "customer": "ada", "occurred_at": "2026-01-02T00:00:00Z"}
    )
    order = call(client, key, "orders", ORDER)
    back = call(client, key, "returns", {
        "number": "R1", "order_number": "A1", "occurred_at": "2026-06-16T10:00:00Z",
        "lines": [{"position": 1, "quantity": "1"}],
    })  # fmt: skip
    member = call(client, key, f"members/{enrolment.json()['member_number']}")

    assert [answer.status_code for answer in (customer, enrolment, order, back, member)] == [201, 201, 201, 201, 200]
    assert order.json()["effects"] == [
        {
            "program": club,
            "points": 10,
            "pending": 0,
            "shortfall": 0,
            "restored": 0,
            "kept_rewards": [],
            "tier_changed_to": "silver",
            "awards": [],
            "reason": "",
            "explanation": [
                {
                    "kind": "earn",
                    "order": "A1",
                    "version": 1,
                    "rules": [{"rule": "base", "points": 10, "basis": "10.50", "multiplier": "1", "dropped": "0.5"}],
                }
            ],
        }
    ]
    assert back.json()["effects"][0]["points"] == -5
    assert member.json()["wallet"]["available"] == 5
    assert member.json()["tier"]["current"]["code"] == "bronze"


def test_an_order_in_the_second_of_its_enrolment_counts(client: Client) -> None:
    shop = make.retailer()
    club = make.program(shop).slug
    key = make.key(shop)
    call(client, key, "enrolments", {"program": club, "customer": "ada"})

    answer = call(client, key, "orders", ORDER | {"occurred_at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"})

    assert answer.json()["effects"][0]["points"] == 10


def test_the_same_order_again_is_200_and_other_content_409(client: Client) -> None:
    key = make.key(make.retailer())

    answers = [call(client, key, "orders", body) for body in (ORDER, ORDER, ORDER | {"customer": "bob"})]

    assert [answer.status_code for answer in answers] == [201, 200, 409]
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert answers[2].json()["code"] == "conflict"
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"lines": []}, "/lines", "no_lines"),
        ({"lines": [{"sku": "x", "quantity": "0", "net_amount": "1"}]}, "/lines/0/quantity", "quantity_not_positive"),
        ({"lines": [{"sku": "x", "quantity": "1"}]}, "/lines/0/net_amount", "no_amount"),
        ({"occurred_at": "soon"}, "/occurred_at", "invalid"),
        ({"occurred_at": "2026-06-15T12:00:00"}, "/occurred_at", "no_zone"),
        ({"occurred_at": "2026-06-15"}, "/occurred_at", "no_zone"),
        ({"number": ""}, "/number", "blank"),
        ({"customer": "ACME/token"}, "/customer", "leads_elsewhere"),
    ],
)
def test_what_is_malformed_is_named(client: Client, change: dict[str, Any], pointer: str, code: str) -> None:
    answer = call(client, make.key(make.retailer()), "orders", ORDER | change)

    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("orders", '{"number": ', 400, "parse_error"),
        ("orders", '{"number": "\\ud800"}', 400, "parse_error"),
        ("orders", json.dumps(ORDER | {"number": "\x00"}), 400, "null_characters_not_allowed"),
        ("orders", json.dumps(ORDER | {"occurred_at": "0001-01-01T00:00:00+14:00"}), 400, "overflow"),
        ("orders", json.dumps(ORDER | {"occurred_at": "0001-01-01T00:00:00Z"}), 400, "min_value"),
        ("orders", json.dumps(ORDER | {"occurred_at": "9999-12-31T23:59:59Z"}), 400, "max_value"),
        ("orders", json.dumps(ORDER | {"lines": [{"sku": "x", "quantity": "1", "net_amount": "NaN"}]}), 400, "invalid"),
        ("orders/batch", json.dumps({"orders": "none"}), 400, "not_a_list"),
        ("nowhere", "{}", 404, "not_found"),
        ("customers/a%00b/token", "{}", 404, "not_found"),
        ("orders", " " * (8 * 1024 * 1024 + 1), 413, "too_large"),
    ],
)
def test_whatever_is_sent_is_answered_as_a_problem(
    client: Client, path: str, body: str, status: int, code: str
) -> None:
    answer = call(client, make.key(make.retailer()), path, body)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert Order.objects.count() == 0


def test_the_key_and_its_effect_commit_together_or_not_at_all(client: Client, as_owner: None) -> None:
    key = make.key(make.retailer())
    with connection.cursor() as cursor:  # the database refuses the key after the work is done
        cursor.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'")
        cursor.execute("CREATE TRIGGER t BEFORE INSERT ON api_idempotencyrecord FOR EACH ROW EXECUTE FUNCTION refuse()")
    client.raise_request_exception = False

    answer = call(client, key, "orders", ORDER, **{"Idempotency-Key": "one"})

    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert (Order.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


def test_consents_are_written_down_and_none_is_overwritten(client: Client) -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    key = make.key(shop)
    said = {"purpose": "email", "granted": True, "source": "web", "wording": "Write to me.",
            "occurred_at": "2026-03-01T10:00:00Z"}  # fmt: skip

    answers = [
        call(client, key, "customers/ada/consents", said),
        call(client, key, "customers/ada/consents", said | {"granted": False, "occurred_at": "2026-04-01T10:00:00Z"}),
    ]

    found = call(client, key, "customers/ada/consents").json()
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [(each["purpose"], each["granted"]) for each in found] == [
        ("email", False),
        ("email", True),
        ("program", True),
    ]


def test_a_dry_run_writes_nothing(client: Client) -> None:
    shop = make.retailer()
    ada = make.member(make.program(shop), "ada")

    answer = call(client, make.key(shop), "orders?dry_run=true", ORDER)

    assert answer.json()["effects"][0]["points"] == 10
    assert (Order.objects.count(), make.wallet_of(ada).available) == (0, 0)


def test_a_batch_has_a_result_per_row_and_keeps_the_good_ones(client: Client) -> None:
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    rows = [ORDER, ORDER | {"number": "A2", "occurred_at": "soon"}, ORDER | {"number": "A3", "currency": "USD"}, ORDER]

    answer = call(client, make.key(shop), "orders/batch", {"orders": rows})

    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["created", "failed", "failed", "unchanged"]
    assert [result["error"]["status"] for result in results[1:3]] == [400, 422]
    assert results[1]["error"]["errors"][0]["pointer"] == "/occurred_at"
    assert Order.objects.count() == 1


@pytest.mark.parametrize("row", ["x", None, 7, [], [{}], {"lines": "x"}, {"lines": [None]}, {"number": {}}], ids=str)
def test_a_row_that_is_no_order_is_its_own_error(client: Client, row: Any) -> None:
    answer = call(client, make.key(make.retailer()), "orders/batch", {"orders": [row, ORDER]})

    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["failed", "created"]
    assert results[0]["error"]["errors"]


def test_an_atomic_batch_is_taken_whole_or_not_at_all(client: Client) -> None:
    rows = [ORDER, ORDER | {"number": "A3", "currency": "USD"}]

    answer = call(client, make.key(make.retailer()), "orders/batch?atomic=true", {"orders": rows})

    assert (answer.status_code, answer.json()["code"]) == (422, "batch_failed")
    assert Order.objects.count() == 0


def test_a_batch_has_a_limit(client: Client) -> None:
    answer = call(client, make.key(make.retailer()), "orders/batch", {"orders": [{}] * 1_001})

    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_rows")


def test_credentials(client: Client) -> None:
    shop = make.retailer()
    reader = make.key(shop, "members:read")
    ada = make.member(make.program(shop), "ada")

    assert call(client, "", "orders", ORDER).status_code == 401
    assert call(client, "wrong.key", "orders", ORDER).status_code == 401
    assert call(client, reader, "orders", ORDER).status_code == 403
    assert call(client, reader, "me").status_code == 403
    assert call(client, reader, f"members/{ada.number}").status_code == 200
    assert Order.objects.count() == 0


def test_another_retailers_objects_are_not_there(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    stranger = make.key(make.retailer())

    answers = [
        call(client, stranger, f"members/{ada.number}"),
        call(client, stranger, "customers/ada"),
        call(client, stranger, "customers/ada/token", {}),
        call(client, stranger, "enrolments", {"program": ada.program.slug, "customer": "ada"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert Customer.objects.count() == 1


def test_a_shopper_reads_its_own(client: Client) -> None:
    shop = make.retailer(language="fr")
    tiers = [("bronze", "0", "1"), ("silver", "100", "2")]
    ada = make.member(make.program(shop, tiers=tiers, points={"expiry": "months", "expiry_count": 600}), "ada")
    make.buys(ada, "60.00", name="A1", at=timezone.now() - timedelta(days=2))
    make.buys(make.member(ada.program, "bob"), "10.00", name="B1")
    token = call(client, make.key(shop), "customers/ada/token", {}).json()["token"]
    bearer = {"authorization": f"Bearer {token}"}

    me = client.get("/api/v1/me", headers=bearer).json()
    (wallet,) = client.get("/api/v1/me/wallet", headers=bearer).json()
    (tier,) = client.get("/api/v1/me/tier", headers=bearer).json()
    statement = client.get("/api/v1/me/statement", headers=bearer).json()

    assert (me["external_id"], me["memberships"][0]["member_number"]) == ("ada", ada.number)
    assert (wallet["available"], wallet["expires_next_points"]) == (60, 60)
    assert (tier["current"]["code"], tier["next"]["code"], tier["to_next"]) == ("bronze", "silver", "40.00")
    assert [(entry["order"], entry["balance_after"]) for entry in statement["results"]] == [("A1", 60)]


def test_a_shoppers_token_ends(client: Client) -> None:
    ada = make.member(make.program())
    old = make.token(ada.customer, now=timezone.now() - timedelta(hours=13))

    assert client.get("/api/v1/me", headers={"authorization": f"Bearer {old}"}).status_code == 401


def test_a_statement_of_thirty_entries_takes_as_many_statements_as_one_of_one(
    client: Client, django_assert_num_queries: Any
) -> None:
    ada = make.member(make.program())
    bearer = {"authorization": f"Bearer {make.token(ada.customer)}"}
    make.buys(ada, "10.00")
    client.get("/api/v1/me/statement", headers=bearer)  # whom the connection acts for, and the rules' names: once
    for size in (0, 29):
        for _ in range(size):
            make.buys(ada, "10.00")
        with django_assert_num_queries(3):
            client.get("/api/v1/me/statement", headers=bearer)


def test_the_health_endpoints_answer(client: Client) -> None:
    assert [client.get(f"/health/{name}").status_code for name in ("live", "ready")] == [200, 200]


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "text/html", "application/problem+json", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(client: Client, accepted: str) -> None:
    key = make.key(make.retailer())

    answer = call(client, key, "orders", ORDER | {"customer": None}, accept=accepted)
    refused = call(client, key, "orders", {}, accept=accepted)

    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
