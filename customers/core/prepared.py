"""
A queryset whose SQL is made once, for what every request reads.

To put a statement together, and to plan it anew, costs more than to run it: for a row and what it is joined with, five times
as much. So it is built once, with `Given` where its parameters go, and sent as `bulk` sends: bound on the server, planned once
per connection. A list that is filtered in many ways needs plans of its own, and stays with the ORM.

Values are those that the driver reads: of columns, and not of expressions that Django would convert.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from inspect import signature
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField, Model, QuerySet, Value
from django.db.models.query import get_related_populators

from customers.core import bulk

Row = TypeVar("Row", bound=Model)


class Given(Value):
    """A parameter that is told when the statement is sent."""

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override] # any parameter
        """Return its place."""
        return "%s", [self]

    def as_postgresql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, list[Any]]:
        """Return its place."""
        return self.as_sql(compiler, connection)


class Prepared(Generic[Row]):
    """
    Rows of a queryset, with what it joins by select_related.

    :param build: returns the queryset; its parameters are those of the statement, and are used as values of lookups
    """

    def __init__(self, build: Callable[..., QuerySet[Row]]) -> None:
        self._build = build

    @cached_property
    def _made(self) -> tuple[str, tuple[Any, ...], Callable[[Sequence[Any]], Row]]:
        names = {name: Given(name) for name in signature(self._build).parameters}
        compiler: Any = self._build(**names).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        return sql, parameters, _reader(compiler)

    def rows(self, **given: Any) -> list[Row]:
        """Return the rows for some parameters."""
        sql, parameters, read = self._made
        values = [given[one.value] if isinstance(one, Given) else one for one in parameters]
        return [read(row) for row in bulk.fetch(sql, values)]


def _reader(compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """Return what makes a model of a row, as `ModelIterable` does."""
    assert not compiler.annotation_col_map, "only models' own columns are read"
    chosen = [expression.target for expression, _sql, _alias in compiler.select]
    odd = [each for each in chosen if hasattr(each, "from_db_value") and not isinstance(each, JSONField)]
    assert not odd, "values come as the driver reads them"
    model, fields = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    first, last = fields[0], fields[-1] + 1
    names = [each.attname for each in chosen[first:last]]
    joined = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg] # its stubs know a later Django

    def read(row: Sequence[Any]) -> Any:
        found = model.from_db(DEFAULT_DB_ALIAS, names, row[first:last])
        for each in joined:
            each.populate(row, found)
        return found

    return read
