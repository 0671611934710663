"""A campaign's own life: drafted, published, paused, resumed, ended. What was published stays as it was."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.campaigns.models import Campaign, CampaignVersion, Step, StepText
from loyalty.campaigns.publishing.checking import CampaignFlaw, flaws_of

# Entries before recipients, and both in the order of their ids: as all who lock several.
LOCK_ENTRIES = """
SELECT id FROM campaigns_entry WHERE campaign_id = %s AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""
LOCK = """
SELECT r.customer_id FROM campaigns_recipient r
WHERE EXISTS (SELECT 1 FROM campaigns_message m WHERE m.customer_id = r.customer_id AND m.campaign_id = %s AND m.state = ANY(%s))
ORDER BY r.customer_id FOR NO KEY UPDATE
"""
RESUME = """
WITH resumed AS (
    UPDATE campaigns_message SET state = 'due' WHERE campaign_id = %s AND state = 'held' RETURNING customer_id, due_at
)
UPDATE campaigns_recipient r SET next_due_at = LEAST(r.next_due_at, d.due_at)
FROM (SELECT customer_id, min(due_at) AS due_at FROM resumed GROUP BY 1) d WHERE d.customer_id = r.customer_id
"""
DROP = """
UPDATE campaigns_message SET state = 'dropped', reason = 'campaign_ended' WHERE campaign_id = %s AND state IN ('due', 'held')
"""
EXIT = """
WITH ended AS (
    UPDATE campaigns_entry SET ended_at = %s, reason = 'campaign_ended', next_at = NULL
    WHERE campaign_id = %s AND ended_at IS NULL RETURNING retailer_id, campaign_id, customer_id, id, occurrence, step
)
INSERT INTO campaigns_outcome (retailer_id, campaign_id, customer_id, entry_id, occurrence, step, what, reason, rule, channel, at)
SELECT retailer_id, campaign_id, customer_id, id, occurrence, step, 'exited', 'campaign_ended', '', '', %s FROM ended
"""


class CampaignHasFlaws(DomainError):
    code = "campaign_has_flaws"
    kind = Kind.INVALID
    message = _("This campaign cannot be published yet: {flaws}.")

    def __init__(self, flaws: Sequence[CampaignFlaw]) -> None:
        super().__init__(flaws=", ".join(f"{each.place} {each.code}" for each in flaws))
        self.flaws = flaws


class WrongCampaignState(DomainError):
    code = "wrong_campaign_state"
    kind = Kind.CONFLICT
    message = _("This campaign is {state}, so this cannot be done with it.")


@transaction.atomic
def draft_of(campaign: Campaign) -> CampaignVersion:
    """Return the draft of a campaign, made from what is in force where there is none."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    _require(campaign, *(state for state in Campaign.State if state != Campaign.State.ENDED))
    draft = campaign.versions.filter(published_at=None).first()
    if draft is not None:
        return draft
    source = campaign.version
    assert source is not None, "a campaign without a draft has been published"
    steps = list(source.steps.in_order().prefetch_related("texts"))
    number = source.number + 1
    draft = CampaignVersion.objects.get(pk=source.pk)
    draft.pk, draft.number, draft.published_at, draft.published_by = None, number, None, ""
    draft._state.adding = True
    draft.save()
    for step in steps:
        texts = list(step.texts.all())
        step.pk, step.version = None, draft
        step._state.adding = True
        step.save()
        for text in texts:
            text.pk, text.step = None, step
        StepText.objects.bulk_create(texts)
    return draft


def hold_campaign(**of: Any) -> None:
    """Lock the campaign of some lookups until the transaction ends: who writes its draft or publishes it waits."""
    Campaign.objects.select_for_update(no_key=True, of=("self",)).only("pk").filter(**of).first()


@transaction.atomic
def publish(version: CampaignVersion, *, author: str, now: datetime) -> Campaign:
    """
    Let members enter on a version from now on; those who are in the campaign finish on theirs.

    :raises CampaignHasFlaws: naming them
    :raises WrongCampaignState: when it was published before, or its campaign has ended
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=version.campaign_id)
    _require(campaign, Campaign.State.DRAFT, Campaign.State.LIVE, Campaign.State.PAUSED)
    is_draft = CampaignVersion.objects.filter(pk=version.pk, published_at=None).exists()  # as it is behind the lock
    if not is_draft:
        raise WrongCampaignState(state=_("published"))
    if errors := [each for each in flaws_of(version) if each.is_error]:
        raise CampaignHasFlaws(errors)
    version.published_at, version.published_by = now, author
    version.save(update_fields=["published_at", "published_by"])
    campaign.version = version
    if campaign.state == Campaign.State.DRAFT:
        campaign.state = Campaign.State.LIVE
    campaign.save(update_fields=["version", "state"])
    return campaign


@transaction.atomic
def pause(campaign: Campaign) -> Campaign:
    """Hold what a campaign would send, and let nobody enter or go on; what is held may be too late meanwhile."""
    return _moved(campaign, Campaign.State.LIVE, to=Campaign.State.PAUSED)


@transaction.atomic
def resume(campaign: Campaign) -> Campaign:
    """Go on with a campaign: what was held is due again, unless it is too late."""
    resumed = _moved(campaign, Campaign.State.PAUSED, to=Campaign.State.LIVE)
    bulk.fetch(LOCK, [campaign.pk, ["held"]])
    bulk.execute(RESUME, [campaign.pk])
    return resumed


@transaction.atomic
def end(campaign: Campaign, *, now: datetime) -> Campaign:
    """End a campaign for good: who is in it leaves, and what is not on its way is dropped."""
    ended = _moved(campaign, Campaign.State.LIVE, Campaign.State.PAUSED, to=Campaign.State.ENDED, ended_at=now)
    bulk.fetch(LOCK_ENTRIES, [campaign.pk])
    bulk.fetch(LOCK, [campaign.pk, ["due", "held"]])
    bulk.execute(EXIT, [now, campaign.pk, now])
    bulk.execute(DROP, [campaign.pk])
    return ended


def steps_of(version: CampaignVersion) -> list[Step]:
    """Return the steps of a version with their texts, as they are taken."""
    return list(version.steps.in_order().prefetch_related("texts"))


def _moved(campaign: Campaign, *before: str, to: str, ended_at: datetime | None = None) -> Campaign:
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    _require(locked, *before)
    locked.state, locked.ended_at = to, ended_at
    locked.save(update_fields=["state", "ended_at"])
    return locked


def _require(campaign: Campaign, *states: str) -> None:
    if campaign.state not in states:
        raise WrongCampaignState(state=campaign.get_state_display())
