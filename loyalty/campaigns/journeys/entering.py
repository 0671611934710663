"""The only way into a campaign: judged together, written once for each fact, with the reason of those who do not enter."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date, zone_of
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.judging import JudgedCustomer, entered_before, judge
from loyalty.campaigns.journeys.versions import rule_of
from loyalty.campaigns.messages.loading import consents_of
from loyalty.campaigns.models import Campaign, CampaignVersion, Entry, Outcome
from loyalty.campaigns.outcomes import NewOutcome, tell, tell_once
from loyalty.campaigns.rules.journeys import Before, JourneyRule, not_entered
from loyalty.campaigns.rules.progress import first_message_at

BATCH = 2_000
# Who is merged after it was judged, and before it entered. Its entry holds its customer only when it commits: of who is merged
# behind this statement and before that, the entry says so itself once a step of it is due (`open_entries.note_stranded`).
MERGED_MEANWHILE = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT retailer_id, id, 'merged', '', %s FROM customers_customer WHERE id = ANY(%s) AND merged_into_id IS NOT NULL
"""
HELD_OUT, LATE = "held_out", "late"


class NewEntry(NamedTuple):
    """An entry as its row has it. :param reason: why it has ended already; empty where it goes on"""

    id: UUID
    retailer_id: int
    campaign_id: UUID
    version_id: int
    customer_id: UUID
    occurrence: str
    about_date: date | None
    variant: str
    is_held_out: bool
    entered_at: datetime
    exposure_at: datetime
    step: int
    next_at: datetime | None
    ended_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Entrance:
    """A version of a campaign that customers enter. :param at: when the fact happened for which they do"""

    campaign: Campaign
    version: CampaignVersion
    rule: JourneyRule
    at: datetime
    now: datetime


class _Participants:
    """
    Those who are or were in a campaign, with those who enter just now.

    :param before: customer, occurrence, and when one entered who was merged into it
    """

    def __init__(self, before: Iterable[tuple[UUID, str, datetime | None]]) -> None:
        self.facts: set[tuple[UUID, str]] = set()
        self.active: set[UUID] = set()
        self._last: dict[UUID, datetime] = {}
        for customer, occurrence, entered_as in before:
            self.facts.add((customer, occurrence))
            if entered_as is not None:
                self._last[customer] = max(entered_as, self._last.get(customer, entered_as))

    def add(self, entry: NewEntry) -> None:
        if entry.ended_at is None:
            self.active.add(entry.customer_id)
        if entry.reason != LATE:
            self._last[entry.customer_id] = entry.entered_at

    def before(self, customer: UUID, judged: JudgedCustomer, consents: Mapping[str, bool], zone: ZoneInfo) -> Before:
        """Return what the campaign knows of a customer who may enter."""
        last_at = max(filter(None, (self._last.get(customer), judged.last_entered_at)), default=None)
        return Before(zone, consents, judged.is_active or customer in self.active, last_at, judged.has_bought)


def enter(
    campaign: Campaign, version: CampaignVersion, found: Sequence[Candidate], *, entered_at: datetime, now: datetime
) -> int:
    """
    Let customers enter a campaign at an instant, in batches that each commit; return how many did.

    :param entered_at: when the fact happened, or the midnight of the night that found it; not when it was found
    """
    entrance = _Entrance(campaign, version, rule_of(version), entered_at, now)
    return sum(_enter(entrance, found[start : start + BATCH]) for start in range(0, len(found), BATCH))


@transaction.atomic
def _enter(entrance: _Entrance, found: Sequence[Candidate]) -> int:
    campaign, now = entrance.campaign, entrance.now
    # One at a time: whether somebody is in it already, and since when, is decided under the campaign's lock.
    state = Campaign.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=campaign.pk)
    if state != Campaign.State.LIVE:
        return 0
    ids = [each.customer_id for each in found]
    # As of now, and not of the midnight of its night: an experiment that began since holds out what is yet to be said.
    judged, consents = judge(campaign, ids, now, ground=entrance.rule.ground), consents_of(ids, now)
    participants = _Participants(entered_before(campaign.pk, ids))
    entries, refused = list[NewEntry](), list[NewOutcome]()
    for each in found:
        customer = judged.get(each.customer_id)
        fact = (each.customer_id, each.occurrence)
        if customer is None or fact in participants.facts:
            continue
        participants.facts.add(fact)
        zone = zone_of(customer.zone, campaign.program.tzinfo)
        before = participants.before(each.customer_id, customer, consents.get(each.customer_id, {}), zone)
        if reason := not_entered(entrance.rule, before, entrance.at):
            refused.append(_refused(campaign, each, reason, now))
            continue
        entries.append(_entry(entrance, each, customer, zone))
        participants.add(entries[-1])
    bulk.insert(Entry, NewEntry._fields, entries)
    bulk.execute(MERGED_MEANWHILE, [now, sorted(participants.active)])
    tell(_dropped(each, now) for each in entries if each.reason)
    tell_once(refused)
    return len(entries)


def _entry(entrance: _Entrance, found: Candidate, judged: JudgedCustomer, zone: ZoneInfo) -> NewEntry:
    campaign, rule, at, now = entrance.campaign, entrance.rule, entrance.at, entrance.now
    exposure_at = first_message_at(rule.steps, entered_at=at, about=found.about, zone=zone)
    days_late = (local_date(now, zone) - local_date(at, zone)).days
    is_held_out = judged.is_held_out_of(rule.kind)
    reason = HELD_OUT if is_held_out else LATE if days_late > rule.late_up_to_days else ""
    return NewEntry(
        new_id(), campaign.retailer_id, campaign.pk, entrance.version.pk, found.customer_id, found.occurrence, found.about,
        judged.variant or "", is_held_out, at, exposure_at, 0, None if reason else at, now if reason else None, reason,
    )  # fmt: skip


def _dropped(entry: NewEntry, now: datetime) -> NewOutcome:
    """Return that somebody entered and gets nothing."""
    return NewOutcome(
        entry.retailer_id, entry.campaign_id, entry.customer_id, entry.id, entry.occurrence, Outcome.What.DROPPED, now,
        reason=entry.reason,
    )  # fmt: skip


def _refused(campaign: Campaign, found: Candidate, reason: str, now: datetime) -> NewOutcome:
    """Return that somebody did not enter."""
    return NewOutcome(
        campaign.retailer_id, campaign.pk, found.customer_id, None, found.occurrence, Outcome.What.NOT_ENTERED, now,
        reason=reason,
    )  # fmt: skip
