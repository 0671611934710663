"""Whoever is refused is told why: what was looked for and where, which scope is needed, which method there is."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from customers.models import Order
from loyalty.api.models import IdempotencyRecord, RetailerKey
from loyalty.api.throttling import CredentialThrottle
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-0000-0000-000000000001"


def test_a_404_says_what_and_where(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    key, slug = make.key(ada.program.retailer), ada.program.slug
    paths = [
        "customers/bea", "members/123", f"members/{ada.number}/household", f"members/{ada.number}/balance?wallet=miles",
        "programs/no", f"programs/{slug}/versions/7", f"programs/{slug}/simulations/7", f"referrals/{NOBODY}",
        f"members/{ada.number}/orders/X", "analytics/runs/7", f"programs/{slug}/surprises/no", "orders/X",
    ]  # fmt: skip

    said = [call(client, key, path).json() for path in paths]

    assert [each["status"] for each in said] == [404] * len(paths), said
    assert [each["detail"] for each in said] == [
        "There is no customer bea.",
        "There is no member 123. Look for it by customer, e-mail, phone or card at /api/v1/members.",
        f"Member {ada.number} shares with nobody.",
        f"Member {ada.number} has no wallet “miles”. It has: points.",
        f"There is no program “no”. There are: {slug}.",
        f"Program “{slug}” has no version 7. It has: 1.",
        f"Program “{slug}” has no what-if 7. /api/v1/programs/{slug}/simulations lists those that there are.",
        f"There is no referral {NOBODY}. /api/v1/referrals lists those that there are.",
        "The member has no order X that was decided.",
        "There is no computation of value 7. /api/v1/analytics/runs lists those that there are.",
        f"Program “{slug}” has no surprise “no”. It has: -.",
        "There is no order X. Report the order first.",
    ]


def test_a_403_names_the_scope(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    weak = call(client, make.key(ada.program.retailer, "members:read"), "orders", ORDER).json()
    bearer = {"authorization": f"Bearer {make.token(ada.customer)}"}

    shopper = client.get("/api/v1/customers/ada", headers=bearer).json()
    system = call(client, make.key(ada.program.retailer), "me").json()

    assert [each["status"] for each in (weak, shopper, system)] == [403] * 3
    assert weak["detail"] == "This needs the scope activity:write. The credential has: members:read."
    assert "members:read" in shopper["detail"]
    assert "Bearer" in system["detail"]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "trace"])
def test_another_method_is_not_allowed(client: Client, method: str) -> None:
    key = make.key(make.retailer())

    answer = client.generic(method.upper(), "/api/v1/orders/batch/x/y", headers={"authorization": f"Api-Key {key}"})
    other = client.generic(method.upper(), "/api/v1/vouchers/check", headers={"authorization": f"Api-Key {key}"})

    assert (other.status_code, other.json()["code"], other["Allow"]) == (405, "method_not_allowed", "POST")
    assert other.json()["detail"].endswith("This address takes POST; /api/docs lists what there is.")
    assert answer.status_code in {400, 404, 405}


def test_a_head_is_a_get_without_its_body(client: Client) -> None:
    ada = make.member(make.program(), "ada")

    answer = client.head(
        f"/api/v1/members/{ada.number}", headers={"authorization": f"Api-Key {make.key(ada.program.retailer)}"}
    )

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(CredentialThrottle, "THROTTLE_RATES", {"credential": "5/minute", "anonymous": "3/minute"})
    monkeypatch.setattr(CredentialThrottle, "timer", lambda _self: 60_000.0)
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize("credential", ["", "Api-Key nonsense.x", "Bearer nonsense"])
@pytest.mark.usefixtures("few")
def test_whoever_is_not_known_is_slowed(client: Client, credential: str) -> None:
    headers = {"authorization": credential} if credential else {}

    codes = [client.get("/api/v1/me", headers=headers).status_code for _ in range(5)]

    assert codes == [401, 401, 401, 429, 429]


@pytest.mark.usefixtures("few")
def test_refusals_and_stored_answers_count_too(client: Client) -> None:
    key = make.key(make.retailer(), "activity:write")

    refused = [call(client, key, "reconciliation").status_code for _ in range(2)]
    stored = [call(client, key, "orders", ORDER, **{"Idempotency-Key": "one"}) for _ in range(4)]

    assert refused == [403, 403]
    assert [each.status_code for each in stored] == [201, 201, 201, 429]
    assert [each["RateLimit"] for each in stored[:2]] == ['"credential";r=2;t=60', '"credential";r=1;t=60']
    assert stored[3]["RateLimit-Policy"] == '"credential";q=5;w=60'
    assert int(stored[3]["Retry-After"]) > 0


def test_a_revoked_key_reads_no_stored_answer(client: Client) -> None:
    key = make.key(make.retailer())
    first = call(client, key, "orders", ORDER, **{"Idempotency-Key": "one"})
    RetailerKey.objects.update(revoked=True)
    from loyalty.api.authentication import remembered

    remembered.cache_clear()

    again = call(client, key, "orders", ORDER, **{"Idempotency-Key": "one"})

    assert (first.status_code, again.status_code) == (201, 401)
    assert "Idempotent-Replayed" not in again


def test_what_is_not_there_yet_is_asked_for_again(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    key = make.key(ada.program.retailer)
    body = {"number": "R1", "order_number": "A1", "occurred_at": "2026-06-16T10:00:00Z",
            "lines": [{"sku": "milk", "quantity": "1"}]}  # fmt: skip

    before = call(client, key, "returns", body, **{"Idempotency-Key": "one"})
    call(client, key, "orders", ORDER)
    after = call(client, key, "returns", body, **{"Idempotency-Key": "one"})

    assert (before.status_code, after.status_code) == (404, 201)
    assert (IdempotencyRecord.objects.count(), Order.objects.count()) == (1, 1)
