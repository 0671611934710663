"""The page that asks one question: no sign-in, in the customer's language, and the last answer counts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from loyalty.campaigns.feedback.answering import refusal_of
from loyalty.campaigns.feedback.links import token_of
from loyalty.campaigns.models import Answer, Invitation, Recipient
from tests import make
from tests.campaigns.make_campaigns import ada, shop
from tests.campaigns.make_surveys import ask, asking, survey

pytestmark = pytest.mark.django_db


def asked(kind: str = "nps", language: str = "en", **given: Any) -> tuple[Invitation, str]:
    """Return an invitation of now, and the address that answers it."""
    member = ada(make.program(shop()), language=language)
    (found,) = ask(asking(member.program, survey(member.retailer, kind, **given)), member, at=timezone.now())
    return found, f"/s/{token_of(found.pk)}"


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_it_asks_takes_an_answer_thanks_and_takes_another_one_instead() -> None:
    invitation, address = asked()
    browser = Client()

    page = browser.get(f"{address}?score=9")
    assert page.status_code == 200
    assert f"How likely are you to recommend {invitation.retailer.name} to a friend?" in text_of(page)
    assert re.findall(r'value="(\d+)" required( checked)?', page.content.decode()) == [
        (str(score), " checked" if score == 9 else "") for score in range(11)
    ]
    assert not Answer.objects.exists()  # looking answers nothing: mail programs look as well

    sent = browser.post(address, {"score": "9", "comment": "Kind people"})
    assert (sent.status_code, sent["Location"]) == (302, address)
    thanks = text_of(browser.get(address))
    assert ("Thank you" in thanks, "Change my answer" in thanks) == (True, True)
    assert "Kind people" not in browser.get(address).content.decode()  # who was sent the address reads it too
    assert list(Answer.objects.values_list("score", "comment", "by")) == [(9, "Kind people", "link")]

    again = browser.post(address, {"score": "1"})
    assert (again.status_code, again["Location"]) == (302, address)
    assert list(Answer.objects.order_by("number").values_list("score", flat=True)) == [9, 1]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_browser_takes_2000_characters_of_words(language: str) -> None:
    _, address = asked(language=language)

    page = Client().get(address).content.decode()

    assert re.findall(r'maxlength="([^"]*)"', page) == ["2000"]  # 2,000 is two


def test_what_was_answered_is_thanked_for_when_it_is_over_and_changed_no_more() -> None:
    invitation, address = asked()
    browser = Client()
    browser.post(address, {"score": "9"})
    Invitation.objects.filter(pk=invitation.pk).update(
        asked_at=make.START, expires_at=timezone.now() - timedelta(days=1)
    )

    page, late = browser.get(address), browser.post(address, {"score": "1"})

    assert (page.status_code, "Thank you" in text_of(page), "Change my answer" in text_of(page)) == (200, True, False)
    assert late.status_code == 409
    assert Answer.objects.get().score == 9


@pytest.mark.parametrize("score", ["", "11", "-1", "nine", "٣", "1" * 5_000])
def test_an_answer_without_a_score_is_asked_again_and_keeps_its_words(score: str) -> None:
    _, address = asked()

    page = Client().post(address, {"score": score, "comment": "All <b>good</b>"})

    assert page.status_code == 400
    assert "Please choose a number from 0 to 10." in text_of(page)
    assert "All &lt;b&gt;good&lt;/b&gt;" in page.content.decode()
    assert not Answer.objects.exists()


def test_too_many_words_are_refused_beside_them() -> None:
    _, address = asked()

    page = Client().post(address, {"score": "8", "comment": "x" * 2_001})

    assert page.status_code == 400
    assert 'aria-describedby="comment-error"' in page.content.decode()
    assert "Please write at most 2000 characters." in text_of(page)


def test_it_speaks_the_customers_language_and_the_readers_choice_goes_before() -> None:
    invitation, address = asked("csat", "fr", question="Happy?", question_fr="Content ?")
    browser = Client()

    french = browser.get(address)
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"

    assert (french["Content-Language"], "Content ?" in text_of(french)) == ("fr", True)
    assert "Happy?" in text_of(browser.get(address))
    assert len(re.findall('name="score"', french.content.decode())) == 5
    Customer.objects.update(language="")
    assert browser.get(address).status_code == 200
    assert invitation.survey.kind == "csat"


def test_an_address_that_is_none_says_so_and_a_question_that_is_over_too() -> None:
    invitation, address = asked()

    none = Client().get(f"{address}x")
    Invitation.objects.filter(pk=invitation.pk).update(
        asked_at=make.START, expires_at=timezone.now() - timedelta(days=1)
    )
    over = Client().get(address)

    assert (none.status_code, over.status_code) == (404, 409)
    assert "This address is not complete" in text_of(none)
    assert "This question could be answered until" in text_of(over)


def test_a_question_that_is_over_names_the_last_day_by_the_clock_of_whom_it_asked() -> None:
    member = ada(make.program(shop(zone="America/New_York")), language="en")
    (found,) = ask(asking(member.program, survey(member.retailer, answer_within_days=14)), member)  # on November 27
    last = datetime(2026, 12, 12, 5, tzinfo=UTC)  # midnight in New York: December 11 is over
    assert Invitation.objects.get().expires_at == last

    before, over = refusal_of(found, now=last - timedelta(microseconds=1)), refusal_of(found, now=last)
    Recipient.objects.filter(customer=member.customer).update(zone="Indian/Reunion")
    moved = refusal_of(found, now=last)

    assert (str(over), str(moved)) == (
        "This question could be answered until Dec. 11, 2026.", "This question could be answered until Dec. 12, 2026.",
    )  # fmt: skip
    assert before is None


def test_nobody_else_frames_it_finds_it_or_sends_for_another() -> None:
    _, address = asked()

    page = Client().get(address)
    forged = Client(enforce_csrf_checks=True).post(address, {"score": "1"})

    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex", "same-origin")
    assert "no-store" in page["Cache-Control"]
    assert (forged.status_code, Answer.objects.exists()) == (403, False)
