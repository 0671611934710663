"""The same request twice has one effect, and one answer."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Order
from loyalty.access.models import StaffRole
from loyalty.api.models import IdempotencyRecord
from loyalty.configuration.drafts import open_draft
from loyalty.outbox.endpoints import add_endpoint
from loyalty.programs.models import Program, ProgramVersion
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


@pytest.mark.parametrize("said", ["true", "1", "True"])
def test_a_dry_run_leaves_its_key_for_what_it_asked_about(client: Client, said: str) -> None:
    key = make.key(make.retailer())
    headers = {"Idempotency-Key": "one"}

    dry = call(client, key, f"orders?dry_run={said}", ORDER, **headers)
    kept = IdempotencyRecord.objects.count()
    done = call(client, key, "orders", ORDER, **headers)
    again = call(client, key, "orders", ORDER, **headers)
    told_anew = call(client, key, f"orders?dry_run={said}", ORDER, **headers)

    assert (dry.json()["status"], kept, done.status_code) == ("created", 0, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert told_anew.json()["status"] == "unchanged"
    assert Order.objects.count() == 1


def test_a_dry_run_that_is_none_has_its_key_like_others(client: Client) -> None:
    key = make.key(make.retailer())

    call(client, key, "orders?dry_run=false", ORDER, **{"Idempotency-Key": "one"})
    other = call(client, key, "orders", ORDER | {"store": "x"}, **{"Idempotency-Key": "one"})

    assert other.json()["code"] == "idempotency_key_reused"


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


def test_a_request_that_has_to_be_mended_is_not_kept(client: Client) -> None:
    key, headers = make.key(make.retailer()), {"Idempotency-Key": "one"}

    malformed = call(client, key, "orders", ORDER | {"customer": 7.5, "lines": []}, **headers)
    mended = call(client, key, "orders", ORDER, **headers)

    assert (malformed.status_code, mended.status_code) == (400, 201)


def test_a_refusal_is_kept_and_told_again(client: Client) -> None:
    key, headers = make.key(make.retailer()), {"Idempotency-Key": "one"}

    refused = call(client, key, "orders", ORDER | {"currency": "USD"}, **headers)
    again = call(client, key, "orders", ORDER | {"currency": "USD"}, **headers)

    assert (refused.status_code, again.status_code) == (422, 422)
    assert (again["Idempotent-Replayed"], again.content) == ("true", refused.content)


def test_somebody_of_two_retailers_is_another_caller_at_each(client: Client) -> None:
    shops = [make.retailer(), make.retailer()]
    user = User.objects.create_user("sue", is_staff=True)
    for shop in shops:
        StaffRole.objects.create(user=user, retailer=shop, role="owner")
    client.force_login(user)

    answers = []
    for shop in shops:
        client.post(reverse("choose-retailer"), {"retailer": shop.pk})
        answers += [
            client.post(
                "/api/v1/programs", {"slug": "club", "name": "Club"}, content_type="application/json",
                headers={"Idempotency-Key": "one"},
            )
            for _ in range(2)
        ]  # fmt: skip

    assert [(each.status_code, each.get("Idempotent-Replayed")) for each in answers] == [(201, None), (201, "true")] * 2
    assert sorted(Program.objects.values_list("retailer", flat=True)) == [shop.pk for shop in shops]


def test_what_is_removed_under_a_key_is_removed_once(client: Client) -> None:
    club = make.program()
    key, member = make.key(club.retailer), make.member(club)
    webhook = add_endpoint(club.retailer, "https://shop.example/hooks")
    draft = open_draft(club, author="sue", now=make.NOON)
    kept = {"authorization": f"Api-Key {key}", "idempotency-key": "one"}

    def remove(path: str, **headers: str) -> tuple[int, bytes, bool, bool]:
        answer = client.delete(f"/api/v1/{path}", headers=kept | headers)
        return answer.status_code, answer.content, "Content-Type" in answer, "Idempotent-Replayed" in answer

    webhooks = [remove(f"webhooks/{webhook.key}") for _ in range(2)]
    versions = [remove(f"programs/{club.slug}/versions/{draft.number}", **{"idempotency-key": "two"}) for _ in range(2)]
    token = remove("me/token", authorization=f"Bearer {make.token(member.customer)}")

    assert webhooks == versions == [(204, b"", False, False), (204, b"", False, True)]
    assert token == (204, b"", False, False)
    assert call(client, key, "webhooks").json()["results"] == []
    assert not ProgramVersion.objects.filter(pk=draft.pk).exists()
