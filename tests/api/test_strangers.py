"""Who guesses keys is refused before anything is looked up, whatever it says of its address; who is known is not."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from loyalty.api.models import IdempotencyRecord, RetailerKey
from loyalty.api.throttling import CredentialThrottle
from tests import make
from tests.api.test_integration import ORDER, call
from tests.signin.test_api import bearer

pytestmark = pytest.mark.django_db
ME = "/api/v1/me"
CREDENTIALS = ["", "Api-Key nonsense.x", "Bearer nonsense", "Basic eDp5"]


@pytest.fixture(autouse=True)
def usual_rates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(CredentialThrottle, "THROTTLE_RATES", {"credential": "3000/minute", "anonymous": "60/minute"})
    monkeypatch.setattr(CredentialThrottle, "timer", lambda _self: 60_000.0)
    cache.clear()
    yield
    cache.clear()


def codes(client: Client, times: int, authorization: str = "", behind: str = "") -> list[int]:
    headers = {"authorization": authorization, "x-forwarded-for": behind}
    said = {name: value for name, value in headers.items() if value}
    return [client.get(ME, headers=said).status_code for _ in range(times)]


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_of_140_requests_that_nobody_knows_60_are_looked_at(client: Client, credential: str) -> None:
    found = codes(client, 140, credential)

    assert found == [401] * 60 + [429] * 80


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_who_has_nothing_left_costs_no_statement_also_with_an_idempotency_key(
    client: Client, credential: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    codes(client, 60, credential)
    headers = {"authorization": credential, "idempotency-key": "one"}

    with django_assert_num_queries(0):
        refused = client.post("/api/v1/orders", ORDER, "application/json", headers=headers)

    assert (refused.status_code, refused.json()["code"], refused["Content-Type"]) == (
        429, "throttled", "application/problem+json",
    )  # fmt: skip
    assert (int(refused["Retry-After"]), refused["RateLimit"]) == (61, '"anonymous";r=0;t=60')
    assert refused["RateLimit-Policy"] == '"anonymous";q=60;w=60'
    assert IdempotencyRecord.objects.count() == 0


def test_other_credentials_and_addresses_that_it_writes_itself_do_not_make_more_of_a_caller(client: Client) -> None:
    found = [
        client.get(
            ME, headers={"authorization": f"Api-Key a{turn}.x", "x-forwarded-for": f"192.0.2.{turn}"}
        ).status_code
        for turn in range(70)
    ]

    assert found == [401] * 60 + [429] * 10


def test_behind_a_proxy_each_address_counts_by_itself_and_of_ipv6_its_network(
    client: Client, settings: Settings
) -> None:
    settings.PROXIES = 1

    first = codes(client, 61, behind="203.0.113.9")
    other = codes(client, 1, behind="203.0.113.10")
    forged = codes(client, 1, behind="192.0.2.7, 203.0.113.9")
    hosts = [codes(client, 1, behind=f"2001:db8::{turn:x}")[0] for turn in range(61)]

    assert (first[-1], other, forged) == (429, [401], [429])
    assert hosts == [401] * 60 + [429]


def test_who_is_known_goes_on_where_a_neighbour_guesses(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    key, token = make.key(ada.program.retailer), make.token(ada.customer)
    assert call(client, key, "orders", ORDER).status_code == 201
    assert client.get(ME, headers=bearer(token)).status_code == 200
    codes(client, 61)

    found = call(client, key, f"members/{ada.number}"), client.get(ME, headers=bearer(token))
    unseen = client.get(ME, headers=bearer(make.token(ada.customer)))

    assert [each.status_code for each in found] == [200, 200]
    assert unseen.status_code == 429  # it comes back in a minute


def test_a_revoked_key_is_a_strangers(client: Client) -> None:
    key = make.key(make.retailer())
    assert call(client, key, "orders", ORDER | {"customer": None}).status_code == 201
    RetailerKey.objects.update(revoked=True)
    from loyalty.api.authentication import remembered

    remembered.cache_clear()

    found = [call(client, key, "reconciliation").status_code for _ in range(62)]

    assert found == [401] * 60 + [429] * 2


def test_a_payment_provider_tells_all_it_has_to_whoever_guesses_beside_it(client: Client) -> None:
    codes(client, 61)

    told = client.post(reverse("payment-notices", args=[make.retailer().slug, "test"]), {}, "application/json")

    assert told.status_code != 429
