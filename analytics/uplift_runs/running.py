"""Measurements of the uplift: asked for, carried out step by step, cancelled between steps, kept, and computed again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.asking import ask_once
from analytics.uplift.cohorts import CohortTable
from analytics.uplift.measuring import measure
from analytics.uplift.panel import NEVER, NOBODY, Panel
from analytics.uplift.plan import Plan
from analytics.uplift.results import Measured, Reason
from analytics.uplift_runs.cohort_reading import NoWholeMonth, Wanted, cohort_table
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.uplift_runs.pictures import picture
from analytics.uplift_runs.planning import freeze, settings_of, thawed
from analytics.uplift_runs.reading import Read, Source, orders_known, read, span
from analytics.uplift_runs.storing import as_json, from_json
from analytics.uplift_runs.worth import Worth, worth_of
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.models import Retailer
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program

LOCK = 7_007  # the first key of the advisory lock; the second is the retailer
DAYS_A_MONTH = 365.25 / 12
Progress = Callable[[str, int, int], None]  # the step's name, how much is done, of how much


class AnotherUpliftRun(DomainError):
    code = "uplift_run_going_on"
    kind = Kind.CONFLICT
    message = _("The uplift of this retailer's programs is being measured already.")


class RunIsOver(DomainError):
    code = "uplift_run_is_over"
    kind = Kind.CONFLICT
    message = _("This measurement is over; only one that waits or runs can be cancelled.")


class Refused(Exception):
    """The data allow no measurement: a reason, with what would lift it in its words."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Cancelled(Exception):
    """Somebody asked for the run to be cancelled."""


def nobody_watches(_step: str, _done: int, _of: int) -> None:
    """Tell nobody about the progress."""


def ask(
    program: Program, *, now: datetime, author: str, plan: Plan | None = None, cut: date | None = None
) -> UpliftRun:
    """
    Let a worker measure the uplift of a program; the plan is kept with the question, and frozen when its cut is known.

    The same question while one waits is answered with that one, as recorded until that was asked.
    """
    run = _new(program, now, author, plan, cut)
    return ask_once(run, program.retailer, program=program, data_cut=cut, plan=run.plan)


def _new(program: Program, now: datetime, author: str, plan: Plan | None, cut: date | None) -> UpliftRun:
    return UpliftRun(
        retailer=program.retailer, program=program, author=author, asked_at=now, known_at=now, data_cut=cut,
        currency=program.retailer.currency, plan={"asked": as_json(plan or Plan())},
    )  # fmt: skip


def measure_uplift(  # noqa: PLR0913 - of which program, when, until when, as planned, asked by and told to whom
    program: Program,
    *,
    now: datetime,
    cut: date | None = None,
    plan: Plan | None = None,
    author: str = "",
    on_progress: Progress = nobody_watches,
) -> UpliftRun:
    """
    Measure a program's uplift now, and keep it; a run that the data refuse is kept as well, with the reason.

    :param cut: the last day of data; the last day with an order if None
    :raises AnotherUpliftRun: when one is going on
    :raises KeyboardInterrupt: when it was interrupted; the run says that it was cancelled
    """
    with _alone(program.retailer):
        clean_up(program.retailer)
        run = _new(program, now, author, plan, cut)
        run.save(force_insert=True)
        _carry_out(run, on_progress)
    return run


def cancel(run: UpliftRun, *, now: datetime) -> None:
    """
    End a run that waits, or ask for the end of one that goes on: it stops before its next step.

    :raises RunIsOver: where it is over
    """
    waits = UpliftRun.objects.filter(pk=run.pk, status=UpliftRun.Status.ASKED)
    if waits.update(status=UpliftRun.Status.CANCELLED, is_cancel_asked=True, finished_at=now):
        return
    if not UpliftRun.objects.filter(pk=run.pk, status=UpliftRun.Status.RUNNING).update(is_cancel_asked=True):
        raise RunIsOver


def retailers_with_asked() -> list[int]:
    """Return the ids of the retailers of whom a measurement was asked for, or goes on: one that died is marked by a worker."""
    is_open = (UpliftRun.Status.ASKED, UpliftRun.Status.RUNNING)
    return list(UpliftRun.objects.filter(status__in=is_open).values_list("retailer_id", flat=True).distinct())


def retailers_who_want_nights() -> list[int]:
    """Return the ids of the retailers that want their uplift measured every night: others cost a night nothing."""
    return list(UpliftSettings.objects.filter(is_nightly=True).values_list("retailer_id", flat=True))


def run_next(retailer: Retailer) -> bool:
    """Carry out the measurement that was asked for first; return whether there was one, and nobody else is at work."""
    try:
        with _alone(retailer):
            clean_up(retailer)
            asked = UpliftRun.objects.filter(retailer=retailer, status=UpliftRun.Status.ASKED)
            run = asked.select_related("retailer", "program").order_by("pk").first()
            if run is None:
                return False
            _carry_out(run, nobody_watches)
            return True
    except AnotherUpliftRun:
        return False


def measure_nightly(retailer: Retailer, *, now: datetime) -> list[UpliftRun]:
    """Measure each program that has members anew, where the retailer wants that and there is a day that was not looked at."""
    if not settings_of(retailer).is_nightly:
        return []
    known = span(retailer, now)
    joined = Membership.objects.filter(retailer=retailer).values("program")
    programs = Program.objects.filter(retailer=retailer, pk__in=joined).select_related("retailer").order_by("pk")
    looked = UpliftRun.objects.filter(retailer=retailer, status__in=(UpliftRun.Status.DONE, UpliftRun.Status.REFUSED))
    seen = set(looked.filter(data_cut=known[1]).values_list("program_id", flat=True)) if known else set()
    return [_measured_or_asked(each, now) for each in programs if each.pk not in seen]


def _measured_or_asked(program: Program, now: datetime) -> UpliftRun:
    """Measure a program's uplift, or let a worker do so where another measurement goes on: no night is lost by that."""
    try:
        return measure_uplift(program, now=now)
    except AnotherUpliftRun:
        return ask(program, now=now, author="")


def clean_up(retailer: Retailer) -> None:
    """Mark runs that died; one that somebody cancelled has come to what was asked for."""
    for run in UpliftRun.objects.filter(retailer=retailer, status=UpliftRun.Status.RUNNING):
        if run.is_cancel_asked:
            run.finish(UpliftRun.Status.CANCELLED, timezone.now())
        else:
            run.finish(UpliftRun.Status.FAILED, timezone.now(), code="died", details={})


@contextmanager
def _alone(retailer: Retailer) -> Iterator[None]:
    (locked,) = bulk.fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, retailer.pk])[0]
    if not locked:
        raise AnotherUpliftRun
    try:
        yield
    finally:
        bulk.fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK, retailer.pk])


def _carry_out(run: UpliftRun, on_progress: Progress) -> None:
    """Measure, and write down how it ended, whatever that is."""
    status = UpliftRun.Status
    try:
        _begin(run)
        found = carried_out(run, _Watched(run, on_progress))
        worth = as_json(_worth(run, found))
    except Refused as refused:
        _keep(run, status.REFUSED, code=refused.reason.code, details=dict(refused.reason.values))
    except (Cancelled, KeyboardInterrupt) as interrupted:
        run.finish(status.CANCELLED, timezone.now())
        if isinstance(interrupted, KeyboardInterrupt):
            raise
    except Exception as error:
        run.finish(status.FAILED, timezone.now(), code="error", details={"error": type(error).__name__})
        raise
    else:
        _keep(
            run, status.DONE, data_digest=found.read.digest, margin_basis=found.read.basis, result=found.result,
            pictures=found.pictures, worth=worth,
        )  # fmt: skip


@transaction.atomic
def _keep(run: UpliftRun, status: UpliftRun.Status, **said: Any) -> None:
    """Write down what a run came to; nothing of one that was cancelled before that, whoever was told so."""
    if UpliftRun.objects.select_for_update(no_key=True).only("is_cancel_asked").get(pk=run.pk).is_cancel_asked:
        run.finish(UpliftRun.Status.CANCELLED, timezone.now())
    else:
        run.finish(status, timezone.now(), **said)


def _begin(run: UpliftRun) -> None:
    """Freeze the plan, and only then let anybody look."""
    known = span(run.retailer, run.known_at)
    if known is None:
        orders = orders_known(run.retailer, run.known_at)
        raise Refused(Reason("nobody_known", {"orders": orders}) if orders else Reason("nothing_bought"))
    first, last = known
    if run.data_cut and run.data_cut > last:
        raise Refused(Reason("cut_ahead", {"cut": run.data_cut.isoformat(), "last": last.isoformat()}))
    if run.data_cut and run.data_cut < first:
        raise Refused(Reason("cut_before", {"cut": run.data_cut.isoformat(), "first": first.isoformat()}))
    run.data_cut, run.status = run.data_cut or last, UpliftRun.Status.RUNNING
    freeze(run, from_json(Plan, run.plan["asked"]), settings_of(run.retailer).member_codes)
    frozen = {name: getattr(run, name) for name in ("data_cut", "status", "plan", "plan_digest", "code_version")}
    if not UpliftRun.objects.filter(pk=run.pk, status=UpliftRun.Status.ASKED).update(**frozen):
        raise Cancelled


def _worth(run: UpliftRun, found: "Found") -> Worth | None:
    run.margin_basis = found.read.basis
    return worth_of(run, from_json(Measured, found.result))


@dataclass(frozen=True)
class Found:
    """What a run came to."""

    read: Read
    result: Any
    pictures: Any


def carried_out(run: UpliftRun, on_progress: Progress) -> Found:
    """
    Return what a run comes to by its frozen plan; nothing is written.

    :raises Refused: where the data allow no measurement
    """
    plan, source = thawed(run)
    on_progress("reading", 0, 1)
    found = read(source)
    if found is None:
        raise Refused(Reason("nothing_bought"))
    on_progress("reading", 1, 1)
    require_comparable(found.panel, plan)
    measured = measure(found.panel, plan, on_progress=on_progress)
    on_progress("pictures", 0, 1)
    pictures = picture(found.panel, plan, measured.effect, _table(source, plan))
    on_progress("pictures", 1, 1)
    return Found(found, as_json(measured), as_json(pictures) | {"left": found.left})


def _table(source: Source, plan: Plan) -> CohortTable | None:
    """Return the cohorts and months of what a run is of, as the database sums them; None where there is no whole month."""
    wanted = Wanted(source.program, source.cut, source.known_at, margin=plan.metric == "margin")
    try:
        return cohort_table(source.retailer, wanted)
    except NoWholeMonth:
        return None


def require_comparable(panel: Panel, plan: Plan) -> None:
    """
    Refuse a past in which nobody can be compared with anybody.

    :raises Refused: naming what is there, and what it would take
    """
    joined = panel.customers.joined
    members = int(np.count_nonzero(joined != NEVER))
    if not members:
        raise Refused(Reason("nobody_joined"))
    months, needs = (panel.cut - panel.first + 1) / DAYS_A_MONTH, 2 * plan.window_months + 1
    if months < needs:
        raise Refused(Reason("history_too_short", {"months": round(months, 1), "needed": needs}))
    linked = panel.orders.customer != NOBODY
    before = panel.orders.day[linked] < joined[panel.orders.customer[linked]]
    if not np.any(before):
        raise Refused(Reason("nobody_bought_before_joining", {"members": members}))
    had_bought = np.zeros(len(joined), dtype=bool)
    had_bought[panel.orders.customer[linked][before]] = True
    if not np.any(had_bought & (joined != NEVER)):
        raise Refused(Reason("all_joined_when_they_came", {"members": members}))


class _Watched:
    """Writes a run's progress down, tells who watches, and stops where somebody asked for that."""

    def __init__(self, run: UpliftRun, on_progress: Progress) -> None:
        self.run, self.on_progress = run, on_progress

    def __call__(self, step: str, done: int, of: int) -> None:
        rows = UpliftRun.objects.filter(pk=self.run.pk)
        rows.update(step=step, steps_done=done, steps_total=of)
        self.on_progress(step, done, of)
        if rows.values_list("is_cancel_asked", flat=True)[0]:
            raise Cancelled


def measured_of(run: UpliftRun) -> Measured | None:
    """Return what a run says; None where it came to nothing."""
    return None if run.result is None else from_json(Measured, run.result)


def latest_run(program: Program) -> UpliftRun | None:
    """Return the newest run of a program that came to an end."""
    over = (UpliftRun.Status.DONE, UpliftRun.Status.REFUSED)
    return UpliftRun.objects.filter(program=program, status__in=over).order_by("-pk").first()
