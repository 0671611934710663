"""What nobody should send, sent anyway: each is told with a code and a way out, and nothing is half done."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import change, join
from loyalty.plans.models import Invoice, PaymentNotice, PlanChange, Refund, Subscription
from loyalty.plans.providers.signing import sign
from tests import make
from tests.plans import make_plans
from tests.plans.make_plans import joined

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00"}, {"code": "max", "price": "25.00"})
DEEP = "[" * 100_000


@pytest.fixture
def ada(settings: Any) -> Membership:
    member = make.member(make_plans.program(*TWO), "ada")
    settings.PAYMENT_ACCOUNTS = {member.retailer.slug: {"provider": "test", "webhook_secret": "s"}}
    return member


def send(client: Client, path: str, body: Any, who: Membership, *, as_shop: bool, language: str = "en") -> Any:
    credential = f"Api-Key {make.key(who.retailer)}" if as_shop else f"Bearer {make.token(who.customer)}"
    base = f"members/{who.number}/plan" if as_shop else f"me/plans/{who.program.slug}"
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.generic(
        "POST", f"/api/v1/{base}/{path}", raw, content_type="application/json",
        headers={"authorization": credential, "accept-language": language},
    )  # fmt: skip


def is_told(answer: Any) -> bool:
    """Tell whether an answer is a refusal that says what it is, and what to do."""
    said = answer.json()
    is_refusal = 400 <= answer.status_code < 500 and answer["Content-Type"].startswith("application/problem+json")
    return bool(is_refusal and {"code", "detail", "status"} <= said.keys() and said["status"] == answer.status_code)


BODIES: list[Any] = [
    "", "{", "nonsense", "[]", "null", "7", '"plus"', DEEP, b"\xff\xfe", {}, {"plan": None}, {"plan": ""}, {"plan": ["plus"]},
    {"plan": {"code": "plus"}}, {"plan": True}, {"plan": 7}, {"plan": "p\x00"}, {"plan": "x" * 51}, {"plan": "pl us"},
    '{"plan": "\\ud800"}', {"plan": "plus", "payment_method": "x" * 201},
    {"plan": "plus", "payment_method": ["a"]}, {"plan": "plus", "payment_method": "a\x00"}, {"plan": "plus", "dry_run": True},
    {"plan": "plus", "payment_metod": "card"}, {"plan": "plus", "when": 7},
]  # fmt: skip


@pytest.mark.parametrize("as_shop", [False, True])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body)[:30])
@pytest.mark.parametrize("verb", ["join", "change"])
def test_a_body_that_means_nothing_is_refused(
    client: Client, ada: Membership, verb: str, body: Any, as_shop: Any
) -> None:
    joined_before = verb == "change"
    if joined_before:
        joined(ada, at=datetime.now(UTC))

    answer = send(client, verb, body, ada, as_shop=as_shop)

    assert is_told(answer), (answer.status_code, answer.content)
    assert Subscription.objects.count() == joined_before
    assert Invoice.objects.filter(status="open").count() == 0


def test_an_optional_field_that_is_null_is_not_said(client: Client, ada: Membership) -> None:
    answer = send(client, "join", {"plan": "plus", "payment_method": None}, ada, as_shop=True)

    assert (answer.status_code, answer.json()["mine"]["plan"]["code"]) == (201, "plus")


def test_what_is_refused_is_said_in_the_asked_language(client: Client, ada: Membership) -> None:
    told = [
        send(client, "join", {"plan": "gold"}, ada, as_shop=as_shop, language="fr").json()["detail"]
        for as_shop in (False, True)
    ]

    assert told == ["Le programme ne propose pas la formule « gold ». Il propose : plus, max."] * 2


def test_a_cancellation_with_a_wish_that_there_is_not_is_refused(client: Client, ada: Membership) -> None:
    joined(ada, at=datetime.now(UTC))

    answers = [send(client, verb, {"when": "now"}, ada, as_shop=True) for verb in ("cancel", "resume")]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "unknown_field")] * 2
    assert not Subscription.objects.get().cancels


@pytest.mark.parametrize("verb", ["join", "change", "cancel", "resume", "payment-method"])
def test_a_misspelt_parameter_and_another_s_credential_do_nothing(client: Client, ada: Membership, verb: str) -> None:
    joined(ada, at=datetime.now(UTC))
    before = Subscription.objects.values().get()
    eve = make.member(make_plans.program(*TWO), "eve")

    misspelt = send(client, f"{verb}?dryrun=1", {"plan": "max", "payment_method": "x"}, ada, as_shop=True)
    said = {"join": {"plan": "max"}, "change": {"plan": "max"}, "payment-method": {"payment_method": "x"}}.get(verb, {})
    others = client.post(
        f"/api/v1/members/{ada.number}/plan/{verb}", said,
        content_type="application/json", headers={"authorization": f"Api-Key {make.key(eve.retailer)}"},
    )  # fmt: skip
    weak = client.post(
        f"/api/v1/members/{ada.number}/plan/{verb}", {"plan": "max", "payment_method": "x"},
        content_type="application/json", headers={"authorization": f"Api-Key {make.key(ada.retailer, 'members:read')}"},
    )  # fmt: skip

    assert [each.status_code for each in (misspelt, others, weak)] == [400, 404, 403]
    assert all(map(is_told, (misspelt, others, weak)))
    assert Subscription.objects.values().get() == before


NOW = datetime.now(UTC)


def notice(client: Client, ada: Membership, body: bytes, *, signature: str | None = None, **headers: str) -> Any:
    signed = sign(body, "s", datetime.now(UTC)) if signature is None else signature
    return client.generic(
        "POST", f"/api/v1/payments/{ada.retailer.slug}/test", body, content_type="application/json",
        headers={"X-Test-Signature": signed} | headers,
    )  # fmt: skip


def said(invoice: Invoice, **changes: Any) -> bytes:
    at = datetime.now(UTC).isoformat()
    return json.dumps({"id": "n1", "kind": "paid", "subject": str(invoice.pk), "at": at} | changes).encode()


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1,v1=00",
        "nonsense",
        "t=,v1=",
        "v1=00",
        f"t={'9' * 11},v1=00",
        f"t={'9' * 40},v1=00",
        "t=٣,v1=é",
        "t=-1,v1=00",
    ],
)
def test_a_notice_without_a_signature_of_the_provider_is_refused(
    client: Client, ada: Membership, signature: str
) -> None:
    join(ada, "plus", method="later", now=datetime.now(UTC))

    answer = notice(client, ada, said(Invoice.objects.get()), signature=signature)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_signature")
    assert is_told(answer)
    assert PaymentNotice.objects.count() == 0


@pytest.mark.parametrize("shift", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=300_000)])
def test_a_signature_of_another_time_is_refused(client: Client, ada: Membership, shift: timedelta) -> None:
    join(ada, "plus", method="later", now=datetime.now(UTC))
    body = said(Invoice.objects.get())

    answer = notice(client, ada, body, signature=sign(body, "s", datetime.now(UTC) + shift))

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_signature")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "stolen"}, {"kind": None}, {"at": "yesterday"}, {"at": 7}, {"at": "2026-06-15T12:00:00"},
        {"at": "0001-01-01T00:00:00+00:00"}, {"subject": "x"}, {"subject": None}, {"subject": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_signed_notice_that_cannot_be_read_is_refused(client: Client, ada: Membership, changes: Any) -> None:
    join(ada, "plus", method="later", now=datetime.now(UTC))

    answer = notice(client, ada, said(Invoice.objects.get(), **changes))

    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_notice")
    assert (PaymentNotice.objects.count(), Subscription.objects.get().status) == (0, "awaiting")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b"null", b"\xff", DEEP.encode()], ids=lambda body: str(body)[:12]
)
def test_a_signed_body_that_is_no_notice_is_refused(client: Client, ada: Membership, body: bytes) -> None:
    answer = notice(client, ada, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_notice")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "a\x00b"},
        {"id": "x" * 5_000},
        {"reference": "\ud800" + "y" * 5_000},
        {"reference": "\x00"},
        {"reference": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_notice_with_odd_names_is_taken_as_far_as_they_can_be_kept(
    client: Client, ada: Membership, changes: Any
) -> None:
    join(ada, "plus", method="later", now=datetime.now(UTC))
    body = said(Invoice.objects.get(), **changes)

    answers = [notice(client, ada, body) for _ in range(2)]

    assert [(each.status_code, each.json()) for each in answers] == [
        (200, {"effect": "paid"}),
        (200, {"effect": "known"}),
    ]
    assert Subscription.objects.get().status == "active"


def test_a_failure_with_a_long_reason_and_one_of_the_future_are_taken(client: Client, ada: Membership) -> None:
    join(ada, "plus", method="later", now=datetime.now(UTC))
    invoice = Invoice.objects.get()

    failed = notice(client, ada, said(invoice, id="n1", kind="failed", error="é\x00" * 500))
    paid = notice(client, ada, said(invoice, id="n2", at="9999-12-31T23:59:59+00:00"))

    invoice.refresh_from_db()
    assert (failed.json(), paid.json()) == ({"effect": "failed"}, {"effect": "paid"})
    assert invoice.paid_at is not None
    assert invoice.paid_at <= datetime.now(UTC)


def test_notices_about_nothing_of_ours_do_nothing(client: Client, ada: Membership) -> None:
    bob = make.member(make_plans.program(*TWO), "bob")
    join(bob, "plus", now=datetime.now(UTC))
    theirs = Invoice.objects.get()

    answers = [
        notice(client, ada, said(theirs, id="n1")),
        notice(client, ada, said(theirs, id="n2", subject=str(make_plans.fresh_id()))),
        notice(client, ada, said(theirs, id="n3", kind="refunded")),
        notice(client, ada, said(theirs, id="n4", kind="other")),
    ]

    assert [each.json() for each in answers] == [{"effect": "ignored"}] * 4
    assert Invoice.objects.get().status == "open"


def test_an_oversized_notice_and_one_for_nobody_are_refused(client: Client, ada: Membership, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000

    large = notice(client, ada, b" " * 2_000)
    nobody = client.post("/api/v1/payments/nobody/test", "{}", content_type="application/json")
    other = client.post(f"/api/v1/payments/{ada.retailer.slug}/stripe", "{}", content_type="application/json")

    assert [each.status_code for each in (large, nobody, other)] == [413, 404, 404]
    assert all(map(is_told, (large, nobody, other)))


@pytest.mark.parametrize(
    "amount", ["", "abc", "NaN", "-1", "0", "1e400", "9" * 30, "10.001", "10,01 €", "1.2.3", "\x00"]
)
def test_staff_who_mistype_an_amount_are_told_beside_the_question(client: Client, ada: Membership, amount: str) -> None:
    joined(ada, at=datetime.now(UTC))
    client.force_login(User.objects.create_superuser("sue"))
    address = reverse("admin:plans_invoice_give_back", args=[Invoice.objects.get().pk])

    answer = client.post(address, {"amount": amount, "reason": "why"})

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode() or "error" in answer.content.decode()
    assert Refund.objects.count() == 0


def test_a_plan_of_a_huge_price_and_of_none_are_both_kept_exactly() -> None:
    club = make_plans.program(
        {"code": "free", "price": "0"}, {"code": "dear", "price": "999999999.99", "period": "year"}
    )
    ada = make.member(club)

    joined(ada, "free", at=make.on("2026-06-01T12:00"))
    change(ada, "dear", now=make.on("2026-06-11T12:00"))
    make_plans.pays(ada, at=make.on("2026-06-11T12:00"))

    assert make_plans.invoices_of(ada) == [("first", "0.00", "paid"), ("change", "999999999.99", "paid")]
    assert PlanChange.objects.count() == 2
    assert Invoice.objects.get(kind="change").amount == Decimal("999999999.99")
