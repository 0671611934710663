"""
Values: data classes that nobody changes once they are made.

`dataclass(frozen=True)` of the standard library makes a value with a call for each of its fields, which costs four times as
much as assigning them; an order makes some 130 values. Here it is the type checker that refuses to change one, everywhere
and before anything runs (ADR 43); at run time a value is an ordinary object that is compared and hashed by its fields.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - to be found here
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, **given: Any) -> type | Callable[[type], type]:
        """Make a data class as the standard library does; of a frozen one without its guard at run time."""
        return dataclasses.dataclass(cls, unsafe_hash=frozen, **given)
