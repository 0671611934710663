"""Where a member stands, what keeps it there, how far the next tier is, and where it is heading: reads only."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from customers.core.calendar import day_before, local_date
from loyalty.activity.rulesets import timelines
from loyalty.memberships.models import Membership
from loyalty.points.ledger import MAIN
from loyalty.points.models import Wallet
from loyalty.tiers.models import QualifyingDay, Standing, Tier
from loyalty.tiers.rules import FOREVER, NOTHING, Counts, Day, Ladder, Step, counted, period_end, window_start

PACE_DAYS = 90

Missing = tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """
    A member's tier and the way to the next one.

    :param qualifying: what counts today, as `basis` says
    :param window_from: the first day that counts today; None for all time
    :param keeps_through: the last day on which it keeps its tier whatever it does; None where no date is set
    :param to_keep: what is missing in this window for the tier that it has, basis by basis
    :param to_next: what is missing of `basis`; None on the highest step
    :param missing: what is missing for the next tier, basis by basis
    :param is_any: whether one of what is missing would be enough
    :param projected: where it will stand on a day to come if it goes on as in the last 90 days
    :param projected_on: that day
    """

    basis: str
    current: Tier | None
    since: datetime | None
    qualifying: Decimal
    window_from: date | None
    next: Tier | None
    to_next: Decimal | None
    keeps_through: date | None = None
    to_keep: Missing = ()
    missing: Missing = ()
    is_any: bool = False
    projected: Tier | None = None
    projected_on: date | None = None


def progress(membership: Membership, *, at: datetime) -> Progress:
    """Return a member's progress under the version in force at an instant."""
    standing = Standing.objects.select_related("tier").get(pk=membership.pk)
    ruleset = timelines([membership.program_id])[membership.program_id].at(at)
    if ruleset is None:
        return Progress("spend", standing.tier, standing.since, NOTHING, None, None, None)
    ladder, today = ruleset.ladder, local_date(at, ruleset.zone)
    joined = local_date(membership.enrolled_at, ruleset.zone)
    first = window_start(ladder, today, joined)
    past = _past(membership, min(first, today - timedelta(days=PACE_DAYS)), ladder)
    counts = past.counts(ladder, today, joined)
    code = standing.tier.code if standing.tier else None
    current, above = ladder.step(code), ladder.next_above(code)
    end = _horizon(ladder, today, joined)
    going_on = _plus(past.counts(ladder, end, joined), past.recent(today), days=(end - today).days)
    heading_for = _protected(ladder, standing, ladder.earned(going_on), end)
    tiers = {tier.pk: tier for tier in Tier.objects.filter(pk__in=[step.id for step in ladder.steps])}
    return Progress(
        basis=ladder.basis,
        current=standing.tier,
        since=standing.since,
        qualifying=counts.of(ladder.basis),
        window_from=None if first == FOREVER else first,
        next=tiers[above.id] if above else None,
        to_next=max(above.threshold - counts.of(ladder.basis), NOTHING) if above else None,
        keeps_through=day_before(standing.keeps_until) if standing.keeps_until else None,
        to_keep=ladder.missing(current, counts) if current else (),
        missing=ladder.missing(above, counts) if above else (),
        is_any=ladder.combination == "any",
        projected=tiers[heading_for.id] if heading_for else None,
        projected_on=end,
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """A member's days and what it can spend."""

    main: tuple[Day, ...]
    wallet: tuple[Day, ...]
    balance: int

    def counts(self, ladder: Ladder, on: date, joined: date) -> Counts:
        """Return what counts on a day, of what is known today."""
        return counted(ladder, self.main, self.wallet, on=on, joined=joined, balance=self.balance)

    def recent(self, today: date) -> Counts:
        """Return what the last days gave, from which the pace is taken."""
        since = today - timedelta(days=PACE_DAYS)
        days, earned = ([day for day in each if day.on > since] for each in (self.main, self.wallet))
        return Counts(
            spend=sum((day.spend for day in days), NOTHING),
            points=sum(day.points for day in earned),
            orders=sum(day.orders for day in days),
            visits=sum(day.visits for day in days),
            balance=sum(day.points for day in earned),
        )


def _past(membership: Membership, since: date, ladder: Ladder) -> _Past:
    rows = QualifyingDay.objects.filter(wallet__membership=membership, on_date__gte=since).order_by("on_date")
    days: dict[str, list[Day]] = {}
    for row in rows.select_related("wallet"):
        day = Day(row.on_date, row.spend, row.points, row.orders, row.visits)
        days.setdefault(row.wallet.code, []).append(day)
    wallet = Wallet.objects.get(membership=membership, code=ladder.wallet)
    return _Past(tuple(days.get(MAIN, ())), tuple(days.get(ladder.wallet, ())), wallet.balance)


def _horizon(ladder: Ladder, today: date, joined: date) -> date:
    """Return the last day of the year that is open; where no window ends, the day in 90 days."""
    if ladder.window in {"calendar_year", "membership_year"}:
        return day_before(period_end(ladder, today, joined))
    return today + timedelta(days=PACE_DAYS)


def _plus(counts: Counts, recent: Counts, *, days: int) -> Counts:
    """Return what will count after some more days of the same pace."""
    share = Decimal(days) / PACE_DAYS
    return Counts(
        spend=counts.spend + recent.spend * share,
        points=counts.points + int(recent.points * share),
        orders=counts.orders + int(recent.orders * share),
        visits=counts.visits + int(recent.visits * share),
        balance=counts.balance + int(recent.balance * share),
    )


def _protected(ladder: Ladder, standing: Standing, projected: Step | None, end: date) -> Step | None:
    """Return where a member will stand: not below a tier that it keeps until after that day, or for ever."""
    current = ladder.step(standing.tier.code if standing.tier else None)
    is_safe = ladder.downgrade == "never" or (standing.keeps_until is not None and standing.keeps_until > end)
    falls = ladder.rank(projected.code if projected else None) < ladder.rank(current.code if current else None)
    return current if is_safe and falls else projected
