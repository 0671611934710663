"""Staff signs in with a password: how often it may be tried, and that nobody else does."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from analytics.management.commands import demo
from loyalty.signin import limits
from loyalty.signin.models import MemberSession
from tests import make
from tests.signin.test_api import last_code
from tests.staff_signin.signing import LOGIN, PASSWORD, is_in, sign_in, sue, words

pytestmark = pytest.mark.django_db


def test_staff_signs_in_and_comes_to_the_page_that_it_wanted(client: Client) -> None:
    sue(make.retailer())
    wanted = reverse("admin:customers_customer_changelist")

    asked = client.get(wanted)
    done = client.post(asked.headers["Location"], {"login": "sue", "password": PASSWORD, "next": wanted})

    assert (asked.status_code, asked.headers["Location"]) == (302, f"{LOGIN}?next={wanted}")
    assert (done.status_code, done.headers["Location"]) == (302, wanted)
    assert is_in(client)


def test_the_sign_in_leads_to_no_other_site(client: Client) -> None:
    sue(make.retailer())

    done = client.post(LOGIN, {"login": "sue", "password": PASSWORD, "next": "https://example.com/"})

    assert done.headers["Location"] == reverse("admin:index")


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_who_is_no_staff_is_told_what_a_wrong_password_is_told(client: Client, change: dict[str, bool]) -> None:
    user = sue(make.retailer())
    for name, value in change.items():
        setattr(user, name, value)
    user.save()

    refused, wrong, unknown = sign_in(client), sign_in(client, password="x"), sign_in(client, "nobody")

    assert words(refused) == words(wrong) == words(unknown) != []
    assert not is_in(client)


def test_who_lost_its_rights_is_signed_out_and_not_sent_round_in_circles(client: Client) -> None:
    user = sue(make.retailer())
    sign_in(client)
    user.is_staff = False
    user.save()

    page = client.get(reverse("admin:index"), follow=True)

    assert page.redirect_chain == [(f"{LOGIN}?next=/admin/", 302)]
    assert "_auth_user_id" not in client.session


def test_after_ten_wrong_passwords_also_the_right_one_is_not_looked_at(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sue(make.retailer())
    for _ in range(10):
        sign_in(client, password="wrong")
    hashed: list[str] = []

    def note(_self: object, password: str, _salt: str) -> str:
        hashed.append(password)
        return ""

    monkeypatch.setattr(MD5PasswordHasher, "encode", note)

    locked = [sign_in(client), sign_in(client, "SUE "), sign_in(client, password="wrong")]

    assert [words(each)[0][:37] for each in locked] == ["This was tried too often. Try again i"] * 3
    assert hashed == []
    assert not is_in(client)


def test_another_name_and_another_address_are_not_locked_with_it(client: Client) -> None:
    shop = make.retailer()
    sue(shop)
    sue(shop, name="bob")
    for _ in range(10):
        sign_in(client, password="wrong")

    sign_in(elsewhere := Client(REMOTE_ADDR="203.0.113.9"))
    sign_in(other := Client(), "bob")

    assert (is_in(elsewhere), is_in(other)) == (True, True)


def test_the_right_password_begins_the_count_anew(client: Client) -> None:
    sue(make.retailer())
    for _ in range(3):
        for _ in range(9):
            sign_in(client, password="wrong")
        assert sign_in(client).status_code == 302
        client.logout()


def test_a_name_that_many_addresses_guess_at_is_locked_for_an_hour_at_most(client: Client) -> None:
    sue(make.retailer())
    for turn in range(50):
        sign_in(Client(REMOTE_ADDR=f"203.0.113.{turn}"), password="wrong")

    locked = sign_in(client)

    assert words(locked)[0].startswith("This was tried too often.")
    assert limits.HOUR == 3_600


def test_one_address_hashes_sixty_passwords_in_a_quarter_of_an_hour(client: Client) -> None:
    answers = [words(sign_in(client, f"user{turn}"))[0][:24] for turn in range(61)]

    assert answers[59] != "This was tried too often"
    assert answers[60] == "This was tried too often"


def test_what_callers_write_of_their_address_does_not_make_more_of_them(client: Client, settings: Settings) -> None:
    sue(make.retailer())
    for turn in range(10):
        sign_in(client, password="wrong", headers={"x-forwarded-for": f"192.0.2.{turn}"})

    locked = sign_in(client, headers={"x-forwarded-for": "192.0.2.99"})

    assert words(locked)[0].startswith("This was tried too often.")


def test_sessions_of_staff_and_members_do_not_mix(client: Client) -> None:
    ada = make.member(make.program(), "ada")
    ada.customer.email = "sue@example.org"
    ada.customer.save()
    sue(ada.program.retailer)
    where = {"retailer": ada.program.retailer.slug}

    sign_in(client)
    of_staff = client.get(reverse("page:home", kwargs=where | {"program": ada.program.slug}))
    begun = MemberSession.objects.count()
    shopper = Client()
    shopper.post(reverse("page:start", kwargs=where), {"email": "sue@example.org"})
    shopper.post(reverse("page:code", kwargs=where), {"code": last_code()})

    assert (of_staff.status_code, begun) == (302, 0)
    assert (MemberSession.objects.count(), is_in(shopper)) == (1, False)
    assert set(client.cookies) & set(shopper.cookies) <= {"csrftoken"}


def test_the_demos_printed_login_signs_in_with_a_password_alone(client: Client) -> None:
    make.retailer()
    demo._login()

    done = sign_in(client, demo.LOGIN, demo.PASSWORD)

    assert (done.headers["Location"], is_in(client)) == (reverse("admin:index"), True)


CHANGE = reverse("admin:password_change")


def change(client: Client, old: str) -> Any:
    new = "another long password"
    return client.post(CHANGE, {"old_password": old, "new_password1": new, "new_password2": new})


def test_who_has_a_session_guesses_the_password_no_more_often_than_who_signs_in(client: Client) -> None:
    user = sue(make.retailer())
    client.force_login(user)
    for _ in range(10):
        change(client, "wrong")

    locked, elsewhere = change(client, PASSWORD), sign_in(Client())

    user.refresh_from_db()
    assert "This was tried too often. Try again in" in locked.content.decode()
    assert (user.check_password(PASSWORD), words(elsewhere)[0][:24]) == (True, "This was tried too often")


def test_a_password_that_was_changed_is_told_by_mail(client: Client) -> None:
    user = sue(make.retailer())
    client.force_login(user)
    change(client, "wrong")

    done = change(client, PASSWORD)
    page = client.get(CHANGE)

    user.refresh_from_db()
    assert (done.status_code, done.headers["Location"]) == (302, reverse("admin:password_change_done"))
    assert (page.status_code, user.check_password("another long password")) == (200, True)
    assert [(each.to, "password" in each.body) for each in mail.outbox] == [(["sue@example.org"], True)]
