"""Which customers are asked for by what kind they are, for lists of insights by API."""

from typing import Any, ClassVar

import django_filters
from django.utils.translation import gettext_lazy as _

from analytics.segments.rules import STAGES
from customers.models import Insight
from customers.segment_names import STAGE_NAMES, TAG_NAMES, TYPE_NAMES, choices_of

# What an answer says of a customer's kind.
FIELDS = ("segment", "tags", "life_stage", "rfm", "favourite_category", "favourite_brand")


class SegmentFilters(django_filters.FilterSet):
    """Insights by type, tag and stage; several of one are alternatives, and all that is asked must hold together."""

    segment = django_filters.MultipleChoiceFilter(choices=choices_of(TYPE_NAMES), help_text=_("One of these types."))
    tag = django_filters.MultipleChoiceFilter(
        choices=choices_of(TAG_NAMES), method="of_tags", help_text=_("One of these tags at least.")
    )
    life_stage = django_filters.MultipleChoiceFilter(
        choices=choices_of({code: STAGE_NAMES[code] for code in STAGES[1:]}), help_text=_("One of these stages.")
    )
    favourite_category = django_filters.CharFilter(max_length=100, help_text=_("Who loves this category."))
    favourite_brand = django_filters.CharFilter(max_length=100, help_text=_("Who loves this brand."))

    class Meta:
        model = Insight
        fields: ClassVar[list[str]] = []

    def of_tags(self, rows: Any, _name: str, codes: list[str]) -> Any:
        """Return those with one of some tags; all where none is named."""
        return rows.filter(tags__overlap=codes) if codes else rows
