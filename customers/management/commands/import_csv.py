"""Import a CSV file of customers, orders, returns or interactions."""

import argparse
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.importing.dates import ORDERS
from customers.importing.formats import FORMATS
from customers.importing.jobs import remember, remembered
from customers.importing.numbers import SIGNS
from customers.importing.reading import open_source
from customers.importing.report import Report
from customers.importing.running import preview_import, run_import
from customers.importing.shipped import SHIPPED
from customers.importing.table import Said
from customers.importing.templates import write_template
from customers.importing.writing import write_refused
from customers.management.arguments import existing_file, new_file, retailer_named
from customers.management.console import plain_console
from customers.models import Retailer

SHOWN = 20
FILE_REFUSED, SOME_REFUSED, INTERRUPTED = 2, 3, 130


class Command(BaseCommand):
    help = "Import a CSV file; run it again as often as you like: what is known already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument("kind", choices=sorted(FORMATS))
        parser.add_argument("file", type=existing_file, help="with a line of column names")
        parser.add_argument(
            "--template", action=_WriteTemplate, choices=sorted(FORMATS), help="print a file to begin with"
        )
        parser.add_argument("--preview", action="store_true", help="report what would happen, and change nothing")
        parser.add_argument(
            "--problems", type=new_file, help="write every refused row with its reasons to this CSV file"
        )
        parser.add_argument("--dates", choices=ORDERS, default="", help="which number of a date is the day")
        parser.add_argument("--decimal", choices=sorted(SIGNS), default="", help="the sign before decimals")
        parser.add_argument(
            "--mapping",
            choices=[each.code for each in SHIPPED],
            default="",
            help="of which system the file is an export",
        )
        parser.add_argument(
            "--columns",
            nargs="+",
            type=_column,
            default=[],
            metavar="THEIRS=OURS",
            help="what columns are; it is remembered",
        )
        parser.add_argument(
            "--take-scientific",
            action="store_true",
            help="take ids such as 4.51235E+12, which a spreadsheet has cut off",
        )

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        console = plain_console(self.stdout)
        said = Said(
            columns=dict(options["columns"]),
            remembered=remembered(retailer, options["kind"]),
            dates=options["dates"],
            decimal=options["decimal"],
            takes_scientific=options["take_scientific"],
        )
        try:
            report, is_interrupted = self._run(console, retailer, said, options)
        except DomainError as error:
            raise CommandError(str(error), returncode=FILE_REFUSED) from error
        if not options["preview"]:
            remember(retailer, options["kind"], said.columns)
        self._tell(console, report, preview=options["preview"])
        if options["problems"]:
            _write_problems(options["file"], options["problems"], report)
        if is_interrupted:
            words = _("Interrupted. What was taken stays; run the same command again, and it goes on from there.")
            raise CommandError(words, returncode=INTERRUPTED)
        if report.refused:
            refused = len(report.refused)
            words = ngettext("%(count)s row was refused.", "%(count)s rows were refused.", refused) % {"count": refused}
            raise CommandError(words, returncode=SOME_REFUSED)

    def _run(self, console: Console, retailer: Retailer, said: Said, options: dict[str, Any]) -> tuple[Report, bool]:
        """Return what an import came to, and whether somebody pressed Ctrl-C."""
        kind, preset, now = options["kind"], options["mapping"], timezone.now()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        latest = Report()
        with options["file"].open("rb") as file:
            if options["preview"]:
                return preview_import(retailer, kind, file, now=now, said=said, preset=preset), False
            progress = Progress(*columns, console=console)
            bar = progress.add_task(kind, total=None)

            def tell(report: Report) -> None:
                nonlocal latest
                latest = replace(report)
                progress.start()  # not before: a file that is refused is told in one line
                progress.update(bar, total=report.total, completed=report.rows)

            try:
                return run_import(retailer, kind, file, now=now, said=said, preset=preset, on_progress=tell), False
            except KeyboardInterrupt:
                return latest, True
            finally:
                if progress.live.is_started:
                    progress.stop()

    def _tell(self, console: Console, report: Report, *, preview: bool) -> None:
        verb = "would be" if preview else "are"
        console.print(
            f"{report.rows:,} rows: {report.created:,} facts {verb} new, {report.unchanged:,} known already, "
            f"{len(report.refused):,} rows cannot be taken."
        )
        if preview:
            console.print(f"Read as {'; '.join(report.reading)}.", soft_wrap=True)
        for notice in report.notices:
            console.print(notice, soft_wrap=True)
        if report.ignored_columns:
            console.print(f"Columns that nobody reads: {', '.join(report.ignored_columns)}", soft_wrap=True)
        if not report.problems:
            return
        table = Table("line", "column", "reason")
        for problem in report.problems[:SHOWN]:
            table.add_row(str(problem.line), problem.column, problem.reason)
        console.print(table)
        if len(report.problems) > SHOWN:
            console.print(f"... and {len(report.problems) - SHOWN:,} more: --problems FILE writes all rows with them.")


def _column(text: str) -> tuple[str, str]:
    name, sign, ours = text.rpartition("=")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(_("“%(text)s” is not like THEIRS=OURS.") % {"text": text})
    return name.strip(), ours.strip()


class _WriteTemplate(argparse.Action):
    """Prints a template and ends, as --help does, without a retailer or a file."""

    def __call__(
        self,
        parser: ArgumentParser,
        _namespace: Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        write_template(sys.stdout, str(values))
        parser.exit()


def _write_problems(path: Path, target: Path, report: Report) -> None:
    with path.open("rb") as file, target.open("w", newline="", encoding="utf-8") as refused:
        write_refused(refused, open_source(file), report)
