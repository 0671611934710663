"""What is mailed, in whose language, and what becomes of a mail that does not go out."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone
from pytest_django import Settings

from customers.models import Retailer
from loyalty.signin.codes import CODE_LIFE, send_code
from loyalty.signin.mailing import TRY_AGAIN, message
from loyalty.signin.tasks import mail as mail_task
from tests import make
from tests.make import NOON
from tests.signin.signing import ADDRESS, code, html_of, mailed, member

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("customers", "asked_in", "retailers", "expected"),
    [("fr", "en", "en", "fr"), ("", "fr", "en", "fr"), ("en", "fr", "fr", "en"), ("", "", "fr", "fr")],
)
def test_a_mail_speaks_the_customers_language_else_the_askers_else_the_retailers(
    customers: str, asked_in: str, retailers: str, expected: str
) -> None:
    ada = member(language=customers)
    Retailer.objects.filter(pk=ada.retailer_id).update(language=retailers)
    ada.retailer.refresh_from_db()

    send_code(ada.retailer, ADDRESS, now=NOON, language=asked_in)

    mailed(ada)
    assert f'<html lang="{expected}">' in html_of(mail.outbox[0])


@pytest.mark.parametrize("address", ["no-reply@loyalty.example", "Loyalty <no-reply@loyalty.example>"])
def test_a_mail_has_the_code_as_text_and_as_html_and_says_who_sends_it(address: str, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = address
    ada = member(language="en")
    Retailer.objects.filter(pk=ada.retailer_id).update(name="Tea & <Co>")
    ada.retailer.refresh_from_db()

    asked = send_code(ada.retailer, ADDRESS, now=NOON)
    mailed(ada)

    (sent,) = mail.outbox
    html = html_of(sent)
    assert sent.from_email == '"Tea & <Co>" <no-reply@loyalty.example>'
    assert (sent.to, sent.subject) == ([ADDRESS], f"{code(asked)} is your code for Tea & <Co>")
    assert f"Your code for Tea & <Co> is {code(asked)}." in str(sent.body)
    assert (code(asked) in html, "Tea &amp; &lt;Co&gt;" in html, "<Co>" in html) == (True, True, False)


class Broken(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise OSError("the mail server is gone")


def test_a_mail_that_does_not_go_out_is_tried_again_while_its_code_is_good(settings: Settings) -> None:
    ada = member()
    send_code(ada.retailer, ADDRESS, now=NOON)
    settings.EMAIL_BACKEND = "tests.signin.test_mailing.Broken"
    assert mailed(ada) == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert mailed(ada) == []
    assert len(mailed(ada, at=NOON + TRY_AGAIN)) == 1

    send_code(ada.retailer, ADDRESS, now=NOON + timedelta(minutes=1))
    assert mailed(ada, at=NOON + timedelta(minutes=1) + CODE_LIFE) == []


def test_the_worker_mails_for_every_retailer() -> None:
    now = timezone.now()
    for who in (member(email="a@example.org"), member(email="b@example.org")):
        send_code(who.retailer, who.customer.email, now=now)

    mail_task()
    mail_task()

    assert sorted(each.to[0] for each in mail.outbox) == ["a@example.org", "b@example.org"]


def test_a_name_cannot_put_lines_into_a_mails_head() -> None:
    shop = make.retailer(name="Tea\nBcc: eve@example.org")
    asked = send_code(shop, ADDRESS, now=NOON)

    sent = message(asked.challenge, shop, ADDRESS, "en").message()

    assert (sent["Bcc"], sent["From"]) == (None, '"Tea Bcc: eve@example.org" <no-reply@localhost>')
    assert sent["Subject"] == f"{code(asked)} is your code for Tea Bcc: eve@example.org"
