"""
What each product brought, by one statement over the order lines of a time.

Revenue is what was paid with money and kept: less discounts, less what came back, less the part of an order that points paid.
Its margin is that of `analytics.margins`: that less the cost of the pieces that were kept, where their lines say it, and of other
goods less what the retailer's rate does not leave of them, however they were paid. Gift cards are no products. Guests buy, but
are no customers.
"""

from dataclasses import dataclass

from django.db import transaction

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.kpis.scores import NOBODY, Score, share
from analytics.margins import SQL
from analytics.statistics import give_memory
from analytics.what_pays.period import Days
from customers.core import bulk
from customers.models import Retailer

# Without a rate it is known where all goods have a cost, or those without one came to nothing beside those that have one.
MARGIN = SQL.format(
    value="s.revenue", paid="(s.goods - s.revenue)", costed="coalesce(s.costed_goods, 0)", cost="coalesce(s.cost, 0)",
    rate="CASE WHEN s.is_costed AND s.costed_goods IS NOT NULL THEN 0 ELSE %(rate)s::numeric END",
)  # fmt: skip
PRODUCTS = f"""
WITH back AS (
    SELECT b.line_id, sum(b.quantity) AS quantity, sum(b.net_amount) AS amount
    FROM customers_returnline b JOIN customers_return r ON r.id = b.order_return_id WHERE r.retailer_id = %(retailer)s GROUP BY 1
), lines AS (
    SELECT l.sku, l.category, o.id AS order_id, o.customer_id, o.local_date, l.net_amount, l.discount,
        coalesce(b.amount, 0) AS returned, l.quantity - coalesce(b.quantity, 0) AS kept, l.unit_cost,
        l.net_amount - coalesce(b.amount, 0) AS goods,
        (l.net_amount - coalesce(b.amount, 0)) * (1 - coalesce(o.paid_with_points / nullif(o.net_amount, 0), 0)) AS revenue
    FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id LEFT JOIN back b ON b.line_id = l.id
    WHERE o.retailer_id = %(retailer)s AND l.retailer_id = %(retailer)s AND NOT l.is_gift_card
        AND o.local_date >= %(first)s AND o.local_date <= %(last)s
), buyers AS (
    SELECT l.sku, l.customer_id, min(l.local_date) < max(l.local_date) AS is_repeated,
        bool_or(l.local_date = s.first_day) AS is_new
    FROM lines l LEFT JOIN analytics_customerstatistics s ON s.customer_id = l.customer_id
    WHERE l.customer_id IS NOT NULL AND l.kept > 0 GROUP BY 1, 2
), bought AS (
    SELECT sku, count(*) AS customers, count(*) FILTER (WHERE is_repeated) AS repeated, count(*) FILTER (WHERE is_new) AS new
    FROM buyers GROUP BY 1
), baskets AS (
    SELECT sku, count(*) OVER (PARTITION BY order_id) AS skus FROM lines WHERE kept > 0 GROUP BY order_id, sku
), orders AS (
    SELECT sku, count(*) AS orders, count(*) FILTER (WHERE skus > 1) AS attached FROM baskets GROUP BY 1
), sold AS (
    SELECT sku, max(category) AS category, sum(net_amount) AS net, sum(discount) AS discount, sum(returned) AS returned,
        sum(kept) AS units, sum(revenue) AS revenue, sum(revenue) FILTER (WHERE unit_cost IS NOT NULL) AS costed,
        sum(unit_cost * kept) AS cost, sum(goods) AS goods, sum(goods) FILTER (WHERE unit_cost IS NOT NULL) AS costed_goods,
        bool_and(unit_cost IS NOT NULL OR goods = 0) AS is_costed
    FROM lines GROUP BY 1
)
SELECT s.sku, coalesce(p.name, ''), s.category, coalesce(o.orders, 0), coalesce(b.customers, 0), coalesce(b.repeated, 0),
    CASE WHEN %(knows_new)s THEN coalesce(b.new, 0) END, coalesce(o.attached, 0),
    s.units::float8, (s.net + s.discount)::float8, s.discount::float8,
    s.net::float8, s.returned::float8, s.revenue::float8, coalesce(s.costed, 0)::float8,
    ({MARGIN})::float8 AS margin
FROM sold s LEFT JOIN bought b ON b.sku = s.sku LEFT JOIN orders o ON o.sku = s.sku
LEFT JOIN customers_product p ON p.retailer_id = %(retailer)s AND p.sku = s.sku
ORDER BY margin DESC NULLS LAST, s.revenue DESC, s.sku LIMIT %(limit)s
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
    given = {
        "retailer": retailer.pk, "first": days.first, "last": days.last, "rate": rate, "limit": limit,
        "knows_new": not verdict(retailer, Use.COHORTS).is_blocked,
    }  # fmt: skip
    with transaction.atomic():
        give_memory()
        return [ProductReturn(*row) for row in bulk.fetch_planned(PRODUCTS, given)]
