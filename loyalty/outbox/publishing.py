"""The only writer of events: called inside the transaction that they tell of."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.outbox.models import Event


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be: `subject` is the id of the membership that it is about."""

    retailer_id: int
    type: str
    subject: UUID
    payload: dict[str, Any]
    occurred_at: datetime


def publish(events: Iterable[NewEvent], *, now: datetime) -> None:
    """Write events down; the relay tells them after the commit."""
    # fmt: off
    rows = [
        (new_id(), event.retailer_id, event.type, str(event.subject), json.dumps(event.payload), event.occurred_at, now)
        for event in events
    ]
    columns = ("id", "retailer_id", "type", "subject", "payload", "occurred_at", "recorded_at")
    # fmt: on
    bulk.insert(Event, columns, rows)
