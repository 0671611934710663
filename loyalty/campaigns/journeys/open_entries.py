"""Entries that have not ended, locked and read: whoever takes their steps or ends them looks at these."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import zone_of
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.journeys.versions import published
from loyalty.campaigns.messages.loading import IS_ENDING_CONTACT, IS_ORDER_SINCE
from loyalty.campaigns.rules.journeys import JourneyRule

# Of who was merged no step is taken until it is carried on (`carrying`).
NOT_MERGED = """NOT EXISTS (
    SELECT 1 FROM customers_customer o WHERE o.id = e.customer_id AND o.merged_into_id IS NOT NULL AND o.erased_at IS NULL)"""
# Entries are locked, and not their recipients: what is queued waits for those at its end, in the order of their ids.
DUE = f"""
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %(retailer)s AND e.next_at <= %(now)s AND c.state = 'live'
    AND (%(only)s::uuid IS NULL OR e.id = %(only)s) AND {NOT_MERGED}
ORDER BY e.next_at LIMIT %(limit)s FOR NO KEY UPDATE OF e SKIP LOCKED
"""
# Those of who was merged just as it entered: neither the merge nor the entry saw the other one, and nobody has told of it.
STRANDED = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT DISTINCT e.retailer_id, e.customer_id, 'merged', '', %s::timestamptz
FROM campaigns_entry e JOIN customers_customer o ON o.id = e.customer_id
WHERE e.retailer_id = %s AND e.next_at <= %s AND o.merged_into_id IS NOT NULL AND o.erased_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM campaigns_waitingfact f WHERE f.customer_id = e.customer_id AND f.kind = 'merged')
"""
# Those that may come to an offer; not locked, because who decides on offers locks members.
OFFERING = f"""
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %(retailer)s AND e.next_at <= %(now)s AND c.state = 'live'
    AND (%(only)s::uuid IS NULL OR e.id = %(only)s) AND {NOT_MERGED}
    AND EXISTS (SELECT 1 FROM campaigns_step s WHERE s.version_id = e.version_id AND s.kind = 'offer' AND s.position >= e.step)
ORDER BY e.next_at LIMIT %(limit)s
"""
# With the first order of which something stayed, and the first contact with support that ends it, since it was entered, told of
# or not. Days are those of whom it concerns, or else of the program: as they were when it was entered. Those of orders are the
# retailer's.
LOAD = f"""
SELECT e.id, e.campaign_id, e.version_id, e.customer_id, e.occurrence, e.about_date, e.variant, e.entered_at, e.exposure_at,
    e.step, e.next_at, coalesce(nullif(r.zone, ''), p.zone),
    (SELECT min(o.occurred_at) FROM customers_order o WHERE o.customer_id = e.customer_id AND o.occurred_at <= %s
        AND {IS_ORDER_SINCE}),
    CASE WHEN v.exits @> '[{{"fact": "contact"}}]' THEN (
        SELECT min(i.occurred_at) FROM customers_interaction i WHERE i.customer_id = e.customer_id AND i.occurred_at <= %s
            AND {IS_ENDING_CONTACT}) END,
    c.program_id, y.zone,
    o.merged_into_id IS NOT NULL AND o.erased_at IS NULL,
    CASE WHEN o.erased_at IS NOT NULL THEN 'gone' WHEN o.merged_into_id IS NOT NULL THEN ''
        WHEN NOT EXISTS (SELECT 1 FROM memberships_membership m
            WHERE m.customer_id = e.customer_id AND m.program_id = c.program_id AND m.left_at IS NULL) THEN 'left'
        ELSE '' END
FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id JOIN programs_program p ON p.id = c.program_id
JOIN campaigns_campaignversion v ON v.id = e.version_id JOIN customers_customer o ON o.id = e.customer_id
JOIN customers_retailer y ON y.id = e.retailer_id
LEFT JOIN campaigns_recipient r ON r.customer_id = e.customer_id
WHERE e.id = ANY(%s) AND (e.ended_at IS NULL OR %s AND e.reason = 'completed') ORDER BY e.id
"""
ACTIVE = """
SELECT e.id FROM campaigns_entry e WHERE e.customer_id = ANY(%s) AND e.ended_at IS NULL ORDER BY e.id FOR NO KEY UPDATE OF e
"""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """
    An entry that has not ended, as it was read under its lock.

    :param ordered_at: the first order since of which something stayed; None for none
    :param contacted_at: the first contact with support since, where that ends it; None for none
    :param zone_of_orders: in which orders have their days
    :param is_merged: whether its customer was merged, and it is to be carried on
    :param is_over: why nobody is there any more for whom it goes on: gone or left; empty where somebody is
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
    zone_of_orders: ZoneInfo
    is_merged: bool
    is_over: str


def lock_due(retailer: Retailer, now: datetime, limit: int, only: UUID | None = None) -> list[UUID]:
    """Lock some entries of which a step is to be taken, and return their ids. :param only: this one, if it is due"""
    return [key for (key,) in bulk.fetch(DUE, _asked(retailer, now, limit, only))]


def note_stranded(retailer: Retailer, now: datetime) -> None:
    """Note the merges of customers whose entries are due and that nobody noted, so that they are followed."""
    bulk.execute(STRANDED, [now, retailer.pk, now])


def due_to_offer(retailer: Retailer, now: datetime, limit: int, only: UUID | None = None) -> list[UUID]:
    """Return the ids of some entries that may come to a step which gives an offer. :param only: this one, if it is due"""
    return [key for (key,) in bulk.fetch(OFFERING, _asked(retailer, now, limit, only))]


def _asked(retailer: Retailer, now: datetime, limit: int, only: UUID | None) -> dict[str, Any]:
    return {"retailer": retailer.pk, "now": now, "limit": limit, "only": only}


def load_active(customers: Iterable[UUID], *, now: datetime) -> list[OpenEntry]:
    """Lock the active entries of customers, and return them."""
    ids = lock_active(customers)
    return load(ids, now) if ids else []


def lock_active(customers: Iterable[UUID]) -> list[UUID]:
    """Lock the active entries of customers, and return their ids."""
    return [key for (key,) in bulk.fetch(ACTIVE, [sorted(set(customers))])]


def rule_of_entry(entry: OpenEntry) -> JourneyRule:
    """Return the version on which an entry finishes."""
    return published(entry.version_id).rule


def load(ids: Sequence[UUID], now: datetime) -> list[OpenEntry]:
    """Return locked entries that have not ended."""
    return [_entry(row) for row in bulk.fetch(LOAD, [now, now, list(ids), False])]


def load_told(ids: Sequence[UUID], now: datetime) -> list[OpenEntry]:
    """Return entries that have not ended, and those that are through: what they said may still be on its way."""
    return [_entry(row) for row in bulk.fetch(LOAD, [now, now, list(ids), True])]


def _entry(row: tuple[Any, ...]) -> OpenEntry:
    key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, *rest = row
    zone, ordered_at, contacted_at, program, zone_of_orders, is_merged, is_over = rest
    return OpenEntry(
        key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, zone_of(zone),
        ordered_at, contacted_at, program, zone_of(zone_of_orders), is_merged, is_over,
    )  # fmt: skip
