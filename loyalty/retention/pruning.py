"""Deletes what is over, a block at a time: no statement holds many rows, and whoever waits for one goes on soon."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Max

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.outbox.models import Delivery, Event
from loyalty.retention.rules import EVENTS, RULES, Rule

log = structlog.get_logger()

BLOCK = 2_000
# So that a reader of the feed who left off before what is deleted here is told so, and does not miss it unknowingly.
FEED_STARTS = """
INSERT INTO outbox_feedstart (retailer_id, position)
SELECT retailer, position FROM (
    SELECT unnest(%b::bigint[]) AS retailer, unnest(%b::bigint[]) AS position) n ORDER BY retailer
ON CONFLICT (retailer_id) DO UPDATE SET position = greatest(outbox_feedstart.position, excluded.position)
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """
    What was deleted by a rule.

    :param is_done: whether nothing is left of it; else there was no time
    """

    rule: Rule
    rows: int
    is_done: bool


def prune(*, now: datetime, rules: Iterable[Rule] = RULES, seconds: float | None = None) -> list[Pruned]:
    """
    Delete what is over.

    :param seconds: after so long no block begins any more; the next run goes on. As long as it takes, if None
    """
    ends_at = None if seconds is None else time.monotonic() + seconds
    return [_by(rule, now, ends_at) for rule in rules]


def _by(rule: Rule, now: datetime, ends_at: float | None) -> Pruned:
    rows, is_done = 0, False
    while not is_done and (ends_at is None or time.monotonic() < ends_at):
        deleted = _block(rule, now)
        rows, is_done = rows + deleted, deleted < BLOCK
    if rows:
        log.info("pruned", what=rule.name, rows=rows, is_done=is_done)
    return Pruned(rule, rows, is_done)


@transaction.atomic
def _block(rule: Rule, now: datetime) -> int:
    """Delete one block; rows that somebody else has locked are left for the next run."""
    rows: Any = rule.rows(now).order_by("pk").select_for_update(skip_locked=True, of=("self",))
    keys = list(rows.values_list("pk", flat=True)[:BLOCK])
    if rule is EVENTS:
        _let_feeds_start_after(keys)
        Delivery.objects.filter(event__in=keys)._raw_delete("default")
    rule.model._default_manager.filter(pk__in=keys)._raw_delete("default")  # nothing else refers to them
    return len(keys)


def _let_feeds_start_after(keys: list[Any]) -> None:
    last = Event.objects.filter(pk__in=keys, position__isnull=False).values_list("retailer").annotate(Max("position"))
    if found := sorted(last):
        bulk.execute(FEED_STARTS, bulk.columns_of(found))
