"""The board of key figures, its goals, the costs that it subtracts, and who gets it by e-mail."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.kpis.board import board
from analytics.kpis.models import KpiGoal, KpiReader, KpiSettings
from analytics.kpis.page import DIMENSIONS, page
from analytics.kpis.periods import Grain
from analytics.kpis.table import COLUMNS, rows_of
from analytics.what_pays.admin import WhatPaysPages
from customers.core.admin import ModelAdmin, action
from customers.core.exporting import figures_response


@admin.register(KpiGoal)
class KpiGoalAdmin(WhatPaysPages):
    list_display = ("kpi", "per", "target", "retailer")
    list_filter = ("retailer", "per")
    list_select_related = ("retailer",)
    actions_list = ("to_board",)

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("board/", frame(self.overview), name="analytics_kpigoal_overview"),
            path("board/file/", frame(self.file), name="analytics_kpigoal_file"),
            *super().get_urls(),
        ]

    @action(description=_("Key figures"), url_path="to-board", permissions=["view"])
    def to_board(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:analytics_kpigoal_overview"))

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show a retailer's key figures."""
        retailers, retailer = self._chosen(request)
        own = page(retailer, request.GET.dict(), now=timezone.now()) if retailer else {"board": None}
        context = self.admin_site.each_context(request) | own | {
            "title": gettext("Key figures"), "content_title": gettext("Key figures"), "retailers": retailers,
            "retailer": retailer, "may_set": request.user.has_perm("analytics.view_kpisettings"),
            "address": request.GET.urlencode(),
        }  # fmt: skip
        return render(request, "analytics/kpis.html", context)

    def file(self, request: HttpRequest) -> HttpResponse:
        """Send all of it as a CSV file."""
        _retailers, retailer = self._chosen(request)
        given = request.GET
        grain = Grain(given["grain"]) if given.get("grain") in set(Grain) else Grain.MONTH
        by = given.get("by", "all")
        found = retailer and board(
            retailer, now=timezone.now(), grain=grain, dimension=by if by in DIMENSIONS else "all"
        )
        if retailer is None or not found:
            return redirect(reverse("admin:analytics_kpigoal_overview"))
        name = f"key-figures-{retailer.slug}-{found.span.as_of}.csv"
        return figures_response(name, COLUMNS, rows_of(found))


@admin.register(KpiSettings)
class KpiSettingsAdmin(ModelAdmin):
    list_display = ("retailer", "contact_cost", "return_cost")

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()


@admin.register(KpiReader)
class KpiReaderAdmin(ModelAdmin):
    list_display = ("email", "language", "retailer", "sent_for")
    list_filter = ("retailer", "language")
    list_select_related = ("retailer",)
    search_fields = ("email__icontains",)
