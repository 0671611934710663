"""
For which retailer a connection acts: the second wall between tenants, behind the edges' own querysets.

The application's role owns no table and sees, in every table that holds a retailer's data, the rows of the retailer that
its session names in `app.retailer`; without one it sees none. Edges name the retailer whose credential they were shown;
work for all retailers (nights, relays, the proof) says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection, migrations, transaction

ALL_TENANTS = "*"
NOBODY = ""
CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


@dataclass
class _Told:
    """
    What a session was told, and in which nested transactions: what these roll back was not told.

    :param within: empty when it is committed
    """

    retailer: str | None
    within: tuple[object, ...]

    def still_holds(self) -> bool:
        now = tuple(connection.atomic_blocks)[: len(self.within)]
        return len(now) == len(self.within) and all(a is b for a, b in zip(now, self.within, strict=True))


_told: WeakKeyDictionary[object, _Told] = WeakKeyDictionary()


def act_for(retailer: int | str | None) -> None:
    """
    Let this thread's connection see one retailer's rows, or those of ALL_TENANTS or NOBODY, from now on.

    The session is told with the next statement, if it was not told before: who sends none pays nothing.

    :param retailer: None for what the database says of sessions that name nobody
    """
    if _tell_first not in connection.execute_wrappers:
        # The first of them: who adds one for a while takes the last one away again.
        connection.execute_wrappers.insert(0, _tell_first)
    connection.acts_for = None if retailer is None else str(retailer)  # type: ignore[attr-defined] # ours, for its thread


def current() -> str | None:
    """Return for whom this thread's connection acts; None where nobody said."""
    found: str | None = getattr(connection, "acts_for", None)
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
    told, wanted = _told.get(connection.connection), current()
    if told is None or told.retailer != wanted or not told.still_holds():
        _tell(wanted)
    return execute(sql, params, many, context)


def _tell(retailer: str | None) -> None:
    session = connection.connection
    if retailer is None:
        session.execute("RESET app.retailer")
    else:
        session.execute("SELECT set_config('app.retailer', %s, false)", [retailer])
    told = _told[session] = _Told(retailer, tuple(connection.atomic_blocks))
    if told.within:
        transaction.on_commit(partial(setattr, told, "within", ()))


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
