"""The uplift in the admin: the newest run is the page, earlier ones are reached from it, and a new one can be asked for."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from analytics.reporting import NoDrawing
from analytics.uplift.plan import MAX_WINDOW
from analytics.uplift_runs import running, words
from analytics.uplift_runs.budget import budget
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.uplift_runs.page import look_row, said_of
from analytics.uplift_runs.planning import planned
from analytics.uplift_runs.report import uplift_report
from analytics.uplift_runs.running import RunIsOver
from customers.core.admin import ModelAdmin, PageAdmin, row_or_404
from loyalty.programs.models import Program

ASK, SET = "analytics.add_upliftrun", "analytics.view_upliftsettings"
DEFAULT_WINDOW = 6


class AskForm(forms.Form):
    """What may be planned on the page; the command and the API can plan more."""

    window_months = forms.IntegerField(
        label=gettext_lazy("window in months"), min_value=1, max_value=MAX_WINDOW, initial=DEFAULT_WINDOW
    )
    metric = forms.ChoiceField(label=gettext_lazy("metric"), choices=list(words.METRICS.items()))
    cut = forms.DateField(
        label=gettext_lazy("data until"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip


@admin.register(UpliftRun)
class UpliftRunAdmin(PageAdmin):
    """The page of a measurement in the place of a list and of fields."""

    def get_urls(self) -> list[URLPattern]:
        frame = self.admin_site.admin_view
        return [
            path("ask/", frame(require_POST(self.ask)), name="analytics_upliftrun_ask"),
            path("<int:pk>/cancel/", frame(require_POST(self.cancel)), name="analytics_upliftrun_cancel"),
            path("<int:pk>/report/", frame(self.report), name="analytics_upliftrun_report"),
            path("budget/", frame(self.budget), name="analytics_upliftrun_budget"),
            *super().get_urls(),
        ]

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        programs = _programs()
        program = _chosen(request, programs)
        return self._show(request, programs, program, running.latest_run(program) if program else None)

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        run = row_or_404(_runs(), key)
        return self._show(request, _programs(), run.program, run)

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Let a worker measure a program's uplift."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        program = next((each for each in _programs() if str(each.pk) == request.POST.get("program")), None)
        if program is None:
            messages.error(request, _("Choose a program."))
            return redirect(reverse("admin:analytics_upliftrun_changelist"))
        form = AskForm(request.POST)
        if not form.is_valid():
            for name, each in form.errors.items():
                messages.error(request, f"{form.fields[name].label}: {each[0]}")
            return redirect(_page_of(program))
        cut: date | None = form.cleaned_data["cut"]
        plan = planned({name: form.cleaned_data[name] for name in ("window_months", "metric")})
        run = running.ask(program, now=timezone.now(), author=request.user.get_username(), plan=plan, cut=cut)
        messages.info(request, _("The measurement waits for a worker; reload this page to see how far it is."))
        return redirect(reverse("admin:analytics_upliftrun_change", args=[run.pk]))

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel a run that waits or goes on."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        run = get_object_or_404(_runs(), pk=pk)
        try:
            running.cancel(run, now=timezone.now())
            messages.info(request, _("It stops before its next step. Nothing of it counts."))
        except RunIsOver as error:
            messages.error(request, str(error))
        return redirect(reverse("admin:analytics_upliftrun_change", args=[pk]))

    def report(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a run as one file, in the reader's language."""
        self.require_view(request)
        run = get_object_or_404(_runs(), pk=pk)
        try:
            page = uplift_report(run, now=timezone.now())
        except NoDrawing as error:
            messages.error(request, str(error))
            return redirect(reverse("admin:analytics_upliftrun_change", args=[pk]))
        name = f'attachment; filename="uplift-{run.program.slug}-{run.pk}.html"'
        return HttpResponse(page, headers={"Content-Disposition": name})

    def budget(self, request: HttpRequest) -> HttpResponse:
        """Show what is bought by each unit of cost, action by action, and what cannot be measured."""
        self.require_view(request)
        programs = _programs()
        program = _chosen(request, programs)
        context = self.admin_site.each_context(request) | {
            "title": _("What each unit of cost buys"), "opts": self.opts, "programs": programs, "program": program,
            "said": budget(program.retailer, now=timezone.now()) if program else None,
        }  # fmt: skip
        return render(request, "analytics/uplift_budget.html", context)

    def _show(
        self, request: HttpRequest, programs: list[Program], program: Program | None, run: UpliftRun | None
    ) -> HttpResponse:
        said = said_of(run) if run else None
        context = self.admin_site.each_context(request) | {
            "title": _("Uplift"), "opts": self.opts, "programs": programs, "program": program, "run": run, "said": said,
            "open": list(_runs().filter(program=program, status__in=("asked", "running")).order_by("pk")) if program else [],
            "front": [each.on_page() for each in said.front] if said else [],
            "groups": [each.on_page() for each in said.groups] if said else [],
            "checks": [each.on_page() for each in said.checks] if said else [],
            "looks": [look_row(each) for each in said.looks] if said else [],
            "step": words.counted(words.STEPS, run.step) if run else "",
            "may_ask": request.user.has_perm(ASK), "may_set": request.user.has_perm(SET), "form": AskForm(),
        }  # fmt: skip
        return render(request, "analytics/uplift.html", context)


@admin.register(UpliftSettings)
class UpliftSettingsAdmin(ModelAdmin):
    list_display = ("retailer", "is_nightly", "monthly_cost")
    list_select_related = ("retailer",)
    fields = ("retailer", "member_codes", "is_nightly", "monthly_cost")

    def get_readonly_fields(self, _request: HttpRequest, obj: UpliftSettings | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()


def _runs() -> Any:
    return UpliftRun.objects.select_related("retailer", "program")


def _programs() -> list[Program]:
    return list(Program.objects.select_related("retailer").order_by("retailer__name", "name"))


def _chosen(request: HttpRequest, programs: list[Program]) -> Program | None:
    wanted = request.GET.get("program", "")
    return next((each for each in programs if str(each.pk) == wanted), next(iter(programs), None))


def _page_of(program: Program) -> str:
    return f"{reverse('admin:analytics_upliftrun_changelist')}?program={program.pk}"
