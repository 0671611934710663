"""What tests of sign-in need: a member with an address, a code that was asked for, and what was mailed."""

from datetime import datetime
from typing import Any

from django.core import mail
from django.test import Client

from customers.models import Customer
from loyalty.memberships.models import Membership
from loyalty.signin.codes import AskedCode, code_of
from loyalty.signin.mailing import mail_codes
from tests import make
from tests.make import NOON

ADDRESS = "ada@example.org"


def member(name: str = "ada", *, email: str = ADDRESS, language: str = "", club: Any = None) -> Membership:
    found = make.member(club or make.program(), name)
    Customer.objects.filter(pk=found.customer_id).update(email=email, language=language)
    found.refresh_from_db()
    return found


def mailed(who: Membership, *, at: datetime = NOON) -> list[str]:
    """Let what is due be mailed; return the bodies of what went out."""
    before = len(mail.outbox)
    mail_codes(who.retailer, now=at)
    return [str(each.body) for each in mail.outbox[before:]]


def code(asked: AskedCode) -> str:
    return code_of(asked.challenge)


def wrong(asked: AskedCode) -> str:
    return f"{(int(code(asked)) + 1) % 1_000_000:06}"


def ask(client: Client, who: Membership, **said: str) -> Any:
    body = {"retailer": who.retailer.slug, "email": ADDRESS} | said
    return client.post("/api/v1/signin/codes", body, content_type="application/json")


def confirm(client: Client, who: Membership, challenge: str, typed: str) -> Any:
    body = {"retailer": who.retailer.slug, "challenge": challenge, "code": typed}
    return client.post("/api/v1/signin/confirm", body, content_type="application/json")


def html_of(sent: Any) -> str:
    """Return a mail as it is shown."""
    return str(sent.alternatives[0].content)
