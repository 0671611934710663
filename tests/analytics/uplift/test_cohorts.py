"""The table of cohorts and months, from customers and from a panel."""

from datetime import date

import numpy as np
import pytest

from analytics.uplift.cohorts import CohortTable, from_panel, whole_months
from analytics.uplift.panel import NEVER, NOBODY, Customers, Orders, Panel

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def month(text: str) -> int:
    return date.fromisoformat(text).year * 12 + date.fromisoformat(text).month - 1 - 1970 * 12


def panel(joined: list[str], *orders: tuple[int, str, float], first: str, cut: str) -> Panel:
    days = np.array([day(each) if each else NEVER for each in joined], dtype=np.int32)
    customers = Customers(days, np.full(len(days), np.nan), np.zeros(len(days), dtype=np.int32))
    who, when, value = zip(*orders, strict=True)
    spent = np.array(value, dtype=np.float64)
    bought = Orders(
        np.array(who, dtype=np.int32), np.array([day(each) for each in when], dtype=np.int32),
        np.zeros(len(who)), spent, spent / 4, np.zeros(len(who), dtype=np.bool_),
    )  # fmt: skip
    return Panel(customers, bought, first=day(first), cut=day(cut))


def test_a_table_has_each_cohorts_customers_sums_and_products() -> None:
    spent = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [10.0, 0.0, 0.0], [7.0, 7.0, 7.0]])

    table = CohortTable.of(spent, np.array([2, 2, NEVER, 0], dtype=np.int32))

    assert (table.joined.tolist(), table.customers.tolist(), table.left_out) == ([2, NEVER], [2, 1], 1)
    assert table.sums.tolist() == [[4, 6, 8], [10, 0, 0]]
    assert table.products[0].tolist() == [[10, 14, 18], [14, 20, 26], [18, 26, 34]]
    assert table.covariances[0].tolist() == [[1, 1, 1], [1, 1, 1], [1, 1, 1]]


def test_who_joins_after_the_months_has_not_joined() -> None:
    table = CohortTable.of(np.ones((2, 3)), np.array([3, NEVER], dtype=np.int32))

    assert (table.joined.tolist(), table.customers.tolist()) == ([NEVER], [2])


def test_only_whole_months_count() -> None:
    assert whole_months(day("2026-01-01"), day("2026-03-31")) == range(month("2026-01-01"), month("2026-04-01"))
    assert whole_months(day("2026-01-02"), day("2026-03-30")) == range(month("2026-02-01"), month("2026-03-01"))
    assert len(whole_months(day("2026-01-02"), day("2026-01-30"))) == 0


def test_compared_are_those_who_bought_in_the_first_months_from_then_on() -> None:
    made = panel(
        ["2026-04-15", "", "2026-04-01", "2026-01-20"],
        (NOBODY, "2026-02-03", 99), (0, "2026-01-05", 5), (0, "2026-02-05", 20), (0, "2026-04-15", 40), (0, "2026-05-01", 8),
        (1, "2026-01-31", 1), (2, "2026-04-01", 50), (3, "2026-01-20", 60),
        first="2026-01-01", cut="2026-05-20",
    )  # fmt: skip

    table = from_panel(made, known_months=1)

    assert table.first_month == month("2026-02-01")
    assert (table.joined.tolist(), table.customers.tolist(), table.left_out) == ([2, NEVER], [1, 1], 1)
    assert table.sums.tolist() == [[20, 0, 40], [0, 0, 0]]
    assert from_panel(made, known_months=1, margin=True).sums.tolist() == [[5, 0, 10], [0, 0, 0]]


def test_everyone_who_bought_may_be_compared() -> None:
    made = panel(
        ["2026-02-15", "", ""], (0, "2026-02-15", 4), (1, "2026-03-02", 6), first="2026-01-01", cut="2026-03-31"
    )

    table = from_panel(made, known_months=0)

    assert (table.joined.tolist(), table.customers.tolist()) == ([1, NEVER], [1, 1])
    assert table.sums.tolist() == [[0, 4, 0], [0, 0, 6]]


@pytest.mark.parametrize("known_months", [0, 1, 6])
def test_a_panel_of_no_whole_month_has_a_table_of_none(known_months: int) -> None:
    made = panel([""], (0, "2026-01-05", 4), first="2026-01-05", cut="2026-01-20")

    assert from_panel(made, known_months=known_months).months == 0
