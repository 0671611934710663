"""The only writer of products: what a retailer says of what it sells, up to a thousand at once."""

from collections.abc import Sequence
from datetime import datetime

from customers.checks import require_name
from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from customers.models.suggestion import MAX_SKU

# What is not said stays as it is known. Rows are written in the order of their keys: two writers never wait for each other.
WRITE = """
INSERT INTO customers_product AS p (retailer_id, sku, name, product_type, in_stock, is_suggested, updated_at)
SELECT %(retailer)s, s.sku, coalesce(s.name, ''), coalesce(s.type, ''), s.in_stock, coalesce(s.suggested, true), %(now)s
FROM unnest(%(skus)s::text[], %(names)s::text[], %(types)s::text[], %(stocks)s::boolean[], %(suggested)s::boolean[])
    AS s (sku, name, type, in_stock, suggested)
ORDER BY s.sku
ON CONFLICT (retailer_id, sku) DO UPDATE SET updated_at = excluded.updated_at,
    name = CASE WHEN excluded.name = '' THEN p.name ELSE excluded.name END,
    product_type = CASE WHEN excluded.product_type = '' THEN p.product_type ELSE excluded.product_type END,
    in_stock = coalesce(excluded.in_stock, p.in_stock),
    is_suggested = coalesce((
        SELECT g.said FROM unnest(%(skus)s::text[], %(suggested)s::boolean[]) AS g (sku, said) WHERE g.sku = p.sku
    ), p.is_suggested)
RETURNING xmax = 0
"""


@dataclass(frozen=True, slots=True)
class ProductFact:
    """What is said of a product; None where nothing is, and it stays as it is known."""

    sku: str
    name: str | None = None
    product_type: str | None = None
    in_stock: bool | None = None
    is_suggested: bool | None = None


@dataclass(frozen=True, slots=True)
class Catalogued:
    """How many products became known, and how many were known before."""

    created: int
    updated: int


def record_products(retailer: Retailer, facts: Sequence[ProductFact], *, now: datetime) -> Catalogued:
    """
    Write down what a retailer says of its products; of one that is said twice the last counts.

    :raises InvalidFact: when a SKU is empty or too long
    """
    for fact in facts:
        require_name("sku", fact.sku, MAX_SKU)
    last = list({fact.sku: fact for fact in facts}.values())
    rows = bulk.fetch(WRITE, {
        "retailer": retailer.pk, "now": now, "skus": [fact.sku for fact in last], "names": [fact.name for fact in last],
        "types": [fact.product_type for fact in last], "stocks": [fact.in_stock for fact in last],
        "suggested": [fact.is_suggested for fact in last],
    })  # fmt: skip
    created = sum(is_new for (is_new,) in rows)
    return Catalogued(created, len(rows) - created)
