"""
Which figures of customers are not shown, and what is said in their place.

The floor that computes them knows why; `settings.WITHHELD_FIGURES` names what tells it, because this floor knows none above it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from customers.core.values import dataclass

RANK = "value_decile"
RANKED_BY = ("predicted_value", "formula_value")  # the first that is known


@dataclass(frozen=True)
class Withheld:
    """
    What is not shown of a retailer's customers.

    :param fields: the names of the figures
    :param words: why, for who reads in their place; empty where all is shown
    """

    fields: frozenset[str] = frozenset()
    words: str = ""

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's figures, with none in the place of those that are not shown; a rank goes with what it is by."""
        by = next((name for name in RANKED_BY if row.get(name) is not None), "")
        hidden = self.fields | {RANK} if by in self.fields else self.fields
        return {name: None if name in hidden else value for name, value in row.items()}

    def hide(self, row: Any) -> None:
        """Let a row that is only read say nothing of what is not shown."""
        if self.fields:
            names = (*self.fields, *RANKED_BY, RANK)
            vars(row).update(self.shown({name: vars(row)[name] for name in names if name in vars(row)}))


NOTHING = Withheld()


def withheld(retailers: Iterable[int]) -> Mapping[int, Withheld]:
    """Return what is not shown of some retailers' customers, by their ids, in one statement; of others all is shown."""
    tell: Callable[[list[int]], Mapping[int, Withheld]] = import_string(settings.WITHHELD_FIGURES)
    keys = sorted(set(retailers))
    return tell(keys) if keys else {}


def withheld_of(retailer: int) -> Withheld:
    """Return what is not shown of a retailer's customers."""
    return withheld([retailer]).get(retailer, NOTHING)
