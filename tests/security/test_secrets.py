"""No secret is written into a log: none that a request brings or gets, none of what fails."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from loyalty.access.inviting import invite, token_of
from loyalty.campaigns.models import MessageChannel
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.relay import deliver, dispatch
from loyalty.staff_signin.mailing import mail_resets
from tests import make
from tests.api.test_integration import ORDER, call
from tests.outbox.test_feed import tell
from tests.signin.signing import ADDRESS, ask, member
from tests.signin.test_api import bearer, last_code
from tests.staff_signin.signing import PASSWORD, SECRET, code, sign_in, sue, with_app
from tests.staff_signin.test_resets import link

pytestmark = pytest.mark.django_db
Secrets = list[str]
# By name: a warning that shows a line of this file would show them.
WRONG_CODE, WRONG_PASSWORD = "wrong-code-4711", "not-my-password"


@contextmanager
def broken_database() -> Iterator[None]:
    """Let no table be found inside."""
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO nowhere")
    yield
    transaction.savepoint_rollback(before)


def with_keys() -> Secrets:
    """Orders by a key and an Idempotency-Key, and one that fails."""
    key = make.key(make.retailer())
    client = Client(raise_request_exception=False)
    call(client, key, "orders", ORDER, **{"Idempotency-Key": "a-key-of-mine"})
    call(client, f"{key}x", "orders", ORDER)
    call(client, key, "nowhere")
    with broken_database():
        call(client, key, "reconciliation")
    return [key, key.partition(".")[2], "a-key-of-mine"]


def with_tokens() -> Secrets:
    """A member signs in by a code, wrongly and rightly, reads and signs out."""
    ada = member()
    client = Client()
    challenge = ask(client, ada).json()["challenge"]
    typed = last_code()
    body = {"retailer": ada.retailer.slug, "challenge": challenge}
    client.post("/api/v1/signin/confirm", body | {"code": "not-it"}, "application/json")
    done = client.post("/api/v1/signin/confirm", body | {"code": typed}, "application/json")
    token = done.json()["token"]
    client.get("/api/v1/me", headers=bearer(token))
    client.get("/api/v1/me", headers=bearer(f"{token}x"))
    of_shop = client.post("/api/v1/customers/ada/token", headers={"authorization": f"Api-Key {make.key(ada.retailer)}"})
    return [typed, token, of_shop.json()["token"], ADDRESS]


def with_passwords() -> Secrets:
    """Staff signs in wrongly and rightly, with a second factor and a code to recover, and asks for a new password."""
    user = sue(make.retailer())
    codes = with_app(user)
    client, now = Client(), code()
    sign_in(client, password=WRONG_PASSWORD)
    sign_in(client)
    client.post(reverse("mfa_authenticate"), {"code": WRONG_CODE})
    client.post(reverse("mfa_authenticate"), {"code": now})
    session = client.session.session_key or ""
    sign_in(other := Client())
    other.post(reverse("mfa_authenticate"), {"code": codes[0]})
    other.post(reverse("account_reset_password"), {"email": "sue@example.org"})
    mail_resets(now=timezone.now())
    address = link()
    Client().get(address)
    return [
        PASSWORD,
        WRONG_PASSWORD,
        WRONG_CODE,
        SECRET,
        now,
        codes[0],
        session,
        address.split("-")[-1].strip("/"),
    ]


def with_invitations() -> Secrets:
    """Somebody opens an invitation, also one that is none, and one whose page fails."""
    token = token_of(invite(make.retailer(), "bob@example.org", "owner", by="sue", now=timezone.now()))
    client = Client(raise_request_exception=False)
    client.get(reverse("staff_invitation", args=[token]))
    client.get(reverse("staff_invitation", args=[f"{token}x"]))
    with broken_database():
        client.get(reverse("staff_invitation", args=[token]))
    return [token]


def with_webhooks() -> Secrets:
    """A webhook that nobody answers, and a key that is made in the admin."""
    shop = make.retailer()
    with override_settings(WEBHOOKS_MAY_GO_INSIDE=True):
        endpoint = add_endpoint(shop, "http://127.0.0.1:9/hook?token=of-the-shop")
        tell(shop, 1)
        dispatch(now=timezone.now())
        deliver(endpoint.pk)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    made = client.post(
        reverse("admin:api_retailerkey_add"),
        {"retailer": shop.pk, "name": "till", "scopes": ["members:read"]},
        follow=True,
    )
    shown: Any = made.content.decode().partition("The key is ")[2].partition(". Copy")[0]
    assert len(shown) > 20
    return [endpoint.secret, shown, "of-the-shop"]


@pytest.mark.parametrize("act", [with_keys, with_tokens, with_passwords, with_invitations, with_webhooks])
def test_no_secret_is_written(
    act: Callable[[], Secrets], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], settings: Any
) -> None:
    settings.LOG_LEVEL_OF_REQUESTS = logging.WARNING  # the tests' log has nothing below
    with caplog.at_level(logging.DEBUG), capture_logs(processors=[structlog.processors.format_exc_info]) as lines:
        secrets = act()

    written = f"{lines}{caplog.text}{capfd.readouterr()}"
    assert len(lines) > 1
    assert [secret for secret in secrets if not secret or secret in written] == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("outbox_endpoint", "secret"),
        ("outbox_endpoint", "old_secret"),
        ("outbox_endpoint", "older_secrets"),
        ("campaigns_messagechannel", "secret"),
        ("api_retailerkey", "hashed_key"),
    ],
)
def test_who_may_look_learns_no_secret_by_asking_how_it_begins(client: Client, page: str, text: str) -> None:
    client.force_login(sue(make.retailer(), "auditor"))
    address = reverse(f"admin:{page}_changelist")

    asked = [client.get(address, {f"{text}{how}": "a"}).status_code for how in ("", "__startswith", "__gt", "__regex")]

    assert (asked, client.get(address).status_code) == ([400] * 4, 200)


@pytest.mark.parametrize(("role", "is_told"), [("owner", True), ("manager", False), ("auditor", False)])
def test_what_signs_messages_is_told_to_who_sets_channels_up(client: Client, role: str, *, is_told: bool) -> None:
    shop = make.retailer()
    channel = MessageChannel.objects.create(
        retailer=shop, channel="sms", provider="http", url="https://sms.example/", secret="whsec_of-the-channel"
    )
    client.force_login(sue(shop, role))

    page = client.get(reverse("admin:campaigns_messagechannel_change", args=[channel.pk]))

    assert (page.status_code, channel.secret in page.content.decode()) == (200, is_told)
