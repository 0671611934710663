"""
What each product brought, by one statement over the order lines of a time, and one that says where these begin and end.

Revenue is what was paid with money and kept: less discounts, less what came back, less the part of an order that points paid.
Its margin is that of `analytics.margins`: that less the cost of the pieces that were kept, where their lines say it, and of other
goods less what the retailer's rate does not leave of them, however they were paid. Gift cards are no products. Guests buy, but
are no customers.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.kpis.scores import NOBODY, Score, share
from analytics.margins import SQL
from analytics.statistics import give_memory
from analytics.what_pays.period import Days
from customers.core import bulk
from customers.core.calendar import day_before, midnight
from customers.models import Retailer

# Without a rate it is known where all goods have a cost, or those without one came to nothing beside those that have one.
MARGIN = SQL.format(
    value="s.revenue", paid="s.paid", costed="coalesce(s.costed_goods, 0)", cost="coalesce(s.cost, 0)",
    rate="CASE WHEN s.is_costed AND s.costed_goods IS NOT NULL THEN 0 ELSE %(rate)s::numeric END",
)  # fmt: skip
# Lines know no day. Ids of orders grow as they are recorded, which is mostly as they occurred: those of some days lie close to
# each other.
BOUNDS = """
WITH known AS MATERIALIZED (
    SELECT id FROM customers_order WHERE retailer_id = %(retailer)s AND occurred_at >= %(begin)s AND occurred_at < %(end)s
)
SELECT (SELECT id FROM known ORDER BY id LIMIT 1), (SELECT id FROM known ORDER BY id DESC LIMIT 1)
"""
# Of all products it is summed what they brought. By whom and with what they were bought is counted of those alone that are told:
# of the lines that are read for the sums, which are read once. Another product was in an order that has more lines than of this.
PRODUCTS = f"""
WITH back AS (
    SELECT b.line_id, sum(b.quantity) AS quantity, sum(b.net_amount) AS amount
    FROM customers_returnline b JOIN customers_return r ON r.id = b.order_return_id WHERE r.retailer_id = %(retailer)s GROUP BY 1
), kept AS (
    SELECT l.sku, l.category, o.id AS order_id, o.customer_id, o.local_date, l.net_amount, l.discount, b.amount AS returned,
        CASE WHEN b.quantity IS NULL THEN l.quantity ELSE l.quantity - b.quantity END AS kept, l.unit_cost,
        CASE WHEN b.amount IS NULL THEN l.net_amount ELSE l.net_amount - b.amount END AS goods,
        1 - nullif(o.paid_with_points, 0) / nullif(o.net_amount, 0) AS paid_with_money
    FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id LEFT JOIN back b ON b.line_id = l.id
    WHERE o.retailer_id = %(retailer)s AND l.retailer_id = %(retailer)s AND NOT l.is_gift_card
        AND o.local_date >= %(first)s AND o.local_date <= %(last)s AND o.occurred_at >= %(begin)s AND o.occurred_at < %(end)s
        AND l.order_id >= %(first_order)s AND l.order_id <= %(last_order)s
), lines AS MATERIALIZED (
    SELECT *, CASE WHEN paid_with_money IS NULL THEN goods ELSE goods * paid_with_money END AS revenue FROM kept
), sold AS (
    SELECT sku, sum(revenue) AS revenue, coalesce(sum(goods - revenue) FILTER (WHERE paid_with_money IS NOT NULL), 0) AS paid,
        sum(goods) FILTER (WHERE unit_cost IS NOT NULL) AS costed_goods, sum(unit_cost * kept) AS cost,
        bool_and(unit_cost IS NOT NULL OR goods = 0) AS is_costed
    FROM lines GROUP BY 1
), told AS (
    SELECT s.*, ({MARGIN})::float8 AS margin FROM sold s ORDER BY margin DESC NULLS LAST, s.revenue DESC, s.sku LIMIT %(limit)s
), mine AS (
    SELECT l.* FROM lines l JOIN told t ON t.sku = l.sku
), buyers AS (
    SELECT m.sku, m.customer_id, min(m.local_date) < max(m.local_date) AS is_repeated,
        bool_or(m.local_date = s.first_day) AS is_new
    FROM mine m LEFT JOIN analytics_customerstatistics s ON s.customer_id = m.customer_id
    WHERE m.customer_id IS NOT NULL AND m.kept > 0 GROUP BY 1, 2
), bought AS (
    SELECT sku, count(*) AS customers, count(*) FILTER (WHERE is_repeated) AS repeated, count(*) FILTER (WHERE is_new) AS new
    FROM buyers GROUP BY 1
), baskets AS (
    SELECT order_id, count(*) AS lines FROM lines WHERE kept > 0 GROUP BY 1
), in_orders AS (
    SELECT sku, order_id, count(*) AS lines FROM mine WHERE kept > 0 GROUP BY 1, 2
), orders AS (
    SELECT i.sku, count(*) AS orders, count(*) FILTER (WHERE b.lines > i.lines) AS attached
    FROM in_orders i JOIN baskets b ON b.order_id = i.order_id GROUP BY 1
), summed AS (
    SELECT sku, max(category) AS category, sum(net_amount) AS net, sum(discount) AS discount,
        coalesce(sum(returned), 0) AS returned, sum(kept) AS units,
        coalesce(sum(revenue) FILTER (WHERE unit_cost IS NOT NULL), 0) AS costed
    FROM mine GROUP BY 1
)
SELECT s.sku, coalesce(p.name, ''), n.category, coalesce(o.orders, 0), coalesce(b.customers, 0), coalesce(b.repeated, 0),
    CASE WHEN %(knows_new)s THEN coalesce(b.new, 0) END, coalesce(o.attached, 0),
    n.units::float8, (n.net + n.discount)::float8, n.discount::float8,
    n.net::float8, n.returned::float8, s.revenue::float8, n.costed::float8, s.margin
FROM told s JOIN summed n ON n.sku = s.sku LEFT JOIN bought b ON b.sku = s.sku LEFT JOIN orders o ON o.sku = s.sku
LEFT JOIN customers_product p ON p.retailer_id = %(retailer)s AND p.sku = s.sku
ORDER BY s.margin DESC NULLS LAST, s.revenue DESC, s.sku
"""


@dataclass(frozen=True, slots=True)
class ProductReturn:
    """
    What a product brought.

    :param orders: in which some of it was kept; `attached` of them with another product
    :param customers: who kept some; `repeated` of them on two days or more, `new` of them on their first purchase day: None
        where the data do not say when customers came
    :param listed: what it would have cost without discounts; `net` with them
    :param costed: revenue of lines whose cost is known
    :param margin: None where neither costs nor a rate are known
    """

    sku: str
    name: str
    category: str
    orders: int
    customers: int
    repeated: int
    new: int | None
    attached: int
    units: float
    listed: float
    discount: float
    net: float
    returned: float
    revenue: float
    costed: float
    margin: float | None

    @property
    def margin_share(self) -> float | None:
        return None if self.margin is None or not self.revenue else self.margin / self.revenue

    @property
    def discount_share(self) -> float | None:
        return self.discount / self.listed if self.listed else None

    @property
    def returned_share(self) -> float | None:
        return self.returned / self.net if self.net else None

    @property
    def repeat_rate(self) -> Score:
        return share(self.repeated, self.customers)

    @property
    def new_share(self) -> Score:
        return NOBODY if self.new is None else share(self.new, self.customers)

    @property
    def attach_rate(self) -> Score:
        return share(self.attached, self.orders)


def products(retailer: Retailer, days: Days, *, limit: int) -> list[ProductReturn]:
    """Return what products brought, those with most margin first; where none is known, most revenue."""
    rate = None if retailer.margin_rate is None else float(retailer.margin_rate)
    given: dict[str, Any] = {
        "retailer": retailer.pk, "first": days.first, "last": days.last, "rate": rate, "limit": limit,
        "knows_new": not verdict(retailer, Use.COHORTS).is_blocked, "begin": midnight(day_before(days.first), retailer.tzinfo),
        "end": midnight(days.last + timedelta(days=2), retailer.tzinfo),
    }  # fmt: skip
    with transaction.atomic():
        give_memory()
        ((first, last),) = bulk.fetch_planned(BOUNDS, given)
        given |= {"first_order": first, "last_order": last}
        return [ProductReturn(*row) for row in bulk.fetch_planned(PRODUCTS, given)]
