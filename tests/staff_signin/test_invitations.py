"""Who is to work for a retailer is invited, and accepts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Retailer
from loyalty.access.inviting import invite, token_of
from loyalty.access.models import StaffInvitation, StaffRole
from tests import make
from tests.staff_signin.signing import PASSWORD, is_in, sign_in, sue

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


def invited(shop: Retailer, email: str = "bob@example.org", role: str = "support") -> str:
    made = invite(shop, email, role, by="sue", now=timezone.now())
    return reverse("staff_invitation", args=[token_of(made)])


def roles() -> list[tuple[str, str, int]]:
    return list(StaffRole.objects.order_by("pk").values_list("user__username", "role", "retailer"))


def test_an_owner_invites_by_mail_and_is_shown_the_link(client: Client, shop: Retailer) -> None:
    client.force_login(sue(shop))

    page = client.post(
        reverse("admin:access_staffinvitation_add"), {"email": "bob@example.org", "role": "support"}, follow=True
    )

    link = re.search(r"http://testserver\S+/invitation/\S+/", str(mail.outbox[0].body))
    assert link
    assert link[0] in page.content.decode()
    assert mail.outbox[0].to == ["bob@example.org"]
    assert (StaffInvitation.objects.get().retailer, roles()[1:]) == (shop, [])


def test_an_owner_gives_nobody_a_role_behind_its_back(client: Client, shop: Retailer) -> None:
    sue(make.retailer(), name="eve")
    client.force_login(sue(shop))

    answer = client.post(
        reverse("admin:access_staffrole_add"), {"username": "eve", "retailer": shop.pk, "role": "owner"}
    )

    assert answer.status_code == 403
    assert {name for name, _role, where in roles() if where == shop.pk} == {"sue"}


def test_who_has_a_user_name_signs_in_and_accepts(client: Client, shop: Retailer) -> None:
    other = make.retailer()
    sue(other, name="bob")
    link = invited(shop)

    before = client.get(link).content.decode()
    sign_in(client, "bob")
    done = client.post(link)

    assert "sign in" in before
    assert "Accept as a new user" not in before
    assert (done.status_code, roles()) == (302, [("bob", "owner", other.pk), ("bob", "support", shop.pk)])


def test_who_has_none_chooses_one(client: Client, shop: Retailer) -> None:
    link = invited(shop)

    weak = client.post(link, {"username": "bob", "password": "short", "again": "short"})
    other = client.post(link, {"username": "bob", "password": PASSWORD, "again": "x"})
    none = User.objects.count()
    client.post(link, {"username": "bob", "password": PASSWORD, "again": PASSWORD})
    sign_in(client, "bob")

    assert (weak.status_code, other.status_code, none) == (200, 200, 0)
    assert (roles(), User.objects.get().email) == ([("bob", "support", shop.pk)], "bob@example.org")
    assert is_in(client)


def test_nobody_takes_anothers_user_name(client: Client, shop: Retailer) -> None:
    sue(make.retailer())

    answer = client.post(invited(shop), {"username": "SUE", "password": PASSWORD, "again": PASSWORD})

    assert "Somebody has this name already." in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("how", ["twice", "late", "deleted", "forged"])
def test_an_invitation_is_good_once_and_for_a_week(client: Client, shop: Retailer, how: str) -> None:
    link = invited(shop)
    client.force_login(sue(make.retailer(), name="bob"))
    if how == "twice":
        client.post(link)
    if how == "late":
        StaffInvitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if how == "deleted":
        StaffInvitation.objects.all().delete()
    if how == "forged":
        link = link[:-2] + ("A" if link[-2] != "A" else "B") + "/"
    before = roles()

    answer: Any = client.post(link)

    assert (answer.status_code, roles()) == (404, before)


def test_an_owner_sees_and_takes_back_its_own_invitations_alone(client: Client, shop: Retailer) -> None:
    mine, theirs = (
        invite(each, "x@example.org", "owner", by="x", now=timezone.now()) for each in (shop, make.retailer())
    )
    client.force_login(sue(shop))

    for each in (mine, theirs):
        client.post(reverse("admin:access_staffinvitation_delete", args=[each.pk]), {"post": "yes"})

    assert list(StaffInvitation.objects.all()) == [theirs]


def test_the_next_session_begins_where_somebody_chose_to_act_last(client: Client, shop: Retailer) -> None:
    user = sue(shop)
    other = make.retailer()
    StaffRole.objects.create(user=user, retailer=other, role="owner")
    client.force_login(user)
    client.post(reverse("choose-retailer"), {"retailer": other.pk})

    sign_in(again := Client())
    page = again.get(reverse("admin:index")).content.decode()

    assert other.name in page
