"""Fill the database with a real grocer's year, through the same doors that a retailer uses."""

import os
import tempfile
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Sum
from django.urls import reverse
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from analytics.audit.running import audit
from analytics.demonstration import (
    badges,
    beside,
    dataset,
    journeys,
    members_page,
    plans,
    program,
    referrals,
    rewards,
    simulated,
    simulated_stores,
    suggested,
)
from analytics.demonstration.dataset import Journey
from analytics.kpis.points_days import sum_points
from analytics.models import ValueRun
from analytics.runs import compute_value, latest_run, top_customers
from analytics.wording import reason_of
from customers.core import bulk
from customers.core.errors import DomainError
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.importing.report import Report
from customers.importing.running import run_import
from customers.models import Order, Retailer
from loyalty.activity.account.enrolment import enrol_everyone
from loyalty.activity.backlog import undecided_orders
from loyalty.badges.models import ChallengeAward
from loyalty.plans.models import Subscription
from loyalty.points.models import Lot
from loyalty.points.proof import require_proof
from loyalty.programs.models import Program
from loyalty.referrals.models import Referral
from loyalty.rewards.models import RewardRedemption
from loyalty.tiers.models import Standing

STORED = """
SELECT count(*), coalesce(sum(o.net_amount), 0), coalesce(sum(l.lines), 0)::bigint FROM customers_order o
JOIN LATERAL (SELECT count(*) AS lines FROM customers_orderline WHERE order_id = o.id) l ON true
WHERE o.retailer_id = %(retailer)s AND o.number = ANY(%(numbers)s)
"""
HOUSEHOLDS = {"tiny": 60, "small": 6, "full": 1}  # one household of so many
LOGIN = "demo"
PASSWORD = "demo"  # noqa: S105 - of a site on this machine's loopback, printed for whoever starts it


class _Steps(Progress):
    """Bars on a terminal; elsewhere, where bars are shown when all is over, also a line for each step as it begins."""

    def add_task(self, description: str, *args: Any, **given: Any) -> TaskID:
        if not self.console.is_terminal:
            self.console.print(f"{description} ...")
        return super().add_task(description, *args, **given)


class Command(BaseCommand):
    help = "Load the Complete Journey's baskets, run a program over them, and compute every customer's value."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--size", choices=list(HOUSEHOLDS), default="small", help="how many households")

    @acting_for(ALL_TENANTS)
    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = Console(file=cast("IO[str]", self.stdout._out))  # so that call_command captures it
        now = timezone.now()
        beside.hurry()
        try:
            self._run(options["size"], now)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _run(self, size: str, now: datetime) -> None:
        retailer = program.retailer()
        self.console.print(f"[bold]Complete Journey[/], {size}: reading the package's tables ...")
        journey = dataset.load(HOUSEHOLDS[size])
        weeks = self._weeks(retailer, journey, now)
        self.console.print(
            f"{len(journey.households):,} households, {journey.baskets:,} baskets, {journey.lines:,} lines; "
            f"dates moved forward by {weeks} weeks, otherwise as they are."
        )
        start = dataset.FIRST + weeks * dataset.WEEK - timedelta(days=1)
        club = program.program(retailer, effective_from=start, now=now)
        columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with beside.loading(size, now=now) as simulating, _Steps(*columns, console=self.console) as progress:
            imported = self._import(progress, retailer, journey, weeks, now)
            decided = self._decide(progress, retailer, club, start, now)
            self._value(progress, retailer, now)
            member = members_page.open_page(club, now=now)
            bar = progress.add_task("what each member may like", total=1)
            suggested.suggest(club, journey, email=member, now=now)
            progress.update(bar, completed=1)
            bar = progress.add_task("retailers whose truth is known", total=1)
            drawn = simulating.result()  # it was at work all the while
            progress.update(bar, completed=1)
        self._check(retailer, journey, size)
        self._summary(club, imported, decided)
        _login()
        site = f"http://{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
        self.console.print(
            f"\nLook at [bold]{site}/admin/[/] and sign in as [bold]{LOGIN}[/] with the password [bold]{PASSWORD}[/]; "
            f"the API is described at {site}/api/docs.\n"
            f"What its journeys wrote stands at [bold]{site}{reverse('admin:campaigns_message_changelist')}[/]; nothing leaves "
            "this machine.\n"
            f"Members look at [bold]{site}/my/{retailer.slug}[/]: sign in as [bold]{member}[/]; the code comes by mail"
            f"{_mail_folder()}.",
            soft_wrap=True,  # so that an address that is longer than the line can be copied
        )
        self.console.print(_of_simulated(drawn.simulated, site), soft_wrap=True)
        self.console.print(_of_leaflet(drawn.leaflet, site), soft_wrap=True)
        self.console.print(_of_stores(drawn.stores, site), soft_wrap=True)

    def _weeks(self, retailer: Retailer, journey: Journey, now: datetime) -> int:
        """Move the dates as the first run did: on another day the same baskets must be the same orders."""
        known = Order.objects.filter(retailer=retailer, number__in=map(str, journey.instants.index[:1_000])).first()
        if known is None:
            return dataset.weeks_to(now)
        original = journey.instants[int(known.number)].to_pydatetime().replace(tzinfo=UTC)
        return int((known.occurred_at - original) // dataset.WEEK)

    def _import(
        self, progress: Progress, retailer: Retailer, journey: Journey, weeks: int, now: datetime
    ) -> tuple[int, float]:
        started = time.monotonic()
        created = 0
        with tempfile.TemporaryDirectory() as folder:
            customers, orders = Path(folder) / "customers.csv", Path(folder) / "orders.csv"
            dataset.write_customers(journey, customers, weeks)
            dataset.write_orders(journey, orders, weeks)
            for kind, path, rows in (
                ("customers", customers, len(journey.households)),
                ("orders", orders, journey.lines),
            ):
                bar = progress.add_task(f"import {path.name} ({kind})", total=rows)
                with path.open("rb") as file:
                    report = run_import(retailer, kind, file, now=now, on_progress=partial(_move_rows, progress, bar))
                if report.problems:
                    raise CommandError(f"{len(report.problems)} rows of the {kind} were refused: {report.problems[0]}")
                created = report.created
        return created, time.monotonic() - started

    def _decide(
        self, progress: Progress, retailer: Retailer, club: Program, start: datetime, now: datetime
    ) -> tuple[int, float]:
        bar = progress.add_task("enrol every household", total=1)
        enrol_everyone(club, source="import", wording=program.WORDING, now=now)
        progress.update(bar, completed=1)
        bar = progress.add_task("who was referred by whom", total=1)
        referrals.claim(club)
        progress.update(bar, completed=1)
        waiting = undecided_orders(retailer)
        bar = progress.add_task("points and tiers, night by night", total=max(waiting, 1))
        done = plans.live(
            club, start=start, now=now, on_progress=lambda so_far: _move(progress, bar, so_far.orders),
            besides=partial(_besides, club),
        )  # fmt: skip
        progress.update(bar, completed=max(waiting, 1))
        if done is None:
            raise CommandError(
                "Another process is deciding this retailer's orders. Run the demo again when it is done."
            )
        bar = progress.add_task("a leaderboard and a surprise", total=1)
        badges.take_part(club, now=now)
        progress.update(bar, completed=1)
        journeys.look_once(club, now=now)
        return done.caught.orders, done.seconds

    def _value(self, progress: Progress, retailer: Retailer, now: datetime) -> None:
        bar = progress.add_task("value of every customer", total=1)
        newest = latest_run(retailer.pk)
        if newest is None or newest.customers != retailer.customers.count():
            compute_value(retailer, now=now)
            audit(retailer, now=now)
        # Nobody else posted while it was loaded, so all of it is settled: the first call notes up to where, the second one sums.
        for _ in range(2):
            sum_points(retailer, now=timezone.now(), settles_in=timedelta(0))
        progress.update(bar, completed=1)

    def _check(self, retailer: Retailer, journey: Journey, size: str) -> None:
        """Compare what is stored with the package's own tables, and prove the ledger."""
        numbers = [str(basket) for basket in journey.transactions["basket_id"].unique()]
        # Only the package's own baskets: whoever tries the API adds orders of the same households.
        baskets, sales, lines = bulk.fetch(STORED, {"retailer": retailer.pk, "numbers": numbers})[0]
        same = (baskets, lines, int(sales * 100)) == (journey.baskets, journey.lines, journey.sales_cents)
        if not same:
            raise CommandError(
                f"The database holds {baskets} baskets, {lines} lines and {sales}, the package {journey.baskets} baskets, "
                f"{journey.lines} lines and {journey.sales_cents} cents."
            )
        left = undecided_orders(retailer)
        if left:
            raise CommandError(f"{left} orders of members were not decided.")
        proof = require_proof()
        self.console.print(
            f"\n[green]✓[/] {baskets:,} baskets, {lines:,} lines and {sales:,} {retailer.currency} "
            f"stored: none lost, none double ({size}).\n"
            f"[green]✓[/] The ledger adds up: {proof.wallets:,} wallets, {proof.lots:,} lots, {proof.movements:,} movements."
        )

    def _summary(self, club: Program, imported: tuple[int, float], decided: tuple[int, float]) -> None:
        retailer = club.retailer
        table = Table(title="What it came to", show_header=False, title_justify="left")
        for name, (count, seconds) in (("Orders imported", imported), ("Orders decided", decided)):
            rate = f" ({count / seconds:,.0f} a second)" if count else " (nothing new)"
            table.add_row(name, f"{count:,}{rate}")
        issued = Lot.objects.filter(retailer=retailer).aggregate(points=Sum("amount"))["points"] or 0
        table.add_row("Points issued", f"{issued:,}")
        standings = Standing.objects.filter(retailer=retailer).values_list("tier__name").annotate(Count("pk"))
        members = ", ".join(f"{name or 'no tier'} {count:,}" for name, count in standings.order_by("tier__rank"))
        table.add_row("Members per tier", members)
        having = Subscription.objects.filter(retailer=retailer, key__isnull=False).values_list("plan__name")
        with_plan = ", ".join(
            f"{name} {count:,}" for name, count in having.annotate(Count("pk")).order_by("plan__rank")
        )
        table.add_row("Paid plans", with_plan or "none")
        redeemed = RewardRedemption.objects.filter(retailer=retailer).values_list("reward__name")
        names = (f"{name} {count:,}" for name, count in redeemed.annotate(Count("pk")).order_by("reward__place"))
        table.add_row("Rewards redeemed", ", ".join(names) or "none")
        awards = ChallengeAward.objects.filter(retailer=retailer, ended_at=None).values_list("challenge__name")
        won = (f"{name} {count:,}" for name, count in awards.annotate(Count("pk")).order_by("challenge__place"))
        table.add_row("Challenges met", ", ".join(won) or "none")
        claimed = Referral.objects.filter(retailer=retailer).values_list("status").annotate(Count("pk"))
        table.add_row(
            "Referrals", ", ".join(f"{name} {count:,}" for name, count in claimed.order_by("status")) or "none"
        )
        said = journeys.told(club)
        table.add_row(
            "Messages", f"{said.messages:,} in members' inboxes; {said.held_out:,} of {said.entries:,} entries held out"
        )
        self.console.print(table)
        self._value_table(retailer)
        self.console.print("\n".join(suggested.told(retailer)))

    def _value_table(self, retailer: Retailer) -> None:
        run = latest_run(retailer.pk)
        if run is None:
            return
        if run.total_value is not None:
            purchases, value = run.held_out["purchases"], run.held_out["value"]
            self.console.print(
                f"Value: {run.model}, held out the last {run.held_out['days']} days: total purchase days off by "
                f"{purchases['bias']:+.1%}, revenue by {value['bias']:+.1%}; mean absolute error "
                f"{purchases['mae']:.2f} days."
            )
        else:
            self.console.print(f"Value: no prediction. {reason_of(run)}")
        self.console.print(_of_the_first(run))


def _besides(club: Program, half_month: int, now: datetime) -> None:
    """Let a half month's rewards and journeys go on."""
    rewards.act(club, half_month, now)
    journeys.act(club, half_month, now)


def _of_the_first(run: ValueRun) -> Table:
    """Return what was said of the customers with the highest value: as predicted, or by the formula where nothing was."""
    if run.total_value is None:
        table = Table("customer", "revenue to date", "value by formula")
        for each in top_customers(run, 5):
            table.add_row(str(each.customer), f"{each.historic_revenue:,}", f"{each.formula_value:,} {run.currency}")
        return table
    table = Table("customer", "revenue to date", "expected purchase days", "still active", "value next year")
    for each in top_customers(run, 5):
        table.add_row(
            str(each.customer),
            f"{each.historic_revenue:,}",
            f"{each.expected_purchases:.1f}",
            f"{each.probability_active:.1%}",
            f"{each.predicted_value:,} {run.currency}",
        )
    return table


def _of_simulated(loaded: simulated.Loaded, site: str) -> str:
    club = Program.objects.get(retailer=loaded.retailer)
    uplift = reverse("admin:analytics_upliftrun_changelist", query={"program": club.pk})
    results = reverse("admin:analytics_experimentlook_changelist", query={"retailer": loaded.retailer.slug})
    return (
        f"Beside it [bold]{loaded.retailer.name}[/]: {loaded.orders:,} orders of {loaded.customers:,} drawn customers, of "
        f"whom {loaded.held_out:,} are not invited and {loaded.members:,} are members, who spend {simulated.EFFECT:.0%} more "
        f"because of it. What is measured without the hold-out stands at [bold]{site}{uplift}[/], what the hold-out says at "
        f"[bold]{site}{results}[/]."
    )


def _of_leaflet(retailer: Retailer, site: str) -> str:
    won = reverse("admin:analytics_kpigoal_what_pays", query={"part": "won", "retailer": retailer.slug})
    return (
        f"[bold]{retailer.name}[/] has one experiment: a leaflet to new addresses. What one cost who came because of it, media "
        f"too, stands at [bold]{site}{won}[/]."
    )


def _of_stores(retailer: Retailer, site: str) -> str:
    judged = reverse("admin:analytics_rolloutrun_changelist", query={"retailer": retailer.slug})
    return (
        f"[bold]{retailer.name}[/] began its program in {simulated_stores.WITH_IT} of {simulated_stores.STORES} stores, which "
        f"sell {simulated_stores.EFFECT:.0%} more since. What is told of it stands at [bold]{site}{judged}[/]."
    )


def _move_rows(progress: Progress, bar: TaskID, report: Report) -> None:
    _move(progress, bar, report.rows)


def _move(progress: Progress, bar: TaskID, completed: int) -> None:
    progress.update(bar, completed=completed)


def _mail_folder() -> str:
    """Say where mails are, where they are files."""
    folder: str | None = getattr(settings, "EMAIL_FILE_PATH", None)
    return f", which is the newest file in {folder}" if folder else ""


def _login() -> None:
    """Make the demo's administrator, unless somebody changed it."""
    users = get_user_model().objects
    if not users.filter(username=LOGIN).exists():
        users.create_superuser(LOGIN, password=PASSWORD)
