from datetime import date
from typing import Any

import numpy as np
import pytest

from analytics.clv.orders import histories

END = date(2026, 3, 31)


def test_a_purchase_day_is_one_that_came_to_more_than_nothing() -> None:
    orders = [
        ("ada", date(2026, 3, 1), 10.0), ("ada", date(2026, 3, 1), 5.0), ("ada", date(2026, 3, 5), 20.0),
        ("ada", date(2026, 3, 9), 7.0), ("ada", date(2026, 3, 9), -7.0), ("bob", date(2026, 3, 31), 1.0),
        ("charlie", date(2026, 3, 2), 0.0), ("ada", date(2026, 4, 1), 99.0), ("diana", date(2026, 4, 2), 9.0),
    ]  # fmt: skip

    found = histories(*zip(*orders, strict=True), end=END)

    assert found.ids.tolist() == ["ada", "bob"]
    assert (found.frequency.tolist(), found.recency.tolist(), found.age.tolist()) == ([1, 0], [4, 0], [30, 0])
    assert (found.occasions.tolist(), found.total.tolist(), found.mean.tolist()) == ([2, 1], [35.0, 1.0], [17.5, 1.0])


def test_orders_without_values_each_count() -> None:
    found = histories(
        [7, 3, 7], np.array(["2026-03-01", "2026-03-02", "2026-03-08"], dtype="datetime64[ns]"), end="2026-03-10"
    )

    assert (found.ids.tolist(), found.frequency.tolist(), found.age.tolist()) == ([3, 7], [0, 1], [8, 9])
    assert np.all(np.isnan(found.total))


def test_days_may_be_numbers() -> None:
    found = histories([1, 1], [100, 103], [2.0, 4.0], end=110)

    assert (found.frequency.tolist(), found.recency.tolist(), found.age.tolist(), len(found)) == ([1], [3], [10], 1)


@pytest.mark.parametrize("orders", [([], [], []), ([1], [9], [5.0])])
def test_nobody_has_no_history(orders: Any) -> None:
    customer, day, value = orders

    assert len(histories(customer, np.array(day, dtype=np.int64), value, end=5)) == 0


def test_orders_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="equal length"):
        histories([1, 2], [5], [1.0], end=9)
    with pytest.raises(ValueError, match="value is not a finite number"):
        histories([1], [5], [np.nan], end=9)
