"""
Stripe, by its official library: one payment intent per try, confirmed without the payer; and its signed events.

The payment method is `CUSTOMER/PAYMENT_METHOD`, such as cus_9s6XKzkNRiz8i3/pm_1MqLiJLkdIwHu7ixUEgbFdYF, which the shop's own
page has set up for later use. https://docs.stripe.com/api/payment_intents, /refunds, /events
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import stripe

from customers.core.money import decimals_of
from loyalty.plans.providers.port import (
    Answer,
    Charge,
    Notice,
    NoticeKind,
    NotReached,
    Return,
    Status,
    UnreadableNotice,
    WrongSignature,
)
from loyalty.plans.providers.signing import require_recent

HEADER = "Stripe-Signature"
# Where Stripe counts in other units than ISO 4217: https://docs.stripe.com/currencies#special-cases
DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
OF_PAYMENT = {"succeeded": Status.DONE, "processing": Status.WAITING}
OF_REFUND = {"succeeded": Status.DONE, "pending": Status.WAITING, "requires_action": Status.WAITING}
PAYMENTS = {"payment_intent.succeeded": NoticeKind.PAID, "payment_intent.payment_failed": NoticeKind.FAILED}
REFUNDS = {"succeeded": NoticeKind.REFUNDED, "failed": NoticeKind.REFUND_FAILED, "canceled": NoticeKind.REFUND_FAILED}


class NotPayable(Exception):
    """An amount that Stripe cannot take: it has no such units."""


def minor_units(amount: Decimal, currency: str) -> int:
    """
    Return an amount as Stripe counts it: 1000 for 10.00 EUR, 10 for 10 JPY, 10000 for 10.000 KWD.

    :raises NotPayable: when there is no such number; of three decimals Stripe takes the last one as 0 only
    """
    decimals = DECIMALS.get(currency, decimals_of(currency))
    units = amount.scaleb(decimals)
    step = 10 if decimals > 2 else 1  # noqa: PLR2004 - as its page says
    if units != int(units) or int(units) % step:
        raise NotPayable(f"{amount:f} {currency}")
    return int(units)


def amount_of(units: Any, currency: str) -> Decimal:
    """Return the amount that Stripe counts so. :raises TypeError: when that is no number of units"""
    if not isinstance(units, int):
        message = "an amount is a whole number"
        raise TypeError(message)
    return Decimal(units).scaleb(-DECIMALS.get(currency, decimals_of(currency)))


class StripeProvider:
    """
    Takes money by Stripe.

    :param http_client: whom the library asks; its own one if None
    """

    name = "stripe"
    is_asked = True

    def __init__(self, api_key: str, webhook_secret: str, *, http_client: stripe.HTTPClient | None = None) -> None:
        self.client = stripe.StripeClient(api_key, http_client=http_client, max_network_retries=2)
        self.webhook_secret = webhook_secret

    def charge(self, charge: Charge, *, now: datetime) -> Answer:
        customer, _, method = charge.method.partition("/")
        try:
            params: Any = {
                "amount": minor_units(charge.amount, charge.currency),
                "currency": charge.currency.lower(),
                "customer": customer,
                "payment_method": method,
                "off_session": True,
                "confirm": True,
                "metadata": {"invoice": str(charge.invoice_id)},
            }
            made = self.client.v1.payment_intents.create(params, {"idempotency_key": charge.key})
        except NotPayable as error:
            return Answer(Status.FAILED, error=f"amount not possible: {error}")
        except stripe.CardError as error:
            return Answer(
                Status.FAILED, _intent_of(error), now, str(error.code or error.user_message or "card declined")
            )
        except stripe.InvalidRequestError as error:
            return Answer(Status.FAILED, at=now, error=str(error.user_message or error)[:200])
        except stripe.StripeError as error:
            raise NotReached(type(error).__name__) from error
        status = OF_PAYMENT.get(made.status, Status.FAILED)
        at = datetime.fromtimestamp(made.created, UTC)
        return Answer(status, made.id, at, "" if status is not Status.FAILED else made.status)

    def give_back(self, back: Return, *, now: datetime) -> Answer:
        try:
            params: Any = {
                "payment_intent": back.reference,
                "amount": minor_units(back.amount, back.currency),
                "metadata": {"refund": str(back.refund_id)},
            }
            made = self.client.v1.refunds.create(params, {"idempotency_key": back.key})
        except NotPayable as error:
            return Answer(Status.FAILED, error=f"amount not possible: {error}")
        except stripe.InvalidRequestError as error:
            return Answer(Status.FAILED, at=now, error=str(error.user_message or error)[:200])
        except stripe.StripeError as error:
            raise NotReached(type(error).__name__) from error
        status = OF_REFUND.get(made.status or "", Status.FAILED)
        error_of = str(getattr(made, "failure_reason", None) or made.status)
        return Answer(
            status, made.id, datetime.fromtimestamp(made.created, UTC), error_of if status is Status.FAILED else ""
        )

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        header = headers.get(HEADER, "")
        try:
            stripe.WebhookSignature.verify_header(body.decode(), header, self.webhook_secret, tolerance=None)
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise WrongSignature from error
        require_recent(_seconds_of(header), now)
        try:
            event = json.loads(body)
            return _notice(event, event["data"]["object"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
            raise UnreadableNotice(reason=f"{type(error).__name__}: {error}"[:200]) from error


def _intent_of(error: stripe.CardError) -> str:
    """Return the payment intent that was declined, by which its event tells of it too."""
    body: Any = error.json_body
    intent = (body or {}).get("error", {}).get("payment_intent") or {}
    return str(intent.get("id", ""))


def _seconds_of(header: str) -> int:
    """Return the instant that was signed: the first one of a header, as the library verifies it, whatever was added behind."""
    parts = (part.split("=") for part in header.split(","))
    return next(int(said[0]) for name, *said in parts if name == "t")  # it was verified with it


def _notice(event: dict[str, Any], about: dict[str, Any]) -> Notice:
    at = datetime.fromtimestamp(event["created"], UTC)
    metadata = about.get("metadata") or {}
    kind, subject, error, amount = NoticeKind.OTHER, None, "", None
    currency = str(about.get("currency", "")).upper()
    if event["type"] in PAYMENTS:
        kind, subject = PAYMENTS[event["type"]], metadata.get("invoice")
        failure = about.get("last_payment_error") or {}
        error = str(failure.get("code") or failure.get("message") or "")
        if kind is NoticeKind.PAID:
            amount = amount_of(about.get("amount_received", about["amount"]), currency)
    elif about.get("object") == "refund":
        kind, subject = REFUNDS.get(about.get("status") or "", NoticeKind.OTHER), metadata.get("refund")
        error = str(about.get("failure_reason") or "")
    return Notice(_named(event["id"]), kind, at, _id_of(subject), str(about.get("id", "")), error, amount, currency)


def _named(name: Any) -> str:
    """Return an event's own name, by which it is known when it is told again."""
    if not isinstance(name, str) or not name:
        message = "an event has a name"
        raise TypeError(message)
    return name


def _id_of(text: Any) -> UUID | None:
    """Return an id of ours; None where an account of the retailer's is used for other things as well."""
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
