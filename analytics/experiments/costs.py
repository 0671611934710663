"""
What the customers of each arm cost in their windows, by one statement, where an experiment has come to its end.

A customer costs what rewards cost that it redeemed and kept, and by how much more points it is owed at the end of its window,
as far as they are expected to be redeemed. What orders were paid with, by a reward or by points alone, is less margin already:
that is not counted twice. A variant costs what its customers do more than as many of the control.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from analytics.experiments.depth_reading import worths_of
from analytics.experiments.reading import ENTERED, OWED, parameters_of
from analytics.experiments.results import ArmCost, ArmWon
from analytics.statistics import give_memory
from customers.core import bulk
from loyalty.experiments.models import Experiment, Variant

COSTS = f"""
{ENTERED}, mine AS (
    SELECT k.person, k.exposed_at, k.until, m.id AS membership FROM counted k
    JOIN memberships_membership m ON m.customer_id = k.person AND m.program_id = %(program)s WHERE k.is_closed
), gave AS (
    SELECT k.person, sum(coalesce(w.cost, r.amount, 0) + r.matched) AS given FROM mine k
    JOIN rewards_rewardredemption r ON r.membership_id = k.membership AND r.redeemed_at >= k.exposed_at
        AND r.redeemed_at < k.until AND r.recorded_at <= %(known)s AND (r.ended_at IS NULL OR r.ended_at > %(known)s)
    JOIN rewards_reward w ON w.id = r.reward_id GROUP BY 1
){OWED}, owed AS (
    SELECT c.person, sum(c.points * v.worth) AS owed FROM changed c
    JOIN unnest(%(wallets)s::text[], %(worths)s::float8[]) AS v (code, worth) ON v.code = c.code GROUP BY 1
), paid AS (
    SELECT k.person, sum(o.paid_with_points) AS paid FROM counted k JOIN customers_order o ON o.customer_id = k.person
        AND o.occurred_at >= k.exposed_at AND o.occurred_at < k.until
    WHERE k.is_closed AND o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s AND o.paid_with_points > 0 GROUP BY 1
)
SELECT k.place::int - 1, count(*)::int, coalesce(sum(g.given), 0)::float8, coalesce(sum(w.owed), 0)::float8,
    coalesce(sum(greatest(p.paid - coalesce(g.given, 0), 0)), 0)::float8,
    coalesce(sum(p.paid), 0)::float8
FROM counted k LEFT JOIN gave g ON g.person = k.person LEFT JOIN owed w ON w.person = k.person
LEFT JOIN paid p ON p.person = k.person
WHERE k.is_closed GROUP BY 1 ORDER BY 1
"""


def costs_of(experiment: Experiment, variants: Sequence[Variant], known_at: datetime) -> list[ArmCost]:
    """Return what each arm's customers cost, as it was known at an instant; nothing where no program gave them anything."""
    if experiment.program is None:
        return []
    worths = worths_of(experiment, known_at)
    parameters = parameters_of(experiment, list(variants), known_at) | {
        "wallets": list(worths), "worths": list(worths.values()),
    }  # fmt: skip
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch(COSTS, parameters)
    return [ArmCost(variants[place].code, *row) for place, *row in rows]


def digest_of(digest: str, costs: Sequence[ArmCost] | Sequence[ArmWon]) -> str:
    """Return the digest of a look's data with that of its costs, or of those who were won."""
    return sha256(f"{digest}{costs}".encode()).hexdigest() if costs else digest
