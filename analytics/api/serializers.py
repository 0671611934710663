"""Runs, values and what is known of a customer, as the API says them."""

from typing import Any

from rest_framework import serializers

from analytics.models import CustomerStatistics, CustomerValue, ValueRun
from analytics.segments.filters import FIELDS as KIND
from analytics.withheld import card_shown
from analytics.wording import basis_of, reason_of, spend_of
from customers.api.fields import ExactField
from customers.core.withheld import NOTHING, Withheld
from customers.models import Insight

VALUE = (
    "historic_revenue", "historic_margin", "formula_value", "predicted_value", "value_low", "value_high", "value_if_active",
    "expected_purchases", "expected_order_value", "probability_active", "probability_of_buying", "at_risk", "value_decile",
)  # fmt: skip
MONEY = tuple(
    name for name in VALUE if name.startswith(("historic", "formula", "predicted", "value_l", "value_h", "value_i"))
)


class _Exact(serializers.ModelSerializer[Any]):
    """A model's row whose money is said exactly."""

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        kind, given = super().build_standard_field(field_name, model_field)
        if issubclass(kind, serializers.DecimalField):
            return ExactField, {name: given[name] for name in ("help_text", "allow_null", "label") if name in given}
        return kind, given


class _Shown(_Exact):
    """A row without what the data do not carry: the context says what is `withheld`, all is shown where it does not."""

    not_shown = serializers.SerializerMethodField(
        help_text="Why figures are null that were computed: the audit says that the data do not carry them. Else null."
    )

    def get_not_shown(self, _row: Any) -> str | None:
        return self._withheld.words or None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return self._withheld.shown(super().to_representation(instance))

    @property
    def _withheld(self) -> Withheld:
        found: Withheld = self.context.get("withheld", NOTHING)
        return found


class InsightOut(_Shown):
    """What was last written down of a customer: money is net margin, or revenue, as the run's `basis` says."""

    customer = serializers.CharField(source="customer.external_id", help_text="Your own id.")
    run = serializers.IntegerField(source="run_id", help_text="By which it was computed.")

    class Meta:
        model = Insight
        fields = ("customer", "run", "as_of", "horizon_days", "currency", *VALUE, *KIND, "not_shown")


class StatisticsOut(_Exact):
    """What a customer bought, with every order and return that was reported so far."""

    class Meta:
        model = CustomerStatistics
        fields = ("first_day", "last_day", "purchase_days", "orders", "first_value", "total_value", "returned_value")


class PastValueOut(_Shown):
    """What one run said of a customer."""

    run = serializers.IntegerField(source="run_id")
    as_of = serializers.DateField(source="run.data_cut")
    horizon_days = serializers.IntegerField(source="run.horizon_days")
    currency = serializers.CharField(source="run.currency")

    class Meta:
        model = CustomerValue
        fields = ("run", "as_of", "horizon_days", "currency", *VALUE, "not_shown")


class CustomerValueOut(serializers.Serializer[Any]):
    customer = serializers.CharField(help_text="Your own id.")
    statistics = StatisticsOut(allow_null=True, help_text="Of now; null for who kept nothing that it bought.")
    value = InsightOut(allow_null=True, help_text="Of the last run; null before it.")
    history = PastValueOut(many=True, help_text="What the runs that are kept said, the newest first.")


class RunOut(_Shown):
    status_words = serializers.CharField(source="get_status_display")
    reason = serializers.SerializerMethodField(help_text="Why this model, or why there is no prediction.")
    basis_words = serializers.SerializerMethodField(help_text="What the money is, and how it is discounted.")
    bias = serializers.SerializerMethodField(
        help_text="By which share total revenue was off on time that the model had not seen; null for no prediction."
    )

    class Meta:
        model = ValueRun
        fields: tuple[str, ...] = (
            "id", "status", "status_words", "reason", "ran_at", "data_cut", "is_current", "horizon_days", "discount_rate",
            "currency", "basis", "basis_words", "margin_rate", "model", "factor", "bias", "customers", "never_bought",
            "total_value", "total_low", "total_high", "has_values", "not_shown",
        )  # fmt: skip

    def get_reason(self, run: ValueRun) -> str:
        return reason_of(run)

    def get_basis_words(self, run: ValueRun) -> str:
        return basis_of(run)

    def get_bias(self, run: ValueRun) -> float | None:
        found: float | None = run.held_out.get("value", {}).get("bias")
        return found


class RunCardOut(RunOut):
    spend_words = serializers.SerializerMethodField(help_text="What was made of what customers spend.")
    parameters = serializers.DictField(help_text="Each with its standard error, in days and in the currency.")
    held_out = serializers.DictField(help_text="Errors of every model at every origin of the back-test.")
    card = serializers.DictField(
        help_text="Tracking by week, numbers of repeat purchases, and what changed since the last run."
    )

    class Meta(RunOut.Meta):
        fields = (
            *RunOut.Meta.fields, "spend_words", "calibration_cut", "differences", "is_truncated", "costed_share",
            "parameters", "held_out", "card",
        )  # fmt: skip

    def get_spend_words(self, run: ValueRun) -> str:
        return spend_of(run)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        said = super().to_representation(instance)
        return said | {"card": card_shown(said["card"], self._withheld)}
