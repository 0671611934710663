"""Lists in the admin that are not ordered by what of their rows is not shown: the order would tell it."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, F, Value, When
from django.http import HttpRequest

from customers.core.withheld import RANK, Withheld, withheld
from customers.models import Retailer


def hidden_of_all(request: HttpRequest) -> Mapping[int, Withheld]:
    """Return what is not shown of the customers of all retailers that the reader sees: asked once a page."""
    kept: Any = request
    if not hasattr(kept, "hidden_of_all"):
        kept.hidden_of_all = withheld(Retailer.objects.values_list("pk", flat=True))
    found: Mapping[int, Withheld] = kept.hidden_of_all
    return found


def hiding(hidden: Mapping[int, Withheld], figure: str) -> list[int]:
    """Return the ids of the retailers of whose customers a figure may not be told; a rank where anything is not shown."""
    return sorted(key for key, each in hidden.items() if figure in each.fields or figure == RANK)


class ShownOrder(ChangeList):
    """A list of rows with a retailer: those that have no figure, or none that is shown, come last, in the order of their keys."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the order that is asked for, which says nothing of figures that are not shown."""
        return [self._shown(request, each) for each in super().get_ordering(request, queryset)]

    def _shown(self, request: HttpRequest, asked: Any) -> Any:
        path = asked.removeprefix("-") if isinstance(asked, str) else ""
        figure = path.removeprefix("insight__")
        if figure not in getattr(self.model_admin, "withheld_figures", ()):
            return asked
        retailers = hiding(hidden_of_all(request), figure)
        shown: Case | F = (
            Case(When(retailer__in=retailers, then=Value(None)), default=F(path)) if retailers else F(path)
        )
        return shown.desc(nulls_last=True) if asked.startswith("-") else shown.asc(nulls_last=True)
