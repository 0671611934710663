"""The page of what pays and its file, beside the board of key figures and for who may see that; and media costs, one by one."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from analytics.dashboards.retailers import chosen_retailer
from analytics.what_pays.campaigns import campaign_returns
from analytics.what_pays.models import MediaCost
from analytics.what_pays.moments import week_of
from analytics.what_pays.page import page
from analytics.what_pays.period import DAYS, USUAL_DAYS, last_days
from analytics.what_pays.products import products
from analytics.what_pays.season_page import cycle_of
from analytics.what_pays.season_reading import season
from analytics.what_pays.table import (
    CAMPAIGN_COLUMNS,
    MOMENT_COLUMNS,
    PRODUCT_COLUMNS,
    SEASON_COLUMNS,
    WON_COLUMNS,
    campaign_rows,
    moment_rows,
    product_rows,
    season_rows,
    won_rows,
)
from analytics.what_pays.won import customers_won
from customers.checks import InvalidFact, money_of
from customers.core.admin import Exporting, ModelAdmin, action, display, money
from customers.core.exporting import MAX_EXPORTED, figures_response
from customers.models import Retailer


class WhatPaysPages(ModelAdmin):
    """An admin with these pages."""

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("what-pays/", frame(self.what_pays), name="analytics_kpigoal_what_pays"),
            path("what-pays/file/", frame(self.what_pays_file), name="analytics_kpigoal_what_pays_file"),
            *super().get_urls(),
        ]

    def what_pays(self, request: HttpRequest) -> HttpResponse:
        """Show which products, moments or campaigns of a retailer pay, and what winning a customer cost."""
        retailers, retailer = self._chosen(request)
        own = page(retailer, request.GET.dict(), now=timezone.now()) if retailer else {"has_facts": False}
        context = self.admin_site.each_context(request) | own | {
            "title": gettext("What pays"), "content_title": gettext("What pays"), "retailers": retailers, "retailer": retailer,
            "address": request.GET.urlencode(), "may_see_media": request.user.has_perm("analytics.view_mediacost"),
        }  # fmt: skip
        return render(request, "analytics/what_pays.html", context)

    def what_pays_file(self, request: HttpRequest) -> HttpResponse:
        """Send it as a CSV file."""
        _retailers, retailer = self._chosen(request)
        table = _table(retailer, request) if retailer else None
        if retailer is None or table is None:
            return redirect(reverse("admin:analytics_kpigoal_what_pays"))
        part, columns, rows = table
        return figures_response(f"{part}-{retailer.slug}.csv", columns, rows)

    def _chosen(self, request: HttpRequest) -> tuple[list[Retailer], Retailer | None]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return chosen_retailer(request)


def _table(retailer: Retailer, request: HttpRequest) -> tuple[str, tuple[str, ...], Any] | None:
    """Return the name, the columns and the rows of a part; None before the first order."""
    part = request.GET.get("part", "products")
    if part == "campaigns":
        return part, CAMPAIGN_COLUMNS, campaign_rows(campaign_returns(retailer))
    if part == "won":
        return "customers-won", WON_COLUMNS, won_rows(customers_won(retailer))
    days = last_days(retailer, DAYS.get(request.GET.get("days", ""), DAYS[USUAL_DAYS]), timezone.now())
    if days is None:
        return None
    if part == "season":
        found = season(retailer, cycle_of(request.GET), timezone.now())
        return f"season-by-{cycle_of(request.GET)}", SEASON_COLUMNS, season_rows(found) if found else ()
    if part == "moments":
        return part, MOMENT_COLUMNS, moment_rows(week_of(retailer, days))
    return "products", PRODUCT_COLUMNS, product_rows(products(retailer, days, limit=MAX_EXPORTED))


class MediaCostForm(forms.ModelForm[MediaCost]):
    """An experiment, what was paid for, and an amount in the retailer's currency."""

    class Meta:
        model = MediaCost
        fields = ("retailer", "experiment", "what", "amount")
        help_texts: ClassVar[Any] = {"amount": gettext_lazy("In the retailer’s currency.")}

    def clean_what(self) -> str:
        return str(self.cleaned_data["what"]).strip()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        retailer = cleaned.get("retailer") or (self.instance.retailer if self.instance.pk else None)
        if retailer is not None and "amount" in cleaned:
            self.instance.currency = retailer.currency
            try:
                cleaned["amount"] = money_of("amount", Decimal(cleaned["amount"]), retailer.currency)
            except InvalidFact as error:
                self.add_error("amount", str(error))
        return cleaned


@admin.register(MediaCost)
class MediaCostAdmin(Exporting):
    form = MediaCostForm
    list_display = ("experiment", "what", "cost", "retailer")
    list_filter = ("retailer", "experiment")
    list_select_related = ("retailer", "experiment")
    search_fields = ("what__iexact", "experiment__code__exact")
    search_help_text = gettext_lazy("What was paid for, or the experiment's code")
    ordering = ("-pk",)
    exported = ("experiment__code", "what", "amount", "currency")
    actions_list = ("to_won",)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("retailer", "experiment") if obj else ()

    @display(description=gettext_lazy("amount"), ordering="amount")
    def cost(self, row: MediaCost) -> str:
        return money(row.amount, row.currency)

    @action(description=gettext_lazy("Customers won"), url_path="to-won", permissions=["view"])
    def to_won(self, _request: HttpRequest) -> HttpResponse:
        return redirect(f"{reverse('admin:analytics_kpigoal_what_pays')}?part=won")
