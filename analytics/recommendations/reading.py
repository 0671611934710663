"""What was bought, as columns of numbers, and what is known of each product: the only reader of raw tables here."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from analytics.copying import read_columns
from analytics.recommendations.leaving_out import is_left_out
from analytics.recommendations.methods import Shelf
from analytics.recommendations.picking import NONE
from analytics.recommendations.purchases import Flags, Floats, Ints, Purchases
from analytics.statistics import give_memory
from customers.core import bulk
from customers.core.consents import NEWEST_FIRST
from customers.models import Retailer

MAX_DAYS = 730  # of purchases that are read
SIZE = 250_000  # rows of a block
# A line that came back whole is no purchase. Customers, products and orders travel as hashes of 64 bits.
FIELDS = {
    "customer": "bigint", "item": "bigint", "basket": "bigint", "at": "double precision", "day": "integer",
}  # fmt: skip
LINES = """
WITH back AS (
    SELECT b.line_id, sum(b.quantity) AS quantity FROM customers_returnline b
    JOIN customers_return r ON r.id = b.order_return_id WHERE r.retailer_id = %(retailer)s GROUP BY 1
)
SELECT uuid_hash_extended(o.customer_id, 0), hashtextextended(l.sku, 0), uuid_hash_extended(o.id, 0),
    extract(epoch FROM o.occurred_at)::float8, o.local_date - date '1970-01-01'
FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id LEFT JOIN back b ON b.line_id = l.id
WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.local_date > %(since)s AND o.local_date <= %(cut)s
    AND coalesce(b.quantity, 0) < l.quantity
"""
ITEMS = """
SELECT s.*, coalesce(p.product_type, ''), p.in_stock, coalesce(p.is_suggested, true) FROM (
    SELECT hashtextextended(l.sku, 0) AS hash, l.sku, max(l.category) AS category,
        (sum(l.net_amount) / sum(l.quantity))::float8 AS price,
        (sum(l.net_amount - l.unit_cost * l.quantity) FILTER (WHERE l.unit_cost IS NOT NULL))::float8 AS margin,
        bool_or(l.is_gift_card) AS is_gift_card
    FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.local_date > %(since)s AND o.local_date <= %(cut)s
    GROUP BY l.sku
) s LEFT JOIN customers_product p ON p.retailer_id = %(retailer)s AND p.sku = s.sku ORDER BY s.sku
"""
# Who is merged or erased is nobody any more.
CUSTOMERS = f"""
SELECT uuid_hash_extended(c.id, 0), c.id, EXISTS (
    SELECT 1 FROM (
        SELECT s.granted FROM customers_consent s
        WHERE s.customer_id = c.id AND s.purpose = 'profiling' AND s.occurred_at <= %(now)s
        ORDER BY {NEWEST_FIRST} LIMIT 1
    ) last WHERE last.granted
)
FROM customers_customer c WHERE c.retailer_id = %(retailer)s AND c.merged_into_id IS NULL AND c.erased_at IS NULL
    AND EXISTS (SELECT 1 FROM customers_order o WHERE o.customer_id = c.id)
ORDER BY c.id
"""
LAST = "SELECT max(local_date) FROM customers_order WHERE retailer_id = %s AND customer_id IS NOT NULL"


@dataclass(frozen=True)
class Catalogue:
    """
    The products that were bought.

    :param skus: by item, sorted
    :param price: the mean of what was paid for a piece
    :param excluded: how many may not be shown, by why
    """

    skus: list[str]
    hashes: Ints
    shelf: Shelf
    price: NDArray[np.float64]
    excluded: dict[str, int]

    def places_of(self, hashes: Ints) -> tuple[Ints, Flags]:
        """
        Return the items that hashes are of, and of which they are of any.

        Lines are read after the products: what was bought of a new one meanwhile is of none, and not of its neighbour.
        """
        order = np.argsort(self.hashes)
        place = order[np.minimum(np.searchsorted(self.hashes[order], hashes), len(order) - 1)]
        return place, self.hashes[place] == hashes


@dataclass(frozen=True)
class Past:
    """
    What was bought until a day.

    :param everyone: all purchases, of nobody's profile: what is popular, and what is bought together
    :param consenting: the purchases of those who allow a profile, by their own indices
    :param ids: of those, by index
    """

    cut: date
    catalogue: Catalogue
    everyone: Purchases
    consenting: Purchases
    ids: list[UUID]

    @property
    def history_days(self) -> int:
        return int(self.everyone.age.max(initial=-1)) + 1


def read(retailer: Retailer, *, now: datetime, excluded: list[str] | None) -> Past | None:
    """
    Return what a retailer's known customers bought in the last two years; None where nobody did.

    :param excluded: categories that are left out; None for the usual words
    """
    ((cut,),) = bulk.fetch(LAST, [retailer.pk])
    if cut is None:
        return None
    asked = {"retailer": retailer.pk, "cut": cut, "since": cut - timedelta(days=MAX_DAYS)}
    with transaction.atomic():
        give_memory()
        catalogue = _catalogue(bulk.fetch(ITEMS, asked), excluded)
        blocks = list(read_columns(LINES, asked, FIELDS, SIZE))
        people = bulk.fetch(CUSTOMERS, {"retailer": retailer.pk, "now": now})
    if not blocks:
        return None
    rows = {name: np.concatenate([block[name] for block in blocks]).astype(block_type(name)) for name in FIELDS}
    return _past(cut, catalogue, rows, people)


def block_type(name: str) -> Any:
    """Return the type of a column as NumPy computes with it."""
    return np.float64 if name == "at" else np.int64


def _past(cut: date, catalogue: Catalogue, rows: dict[str, Any], people: list[tuple[Any, ...]]) -> Past:
    item, is_known = catalogue.places_of(rows["item"])
    rows, item = {name: column[is_known] for name, column in rows.items()}, item[is_known]
    known, customer = np.unique(rows["customer"], return_inverse=True)
    age = (cut - date(1970, 1, 1)).days - rows["day"]
    items = len(catalogue.skus)
    everyone = Purchases.of(
        customer, item, _in_order(rows["at"], rows["basket"]), age, customers=len(known), items=items
    )
    allowed = [(hash_, pk) for hash_, pk, consents in people if consents]
    hashes = np.array([hash_ for hash_, _pk in allowed], dtype=np.int64)
    present = np.isin(hashes, known)
    index = np.full(len(known), NONE)
    index[np.searchsorted(known, hashes[present])] = np.arange(int(present.sum()))
    of_them = everyone.where(index[everyone.customer] != NONE)
    consenting = Purchases.of(
        index[of_them.customer], of_them.item, of_them.basket, of_them.age, customers=int(present.sum()), items=items
    )
    ids = [pk for (_hash, pk), is_there in zip(allowed, present, strict=True) if is_there]
    return Past(cut, catalogue, everyone, consenting, ids)


def _in_order(at: Floats, basket: Ints) -> Ints:
    """Return numbers of baskets, in the order of time."""
    order = np.lexsort((basket, at))
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = basket[order][1:] != basket[order][:-1]
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(starts) - 1
    return number


def _catalogue(rows: list[tuple[Any, ...]], named: list[str] | None) -> Catalogue:
    left_out = {category: is_left_out(category, named) for category in {row[2] for row in rows}}
    whys = {
        "category": np.array([left_out[row[2]] or row[5] for row in rows], dtype=bool),
        "not_suggested": np.array([not row[8] for row in rows], dtype=bool),
        "out_of_stock": np.array([row[7] is False for row in rows], dtype=bool),
        "loss": np.array([row[4] is not None and row[4] < 0 for row in rows], dtype=bool),
    }
    shown: Flags = np.ones(len(rows), dtype=bool)
    excluded = {}
    for why, out in whys.items():
        excluded[why] = int((shown & out).sum())
        shown &= ~out
    shelf = Shelf(shown, _numbers([row[6] for row in rows]), _numbers([row[2] for row in rows]))
    hashes = np.array([row[0] for row in rows], dtype=np.int64)
    return Catalogue([row[1] for row in rows], hashes, shelf, np.array([row[3] for row in rows], dtype=float), excluded)


def _numbers(names: list[str]) -> Ints | None:
    """Return a number for each name, NONE for an empty one; None where all are."""
    known = {name: number for number, name in enumerate(sorted({name for name in names if name}))}
    return np.array([known.get(name, NONE) for name in names], dtype=np.int64) if known else None
