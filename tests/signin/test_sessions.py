"""A browser's session: begun anew at each sign-in, ended by idleness, by age, by its member or everywhere; never one of staff."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from customers.core import tenancy
from customers.models import Customer, Retailer
from loyalty.access.models import StaffRole
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.api.models import MemberToken
from loyalty.memberships.models import Membership
from loyalty.retention.pruning import prune
from loyalty.signin import sessions
from loyalty.signin.codes import send_code
from loyalty.signin.models import MemberSession, SignInCode, SignInLimit
from tests import make
from tests.make import NOON
from tests.signin.signing import ADDRESS, code, confirm, member

pytestmark = pytest.mark.django_db

Look = Callable[[str, Retailer], Customer | None]


def signed_in(who: Membership, *, had: str = "", at: datetime | None = None) -> tuple[HttpResponse, str]:
    """Sign a member in, and return the response with the text of its cookie."""
    request, response = RequestFactory().post("/"), HttpResponse()
    request.COOKIES[sessions.COOKIE] = had
    sessions.sign_in(request, response, who.customer, now=at or timezone.now())
    return response, response.cookies[sessions.COOKIE].value


def look(text: str, shop: Retailer) -> Customer | None:
    """Return who is signed in for a browser that holds a text."""
    request = RequestFactory().get("/")
    request.COOKIES[sessions.COOKIE] = text
    with tenancy.acting_for(tenancy.NOBODY):  # as a request comes in
        return sessions.customer_of(request, shop)


def test_a_browser_shows_its_member_and_its_memberships_until_it_is_signed_out() -> None:
    ada = member()
    left = member("ada", club=make.program(ada.retailer))
    leave(left, now=timezone.now())
    _, text = signed_in(ada)
    request = RequestFactory().get("/")
    request.COOKIES[sessions.COOKIE] = text

    assert sessions.memberships_of(request, ada.retailer) == [ada]
    assert sessions.member_of(request, ada.retailer) == ada

    response = HttpResponse()
    sessions.sign_out(request, response)

    assert (sessions.customer_of(request, ada.retailer), look(text, ada.retailer)) == (None, None)
    assert (response.cookies[sessions.COOKIE].value, response.cookies[sessions.COOKIE]["max-age"]) == ("", 0)


def test_the_cookie_is_for_this_site_alone_and_out_of_scripts_reach() -> None:
    response, text = signed_in(member())

    cookie = response.cookies[sessions.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert len(text) == 43
    assert MemberSession.objects.filter(digest=text).count() == 0


def test_each_sign_in_has_a_new_text_and_ends_what_the_browser_had() -> None:
    ada = member()
    _, planted = signed_in(ada)

    _, text = signed_in(ada, had=planted)

    assert (text != planted, look(planted, ada.retailer), look(text, ada.retailer)) == (True, None, ada.customer)
    _, chosen = signed_in(ada, had="chosen-by-somebody-else")
    assert look("chosen-by-somebody-else", ada.retailer) is None
    assert chosen != "chosen-by-somebody-else"


def test_a_session_ends_when_nobody_looked_for_a_week_and_after_a_month_whoever_did() -> None:
    ada, now = member(), timezone.now()
    _, text = signed_in(ada)
    session = MemberSession.objects.filter(customer=ada.customer)

    found = []
    for seen, ends in (
        (now - timedelta(days=7), now + timedelta(days=1)),
        (now, now),
        (now - timedelta(days=6), now + timedelta(1)),
    ):
        session.update(seen_at=seen, ends_at=ends)
        found.append(look(text, ada.retailer))

    assert found == [None, None, ada.customer]
    assert session.get().seen_at > now
    assert session.get().ends_at == now + timedelta(days=1)


def test_the_life_of_a_session_is_told_to_the_browser_and_set_by_the_site(settings: Settings) -> None:
    settings.MEMBER_SESSION_DAYS = 2

    response, _ = signed_in(member(), at=NOON)

    assert response.cookies[sessions.COOKIE]["max-age"] == 2 * 86_400
    assert MemberSession.objects.get().ends_at == NOON + timedelta(days=2)


def test_a_session_at_one_retailer_is_none_at_another() -> None:
    ada, other = member(), member()
    _, text = signed_in(ada)

    assert (look(text, other.retailer), look(text, ada.retailer)) == (None, ada.customer)


def test_a_session_of_who_was_merged_is_of_the_one_who_stays() -> None:
    ada = member()
    bob = member("bob", club=ada.program)
    _, text = signed_in(bob)

    take_merge(ada.retailer, "bob", "ada", reference="same", now=NOON)

    assert look(text, ada.retailer) == ada.customer


def test_a_shopper_who_proves_a_staff_address_is_nobody_in_the_admin() -> None:
    owner = User.objects.create_user(
        "owner", email=ADDRESS, password="a long password", is_staff=True, is_superuser=True
    )
    ada = member()
    StaffRole.objects.create(user=owner, retailer=ada.retailer, role="owner")
    asked = send_code(ada.retailer, ADDRESS, now=timezone.now())
    client = Client()

    token = confirm(client, ada, str(asked.challenge), code(asked)).json()["token"]
    client.cookies[sessions.COOKIE] = signed_in(ada)[1]

    assert client.get(reverse("admin:index")).status_code == 302
    assert client.get("/api/v1/programs").status_code == 401
    assert client.get("/api/v1/programs", headers={"authorization": f"Bearer {token}"}).status_code == 403
    assert client.session.get("_auth_user_id") is None
    assert User.objects.count() == 1


def test_somebody_of_the_staff_is_no_member_by_that() -> None:
    ada = member()
    owner = User.objects.create_user("owner", email=ADDRESS, is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(owner)

    assert look(client.cookies["sessionid"].value, ada.retailer) is None
    assert client.get("/api/v1/me").status_code == 403


def test_what_is_over_is_forgotten_and_nothing_else() -> None:
    ada = member()
    send_code(ada.retailer, ADDRESS, now=NOON, client="192.0.2.7")
    signed_in(ada, at=NOON)
    make.token(ada.customer, now=NOON)
    kinds: list[Any] = [SignInCode, SignInLimit, MemberSession, MemberToken]

    counts = []
    for hours in (0, 1, 12, 25, 24 * 7):
        prune(now=NOON + timedelta(hours=hours))
        counts.append([kind.objects.count() for kind in kinds])

    assert counts == [[1, 4, 1, 1], [1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
