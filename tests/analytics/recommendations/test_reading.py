"""What is read of purchases while others are recorded."""

import numpy as np
import pytest

from analytics.recommendations.methods import Shelf
from analytics.recommendations.reading import Catalogue


@pytest.mark.parametrize("new", [5, 25, 45])
def test_a_product_that_is_bought_for_the_first_time_while_lines_are_read_is_no_other_one(new: int) -> None:
    products = Catalogue(
        ["A", "B", "C"], np.array([30, 10, 40]), Shelf(np.ones(3, dtype=bool)), np.array([1.0, 2.0, 3.0]), {}
    )

    place, is_known = products.places_of(np.array([10, new, 40, 30]))

    assert place[is_known].tolist() == [1, 2, 0]
    assert is_known.tolist() == [True, False, True, True]
