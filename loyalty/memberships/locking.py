"""
In which order members are locked: by id, by a statement that reads nothing else, before anything that is decided on.

A statement that waits for a lock sees other tables as they were before the wait; what a decision looks at is read by later
ones. Who locks other rows as well (a household, a wallet) locks them after the members.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from customers.core import bulk

LOCK = "SELECT id FROM memberships_membership WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def lock_memberships(ids: Iterable[UUID]) -> list[UUID]:
    """Lock memberships until the transaction ends, in the order of their ids, and return the ids of those that exist."""
    assert connection.in_atomic_block, "a lock ends with its transaction"
    return [found for (found,) in bulk.fetch(LOCK, [sorted(set(ids))])]
