"""Small shops in which one sees by eye what has to come out."""

import numpy as np
import pytest

from analytics.recommendations.baskets import Pairs
from analytics.recommendations.measuring import measure, new_items, next_basket, truth_of
from analytics.recommendations.methods import AGAIN, METHODS, NEW, POPULARITY, Shelf, fitted, lists_of
from analytics.recommendations.picking import CATEGORY, METHOD, NONE, POPULAR, Lists
from analytics.recommendations.purchases import Ints, Purchases, bought, decayed, popularity
from analytics.recommendations.reasons import CODES, reasons
from analytics.recommendations.validating import interval, validate
from analytics.recommendations.weights import Weights

ADA, BOB, CHARLIE = 0, 1, 2
BREAD, BUTTER, JAM, FUEL, SALT = range(5)


def shop(*baskets: tuple[int, int, tuple[int, ...]], customers: int = 3, items: int = 5) -> Purchases:
    """Return purchases of baskets: customer, age in days, items."""
    rows = [(who, item, number, age) for number, (who, age, what) in enumerate(baskets) for item in what]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Purchases.of(*columns, customers=customers, items=items)


def all_of(purchases: Purchases) -> Shelf:
    return Shelf(np.ones(purchases.items, dtype=bool))


def made(task: str, method: str, purchases: Purchases, shelf: Shelf | None = None, length: int = 3) -> Lists:
    return lists_of(task, fitted(task, method, purchases), purchases, shelf or all_of(purchases), length=length)


def test_a_product_twice_in_a_basket_counts_once_and_twice_on_a_day_as_one_day() -> None:
    day = shop((ADA, 0, (BREAD, BREAD)), (ADA, 0, (BREAD,)), (ADA, 120, (BREAD,)))

    assert len(day) == 3
    assert popularity(day)[BREAD] == 3
    assert decayed(day, 120.0)[ADA, BREAD] == 1.5
    assert bought(day)[ADA, BREAD] == 1


def test_what_is_bought_often_of_late_comes_first_and_the_rest_is_what_is_popular() -> None:
    found = shop(
        (ADA, 0, (SALT,)), (ADA, 240, (BUTTER,)), (ADA, 250, (BUTTER,)), (BOB, 1, (BREAD, JAM)), (CHARLIE, 1, (JAM,))
    )

    lists = made(AGAIN, "own", found, length=4)

    assert lists.items[ADA].tolist() == [SALT, BUTTER, JAM, BREAD]
    assert lists.source[ADA].tolist() == [METHOD, METHOD, POPULAR, POPULAR]
    assert lists.items[BOB].tolist() == [JAM, BREAD, BUTTER, SALT]  # equals: the more popular first


def test_what_may_not_be_shown_is_in_no_list_and_a_list_may_be_short() -> None:
    found = shop((ADA, 0, (FUEL, BREAD)), (BOB, 0, (FUEL,)))
    shelf = Shelf(np.array([True, False, False, False, False]))

    lists = made(AGAIN, "own", found, shelf)

    assert lists.items.tolist() == [[BREAD, NONE, NONE]] * 3


def test_new_means_never_bought_and_no_type_twice() -> None:
    found = shop((ADA, 0, (BREAD,)), (BOB, 0, (BREAD, BUTTER, JAM, SALT)), (CHARLIE, 0, (BREAD, BUTTER, JAM)))
    spread = np.array([0, 1, 1, 2, NONE])

    lists = made(NEW, "neighbours", found, Shelf(np.ones(5, dtype=bool), spread), length=4)

    assert lists.items[ADA].tolist() == [BUTTER, SALT, FUEL, NONE]
    assert BREAD not in lists.items[BOB]


def test_a_favourite_category_comes_before_what_is_popular() -> None:
    found = shop((ADA, 0, (SALT,)), (BOB, 0, (BREAD, BUTTER)), (CHARLIE, 0, (BREAD, JAM)))
    shelf = Shelf(np.ones(5, dtype=bool), category=np.array([0, 0, 1, 2, 1]))

    lists = made(AGAIN, "own", found, shelf)

    assert lists.items[ADA].tolist() == [SALT, JAM, BREAD]
    assert lists.source[ADA].tolist() == [METHOD, CATEGORY, POPULAR]


@pytest.mark.parametrize("method", [POPULARITY, *METHODS[NEW]])
def test_a_shop_without_a_purchase_has_empty_lists(method: str) -> None:
    nothing = shop(customers=0, items=0)

    assert made(NEW, method, nothing).items.shape == (0, 3)


@pytest.mark.parametrize("method", METHODS[NEW])
def test_customers_without_a_purchase_get_what_is_popular(method: str) -> None:
    found = shop((ADA, 0, (BREAD, BUTTER)), (BOB, 0, (BREAD,)))

    assert made(NEW, method, found).items[CHARLIE].tolist() == [BREAD, BUTTER, JAM]


def together(times: int) -> Purchases:
    """Bread and butter together so many times, jam with neither, and one basket of Ada's with bread alone."""
    pairs = [(BOB, age, (BREAD, BUTTER)) for age in range(times)]
    return shop(*pairs, *[(CHARLIE, age, (JAM,)) for age in range(20)], (ADA, 0, (BREAD,)))


def test_pairs_are_told_from_five_baskets_on_by_the_damped_cosine() -> None:
    assert Pairs.of(together(4)).cosine.nnz == 0

    pairs = Pairs.of(together(5)).cosine

    assert pairs[BREAD, BUTTER] == pytest.approx(5 / np.sqrt((6 + 20) * (5 + 20)))
    assert pairs[BREAD, JAM] == 0


def test_items_that_are_in_every_basket_are_together_by_chance() -> None:
    always = shop(*[(BOB, age, (BREAD, BUTTER)) for age in range(30)])

    assert Pairs.of(always).cosine.nnz == 0


def test_weights_are_those_of_the_ridge_regression_of_each_item_on_the_others() -> None:
    had = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    rows = [(who, 0, tuple(map(int, np.flatnonzero(row)))) for who, row in enumerate(had)]

    learned = Weights.of(bought(shop(*rows, customers=4, items=3)), ridge=2.0)

    for item in range(3):
        others = [each for each in range(3) if each != item]
        x, y = had[:, others].astype(float), had[:, item].astype(float)
        expected = np.linalg.solve(x.T @ x + 2.0 * np.eye(2), x.T @ y)
        assert learned.weights[others, item] == pytest.approx(expected, abs=1e-6)


def test_reasons_say_what_of_the_customers_own_an_item_goes_with() -> None:
    found = together(8)
    lists = Lists(
        np.array([[BREAD, BUTTER, JAM, SALT, NONE]] * 3), np.array([[METHOD, METHOD, METHOD, POPULAR, NONE]] * 3)
    )

    said = reasons(lists, found, Pairs.of(found), None)

    assert [CODES[code] for code in said.code[ADA][:4]] == ["bought", "together", "alike", "popular"]
    assert said.other[ADA].tolist() == [NONE, BREAD, NONE, NONE, NONE]
    assert said.days[ADA].tolist() == [1, 0, 0, 0, 0]
    assert said.days[BOB][:2].tolist() == [8, 8]


def test_the_item_that_spoke_most_is_named_where_no_basket_has_both() -> None:
    holders = [(who, 0, (BREAD,)) for who in range(9)] + [(who, 1, (JAM,)) for who in range(1, 9)]
    found = shop(*holders, customers=9)

    said = reasons(
        Lists(np.array([[JAM]] * 9), np.zeros((9, 1), np.int64)), found, Pairs.of(found), Weights.of(bought(found))
    )

    assert (CODES[said.code[ADA, 0]], said.other[ADA, 0]) == ("because", BREAD)


def test_recall_counts_what_nobody_could_have_known() -> None:
    truth = truth_of(np.array([ADA, ADA, ADA, BOB]), np.array([BREAD, JAM, 99, SALT]), (3, 5))

    right = measure(Lists(np.array([[BREAD, SALT], [BUTTER, NONE], [JAM, SALT]]), np.zeros((3, 2), np.int64)), truth)

    assert right.recall.tolist() == [1 / 3, 0.0]
    assert right.ndcg.tolist() == [pytest.approx(1 / (1 + 1 / np.log2(3) + 0.5)), 0.0]
    assert right.hit.tolist() == [1.0, 0.0]
    assert right.distinct == 3


def test_the_next_basket_is_the_first_one_and_new_is_what_was_never_bought() -> None:
    found = shop((ADA, 30, (BREAD,)), (ADA, 9, (BREAD, JAM)), (ADA, 2, (SALT,)), (BOB, 1, (JAM,)))

    then, new = next_basket(found, 28), new_items(found, 28)

    assert (then.rows.tolist(), then.sizes.tolist(), then.wanted[ADA].nonzero()[-1].tolist()) == (
        [ADA],
        [2],
        [BREAD, JAM],
    )
    assert (new.rows.tolist(), new.wanted[ADA].nonzero()[-1].tolist()) == ([ADA], [JAM, SALT])


def habits(customers: int, days: int) -> Purchases:
    """Customers who each buy an item of their own every week, and now and then what all buy."""
    baskets = [
        (who, age, (who % 40, 40) if age % 28 == 0 else (who % 40,))
        for who in range(customers)
        for age in range(who % 7, days, 7)
    ]
    return shop(*baskets, customers=customers, items=41)


def test_habits_are_served_because_they_were_right_on_time_that_was_held_out() -> None:
    found = habits(200, 140)

    verdict = validate(AGAIN, found, all_of(found))

    assert (verdict.reason, verdict.customers) == ("better", 200)
    own = next(each for each in verdict.judged if each.method == "own")
    assert own.low > 0
    assert verdict.served in METHODS[AGAIN]


def test_chance_is_not_served() -> None:
    drawn: Ints = np.random.default_rng(5).integers(0, 40, (200, 30))
    found = shop(*[(who, 4 * n, (int(item),)) for who, row in enumerate(drawn) for n, item in enumerate(row)],
                 customers=200, items=40)  # fmt: skip

    verdict = validate(NEW, found, all_of(found))

    assert (verdict.served, verdict.reason) == (POPULARITY, "not_better")
    assert [each.method for each in verdict.judged] == [POPULARITY, *METHODS[NEW]]


@pytest.mark.parametrize(("customers", "days", "reason"), [(200, 83, "short"), (49, 140, "few")])
def test_too_little_time_or_too_few_customers_prove_nothing(customers: int, days: int, reason: str) -> None:
    found = habits(customers, days)

    verdict = validate(AGAIN, found, all_of(found))

    assert (verdict.served, verdict.reason, verdict.judged) == (POPULARITY, reason, ())


def test_the_interval_grows_with_the_number_of_methods_and_covers_the_mean() -> None:
    differences = np.random.default_rng(3).normal(0.01, 0.1, 400)

    one, three = interval(differences, 1), interval(differences, 3)

    assert three[0] < one[0] < differences.mean() < one[1] < three[1]
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * differences.std() / 20, rel=0.1)
