from decimal import Decimal

import numpy as np
import pytest
from django.utils import translation

from customers.core.numbers import shown


@pytest.mark.parametrize(
    ("number", "decimals", "english", "french"),
    [
        (5.2179, 2, "5.22", "5,22"), (Decimal("2.675"), 2, "2.68", "2,68"), (1234567.5, 0, "1,234,568", "1 234 568"),
        (-0.004, 2, "0.00", "0,00"), (1e22, 0, "10,000,000,000,000,000,000,000", "10 000 000 000 000 000 000 000"),
        (3, 1, "3.0", "3,0"), (np.float64(10.0), 2, "10.00", "10,00"), (np.int64(7), 0, "7", "7"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_and_not_cut_off(number: Decimal | float, decimals: int, english: str, french: str) -> None:
    with translation.override("en"):
        assert shown(number, decimals) == english
    with translation.override("fr"):
        assert shown(number, decimals).replace("\u202f", " ").replace("\xa0", " ") == french
