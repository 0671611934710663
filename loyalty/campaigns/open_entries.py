"""Entries that have not ended, locked and read: whoever takes their steps or ends them looks at these."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.models import Retailer
from loyalty.campaigns.entering import rule_of
from loyalty.campaigns.loading import IS_OF_LAST_ORDER
from loyalty.campaigns.models import CampaignVersion
from loyalty.campaigns.rules.journeys import JourneyRule

# Entries are locked, and not their recipients: what is queued waits for those at its end, in the order of their ids.
DUE = """
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %s AND e.next_at <= %s AND c.state = 'live'
ORDER BY e.next_at LIMIT %s FOR NO KEY UPDATE OF e SKIP LOCKED
"""
# Those that may come to an offer; not locked, because who decides on offers locks members.
OFFERING = """
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %s AND e.next_at <= %s AND c.state = 'live'
    AND EXISTS (SELECT 1 FROM campaigns_step s WHERE s.version_id = e.version_id AND s.kind = 'offer' AND s.position >= e.step)
ORDER BY e.next_at LIMIT %s
"""
# With the first order, and the first contact with support, since it was entered that nobody has told of yet.
LOAD = f"""
SELECT e.id, e.campaign_id, e.version_id, e.customer_id, e.occurrence, e.about_date, e.variant, e.entered_at, e.exposure_at,
    e.step, e.next_at, coalesce(nullif(r.zone, ''), s.zone),
    (SELECT min(o.occurred_at) FROM customers_order o WHERE o.customer_id = e.customer_id AND o.occurred_at <= %s AND CASE
        WHEN {IS_OF_LAST_ORDER} THEN o.local_date > e.about_date ELSE o.occurred_at >= e.entered_at END),
    CASE WHEN v.exits @> '[{{"fact": "contact"}}]' THEN (
        SELECT min(i.occurred_at) FROM customers_interaction i WHERE i.customer_id = e.customer_id AND i.kind = 'support'
            AND i.occurred_at >= e.entered_at AND i.occurred_at <= %s) END,
    c.program_id
FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id JOIN customers_retailer s ON s.id = e.retailer_id
JOIN campaigns_campaignversion v ON v.id = e.version_id
LEFT JOIN campaigns_recipient r ON r.customer_id = e.customer_id
WHERE e.id = ANY(%s) AND e.ended_at IS NULL ORDER BY e.id
"""
ACTIVE = """
SELECT e.id FROM campaigns_entry e WHERE e.customer_id = ANY(%s) AND e.ended_at IS NULL ORDER BY e.id FOR NO KEY UPDATE OF e
"""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """
    An entry that has not ended, as it was read under its lock.

    :param ordered_at: the first order since; None for none
    :param contacted_at: the first contact with support since, where that ends it; None for none
    """

    id: UUID
    campaign_id: UUID
    version_id: int
    customer_id: UUID
    occurrence: str
    about: date | None
    variant: str
    entered_at: datetime
    exposure_at: datetime
    step: int
    next_at: datetime | None
    zone: ZoneInfo
    ordered_at: datetime | None
    contacted_at: datetime | None
    program_id: int


@dataclass(frozen=True, slots=True)
class Published:
    """A published version: what it decides, and what begins it."""

    rule: JourneyRule
    trigger: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of its trigger."""
        return str(self.trigger["kind"])


@lru_cache(maxsize=512)
def published(version_id: int) -> Published:
    """Return what a published version decides: it does not change any more."""
    version = CampaignVersion.objects.get(pk=version_id)
    assert not version.is_draft, "nobody enters on a draft"
    return Published(rule_of(version), version.trigger)


def lock_due(retailer: Retailer, now: datetime, limit: int) -> list[UUID]:
    """Lock some entries of which a step is to be taken, and return their ids."""
    return [key for (key,) in bulk.fetch(DUE, [retailer.pk, now, limit])]


def due_to_offer(retailer: Retailer, now: datetime, limit: int) -> list[UUID]:
    """Return the ids of some entries that may come to a step which gives an offer."""
    return [key for (key,) in bulk.fetch(OFFERING, [retailer.pk, now, limit])]


def load_active(customers: Iterable[UUID], *, now: datetime) -> list[OpenEntry]:
    """Lock the active entries of customers, and return them."""
    ids = [key for (key,) in bulk.fetch(ACTIVE, [sorted(set(customers))])]
    return load(ids, now) if ids else []


def rule_of_entry(entry: OpenEntry) -> JourneyRule:
    """Return the version on which an entry finishes."""
    return published(entry.version_id).rule


def load(ids: Sequence[UUID], now: datetime) -> list[OpenEntry]:
    """Return locked entries that have not ended."""
    return [_entry(row) for row in bulk.fetch(LOAD, [now, now, list(ids)])]


def _entry(row: tuple[Any, ...]) -> OpenEntry:
    key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, *rest = row
    zone, ordered_at, contacted_at, program = rest
    return OpenEntry(
        key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, ZoneInfo(zone),
        ordered_at, contacted_at, program,
    )  # fmt: skip
