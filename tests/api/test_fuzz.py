"""
Whatever is sent that the API's document allows, or forbids, by whom ever: no failure of ours, and nothing undocumented.

What is sent is made by schemathesis from the document itself. A usual run tries a few of each operation, each with all
credentials, the same each time; a long one (`make test-long`) many.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from loyalty.api.throttling import CredentialThrottle
from loyalty.memberships.models import Membership
from loyalty.outbox.endpoints import add_endpoint, send_test
from tests import make
from tests.api.test_integration import ORDER, call
from tests.conftest import HUNTS
from tests.contract import document

pytestmark = pytest.mark.django_db

EACH = 10 if HUNTS else 1  # of each kind, operation and credential
MODES = {"allowed": GenerationMode.POSITIVE, "forbidden": GenerationMode.NEGATIVE}
FAILED = 500
# What could never come by HTTP, as no header can hold it.
NO_HEADER = set(map(chr, range(32))) | {"\x7f"}


@pytest.fixture
def ada(monkeypatch: pytest.MonkeyPatch) -> Iterator[Membership]:
    monkeypatch.setattr(CredentialThrottle, "THROTTLE_RATES", {"credential": "9999999/m", "anonymous": "9999999/m"})
    cache.clear()
    ada = make.member(make.program(make.retailer(slug="corner")), "ada")
    make.buys(ada, "100.00")
    yield ada
    cache.clear()


def as_system(ada: Membership) -> tuple[Client, dict[str, str]]:
    return Client(raise_request_exception=False), {"authorization": f"Api-Key {make.key(ada.program.retailer)}"}


def as_weak_system(ada: Membership) -> tuple[Client, dict[str, str]]:
    return Client(raise_request_exception=False), {
        "authorization": f"Api-Key {make.key(ada.program.retailer, 'members:read')}"
    }


def as_shopper(ada: Membership) -> tuple[Client, dict[str, str]]:
    return Client(raise_request_exception=False), {"authorization": f"Bearer {make.token(ada.customer)}"}


def as_staff(_ada: Membership) -> tuple[Client, dict[str, str]]:
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client, {}


def as_nobody(_ada: Membership) -> tuple[Client, dict[str, str]]:
    return Client(raise_request_exception=False), {}


def places(ada: Membership, key: str) -> dict[str, Any]:
    """Return what there is, by the names of places in paths."""
    client = Client()
    held = call(client, key, f"members/{ada.number}/holds", {"points": 5, "reference": "h"}).json()["id"]
    spent = call(client, key, f"members/{ada.number}/redemptions", {"points": 5, "reference": "r"}).json()["id"]
    call(client, key, "orders", ORDER)
    webhook = add_endpoint(ada.program.retailer, "https://shop.example/hooks")
    event_id = send_test(webhook, now=timezone.now()).event_id
    return {"number": ada.number, "slug": ada.program.slug, "external_id": "ada", "hold_id": held, "entry_id": spent,
            "order_number": "A1", "other": 1, "webhook_id": webhook.key, "event_id": event_id}  # fmt: skip


def numbers_of(path: str, there: dict[str, Any]) -> dict[str, Any]:
    """Return what there is at the places of a path: a number is that of a member, an order or a version."""
    number = {"/orders/": "A1", "/versions/": 1, "/interactions/": "V1"}
    return there | {"number": next((value for part, value in number.items() if part in path), there["number"])}


def sent(client: Client, headers: dict[str, str], case: Any, known: dict[str, Any]) -> Any:
    """Send what was made; where it holds something that HTTP cannot, nothing is sent."""
    path = case.formatted_path
    if known:
        path = case.path.format(**{**dict.fromkeys(case.path_parameters or {}, 1), **known})
    query = [
        (name, each)
        for name, value in (case.query or {}).items()
        for each in (value if isinstance(value, list) else [value])
    ]
    own = {name: str(value) for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    if any(NO_HEADER & set(value) for value in own.values()):
        return None
    body = b"" if isinstance(case.body, schemathesis.core.NotSet) else case.body
    body = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.generic(
        case.method, path, body, content_type=case.media_type or "application/json", query_params=query_of(query),
        headers={**own, **headers},
    )  # fmt: skip


def query_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value if isinstance(value, str) else json.dumps(value))
    return found


def operations() -> list[Any]:
    schema = schemathesis.openapi.from_dict(document())
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def try_out(operation: Any, mode: str, send: Callable[[Any, bool], None]) -> None:
    """Send some of what an operation's document allows, or forbids."""

    @settings(
        max_examples=EACH, derandomize=not HUNTS, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        case=operation.as_strategy(generation_mode=MODES[mode]),
        is_there=st.booleans() if HUNTS else st.just(value=True),
    )
    def one(case: Any, is_there: Any) -> None:
        send(case, is_there)

    with suppress(Unsatisfiable):  # nothing can be sent that it forbids
        one()


CALLERS = (as_system, as_shopper, as_staff, as_weak_system, as_nobody)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_that_is_sent_fails_or_is_answered_otherwise_than_documented(mode: str, ada: Membership) -> None:
    callers = {who.__name__: who(ada) for who in CALLERS}
    there = places(ada, make.key(ada.program.retailer))
    answers: dict[str, Counter[int]] = {name: Counter() for name in callers}
    wrong: list[str] = []

    def send_as(name: str, case: Any, is_there: bool) -> None:  # noqa: FBT001 - as it is drawn
        said = f"{name}: {case.method} {case.path} {case.query} {case.body!r:.200}"
        try:
            answer = sent(*callers[name], case, numbers_of(case.path, there) if is_there else {})
        except AssertionError as error:  # it is undocumented
            wrong.append(f"{said}: {error}")
            return
        if answer is not None:
            answers[name][answer.status_code] += 1
            if answer.status_code >= FAILED:
                wrong.append(f"{said}: {answer.status_code}")

    def send(case: Any, is_there: bool) -> None:  # noqa: FBT001 - as it is drawn
        for name in callers:  # to make a case costs more than to send it to everybody's door
            send_as(name, case, is_there)

    tried = operations()
    for operation in tried:
        try_out(operation, mode, send)

    print(mode, {name: sorted(found.items()) for name, found in answers.items()})  # noqa: T201 - the figures, told with -s
    assert wrong == []
    assert all(sum(found.values()) > len(tried) // 2 for found in answers.values())
