"""
Many rows in one statement, whatever their number: the caller may bring one or ten thousand.

Statements sent here are bound on the server, and planned once per connection for any parameters: what the planner could
learn from them is less than planning costs. The ORM's are not: a page of a list needs a plan of its own.

Parameters are written `%s` or `%(name)s`; `%b::bigint[]` is a column of values that travels in binary.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.pq import Format

from customers.core.columns import Column, Single, column_of, single_of
from customers.core.values import dataclass

Cursor = psycopg.RawCursor[tuple[Any, ...]]

# A column in a SELECT list; what stands behind FROM is a table.
UNNESTED = re.compile(r"(?<!FROM )(?<!JOIN )unnest\(%b::([a-z ]+(?:\([^)]*\))?)\[\]\)(?= AS )")
PLACEHOLDER = re.compile(
    r"%(?:(?P<percent>%)|s|\((?P<name>\w+)\)s|o::(?P<single>[a-z]+(?: [a-z]+)*(?:\([^)]*\))?)"
    r"|b::(?P<kind>[a-z ]+)(?P<rest>(?:\([^)]*\))?\[\]))"
)

MAX_ROWS_KEPT, MAX_CURSORS = 100, 256
VARCHAR = re.compile(r"^varchar\(\d+\)$")


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    values: Sequence[Any]


@dataclass(frozen=True)
class _Translated:
    """
    A statement as PostgreSQL takes it, with its parameters numbered.

    :param names: of the parameters, where they have names
    :param kinds: which of the parameters are columns, and of what
    :param one: the same for one row: an array to be taken apart again costs as much as the value in it
    """

    sql: str
    names: tuple[str, ...]
    kinds: tuple[type[Column | Single] | None, ...]
    one: "_Translated | None" = None

    @cached_property
    def singles(self) -> tuple[int, ...]:
        """The places of parameters that are the only value of a column."""
        return tuple(place for place, kind in enumerate(self.kinds) if kind is not None and issubclass(kind, Single))

    def for_rows(self, parameters: Sequence[Any] | dict[str, Any]) -> "_Translated":
        """Return the statement as it is sent for one row, if these are one in each of its parts; else for any number."""
        one = self.one
        if one is None or isinstance(parameters, dict) or any(len(parameters[place]) != 1 for place in one.singles):
            return self
        return one

    def bind(self, parameters: Sequence[Any] | dict[str, Any]) -> Sequence[Any]:
        if isinstance(parameters, dict):
            return [parameters[name] for name in self.names]
        pairs = zip(self.kinds, parameters, strict=True)
        return [value if kind is None else kind(value) for kind, value in pairs]


_waiting: ContextVar[list[_Statement] | None] = ContextVar("_waiting", default=None)


@contextmanager
def together() -> Iterator[None]:
    """
    Send what a block inserts and executes as one statement when it ends: a round trip costs more than a row.

    None of them sees what another one writes, no two of them may change one row, and none of them answers. An error
    leaves the block as usual. A block within a block is a part of it.
    """
    if _waiting.get() is not None:
        yield
        return
    waiting: list[_Statement] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    if waiting:
        _send(_joined(tuple(each.sql for each in waiting)), [value for each in waiting for value in each.values])


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    suffix: str = "",
) -> list[tuple[Any, ...]]:
    """
    Insert rows with one INSERT ... SELECT unnest; the arrays travel in binary (%b), at a fifth of what text costs.

    :param columns: names of database columns, in the order of each row's values; JSON values are passed as text
    :param suffix: what follows, such as an ON CONFLICT clause or RETURNING
    :returns: the rows that RETURNING gave, else nothing; no statement is sent when there are no rows
    """
    values = columns_of(rows)
    if not values:
        return []
    sql = _inserting(model, tuple(columns), suffix)
    waiting = _waiting.get()
    if waiting is None:
        return _send(sql, values)
    assert "RETURNING" not in suffix, "nobody reads what is sent together"
    waiting.append(_Statement(sql, values))
    return []


def columns_of(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Turn rows into columns: what `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


@lru_cache(maxsize=256)
def rows_of(model: type[models.Model], columns: tuple[str, ...]) -> str:
    """
    Return the SELECT that turns one array per column into rows, under the columns' names.

    Sets in the SELECT list advance together and are not kept anywhere, as those of FROM unnest(..., ...) are.
    """
    fields = {field.column: field for field in model._meta.concrete_fields}
    # A cast to varchar(100) would cut silently; as text, a value that is too long is refused when it is written.
    kinds = {column: re.sub(VARCHAR, "text", str(fields[column].db_type(connection))) for column in columns}
    return "SELECT " + ", ".join(f"unnest(%b::{kind}[]) AS {column}" for column, kind in kinds.items())


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of one statement."""
    return _send(sql, parameters)


def fetch_planned(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of one statement that is planned for just these parameters: what reads whole tables gains by it."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def execute(sql: str, parameters: Sequence[Any] = ()) -> None:
    """Run one statement that answers nothing."""
    waiting = _waiting.get()
    if waiting is None:
        _send(sql, parameters)
    else:
        waiting.append(_Statement(sql, parameters))


def replan() -> None:
    """Let this connection plan its statements anew: its tables have another size than when it planned them."""
    _send("DISCARD PLANS", ())


def change(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Run one statement now and return how many rows it touched."""
    return int(_run(sql, parameters).rowcount)


def _send(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    cursor = _run(sql, parameters)
    return cursor.fetchall() if cursor.rownumber is not None else []


def _run(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Cursor:
    translated = _translate(sql).for_rows(parameters)
    database = connections[DEFAULT_DB_ALIAS]  # asked once: each look at `connection` searches for the thread's own
    cursors = _cursors(database)
    cursor = cursors.get(translated.sql)
    wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
    wrapped: Any = wrap(cursor)  # type: ignore[arg-type] # a cursor of psycopg's, as Django's own are inside
    wrapped.execute(translated.sql, translated.bind(parameters))
    if cursor.rowcount <= MAX_ROWS_KEPT:
        cursors.keep(translated.sql, cursor)
    return cursor


class _Cursors:
    """
    The cursors of one session, a statement each.

    What psycopg learned of a statement's parameters and columns stays with the cursor that ran it, and so does its last
    answer: those that carried much are not kept.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self.by_sql: dict[str, Cursor] = {}

    def get(self, sql: str) -> Cursor:
        """Return the cursor that last ran a statement, or a new one."""
        found = self.by_sql.pop(sql, None)
        if found is None:
            found = psycopg.RawCursor(self.session)
            found.format = Format.BINARY  # of what is answered
        return found

    def keep(self, sql: str, cursor: Cursor) -> None:
        if len(self.by_sql) >= MAX_CURSORS:
            self.by_sql.clear()
        self.by_sql[sql] = cursor


def _cursors(database: Any) -> _Cursors:
    """Return the cursors of a thread's connection."""
    database.ensure_connection()
    session = database.connection
    kept: _Cursors | None = getattr(database, "cursors_kept", None)
    if kept is None or kept.session is not session:
        kept = database.cursors_kept = _Cursors(session)
    return kept


@lru_cache(maxsize=256)
def _inserting(model: type[models.Model], columns: tuple[str, ...], suffix: str) -> str:
    return f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) {rows_of(model, columns)} {suffix}"


@lru_cache(maxsize=256)
def _joined(statements: tuple[str, ...]) -> str:
    *first, last = statements
    names = ", ".join(f"w{place} AS ({sql})" for place, sql in enumerate(first))
    return f"WITH {names} {last}" if first else last


@lru_cache(maxsize=1_024)
def _translate(sql: str) -> _Translated:
    one = _numbered(UNNESTED.sub(r"%o::\1", sql)) if UNNESTED.search(sql) else None
    return replace(_numbered(sql), one=one)


def _numbered(sql: str) -> _Translated:
    names: list[str] = []
    kinds: list[type[Column | Single] | None] = []

    def numbered(found: re.Match[str]) -> str:
        if found["percent"]:
            return "%"
        name, kind = found["name"] or "", found["kind"]
        if name and name in names:
            return f"${names.index(name) + 1}"
        names.append(name)
        if found["single"]:
            kinds.append(single_of(found["single"]))
            return f"${len(names)}::{found['single']}"
        kinds.append(column_of(kind) if kind else None)
        return f"${len(names)}::{kind}{found['rest']}" if kind else f"${len(names)}"

    return _Translated(PLACEHOLDER.sub(numbered, sql), tuple(names), tuple(kinds))
