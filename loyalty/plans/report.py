"""What plans bring and cost: fees beside benefits, members, churn, and what became of those who joined in a month."""

from datetime import date, datetime
from decimal import Decimal

from customers.core import bulk
from customers.core.calendar import add_months, local_date, midnight
from customers.core.values import dataclass
from loyalty.plans.benefits import SPANS
from loyalty.plans.books import fee_books
from loyalty.plans.models import PaidPlan
from loyalty.plans.rules import NOTHING
from loyalty.programs.models import Program

SHOWN_MONTHS = 12


@dataclass(frozen=True, slots=True)
class PlanMembers:
    """
    How many members have a plan now, how they stand with it, and who came and went in the report's months.

    :param began: members with it when the first month began
    :param joined: who got it, from no plan or another one
    :param changed: who went to another plan; `ended` are those who went to none
    """

    plan: PaidPlan
    trial: int = 0
    active: int = 0
    past_due: int = 0
    cancelled: int = 0
    began: int = 0
    joined: int = 0
    changed: int = 0
    ended: int = 0

    @property
    def members(self) -> int:
        return self.trial + self.active + self.past_due

    @property
    def churn_percent(self) -> Decimal | None:
        """Return the share of those who had it when the first month began, and of those who got it, who went to none."""
        return _share(self.ended, self.began + self.joined)


@dataclass(frozen=True, slots=True)
class PlanMonth:
    """
    A month of all plans.

    :param began: members with a plan when it began; `ended` of them, and of those who joined, have none when it ends
    :param fees: earned day by day
    :param points: that orders keep and would not without their plans' multiplier
    :param points_cost: those at the value of a point that the version in force says
    :param discount: what rewards cost less by prices for plans, at the same value of a point
    :param perks_cost: by the retailer's own estimate, by the days on which members had the plans
    """

    first: date
    began: int
    joined: int
    ended: int
    fees: Decimal
    points: int
    points_cost: Decimal
    discount: Decimal
    perks_cost: Decimal

    @property
    def cost(self) -> Decimal:
        return self.points_cost + self.discount + self.perks_cost

    @property
    def result(self) -> Decimal:
        """Return what is left of the fees."""
        return self.fees - self.cost

    @property
    def churn_percent(self) -> Decimal | None:
        """Return the share of those who had a plan when it began, and of those who joined, who have none when it ends."""
        return _share(self.ended, self.began + self.joined)


def _share(part: int, whole: int) -> Decimal | None:
    return Decimal(100 * part) / whole if whole else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """
    Those who first had a plan in a month.

    :param left: how many of them have one when each month ends, from that month on
    """

    first: date
    members: int
    left: tuple[int, ...]

    @property
    def percents(self) -> list[int]:
        return [round(100 * each / self.members) for each in self.left]


@dataclass(frozen=True, slots=True)
class Report:
    """What plans bring and cost."""

    plans: tuple[PlanMembers, ...]
    months: tuple[PlanMonth, ...]
    cohorts: tuple[Cohort, ...]


def report(program: Program, *, now: datetime, months: int = SHOWN_MONTHS) -> Report:
    """Return what a program's plans brought and cost in the last months, the present one until now."""
    this = local_date(now, program.tzinfo).replace(day=1)
    firsts = [add_months(this, -back) for back in range(months - 1, -1, -1)]
    return Report(
        _plans(program, midnight(firsts[0], program.tzinfo), now),
        tuple(_month(program, first, now) for first in firsts),
        _cohorts(program, firsts, now),
    )


PLANS = """
SELECT p.key, count(*) FILTER (WHERE s.status = 'trial'), count(*) FILTER (WHERE s.status = 'active'),
    count(*) FILTER (WHERE s.status = 'past_due'), count(*) FILTER (WHERE s.cancels)
FROM plans_subscription s JOIN plans_paidplan p ON p.id = s.plan_id
WHERE s.program_id = %s AND s.key IS NOT NULL GROUP BY p.key
"""
# A plan is one through all versions; what a new version sells under the same identity is no change.
CAME_AND_WENT = """
WITH changes AS (
    SELECT c.membership_id, c.id, c.occurred_at AS at, f.key AS had, t.key AS has
    FROM plans_planchange c JOIN memberships_membership m ON m.id = c.membership_id
    LEFT JOIN plans_paidplan f ON f.id = c.from_plan_id LEFT JOIN plans_paidplan t ON t.id = c.to_plan_id
    WHERE m.program_id = %(program)s AND c.occurred_at < %(until)s AND f.key IS DISTINCT FROM t.key
), latest AS (
    SELECT DISTINCT ON (membership_id) has FROM changes WHERE at < %(since)s ORDER BY membership_id, at DESC, id DESC
), counted AS (
    SELECT has AS key, 1 AS began, 0 AS joined, 0 AS changed, 0 AS ended FROM latest
    UNION ALL SELECT has, 0, 1, 0, 0 FROM changes WHERE at >= %(since)s
    UNION ALL SELECT had, 0, 0, (has IS NOT NULL)::int, (has IS NULL)::int FROM changes WHERE at >= %(since)s
)
SELECT key, sum(began)::int, sum(joined)::int, sum(changed)::int, sum(ended)::int
FROM counted WHERE key IS NOT NULL GROUP BY key
"""


def _plans(program: Program, since: datetime, until: datetime) -> tuple[PlanMembers, ...]:
    counts = {key: rest for key, *rest in bulk.fetch(PLANS, [program.pk])}
    asked = {"program": program.pk, "since": since, "until": until}
    moved = {key: rest for key, *rest in bulk.fetch(CAME_AND_WENT, asked)}
    rows: dict[object, PaidPlan] = {}
    published = PaidPlan.objects.filter(version__program=program, version__status="published")
    for plan in published.order_by("version__effective_from", "rank"):
        rows[plan.key] = plan
    known = sorted(rows.values(), key=lambda plan: plan.rank)
    latest = max((plan.version_id for plan in known), default=None)
    return tuple(
        PlanMembers(plan, *counts.get(plan.key, (0,) * 4), *moved.get(plan.key, (0,) * 4))
        for plan in known
        if plan.key in {*counts, *moved} or plan.version_id == latest
    )


MOVED = f"""
{SPANS}, has AS (
    SELECT membership_id, bool_or(begins < %(since)s AND (ends IS NULL OR ends >= %(since)s)) AS began,
        bool_or(begins < %(until)s AND (ends IS NULL OR ends >= %(until)s)) AS stays,
        bool_or(begins >= %(since)s AND begins < %(until)s) AS moved
    FROM spans GROUP BY membership_id
)
SELECT count(*) FILTER (WHERE began), count(*) FILTER (WHERE moved AND NOT began),
    count(*) FILTER (WHERE (began OR moved) AND NOT stays)
FROM has
"""


def _month(program: Program, first: date, now: datetime) -> PlanMonth:
    zone = program.tzinfo
    since, until = midnight(first, zone), min(midnight(add_months(first, 1), zone), now)
    if until <= since:
        return PlanMonth(first, 0, 0, 0, NOTHING, 0, NOTHING, NOTHING, NOTHING)
    ((began, joined, ended),) = bulk.fetch(MOVED, {"program": program.pk, "since": since, "until": until})
    found = fee_books(program, since=since, until=until)
    return PlanMonth(
        first, began, joined, ended, found.earned, found.points, found.points_cost, found.discount, found.perks_cost
    )


COHORTS = f"""
{SPANS}, firsts AS (
    SELECT membership_id, date_trunc('month', min(begins) AT TIME ZONE %(zone)s)::date AS first FROM spans GROUP BY 1
)
SELECT f.first, count(*), array_agg(ARRAY(
    SELECT EXISTS (SELECT 1 FROM spans s WHERE s.membership_id = f.membership_id AND s.begins < e
        AND (s.ends IS NULL OR s.ends >= e))
    FROM unnest(%(ends)s::timestamptz[]) AS e
))
FROM firsts f WHERE f.first = ANY(%(firsts)s::date[]) GROUP BY f.first ORDER BY f.first
"""


def _cohorts(program: Program, firsts: list[date], now: datetime) -> tuple[Cohort, ...]:
    zone = program.tzinfo
    ends = [min(midnight(add_months(first, 1), zone), now) for first in firsts]
    asked = {"program": program.pk, "zone": program.zone, "ends": ends, "firsts": firsts}
    return tuple(
        Cohort(first, members, tuple(sum(column) for column in list(zip(*has, strict=True))[firsts.index(first) :]))
        for first, members, has in bulk.fetch(COHORTS, asked)
    )
