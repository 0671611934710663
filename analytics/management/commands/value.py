"""The value of every customer, computed now, with its progress."""

import pickle
from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from analytics.models import ValueRun
from analytics.runs import compute_value
from analytics.scoring import Plan
from analytics.withheld import hide_of_run
from analytics.wording import basis_of, reason_of, spend_of
from customers.core.errors import DomainError
from customers.core.money import written
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.core.withheld import withheld_of
from customers.management.arguments import day, new_file, retailer_named
from customers.models import Retailer

STEPS = {
    "statistics": "count and compare", "reading": "read customers", "models": "try and fit models",
    "writing": "write values", "publishing": "publish what changed",
}  # fmt: skip
MAX_HORIZON = 3_653
RATE_DIGITS = 4


class Command(BaseCommand):
    help = "Compute the value of every customer of a retailer, or of each retailer in turn."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retailer", help="slug; all of them if it is not named")
        parser.add_argument(
            "--cut",
            type=day,
            help="the last day of data, such as 2026-05-31; an earlier one is kept and not published",
        )
        parser.add_argument("--horizon", type=_horizon, default=365, help="days ahead (365)")
        parser.add_argument("--discount-rate", type=_rate, default=Decimal("0.10"), help="a year (0.10)")
        parser.add_argument(
            "--plan", type=new_file, help="a file for what customers are scored by, of the one --retailer"
        )

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = Console(file=cast("IO[str]", self.stdout._out))  # so that call_command captures it
        named = options["retailer"]
        if options["plan"] and not named:
            raise CommandError("A plan is of one retailer: name it by --retailer.")
        refused = []
        for retailer in [retailer_named(named)] if named else list(Retailer.objects.order_by("slug")):
            try:
                self._value(retailer, options)
            except DomainError as error:  # the others' values are worth having
                refused.append(f"{retailer.slug}: {error}")
        if refused:
            raise CommandError("\n".join(refused))

    def _value(self, retailer: Retailer, options: dict[str, Any]) -> None:
        columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            bars = {name: progress.add_task(words, total=None, start=False) for name, words in STEPS.items()}

            def show(step: str, done: int, of: int) -> None:
                progress.start_task(bars[step])
                progress.update(bars[step], completed=done, total=of)

            plans = list[Plan]()
            run = compute_value(
                retailer, now=timezone.now(), cut=options["cut"], horizon_days=options["horizon"],
                discount_rate=options["discount_rate"], on_progress=show, on_plan=plans.append,
            )  # fmt: skip
        if run is None:
            self.console.print(f"{retailer.slug}: nothing was ever bought.")
        else:
            self._tell(run)
        if run is not None and options["plan"]:
            options["plan"].write_bytes(pickle.dumps((run.data_cut, plans[0])))

    def _tell(self, run: ValueRun) -> None:
        table = Table(show_header=False, title=f"{run.retailer}, data until {run.data_cut}", title_justify="left")
        hidden = withheld_of(run.retailer_id)
        hide_of_run(run, hidden)
        for name, words in [*_lines(run), *([("not shown", hidden.words)] if hidden.words else [])]:
            table.add_row(name, words)
        self.console.print(table)


def _lines(run: ValueRun) -> list[tuple[str, str]]:
    lines = [
        ("result", str(run.get_status_display())),
        ("why", reason_of(run)),
        ("customers", f"{run.customers:,}"),
        ("statistics that were wrong", f"{run.differences:,}"),
    ]
    if run.total_value is not None:
        amounts = [written(amount, run.currency) for amount in (run.total_value, run.total_low, run.total_high)]
        lines += [
            ("model", f"{run.model}, corrected by {run.factor:.3f}"),
            ("spending", spend_of(run)),
            ("value of all", f"{amounts[0]}, between {amounts[1]} and {amounts[2]}"),
            ("basis", basis_of(run)),
        ]
    if not run.is_current:
        lines.append(("published", "no: it looks at an earlier day"))
    elif "published" in run.card:
        done = run.card["published"]
        lines.append(("published", f"{done['written']:,} written, {done['removed']:,} removed"))
    return lines


def _horizon(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_HORIZON:
        raise ArgumentTypeError(f"{text!r} is no number of days from 1 to {MAX_HORIZON}")
    return int(text)


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except ArithmeticError as error:
        raise ArgumentTypeError(f"{text!r} is no rate such as 0.10") from error
    if not rate.is_finite() or not 0 <= rate <= 1 or rate != round(rate, RATE_DIGITS):
        raise ArgumentTypeError(f"{text!r} is no rate from 0 to 1, with up to {RATE_DIGITS} decimals")
    return rate
