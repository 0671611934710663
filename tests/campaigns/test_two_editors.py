"""Two people edit the same draft: the second one is told what the first one changed, and replaces nothing unseen."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.campaigns.editing import Shown, changes
from loyalty.campaigns.models import Campaign, CampaignVersion, Offer, Step, StepText
from loyalty.campaigns.offering.managing import draw_up
from loyalty.campaigns.publishing.documents import state_of
from loyalty.campaigns.publishing.managing import draft_of
from tests.admin.test_verbs import signature
from tests.campaigns.make_campaigns import NOON, journey, says_by
from tests.campaigns.test_documents_refused import Tool, address_of, form_of

pytestmark = pytest.mark.django_db
NOTHING = "Nothing was saved: somebody changed this since you opened it."


@pytest.fixture
def sue(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    return client


@pytest.fixture
def draft() -> CampaignVersion:
    return draft_of(journey(Tool().club, {"kind": "cart"}, says_by("email")))


def seen(client: Client, address: str) -> str:
    """Return what a page says that it showed."""
    found: str = client.get(address).context["seen"]
    assert f'name="seen" value="{found}"' in unescape(client.get(address).content.decode())
    return found


def words_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_the_second_of_two_editors_is_told_and_may_save_once_more(sue: Client, draft: CampaignVersion) -> None:
    address, form = address_of(draft), form_of(draft)
    opened = seen(sue, address)
    first = sue.post(address, form | {"seen": opened, "again_after_days": "30", "tags": "spring"})
    assert first.status_code == 302

    second = sue.post(address, form | {"seen": opened, "again_after_days": "7"})

    assert NOTHING in words_of(second)
    assert "Again after days is now: 30" in words_of(second)
    assert 'Tags is now: ["spring"]' in words_of(second)
    assert "Kind of message is now" not in words_of(second)
    draft.refresh_from_db()
    assert (draft.again_after_days, draft.tags) == (30, ["spring"])
    told = second.context["seen"]
    assert told != opened
    again = sue.post(address, form | {"seen": told, "again_after_days": "7"})
    draft.refresh_from_db()
    assert (again.status_code, draft.again_after_days, draft.tags) == (302, 7, [])


def test_what_nobody_else_changed_is_saved(sue: Client, draft: CampaignVersion) -> None:
    address, form = address_of(draft), form_of(draft)
    opened = seen(sue, address)

    wrong = sue.post(address, form | {"seen": opened, "late_up_to_days": "99"})
    saved = sue.post(address, form | {"seen": wrong.context["seen"], "late_up_to_days": "9"})

    assert (wrong.status_code, NOTHING in words_of(wrong), saved.status_code) == (200, False, 302)
    draft.refresh_from_db()
    assert draft.late_up_to_days == 9


def test_a_step_that_somebody_changed_added_or_deleted_is_told(sue: Client, draft: CampaignVersion) -> None:
    address, form = address_of(draft), form_of(draft)
    opened = seen(sue, address)
    step = Step.objects.get(version=draft)
    Step.objects.filter(pk=step.pk).update(expires_after="P5D")
    Step.objects.create(version=draft, retailer=draft.retailer, position=1, kind="wait", wait="PT4H")

    told = words_of(sue.post(address, form | {"seen": opened}))

    assert "Step “1. message” is now:" in told
    assert "P5D" in told
    assert "Step “2. wait” is now:" in told
    assert "for how long: PT4H" in told
    StepText.objects.filter(step=step).delete()
    Step.objects.filter(version=draft).delete()
    gone = words_of(sue.post(address, form | {"seen": opened}))
    assert "Step is there no more." in gone


def test_texts_of_a_step_are_told_and_another_steps_are_no_ones_business(sue: Client, draft: CampaignVersion) -> None:
    step = Step.objects.get(version=draft)
    text = StepText.objects.filter(step=step).order_by("pk")[0]
    address = reverse("admin:campaigns_step_change", args=[step.pk])
    opened = seen(sue, address)
    other = Step.objects.create(version=draft, retailer=draft.retailer, position=1, kind="wait", wait="PT4H")
    form = {
        "position": "0", "kind": "message", "wait": "", "channels": "email", "expires_after": "P4D", "ends_without": "on",
        "texts-TOTAL_FORMS": "0", "texts-INITIAL_FORMS": "0", "texts-MIN_NUM_FORMS": "0", "texts-MAX_NUM_FORMS": "1000",
    }  # fmt: skip
    assert sue.post(address, form | {"seen": opened}).status_code == 302
    Step.objects.filter(pk=other.pk).update(wait="PT5H")
    again = seen(sue, address)
    StepText.objects.filter(pk=text.pk).update(body="Another body")

    told = words_of(sue.post(address, form | {"seen": again, "expires_after": "P9D"}))

    assert "Another body" in told
    assert "PT5H" not in told
    step.refresh_from_db()
    assert step.expires_after == "P4D"


def test_a_campaign_and_an_offer_are_told_as_well(sue: Client, draft: CampaignVersion) -> None:
    campaign = draft.campaign
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    opened = seen(sue, address)
    Campaign.objects.filter(pk=campaign.pk).update(priority=3)
    form = {"code": campaign.code, "name": "Mine", "priority": "10", "starts_at_0": "", "starts_at_1": ""}

    told = words_of(sue.post(address, form | {"seen": opened}))

    assert "Priority is now: 3" in told
    campaign.refresh_from_db()
    assert campaign.name != "Mine"
    offer = Offer(
        retailer=campaign.retailer, program=campaign.program, code="spring", name="Spring", rewards=["cinema"]
    )
    draw_up(offer, limit=Decimal("900"), now=NOON)
    page = reverse("admin:campaigns_offer_change", args=[offer.pk])
    before = seen(sue, page)
    assert "limit" in before
    offer.budget.__class__.objects.filter(pk=offer.budget_id).update(limit=Decimal("500"))

    told = words_of(
        sue.post(page, {"code": "spring", "name": "Spring", "rewards": "cinema", "limit": "900", "seen": before})
    )

    assert "Budget is now: 500" in told.replace("\u00a0", " ")


@pytest.mark.parametrize("given", [{}, {"seen": ""}, {"seen": "{"}, {"seen": "[]"}, {"seen": "{}"}, {"seen": "1"}])
def test_a_page_that_does_not_say_what_it_showed_is_opened_anew(
    sue: Client, draft: CampaignVersion, given: dict[str, str]
) -> None:
    refused = sue.post(address_of(draft), form_of(draft) | given | {"late_up_to_days": "9"})

    draft.refresh_from_db()
    assert (refused.status_code, draft.late_up_to_days) == (200, 3)
    assert "Nothing was saved: this page does not say what it showed. Open it anew" in words_of(refused)
    assert refused.context["seen"] == ""
    again = sue.post(address_of(draft), form_of(draft) | {"seen": refused.context["seen"], "late_up_to_days": "9"})
    assert again.status_code == 200


def test_what_is_published_is_what_was_shown_texts_too(sue: Client, draft: CampaignVersion) -> None:
    page = reverse("admin:campaigns_campaign_publish_it", args=[draft.campaign_id])
    said = {"reason": "spring"}
    shown = sue.post(page, said)
    assert f"Version {draft.number}, as it stands now ({state_of(draft)})." in words_of(shown)
    StepText.objects.filter(step__version=draft).update(body="Not what was shown")

    other = sue.post(page, said | {"confirmed": signature(shown)})

    assert "Nothing was done: this is not what you were shown." in words_of(other)
    draft.refresh_from_db()
    assert draft.is_draft
    sue.post(page, said | {"confirmed": signature(other)})
    draft.refresh_from_db()
    assert not draft.is_draft


def test_many_changes_are_told_in_short() -> None:
    present = {f"f{n}": Shown(f"field {n}", f"{n}", "x" * 300) for n in range(12)}

    told = changes(dict.fromkeys(present, "other"), present)

    assert told[1] == f"Field 0 is now: {'x' * 200}…."
    assert (len(told), told[-2]) == (13, "And more.")
    assert changes({key: each.digest for key, each in present.items()}, present) == []
