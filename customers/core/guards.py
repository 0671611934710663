"""Database triggers that several tables share."""

from collections.abc import Iterator
from contextlib import contextmanager

import pgtrigger
from django.db import connection, models


def append_only(what: str) -> list[pgtrigger.Trigger]:
    """
    Refuse every UPDATE, DELETE and TRUNCATE of a table, from whatever program they come.

    :param what: names the triggers, such as "movements"
    """
    return [
        pgtrigger.Protect(name=f"{what}_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name=f"{what}_never_truncated",
            operation=pgtrigger.Truncate,
            when=pgtrigger.Before,
            level=pgtrigger.Statement,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]


@contextmanager
def forgetting(*tables: type[models.Model]) -> Iterator[None]:
    """
    Let rows of append-only tables lose what they say of a person, inside a transaction and this block.

    For the erasure of persons alone: what is counted is never changed.
    """
    names = [
        trigger.get_pgid(table)
        for table in tables
        for trigger in getattr(table._meta, "triggers", ())
        if trigger.name.endswith("_are_append_only")
    ]
    assert len(names) == len(tables), "these tables are append-only"
    _ignore(names)
    yield
    _ignore([])  # an error ends it with the transaction


def _ignore(names: list[str]) -> None:
    """Say which triggers let what follows pass, until the transaction ends: what `pgtrigger.ignore` does by each statement."""
    assert connection.in_atomic_block, "it ends with its transaction"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", ["{" + ",".join(names) + "}"])
