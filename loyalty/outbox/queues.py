"""The queue of each member at each endpoint: only its first delivery is due."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from customers.core import bulk
from loyalty.outbox.models import Endpoint

WAITING = "d.endpoint_id = queue.endpoint_id AND d.subject = queue.subject AND d.delivered_at IS NULL AND NOT d.is_dead"
# The limits keep PostgreSQL from reading all queues at once to look into a few.
LET_FIRST_GO = f"""
UPDATE outbox_delivery SET due_at = %s
FROM (SELECT unnest(%b::bigint[]) AS endpoint_id, unnest(%b::text[]) AS subject) queue
CROSS JOIN LATERAL (SELECT d.id FROM outbox_delivery d WHERE {WAITING} ORDER BY d.id LIMIT 1) first
LEFT JOIN LATERAL (SELECT d.id FROM outbox_delivery d WHERE {WAITING} AND d.due_at IS NOT NULL LIMIT 1) due ON true
WHERE outbox_delivery.id = first.id AND due.id IS NULL
"""


def locked(endpoints: QuerySet[Endpoint]) -> list[Endpoint]:
    """Lock the queues of endpoints: whose delivery goes first is decided by one at a time."""
    return list(Endpoint.objects.filter(pk__in=endpoints.values("pk")).order_by("pk").select_for_update(no_key=True))


def let_first_go(queues: Iterable[tuple[int, str]], now: datetime) -> None:
    """Make the first delivery of each queue, of an endpoint and a member, due, where none is; the endpoint is locked."""
    pairs = sorted(set(queues))
    if pairs:
        endpoints, subjects = bulk.columns_of(pairs)
        bulk.execute(LET_FIRST_GO, [now, endpoints, subjects])
