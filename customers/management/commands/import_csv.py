"""Import a CSV file of customers, orders, returns or interactions."""

from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from customers.core.errors import DomainError
from customers.core.exporting import write_csv
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.importing.formats import FORMATS, Problem
from customers.importing.running import Report, preview_import, run_import
from customers.management.arguments import existing_file, new_file, retailer_named
from customers.models import Retailer

SHOWN = 20


class Command(BaseCommand):
    help = "Import a CSV file; run it again as often as you like: what is known already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument("kind", choices=sorted(FORMATS))
        parser.add_argument("file", type=existing_file, help="UTF-8, with a line of column names")
        parser.add_argument("--preview", action="store_true", help="report what would happen, and change nothing")
        parser.add_argument("--problems", type=new_file, help="write every bad row to this CSV file")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        console = Console(file=cast("IO[str]", self.stdout._out))  # so that call_command captures it
        try:
            report = self._run(console, retailer, options)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self._tell(console, report, preview=options["preview"])
        if options["problems"]:
            write_problems(options["problems"], report.problems)

    def _run(self, console: Console, retailer: Retailer, options: dict[str, Any]) -> Report:
        now = timezone.now()
        with options["file"].open("rb") as file:
            if options["preview"]:
                return preview_import(retailer, options["kind"], file, now=now)
            total = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1
            file.seek(0)
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=console) as progress:
                bar = progress.add_task(f"{options['kind']}", total=max(total, 1))
                return run_import(
                    retailer,
                    options["kind"],
                    file,
                    now=now,
                    on_progress=lambda report: progress.update(bar, completed=report.rows),
                )

    def _tell(self, console: Console, report: Report, *, preview: bool) -> None:
        verb = "would be" if preview else "are"
        console.print(
            f"{report.rows:,} rows: {report.created:,} facts {verb} new, {report.unchanged:,} known already, "
            f"{len(report.problems):,} rows cannot be taken."
        )
        if report.ignored_columns:
            console.print(f"Columns that nobody reads: {', '.join(report.ignored_columns)}")
        if not report.problems:
            return
        table = Table("line", "column", "reason")
        for problem in report.problems[:SHOWN]:
            table.add_row(str(problem.line), problem.column, problem.reason)
        console.print(table)
        if len(report.problems) > SHOWN:
            console.print(f"... and {len(report.problems) - SHOWN:,} more: --problems FILE writes them all.")


def write_problems(path: Path, problems: list[Problem]) -> None:
    """Write all problems as a CSV file that a spreadsheet opens."""
    rows = [(problem.line, problem.column, problem.reason) for problem in problems]
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, ("line", "column", "reason"), rows, is_for_people=True)
