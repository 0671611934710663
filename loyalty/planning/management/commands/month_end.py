"""`manage.py month_end`: closes a month, or prints what a program owed before and after it, and the journal between."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from customers.core.calendar import add_months, local_date
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import new_file
from loyalty.plans.books import fee_books, write_fees
from loyalty.points.closing import close_month
from loyalty.points.journal import MonthEnd, month_end, write_csv, write_lots_csv
from loyalty.points.liability import has_value, month_of, owed_by_lot
from loyalty.points.statement import Clock
from loyalty.programs.models import Program


class Command(BaseCommand):
    help = "Print a program's liability before and after a month, and write the journal between as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("program", help="the program's slug, or retailer/program where several have the same")
        parser.add_argument("--month", type=_month, help="such as 2026-10; the last whole month if left out")
        parser.add_argument(
            "--close", action="store_true", help="close the month, and all before it that are still open"
        )
        parser.add_argument("--clock", choices=["recorded", "occurred"], default="recorded")
        parser.add_argument("--journal", type=new_file, help="a CSV file to write")
        parser.add_argument("--lots", type=new_file, help="a CSV file with what is owed of each lot at the month's end")

    @acting_for(ALL_TENANTS)
    def handle(self, **options: Any) -> None:
        program = _program(options["program"])
        since, until = month_of(options["month"] or _last_month(program), program.tzinfo)
        clock = Clock.OCCURRED if options["clock"] == "occurred" else Clock.RECORDED
        if options["close"]:
            self._close(program, local_date(since, program.tzinfo))
        month = month_end(program, since=since, until=until, now=timezone.now(), clock=clock)
        _show(program, month)
        if options["journal"]:
            with options["journal"].open("w", newline="") as file:
                write_csv(month, file, program=program)
                write_fees(file, program, since=since, until=until, now=timezone.now())
            self.stdout.write(f"Journal: {options['journal']}")
        if options["lots"]:
            with options["lots"].open("w", newline="") as file:
                write_lots_csv(owed_by_lot(program, at=until, clock=clock), file, program=program)
            self.stdout.write(f"Lots: {options['lots']}")

    def _close(self, program: Program, month: date) -> None:
        try:
            closed = close_month(program, month, now=timezone.now())
        except DomainError as error:
            raise CommandError(str(error)) from error
        for each in closed:
            self.stdout.write(f"Closed: {each:%Y-%m}")


def _program(name: str) -> Program:
    shop, _, slug = name.rpartition("/")
    found = list(
        Program.objects.select_related("retailer").filter(slug=slug, **({"retailer__slug": shop} if shop else {}))
    )
    if len(found) != 1:
        known = ", ".join(f"{each.retailer.slug}/{each.slug}" for each in Program.objects.select_related("retailer"))
        raise CommandError(f"Name one program; there are: {known or 'none'}.")
    return found[0]


def _month(text: str) -> str:
    if re.fullmatch(r"2\d{3}-(0[1-9]|1[0-2])", text) is None:
        raise ArgumentTypeError(f"{text!r} is not a month such as 2026-10.")
    return text


def _last_month(program: Program) -> str:
    return f"{add_months(local_date(timezone.now(), program.tzinfo), -1):%Y-%m}"


def _show(program: Program, month: MonthEnd) -> None:
    console, currency = Console(width=max(Console().width, 118)), program.retailer.currency
    table = Table(title=f"{program.name}: owed in {currency}")
    for column in ("wallet", "as of", "pending", "available", "held", "value", "breakage", "liability", "deferred"):
        table.add_column(column, justify="left" if column in {"wallet", "as of"} else "right")
    for at, each in [
        (at, each) for at, found in ((month.since, month.before), (month.until, month.after)) for each in found
    ]:
        table.add_row(
            each.wallet, f"{local_date(at, program.tzinfo)}", f"{each.pending:,}", f"{each.available:,}", f"{each.held:,}",
            f"{each.value:,.2f}", f"{each.breakage:,.2f}", f"{each.liability:,.2f}", f"{each.deferred:,.2f}",
        )  # fmt: skip
    console.print(table)
    journal = Table(title="Journal")
    for column in ("wallet", "event", "account", "debit", "credit", "points"):
        journal.add_column(column, justify="left" if column in {"wallet", "event", "account"} else "right")
    for line in month.lines:
        debit, credit = (f"{side:,.2f}" if side else "" for side in (line.debit, line.credit))
        event = f"{line.event} (late)" if line.is_late else line.event
        journal.add_row(line.wallet, event, line.account, debit, credit, f"{line.points:,}")
    now = timezone.now()
    for fee in fee_books(program, since=min(month.since, now), until=min(month.until, now)).lines:
        debit, credit = (f"{side:,.2f}" if side else "" for side in (fee.debit, fee.credit))
        journal.add_row("", fee.event, fee.account, debit, credit, "0")
    console.print(journal)
    closed_at = month.closed_at and f"{month.closed_at.astimezone(program.tzinfo):%Y-%m-%d %H:%M}"
    console.print(f"Closed on {closed_at}." if closed_at else "Not closed: read from the ledger.")
    if not month.after and not month.before:
        console.print(_nothing(program, month))


def _nothing(program: Program, month: MonthEnd) -> str:
    if has_value(program, at=timezone.now()):
        return f"Nothing was recorded before {local_date(month.until, program.tzinfo)}."
    return "No wallet of this program has a value of a point. Set it in its points policy and publish that."
