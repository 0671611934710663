"""
For which retailer a connection acts: the second wall between tenants, behind the edges' own querysets.

The application's role owns no table and sees, in every table that holds a retailer's data, the rows of the retailer that
its session names in `app.retailer`; without one it sees none. Edges name the retailer whose credential they were shown;
work for all retailers (nights, relays, the proof) says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, migrations

ALL_TENANTS = "*"
NOBODY = ""
TELL = "SELECT set_config('app.retailer', %s, false), set_config('application_name', %s, false)"
CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


def act_for(retailer: int | str | None) -> None:
    """
    Let this thread's connection see one retailer's rows, or those of ALL_TENANTS or NOBODY, from now on.

    The session is told with the next statement, if it was not told before: who sends none pays nothing.

    :param retailer: None for what the database says of sessions that name nobody
    """
    database: Any = connections[DEFAULT_DB_ALIAS]  # asked once: each look at `connection` searches for the thread's own
    if _tell_first not in database.execute_wrappers:
        # The first of them: who adds one for a while takes the last one away again.
        database.execute_wrappers.insert(0, _tell_first)
    database.acts_for = None if retailer is None else str(retailer)


def current() -> str | None:
    """Return for whom this thread's connection acts; None where nobody said."""
    return _acts_for(connections[DEFAULT_DB_ALIAS])


def _acts_for(database: Any) -> str | None:
    found: str | None = getattr(database, "acts_for", None)
    return found


@contextmanager
def acting_for(retailer: int | str) -> Iterator[None]:
    """Let this connection act for a retailer, or for ALL_TENANTS, during a block or a function."""
    before = current()
    act_for(retailer)
    try:
        yield
    finally:
        act_for(before)


def _tell_first(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
    if str(sql).startswith(CONTROL):  # these see no rows, and must work in a transaction that has failed
        return execute(sql, params, many, context)
    database = context["connection"]
    with database.wrap_database_errors:
        _tell(database, _acts_for(database))
    return execute(sql, params, many, context)


def _tell(database: Any, retailer: str | None) -> None:
    """
    Tell the session for whom it acts, unless it knows.

    What it knows is not kept here, for a rollback takes it back, and so do the end of a savepoint, a commit that fails
    and a reset. The server reports its `application_name` with each answer whatever changed it, so the retailer is
    written there by the same statement: both hold equally long.
    """
    session = database.connection
    plain = database.settings_dict["OPTIONS"].get("application_name", "")
    name = plain if retailer is None else f"{plain}/{retailer}"
    if session.pgconn.parameter_status(b"application_name") == name.encode():
        return
    if retailer is None:
        session.execute("RESET app.retailer; RESET application_name", prepare=False)
    else:
        session.execute(TELL, [retailer, name])


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


# Who acts for nobody yet looks who calls: it finds a key or a session by what it was shown, and changes nothing.
LOOKED_UP = """
CREATE POLICY looked_up ON {table} FOR SELECT USING (coalesce(current_setting('app.retailer', true), '') = '');
"""


def own_rows_only(table: str, own: str = OWN) -> migrations.RunSQL:
    """
    Return the migration that shows each retailer its own rows of a table only.

    :param own: the condition, for tables that name no retailer: such as EXISTS (...) of a row that does
    """
    return migrations.RunSQL(POLICY.format(table=table, own=own), NO_POLICY.format(table=table))


def looked_up_by_nobody(table: str) -> migrations.RunSQL:
    """Return the migration that lets who acts for nobody read a table besides: such as keys, by which callers are known."""
    return migrations.RunSQL(LOOKED_UP.format(table=table), f"DROP POLICY looked_up ON {table}")


def through(parent: str, column: str) -> str:
    """Return the condition that the row to which a column points can be seen."""
    return f"EXISTS (SELECT 1 FROM {parent} parent WHERE parent.id = {column})"
