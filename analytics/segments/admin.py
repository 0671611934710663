"""Segments and churn in the admin: two pages in the place of lists, and a retailer's thresholds."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from analytics.dashboards.retailers import chosen_retailer
from analytics.segments.models import SegmentRun, SegmentSettings
from analytics.segments.pages import churn_page, segments_page
from customers.core.admin import ModelAdmin, PageAdmin, row_or_404
from customers.models import Retailer

Page = Callable[[HttpRequest, Retailer], dict[str, Any]]


@admin.register(SegmentRun)
class SegmentRunAdmin(PageAdmin):
    """The page of segments in the place of a list of runs."""

    def get_urls(self) -> list[URLPattern]:
        churn = self.admin_site.admin_view(self.churn)
        return [path("churn/", churn, name="analytics_segmentrun_churn"), *super().get_urls()]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, "analytics/segments.html", segments_page, {"title": _("Segments")})

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        run = row_or_404(SegmentRun.objects.select_related("retailer"), key)
        page = partial(segments_page, of=run.pk)
        return self._show(request, "analytics/segments.html", page, {"title": _("Segments")}, run.retailer)

    def churn(self, request: HttpRequest) -> HttpResponse:
        """Show who is expected not to buy again, and how right that was."""
        return self._show(request, "analytics/churn.html", churn_page, {"title": _("Churn")})

    def _show(
        self, request: HttpRequest, template: str, page: Page, about: dict[str, Any], of: Retailer | None = None
    ) -> HttpResponse:
        """Show a page of a retailer, or else of the one that the address names."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        retailers, retailer = chosen_retailer(request)
        retailer = of or retailer
        own = page(request, retailer) if retailer else {"run": None}
        context = self.admin_site.each_context(request) | own | about | {
            "retailers": retailers, "retailer": retailer, "opts": self.opts,
            "may_set": request.user.has_perm("analytics.view_segmentsettings"),
        }  # fmt: skip
        return render(request, template, context)


@admin.register(SegmentSettings)
class SegmentSettingsAdmin(ModelAdmin):
    list_display = ("retailer", "top_percent", "few_occasions", "first_year_days", "overdue_gaps")
    list_select_related = ("retailer",)
    fieldsets = (
        (None, {"fields": ("retailer",)}),
        (_("Types"), {"fields": ("top_percent", ("few_occasions", "first_year_days"))}),
        (_("Stages"), {"fields": (("new_days", "lost_percent"), ("overdue_gaps", "lost_gaps"))}),
        (
            _("Tags"),
            {
                "fields": (
                    ("returned_percent", "returns"),
                    ("visits_per_purchase", "gift_percent"),
                    ("lover_percent", "lover_occasions"),
                    ("seasonal_percent", "seasonal_days"),
                    "promotion_percent",
                )
            },
        ),
    )

    def get_readonly_fields(self, _request: HttpRequest, obj: SegmentSettings | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()
