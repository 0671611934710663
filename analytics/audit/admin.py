"""Data audits: the newest one is the page, earlier ones are reached from it, and a new one can be asked for."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics.audit.running import ask, latest
from analytics.dashboards.audit import page
from analytics.dashboards.retailers import chosen_retailer
from analytics.models import AuditRun
from customers.core.admin import PageAdmin, row_or_404
from customers.models import Retailer

ASK = "analytics.add_auditrun"


@admin.register(AuditRun)
class AuditRunAdmin(PageAdmin):
    """The page of an audit in the place of a list and of fields."""

    def get_urls(self) -> list[URLPattern]:
        ask = self.admin_site.admin_view(require_POST(self.ask))
        return [path("ask/", ask, name="analytics_auditrun_ask"), *super().get_urls()]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        retailers, chosen = chosen_retailer(request)
        return self._show(request, chosen, latest(chosen.pk) if chosen else None, retailers)

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        run = row_or_404(AuditRun.objects.select_related("retailer"), key)
        return self._show(request, run.retailer, run, [])

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Let a worker look at a retailer's data now."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        retailer = get_object_or_404(Retailer, slug=request.POST.get("retailer", ""))
        ask(retailer, now=timezone.now())
        messages.success(request, _("A worker looks at the data in a moment; reload this page then."))
        return redirect(f"{reverse('admin:analytics_auditrun_changelist')}?retailer={retailer.slug}")

    def _show(
        self, request: HttpRequest, retailer: Retailer | None, run: AuditRun | None, retailers: list[Retailer]
    ) -> HttpResponse:
        own = page(request, retailer, run) if retailer and run else {"retailer": retailer}
        context = self.admin_site.each_context(request) | own | {
            "title": _("Data audit"), "retailers": retailers, "may_ask": request.user.has_perm(ASK), "opts": self.opts,
        }  # fmt: skip
        return render(request, "analytics/audit.html", context)
