"""Acquisition costs, one by one or as a file, and what channels cost and bring."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.acquisition.costs import read_costs, record_costs
from analytics.dashboards.acquisition import page
from analytics.dashboards.retailers import chosen_retailer
from analytics.models import AcquisitionCost
from customers.checks import InvalidFact, money_of
from customers.core.admin import FileWidget, ModelAdmin, SelectWidget, action, display, money
from customers.core.errors import DomainError
from customers.core.exporting import csv_response
from customers.importing.admin import DATES, DECIMAL
from customers.importing.table import Said
from customers.models import Retailer

ADD = "analytics.add_acquisitioncost"
MAX_BYTES = 5 * 1024 * 1024
SHOWN_PROBLEMS = 50
EXPORTED = ("channel", "month", "amount", "currency")


class CostForm(forms.ModelForm[AcquisitionCost]):
    """A channel, a month and an amount in the retailer's currency."""

    class Meta:
        model = AcquisitionCost
        fields = ("retailer", "channel", "month", "amount")
        help_texts: ClassVar[Any] = {"amount": gettext_lazy("In the retailer’s currency.")}

    def clean_channel(self) -> str:
        return str(self.cleaned_data["channel"]).strip()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "month" in cleaned:
            cleaned["month"] = cleaned["month"].replace(day=1)
        retailer = cleaned.get("retailer") or (self.instance.retailer if self.instance.pk else None)
        if retailer is not None and "amount" in cleaned:
            self.instance.currency = retailer.currency
            try:
                cleaned["amount"] = money_of("amount", Decimal(cleaned["amount"]), retailer.currency)
            except InvalidFact as error:
                self.add_error("amount", str(error))
        return cleaned


class FileForm(forms.Form):
    """A file of costs, and whose they are."""

    retailer = forms.ModelChoiceField(Retailer.objects.none(), label=gettext_lazy("retailer"))
    file = forms.FileField(label=gettext_lazy("file"), widget=FileWidget())
    dates = forms.ChoiceField(label=gettext_lazy("Dates"), choices=DATES, required=False, widget=SelectWidget)
    decimal = forms.ChoiceField(label=gettext_lazy("Decimals"), choices=DECIMAL, required=False, widget=SelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners: Any = self.fields["retailer"]
        owners.queryset = Retailer.objects.order_by("name")
        owners.initial = owners.queryset.first()

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB. Split it."))
        return file


@admin.register(AcquisitionCost)
class AcquisitionCostAdmin(ModelAdmin):
    form = CostForm
    list_display = ("channel", "month", "cost", "retailer")
    list_filter = ("retailer", "channel")
    list_select_related = ("retailer",)
    search_fields = ("channel__iexact",)
    search_help_text = gettext_lazy("Channel")
    ordering = ("-month", "channel")
    date_hierarchy = "month"
    actions = ("export",)
    actions_list = ("to_report", "to_import")

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("report/", frame(self.report), name="analytics_acquisitioncost_report"),
            path("import/", frame(self.bring_file), name="analytics_acquisitioncost_bring_file"),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("amount"), ordering="amount")
    def cost(self, row: AcquisitionCost) -> str:
        return money(row.amount, row.currency)

    @action(description=gettext_lazy("What channels cost and bring"), url_path="to-report", permissions=["view"])
    def to_report(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:analytics_acquisitioncost_report"))

    @action(description=gettext_lazy("Import a CSV file"), url_path="to-import", permissions=["add"])
    def to_import(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:analytics_acquisitioncost_bring_file"))

    @action(description=gettext_lazy("Download as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[AcquisitionCost]) -> HttpResponse:
        return csv_response("acquisition-costs.csv", EXPORTED, rows.values_list(*EXPORTED))

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show what channels cost and bring, or why the data do not say so."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        retailers, retailer = chosen_retailer(request)
        own = (page(retailer, now=timezone.now()) if retailer else {"retailer": None}) | {"retailers": retailers}
        return self._show(request, "analytics/acquisition.html", _("What channels cost and bring"), own)

    def bring_file(self, request: HttpRequest) -> HttpResponse:
        """Take costs from a CSV file: all of its rows, or none."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = FileForm(request.POST or None, request.FILES or None)
        problems: list[Any] = []
        if request.method == "POST" and form.is_valid():
            try:
                said = Said(dates=form.cleaned_data["dates"], decimal=form.cleaned_data["decimal"])
                facts, problems = read_costs(
                    form.cleaned_data["retailer"], form.cleaned_data["file"], said=said, now=timezone.now()
                )
            except DomainError as error:
                form.add_error("file", str(error))
            else:
                if not problems:
                    changed = record_costs(form.cleaned_data["retailer"], facts)
                    messages.success(request, _taken(changed, len(facts)))
                    return redirect(reverse("admin:analytics_acquisitioncost_changelist"))
        own = {"form": form, "problems": problems[:SHOWN_PROBLEMS]}
        return self._show(request, "analytics/import_costs.html", _("Import acquisition costs"), own)

    def _show(self, request: HttpRequest, template: str, title: str, own: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"title": title, "opts": self.opts} | own
        return render(request, template, context)


def _taken(changed: int, rows: int) -> str:
    words = ngettext("%(count)s cost is new or changed", "%(count)s costs are new or changed", changed) % {
        "count": changed
    }
    return _("%(words)s, of %(rows)s rows.") % {"words": words, "rows": rows}
