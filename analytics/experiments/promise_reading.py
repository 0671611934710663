"""How many of each part's orders were on promotion: who is given offers again and again learns to wait for the next one."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from analytics.experiments.promise_results import Promoted
from analytics.experiments.reading import ENTERED, parameters_of
from analytics.statistics import give_memory
from customers.core import bulk
from loyalty.experiments.models import Experiment, Variant
from loyalty.rewards.models import Reward

PROMOTED_DAYS = 182  # six months
# With a code, with a line that has a discount, or where a reward was used that takes something off.
PROMOTED = f"""
{ENTERED}, mine AS (
    SELECT k.person, k.place, o.id, o.number, o.promotion_code FROM counted k JOIN customers_order o ON o.customer_id = k.person
        AND o.occurred_at >= greatest(k.exposed_at, %(from)s::timestamptz) AND o.occurred_at <= %(known)s
    WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(known)s
), reduced AS (
    SELECT DISTINCT m.id FROM mine m JOIN customers_orderline l ON l.order_id = m.id AND l.discount > 0
), used AS (
    SELECT DISTINCT m.id FROM mine m
    JOIN memberships_membership s ON s.customer_id = m.person AND s.program_id = %(program)s
    JOIN rewards_rewardredemption r ON r.membership_id = s.id AND r.order_number = m.number AND r.recorded_at <= %(known)s
    JOIN rewards_reward w ON w.id = r.reward_id AND w.kind = ANY(%(kinds)s::text[])
)
SELECT m.place::int - 1, count(*)::int,
    (count(*) FILTER (WHERE m.promotion_code <> '' OR d.id IS NOT NULL OR u.id IS NOT NULL))::int
FROM mine m LEFT JOIN reduced d ON d.id = m.id LEFT JOIN used u ON u.id = m.id GROUP BY 1 ORDER BY 1
"""


def promoted_of(
    experiment: Experiment, variants: Sequence[Variant], since: datetime, start: datetime, known_at: datetime
) -> list[Promoted]:
    """
    Return how many orders each variant's customers placed since their exposure, and how many of them were on promotion.

    :param since: before which nobody was treated otherwise
    :param start: of the months that count
    """
    parameters = parameters_of(experiment, list(variants), known_at) | {
        "since": since, "from": start, "kinds": [Reward.Kind.AMOUNT_OFF.value, Reward.Kind.PERCENT_OFF.value],
    }  # fmt: skip
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch(PROMOTED, parameters)
    return [Promoted(variants[place].code, variants[place].is_control, *counts) for place, *counts in rows]
