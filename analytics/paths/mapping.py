"""
The journey map: what follows what, and after what customers stop, in one statement over all touchpoints of a time.

The same kind again within 30 minutes is one touchpoint: a visit that is reported page by page is one visit. After 30 days without
any a customer has stopped; of a touchpoint of the last 30 days that nothing has followed yet nobody knows, and it is not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from analytics.paths.sources import select
from analytics.paths.touchpoints import LEFT_CART_HOURS, RANKS, Touch
from analytics.paths.values import why_not_shown
from analytics.statistics import give_memory
from customers.core import bulk
from customers.models import Retailer

# An order that was kept is an order, and is not told twice.
MAPPED = tuple(each for each in Touch if each is not Touch.KEPT_ORDER)
SESSION_MINUTES, PAUSE_DAYS = 30, 30
STOPPED, OPEN = -1, -2
MAP = f"""
WITH touches AS ({{touches}}), told AS (
    SELECT *, lag(rank) OVER w AS before, lag(at) OVER w AS before_at FROM touches
    WINDOW w AS (PARTITION BY customer_id ORDER BY at, rank)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE before IS DISTINCT FROM rank OR at - before_at > interval '{SESSION_MINUTES} minutes')
        OVER (PARTITION BY customer_id ORDER BY at, rank) AS place FROM told
), joined AS (
    SELECT customer_id, rank, place, min(at) AS at, bool_or(is_friction) AS is_friction FROM numbered GROUP BY 1, 2, 3
), once AS (
    SELECT *, lead(rank) OVER w AS next_rank, lead(at) OVER w AS next_at
    FROM joined WINDOW w AS (PARTITION BY customer_id ORDER BY at, rank)
), followed AS (
    SELECT *, CASE WHEN next_at - at <= interval '{PAUSE_DAYS * 24} hours' THEN next_rank
        WHEN next_at IS NOT NULL OR at < %(last)s - interval '{PAUSE_DAYS * 24} hours' THEN {STOPPED} ELSE {OPEN} END AS next
    FROM once
), ended AS (
    SELECT *, next >= 0 AND lead(is_friction AND next = {STOPPED}) OVER w
        AND (next_rank <> {RANKS[Touch.CART]} OR next_at - at < interval '{LEFT_CART_HOURS} hours') AS is_ended_by_friction
    FROM followed WINDOW w AS (PARTITION BY customer_id ORDER BY at, rank)
)
SELECT e.rank, CASE WHEN grouping(e.next) = 0 THEN e.next END, count(*), count(DISTINCT e.customer_id),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.next_at - e.at)::float8) FILTER (WHERE e.next >= 0),
    count(*) FILTER (WHERE e.is_ended_by_friction), count(i.predicted_value) FILTER (WHERE e.next = {STOPPED}),
    avg(i.predicted_value) FILTER (WHERE e.next = {STOPPED})::float8
FROM ended e LEFT JOIN customers_insight i ON i.customer_id = e.customer_id AND %(shows_value)s
WHERE e.next <> {OPEN} GROUP BY GROUPING SETS ((e.rank), (e.rank, e.next))
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """
    From one touchpoint to the next one, or to none.

    :param seconds: median until it; None where nothing follows
    """

    times: int
    customers: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """
    A kind of touchpoint, and what follows it.

    :param times: those of which it is known what followed
    :param ended_by_friction: of them, after which came friction and nothing else
    :param stopped: after which nothing came for 30 days
    :param mean_value: of those who stopped, where their value is known; `valued` says of how many times
    """

    touch: Touch
    times: int
    customers: int
    ended_by_friction: int
    stopped: Passage
    valued: int
    mean_value: float | None
    nexts: Mapping[Touch, Passage]


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """
    What followed each kind of touchpoint, in the order in which they usually come.

    :param not_shown: why the value of who stopped is not told; empty where it is
    """

    touchpoints: tuple[Touchpoint, ...] = ()
    not_shown: str = ""


def journey_map(retailer: Retailer, *, since: datetime, until: datetime) -> JourneyMap:
    """Return what followed each kind of touchpoint in [since, until)."""
    not_shown = why_not_shown(retailer)
    with transaction.atomic():
        give_memory()
        given = {
            "retailer": retailer.pk, "first": since, "last": until, "shows_value": not not_shown,
        }  # fmt: skip
        rows = bulk.fetch_planned(MAP.format(touches=select(MAPPED)), given)
    passages = {(rank, following): Passage(times, who, seconds)
                for rank, following, times, who, seconds, *_rest in rows if following is not None}  # fmt: skip
    kinds = list(Touch)
    touchpoints = tuple(
        Touchpoint(
            kinds[rank], times, who, ended, passages.get((rank, STOPPED), Passage(0, 0, None)), valued, value,
            {kinds[to]: each for (start, to), each in sorted(passages.items()) if start == rank and to >= 0},
        )
        for rank, following, times, who, _seconds, ended, valued, value in sorted(rows, key=lambda row: row[0])
        if following is None
    )  # fmt: skip
    return JourneyMap(touchpoints, not_shown)


def map_period(days: int, known: datetime) -> tuple[datetime, datetime]:
    """Return the time of a map that ends when facts do."""
    return known - timedelta(days=days), known
