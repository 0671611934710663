"""Who was asked by this site and who answered, counted in two statements."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from analytics.kpis.response import Cell
from customers.core import bulk
from customers.models import Retailer

SINCE = timedelta(days=365)
# Whose question went out and whose time to answer is over, by what it said last: with who answered at once, and without who may
# still, everybody would answer. What was spent is what is known today.
INVITED = """
invited AS (
    SELECT v.kind, a.score, coalesce(s.total_value, 0)::float8 AS spent,
        greatest((i.asked_at AT TIME ZONE %(zone)s)::date - s.first_day, 0)::float8 AS days,
        coalesce(n.segment, '') AS segment, w.channel
    FROM campaigns_invitation i JOIN campaigns_survey v ON v.id = i.survey_id
    LEFT JOIN LATERAL (
        SELECT score FROM campaigns_answer WHERE invitation_id = i.id ORDER BY number DESC LIMIT 1
    ) a ON true
    JOIN customers_customer p ON p.id = i.customer_id
    LEFT JOIN analytics_customerstatistics s
        ON s.customer_id = CASE WHEN p.merged_into_id IS NULL THEN p.id ELSE p.merged_into_id END
    LEFT JOIN customers_insight n ON n.customer_id = CASE WHEN p.merged_into_id IS NULL THEN p.id ELSE p.merged_into_id END
    CROSS JOIN LATERAL (
        SELECT m.channel FROM campaigns_message m JOIN campaigns_step e ON e.id = m.step_id
        WHERE m.entry_id = i.entry_id AND e.id = i.step AND m.state NOT IN ('due', 'held', 'dropped', 'failed')
        ORDER BY m.claimed_at, m.id LIMIT 1
    ) w
    WHERE i.retailer_id = %(retailer)s AND i.asked_at >= %(since)s AND i.asked_at <= %(now)s
        AND i.expires_at <= %(now)s
)"""
COUNTED = """
    count(*), count(score), count(*) FILTER (WHERE score >= CASE kind WHEN 'nps' THEN 9 ELSE 4 END),
    count(*) FILTER (WHERE kind = 'nps' AND score <= 6)"""
CELLS = f"""
WITH {INVITED}, middle AS (
    SELECT kind, percentile_cont(0.5) WITHIN GROUP (ORDER BY spent) AS spent,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY coalesce(days, 0)) AS days
    FROM invited GROUP BY 1
), placed AS (
    SELECT i.kind, i.score, i.spent, coalesce(i.days, 0) AS days, i.spent > m.spent AS much, coalesce(i.days, 0) > m.days AS long
    FROM invited i JOIN middle m ON m.kind = i.kind
)
SELECT kind, {COUNTED}, sum(spent), coalesce(sum(spent) FILTER (WHERE score IS NOT NULL), 0), sum(days),
    coalesce(sum(days) FILTER (WHERE score IS NOT NULL), 0)
FROM placed GROUP BY kind, much, long ORDER BY kind, much, long
"""
GROUPS = f"""
WITH {INVITED}
SELECT kind, 'channel', channel, {COUNTED} FROM invited GROUP BY 1, 3
UNION ALL SELECT kind, 'segment', segment, {COUNTED} FROM invited GROUP BY 1, 3
ORDER BY 1, 2, 4 DESC, 3
"""


def cells(retailer: Retailer, now: datetime) -> Mapping[str, list[Cell]]:
    """Return those who were asked within a year, by kind of survey, in cells of similar people."""
    found: dict[str, list[Cell]] = {}
    for kind, *rest in bulk.fetch(CELLS, _parameters(retailer, now)):
        found.setdefault(kind, []).append(Cell(*rest))
    return found


def groups(retailer: Retailer, now: datetime) -> list[tuple[str, str, str, Cell]]:
    """Return the same by channel of the question and by type of customer: kind, dimension, group and who is in it."""
    rows = bulk.fetch(GROUPS, _parameters(retailer, now))
    return [(kind, dimension, group, Cell(*rest)) for kind, dimension, group, *rest in rows]


def _parameters(retailer: Retailer, now: datetime) -> dict[str, Any]:
    return {"retailer": retailer.pk, "zone": retailer.zone, "now": now, "since": now - SINCE}
