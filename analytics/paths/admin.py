"""Funnels with their counts, the journey map, and the funnels that a retailer defines."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.dashboards.retailers import chosen_retailer
from analytics.paths.models import CHOICES, Funnel
from analytics.paths.page import DAYS, USUAL_DAYS, asked_funnel, asked_map, funnel_page, map_page
from analytics.paths.reading import known_until
from analytics.paths.table import FUNNEL_COLUMNS, MAP_COLUMNS, funnel_rows, map_rows
from analytics.paths.touchpoints import MAX_STEPS, MIN_STEPS
from analytics.paths.words import TOUCHES
from customers.core.admin import ModelAdmin, SelectWidget, action, display
from customers.core.exporting import figures_response
from customers.models import Retailer

STEPS = tuple(f"step_{place}" for place in range(1, MAX_STEPS + 1))
OVERVIEW = "admin:analytics_funnel_overview"


def _step(place: int) -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=[("", "---------"), *CHOICES], required=place <= MIN_STEPS, widget=SelectWidget,
        label=format_lazy("{step} {place}", step=_("step"), place=place),
    )  # fmt: skip


class FunnelForm(forms.ModelForm[Funnel]):
    """A funnel whose steps are chosen one below the other."""

    step_1 = _step(1)
    step_2 = _step(2)
    step_3 = _step(3)
    step_4 = _step(4)
    step_5 = _step(5)
    step_6 = _step(6)
    step_7 = _step(7)
    step_8 = _step(8)

    class Meta:
        model = Funnel
        fields = ("retailer", "code", "name", "window_days")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        for place, step in enumerate(self.instance.steps or ()):
            self.fields[STEPS[place]].initial = step

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.instance.steps = [cleaned[name] for name in STEPS if cleaned.get(name)]
        return cleaned


@admin.register(Funnel)
class FunnelAdmin(ModelAdmin):
    form = FunnelForm
    fields = ("retailer", "code", "name", "window_days", *STEPS)
    list_display = ("name", "steps_in_words", "window_days", "retailer")
    list_filter = ("retailer",)
    list_select_related = ("retailer",)
    actions_list = ("to_funnels",)

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("counts/", frame(self.overview), name="analytics_funnel_overview"),
            path("counts/file/", frame(self.file), name="analytics_funnel_file"),
            path("map/", frame(self.map), name="analytics_funnel_map"),
            path("map/file/", frame(self.map_file), name="analytics_funnel_map_file"),
            *super().get_urls(),
        ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Funnel | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()

    @display(description=_("steps"))
    def steps_in_words(self, funnel: Funnel) -> str:
        return " → ".join(str(TOUCHES[each]) for each in funnel.definition.steps)

    @action(description=_("Funnels"), url_path="to-funnels", permissions=["view"])
    def to_funnels(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse(OVERVIEW))

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show how many of a retailer's customers come how far."""
        retailers, retailer = self._chosen(request)
        own = funnel_page(retailer, request.GET.dict(), now=timezone.now()) if retailer else {"found": None}
        return self._show(request, "analytics/funnels.html", gettext("Funnels"), own, retailers, retailer)

    def file(self, request: HttpRequest) -> HttpResponse:
        """Send a funnel as a CSV file."""
        _retailers, retailer = self._chosen(request)
        asked = asked_funnel(retailer, request.GET.dict(), now=timezone.now()) if retailer else None
        if retailer is None or asked is None or asked.found is None:
            return redirect(reverse(OVERVIEW))
        rows = funnel_rows(asked.found, asked.funnel.definition, asked.order_margin)
        name = f"funnel-{asked.funnel.code}-{retailer.slug}.csv"
        return figures_response(name, FUNNEL_COLUMNS, rows)

    def map(self, request: HttpRequest) -> HttpResponse:
        """Show what follows what."""
        retailers, retailer = self._chosen(request)
        own = map_page(retailer, request.GET.dict(), now=timezone.now()) if retailer else {"found": None}
        return self._show(request, "analytics/journey_map.html", gettext("Journey map"), own, retailers, retailer)

    def map_file(self, request: HttpRequest) -> HttpResponse:
        """Send the journey map as a CSV file."""
        _retailers, retailer = self._chosen(request)
        if retailer is None:
            return redirect(reverse("admin:analytics_funnel_map"))
        days = DAYS.get(request.GET.get("days", ""), DAYS[USUAL_DAYS])
        rows = map_rows(asked_map(retailer, days, known_until(retailer, timezone.now())))
        return figures_response(f"journey-map-{retailer.slug}.csv", MAP_COLUMNS, rows)

    def _show(  # noqa: PLR0913 - what both pages share
        self,
        request: HttpRequest,
        template: str,
        title: str,
        own: dict[str, Any],
        retailers: list[Retailer],
        retailer: Retailer | None,
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | own | {
            "title": title, "content_title": title, "retailers": retailers, "retailer": retailer,
            "address": request.GET.urlencode(),
        }  # fmt: skip
        return render(request, template, context)

    def _chosen(self, request: HttpRequest) -> tuple[list[Retailer], Retailer | None]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return chosen_retailer(request)
