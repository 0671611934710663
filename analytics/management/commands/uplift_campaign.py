"""The effect of a campaign of the Complete Journey on the households that received it, from the package's full data."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import formats
from django.utils.translation import gettext as _
from rich.table import Table

from analytics.demonstration.campaign import CAMPAIGN, PLAN, Campaign, campaign
from analytics.uplift.measuring import measure
from analytics.uplift.results import Measured
from analytics.uplift_runs import words
from analytics.uplift_runs.page import detail_of, gap_words, headline_of, reasons_of
from analytics.uplift_runs.tables import Money
from analytics.uplift_runs.words import percent
from customers.core.errors import DomainError
from customers.management.console import plain_console


class Command(BaseCommand):
    help = "Measure what a campaign of the Complete Journey did to the households that received it, or say what is not known."
    requires_system_checks = ()  # it needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--campaign", type=int, default=CAMPAIGN, help=f"its number in the package ({CAMPAIGN})")
        parser.add_argument("--window", type=int, choices=range(1, 5), default=PLAN.window_months, help="months (2)")

    def handle(self, *_args: Any, **options: Any) -> None:
        console = plain_console(self.stdout)
        try:
            found = campaign(options["campaign"])
        except DomainError as error:
            raise CommandError(str(error)) from error
        plan = replace(PLAN, window_months=options["window"])
        measured = measure(found.panel, plan)
        console.print(_answer(found, measured))
        console.print(_estimates(measured))


def _answer(found: Campaign, measured: Measured) -> Table:
    money = Money("USD", knows_margin=False)
    first, last = (formats.date_format(day) for day in (found.first, found.last))
    title = _("Campaign %(number)s (%(kind)s), %(first)s to %(last)s: received by %(receivers)s households") % {
        "number": found.number, "kind": found.kind, "first": first, "last": last, "receivers": found.receivers,
    }  # fmt: skip
    table = Table(show_header=False, title=title, title_justify="left")
    table.add_row(_("grade"), f"{measured.grade}: {words.GRADES[measured.grade]}")
    table.add_row(_("answer"), f"{headline_of(measured, 'revenue')} {detail_of(measured, money)}".strip())
    table.add_row(_("plain gap"), gap_words(measured.gap, money))
    for reason in reasons_of(measured):
        table.add_row(_("why"), reason)
    for code, count in measured.dropped.items():
        table.add_row(_("left out"), f"{count}: {words.counted(words.DROPPED, code)}")
    return table


def _estimates(measured: Measured) -> Table:
    table = Table(_("method"), _("effect"), _("at least"), _("at most"), _("members"))
    for title, estimates in (("", measured.estimates), (_("placebo"), measured.placebo)):
        for each in estimates:
            name = f"{title} {words.method_name(each.method)}".strip()
            ends = ["-"] * 3
            if each.effect is not None:
                ends = [percent(value, signed=True) for value in (each.effect.value, each.effect.low, each.effect.high)]
            table.add_row(name, *ends, str(each.members))
    return table
