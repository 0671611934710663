"""The page of rewards' figures in the admin: what they take of the points earned, what is used, what never is, and the cost."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.admin import TextInputWidget
from customers.core.calendar import add_months, day_after, local_date, midnight
from customers.core.exporting import figures_response
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward
from loyalty.rewards.report import MemberLine, RewardReport, Tally, costs_by_member, reward_report

SEE = "programs.see_liability"
SHOWN_MONTHS = 12
MAX_YEARS = 10
COUNTED = ("redeemed", "points", "used", "fulfilled", "unused", "came_back", "points_back", "cost")
COLUMNS = ("month", "reward", "kind", *COUNTED)
MEMBERS = ("member", "customer", *COUNTED)


class PeriodForm(forms.Form):
    """From which day through which."""

    since = forms.DateField(label=gettext_lazy("from"), widget=TextInputWidget({"type": "date"}))
    through = forms.DateField(label=gettext_lazy("through"), widget=TextInputWidget({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        since, through = said.get("since"), said.get("through")
        if since and through and since > through:
            self.add_error("through", _("The last day is before the first one."))
        elif since and through and through - since > timedelta(days=366 * MAX_YEARS):
            self.add_error("through", _("Choose %(years)s years at most.") % {"years": MAX_YEARS})
        return said


def figures_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """
    Show the figures of a program's rewards in a period; with `format=csv` as a file.

    It is by month and reward or, with `by=member`, by member.
    """
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    programs = Program.objects.filter(versions__rewards__isnull=False).distinct().order_by("name")
    program = get_object_or_404(programs, slug=request.GET["program"]) if "program" in request.GET else programs.first()
    form = PeriodForm(request.GET if "since" in request.GET or "through" in request.GET else _usual(program))
    report = _report(program, form) if program is not None else None
    if report is not None and program is not None and request.GET.get("format") == "csv":
        if request.GET.get("by") == "member":
            members = costs_by_member(program, **_period(program, form))
            return figures_response(f"{program.slug}-reward-members.csv", MEMBERS, _member_rows(members))
        return figures_response(f"{program.slug}-rewards.csv", COLUMNS, _rows(report))
    context = site.each_context(request) | {
        "title": _("Rewards in figures"), "programs": programs, "program": program, "form": form, "report": report,
        "currency": program.retailer.currency if program else "", "opts": Reward._meta,
    }  # fmt: skip
    return render(request, "activity/reward_figures.html", context)


def _usual(program: Program | None) -> dict[str, str]:
    """Return the last twelve months, the present one until today."""
    today = local_date(timezone.now(), program.tzinfo) if program else timezone.now().date()
    return {"since": f"{add_months(today.replace(day=1), 1 - SHOWN_MONTHS)}", "through": f"{today}"}


def _report(program: Program, form: PeriodForm) -> RewardReport | None:
    if not form.is_valid():
        return None
    try:
        return reward_report(program, **_period(program, form))
    except OverflowError:
        form.add_error("through", _("There is no such day."))
        return None


def _period(program: Program, form: PeriodForm) -> dict[str, datetime]:
    """Return the instants between which a period lies, by the program's own days."""
    since, through = form.cleaned_data["since"], form.cleaned_data["through"]
    return {"since": midnight(since, program.tzinfo), "until": midnight(day_after(through), program.tzinfo)}


def _rows(report: RewardReport) -> list[tuple[Any, ...]]:
    return [
        (first, line.code, line.kind, *_counted(each))
        for line in report.rewards
        for first, each in sorted(line.by_month.items())
    ]


def _member_rows(members: Iterable[MemberLine]) -> list[tuple[Any, ...]]:
    return [(each.number, each.customer, *_counted(each.tally)) for each in members]


def _counted(tally: Tally) -> list[Any]:
    return [getattr(tally, name) for name in COUNTED]
