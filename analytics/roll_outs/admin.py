"""Roll-outs in the admin: the newest run is the page, earlier ones are reached from it, and another one can be asked for."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from analytics.dashboards.retailers import chosen_retailer
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.page import page_of
from analytics.roll_outs.running import Asked, ask, latest
from customers.core.admin import PageAdmin, row_or_404
from customers.core.errors import DomainError
from customers.core.texts import can_be_stored
from customers.models import Retailer

ASK = "analytics.add_rolloutrun"


class AskForm(forms.Form):
    """When a program began in the stores that are chosen beside it, and what is measured."""

    began_on = forms.DateField(
        label=gettext_lazy("began on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    metric = forms.ChoiceField(label=gettext_lazy("metric"), choices=RollOutRun.Metric.choices)


@admin.register(RollOutRun)
class RollOutRunAdmin(PageAdmin):
    """The page of a run in the place of a list and of fields."""

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("ask/", frame(require_POST(self.ask)), name="analytics_rolloutrun_ask"),
            *super().get_urls(),
        ]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        retailers, retailer = chosen_retailer(request)
        return self._show(request, retailers, retailer, latest(retailer) if retailer else None)

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        run = row_or_404(RollOutRun.objects.select_related("retailer"), key)
        return self._show(request, list(Retailer.objects.order_by("name")), run.retailer, run)

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Let a worker judge a roll-out."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        slug = request.POST.get("retailer", "")
        retailer = Retailer.objects.filter(slug=slug).first() if can_be_stored(slug) else None
        if retailer is None:
            messages.error(request, _("Choose a retailer."))
            return redirect("admin:analytics_rolloutrun_changelist")
        back = f"{reverse('admin:analytics_rolloutrun_changelist')}?retailer={retailer.slug}"
        form = AskForm(request.POST)
        if not form.is_valid():
            for name, each in form.errors.items():
                messages.error(request, f"{form.fields[name].label}: {each[0]}")
            return redirect(back)
        said, author = form.cleaned_data, request.user.get_username()
        try:
            asked = Asked(request.POST.getlist("stores"), said["began_on"], said["metric"])
            run = ask(retailer, asked, author=author, now=timezone.now())
        except DomainError as refused:
            messages.error(request, str(refused))
            return redirect(back)
        messages.info(request, _("It waits for a worker. Look again in a moment."))
        return redirect("admin:analytics_rolloutrun_change", run.pk)

    def _show(
        self, request: HttpRequest, retailers: list[Retailer], retailer: Retailer | None, run: RollOutRun | None
    ) -> HttpResponse:
        own: dict[str, Any] = page_of(retailer, run) if retailer else {}
        context = self.admin_site.each_context(request) | own | {
            "title": _("Roll-outs in stores"), "opts": self.opts, "retailers": retailers, "retailer": retailer,
            "may_ask": request.user.has_perm(ASK), "form": AskForm(),
        }  # fmt: skip
        return render(request, "analytics/roll_out.html", context)
