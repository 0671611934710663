"""
Many rows in one statement, whatever their number: the caller may bring one or ten thousand.

Statements sent here are bound on the server, and planned once per connection for any parameters: what the planner could
learn from them is less than planning costs. The ORM's are not: a page of a list needs a plan of its own.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

# The driver remembers how it translated a statement up to these sizes; beyond them it would do so each time.
MOST_PARAMETERS = 50
MOST_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    values: Sequence[Any]


_waiting: ContextVar[list[_Statement] | None] = ContextVar("_waiting", default=None)


@contextmanager
def together() -> Iterator[None]:
    """
    Send what a block inserts and executes as few statements when it ends: a round trip costs more than a row.

    None of them sees what another one writes, no two of them may change one row, and none of them answers. An error
    leaves the block as usual.
    """
    waiting: list[_Statement] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    for group in _groups(waiting):
        *first, last = (statement.sql for statement in group)
        names = ", ".join(f"w{place} AS ({sql})" for place, sql in enumerate(first))
        _send(f"WITH {names} {last}" if first else last, [value for each in group for value in each.values])


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    suffix: str = "",
) -> list[tuple[Any, ...]]:
    """
    Insert rows with one INSERT ... SELECT FROM unnest; the arrays travel in binary (%b), at a fifth of what text costs.

    :param columns: names of database columns, in the order of each row's values; JSON values are passed as text
    :param suffix: what follows, such as an ON CONFLICT clause or RETURNING
    :returns: the rows that RETURNING gave, else nothing; no statement is sent when there are no rows
    """
    values = columns_of(rows)
    if not values:
        return []
    sql = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT * FROM {unnest(model, columns)} {suffix}"
    waiting = _waiting.get()
    if waiting is None:
        return _send(sql, values)
    assert "RETURNING" not in suffix, "nobody reads what is sent together"
    waiting.append(_Statement(sql, values))
    return []


def columns_of(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Turn rows into columns: what `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def unnest(model: type[models.Model], columns: Sequence[str]) -> str:
    """Return the SQL that turns one array per column into rows."""
    return f"unnest({', '.join(f'%b::{kind}[]' for kind in _types(model, tuple(columns)))})"


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of one statement."""
    return _send(sql, parameters)


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


def change(sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one statement now and return how many rows it touched."""
    with _cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _send(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    with _cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
    return found


def _cursor() -> CursorWrapper:
    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg] # psycopg's
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def _groups(statements: Iterable[_Statement]) -> Iterator[list[_Statement]]:
    group: list[_Statement] = []
    for statement in statements:
        full = sum(len(each.values) for each in (*group, statement)) > MOST_PARAMETERS
        if group and (full or sum(len(each.sql) + 20 for each in (*group, statement)) > MOST_CHARACTERS):
            yield group
            group = []
        group.append(statement)
    if group:
        yield group


@lru_cache(maxsize=256)
def _types(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, ...]:
    fields = {field.column: field for field in model._meta.concrete_fields}
    # A cast to varchar(100) would cut silently; as text, a value that is too long is refused when it is written.
    return tuple(re.sub(r"^varchar\(\d+\)$", "text", str(fields[column].db_type(connection))) for column in columns)
