"""Value runs, asked for and looked at, and what each said of whom."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.acquisition.admin import AcquisitionCostAdmin
from analytics.audit.admin import AuditRunAdmin
from analytics.dashboards import model_card, value
from analytics.dashboards.drawing import Drawing
from analytics.dashboards.retailers import chosen_retailer
from analytics.experiments.admin import ExperimentLookAdmin
from analytics.kpis.admin import KpiGoalAdmin, KpiReaderAdmin, KpiSettingsAdmin
from analytics.models import CustomerValue, ValueRun
from analytics.paths.admin import FunnelAdmin
from analytics.recommendations.admin import ProductAdmin, RecommendationRunAdmin, RecommendationSettingsAdmin
from analytics.reporting import NoDrawing, value_report
from analytics.roll_outs.admin import RollOutRunAdmin
from analytics.runs import ask
from analytics.segments.admin import SegmentRunAdmin, SegmentSettingsAdmin
from analytics.uplift_runs.admin import UpliftRunAdmin, UpliftSettingsAdmin
from analytics.what_pays.admin import MediaCostAdmin
from analytics.withheld import hide_of_run
from analytics.wording import activation_of, basis_of, formula_of, reason_of, sentence, spend_of
from customers.core.admin import ModelAdmin, ReadOnlyAdmin, display, money
from customers.core.numbers import shown
from customers.core.withheld import NOTHING, Withheld, withheld, withheld_of
from customers.models import Retailer
from customers.shown_order import ShownOrder

ASKED = ("retailer", "data_cut", "horizon_days", "discount_rate")

__all__ = [
    "AcquisitionCostAdmin",
    "AuditRunAdmin",
    "CustomerValueAdmin",
    "ExperimentLookAdmin",
    "FunnelAdmin",
    "KpiGoalAdmin",
    "KpiReaderAdmin",
    "KpiSettingsAdmin",
    "MediaCostAdmin",
    "ProductAdmin",
    "RecommendationRunAdmin",
    "RecommendationSettingsAdmin",
    "RollOutRunAdmin",
    "SegmentRunAdmin",
    "SegmentSettingsAdmin",
    "UpliftRunAdmin",
    "UpliftSettingsAdmin",
    "ValueRunAdmin",
]


@admin.register(ValueRun)
class ValueRunAdmin(ModelAdmin):
    list_display = ("retailer", "data_cut", "status_label", "model", "customers", "total", "error", "ran_at")
    list_filter = ("retailer", "status", "is_current")
    list_select_related = ("retailer",)
    ordering = ("-pk",)
    withheld_figures = ("total_value",)
    fieldsets: ClassVar = (
        (None, {"fields": ("retailer", "status", "reason", "data_cut", "is_current", "ran_at", "author")}),
        (_("Values"), {"fields": ("total_range", "basis_words", "formula_words", "customers", "change_table")}),
        (_("Who never bought"), {"fields": ("never_bought", "activation_words")}),
        (_("Model"), {"fields": ("model", "factor_words", "spending", "parameter_table", "frequency_table")}),
        (
            _("On time that it had not seen"),
            {"fields": ("calibration_cut", "origin_table", "calibration_table", "tracking_table")},
        ),
        (_("Data"), {"fields": ("differences", "is_truncated", "costed_share", "margin_rate", "has_values")}),
    )  # fmt: skip

    def get_changelist(self, _request: HttpRequest, **_kwargs: Any) -> type[ShownOrder]:
        return ShownOrder

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Leave out values that the data do not carry, in one statement for all runs of the page."""
        found = super().get_changelist_instance(request)
        hidden = withheld({run.retailer_id for run in found.result_list})
        for run in found.result_list:
            hide_of_run(run, hidden.get(run.retailer_id, NOTHING))
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ValueRun | None:
        """Return a run without values that the data do not carry, and say why where they would be."""
        run: ValueRun | None = super().get_object(request, object_id, from_field)
        if run is not None:
            hidden = withheld_of(run.retailer_id)
            hide_of_run(run, hidden)
            run.not_shown = hidden.words  # type: ignore[attr-defined] # of the page
        return run

    def get_fieldsets(self, request: HttpRequest, obj: ValueRun | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else ((None, {"fields": ASKED}),)

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("overview/", frame(self.overview), name="analytics_valuerun_overview"),
            path("report/", frame(self.report), name="analytics_valuerun_report"),
            *super().get_urls(),
        ]

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show what a retailer's customers are worth, by its last run, or why that is not known."""
        retailers, retailer = self._chosen(request)
        said = value.overview(retailer) if retailer else None
        context = self.admin_site.each_context(request) | {
            "title": gettext("Customer value"), "content_title": gettext("Customer value"), "retailers": retailers,
            "retailer": retailer, "may_ask": self.has_add_permission(request), "said": said,
            "charts": [each.on_page() for each in said.drawings] if said else [],
        }  # fmt: skip
        return render(request, "analytics/value.html", context)

    def report(self, request: HttpRequest) -> HttpResponse:
        """Send the same as one file, in the reader's language."""
        _retailers, retailer = self._chosen(request)
        back = reverse("admin:analytics_valuerun_overview")
        if retailer is None:
            return redirect(back)
        try:
            page = value_report(retailer, now=timezone.now())
        except NoDrawing as error:
            messages.error(request, str(error))
            return redirect(f"{back}?retailer={retailer.slug}")
        name = f'attachment; filename="value-{retailer.slug}.html"'
        return HttpResponse(page, headers={"Content-Disposition": name})

    def _chosen(self, request: HttpRequest) -> tuple[list[Retailer], Retailer | None]:
        """Return the retailers that the reader may choose from, and the chosen one, or the first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return chosen_retailer(request)

    def get_readonly_fields(self, _request: HttpRequest, obj: ValueRun | None = None) -> Sequence[str]:
        return [name for _title, part in self.fieldsets for name in part["fields"]] if obj else ()

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ValueRun, form: ModelForm[ValueRun], _change: bool) -> None:  # noqa: FBT001 - Django's signature
        given = {name: form.cleaned_data[name] for name in ASKED}
        run = ask(given.pop("retailer"), now=timezone.now(), author=request.user.get_username(), **given)
        obj.pk, obj.status = run.pk, run.status
        messages.info(request, gettext("The run waits for a worker; reload its page to see how far it is."))

    @display(
        description=_("status"),
        label={ValueRun.Status.DONE: "success", ValueRun.Status.REFUSED: "warning", ValueRun.Status.FAILED: "danger"},
    )
    def status_label(self, run: ValueRun) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @display(description=_("reason"))
    def reason(self, run: ValueRun) -> str:
        return reason_of(run) or "-"

    @display(description=_("basis of the values"))
    def basis_words(self, run: ValueRun) -> str:
        return basis_of(run)

    @display(description=_("correction of the model’s purchases, from the latest origin"))
    def factor_words(self, run: ValueRun) -> str:
        return "-" if run.factor is None else f"\N{MULTIPLICATION SIGN} {_number(run.factor)}"

    @display(description=_("value by formula"))
    def formula_words(self, run: ValueRun) -> str:
        return formula_of(run) or "-"

    @display(description=_("spending"))
    def spending(self, run: ValueRun) -> str:
        return spend_of(run) or "-"

    @display(description=_("predicted value of all"), ordering="total_value")
    def total(self, run: ValueRun) -> str:
        return money(run.total_value, run.currency)

    @display(description=_("predicted value of all"))
    def total_range(self, run: ValueRun) -> str:
        if run.total_value is None:
            return getattr(run, "not_shown", "") or "-"
        low, high = (money(amount, run.currency) for amount in (run.total_low, run.total_high))
        return gettext("%(value)s, with 90 %% probability between %(low)s and %(high)s") % {
            "value": money(run.total_value, run.currency), "low": low, "high": high,
        }  # fmt: skip

    @display(description=_("held-out error"))
    def error(self, run: ValueRun) -> str:
        return _share(run.held_out["value"]["bias"]) if "value" in run.held_out else "-"

    @display(description=_("first purchases of those who never bought"))
    def activation_words(self, run: ValueRun) -> str:
        return activation_of(run) or "-"

    @display(description=_("parameters"))
    def parameter_table(self, run: ValueRun) -> SafeString:
        rows = [
            (name, _number(each["value"]), _number(each["standard_error"])) for name, each in run.parameters.items()
        ]
        return _table((_("parameter"), _("value"), _("standard error")), rows)

    @display(description=_("errors by model and origin"))
    def origin_table(self, run: ValueRun) -> SafeString:
        return _table(
            (_("origin"), _("days ahead"), _("customers"), _("model"), _("purchases off by"), _("revenue off by"),
             _("mean absolute error"), _("Gini of revenue"), _("deviance"), _("of past rates")),
            _origin_rows(run),
        )  # fmt: skip

    @display(description=_("purchases by tenths of the prediction"))
    def calibration_table(self, run: ValueRun) -> SafeString:
        groups = run.held_out.get("purchases", {}).get("groups", [])
        rows = [(place, _number(each["predicted"]), _number(each["actual"])) for place, each in enumerate(groups, 1)]
        return _plotted(model_card.calibration(run), _table((_("tenth"), _("predicted"), _("actual")), rows))

    @display(description=_("purchase days since the origin"))
    def tracking_table(self, run: ValueRun) -> SafeString:
        found = run.card.get("tracking", [])
        weeks = [each for each in found if each["week"] % 4 == 0 or each is found[-1]]
        rows = [(each["week"], _number(each["predicted"]), _number(each["actual"])) for each in weeks]
        return _plotted(value.tracking(run), _table((_("week"), _("predicted"), _("actual")), rows))

    @display(description=_("customers by number of repeat purchases"))
    def frequency_table(self, run: ValueRun) -> SafeString:
        found = run.card.get("frequencies", [])
        rows = [
            (f"{each['repeats']}{'+' if each is found[-1] else ''}", _number(each["actual"]), _number(each["expected"]))
            for each in found
        ]
        return _plotted(model_card.frequencies(run), _table((_("repeats"), _("actual"), _("by the model")), rows))

    @display(description=_("since the last run"))
    def change_table(self, run: ValueRun) -> SafeString:
        before = run.card.get("change")
        if not before:
            return _table((), ())
        rows = [
            (_("data until"), _day(before["data_cut"]), formats.date_format(run.cut)),
            (_("model"), before["model"] or "-", run.model or "-"),
            (_("customers"), _number(before["customers"]), _number(run.customers)),
            (_("predicted value of all"), _number(before["total_value"]), _number(run.total_value)),
            (_("factor"), _number(before["factor"]), _number(run.factor)),
        ]
        return _table((_("figure"), _("before"), _("now")), rows)


def _origin_rows(run: ValueRun) -> Iterable[tuple[Any, ...]]:
    for origin in run.held_out.get("origins", []):
        for name, each in origin["models"].items():
            head = (_day(origin["at"]), origin["days"], _number(origin["customers"]), name)
            if "failed" in each:
                said = sentence(each["failed"]["code"], each["failed"]["values"], run.currency)
                yield (*head, said, *["-"] * 5)
                continue
            purchases, revenue = each["purchases"], each["revenue"]
            yield (
                *head, _share(purchases["bias"]), _share(revenue["bias"]), _number(purchases["mae"]),
                _number(revenue["gini"]), _number(each["deviance"]), _number(origin["plain_deviance"]),
            )  # fmt: skip


def _plotted(drawing: Drawing, table: SafeString) -> SafeString:
    """Return a chart above its table, or the dash of an empty one."""
    if not drawing.labels:
        return table
    return render_to_string("analytics/_plot.html", {"chart": drawing.on_page(), "table": table})


def _table(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> SafeString:
    found = list(rows)
    if not found:
        return SafeString("-")
    titles = format_html_join("", "<th scope='col'>{}</th>", ((name,) for name in head))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in found)
    )
    return format_html(
        "<div class='scroll within' tabindex='0'>"
        "<table class='plain-table'><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        titles,
        body,
    )


def _day(kept: str) -> str:
    """Return a day as the reader writes it, from how it is kept."""
    return str(formats.date_format(date.fromisoformat(kept)))


def _number(value: Any) -> str:
    if value is None:
        return "-"
    number = float(value)
    decimals = 0 if number.is_integer() else 2 if abs(number) >= 1 else 4
    return shown(number, decimals)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{'+' if value > 0 else ''}{formats.number_format(round(value * 100, 1), 1)} %"


@admin.register(CustomerValue)
class CustomerValueAdmin(ReadOnlyAdmin):
    list_display = (
        "customer", "run", "historic_revenue", "formula_value", "predicted_value", "value_low", "value_high",
        "expected_purchases", "probability_of_buying", "at_risk", "value_decile",
    )  # fmt: skip
    list_filter = ("run", "at_risk", "value_decile")
    list_select_related = ("customer", "run")
    search_fields = ("customer__external_id__exact",)
    ordering = ("-run", "-predicted_value")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerValue]:
        """Return values with their customers, who are called by their external ids; none that the data do not carry."""
        rows: QuerySet[CustomerValue] = super().get_queryset(request).select_related("customer")
        for name in ("predicted_value", "formula_value"):
            of = [retailer.pk for retailer, hidden in self._hidden(request) if name in hidden.fields]
            rows = rows.exclude(run__retailer__in=of, **{f"{name}__isnull": False}) if of else rows
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say why values are not in the list."""
        for retailer, hidden in self._hidden(request):
            messages.warning(request, f"{retailer}: {hidden.words}")
        page: HttpResponse = super().changelist_view(request, extra_context)
        return page

    def _hidden(self, request: HttpRequest) -> list[tuple[Retailer, Withheld]]:
        """Return the retailers of whom values are not shown, with what is said in their place: asked once a page."""
        kept: Any = request
        if not hasattr(kept, "withheld_values"):
            retailers = list(Retailer.objects.order_by("name"))
            hidden = withheld(retailer.pk for retailer in retailers)
            kept.withheld_values = [(each, hidden[each.pk]) for each in retailers if each.pk in hidden]
        found: list[tuple[Retailer, Withheld]] = kept.withheld_values
        return found
