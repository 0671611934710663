"""Recommendations in the admin: the newest run is the page, with members' lists; and what a retailer leaves out."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics.dashboards.retailers import chosen_retailer
from analytics.recommendations import running
from analytics.recommendations.models import RecommendationRun, RecommendationSettings
from analytics.recommendations.page import page
from customers.core.admin import ModelAdmin, PageAdmin, row_or_404
from customers.models import Product, Retailer

ASK = "analytics.add_recommendationrun"


@admin.register(RecommendationRun)
class RecommendationRunAdmin(PageAdmin):
    """The page of a run in the place of a list and of fields."""

    def get_urls(self) -> list[URLPattern]:
        ask = self.admin_site.admin_view(require_POST(self.ask))
        return [path("ask/", ask, name="analytics_recommendationrun_ask"), *super().get_urls()]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        retailers, chosen = chosen_retailer(request)
        return self._show(request, chosen, running.latest_run(chosen.pk) if chosen else None, retailers)

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        run = row_or_404(RecommendationRun.objects.select_related("retailer"), key)
        return self._show(request, run.retailer, run, chosen_retailer(request)[0])

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Let a worker make new lists."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        retailer = get_object_or_404(Retailer, slug=request.POST.get("retailer", ""))
        running.ask(retailer, now=timezone.now(), author=request.user.get_username())
        messages.success(request, _("A worker makes the lists in a moment; reload this page then."))
        return redirect(f"{reverse('admin:analytics_recommendationrun_changelist')}?retailer={retailer.slug}")

    def _show(
        self, request: HttpRequest, retailer: Retailer | None, run: RecommendationRun | None, retailers: list[Retailer]
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | page(retailer, run, now=timezone.now()) | {
            "title": _("Recommendations"), "retailers": retailers, "retailer": retailer, "run": run, "opts": self.opts,
            "may_ask": request.user.has_perm(ASK),
            "may_set": request.user.has_perm("analytics.view_recommendationsettings"),
            "may_name": request.user.has_perm("customers.view_product"),
        }  # fmt: skip
        return render(request, "analytics/recommendations.html", context)


@admin.register(RecommendationSettings)
class RecommendationSettingsAdmin(ModelAdmin):
    list_display = ("retailer", "is_nightly", "excluded_categories")
    list_select_related = ("retailer",)

    def get_readonly_fields(self, _request: HttpRequest, obj: RecommendationSettings | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()


@admin.register(Product)
class ProductAdmin(ModelAdmin):
    list_display = ("sku", "name", "product_type", "in_stock", "is_suggested")
    list_filter = ("in_stock", "is_suggested")
    search_fields = ("sku", "name")
    fields = ("retailer", "sku", "name", "product_type", "in_stock", "is_suggested")

    def get_readonly_fields(self, _request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return ("retailer", "sku") if obj else ()

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)
