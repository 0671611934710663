"""
For which retailer a connection acts: the second wall between tenants, behind the edges' own querysets.

The application's role owns no table and sees, in every table that holds a retailer's data, the rows of the retailer that
its session names in `app.retailer`; without one it sees none. Edges name the retailer whose credential they were shown;
work for all retailers (nights, relays, the proof) says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from django.db import connection, migrations

from customers.core import bulk

EVERYONE = "*"
NOBODY = ""

_known: WeakKeyDictionary[object, str] = WeakKeyDictionary()


def act_for(retailer: int | str) -> None:
    """Let this connection see one retailer's rows, or those of EVERYONE or NOBODY, from now on."""
    text = str(retailer)
    if current() != text:
        bulk.fetch("SELECT set_config('app.retailer', %s, false)", [text])
        _known[connection.connection] = text


def current() -> str:
    """Return whose rows this connection sees; asked of the server once per connection."""
    connection.ensure_connection()
    if connection.connection not in _known:
        _known[connection.connection] = bulk.fetch("SELECT coalesce(current_setting('app.retailer', true), '')")[0][0]
    return _known[connection.connection]


@contextmanager
def acting_for(retailer: int | str) -> Iterator[None]:
    """Let this connection act for a retailer, or for EVERYONE, during a block or a function."""
    before = current()
    act_for(retailer)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            act_for(before)
        else:  # the transaction takes the setting back with all else that it set
            _known.pop(connection.connection, None)


def forget() -> None:
    """Ask the server again: what was known of this connection may have been rolled back."""
    _known.pop(connection.connection, None)


OWN = "retailer_id = current_setting('app.retailer', true)::bigint"
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows_only ON {table} USING (
    CASE current_setting('app.retailer', true) WHEN '*' THEN true WHEN '' THEN false ELSE {own} END
);
"""
NO_POLICY = """
DROP POLICY own_rows_only ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""


def own_rows_only(table: str, own: str = OWN) -> migrations.RunSQL:
    """
    Return the migration that shows each retailer its own rows of a table only.

    :param own: the condition, for tables that name no retailer: such as EXISTS (...) of a row that does
    """
    return migrations.RunSQL(POLICY.format(table=table, own=own), NO_POLICY.format(table=table))


def through(parent: str, column: str) -> str:
    """Return the condition that the row to which a column points can be seen."""
    return f"EXISTS (SELECT 1 FROM {parent} parent WHERE parent.id = {column})"
