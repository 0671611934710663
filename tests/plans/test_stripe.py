"""Stripe's adapter, asked through its own library, answered with the shapes that its API documents."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
import stripe

from loyalty.plans.account.collecting import carry_out_refunds, collect_due
from loyalty.plans.account.joining import join
from loyalty.plans.account.notices import Taken, take_notice
from loyalty.plans.account.paying import refund
from loyalty.plans.models import Invoice, PaymentNotice, Refund
from loyalty.plans.providers.choosing import make_provider
from loyalty.plans.providers.port import Charge, NotReached, Return, Status, UnreadableNotice, WrongSignature
from loyalty.plans.providers.signing import sign
from loyalty.plans.providers.stripe import HEADER, NotPayable, StripeProvider, minor_units
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import plan_of

INVOICE = UUID("019a0000-0000-7000-8000-00000000000a")
CREATED = 1_780_315_260  # 2026-06-01T12:01:00Z
AT = datetime.fromtimestamp(CREATED, UTC)


def intent(status: str = "succeeded", invoice: UUID = INVOICE, **more: Any) -> dict[str, Any]:
    """Return a payment intent as https://docs.stripe.com/api/payment_intents/object has it, without what we do not read."""
    return {
        "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "object": "payment_intent", "amount": 1000, "currency": "eur",
        "created": CREATED, "customer": "cus_9s6XKzkNRiz8i3", "livemode": False, "status": status,
        "payment_method": "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "last_payment_error": None, "metadata": {"invoice": str(invoice)},
    } | more  # fmt: skip


def declined() -> dict[str, Any]:
    """Return the error of a card that was declined, as https://docs.stripe.com/api/errors has it."""
    return {
        "error": {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.", "payment_intent": intent("requires_payment_method"),
        }
    }  # fmt: skip


def refunded(status: str = "succeeded", name: str = "r", **more: Any) -> dict[str, Any]:
    """Return a refund as https://docs.stripe.com/api/refunds/object has it."""
    return {
        "id": "re_1Nispe2eZvKYlo2Cd31jOCgZ", "object": "refund", "amount": 400, "created": CREATED, "currency": "eur",
        "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "status": status, "metadata": {"refund": name},
    } | more  # fmt: skip


def event(kind: str, about: dict[str, Any], at: datetime = AT, name: str = "evt_1") -> bytes:
    """Return an event as https://docs.stripe.com/api/events/object has it."""
    said = {"id": name, "object": "event", "type": kind, "created": int(at.timestamp()), "data": {"object": about}}
    return json.dumps(said).encode()


class Recorded(stripe.HTTPClient):
    """Answers what was recorded, and keeps what it was asked."""

    name = "recorded"

    def __init__(self, *answers: tuple[int, dict[str, Any]] | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], str | None]] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        body = {name: value[0] for name, value in parse_qs(post_data).items()} if post_data else {}
        self.asked.append((method, url, body, headers.get("Idempotency-Key")))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, said = answer
        return json.dumps(said), status, {"request-id": "req_1"}

    def close(self) -> None:
        """There is nothing to close."""

    def _sleep_time_seconds(self, *_: Any, **__: Any) -> float:
        return 0


def provider(*answers: tuple[int, dict[str, Any]] | Exception) -> tuple[StripeProvider, Recorded]:
    recorded = Recorded(*answers)
    return StripeProvider("sk_test_1", "whsec_1", http_client=recorded), recorded


CHARGE = Charge("k1", INVOICE, Decimal("10.00"), "EUR", "cus_9s6XKzkNRiz8i3/pm_1MqLiJLkdIwHu7ixUEgbFdYF")


def test_a_fee_is_taken_by_a_confirmed_intent_under_its_key() -> None:
    stripes, recorded = provider((200, intent()))

    answer = stripes.charge(CHARGE, now=AT)

    assert (answer.status, answer.reference, answer.at) == (Status.DONE, "pi_3MtwBwLkdIwHu7ix28a3tqPa", AT)
    ((method, url, body, key),) = recorded.asked
    assert (method, url, key) == ("post", "https://api.stripe.com/v1/payment_intents", "k1")
    assert body == {
        "amount": "1000", "currency": "eur", "customer": "cus_9s6XKzkNRiz8i3", "confirm": "true", "off_session": "true",
        "payment_method": "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "metadata[invoice]": str(INVOICE),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "said", "expected", "error"),
    [
        (200, intent("processing"), Status.WAITING, ""),
        (200, intent("requires_action"), Status.FAILED, "requires_action"),
        (402, declined(), Status.FAILED, "card_declined"),
        (
            400,
            {"error": {"type": "invalid_request_error", "message": "No such customer"}},
            Status.FAILED,
            "No such customer",
        ),
    ],
)
def test_what_is_not_paid_says_why(status: int, said: Any, expected: Status, error: str) -> None:
    answer = provider((status, said))[0].charge(CHARGE, now=AT)

    assert (answer.status, answer.error) == (expected, error)


@pytest.mark.parametrize(
    "answers",
    [
        ((401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}),),
        ((500, {"error": {"type": "api_error", "message": "oops"}}),) * 3,
        (stripe.APIConnectionError("down", should_retry=True),) * 3,  # type: ignore[no-untyped-call] # the library's own
    ],
)
def test_of_what_nobody_knows_it_is_asked_again(answers: Any) -> None:
    stripes, recorded = provider(*answers)

    with pytest.raises(NotReached):
        stripes.charge(CHARGE, now=AT)

    assert {key for *_, key in recorded.asked} == {"k1"}


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("10.00", "EUR", 1000),
        ("10", "JPY", 10),
        ("3.330", "KWD", 3330),
        ("5", "ISK", 500),
        ("7", "UGX", 700),
        ("7", "MGA", 7),
    ],
)
def test_amounts_are_counted_as_stripe_does(amount: str, currency: str, units: int) -> None:
    assert minor_units(Decimal(amount), currency) == units


def test_an_amount_that_stripe_has_no_units_for_is_not_asked_for() -> None:
    stripes, recorded = provider()

    with pytest.raises(NotPayable):
        minor_units(Decimal("3.333"), "KWD")
    answer = stripes.charge(Charge("k", INVOICE, Decimal("3.333"), "KWD", "c/p"), now=AT)

    assert (answer.status, answer.error, recorded.asked) == (Status.FAILED, "amount not possible: 3.333 KWD", [])


@pytest.mark.parametrize(
    ("status", "expected"),
    [("succeeded", Status.DONE), ("pending", Status.WAITING), ("failed", Status.FAILED), ("canceled", Status.FAILED)],
)
def test_a_refund_is_of_its_payment(status: str, expected: Status) -> None:
    stripes, recorded = provider((200, refunded(status)))

    answer = stripes.give_back(Return("r1", INVOICE, Decimal("4.00"), "EUR", "pi_1"), now=AT)

    assert answer.status is expected
    assert recorded.asked[0][2:] == (
        {"payment_intent": "pi_1", "amount": "400", "metadata[refund]": str(INVOICE)}, "r1",
    )  # fmt: skip


@pytest.mark.django_db
def test_a_member_pays_by_stripe_is_declined_once_and_gets_a_part_back() -> None:
    ada = make.member(make_plans.program())
    join(ada, "plus", method="cus_1/pm_1", now=on("2026-06-01T12:00"))
    invoice = Invoice.objects.get()
    stripes, recorded = provider(
        (402, declined()), (200, intent(id="pi_2", invoice=invoice.pk)), (200, refunded("pending"))
    )

    collect_due(ada.retailer, now=AT, choose=lambda _: stripes)
    body = event(
        "payment_intent.payment_failed", intent("requires_payment_method", invoice.pk), AT + timedelta(seconds=2)
    )
    signed = {HEADER: sign(body, "whsec_1", AT + timedelta(seconds=3))}
    told_too = take_notice(ada.retailer, stripes, signed, body, now=AT + timedelta(seconds=3))
    collect_due(ada.retailer, now=AT + timedelta(days=2), choose=lambda _: stripes)
    refund(invoice.pk, Decimal("4.00"), reason="late", author="sue", now=AT + timedelta(days=3))
    carry_out_refunds(ada.retailer, now=AT + timedelta(days=3), choose=lambda _: stripes)

    invoice.refresh_from_db()
    assert told_too == Taken("older")
    assert (invoice.status, invoice.attempts, invoice.provider_reference) == ("paid", 1, "pi_2")
    assert plan_of(ada).status == "active"
    assert len({key for *_, key in recorded.asked}) == 3
    back = Refund.objects.get()
    assert (back.status, recorded.asked[2][2]["payment_intent"]) == ("waiting", "pi_2")
    body = event("refund.updated", refunded("succeeded", str(back.pk)), AT + timedelta(days=4), "evt_2")
    now = AT + timedelta(days=4)
    assert take_notice(ada.retailer, stripes, {HEADER: sign(body, "whsec_1", now)}, body, now=now) == Taken("refunded")
    back.refresh_from_db()
    assert back.status == "done"


@pytest.mark.django_db
def test_events_count_once_and_only_under_stripes_signature() -> None:
    ada = make.member(make_plans.program())
    join(ada, "plus", method="cus_1/pm_1", now=on("2026-06-01T12:00"))
    stripes, _ = provider()
    body = event("payment_intent.succeeded", intent(invoice=Invoice.objects.get().pk))

    old = sign(body, "whsec_1", AT - timedelta(minutes=6))
    for header in ("", "t=x,v1=00", sign(body, "whsec_2", AT), old, f"{old},t={int(AT.timestamp())}"):
        with pytest.raises(WrongSignature):
            take_notice(ada.retailer, stripes, {HEADER: header}, body, now=AT)
    signed = {HEADER: sign(body, "whsec_1", AT)}
    taken = [take_notice(ada.retailer, stripes, signed, body, now=AT) for _ in range(2)]
    other = event("customer.created", {"id": "cus_1", "object": "customer"}, name="evt_9")
    ignored = take_notice(ada.retailer, stripes, {HEADER: sign(other, "whsec_1", AT)}, other, now=AT)

    assert taken == [Taken("paid"), Taken("known", is_new=False)]
    assert (ignored, plan_of(ada).status) == (Taken("ignored"), "active")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("paid", "error"),
    [
        ({"amount_received": 400}, "4.00 EUR paid, 10.00 EUR due"),
        ({"amount": 1001}, "10.01 EUR paid, 10.00 EUR due"),
        ({"amount": 1000, "currency": "jpy"}, "1000 JPY paid, 10.00 EUR due"),
    ],
)
def test_a_payment_of_another_amount_pays_nothing_and_is_told(paid: dict[str, Any], error: str) -> None:
    ada = make.member(make_plans.program())
    join(ada, "plus", method="cus_1/pm_1", now=on("2026-06-01T12:00"))
    stripes, _ = provider()
    body = event("payment_intent.succeeded", intent(invoice=Invoice.objects.get().pk, **paid))

    taken = take_notice(ada.retailer, stripes, {HEADER: sign(body, "whsec_1", AT)}, body, now=AT)

    invoice = Invoice.objects.get()
    assert (taken, invoice.status, invoice.last_error) == (Taken("other_amount"), "open", error)
    assert PaymentNotice.objects.get().effect == "other_amount"


@pytest.mark.parametrize(
    "odd",
    [
        {"id": None},
        {"id": 7},
        {"id": ["evt_1"]},
        {"id": ""},
        {"created": None},
        {"created": -1e18},
        {"type": []},
        {"data": {}},
    ],
    ids=str,
)
def test_an_event_with_odd_fields_cannot_be_read(odd: dict[str, Any]) -> None:
    body = json.dumps(json.loads(event("payment_intent.succeeded", intent())) | odd).encode()

    with pytest.raises(UnreadableNotice):
        provider()[0].read({HEADER: sign(body, "whsec_1", AT)}, body, now=AT)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["日本/x", "cus_1\nX-Other: 1/pm_1", "é" * 200])
def test_whatever_a_method_is_called_its_charge_has_a_key_that_a_header_takes(method: str) -> None:
    ada = make.member(make_plans.program())
    join(ada, "plus", method=method, now=AT)
    stripes, recorded = provider((402, declined()))

    collect_due(ada.retailer, now=AT, choose=lambda _: stripes)

    ((_method, _url, _body, key),) = recorded.asked
    assert key is not None
    assert (key.isascii(), key.isprintable(), len(key)) == (True, True, 71)
    assert Invoice.objects.get().last_error == "card_declined"


@pytest.mark.django_db
def test_a_refund_that_failed_is_asked_for_anew_and_one_of_which_nobody_knows_the_same_again() -> None:
    ada, back = _with_refund()
    stripes, recorded = provider(
        (200, refunded("pending", id="re_1")),
        *(stripe.APIConnectionError("down", should_retry=True),) * 3,  # type: ignore[no-untyped-call] # the library's own
        (200, refunded("pending", id="re_2")),
    )

    def carry_out(hours: int) -> None:
        carry_out_refunds(ada.retailer, now=AT + timedelta(hours=hours), choose=lambda _: stripes)

    def told(kind: str, name: str, of: str, status: str, hours: int) -> str:
        now = AT + timedelta(hours=hours)
        body = event(kind, refunded(status, str(back.pk), id=of), now, name)
        return take_notice(ada.retailer, stripes, {HEADER: sign(body, "whsec_1", now)}, body, now=now).effect

    carry_out(1)
    effects = [
        told("refund.failed", "evt_1", "re_1", "failed", 2),
        told("refund.updated", "evt_2", "re_1", "failed", 2),  # the same, in another way
        told("refund.updated", "evt_3", "re_1", "succeeded", 2),  # of a try that has failed
    ]
    carry_out(4)
    carry_out(5)
    effects += [
        told("refund.updated", "evt_4", "re_1", "failed", 6),  # of the try before
        told("refund.updated", "evt_5", "re_2", "succeeded", 7),
    ]

    back.refresh_from_db()
    keys = [key for *_, key in recorded.asked]
    assert keys == [str(back.pk), *[f"{back.pk}:1"] * 4]
    assert effects == ["failed", "older", "known", "older", "refunded"]
    assert (back.status, back.provider_reference, back.attempts) == ("done", "re_2", 1)


def _with_refund() -> tuple[Any, Refund]:
    """Return a member who paid by Stripe, and whose fee is to go back."""
    ada = make.member(make_plans.program())
    join(ada, "plus", method="cus_1/pm_1", now=AT)
    stripes, _ = provider((200, intent(invoice=Invoice.objects.get().pk)))
    collect_due(ada.retailer, now=AT, choose=lambda _: stripes)
    refund(Invoice.objects.get().pk, None, reason="late", author="sue", now=AT)
    return ada, Refund.objects.get()


def test_the_settings_switch_it_on() -> None:
    made = make_provider({"provider": "stripe", "api_key": "sk_test_1", "webhook_secret": "whsec_1"})

    assert (made.name, made.is_asked) == ("stripe", True)
    with pytest.raises(ValueError, match="none of manual, test and stripe"):
        make_provider({"provider": "paypal"})
