"""Which customers' values are asked for."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from analytics.segments.filters import SegmentFilters
from customers.api.asking import check_values
from customers.api.fields import NumberField
from customers.models import Insight

OF_MONEY: dict[str, Any] = {"max_digits": 24, "decimal_places": 8}
# A usual Boolean filter takes what it does not understand for no filter.
FLAGS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
PAGING = frozenset({"cursor", "page_size", "ordering", "file"})


class WrittenNumberField(forms.DecimalField):
    """A number as bodies take it too: nothing that only Python would read, such as 1_000."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip() and not NumberField.WRITTEN.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class WrittenNumberFilter(django_filters.NumberFilter):
    """A filter by such a number."""

    field_class = WrittenNumberField


class ValueFilter(SegmentFilters):
    """Values of customers by what is known of them; all conditions hold together."""

    customer = django_filters.CharFilter(
        field_name="customer__external_id", help_text="Only this one, by your own id.", max_length=200
    )
    min_value = WrittenNumberFilter(field_name="predicted_value", lookup_expr="gte", **OF_MONEY)
    max_value = WrittenNumberFilter(field_name="predicted_value", lookup_expr="lte", **OF_MONEY)
    min_probability_active = WrittenNumberFilter(field_name="probability_active", lookup_expr="gte")
    max_probability_active = WrittenNumberFilter(field_name="probability_active", lookup_expr="lte")
    min_probability_of_buying = WrittenNumberFilter(field_name="probability_of_buying", lookup_expr="gte")
    max_probability_of_buying = WrittenNumberFilter(field_name="probability_of_buying", lookup_expr="lte")
    decile = WrittenNumberFilter(field_name="value_decile", min_value=1, max_value=10, decimal_places=0)
    at_risk = django_filters.TypedChoiceFilter(choices=[(each, each) for each in FLAGS], coerce=FLAGS.__getitem__)

    class Meta:
        model = Insight
        fields: ClassVar[list[str]] = []


class StrictFilters(BaseFilterBackend):
    """
    Filters by the view's filter set, and refuses what it does not know.

    A misspelt filter would answer with everybody, so whatever is not understood is refused.
    """

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Return those that are asked for."""
        kind = view.filterset_class
        known = [*kind.base_filters, *sorted(PAGING)]
        words = _("There is no such query parameter here, only %(known)s.") % {"known": ", ".join(known)}
        if unknown := sorted(set(request.query_params) - set(known)):
            raise ValidationError({name: [words] for name in unknown}, code="unknown_parameter")
        for name, values in request.query_params.lists():
            is_many = isinstance(kind.base_filters.get(name), django_filters.MultipleChoiceFilter)
            check_values(name, values, (), is_many=is_many)
        asked = kind(request.query_params, queryset=queryset, request=request)
        if not asked.is_valid():
            raise ValidationError({name: list(said) for name, said in asked.errors.items()}, code="invalid")
        return asked.qs
