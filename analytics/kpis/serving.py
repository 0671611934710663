"""What rewards, contacts with support and returns cost in each period, as far as a retailer knows it."""

from collections.abc import Mapping, Sequence

from analytics.kpis.models import KpiSettings
from analytics.kpis.periods import Period
from analytics.kpis.program_reading import programs_of
from analytics.kpis.reading import Asked
from customers.core import bulk
from loyalty.rewards.books import EVENTS

REWARDS = f"""
{EVENTS} SELECT date_trunc(%(grain)s, at AT TIME ZONE %(zone)s)::date,
    sum(CASE kind WHEN 'used' THEN cost ELSE -cost END)::float8
FROM events WHERE kind IN ('used', 'refunded') AND at >= %(first)s GROUP BY 1
"""
CONTACTS = """
SELECT date_trunc(%(grain)s, occurred_at AT TIME ZONE %(zone)s)::date, count(*) FROM customers_interaction
WHERE retailer_id = %(retailer)s AND kind = 'support' AND occurred_at >= %(first)s AND occurred_at < %(last)s GROUP BY 1
"""
# What guests bring back is nobody's, as what they buy.
RETURNS = """
SELECT date_trunc(%(grain)s, r.occurred_at AT TIME ZONE %(zone)s)::date, count(*)
FROM customers_return r JOIN customers_order o ON o.id = r.order_id AND o.customer_id IS NOT NULL
WHERE r.retailer_id = %(retailer)s AND r.occurred_at >= %(first)s AND r.occurred_at < %(last)s GROUP BY 1
"""


def costs(asked: Asked, periods: Sequence[Period], paid: Mapping[Period, float]) -> Mapping[Period, float]:
    """
    Return what was spent on customers beside their goods, by period; what a retailer does not know is not in it.

    :param paid: what points paid of orders, by period: the margin is less by it, so rewards that did are not counted again
    """
    spent = dict.fromkeys(periods, 0.0)
    by_start = {each.start: each for each in periods}
    parameters = asked.parameters

    def add(sql: str, each: float, given: Mapping[str, object]) -> None:
        for start, number in bulk.fetch(sql, dict(given)):
            if start in by_start:
                spent[by_start[start]] += each * number

    for program in programs_of(asked.retailer):
        add(REWARDS, 1.0, parameters | {"program": program.pk, "until": parameters["last"]})
    for each, rewards in spent.items():
        spent[each] = rewards - min(max(rewards, 0.0), paid.get(each, 0.0))
    known = KpiSettings.objects.filter(retailer=asked.retailer).first()
    if known is not None and known.contact_cost is not None:
        add(CONTACTS, float(known.contact_cost), parameters)
    if known is not None and known.return_cost is not None:
        add(RETURNS, float(known.return_cost), parameters)
    return spent
