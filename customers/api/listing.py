"""Lists by cursor, with the filters that a list names and no other ones."""

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework.generics import ListAPIView

from customers.api.asking import AskedView
from customers.api.pagination import NewestFirst
from customers.api.told import asked


class Listing(AskedView, ListAPIView[Any]):
    """
    A list, the newest first.

    :cvar filters: what it can be asked for; its operation names the same as its parameters
    """

    model: ClassVar[type[Model]]
    filters: Any = None
    pagination_class: Any = NewestFirst
    filter_backends = ()
    queryset = None

    def rows(self, asked: dict[str, Any]) -> QuerySet[Any]:
        """Return what is asked for, of the caller's."""
        raise NotImplementedError  # each list's own

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        said: dict[str, Any] = {}
        if self.filters is not None:
            said = asked(self.filters, self.request.query_params)
        return self.rows(said)
