"""What analytics holds on a person: sums of its purchases, and what runs said of its value."""

from datetime import datetime

from django.utils.translation import gettext as _

from analytics.models import CustomerSegment, CustomerStatistics, CustomerValue
from customers.privacy import Part, Person, Section

OF_STATISTICS = (
    "first_day", "last_day", "purchase_days", "first_value", "total_value", "returned_value", "orders",
)  # fmt: skip
OF_VALUE = (
    "run__ran_at", "run__data_cut", "run__currency", "historic_revenue", "historic_margin", "formula_value",
    "predicted_value", "value_low", "value_high", "value_if_active", "expected_purchases", "expected_order_value",
    "probability_active", "probability_of_buying", "at_risk", "value_decile",
)  # fmt: skip


OF_SEGMENT = (
    "run__data_cut", "segment", "tags", "life_stage", "recency_score", "frequency_score", "spend_score",
    "favourite_category", "favourite_brand",
)  # fmt: skip


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return a person's sums, and each run's figures of it."""
    sums = CustomerStatistics.objects.filter(customer__in=person.ids).order_by("pk")
    values = CustomerValue.objects.filter(customer__in=person.ids).order_by("pk")
    segments = CustomerSegment.objects.filter(customer__in=person.ids).order_by("pk")
    return [
        Section("purchases", _("Your purchases in sums"), sums.values(*OF_STATISTICS)),
        Section("values", _("What you were expected to buy"), values.values(*OF_VALUE)),
        Section("segments", _("What kind of customer you were taken for"), segments.values(*OF_SEGMENT)),
    ]


# They stay, on the row that says of nobody: sums of runs are not changed, and no run writes down an insight of it.
PART = Part(
    "analytics", ("analytics_customerstatistics", "analytics_customervalue", "analytics_customersegment"), holds=holds
)
