"""The steps of a draft in the admin: added, moved and deleted in one go, each in a place of its own."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.models import Campaign, CampaignVersion, Step, Survey
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.experiments.models import Experiment
from tests import make
from tests.campaigns.make_campaigns import journey, says_by, shop, waits
from tests.campaigns.test_documents_refused import Tool, address_of, opened
from tests.experiments.make_experiments import drafted

pytestmark = pytest.mark.django_db
TAKEN = "Another step stands in this place."


@pytest.fixture
def sue(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


@pytest.fixture
def draft() -> CampaignVersion:
    return draft_of(journey(Tool().club, {"kind": "cart"}, says_by("email"), waits("P1D"), says_by("sms")))


def message(step: Step | None, position: int, channel: str = "email", **given: Any) -> dict[str, Any]:
    own = {"position": position, "kind": "message", "channels": channel, "expires_after": "P3D", "ends_without": "on"}
    return own | ({"id": step.pk} if step else {}) | given


def wait(step: Step | None, position: int, how_long: str = "P1D", **given: Any) -> dict[str, Any]:
    own = {"position": position, "kind": "wait", "wait": how_long, "expires_after": "P3D", "ends_without": "on"}
    return own | ({"id": step.pk} if step else {}) | given


def save(client: Client, draft: CampaignVersion, *rows: dict[str, Any]) -> Any:
    """Save a draft's page with its steps as they stand on it."""
    form = {
        "kind": draft.kind, "ground": draft.ground, "tags": "", "trigger": '{"kind": "cart"}', "exits": "[]",
        "again_after_days": "", "at_most_one_active": "on", "late_up_to_days": "3", "on_cap": "wait",
        "steps-TOTAL_FORMS": len(rows), "steps-INITIAL_FORMS": sum("id" in row for row in rows),
        "steps-MIN_NUM_FORMS": 0, "steps-MAX_NUM_FORMS": 1000,
    }  # fmt: skip
    for place, row in enumerate(rows):
        form |= {f"steps-{place}-{name}": value for name, value in {"version": draft.pk, **row}.items()}
    return client.post(address_of(draft), opened(client, address_of(draft)) | form)


def places(draft: CampaignVersion) -> list[tuple[int, int]]:
    return list(draft.steps.in_order().values_list("position", "pk"))


def words_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_steps_change_places_in_one_go(sue: Client, draft: CampaignVersion) -> None:
    mail, pause, sms = draft.steps.in_order()

    saved = save(sue, draft, message(mail, 2), wait(pause, 1), message(sms, 0, "sms"))

    assert (saved.status_code, places(draft)) == (302, [(0, sms.pk), (1, pause.pk), (2, mail.pk)])


def test_a_step_is_put_between_others_that_move_on(sue: Client, draft: CampaignVersion) -> None:
    mail, pause, sms = draft.steps.in_order()

    saved = save(sue, draft, message(mail, 0), wait(pause, 2), message(sms, 3, "sms"), wait(None, 1, "PT1H"))

    assert saved.status_code == 302
    assert list(draft.steps.in_order().values_list("position", "wait")) == [(0, ""), (1, "PT1H"), (2, "P1D"), (3, "")]


def test_a_step_takes_the_place_of_one_that_is_deleted(sue: Client, draft: CampaignVersion) -> None:
    mail, pause, sms = draft.steps.in_order()

    saved = save(sue, draft, message(mail, 0, DELETE="on"), wait(pause, 0), message(sms, 1, "sms"))

    assert (saved.status_code, places(draft)) == (302, [(0, pause.pk), (1, sms.pk)])


def test_two_steps_in_one_place_are_refused_and_nothing_changes(sue: Client, draft: CampaignVersion) -> None:
    mail, pause, sms = draft.steps.in_order()
    before = places(draft)

    twice = save(sue, draft, message(mail, 0), wait(pause, 0), message(sms, 2, "sms"))
    unseen = save(sue, draft, message(mail, 0), wait(pause, 2))  # behind its back stands the SMS
    page = reverse("admin:campaigns_step_change", args=[sms.pk])
    texts = {f"texts-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM")}
    own = sue.post(page, opened(sue, page) | message(None, 0, "sms") | texts)

    assert [each.status_code for each in (twice, unseen, own)] == [200, 200, 200]
    assert [TAKEN in words_of(each) for each in (twice, unseen, own)] == [True, True, True]
    assert places(draft) == before


def save_texts(client: Client, step: Step, *rows: dict[str, Any]) -> Any:
    """Save a step's page with its texts as they stand on it."""
    form = message(None, step.position) | {
        "texts-TOTAL_FORMS": len(rows), "texts-INITIAL_FORMS": sum("id" in row for row in rows),
        "texts-MIN_NUM_FORMS": 0, "texts-MAX_NUM_FORMS": 1000,
    }  # fmt: skip
    for place, row in enumerate(rows):
        about = {"step": step.pk, "channel": "email", "subject": "Hi", "body": "Hello", **row}
        form |= {f"texts-{place}-{name}": value for name, value in about.items()}
    page = reverse("admin:campaigns_step_change", args=[step.pk])
    return client.post(page, opened(client, page) | form)


def languages(step: Step) -> dict[str, str]:
    return dict(step.texts.filter(channel="email").values_list("language", "body"))


def test_texts_change_languages_in_one_go(sue: Client, draft: CampaignVersion) -> None:
    step = draft.steps.get(position=0)
    english, french = step.texts.order_by("language")

    swapped = save_texts(
        sue,
        step,
        {"id": english.pk, "language": "fr", "body": "Salut"},
        {"id": french.pk, "language": "en", "body": "Hi"},
    )
    assert (swapped.status_code, languages(step)) == (302, {"fr": "Salut", "en": "Hi"})
    replaced = save_texts(
        sue,
        step,
        {"id": english.pk, "language": "fr", "DELETE": "on"},
        {"id": french.pk, "language": "fr", "body": "Coucou"},
    )

    assert (replaced.status_code, languages(step)) == (302, {"fr": "Coucou"})


def test_two_texts_of_one_language_are_refused_also_where_one_is_not_on_the_page(
    sue: Client, draft: CampaignVersion
) -> None:
    step = draft.steps.get(position=0)
    english, french = step.texts.order_by("language")
    before = languages(step)

    twice = save_texts(sue, step, {"id": english.pk, "language": "fr"}, {"id": french.pk, "language": "fr"})
    unseen = save_texts(sue, step, {"id": english.pk, "language": "fr"})

    assert (twice.status_code, unseen.status_code, languages(step)) == (200, 200, before)
    assert "There is another text of this channel in this language." in words_of(unseen)


def test_a_step_asks_no_survey_of_another_retailer(sue: Client, draft: CampaignVersion) -> None:
    mail, pause, sms = draft.steps.in_order()
    foreign = Survey.objects.create(retailer=shop(), code="nps", name="NPS", kind="nps")

    refused = save(sue, draft, message(mail, 0, survey=foreign.pk), wait(pause, 1), message(sms, 2, "sms"))

    assert (refused.status_code, "Select a valid choice." in words_of(refused)) == (200, True)
    assert not draft.steps.exclude(survey=None).exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("program", "This program is another retailer's."),
        ("experiment", "This experiment is another retailer's."),
    ],
)
def test_a_campaign_is_of_one_retailer(sue: Client, name: str, words: str) -> None:
    owner, other = shop(), shop()
    foreign: dict[str, Any] = {
        "program": make.program(other).pk, "experiment": drafted(other, make.program(other)).pk
    }  # fmt: skip
    form = {
        "retailer": owner.pk, "code": "spring", "name": "Spring", "program": make.program(owner).pk, "kind": "journey",
        "priority": 10, "experiment": "",
    }  # fmt: skip

    refused = sue.post(reverse("admin:campaigns_campaign_add"), form | {name: foreign[name]})

    assert (refused.status_code, words in words_of(refused)) == (200, True)
    assert (Campaign.objects.count(), Experiment.objects.count()) == (0, 1)
