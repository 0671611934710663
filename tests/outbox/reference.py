"""What the reference says of events, and what was told that it does not name."""

import re
from functools import cache

from django.conf import settings
from django.db import connection

REFERENCE = settings.BASE_DIR / "docs" / "reference" / "events.md"
OF_MEMBERS = frozenset(("program", "member", "customer", "balances"))  # which its first part names for all
MADE_UP = ["test", "card.full"]  # types of tests alone: of the relay, and of a capability that is a toy
KEYS = """
SELECT DISTINCT e.type, k FROM outbox_event e CROSS JOIN LATERAL jsonb_object_keys(e.payload) k WHERE e.type <> ALL(%s)
"""


@cache
def fields() -> dict[str, frozenset[str]]:
    """Return the fields that the reference's tables name, by type of event."""
    rows = re.findall(r"^\| ((?:`[a-z._]+`(?:, )?)+) \|(.*)\|$", REFERENCE.read_text(), re.MULTILINE)
    return {
        name: frozenset(re.findall(r"`([a-z_]+)`", rest)) | OF_MEMBERS
        for names, rest in rows
        for name in re.findall(r"`([a-z._]+)`", names)
    }


def undocumented() -> list[tuple[str, str]]:
    """Return the types, and the fields of their data, that were told and stand nowhere."""
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [MADE_UP])
        told: list[tuple[str, str]] = cursor.fetchall()
    return sorted((kind, field) for kind, field in told if field not in fields().get(kind, ()))
