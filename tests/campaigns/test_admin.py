import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.models import Campaign, CampaignVersion, Step, StepText, Survey
from loyalty.campaigns.publishing.managing import draft_of
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, due, journey, says_by, send_all, shop, waits
from tests.campaigns.make_offers import club, offer
from tests.experiments.make_experiments import drafted

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


def said(answer: Any) -> str:
    return str(answer.content.decode())


def confirmed(staff: Client, address: str, form: dict[str, str]) -> str:
    """Ask, and confirm just what was shown."""
    shown = staff.post(address, form)
    (key,) = [line.split('value="')[1].split('"')[0] for line in said(shown).splitlines() if 'name="confirmed"' in line]
    return said(staff.post(address, {**form, "confirmed": key}, follow=True))


def test_a_campaign_is_written_as_a_list_of_steps_and_published(staff: Client) -> None:
    owner = shop()
    club = make.program(owner)
    ada(club)
    form = {
        "retailer": owner.pk, "code": "hello", "name": "Hello", "program": club.pk, "kind": "broadcast", "priority": 10,
        "experiment": "", "starts_at_0": "", "starts_at_1": "", "ends_at_0": "", "ends_at_1": "",
    }  # fmt: skip
    staff.post(reverse("admin:campaigns_campaign_add"), form)
    row = Campaign.objects.get()
    draft = row.versions.get()
    assert (row.state, draft.is_draft) == ("draft", True)
    step = Step.objects.create(version=draft, retailer=owner, position=0, kind="message", channels=["email"])
    for language in ("en", "fr"):
        StepText.objects.create(
            step=step, retailer=owner, channel="email", language=language, subject="Hi", body="Hello"
        )

    page = said(staff.get(reverse("admin:campaigns_campaign_change", args=[row.pk])))
    assert "1. Say by e-mail." in page
    confirmed(staff, reverse("admin:campaigns_campaign_publish_it", args=[row.pk]), {"reason": "autumn"})

    row.refresh_from_db()
    assert (row.state, row.version_id) == ("live", draft.pk)


def test_a_step_is_looked_at_as_a_member_reads_it_and_mailed_to_who_looks(staff: Client) -> None:
    club = make.program(shop())
    member = ada(club)
    live = journey(club, {"kind": "cart"}, waits("PT4H"), says_by("email"))
    step = Step.objects.get(version=live.version, kind="message")
    form = {"member": member.number, "channel": "email", "language": "fr"}

    confirmed(staff, reverse("admin:campaigns_step_look_at_it", args=[step.pk]), form)

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["sue@shop.example"], "[Preview] Step 1")


@pytest.mark.parametrize(
    ("address", "backend", "words"),
    [
        ("", "django.core.mail.backends.locmem.EmailBackend", "Your user has no e-mail address, so nothing was sent."),
        ("sue@shop.example", "django.core.mail.backends.smtp.EmailBackend", "The mail server did not take it"),
    ],
)
def test_a_preview_that_does_not_go_says_so(
    staff: Client, settings: Any, address: str, backend: str, words: str
) -> None:
    User.objects.update(email=address)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = backend, "127.0.0.1", 1  # where nobody listens
    club = make.program(shop())
    live = journey(club, {"kind": "cart"}, says_by("email"))
    step = Step.objects.get(version=live.version)
    form = {"member": ada(club).number, "channel": "email", "language": "en"}

    page = confirmed(staff, reverse("admin:campaigns_step_look_at_it", args=[step.pk]), form)

    assert (words in page, "Done." in page, mail.outbox) == (True, False, [])


def test_the_page_of_a_step_has_the_survey_that_it_asks(staff: Client) -> None:
    live = journey(make.program(shop()), {"kind": "cart"}, says_by("email"))
    draft = draft_of(live)

    page = said(staff.get(reverse("admin:campaigns_step_change", args=[Step.objects.get(version=draft).pk])))

    assert 'name="survey"' in page


def test_pages_of_what_was_sent_and_why_open_in_both_languages(staff: Client) -> None:
    owner = shop()
    club = make.program(owner)
    live = journey(club, {"kind": "broadcast"}, says_by("email"))
    due(Step.objects.get(version=live.version), ada(club), at=NOON)
    send_all(owner, NOON, Box())
    version = CampaignVersion.objects.get()

    for language in ("en", "fr"):
        for name in ("messagechannel", "frequencycap", "sendinghours", "campaign"):
            page = staff.get(reverse(f"admin:campaigns_{name}_add"), headers={"accept-language": language})
            assert page.status_code == 200
        for name in ("message", "outcome", "entry", "messagechannel", "campaign", "campaignversion", "step"):
            page = staff.get(reverse(f"admin:campaigns_{name}_changelist"), headers={"accept-language": language})
            assert page.status_code == 200
        address = reverse("admin:campaigns_campaignversion_change", args=[version.pk])
        assert staff.get(address, headers={"accept-language": language}).status_code == 200


def offered(staff: Client, page: str, pk: object, *fields: str) -> dict[str, list[str]]:
    """Return what selects of a row's page offer, by the texts of their options."""
    text = said(staff.get(reverse(f"admin:{page}_change", args=[pk])))
    found = {}
    for field in fields:
        (_, _, rest) = text.partition(f'<select name="{field}"')
        assert rest, field
        options = re.findall(r'<option value="[^"]+"[^>]*>([^<]*)</option>', rest.partition("</select>")[0])
        found[field] = sorted(options)
    return found


def test_selects_of_a_row_offer_what_is_of_its_own_retailer_alone(staff: Client) -> None:
    clubs = [club(owner=shop()), club(owner=shop())]
    for name, program in zip(("own", "other"), clubs, strict=True):
        offer(program, code=name, name=name, is_live=False, at=NOON)
        Survey.objects.create(retailer=program.retailer, code=name, name=name, kind="nps", question="?")
        drafted(program.retailer, program, name)
    program = clubs[0]
    draft = offer(program, code="draft", name="draft", is_live=False, at=NOON)
    live = journey(program, {"kind": "cart"}, says_by("email"))
    version = draft_of(live)
    part = drafted(program.retailer, program, "part")

    assert offered(staff, "campaigns_campaign", live.pk, "experiment") == {"experiment": ["own", "part"]}
    assert offered(staff, "campaigns_step", version.steps.get().pk, "offer", "survey") == {
        "offer": ["draft", "own"], "survey": ["own"],
    }  # fmt: skip
    assert offered(staff, "campaigns_campaignversion", version.pk, "steps-0-offer", "steps-0-survey") == {
        "steps-0-offer": ["draft", "own"], "steps-0-survey": ["own"],
    }  # fmt: skip
    assert offered(staff, "campaigns_offer", draft.pk, "instead", "hold_out") == {
        "instead": ["draft", "own"], "hold_out": ["own", "part"],
    }  # fmt: skip
    assert offered(staff, "experiments_experiment", part.pk, "program", "within") == {
        "program": ["Club"], "within": ["own", "part"],
    }  # fmt: skip
