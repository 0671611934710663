"""The page on which a retailer closes a month: what its program owed before and after, and the journal between."""

from datetime import datetime
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone

from customers.core.calendar import add_months, local_date
from loyalty.points.journal import MonthEnd, close_month, file_name, write_csv, write_lots_csv
from loyalty.points.liability import month_of, owed_by_lot
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

SEE = "programs.see_liability"
SHOWN_MONTHS = 24


class MonthEndPages:
    """The page of a program's month, and its journal as a file."""

    def __init__(self, owner: ModelAdmin[Any]) -> None:
        self.owner = owner

    def urls(self) -> list[URLPattern]:
        frame = self.owner.admin_site.admin_view
        return [
            path("<int:pk>/month-end/", frame(self.page), name="programs_program_month_end"),
            path("<int:pk>/month-end/journal/", frame(self.journal), name="programs_program_journal"),
            path("<int:pk>/month-end/lots/", frame(self.lots), name="programs_program_lots"),
        ]

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a month, the last whole one if none is named."""
        program, month, clock = _asked(request, pk)
        now = timezone.now()
        today = local_date(now, program.tzinfo)
        context = self.owner.admin_site.each_context(request) | {
            "program": program,
            "currency": program.retailer.currency,
            "opts": self.owner.model._meta,
            "title": program.name,
            "month": month,
            "chosen": local_date(month.since, program.tzinfo),
            "months": [add_months(today.replace(day=1), -back) for back in range(SHOWN_MONTHS)],
            "clock": clock.name.lower(),
            "is_open": month.until > now,
            "wallets": _side_by_side(month, now),
            "totals": {name: sum(getattr(each, name) for each in month.after) for name in TOLD},
        }
        with timezone.override(program.tzinfo):
            return render(request, "planning/month_end.html", context)

    def journal(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return a month's journal as CSV."""
        program, month, _clock = _asked(request, pk)
        response = _file(program, month, "")
        write_csv(month, response, program=program)  # type: ignore[arg-type] # a response is written like a file
        return response

    def lots(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return what is owed of each lot at a month's end as CSV; members are in it by number."""
        program, month, clock = _asked(request, pk)
        response = _file(program, month, "-lots")
        found = owed_by_lot(program, at=month.until, clock=clock)
        write_lots_csv(found, response, program=program)  # type: ignore[arg-type] # a response is written like a file
        return response


TOLD = ("open", "value", "breakage", "liability", "deferred")


def _file(program: Program, month: MonthEnd, kind: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{file_name(month, program, kind=kind)}"'}
    return HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)


def _side_by_side(month: MonthEnd, now: datetime) -> list[dict[str, Any]]:
    """Return each wallet with what was owed in it before and after."""
    before, after = ({each.wallet: each for each in side} for side in (month.before, month.after))
    return [
        {"wallet": wallet, "sides": [(month.since, before.get(wallet)), (min(month.until, now), after.get(wallet))]}
        for wallet in sorted(before | after)
    ]


def _asked(request: HttpRequest, pk: int) -> tuple[Program, MonthEnd, Clock]:
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    program = get_object_or_404(Program.objects.select_related("retailer"), pk=pk)
    last_month = add_months(local_date(timezone.now(), program.tzinfo).replace(day=1), -1)
    since, until = _month(request.GET.get("month") or f"{last_month:%Y-%m}", program)
    clock = Clock.OCCURRED if request.GET.get("clock") == "occurred" else Clock.RECORDED
    return program, close_month(program, since=since, until=until, clock=clock), clock


def _month(text: str, program: Program) -> tuple[datetime, datetime]:
    try:
        return month_of(text, program.tzinfo)
    except (ValueError, OverflowError):
        raise Http404 from None
