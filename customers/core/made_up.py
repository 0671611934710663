"""Keys that are made up of columns, as rows are looked up by them behind the row-level policies."""

from typing import Any

from django.db.models import Expression, F, Func, TextField, Value
from django.db.models.functions import Cast


class MadeUp(Func):
    """
    The parts of a key, one behind the other.

    Django's `Concat` writes COALESCE around each, of which PostgreSQL thinks that it might tell what a hidden row holds: then it
    fetches all rows, asks the policy, and only then compares. Parts of `||` that come from without are known before, and the
    index is asked. Where a part may be NULL, so is the key.
    """

    arg_joiner = " || "
    template = "(%(expressions)s)"
    output_field = TextField()

    def __init__(self, prefix: str, *parts: Expression | F, **extra: Any) -> None:
        super().__init__(*(Cast(each, TextField()) for each in (Value(prefix), *parts)), **extra)
