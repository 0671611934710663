"""Results of experiments in the admin: all of them, one of them, and each look; a new look can be asked for."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics.dashboards.retailers import chosen_retailer
from analytics.experiments.depth_page import budget_of
from analytics.experiments.drawing_up import draw_up_offers
from analytics.experiments.looking import latest, look, look_again
from analytics.experiments.models import ExperimentLook
from analytics.experiments.page import draft_page, look_page, overview_page
from analytics.experiments.planning import plan_from_data
from analytics.experiments.report import experiment_report
from analytics.reporting import NoDrawing
from customers.core.admin import PageAdmin, row_or_404
from customers.core.errors import DomainError
from loyalty.experiments.models import Experiment

ASK = "analytics.add_experimentlook"
PLAN = "experiments.change_experiment"
DRAW_UP = ("campaigns.add_offer", "experiments.add_experiment")


@admin.register(ExperimentLook)
class ExperimentLookAdmin(PageAdmin):
    """All experiments in the place of a list of looks, and each look's page in that of its fields."""

    def get_urls(self) -> list[URLPattern]:
        def shown(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        return [
            path("of/<uuid:pk>/", shown(self.newest), name="analytics_experimentlook_of"),
            path("of/<uuid:pk>/look/", shown(require_POST(self.look)), name="analytics_experimentlook_look"),
            path("of/<uuid:pk>/plan/", shown(require_POST(self.plan)), name="analytics_experimentlook_plan"),
            path("<int:pk>/report/", shown(self.report), name="analytics_experimentlook_report"),
            path("<int:pk>/offers/", shown(require_POST(self.draw_up)), name="analytics_experimentlook_draw_up"),
            path("<int:pk>/again/", shown(require_POST(self.again)), name="analytics_experimentlook_again"),
            *super().get_urls(),
        ]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        retailers, chosen = chosen_retailer(request)
        own = overview_page(chosen) if chosen else {"lines": []}
        about = {"title": _("Experiments"), "retailers": retailers, "retailer": chosen}
        return self._render(request, "analytics/experiments.html", own | about)

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        looks = ExperimentLook.objects.select_related("experiment__retailer", "experiment__program")
        return self._show(request, row_or_404(looks, key))

    def newest(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show an experiment by its newest look, or what it can detect where there is none yet."""
        self.require_view(request)
        experiment = _experiment(pk)
        found = latest(experiment)
        if found is not None:
            found.experiment = experiment
            return self._show(request, found)
        return self._render(
            request, "analytics/experiment_plan.html", {"title": str(experiment), **draft_page(experiment, now=timezone.now())}
        )  # fmt: skip

    def look(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Look at an experiment now."""
        self._require(request, ASK)
        return self._do(request, pk, lambda experiment, now: look(experiment, author=_who(request), now=now))

    def plan(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Freeze an experiment's plan with what it can detect."""
        self._require(request, PLAN)
        return self._do(request, pk, lambda experiment, now: plan_from_data(experiment, author=_who(request), now=now))

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a look again, and say whether it is the same to the digit."""
        self.require_view(request)
        kept = get_object_or_404(ExperimentLook.objects.select_related("experiment__retailer"), pk=pk)
        found = look_again(kept)
        if found.same_numbers:
            messages.success(request, _("Computed again from what was known then: the same to the digit."))
        elif found.same_data:
            messages.warning(request, _("The data are the same, the numbers are not: the code has another version."))
        else:
            messages.warning(
                request, _("What was known then has been corrected since: the data are no longer the same.")
            )
        return redirect("admin:analytics_experimentlook_change", kept.pk)

    def draw_up(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make drafts of the offers that a look says pay, and say what was made and why something was not."""
        self._require(request, *DRAW_UP)
        looks = ExperimentLook.objects.select_related("retailer", "experiment__retailer", "experiment__program")
        found = get_object_or_404(looks, pk=pk)
        budget, is_wrong = budget_of(request.POST.get("budget", ""))
        if is_wrong:
            messages.error(request, _("An amount above 0 is expected, such as 5000."))
        else:
            self._draw_up(request, found, budget)
        return redirect(reverse("admin:analytics_experimentlook_change", args=[pk]) + "#offers")

    def _draw_up(self, request: HttpRequest, found: ExperimentLook, budget: Decimal | None) -> None:
        try:
            made = draw_up_offers(found, budget=budget, author=_who(request), now=timezone.now())
        except DomainError as refused:
            messages.error(request, str(refused))
            return
        for line in made.lines():
            messages.success(request, line)
        for each in made.without:
            messages.warning(request, each.why)

    def report(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a look as one file, in the reader's language."""
        self.require_view(request)
        looks = ExperimentLook.objects.select_related("retailer", "experiment__retailer", "experiment__program")
        found = get_object_or_404(looks, pk=pk)
        try:
            page = experiment_report(found, now=timezone.now())
        except NoDrawing as refused:
            messages.error(request, str(refused))
            return redirect("admin:analytics_experimentlook_change", pk)
        name = f'attachment; filename="experiment-{found.experiment.code}-{found.pk}.html"'
        return HttpResponse(page, headers={"Content-Disposition": name})

    def _do(self, request: HttpRequest, pk: UUID, act: Any) -> HttpResponse:
        try:
            act(_experiment(pk), timezone.now())
        except DomainError as refused:
            messages.error(request, str(refused))
        return redirect(reverse("admin:analytics_experimentlook_of", args=[pk]))

    def _require(self, request: HttpRequest, *permissions: str) -> None:
        """Refuse who may not see such pages, or not do what is asked on one of them."""
        self.require_view(request)
        if not request.user.has_perms(permissions):
            raise PermissionDenied

    def _show(self, request: HttpRequest, found: ExperimentLook) -> HttpResponse:
        own = look_page(request, found) | {"title": str(found.experiment)}
        return self._render(request, "analytics/experiment.html", own)

    def _render(self, request: HttpRequest, template: str, own: dict[str, Any]) -> HttpResponse:
        may = {
            "may_look": request.user.has_perm(ASK), "may_plan": request.user.has_perm(PLAN),
            "may_draw_up": request.user.has_perms(DRAW_UP),
        }  # fmt: skip
        context = self.admin_site.each_context(request) | own | may | {"opts": self.opts}
        return render(request, template, context)


def _experiment(pk: UUID) -> Experiment:
    return get_object_or_404(Experiment.objects.select_related("retailer", "program"), pk=pk)


def _who(request: HttpRequest) -> str:
    return str(request.user.get_username())
