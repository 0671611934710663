"""
Funnels and the journey map, counted in SQL: no customer becomes a row here, however many there are.

A funnel is one reading of its touchpoints, and one pass over them in their order. Beside each stands the path of those attempts
that came so far: a step takes the path of the step before that began last, as it has most time left, and lengthens it if the
window still runs.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from analytics.data_end import SETTLED
from analytics.kpis.reading import BACK
from analytics.paths.counting import FunnelResult, StepCount, result_of
from analytics.paths.sources import select
from analytics.paths.touchpoints import FRICTION, LEFT_CART_HOURS, RANKS, FunnelSteps, Touch
from analytics.paths.values import why_not_shown
from analytics.statistics import KEPT, PAID, give_memory
from customers.core import bulk
from customers.core.calendar import local_date, midnight
from customers.models import Retailer

HOURS_A_DAY = 24
# How customers are told apart: by the channel of the first step, or by their type as of now.
DIMENSIONS = {"all": "''", "channel": "coalesce(f.channel, '')", "segment": "coalesce(i.segment, '')"}
FIRST_STEP = """
WITH touches AS MATERIALIZED ({touches}), once AS (
    SELECT customer_id, at, rank, min(channel) AS channel FROM touches WHERE rank IN ({ranks}) GROUP BY 1, 2, 3
), s1 AS (
    SELECT customer_id, at, rank, CASE WHEN rank = {rank} AND at >= %(since)s AND at < %(until)s THEN ARRAY[at] END AS p1
    FROM once
)
"""
NEXT_STEP = """
, s{step} AS (
    SELECT *, CASE WHEN rank = {rank} AND at < (max(p{before}) OVER w)[1] + %(window)s::interval
        THEN max(p{before}) OVER w || at END AS p{step}
    FROM s{before}
    WINDOW w AS (PARTITION BY customer_id ORDER BY at, rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
"""
COUNTED = """
, furthest AS (
    SELECT DISTINCT ON (customer_id) customer_id, path
    FROM (SELECT customer_id, at, rank, coalesce({paths}) AS path FROM s{steps}) found WHERE path IS NOT NULL
    ORDER BY customer_id, cardinality(path) DESC, at, rank
), persons AS (
    SELECT p.customer_id, p.path, cardinality(p.path) AS furthest, {group} AS group_code,
        CASE WHEN %(shows_value)s THEN i.predicted_value END AS value
    FROM furthest p LEFT JOIN customers_insight i ON i.customer_id = p.customer_id
    LEFT JOIN once f ON f.customer_id = p.customer_id AND f.at = p.path[1] AND f.rank = {first_rank}
), stages AS (
    SELECT p.*, step, p.path[step] AS at, {ranks}[step] AS rank,
        coalesce(p.path[step + 1], p.path[1] + %(window)s::interval) AS next_at,
        CASE WHEN step < furthest THEN {ranks}[step + 1] ELSE -1 END AS next_rank
    FROM persons p CROSS JOIN LATERAL generate_series(1, furthest) AS step
), friction AS (
    SELECT customer_id, at, rank FROM touches WHERE is_friction AND rank NOT IN ({steps_ranks})
), troubled AS (
    SELECT s.customer_id, s.step, bool_or(f.rank = {support}) AS by_support, bool_or(f.rank = {survey}) AS by_survey,
        bool_or(f.rank = {cart}) AS by_cart
    FROM stages s JOIN friction f ON f.customer_id = s.customer_id
        AND (f.at, f.rank) > (s.at, s.rank) AND (f.at, f.rank) < (s.next_at, s.next_rank)
        AND (f.rank <> {cart} OR f.at < s.at + %(left_cart)s::interval)
    WHERE s.step < {steps} GROUP BY 1, 2
)
SELECT s.group_code, s.step, count(*), count(*) FILTER (WHERE s.furthest = s.step AND s.step < {steps}), count(t.step),
    count(t.step) FILTER (WHERE s.furthest = s.step), count(t.step) FILTER (WHERE s.furthest = {steps}),
    count(*) FILTER (WHERE t.by_support), count(*) FILTER (WHERE t.by_survey), count(*) FILTER (WHERE t.by_cart),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.at - s.path[s.step - 1])::float8),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.at - s.path[1])::float8),
    count(s.value) FILTER (WHERE s.furthest = s.step AND s.step < {steps}),
    coalesce(sum(s.value) FILTER (WHERE s.furthest = s.step AND s.step < {steps}), 0)::float8
FROM stages s LEFT JOIN troubled t ON t.customer_id = s.customer_id AND t.step = s.step GROUP BY 1, 2
"""
NEWEST = """
SELECT greatest((SELECT max(occurred_at) FROM customers_order WHERE retailer_id = %(retailer)s),
    (SELECT max(occurred_at) FROM customers_interaction WHERE retailer_id = %(retailer)s))
"""
WAITING = "SELECT count(DISTINCT customer_id) FROM ({touches}) t"
MEAN_ORDER = f"""
WITH {BACK}
SELECT avg({KEPT})::float8, avg({PAID})::float8 FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
WHERE o.retailer_id = %(retailer)s AND o.occurred_at >= %(first)s AND o.occurred_at < %(last)s
    AND o.customer_id IS NOT NULL AND (b.amount IS NULL OR b.amount < o.net_amount)
"""


@dataclass(frozen=True, slots=True)
class FunnelPeriod:
    """
    Who is counted: those who began in [since, until), each of whom has had the whole window by `known_until`.

    :param known_until: after which nothing is known
    """

    since: datetime
    until: datetime
    known_until: datetime


@dataclass(frozen=True, slots=True)
class CountedFunnel:
    """
    A funnel of each group, those with most customers first.

    :param waiting: customers who began since the period's end: their window still runs, so they are not counted
    :param order_value: what customers kept of an order of the time, on average; None where it does not end in one, or without any
    :param order_paid: what points paid of it beside that
    :param not_shown: why the value of who stopped is not told; empty where it is
    """

    period: FunnelPeriod
    results: tuple[FunnelResult, ...]
    waiting: int
    order_value: float | None
    order_paid: float = 0.0
    not_shown: str = ""


def known_until(retailer: Retailer, now: datetime) -> datetime | None:
    """Return until when facts are known: now, or the end of data that ended long ago; None before the first fact."""
    last: datetime | None = bulk.fetch(NEWEST, {"retailer": retailer.pk})[0][0]
    if last is None:
        return None
    has_ended = last < now - SETTLED
    return midnight(local_date(last, retailer.tzinfo) + timedelta(days=1), retailer.tzinfo) if has_ended else now


def period_of(retailer: Retailer, funnel: FunnelSteps, days: int, known: datetime) -> FunnelPeriod:
    """Return the last whole days whose windows are over."""
    last = local_date(known - timedelta(days=funnel.window_days), retailer.tzinfo)
    zone = retailer.tzinfo
    return FunnelPeriod(midnight(last - timedelta(days=days), zone), midnight(last, zone), known)


def count_funnel(
    retailer: Retailer, funnel: FunnelSteps, period: FunnelPeriod, dimension: str = "all"
) -> CountedFunnel:
    """
    Return how many customers came how far, in three statements whatever their number, and one for whether values may be told.

    :param dimension: all, channel (of the first step) or segment
    """
    not_shown = why_not_shown(retailer)
    parameters = _parameters(retailer, funnel, period) | {"shows_value": not not_shown}
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch_planned(_sql(funnel, dimension), parameters)
    groups: dict[str, list[StepCount]] = defaultdict(list)
    for group, *rest in rows:
        groups[group].append(StepCount(*rest))
    results = [result_of(group, counted, len(funnel.steps)) for group, counted in (groups or {"": []}).items()]
    results.sort(key=lambda each: (-each.began, each.group))
    late = parameters | {"first": period.until, "last": period.known_until}
    ((waiting,),) = bulk.fetch_planned(WAITING.format(touches=select(funnel.steps[:1])), late)
    ((value, paid),) = bulk.fetch_planned(MEAN_ORDER, parameters) if funnel.ends_in_an_order else ((None, None),)
    return CountedFunnel(period, tuple(results), waiting, value, paid or 0.0, not_shown)


def _parameters(retailer: Retailer, funnel: FunnelSteps, period: FunnelPeriod) -> dict[str, Any]:
    window = timedelta(days=funnel.window_days)
    return {
        "retailer": retailer.pk, "since": period.since, "until": period.until, "first": period.since,
        "last": min(period.until + window, period.known_until),
        "window": f"{funnel.window_days * HOURS_A_DAY} hours", "left_cart": f"{LEFT_CART_HOURS} hours",
    }  # fmt: skip


def _sql(funnel: FunnelSteps, dimension: str) -> str:
    ranks, steps = funnel.ranks, len(funnel.steps)
    later = [NEXT_STEP.format(step=step, before=step - 1, rank=ranks[step - 1]) for step in range(2, steps + 1)]
    counted = COUNTED.format(
        paths=", ".join(f"p{step}" for step in range(steps, 0, -1)), steps=steps, group=DIMENSIONS[dimension],
        first_rank=ranks[0], ranks=f"(ARRAY{ranks})", steps_ranks=_listed(ranks),
        support=RANKS[Touch.SUPPORT], survey=RANKS[Touch.SURVEY], cart=RANKS[Touch.CART],
    )  # fmt: skip
    touches = select({*funnel.steps, *FRICTION})
    return FIRST_STEP.format(touches=touches, rank=ranks[0], ranks=_listed(ranks)) + "".join(later) + counted


def _listed(ranks: Sequence[int]) -> str:
    return ", ".join(map(str, ranks))
