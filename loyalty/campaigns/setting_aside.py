"""What fails is set aside, told, and tried again later: one entry or one campaign stops nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from customers.core import bulk

log = structlog.get_logger(__name__)
RETRIED_AFTER = timedelta(hours=1)
NO_DATABASE = (OperationalError, InterfaceError)  # it is nobody's own: whatever comes next fails as well
# The reason is told once for each step at which an entry stands.
WAIT = """
WITH waiting AS (
    UPDATE campaigns_entry SET next_at = %(until)s WHERE id = %(entry)s AND ended_at IS NULL AND next_at <= %(now)s
    RETURNING retailer_id, campaign_id, customer_id, id, occurrence, step
)
INSERT INTO campaigns_outcome (retailer_id, campaign_id, customer_id, entry_id, occurrence, step, what, reason, rule, channel, at)
SELECT w.retailer_id, w.campaign_id, w.customer_id, w.id, w.occurrence, w.step, 'deferred', 'set_aside', '', '', %(now)s
FROM waiting w WHERE NOT EXISTS (
    SELECT 1 FROM campaigns_outcome o WHERE o.customer_id = w.customer_id AND o.campaign_id = w.campaign_id
        AND o.entry_id = w.id AND o.step = w.step AND o.reason = 'set_aside')
RETURNING id
"""


@contextmanager
def set_aside(event: str, **about: object) -> Iterator[None]:
    """Let what fails within be told in the log, and go on; but not where the database itself is gone."""
    try:
        yield
    except NO_DATABASE:
        raise
    except Exception:  # whatever it is, it is this one's
        log.exception(event, **about)


@transaction.atomic
def let_wait(entry: UUID, *, now: datetime) -> None:
    """Let an entry whose step could not be taken wait, and say so once; it is tried again."""
    bulk.fetch(WAIT, {"entry": entry, "now": now, "until": now + RETRIED_AFTER})
