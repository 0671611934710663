"""What a retailer's experiments show, looked at now; or what one would detect."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.table import Table
from rich.text import Text

from analytics.experiments import words
from analytics.experiments.depth_page import depth_texts
from analytics.experiments.looking import look, look_again
from analytics.experiments.models import ExperimentLook
from analytics.experiments.near_miss_page import near_lines
from analytics.experiments.page import said
from analytics.experiments.planning import forecast, plan_from_data
from analytics.experiments.promise_page import promise_lines
from analytics.experiments.report import experiment_report
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import new_file, retailer_named
from customers.management.console import plain_console
from customers.models import Retailer
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import find

COLOURS = {"done": "green", "failed": "red", "waiting": "yellow", "": ""}


class Command(BaseCommand):
    help = "Look at a retailer's experiments now; or say what one of them can detect, plan it, or compute its last look again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument("experiment", nargs="?", help="its code; all that have started if it is not named")
        parser.add_argument("--out", type=new_file, help="an HTML file for the report on the experiment, looked at now")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--detectable", action="store_true", help="say what the experiment can detect, and change nothing"
        )
        what.add_argument("--plan", action="store_true", help="freeze the draft's plan with what it can detect")
        what.add_argument("--again", action="store_true", help="compute the newest look again, and compare")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = plain_console(self.stdout, width=120)
        retailer = retailer_named(options["retailer"])
        wanted = [name for name in ("detectable", "plan", "again") if options[name]]
        self.out: Path | None = options["out"]
        if self.out and wanted:
            raise CommandError(f"--out writes the report on a look; --{wanted[0]} makes none.")
        wanted += ["out"] if self.out else []
        if wanted and not options["experiment"]:
            raise CommandError(f"Name the experiment of --{wanted[0]}.")
        try:
            for experiment in self._experiments(retailer, options["experiment"]):
                self._do(experiment, wanted[0] if wanted else "")
        except DomainError as refused:
            raise CommandError(str(refused)) from refused

    def _experiments(self, retailer: Retailer, code: str | None) -> list[Experiment]:
        if code:
            return [find(retailer, code)]
        started = Experiment.objects.filter(retailer=retailer, starts_at__lte=timezone.now())
        return list(started.select_related("retailer", "program").order_by("code"))

    def _do(self, experiment: Experiment, what: str) -> None:
        if what == "detectable":
            self._say_detectable(experiment)
        elif what == "plan":
            planned = plan_from_data(experiment, author="", now=timezone.now())
            self.console.print(f"{planned.code}: {planned.plan_hash}")
        elif what == "again":
            self._look_again(experiment)
        else:
            self._look(experiment)

    def _say_detectable(self, experiment: Experiment) -> None:
        told, currency = forecast(experiment, now=timezone.now()), experiment.retailer.currency
        table = Table("variant", "customers", "detects per customer", box=None)
        for each in told.variants:
            detects = words.detectable(each.detectable.amount, each.detectable.share, currency)
            table.add_row(each.code, f"{each.customers:,}", detects)
        self.console.print(table)
        self.console.print(words.advice(told.as_json(), currency))
        self.console.print("customers that effects of other sizes would take:")
        for share, count in told.needed.items():
            self.console.print(f"{share}: {count:,}")

    def _look(self, experiment: Experiment) -> None:
        found = look(experiment, now=timezone.now())
        grade = f" ({found.result.grade})" if found.result.grade else ""
        self.console.print(Text.assemble((experiment.code, "bold"), grade))
        for line in said(found):
            self.console.print(Text.assemble("  ", (line["label"], COLOURS[line["tag"]]), f" {line['text']}"))
        for text in (*near_lines(found), *depth_texts(found), *promise_lines(found)):
            self.console.print(f"  {text}")
        if self.out is not None:
            page = experiment_report(found, now=timezone.now(), language=experiment.retailer.language)
            self.out.write_text(page, encoding="utf-8")
            self.console.print(str(self.out))

    def _look_again(self, experiment: Experiment) -> None:
        kept = ExperimentLook.objects.select_related("experiment__retailer").filter(experiment=experiment)
        last = kept.order_by("-id").first()
        if last is None:
            raise CommandError(f"{experiment.code} has not been looked at.")
        found = look_again(last)
        same = "the same to the digit" if found.same_numbers else "not the same"
        why = "" if found.same_data else ": what was known then has been corrected since"
        self.console.print(f"{experiment.code}, {last.looked_at:%Y-%m-%d %H:%M}: {same}{why}")
