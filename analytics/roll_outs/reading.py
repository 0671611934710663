"""What a retailer's stores sold, month by month, in one statement: all orders, guests' too, as they were known at an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

import numpy as np
from django.db import transaction

from analytics import statistics
from analytics.experiments.reading import THEN
from analytics.margins import margin, rate_of_goods
from analytics.statistics import give_memory, has_costs, with_money
from analytics.uplift.panel import Floats
from analytics.uplift.results import Reason
from analytics.uplift.roll_outs import CannotJudge, Sales
from customers.core import bulk
from customers.core.calendar import add_months, day_after, local_date
from customers.core.ordering import by_number
from customers.models import Retailer

MAX_MONTHS = 36  # before the beginning
SPAN = """
SELECT min(local_date), max(local_date), count(*), count(*) FILTER (WHERE store <> '') FROM customers_order
WHERE retailer_id = %(retailer)s AND occurred_at <= %(known)s AND recorded_at <= %(known)s
"""
STORES = """
SELECT store, count(*) FROM customers_order WHERE retailer_id = %s AND store <> '' GROUP BY store
"""
SOLD = """
SELECT o.store, date_trunc('month', o.local_date)::date, count(*), sum(m.value)::float8, sum(m.paid)::float8,
    sum(m.costed)::float8, sum(m.cost)::float8
FROM customers_order o {money}
WHERE o.retailer_id = %(retailer)s AND o.store <> '' AND o.local_date >= %(first)s AND o.local_date < %(end)s
    AND o.occurred_at <= %(known)s AND o.recorded_at <= %(known)s
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Read:
    """
    What stores sold as it was read.

    :param months: the first day of each; one that the program began in the midst of is none of them
    :param basis: revenue; or by what the margin is known: rate, costs, costs_and_rate
    :param digest: of all its numbers
    """

    sales: Sales
    months: Sequence[date]
    basis: str
    digest: str


def stores_of(retailer: Retailer) -> Mapping[str, int]:
    """Return a retailer's stores, with how many orders each has, in the order in which people look for them."""
    found = dict(bulk.fetch(STORES, [retailer.pk]))
    return {store: found[store] for store in sorted(found, key=by_number)}


def read(retailer: Retailer, treated: Sequence[str], began_on: date, metric: str, *, known_at: datetime) -> Read:
    """
    Return what a retailer's stores sold in whole months, as it was known at an instant.

    :raises CannotJudge: where no order names a store, or no month is whole
    """
    given = {"retailer": retailer.pk, "known": known_at}
    first_day, last_day, orders, named = bulk.fetch(SPAN, given)[0]
    if not named:
        raise CannotJudge(Reason("no_stores" if orders else "nothing_bought", {"orders": orders}))
    # Where orders stopped coming in, months since are not those of shops that sold nothing.
    today = min(local_date(known_at, retailer.tzinfo), day_after(last_day))
    months = whole_months(first_day, began_on, today)
    by_margin = metric == "margin"
    knows_costs = by_margin and has_costs(retailer)
    span = {"first": months[0], "end": add_months(months[-1], 1)} if months else {"first": began_on, "end": began_on}
    with transaction.atomic():
        give_memory()
        rows = bulk.fetch(_sql(knows_costs=knows_costs), given | span)
    stores = sorted({row[0] for row in rows} | (set(treated) & set(stores_of(retailer))))
    places = {store: place for place, store in enumerate(stores)}, {month: place for place, month in enumerate(months)}
    cells = np.zeros((5, len(stores), len(months)))
    for store, month, *numbers in rows:
        if month in places[1]:
            cells[:, places[0][store], places[1][month]] = numbers
    sold, basis = _money(retailer, cells, by_margin=by_margin)
    first = sum(month < began_on for month in months)
    sales = Sales(stores, sold, cells[0], frozenset(treated), first)
    return Read(sales, months, basis, _digest(stores, months, cells))


def whole_months(first_day: date, began_on: date, today: date) -> list[date]:
    """
    Return the first days of the months that are compared: whole ones, but for that in the midst of which it began.

    :param first_day: with the first order of all
    :param today: the first day that is not over; its month is none of them
    """
    begun = began_on.replace(day=1)
    month = first_day if first_day.day == 1 else add_months(first_day.replace(day=1), 1)
    month = max(month, add_months(begun, -MAX_MONTHS))
    found = []
    while add_months(month, 1) <= today:
        if month != begun or began_on.day == 1:
            found.append(month)
        month = add_months(month, 1)
    return found


def _sql(*, knows_costs: bool) -> str:
    back, costs = statistics.BACK.format(**THEN), statistics.COSTS.format(**THEN)
    sold = SOLD.format(money=with_money(knows_costs=knows_costs))
    return f"WITH {back}{f', {costs}' if knows_costs else ''} {sold}"


def _money(retailer: Retailer, cells: Floats, *, by_margin: bool) -> tuple[Floats, str]:
    """Return what stores brought, and by what it is known: as experiments know it."""
    _orders, value, paid, costed, cost = cells
    if not by_margin:
        return value, "revenue"
    whole = float(costed.sum())
    known = None if retailer.margin_rate is None else float(retailer.margin_rate)
    rate = rate_of_goods(known, costed=whole, cost=float(cost.sum()))
    if rate is None:
        return value, "no_margin"
    brought = margin(value=value, paid=paid, costed=costed, cost=cost, rate=rate)
    if whole <= 0:
        return brought, "rate"
    return brought, "costs" if known is None else "costs_and_rate"


def _digest(stores: Sequence[str], months: Sequence[date], cells: Floats) -> str:
    found = sha256("\n".join([*stores, *(month.isoformat() for month in months)]).encode())
    found.update(np.ascontiguousarray(cells).data)
    return found.hexdigest()
