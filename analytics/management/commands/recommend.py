"""Products for every customer, made now with progress, and how right that is."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from analytics.recommendations import words
from analytics.recommendations.models import RecommendationRun
from analytics.recommendations.running import recommend
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer


class Command(BaseCommand):
    help = "Recommend products to every customer, by what was right on time that was held out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retailer", required=True, help="its slug")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        console = Console(file=cast("IO[str]", self.stdout._out), width=150)  # so that call_command captures it
        retailer = Retailer.objects.filter(slug=options["retailer"]).first()
        if retailer is None:
            known = ", ".join(Retailer.objects.order_by("slug").values_list("slug", flat=True)) or "-"
            said = _("There is no retailer %(slug)s. There are: %(known)s.")
            raise CommandError(said % {"slug": options["retailer"], "known": known})
        columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with acting_for(retailer.pk), Progress(*columns, console=console) as progress:
                run = recommend(retailer, now=timezone.now(), on_progress=_shown(progress))
        except DomainError as error:
            raise CommandError(str(error)) from error
        _tell(console, run)


def _shown(progress: Progress) -> Any:
    """Return what shows each step as a bar of its own."""
    bars: dict[str, Any] = {}

    def show(step: str, done: int, of: int) -> None:
        if step not in bars:
            bars[step] = progress.add_task(str(words.STEPS[step]), total=of)
        progress.update(bars[step], completed=done, total=of)

    return show


def _tell(console: Console, run: RecommendationRun) -> None:
    if reason := words.reason_said(run):
        console.print(reason)
        return
    console.print(
        _("%(customers)s customers bought %(items)s products until %(cut)s; %(consenting)s of them allow a profile.")
        % {"customers": run.customers, "items": run.items, "cut": run.data_cut, "consenting": run.consenting}
    )
    for said in words.lists_said(run):
        console.print(_table(said) if said.methods else f"{said.title}: {said.served}")
        console.print(said.why)
    for line in words.excluded_said(run):
        console.print(line)


def _table(said: words.ListSaid) -> Table:
    """Return how right each method was that was tried for a list."""
    table = Table(
        _("method"), _("recall of 10"), _("NDCG of 10"), _("any right"), _("products"), _("more than what is popular"),
        title=f"{said.title}: {said.served}", title_justify="left",
    )  # fmt: skip
    for each in said.methods:
        served = "[bold]" if each.is_served else ""
        table.add_row(f"{served}{each.name}", each.recall, each.ndcg, each.hit, str(each.distinct), each.difference)
    return table
