"""
Browsers in which customers are signed in, by a cookie of their own.

For pages: `customer_of(request, retailer)` and `memberships_of(request, retailer)` say who looks, `sign_in` and `sign_out` set
and take the cookie on the response. Pages check forms with Django's CSRF token as usual, and say for which retailer they act.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from customers.core import tenancy
from customers.models import Customer, Retailer
from loyalty.api.models import MemberToken, digest
from loyalty.memberships.models import Membership
from loyalty.signin.codes import CODE_LIFE, AskedCode
from loyalty.signin.models import MemberSession

SEEN_EVERY = timedelta(minutes=1)  # more often it is not written down
# With this prefix browsers take the cookie from this host alone, by https: no neighbour sets one (session fixation).
PREFIX = "__Host-" if settings.SESSION_COOKIE_SECURE else ""
COOKIE = f"{PREFIX}member"
CHALLENGE = f"{PREFIX}signin"


def customer_of(request: HttpRequest, retailer: Retailer) -> Customer | None:
    """Return the customer of a retailer who is signed in; None for nobody, and for who is at another retailer."""
    session = _session_of(request)
    return session.customer if session is not None and session.retailer_id == retailer.pk else None


def memberships_of(request: HttpRequest, retailer: Retailer) -> list[Membership]:
    """Return where the customer who is signed in is a member now, in the order of programs."""
    customer = customer_of(request, retailer)
    if customer is None:
        return []
    mine = Membership.objects.filter(customer=customer, left_at=None, merged_into=None)
    with tenancy.acting_for(retailer.pk):
        return list(mine.select_related("program__retailer", "customer").order_by("program"))


def member_of(request: HttpRequest, retailer: Retailer) -> Membership | None:
    """Return the first of `memberships_of`."""
    return next(iter(memberships_of(request, retailer)), None)


def sign_in(request: HttpRequest, response: HttpResponse, customer: Customer, *, now: datetime) -> MemberSession:
    """Begin a session, always with a new text; the one that the browser had ends."""
    _end(request)
    text = secrets.token_urlsafe(32)
    life = timedelta(days=settings.MEMBER_SESSION_DAYS)
    with tenancy.acting_for(customer.retailer_id):  # the customer's row is looked for
        made = MemberSession.objects.create(
            retailer_id=customer.retailer_id,
            customer=customer,
            digest=digest(text),
            began_at=now,
            seen_at=now,
            ends_at=now + life,
        )
    request.member_session = made  # type: ignore[attr-defined] # ours
    rotate_token(request)
    _set(response, COOKIE, text, life)
    forget_challenge(response)
    return made


def sign_out(request: HttpRequest, response: HttpResponse) -> None:
    """End the session of this browser."""
    _end(request)
    request.member_session = None  # type: ignore[attr-defined] # ours
    rotate_token(request)
    _drop(response, COOKIE)


def end_all(customer: Customer) -> tuple[int, int]:
    """
    Sign a person out everywhere, also where it signed in as somebody who was merged into it since.

    :returns: how many sessions and how many tokens ended
    """
    mine = Customer.objects.of_person(customer)
    sessions = MemberSession.objects.filter(customer__in=mine).delete()[0]
    return sessions, MemberToken.objects.filter(customer__in=mine).delete()[0]


def remember_challenge(response: HttpResponse, asked: AskedCode) -> None:
    """Let the browser that asked for a code, and no other one, send it back."""
    _set(response, CHALLENGE, str(asked.challenge), CODE_LIFE)


def challenge_of(request: HttpRequest) -> str:
    """Return what `check_code` needs beside the code; empty where this browser asked for none."""
    return request.COOKIES.get(CHALLENGE, "")


def forget_challenge(response: HttpResponse) -> None:
    """Let the browser ask for a new code."""
    _drop(response, CHALLENGE)


def live(now: datetime) -> Q:
    """Return the condition of sessions that have ended neither by their age nor by idleness."""
    return Q(ends_at__gt=now, seen_at__gt=now - timedelta(days=settings.MEMBER_SESSION_IDLE_DAYS))


def _session_of(request: HttpRequest) -> MemberSession | None:
    """Return the session of a request, asked for once."""
    if not hasattr(request, "member_session"):
        request.member_session = _found(request)  # type: ignore[attr-defined] # ours
    found: MemberSession | None = vars(request)["member_session"]
    return found


def _found(request: HttpRequest) -> MemberSession | None:
    text = request.COOKIES.get(COOKIE)
    if not text:
        return None
    now = timezone.now()
    session = MemberSession.objects.filter(live(now), digest=digest(text)).first()
    if session is None:
        return None
    bind_contextvars(session=session.pk)
    with tenancy.acting_for(session.retailer_id):
        customer = Customer.objects.select_related("merged_into", "retailer").get(pk=session.customer_id)
    session.customer = customer.merged_into or customer
    if session.customer.erased_at is not None:
        return None
    if now - session.seen_at >= SEEN_EVERY:
        with tenancy.acting_for(session.retailer_id):
            MemberSession.objects.filter(pk=session.pk).update(seen_at=now)
    return session


def _end(request: HttpRequest) -> None:
    text = request.COOKIES.get(COOKIE)
    if text:
        with tenancy.acting_for(tenancy.ALL_TENANTS):  # it may be one at another retailer
            MemberSession.objects.filter(digest=digest(text)).delete()


def _set(response: HttpResponse, name: str, text: str, life: timedelta) -> None:
    response.set_cookie(
        name, text, max_age=life, path="/", secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


def _drop(response: HttpResponse, name: str) -> None:
    _set(response, name, "", timedelta(0))
