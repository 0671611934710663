"""A month's end as its files: the journal of points, fees and rewards, and what is owed of each lot."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TextIO, cast

from django.http import HttpResponse

from loyalty.plans.books import write_fees
from loyalty.points.journal import MonthEnd, file_name, write_csv, write_lots_csv
from loyalty.points.liability import owed_by_lot
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from loyalty.rewards.books import write_rewards

Write = Callable[[TextIO, Program, MonthEnd, datetime, Clock], None]
JOURNAL, LOTS = "", "-lots"  # how the files' names end


def write_journal(file: TextIO, program: Program, month: MonthEnd, now: datetime, clock: Clock) -> None:
    """Write the journal of a month as CSV, for the accounts: of points, then of fees, then of rewards."""
    write_csv(month, file, program=program)
    for write in (write_fees, write_rewards):
        write(file, program, since=month.since, until=month.until, now=now, clock=clock)


def write_lots(file: TextIO, program: Program, month: MonthEnd, now: datetime, clock: Clock) -> None:
    """Write what is owed of each lot as CSV, for the auditors: at the month's end, or now while it is not over."""
    write_lots_csv(owed_by_lot(program, at=min(month.until, now), clock=clock), file, program=program)


WRITE: Mapping[str, Write] = {JOURNAL: write_journal, LOTS: write_lots}


def download(program: Program, month: MonthEnd, kind: str, *, now: datetime, clock: Clock) -> HttpResponse:
    """
    Return one of the files as an answer.

    :param kind: JOURNAL or LOTS
    """
    headers = {"Content-Disposition": f'attachment; filename="{file_name(month, program, kind=kind)}"'}
    response: Any = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)
    WRITE[kind](response, program, month, now, clock)  # a response is written like a file
    return cast("HttpResponse", response)
