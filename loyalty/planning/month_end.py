"""The page of a month for the books: what its program owed before and after, and the journal between."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import add_months, local_date
from loyalty.activity.month_files import JOURNAL, LOTS, download
from loyalty.plans.books import fee_books
from loyalty.points.journal import MonthEnd, month_end
from loyalty.points.liability import NotAMonth, has_value, instants_of, month_of
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from loyalty.rewards.books import reward_books

SEE = "programs.see_liability"
SHOWN_MONTHS = 24
MAX_TEXT = 20  # of what was asked, said again in words


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
        """Show a month; if none is named, the last whole one, or the present one as long as that has nothing to show."""
        program, now = _program(request, pk), timezone.now()
        try:
            month = _asked(request, program, now) or _latest(request, program, now)
        except NotAMonth as error:
            return self._show(
                request, _context(program, now) | {"wrong": str(error)}, status=HTTPStatus.UNPROCESSABLE_ENTITY
            )
        time: dict[str, Any] = {
            "since": min(month.since, now),
            "until": min(month.until, now),
            "clock": _clock(request),
        }
        context = _context(program, now) | {
            "month": month,
            "chosen": local_date(month.since, program.tzinfo),
            "clock": _clock(request).name.lower(),
            "is_open": month.until > now,
            "has_value": has_value(program, at=now),
            "wallets": _side_by_side(month, now),
            "fees": fee_books(program, **time),
            "rewards": reward_books(program, **time),
            "totals": {name: sum(getattr(each, name) for each in month.after) for name in TOLD},
        }
        return self._show(request, context)

    def _show(self, request: HttpRequest, context: dict[str, Any], status: int = HTTPStatus.OK) -> HttpResponse:
        own = {"opts": self.owner.model._meta}
        context = self.owner.admin_site.each_context(request) | own | context
        with timezone.override(context["program"].tzinfo):
            return render(request, "planning/month_end.html", context, status=status)

    def journal(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return a month's journal as CSV."""
        return self._written(request, pk, JOURNAL)

    def lots(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return what is owed of each lot at a month's end as CSV; members are in it by number."""
        return self._written(request, pk, LOTS)

    def _written(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        program, now = _program(request, pk), timezone.now()
        try:
            month = _asked(request, program, now) or _latest(request, program, now)
        except NotAMonth as error:
            text = "text/plain; charset=utf-8"
            return HttpResponse(str(error), content_type=text, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return download(program, month, kind, now=now, clock=_clock(request))


TOLD = ("open", "value", "breakage", "liability", "deferred")


def _side_by_side(month: MonthEnd, now: datetime) -> list[dict[str, Any]]:
    """Return each wallet with what was owed in it before and after."""
    before, after = ({each.wallet: each for each in side} for side in (month.before, month.after))
    return [
        {"wallet": wallet, "sides": [(month.since, before.get(wallet)), (min(month.until, now), after.get(wallet))]}
        for wallet in sorted(before | after)
    ]


def _program(request: HttpRequest, pk: int) -> Program:
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    return get_object_or_404(Program.objects.select_related("retailer"), pk=pk)


def _context(program: Program, now: datetime) -> dict[str, Any]:
    """Return what the page says of every month."""
    first = local_date(now, program.tzinfo).replace(day=1)
    return {
        "program": program,
        "currency": program.retailer.currency,
        "title": f"{program.name} - {_('Month’s end')}",
        "months": [add_months(first, -back) for back in range(SHOWN_MONTHS)],
    }


def _clock(request: HttpRequest) -> Clock:
    return Clock.OCCURRED if request.GET.get("clock") == "occurred" else Clock.RECORDED


def _asked(request: HttpRequest, program: Program, now: datetime) -> MonthEnd | None:
    """
    Return the month that is named; None where none is.

    :raises NotAMonth: when what is named is none
    """
    text = request.GET.get("month", "")
    if not text:
        return None
    try:
        since, until = month_of(text, program.tzinfo)
    except ValueError:
        raise NotAMonth(text=text[:MAX_TEXT]) from None
    return month_end(program, since=since, until=until, now=now, clock=_clock(request))


def _latest(request: HttpRequest, program: Program, now: datetime) -> MonthEnd:
    """Return the last whole month, or the present one where that had nothing yet: all may have been recorded since."""
    this = local_date(now, program.tzinfo).replace(day=1)
    clock = _clock(request)
    since, until = instants_of(add_months(this, -1), program.tzinfo)
    last = month_end(program, since=since, until=until, now=now, clock=clock)
    if last.after:
        return last
    since, until = instants_of(this, program.tzinfo)
    return month_end(program, since=since, until=until, now=now, clock=clock)
