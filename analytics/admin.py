"""Value runs and what each said of whom."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.models import CustomerValue, ValueRun
from customers.core.admin import ReadOnlyAdmin, display


@admin.register(ValueRun)
class ValueRunAdmin(ReadOnlyAdmin):
    list_display = ("retailer", "data_cut", "status_label", "model", "customers", "horizon_days", "error", "ran_at")
    list_filter = ("retailer", "status")
    list_select_related = ("retailer",)
    ordering = ("-pk",)
    fields = (
        "retailer", "status", "reason", "ran_at", "data_cut", "calibration_cut", "horizon_days", "discount_rate",
        "currency", "margin_rate", "model", "customers", "parameter_table", "held_out_table",
    )  # fmt: skip
    readonly_fields = ("parameter_table", "held_out_table")

    @display(description=_("status"), label={ValueRun.Status.DONE: "success", ValueRun.Status.REFUSED: "warning"})
    def status_label(self, run: ValueRun) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @display(description=_("held-out error"))
    def error(self, run: ValueRun) -> str:
        return f"{run.held_out['value']['bias']:+.1%}" if run.held_out else "-"

    @display(description=_("parameters"))
    def parameter_table(self, run: ValueRun) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(run.parameters, indent=2))

    @display(description=_("errors on held-out time"))
    def held_out_table(self, run: ValueRun) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(run.held_out, indent=2))


@admin.register(CustomerValue)
class CustomerValueAdmin(ReadOnlyAdmin):
    list_display = (
        "customer", "run", "historic_revenue", "formula_value", "predicted_value", "expected_orders",
        "probability_active", "value_decile",
    )  # fmt: skip
    list_filter = ("run", "value_decile")
    list_select_related = ("customer", "run")
    search_fields = ("customer__external_id__exact",)
    ordering = ("-run", "-predicted_value")
