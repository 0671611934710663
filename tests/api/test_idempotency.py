"""The same request twice has one effect, and one answer."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Order
from loyalty.api.idempotency import forget_old
from loyalty.api.models import IdempotencyRecord
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db


def test_an_idempotency_key_gives_the_stored_answer(client: Client) -> None:
    key = make.key(make.retailer())
    headers = {"Idempotency-Key": str(uuid4())}

    first = call(client, key, "orders", ORDER, **headers)
    again = call(client, key, "orders", ORDER, **headers)
    other = call(client, key, "orders", ORDER | {"number": "A2"}, **headers)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


def test_keys_are_each_callers_own(client: Client) -> None:
    headers = {"Idempotency-Key": "one"}
    keys = [make.key(make.retailer()) for _ in range(2)]

    answers = [call(client, key, "orders", ORDER, **headers) for key in keys]

    assert [answer.status_code for answer in answers] == [201, 201]


def test_an_answer_that_asks_for_another_try_is_not_kept(client: Client) -> None:
    key = make.key(make.retailer())
    call(client, key, "orders", ORDER)

    refused = call(client, key, "orders", ORDER | {"store": "x"}, **{"Idempotency-Key": "one"})

    assert (refused.status_code, IdempotencyRecord.objects.count()) == (409, 0)


def test_old_keys_are_forgotten(client: Client) -> None:
    call(client, make.key(make.retailer()), "orders", ORDER, **{"Idempotency-Key": "one"})

    now = timezone.now()
    assert (forget_old(now=now), forget_old(now=now + timedelta(days=8))) == (0, 1)
