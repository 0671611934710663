"""What a roll-out in some of a retailer's stores did, judged now; or the last one computed again."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.roll_outs import words
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.page import answer_of
from analytics.roll_outs.reading import stores_of
from analytics.roll_outs.running import Asked, ask, compute_again, judged_of, latest, run_next
from analytics.uplift.roll_outs import DRAWS
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.management.arguments import day, retailer_named
from customers.management.console import plain_console
from customers.models import Retailer

MIN_DRAWS = 20


class Command(BaseCommand):
    help = (
        "Judge now what a roll-out in some of a retailer's stores did; list its stores; or compute its last run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("retailer", help="the retailer's slug")
        parser.add_argument(
            "stores", nargs="*", help="the stores in which it began, as orders name them; none to list all"
        )
        parser.add_argument("--began", type=day, help="the day on which it began, such as 2027-01-01")
        parser.add_argument("--metric", choices=RollOutRun.Metric.values, default="revenue", help="what is measured")
        parser.add_argument(
            "--draws", type=_draws, default=DRAWS, help="placebos by which the error is told, 20 at least"
        )
        parser.add_argument("--again", action="store_true", help="compute the newest run again, and compare")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = plain_console(self.stdout, width=120)
        retailer = retailer_named(options["retailer"])
        if options["again"]:
            self._again(retailer)
        elif not options["stores"]:
            for store, orders in stores_of(retailer).items():
                self.console.print(f"{store}: {orders:,}")
        elif options["began"] is None:
            raise CommandError("Say with --began on which day it began.")
        else:
            self._judge(retailer, options)

    def _judge(self, retailer: Retailer, options: dict[str, Any]) -> None:
        try:
            asked = Asked(options["stores"], options["began"], options["metric"], options["draws"])
            run = ask(retailer, asked, author="", now=timezone.now())
        except DomainError as refused:
            raise CommandError(str(refused)) from refused
        while run_next(retailer):
            pass
        run.refresh_from_db()
        judged = judged_of(run)
        self.console.print(f"{judged.grade if judged else '-'}: {answer_of(run)}")
        for each in judged.reasons if judged else ():
            self.console.print(f"  {words.reason(each)}")

    def _again(self, retailer: Retailer) -> None:
        run = latest(retailer)
        if run is None:
            raise CommandError(_("No roll-out of this retailer has been judged."))
        if run.status not in {RollOutRun.Status.DONE, RollOutRun.Status.REFUSED}:
            raise CommandError(_("Run %(number)s came to no result that could be computed again.") % {"number": run.pk})
        again = compute_again(run)
        if again.same_result:
            self.console.print(_("The same to the digit."))
            return
        reasons = [
            *([] if again.same_data else [_("the data of then were corrected, merged or erased since")]),
            *([] if again.same_code else [_("the code that measures is another one")]),
        ]
        raise CommandError(_("Not the same: %(reasons)s.") % {"reasons": "; ".join(reasons) or "-"})


def _draws(text: str) -> int:
    if not text.isdecimal() or int(text) < MIN_DRAWS:
        raise ArgumentTypeError(f"{text!r} is no number of placebos from {MIN_DRAWS} on")
    return int(text)
