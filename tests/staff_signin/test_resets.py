"""A new password by mail: whoever asks is told the same, and the link is good once."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries, Settings

from loyalty.access.models import PasswordReset
from loyalty.staff_signin.mailing import mail_resets
from tests import make
from tests.staff_signin.signing import SECRET, code, is_in, sign_in, sue, with_app, words

pytestmark = pytest.mark.django_db
ASK = reverse("account_reset_password")
NEW = "another long password"


def ask(client: Client, email: str = "Sue@example.org", **more: str) -> object:
    return client.post(ASK, {"email": email}, headers=more)


def link() -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def choose(client: Client, address: str, password: str = NEW) -> int:
    form = client.get(address, follow=True)
    where = form.redirect_chain[-1][0] if form.redirect_chain else address
    return client.post(where, {"password1": password, "password2": password}).status_code


def test_a_link_comes_by_mail_and_leads_to_a_new_password(client: Client) -> None:
    sue(make.retailer())

    ask(client)
    mailed = mail_resets(now=timezone.now())
    choose(client, link())
    old, new = sign_in(Client()), sign_in(other := Client(), password=NEW)

    assert (mailed, [each.to for each in mail.outbox]) == (1, [["sue@example.org"]] * 2)  # and that it was changed
    assert words(old) != []
    assert (new.status_code, is_in(other)) == (302, True)


def test_a_link_is_good_once_and_for_an_hour(client: Client, settings: Settings) -> None:
    sue(make.retailer())
    ask(client)
    mail_resets(now=timezone.now())
    first = link()
    assert choose(client, first) == 302

    again = Client().get(first, follow=True)
    ask(client)
    mail_resets(now=timezone.now())
    settings.PASSWORD_RESET_TIMEOUT = -1
    late = Client().get(link(), follow=True)

    assert settings.PASSWORD_RESET_TIMEOUT == -1
    assert all("was invalid" in page.content.decode() for page in (again, late))


def test_who_has_no_address_here_is_told_the_same_by_the_same_statements(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = sue(make.retailer())
    sue(make.retailer(), name="gone")
    type(user).objects.filter(username="gone").update(is_active=False)

    answers = []
    for email in ("sue@example.org", "nobody@example.org", "gone@example.org"):
        with django_assert_num_queries(2):
            answers.append(ask(client, email))
    mail_resets(now=timezone.now())

    assert {(each.status_code, each.headers["Location"]) for each in answers} == {  # type: ignore[attr-defined]
        (302, reverse("account_reset_password_done"))
    }
    assert [each.to for each in mail.outbox] == [["sue@example.org"]]


def test_an_address_gets_three_mails_an_hour(client: Client) -> None:
    sue(make.retailer())

    answers = [ask(client) for _ in range(4)]

    assert [each.status_code for each in answers] == [302, 302, 302, 200]  # type: ignore[attr-defined]
    assert PasswordReset.objects.count() == 3


def test_a_new_password_is_no_second_factor(client: Client) -> None:
    with_app(sue(make.retailer()))
    ask(client)
    mail_resets(now=timezone.now())
    choose(client, link())

    first = sign_in(client, password=NEW)
    client.post(reverse("mfa_authenticate"), {"code": code()})

    assert first.headers["Location"] == reverse("mfa_authenticate")
    assert (is_in(client), SECRET != "") == (True, True)


def test_a_mail_server_that_fails_is_tried_again_for_an_hour(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sue(make.retailer())
    ask(client)
    now = timezone.now()

    def refuse(*_given: object) -> int:
        raise OSError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(locmem.EmailBackend, "send_messages", refuse)
        tried = mail_resets(now=now), mail_resets(now=now)
    later = mail_resets(now=now + timedelta(minutes=2)), mail_resets(now=now + timedelta(minutes=4))

    assert (tried, later, len(mail.outbox)) == ((0, 0), (1, 0), 1)


def test_it_comes_in_the_language_of_who_asks(client: Client) -> None:
    sue(make.retailer())

    ask(client, **{"accept-language": "fr"})
    mail_resets(now=timezone.now())

    with translation.override("fr"):
        assert mail.outbox[0].subject == translation.gettext("Choose a new password")


def test_where_no_mail_is_sent_the_page_says_so(client: Client, settings: Settings) -> None:
    settings.SENDS_MAIL = False

    answer = client.post(ASK, {"email": "sue@example.org"})

    assert words(answer) == ["This site sends no mail. Ask who runs it for a new password."]
    assert PasswordReset.objects.count() == 0


@pytest.mark.parametrize("host", ["127.0.0.1:4444", "localhost", "testserver:8443"])
def test_a_link_leads_to_this_site_whatever_the_request_says_of_it(
    client: Client, host: str, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://staff.example.org/"
    sue(make.retailer())

    ask(client, host=host)
    mail_resets(now=timezone.now())

    assert f"https://staff.example.org{link()}" in str(mail.outbox[-1].body)
