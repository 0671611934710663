"""The only way in for messages: written with their cause, once each, and their recipients woken."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.ids import new_id
from customers.core.values import dataclass

# A recipient's row is made, and locked, before its messages are written: who claims meanwhile sees them when it looks again.
WAKE = """
INSERT INTO campaigns_recipient (customer_id, retailer_id, zone, preferred_channel, next_due_at)
SELECT w.customer_id, %s, '', '', w.due_at FROM (
    SELECT customer_id, min(due_at) AS due_at FROM (
        SELECT unnest(%b::uuid[]) AS customer_id, unnest(%b::timestamp with time zone[]) AS due_at) each GROUP BY 1 ORDER BY 1
) w
ON CONFLICT (customer_id) DO UPDATE SET next_due_at = LEAST(campaigns_recipient.next_due_at, excluded.next_due_at)
"""
# In the order of all who hold customers (customers.identifying), behind their recipients. Of who is erased nothing is planned.
HOLD = """
SELECT id FROM customers_customer WHERE id = ANY(%b::uuid[]) AND erased_at IS NULL
ORDER BY merged_into_id IS NULL, external_id FOR KEY SHARE
"""
# What a message is, its step and its version say: both are frozen.
INSERT = """
INSERT INTO campaigns_message (
    id, retailer_id, customer_id, campaign_id, entry_id, step_id, cause, kind, ground, needs_profiling, is_urgent, on_cap,
    priority, channels, tags, "values", planned_at, due_at, expires_at, state, reason, rule, channel, address_hash, tries,
    is_resent, provider_id, language, rendered_hash, subject, body, button, link)
SELECT n.id, %s, n.customer_id, v.campaign_id, n.entry_id, s.id, n.cause, v.kind, v.ground, v.uses_profile,
    s.is_urgent AND v.kind = 'service', v.on_cap, c.priority,
    CASE n.channels WHEN '' THEN s.channels ELSE string_to_array(n.channels, ',') END, v.tags, n.said::jsonb, n.due_at, n.due_at,
    n.expires_at, 'due', '', '', '', '', 0, false, '', '', '', '', '', '', ''
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::uuid[]) AS customer_id, unnest(%b::uuid[]) AS entry_id,
        unnest(%b::bigint[]) AS step_id, unnest(%b::text[]) AS cause, unnest(%b::text[]) AS channels,
        unnest(%b::text[]) AS said, unnest(%b::timestamp with time zone[]) AS due_at,
        unnest(%b::timestamp with time zone[]) AS expires_at
) n
JOIN campaigns_step s ON s.id = n.step_id
JOIN campaigns_campaignversion v ON v.id = s.version_id
JOIN campaigns_campaign c ON c.id = v.campaign_id
ON CONFLICT (retailer_id, cause) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """
    A message to be.

    :param cause: what it is for; once per retailer
    :param due_at: when it is to go, before quiet hours and caps
    :param expires_at: from which on it says nothing any more
    :param values: of the fact that it is about, for its text: plain values by name
    :param channels: other than those of the step
    """

    customer_id: UUID
    step_id: int
    cause: str
    due_at: datetime
    expires_at: datetime
    entry_id: UUID | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str] = ()


@transaction.atomic
def queue(retailer_id: int, messages: Sequence[NewMessage]) -> int:
    """
    Write messages down that are to go, and wake their recipients; one whose cause is known stays as it is.

    :returns: how many were new
    """
    if not messages:
        return 0
    bulk.execute(WAKE, [retailer_id, *bulk.columns_of((each.customer_id, each.due_at) for each in messages)])
    here = {key for (key,) in bulk.fetch(HOLD, [list({each.customer_id for each in messages})])}
    rows = [_row(each) for each in messages if each.customer_id in here]
    return bulk.change(INSERT, [retailer_id, *bulk.columns_of(rows)]) if rows else 0


def wake(retailer_id: int, dues: Iterable[tuple[UUID, datetime]]) -> None:
    """Have recipients looked at no later than at some instants."""
    rows = list(dues)
    if rows:
        bulk.execute(WAKE, [retailer_id, *bulk.columns_of(rows)])


def _row(each: NewMessage) -> tuple[Any, ...]:
    said, channels = json.dumps(each.values) if each.values else "{}", ",".join(each.channels)
    return (
        new_id(), each.customer_id, each.entry_id, each.step_id, each.cause, channels, said, each.due_at, each.expires_at,
    )  # fmt: skip
