"""
Who had not bought yet when an experiment reached them, who of them came, and what they cost: by one statement.

One who came has a first order in its window of which it kept something. Of a household all are new, or none is. What they cost
is what rewards cost that they redeemed and kept, by how much more points they are owed at the end of their windows, as far as
they are expected to be redeemed, and what points paid besides: in full, as no margin stands beside it that is less already.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from analytics.experiments.depth_reading import worths_of
from analytics.experiments.reading import BACK, ENTERED, OWED, parameters_of
from analytics.experiments.results import ArmWon
from analytics.statistics import give_memory
from customers.core import bulk
from loyalty.experiments.models import Experiment, Variant

WON = f"""
{ENTERED}{BACK}, known AS (
    SELECT DISTINCT k.unit_key FROM counted k JOIN customers_order o ON o.customer_id = k.person AND o.occurred_at < k.exposed_at
    WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s
), fresh AS MATERIALIZED (
    SELECT k.* FROM counted k WHERE k.is_closed AND NOT EXISTS (SELECT 1 FROM known n WHERE n.unit_key = k.unit_key)
), came AS (
    SELECT DISTINCT k.person FROM fresh k JOIN customers_order o ON o.customer_id = k.person
        AND o.occurred_at >= k.exposed_at AND o.occurred_at < k.until
    LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s AND o.net_amount > coalesce(b.amount, 0)
), mine AS (
    SELECT k.person, k.exposed_at, k.until, m.id AS membership FROM fresh k
    JOIN memberships_membership m ON m.customer_id = k.person AND m.program_id = %(program)s
), gave AS (
    SELECT k.person, sum(coalesce(w.cost, r.amount, 0) + r.matched) AS given,
        count(*) FILTER (WHERE w.cost IS NULL AND r.amount IS NULL) AS unpriced
    FROM mine k JOIN rewards_rewardredemption r ON r.membership_id = k.membership AND r.redeemed_at >= k.exposed_at
        AND r.redeemed_at < k.until AND r.recorded_at <= %(known)s AND (r.ended_at IS NULL OR r.ended_at > %(known)s)
    JOIN rewards_reward w ON w.id = r.reward_id GROUP BY 1
){OWED}, owed AS (
    SELECT c.person, sum(c.points * coalesce(v.worth, 0)) AS owed, count(*) FILTER (WHERE v.worth IS NULL) AS unvalued
    FROM changed c
    LEFT JOIN unnest(%(wallets)s::text[], %(worths)s::float8[]) AS v (code, worth) ON v.code = c.code GROUP BY 1
), paid AS (
    SELECT k.person, sum(o.paid_with_points) AS paid FROM fresh k JOIN customers_order o ON o.customer_id = k.person
        AND o.occurred_at >= k.exposed_at AND o.occurred_at < k.until
    WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s AND o.paid_with_points > 0 GROUP BY 1
)
SELECT k.place::int - 1, count(DISTINCT k.unit_key)::int,
    (count(DISTINCT k.unit_key) FILTER (WHERE f.person IS NOT NULL))::int, coalesce(sum(g.given), 0)::float8,
    coalesce(sum(w.owed), 0)::float8, coalesce(sum(greatest(p.paid - coalesce(g.given, 0), 0)), 0)::float8,
    (coalesce(sum(g.unpriced), 0) + coalesce(sum(w.unvalued), 0))::int
FROM fresh k LEFT JOIN came f ON f.person = k.person LEFT JOIN gave g ON g.person = k.person
LEFT JOIN owed w ON w.person = k.person LEFT JOIN paid p ON p.person = k.person
GROUP BY 1 ORDER BY 1
"""


def won_in(experiment: Experiment, variants: Sequence[Variant], known_at: datetime) -> list[ArmWon]:
    """Return each arm's customers who had not bought yet, as known at an instant; nothing where there are none at all."""
    worths = worths_of(experiment, known_at) if experiment.program is not None else {}
    parameters = parameters_of(experiment, list(variants), known_at)
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch(WON, parameters | {"wallets": list(worths), "worths": list(worths.values())})
    found = {variants[place].code: row for place, *row in rows}
    is_of_all = experiment.program is None  # of several programs nobody adds the costs up
    return [
        ArmWon(each.code, *_counted(found.get(each.code), is_unknown=is_of_all)) for each in variants
    ] if found else []  # fmt: skip


def _counted(row: Sequence[float] | None, *, is_unknown: bool) -> tuple[int, int, float, float, float, int]:
    customers, came, rewards, points, paid, unknown = row or (0, 0, 0.0, 0.0, 0.0, 0)
    return int(customers), int(came), float(rewards), float(points), float(paid), int(unknown) + is_unknown
