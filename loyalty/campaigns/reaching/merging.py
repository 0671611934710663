"""
What campaigns have of a customer who is merged, in the merge's own transaction.

How it wants to be reached, and for how long it wants to hear nothing, is true of the one who stays at once. That something of a
campaign is open for it is noted, and followed later: see `carrying`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.merging import MergedCustomer
from customers.models import Retailer
from loyalty.activity.account.merging import MergeFollower

# Who would be written when all is held is there before: who plans a first message for it meanwhile is waited for here, and not
# by somebody for whom that one waits.
MAKE = """
WITH named AS (
    SELECT DISTINCT coalesce(merged_into_id, id) AS id FROM customers_customer
    WHERE retailer_id = %s AND external_id = ANY(%s) AND erased_at IS NULL)
INSERT INTO campaigns_recipient (customer_id, retailer_id, zone, preferred_channel)
SELECT id, %s, '', '' FROM named
WHERE EXISTS (SELECT 1 FROM campaigns_recipient r JOIN named n ON n.id = r.customer_id) ORDER BY id
ON CONFLICT (customer_id) DO NOTHING
"""
LOCK = """
SELECT customer_id FROM campaigns_recipient WHERE customer_id IN (
    SELECT coalesce(merged_into_id, id) FROM customers_customer WHERE retailer_id = %s AND external_id = ANY(%s))
ORDER BY customer_id FOR NO KEY UPDATE
"""
# What the one who stays chose itself stays; of two pauses the longer one holds.
TAKE_OVER = """
INSERT INTO campaigns_recipient (customer_id, retailer_id, zone, preferred_channel, quiet_from, quiet_to, paused_until)
SELECT %s, retailer_id, zone, preferred_channel, quiet_from, quiet_to, paused_until
FROM campaigns_recipient WHERE customer_id = %s
ON CONFLICT (customer_id) DO UPDATE SET
    zone = coalesce(nullif(campaigns_recipient.zone, ''), excluded.zone),
    preferred_channel = coalesce(nullif(campaigns_recipient.preferred_channel, ''), excluded.preferred_channel),
    quiet_from = coalesce(campaigns_recipient.quiet_from, excluded.quiet_from),
    quiet_to = coalesce(campaigns_recipient.quiet_to, excluded.quiet_to),
    paused_until = greatest(campaigns_recipient.paused_until, excluded.paused_until)
"""
NOTE = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT c.retailer_id, c.id, 'merged', '', %s FROM customers_customer c WHERE c.id = %s AND (
    EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = c.id AND e.ended_at IS NULL)
    OR EXISTS (SELECT 1 FROM campaigns_message m WHERE m.customer_id = c.id AND m.state IN ('due', 'held')))
"""
# Of customers of whom something is found that is still to be followed.
NOTE_MERGED = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT %s, n.id, 'merged', '', %s FROM unnest(%s::uuid[]) AS n (id)
"""


def lock(retailer: Retailer, names: Sequence[str]) -> None:
    """Hold the recipients of customers, named by the retailer's ids, before the customers themselves: as all who hold both."""
    asked = [retailer.pk, list(names)]
    bulk.execute(MAKE, [*asked, retailer.pk])
    bulk.fetch(LOCK, asked)


def take_over(merged: MergedCustomer, now: datetime) -> None:
    """Let the one who stays be reached as the other one wanted it, where it has not said itself how; note what goes on for it."""
    bulk.execute(TAKE_OVER, [merged.target_id, merged.source_id])
    bulk.execute(NOTE, [now, merged.source_id])


def note_merged(retailer_id: int, customers: Iterable[UUID], now: datetime) -> None:
    """Note that customers were merged of whom something goes on, so that it is followed."""
    if ids := sorted(customers):
        bulk.execute(NOTE_MERGED, [retailer_id, now, ids])


FOLLOWER = MergeFollower(lock, take_over)
