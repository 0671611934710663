"""
The effect on value: what a program brings beside what it costs, and the return on it, each with its interval.

The uplift is margin per member and month; it is taken for all months of membership of a time, though it was measured on
those who could be evaluated. The cost is what the books know of the same time: rewards, perks, points that are owed more
than before, less fees. What orders were paid with points is in the margin already, and is not counted twice.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from analytics.uplift.results import Measured, Range
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.planning import settings_of
from analytics.uplift_runs.storing import from_json
from customers.core import bulk
from customers.core.calendar import local_date, midnight
from customers.core.withheld import withheld_of
from loyalty.plans.books import fee_books
from loyalty.points.liability import owed
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from loyalty.rewards.books import reward_books

MAX_MONTHS = 12
DAYS_A_MONTH = 365.25 / 12

# Days of membership between two instants, of whoever was a member, also those who came back.
SPANS = """
WITH spans AS (
    SELECT m.id, m.enrolled_at, m.left_at FROM memberships_membership m WHERE m.program_id = %(program)s
    UNION ALL
    SELECT p.membership_id, p.enrolled_at, p.left_at FROM memberships_membershipperiod p
    JOIN memberships_membership m ON m.id = p.membership_id WHERE m.program_id = %(program)s
)
"""
MEMBERSHIP = f"""
{SPANS}
SELECT count(DISTINCT id) FILTER (WHERE enrolled_at < %(until)s AND (left_at IS NULL OR left_at >= %(until)s)),
    coalesce(sum(extract(epoch FROM least(coalesce(left_at, %(until)s), %(until)s) - greatest(enrolled_at, %(since)s)))
        FILTER (WHERE enrolled_at < %(until)s AND (left_at IS NULL OR left_at > %(since)s)), 0)::float8,
    min(enrolled_at)
FROM spans
"""
PAID_WITH_POINTS = """
SELECT coalesce(sum(o.paid_with_points), 0)::float8 FROM customers_order o JOIN memberships_membership m
    ON m.customer_id = o.customer_id AND m.program_id = %(program)s
WHERE o.retailer_id = %(retailer)s AND o.occurred_at >= %(since)s AND o.occurred_at < %(until)s AND o.paid_with_points > 0
"""
VALUES = """
SELECT coalesce(sum(i.predicted_value), 0)::float8, count(i.predicted_value), max(i.horizon_days), max(i.run_id)
FROM customers_insight i JOIN memberships_membership m ON m.customer_id = i.customer_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.merged_into_id IS NULL
"""
OF_RUN = "SELECT total_value::float8, total_low::float8, total_high::float8 FROM analytics_valuerun WHERE id = %s"


@dataclass(frozen=True)
class Cost:
    """
    What a program cost in a time, in units of the currency.

    :param rewards: used ones, less what was refunded
    :param points: by how much more points are owed at its end than at its start, as far as they are expected to be redeemed
    :param perks: of paid plans
    :param fees: earned, which the cost is less by
    :param in_margin: of it what orders were paid with points, which is less margin already
    :param paid: orders that points paid besides those rewards: that they are owed no more is no gain
    :param running: what the retailer says that running it costs; None where it does not say
    """

    rewards: float
    points: float
    perks: float
    fees: float
    in_margin: float
    running: float | None
    paid: float = 0.0

    @property
    def total(self) -> float:
        given = self.rewards + self.paid + self.perks
        return given + self.points - self.fees - self.in_margin + (self.running or 0.0)


@dataclass(frozen=True)
class Ahead:
    """
    What of the members' predicted value is the program's.

    :param value: of the members who are customers now, over the horizon, by the last value run
    :param program: the part of it that they would not bring without the program
    """

    days: int
    members: int
    value: float
    program: Range


@dataclass(frozen=True)
class Worth:
    """
    A program's effect on value.

    :param member_months: of all members in the time
    :param margin: that the program brought; None where it is not known, and `note` says why
    :param net: that less the cost
    :param returned: margin per unit of cost; None where the cost is not positive
    """

    currency: str
    since: date
    until: date
    months: float
    members: int
    member_months: float
    cost: Cost
    margin: Range | None
    net: Range | None
    returned: Range | None
    ahead: Ahead | None
    note: str = ""


def worth_of(run: UpliftRun, measured: Measured) -> Worth | None:
    """Return what a program brought and cost in the year before a run's cut, or since its first member; None without any."""
    program = run.program
    until = midnight(run.cut + timedelta(days=1), program.tzinfo)
    since = until - timedelta(days=round(MAX_MONTHS * DAYS_A_MONTH))
    members, _seconds, first = _membership(program, since, until)
    if first is None or first >= until:
        return None
    since = max(since, first)
    members, seconds, _first = _membership(program, since, until)
    months = (until - since).total_seconds() / 86_400 / DAYS_A_MONTH
    member_months = seconds / 86_400 / DAYS_A_MONTH
    cost = cost_of(run, since, until, months)
    margin, note = _margin(run, measured, member_months)
    return Worth(
        run.currency, local_date(since, program.tzinfo), run.cut, months, members, member_months, cost, margin,
        None if margin is None else _less(margin, cost.total),
        None if margin is None or cost.total <= 0 else _by(margin, cost.total),
        _ahead(run, measured), note,
    )  # fmt: skip


def worth_shown(run: UpliftRun) -> Worth | None:
    """Return what a run said of a program's worth: of its members' value nothing where that is withheld of each of them."""
    if run.worth is None:
        return None
    said = from_json(Worth, run.worth)
    return replace(said, ahead=None) if "predicted_value" in withheld_of(run.retailer_id).fields else said


def _membership(program: Program, since: datetime, until: datetime) -> tuple[int, float, datetime | None]:
    ((members, seconds, first),) = bulk.fetch(MEMBERSHIP, {"program": program.pk, "since": since, "until": until})
    return members, seconds, first


def cost_of(run: UpliftRun, since: datetime, until: datetime, months: float) -> Cost:
    """Return what a program cost between two instants, as its books say by when things occurred."""
    program = run.program
    fees = fee_books(program, since=since, until=until, clock=Clock.OCCURRED)
    used = reward_books(program, since=since, until=until, clock=Clock.OCCURRED)
    before, after = (
        sum(float(each.liability) for each in owed(program, at=at, clock=Clock.OCCURRED)) for at in (since, until)
    )
    parameters = {"program": program.pk, "retailer": program.retailer_id, "since": since, "until": until}
    ((paid,),) = bulk.fetch(PAID_WITH_POINTS, parameters)
    monthly = settings_of(run.retailer).monthly_cost
    return Cost(
        rewards=float(used.cost), points=after - before, perks=float(fees.perks_cost),
        fees=float(fees.earned), in_margin=paid,
        running=None if monthly is None else float(monthly) * months, paid=max(paid - float(used.cost), 0.0),
    )  # fmt: skip


def _margin(run: UpliftRun, measured: Measured, member_months: float) -> tuple[Range | None, str]:
    if run.margin_basis == UpliftRun.MarginBasis.NONE:
        return None, "no_margin"
    if measured.grade == "D" or measured.margin is None:
        return None, "not_measured"
    each = measured.margin
    note = "not_detected" if each.low <= 0 <= each.high else ""
    return Range(*(value * member_months for value in (each.value, each.error, each.low, each.high))), note


def _ahead(run: UpliftRun, measured: Measured) -> Ahead | None:
    """Return the program's part of its members' predicted value: of a value with the effect e it is e / (1 + e)."""
    if measured.grade == "D" or measured.band is None or measured.effect is None:
        return None
    ((value, members, days, value_run),) = bulk.fetch(VALUES, {"program": run.program_id})
    if not members:
        return None
    ((total, low, high),) = bulk.fetch(OF_RUN, [value_run])
    if not total:
        return None
    ends = [
        value * size * effect / (1 + effect)
        for size in (low / total, high / total)
        for effect in measured.band
    ]  # fmt: skip
    middle = value * measured.effect / (1 + measured.effect)
    return Ahead(days, members, value, Range(middle, (max(ends) - min(ends)) / 4, min(ends), max(ends)))


def _less(found: Range, cost: float) -> Range:
    return Range(found.value - cost, found.error, found.low - cost, found.high - cost)


def _by(found: Range, cost: float) -> Range:
    return Range(found.value / cost, found.error / cost, found.low / cost, found.high / cost)
