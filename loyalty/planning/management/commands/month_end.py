"""`manage.py month_end`: closes a month, or prints what a program owed before and after it, and the journal between."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from customers.core.calendar import add_months, local_date
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import new_file
from loyalty.activity.month_files import write_journal, write_lots
from loyalty.planning.closing import close_month
from loyalty.plans.books import FeeBooks, fee_books
from loyalty.points.closing import CLOSED_AFTER
from loyalty.points.event_books import EventLine
from loyalty.points.journal import Line, MonthEnd, month_end
from loyalty.points.liability import has_value, month_of
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from loyalty.rewards.books import RewardBooks, reward_books


class Command(BaseCommand):
    help = "Print a program's liability before and after a month, and write the journal between as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("program", help="the program's slug, or retailer/program where several have the same")
        parser.add_argument(
            "--month",
            type=_month,
            help="such as 2026-10; the last whole month if left out, to close the last that can be closed",
        )
        parser.add_argument(
            "--close", action="store_true", help="close the month, and all before it that are still open"
        )
        parser.add_argument("--clock", choices=["recorded", "occurred"], default="recorded")
        parser.add_argument("--journal", type=new_file, help="a CSV file to write")
        parser.add_argument("--lots", type=new_file, help="a CSV file with what is owed of each lot at the month's end")

    @acting_for(ALL_TENANTS)
    def handle(self, **options: Any) -> None:
        program = _program(options["program"])
        since, until = month_of(options["month"] or _last_month(program, closing=options["close"]), program.tzinfo)
        clock = Clock.OCCURRED if options["clock"] == "occurred" else Clock.RECORDED
        if options["close"]:
            self._close(program, local_date(since, program.tzinfo))
        month = month_end(program, since=since, until=until, now=timezone.now(), clock=clock)
        now = timezone.now()
        time: dict[str, Any] = {"since": min(since, now), "until": min(until, now), "clock": clock}
        fees, rewards = fee_books(program, **time), reward_books(program, **time)
        _show(program, month, fees, rewards)
        if options["journal"]:
            with options["journal"].open("w", newline="") as file:
                write_journal(file, program, month, now, clock)
            self.stdout.write(f"Journal: {options['journal']}")
        if options["lots"]:
            with options["lots"].open("w", newline="") as file:
                write_lots(file, program, month, now, clock)
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


def _last_month(program: Program, *, closing: bool) -> str:
    """Return the last month that is over; to be closed, one that has been for long enough."""
    now = timezone.now() - (CLOSED_AFTER if closing else timedelta(0))
    return f"{add_months(local_date(now, program.tzinfo), -1):%Y-%m}"


def _show(program: Program, month: MonthEnd, fees: FeeBooks, rewards: RewardBooks) -> None:
    console = Console(width=max(Console().width, 118))
    console.print(_owed(program, month))
    if not (fees.is_empty and rewards.is_empty):
        console.print(_besides(program, fees, rewards))
    console.print(_journal(month, [*fees.lines, *rewards.lines]))
    closed_at = month.closed_at or fees.closed_at or rewards.closed_at
    instant = closed_at and f"{closed_at.astimezone(program.tzinfo):%Y-%m-%d %H:%M}"
    console.print(f"Closed on {instant}." if instant else "Not closed: read from the ledger.")
    if not month.after and not month.before:
        console.print(_nothing(program, month))


def _nothing(program: Program, month: MonthEnd) -> str:
    if has_value(program, at=timezone.now()):
        return f"Nothing was recorded before {local_date(month.until, program.tzinfo)}."
    return "No wallet of this program has a value of a point. Set it in its points policy and publish that."


def _besides(program: Program, fees: FeeBooks, rewards: RewardBooks) -> Table:
    """Return what plans and rewards brought, cost and owe."""
    table = Table(title=f"Plans and rewards, in {program.retailer.currency}")
    for column in ("what", "before", "in the month", "after"):
        table.add_column(column, justify="left" if column == "what" else "right")
    rows: tuple[tuple[str, Decimal | None, Decimal | None, Decimal | None], ...] = (
        ("deferred fees", fees.deferred_before, None, fees.deferred_after),
        ("fee revenue", None, fees.earned, None),
        ("credit of members", None, None, fees.credit_after),
        ("benefits: extra points", None, fees.points_cost, None),
        ("benefits: lower prices of rewards", None, fees.discount, None),
        ("benefits: perks", None, fees.perks_cost, None),
        ("rewards that members have", rewards.owed_before, None, rewards.owed_after),
        ("rewards given", None, rewards.cost, None),
    )
    for what, *amounts in rows:
        table.add_row(what, *("" if each is None else f"{each:,.2f}" for each in amounts))
    return table


def _owed(program: Program, month: MonthEnd) -> Table:
    currency = program.retailer.currency
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
    return table


def _journal(month: MonthEnd, besides: Iterable[EventLine]) -> Table:
    journal = Table(title="Journal")
    for column in ("wallet", "event", "account", "debit", "credit", "points"):
        journal.add_column(column, justify="left" if column in {"wallet", "event", "account"} else "right")
    for line in month.lines:
        journal.add_row(line.wallet, *_side(line), f"{line.points:,}")
    for other in besides:
        journal.add_row("", *_side(other), "")
    return journal


def _side(line: Line | EventLine) -> tuple[str, str, str, str]:
    debit, credit = (f"{side:,.2f}" if side else "" for side in (line.debit, line.credit))
    return f"{line.event} (late)" if line.is_late else line.event, line.account, debit, credit
