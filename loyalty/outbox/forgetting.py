"""Events forget whom they were about, when that person is erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from customers.core import bulk

ERASED = "membership.erased"
# For so long systems of the retailer that did not answer can be told by hand whom to forget as well.
TOLD_WITHIN = timedelta(days=30)

# Events of members, and those of others that name them.
ABOUT = """(e.subject = ANY(%s) OR (e.type = 'membership.merged' OR e.type LIKE 'referral.%%')
    AND EXISTS (SELECT 1 FROM jsonb_each_text(e.payload) p WHERE p.value = ANY(%s)))"""
# What an endpoint answered may repeat what it was told.
FORGET_ANSWERS = f"""
UPDATE outbox_delivery d SET answer = '' FROM outbox_event e
WHERE d.event_id = e.id AND d.answer <> '' AND e.retailer_id = %s AND {ABOUT}
"""
RENAME = f"""
UPDATE outbox_event e SET payload = (
    SELECT jsonb_object_agg(p.key, coalesce(to_jsonb(n.new), p.value))
        FROM jsonb_each(CASE WHEN e.subject = ANY(%s) THEN e.payload - 'customer' ELSE e.payload END) p
    LEFT JOIN (SELECT unnest(%b::text[]) AS old, unnest(%b::text[]) AS new) n ON to_jsonb(n.old) = p.value)
WHERE e.retailer_id = %s AND {ABOUT}
"""
FORGET = """
WITH heard AS (
    UPDATE outbox_event e SET payload = e.payload - 'member'
    WHERE e.type = %s AND e.payload ? 'member' AND e.dispatched_at IS NOT NULL AND (e.recorded_at < %s OR NOT EXISTS (
        SELECT 1 FROM outbox_delivery d WHERE d.event_id = e.id AND d.delivered_at IS NULL))
    RETURNING e.id
), answered AS (UPDATE outbox_delivery d SET answer = '' FROM heard WHERE d.event_id = heard.id)
SELECT count(*) FROM heard
"""


def rename(memberships: Sequence[UUID], renamed: Mapping[str, str], *, retailer_id: int) -> None:
    """
    Let what was told of members say other texts in the place of what leads to them, also what is still on its way.

    What was answered to it is forgotten.

    :param renamed: their numbers, and codes of theirs that others' events name
    """
    subjects, old = [str(each) for each in memberships], list(renamed)
    bulk.execute(FORGET_ANSWERS, [retailer_id, subjects, old])
    bulk.execute(RENAME, [subjects, old, list(renamed.values()), retailer_id, subjects, old])


def forget_erased(*, now: datetime) -> int:
    """Let events that told of an erasure forget whose it was, when all have heard of it; return how many."""
    return int(bulk.fetch(FORGET, [ERASED, now - TOLD_WITHIN])[0][0])
