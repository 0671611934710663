"""Who is in a campaign on an earlier version, moved to the one in force: only where that is asked for, after it was shown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import zone_of
from customers.core.values import dataclass
from loyalty.campaigns.journeys.versions import rule_of
from loyalty.campaigns.models import Campaign, CampaignVersion, Outcome
from loyalty.campaigns.outcomes import NewOutcome, tell
from loyalty.campaigns.publishing.managing import WrongCampaignState
from loyalty.campaigns.rules.journeys import JourneyRule
from loyalty.campaigns.rules.progress import Moved, advance, moved

WAITING = """
SELECT e.id, e.version_id, e.customer_id, e.occurrence, e.about_date, e.variant, e.entered_at, e.step,
    coalesce(nullif(r.zone, ''), p.zone)
FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id JOIN programs_program p ON p.id = c.program_id
LEFT JOIN campaigns_recipient r ON r.customer_id = e.customer_id
WHERE e.campaign_id = %s AND e.ended_at IS NULL AND e.version_id <> %s ORDER BY e.id FOR NO KEY UPDATE OF e
"""
WRITE = """
UPDATE campaigns_entry e SET version_id = w.version_id, step = w.step, next_at = w.next_at, ended_at = w.ended_at,
    reason = w.reason
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS version_id, unnest(%b::bigint[]) AS step,
        unnest(%b::timestamp with time zone[]) AS next_at, unnest(%b::timestamp with time zone[]) AS ended_at,
        unnest(%b::text[]) AS reason
) w WHERE w.id = e.id
"""


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """An entry on an earlier version, as it was read under its lock."""

    id: UUID
    version_id: int
    customer_id: UUID
    occurrence: str
    about: Any
    variant: str
    entered_at: datetime
    step: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Moves:
    """
    What became of those who were on earlier versions.

    :param moved: how many go on with the version in force
    :param completed: how many of them have had all that it says, and are through
    :param at_once: how many of them are to hear its next message now, the time that it waits being over
    :param stay: how many stay where they are: what began their version is something else
    """

    version: int
    moved: int
    completed: int
    at_once: int
    stay: int


@transaction.atomic
def move_entries(campaign: Campaign, *, now: datetime) -> Moves:
    """
    Move who is in a campaign on an earlier version to the one in force.

    Each goes on behind as many messages as it has had. Messages that are due already stay what they are.

    :raises WrongCampaignState: where it is a draft, or has ended
    """
    campaign = (
        Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("version").get(pk=campaign.pk)
    )
    if campaign.version is None or campaign.state == Campaign.State.ENDED:
        raise WrongCampaignState(state=campaign.get_state_display())
    rules = _rules(campaign, campaign.version)
    rows = [_waiting(row) for row in bulk.fetch(WAITING, [campaign.pk, campaign.version.pk])]
    going = [(each, _moved(each, rules, campaign.version.pk)) for each in rows if each.version_id in rules]
    _write(campaign, campaign.version, going, now)
    counted = Counter(_is_said_now(each, to, rules[campaign.version.pk], now) for each, to in going)
    done = sum(to.at is None for _, to in going)
    return Moves(campaign.version.number, len(going), done, counted[True], len(rows) - len(going))


def _waiting(row: tuple[Any, ...]) -> WaitingEntry:
    return WaitingEntry(*row[:-1], zone_of(row[-1]))  # type: ignore[call-arg] # a row has as many columns as it has fields


def _rules(campaign: Campaign, version: CampaignVersion) -> dict[int, JourneyRule]:
    """Return the versions from which entries can move, and the one to which: those that the same thing begins."""
    rows = campaign.versions.filter(published_at__isnull=False).select_related("retailer")
    return {each.pk: rule_of(each) for each in rows if each.trigger["kind"] == version.trigger["kind"]}


def _moved(entry: WaitingEntry, rules: Mapping[int, JourneyRule], to: int) -> Moved:
    return moved(
        rules[entry.version_id].steps, rules[to].steps, position=entry.step, entered_at=entry.entered_at,
        about=entry.about, variant=entry.variant, zone=entry.zone,
    )  # fmt: skip


def _is_said_now(entry: WaitingEntry, to: Moved, rule: JourneyRule, now: datetime) -> bool:
    if to.at is None:
        return False
    progress = advance(
        rule.steps, position=to.position, at=to.at, about=entry.about, variant=entry.variant, zone=entry.zone, now=now
    )  # fmt: skip
    return bool(progress.messages)


def _write(
    campaign: Campaign, version: CampaignVersion, going: Sequence[tuple[WaitingEntry, Moved]], now: datetime
) -> None:
    if not going:
        return
    rows = [
        (each.id, version.pk, to.position, to.at, None if to.at else now, "" if to.at else "completed")
        for each, to in going
    ]  # fmt: skip
    outcomes = [
        NewOutcome(campaign.retailer_id, campaign.pk, each.customer_id, each.id, each.occurrence, what, now)
        for each, to in going
        for what in (Outcome.What.MOVED, *(() if to.at else (Outcome.What.COMPLETED,)))
    ]
    with bulk.together():
        bulk.execute(WRITE, bulk.columns_of(rows))
        tell(outcomes)
