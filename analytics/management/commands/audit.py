"""Look at a retailer's data, and say what they carry."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.table import Table
from rich.text import Text

from analytics.audit.running import audit, findings_of, verdict_of
from analytics.audit.verdicts import Level, Use
from analytics.audit.words import ANSWERS, LEVELS, USES, sentence
from analytics.models import AuditRun
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import retailer_named
from customers.management.console import plain_console

COLOURS = {"ready": "green", "care": "yellow", "not": "red"}


class Command(BaseCommand):
    help = "Look at a retailer's data: what is wrong with them, and for which uses they are good enough."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        retailer = retailer_named(options["retailer"])
        run = audit(retailer, now=timezone.now())
        if run is None:
            raise CommandError(_("Nothing was ever bought."))
        console = plain_console(self.stdout)
        console.print(_findings(run, retailer.currency))
        for use in Use:
            found = verdict_of(run, use)
            reasons = ", ".join(reason.check for reason in found.reasons)
            answer = (str(ANSWERS[found.answer]), COLOURS[found.answer])
            console.print(Text.assemble(f"{USES[use]}: ", answer, f" ({reasons})" if reasons else ""))


def _findings(run: AuditRun, currency: str) -> Table:
    table = Table("", "", "", show_header=False, box=None)
    for finding in findings_of(run):
        style = "bold" if finding.level >= Level.CARE else ""
        table.add_row(finding.check, str(LEVELS[finding.level]), sentence(finding, currency), style=style)
    return table
