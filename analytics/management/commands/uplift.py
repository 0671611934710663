"""The uplift of a program, measured now with its progress; or a measurement computed again, or cancelled."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from analytics.reporting import NoDrawing
from analytics.uplift.plan import MAX_WINDOW
from analytics.uplift_runs import words
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.page import said_of
from analytics.uplift_runs.planning import planned
from analytics.uplift_runs.repeating import compute_again
from analytics.uplift_runs.report import uplift_report
from analytics.uplift_runs.running import cancel, measure_uplift
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import day, existing_file, new_file
from customers.management.console import plain_console
from loyalty.programs.models import Program

Show = Any


class Command(BaseCommand):
    help = "Measure what a program's members spend because they are members, or say why it cannot be known."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--program", help="the slug of the program to measure")
        what.add_argument("--again", type=int, help="the number of a run to compute once more, to the digit")
        what.add_argument("--cancel", type=int, help="the number of a run to cancel")
        parser.add_argument("--retailer", help="slug, where several have a program of that name")
        parser.add_argument(
            "--cut", type=day, help="the last day of data, such as 2026-05-31; the last one if not given"
        )
        parser.add_argument("--window", type=_window, help="months after joining, and before it (6)")
        parser.add_argument("--metric", choices=list(words.METRICS), help="what the effect is a share of (revenue)")
        parser.add_argument(
            "--plan", type=_plan, help="a JSON file with the whole plan: window_months, lags, metric, level"
        )
        parser.add_argument("--out", type=new_file, help="an HTML file for the report")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = plain_console(self.stdout)
        try:
            if options["cancel"] is not None:
                cancel(_run(options["cancel"]), now=timezone.now())
                self.console.print(_("It stops before its next step. Nothing of it counts."))
            elif options["again"] is not None:
                self._again(_run(options["again"]))
            else:
                self._measure(options)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _measure(self, options: dict[str, Any]) -> None:
        program = _program(options["program"], options["retailer"])
        given = dict(options["plan"] or {})
        given |= {"window_months": options["window"]} if options["window"] else {}
        given |= {"metric": options["metric"]} if options["metric"] else {}
        plan = planned(given)
        with acting_for(program.retailer_id), self._progress() as progress:
            try:
                run = measure_uplift(
                    program, now=timezone.now(), cut=options["cut"], plan=plan, on_progress=_shown(progress)
                )
            except KeyboardInterrupt as interrupted:
                raise CommandError(_("Cancelled. Nothing of it counts.")) from interrupted
        self._tell(run)
        if options["out"]:
            self._report(run, options["out"])

    def _again(self, run: UpliftRun) -> None:
        if run.status != UpliftRun.Status.DONE:
            raise CommandError(_("Run %(number)s came to no result that could be computed again.") % {"number": run.pk})
        with acting_for(run.retailer_id), self._progress() as progress:
            again = compute_again(run, _shown(progress))
        if not again.same_plan:
            raise CommandError(
                _("Its plan is not the one that was hashed before the first look: nothing may be read from it.")
            )
        if again.same_result:
            self.console.print(_("The same to the digit."))
            return
        reasons = [
            *([] if again.same_data else [_("the data of then were corrected, merged or erased since")]),
            *([] if again.same_code else [_("the code that measures is another one")]),
        ]
        raise CommandError(_("Not the same: %(reasons)s.") % {"reasons": "; ".join(reasons) or "-"})

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console)

    def _tell(self, run: UpliftRun) -> None:
        said = said_of(run)
        title = _("%(program)s, data until %(cut)s") % {"program": run.program, "cut": run.data_cut or "-"}
        table = Table(show_header=False, title=title, title_justify="left")
        table.add_row(_("run"), f"{run.pk} ({run.get_status_display()})")
        if said.grade:
            table.add_row(_("grade"), f"{said.grade}: {said.grade_words}")
        table.add_row(_("answer"), f"{said.headline} {said.detail}".strip())
        if said.gap:
            table.add_row(_("plain gap"), said.gap)
        for reason in said.reasons:
            table.add_row(_("why"), reason)
        table.add_row(_("frozen plan"), run.plan_digest or "-")
        self.console.print(table)

    def _report(self, run: UpliftRun, out: Path) -> None:
        try:
            page = uplift_report(run, now=timezone.now(), language=run.retailer.language)
        except NoDrawing as error:
            raise CommandError(str(error)) from error
        out.write_text(page, encoding="utf-8")
        self.console.print(str(out))


def _shown(progress: Progress) -> Show:
    """Return what shows each step as a bar of its own."""
    bars: dict[str, Any] = {}

    def show(step: str, done: int, of: int) -> None:
        if step not in bars:
            bars[step] = progress.add_task(words.counted(words.STEPS, step), total=of)
        progress.update(bars[step], completed=done, total=of)

    return show


def _program(slug: str, retailer: str | None) -> Program:
    found = Program.objects.filter(slug=slug).select_related("retailer")
    found = found.filter(retailer__slug=retailer) if retailer else found
    programs = list(found)
    if len(programs) > 1:
        raise CommandError(_("Several retailers have a program %(slug)s: name one by --retailer.") % {"slug": slug})
    if not programs:
        known = ", ".join(Program.objects.order_by("slug").values_list("slug", flat=True)) or "-"
        raise CommandError(_("There is no program %(slug)s. There are: %(known)s.") % {"slug": slug, "known": known})
    return programs[0]


def _run(number: int) -> UpliftRun:
    found = UpliftRun.objects.select_related("retailer", "program").filter(pk=number).first()
    if found is None:
        raise CommandError(_("There is no run %(number)s.") % {"number": number})
    return found


def _window(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WINDOW:
        raise ArgumentTypeError(f"{text!r} is no number of months from 1 to {MAX_WINDOW}")
    return int(text)


def _plan(text: str) -> dict[str, Any]:
    try:
        found = json.loads(existing_file(text).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ArgumentTypeError(f"{text} holds no plan such as {{'window_months': 6}}")
    return found
