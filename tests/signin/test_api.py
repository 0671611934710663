"""Sign-in for apps: a code, a token as a shop's own backend gets, and back again; nothing tells who is a customer."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from pytest_django import Settings

from loyalty.activity.account.merging import take_merge
from loyalty.api.clients import client_of
from loyalty.api.models import IdempotencyRecord, MemberToken
from loyalty.api.throttling import CredentialThrottle
from loyalty.memberships.models import Membership
from loyalty.signin.codes import AskedCode, send_code
from loyalty.signin.models import MemberSession, SignInCode
from tests import make
from tests.make import NOON
from tests.signin.signing import ADDRESS, ask, code, confirm, member
from tests.signin.test_sessions import signed_in

pytestmark = pytest.mark.django_db


def last_code() -> str:
    """Return the code that the last mail says, or would."""
    row = SignInCode.objects.latest("asked_at")
    return code(AskedCode(row.pk, row.expires_at))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_an_app_asks_for_a_code_and_gets_a_token_for_the_member_api(client: Client) -> None:
    ada = member()

    asked = ask(client, ada)
    challenge = asked.json()["challenge"]
    answer = confirm(client, ada, challenge, last_code())
    again = confirm(client, ada, challenge, last_code())
    me = client.get("/api/v1/me", headers=bearer(answer.json()["token"]))

    assert (asked.status_code, answer.status_code, me.status_code) == (202, 201, 200)
    assert me.json()["external_id"] == "ada"
    assert (again.status_code, again.json()["code"]) == (422, "code_over")
    assert answer["Cache-Control"] == "no-store"
    assert sorted(answer.cookies) == []


def test_known_and_unknown_addresses_are_answered_alike(client: Client) -> None:
    ada = member()

    known, unknown = ask(client, ada), ask(client, ada, email="nobody@example.org")
    wrong = [confirm(client, ada, each.json()["challenge"], "x") for each in (known, unknown)]

    assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
    assert [(each.status_code, each.json()) for each in wrong] == [(wrong[0].status_code, wrong[0].json())] * 2
    assert wrong[0].json()["code"] == "wrong_code"


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"email": "no address"}, 422, "not_an_address"),
        ({"retailer": "nowhere"}, 404, "not_found"),
        ({"retailer": ""}, 400, "blank"),
        ({"language": "de"}, 400, "invalid_choice"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_that_says_why(
    client: Client, said: dict[str, str], status: int, code: str
) -> None:
    answer = ask(client, member(), **said)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert SignInCode.objects.count() == 0


def test_who_asks_too_often_is_told_when_to_come_back(client: Client) -> None:
    ada = member()
    for _ in range(5):
        assert ask(client, ada).status_code == 202

    answer = ask(client, ada)

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_signins")
    assert 0 < int(answer["Retry-After"]) <= 3_600


def test_callers_without_a_credential_share_a_small_allowance(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CredentialThrottle, "THROTTLE_RATES", {"credential": "9/minute", "anonymous": "2/minute"})
    cache.clear()
    ada = member()

    answers = [confirm(client, ada, "00000000-0000-4000-8000-000000000000", "1").status_code for _ in range(3)]

    assert answers == [422, 422, 429]
    cache.clear()


def test_a_token_is_told_once_whatever_key_comes_with_the_request(client: Client) -> None:
    ada = member()
    body = {"retailer": ada.retailer.slug, "challenge": ask(client, ada).json()["challenge"], "code": last_code()}

    answers = [
        client.post("/api/v1/signin/confirm", body, "application/json", headers={"idempotency-key": "one"})
        for _ in range(2)
    ]
    of_shop = client.post(
        "/api/v1/customers/ada/token",
        headers={"authorization": f"Api-Key {make.key(ada.retailer)}", "idempotency-key": "two"},
    )

    assert [each.status_code for each in answers] == [201, 422]
    assert of_shop.status_code == 201
    assert IdempotencyRecord.objects.count() == 0


def test_a_shopper_signs_out_with_its_token(client: Client) -> None:
    ada = member()
    first, second = make.token(ada.customer), make.token(ada.customer)

    out = client.delete("/api/v1/me/token", headers=bearer(first))

    assert out.status_code == 204
    assert [client.get("/api/v1/me", headers=bearer(each)).status_code for each in (first, second)] == [401, 200]


def test_a_shopper_signs_out_everywhere_and_is_told_before_from_how_much(client: Client) -> None:
    ada, bob = member(), member("bob")
    tokens = [make.token(ada.customer) for _ in range(2)]
    theirs = make.token(bob.customer)
    signed_in(ada)
    signed_in(bob)

    dry = client.delete("/api/v1/me/sessions?dry_run=true", headers=bearer(tokens[0]))
    before = MemberToken.objects.count(), MemberSession.objects.count()
    out = client.delete("/api/v1/me/sessions", headers=bearer(tokens[0]))

    assert dry.json() == {"sessions": 1, "tokens": 2, "dry_run": True}
    assert (before, out.json()) == ((3, 2), {"sessions": 1, "tokens": 2})
    assert [client.get("/api/v1/me", headers=bearer(each)).status_code for each in (*tokens, theirs)] == [401, 401, 200]
    assert MemberSession.objects.get().customer == bob.customer


def test_who_was_merged_is_signed_out_everywhere_with_the_one_who_stays(client: Client) -> None:
    ada = member()
    bob = member("bob", club=ada.program)
    lost = make.token(bob.customer)  # a token and a browser from before the two turned out to be one
    signed_in(bob)
    take_merge(ada.retailer, "bob", "ada", reference="same", now=NOON)
    mine = make.token(ada.customer)

    out = client.delete("/api/v1/me/sessions", headers=bearer(mine))

    assert out.json() == {"sessions": 1, "tokens": 2}
    assert [client.get("/api/v1/me", headers=bearer(each)).status_code for each in (lost, mine)] == [401, 401]
    assert not MemberSession.objects.exists()


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_shops_own_systems_end_the_tokens_of_who_was_merged_too(client: Client, name: str) -> None:
    ada = member()
    bob = member("bob", club=ada.program)
    lost, mine = make.token(bob.customer), make.token(ada.customer)
    take_merge(ada.retailer, "bob", "ada", reference="same", now=NOON)
    headers = {"authorization": f"Api-Key {make.key(ada.retailer, 'members:token')}"}

    done = client.delete(f"/api/v1/customers/{name}/token", headers=headers)

    assert done.json() == {"tokens": 2}
    assert [client.get("/api/v1/me", headers=bearer(each)).status_code for each in (lost, mine)] == [401, 401]


def test_a_shops_own_systems_end_all_tokens_of_a_customer(client: Client) -> None:
    ada, bob = member(), member("bob")
    lost, theirs = make.token(ada.customer), make.token(bob.customer)
    headers = {"authorization": f"Api-Key {make.key(ada.retailer, 'members:token')}"}

    dry = client.delete("/api/v1/customers/ada/token?dry_run=true", headers=headers)
    kept = client.get("/api/v1/me", headers=bearer(lost)).status_code
    done = client.delete("/api/v1/customers/ada/token", headers=headers)

    assert (dry.json(), kept, done.json()) == ({"tokens": 1, "dry_run": True}, 200, {"tokens": 1})
    assert [client.get("/api/v1/me", headers=bearer(each)).status_code for each in (lost, theirs)] == [401, 200]


def test_a_forged_form_of_another_site_cannot_begin_a_session() -> None:
    ada = member()
    strict = Client(enforce_csrf_checks=True)
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    answer = confirm(strict, ada, str(asked.challenge), "x")  # JSON by whoever can send it, for a token, never a cookie

    assert answer.cookies.keys() == set()


@pytest.mark.parametrize(
    ("behind", "forwarded", "expected"),
    [
        (0, "192.0.2.66", "198.51.100.1"),
        (1, "192.0.2.66, 203.0.113.9", "203.0.113.9"),
        (2, "192.0.2.66, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "198.51.100.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "made up", "made up"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),  # of a server that listens for both kinds
        (1, "203.0.113.9:50123", "203.0.113.9"),
        (1, "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_is_who_our_own_proxies_say(settings: Settings, behind: int, forwarded: str, expected: str) -> None:
    settings.PROXIES = behind

    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="198.51.100.1")

    assert client_of(request) == expected


def test_a_client_is_said_in_the_header_that_is_our_proxys_own(settings: Settings) -> None:
    settings.PROXIES, settings.CLIENT_ADDRESS_HEADER = 1, "Clientip"

    said = {"x-forwarded-for": "192.0.2.66", "clientip": "203.0.113.9"}
    request = RequestFactory().get("/", headers=said, REMOTE_ADDR="198.51.100.1")

    assert client_of(request) == "203.0.113.9"


def test_another_address_does_not_make_more_of_a_caller(client: Client) -> None:
    ada = member()

    answers = [
        client.post(
            "/api/v1/signin/codes",
            {"retailer": ada.retailer.slug, "email": f"x{turn}@example.org"},
            "application/json",
            headers={"x-forwarded-for": f"192.0.2.{turn}"},
        ).status_code
        for turn in range(31)
    ]

    assert answers == [202] * 30 + [429]


def test_nobody_signs_in_by_mail_where_none_is_sent(client: Client, settings: Settings) -> None:
    settings.SENDS_MAIL = False

    answer: Any = ask(client, member())

    assert (answer.status_code, answer.json()["code"]) == (422, "signin_not_set_up")
    assert Membership.objects.count() == 1
