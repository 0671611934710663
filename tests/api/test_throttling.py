"""How much a caller may ask for: a limit over any minute, by credential, and a word about when to come back."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from loyalty.api.throttling import CredentialThrottle
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db
PERIOD = 60
LIMIT = 5


@dataclass
class Credential:
    pk: str


class Clock:
    now = 1_000 * PERIOD + 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(CredentialThrottle, "timer", clock)
    monkeypatch.setattr(
        CredentialThrottle, "THROTTLE_RATES", {"credential": f"{LIMIT}/minute", "anonymous": "1/minute"}
    )
    cache.clear()
    yield clock
    cache.clear()


def asks(address: str = "10.0.0.1") -> CredentialThrottle | None:
    """Ask once; return None where it is allowed, else what knows when to come back."""
    throttle = CredentialThrottle()
    request = Request(APIRequestFactory().get("/", REMOTE_ADDR=address))
    request.auth = Credential(address)
    return None if throttle.allow_request(request, None) else throttle


def test_no_more_than_the_limit_is_allowed_in_any_minute(clock: Clock) -> None:
    start, allowed = clock.now, []
    for step in range(600):  # a request a second, for ten minutes
        clock.now = start + step
        if asks() is None:
            allowed.append(clock.now)

    # The last period counts as if its requests had been spread over it: near a seam one more may pass, or a few fewer.
    assert all(sum(at <= other < at + PERIOD for other in allowed) <= LIMIT + 1 for at in allowed)
    assert 8 * LIMIT <= len(allowed) <= 10 * LIMIT


@pytest.mark.parametrize("at", [0.0, 12.0, 59.0])
def test_who_comes_back_when_told_is_allowed_and_a_moment_earlier_is_not(clock: Clock, at: float) -> None:
    clock.now += at
    for _ in range(LIMIT):
        assert asks() is None
    refused = asks()
    assert refused is not None
    wait = refused.wait()

    before = clock.now
    clock.now = before + wait - 0.5
    assert asks() is not None
    clock.now = before + wait + 0.001
    assert asks() is None


def test_each_credential_has_its_own_limit_and_what_is_refused_does_not_count(clock: Clock) -> None:
    for _ in range(LIMIT):
        asks()
    refused = [asks() for _ in range(50)]

    assert all(refused)
    assert asks("10.0.0.2") is None
    clock.now += 2 * PERIOD
    assert asks() is None


def test_who_is_refused_is_told_when_to_come_back(client: Client, clock: Clock) -> None:
    key = make.key(make.retailer())

    answers = [
        call(client, key, "orders", ORDER | {"number": f"N{place}", "customer": None}) for place in range(LIMIT + 1)
    ]

    assert [answer.status_code for answer in answers] == [201] * LIMIT + [429]
    assert (answers[-1].json()["code"], answers[-1].headers["Content-Type"]) == (
        "throttled",
        "application/problem+json",
    )
    assert PERIOD <= int(answers[-1].headers["Retry-After"]) <= 2 * PERIOD
    assert clock.now
