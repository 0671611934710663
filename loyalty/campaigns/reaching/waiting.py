"""What waits for hours, a pause or a cap was told until when by how it was then: it is decided again when that is changed."""

from datetime import datetime
from uuid import UUID

from customers.core import bulk

# Recipients first, in the order of all who lock several: behind them nobody decides meanwhile.
DECIDE_AGAIN = """
WITH held AS (
    SELECT customer_id FROM campaigns_recipient WHERE {whose} AND next_due_at IS NOT NULL
    ORDER BY customer_id FOR NO KEY UPDATE
), waiting AS (
    UPDATE campaigns_message m SET due_at = m.planned_at FROM held
    WHERE m.customer_id = held.customer_id AND m.state = 'due' AND (m.rule IN ('quiet', 'paused') OR m.rule LIKE 'cap:%%')
    RETURNING m.customer_id
)
UPDATE campaigns_recipient r SET next_due_at = least(r.next_due_at, %s)
WHERE r.customer_id IN (SELECT customer_id FROM waiting)
"""
OF_ONE = DECIDE_AGAIN.format(whose="customer_id = %s")
OF_RETAILER = DECIDE_AGAIN.format(whose="retailer_id = %s")


def decide_again(customer_id: UUID, *, now: datetime) -> None:
    """Let what waits for a customer be decided again; the caller has changed how it wants to be reached."""
    bulk.execute(OF_ONE, [customer_id, now])


def decide_all_again(retailer_id: int, *, now: datetime) -> None:
    """Let what waits for a retailer's customers be decided again; the caller has changed how it sends."""
    bulk.execute(OF_RETAILER, [retailer_id, now])
