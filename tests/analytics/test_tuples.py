from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.clv.tuples import Tuples, collect, places

customer = st.tuples(st.integers(0, 9), st.integers(0, 40), st.integers(0, 40))


def columns(customers: list[tuple[int, int, int]]) -> list[np.ndarray]:
    """Return frequency, recency and age of customers whose numbers are made possible."""
    x, recency, age = np.array(customers, dtype=np.int32).reshape(-1, 3).T
    age = np.maximum(age, recency)
    x = np.where(recency > 0, np.maximum(x, 1), 0)
    return [x, recency, age]


def rows(tuples: Tuples) -> list[tuple[Any, ...]]:
    return list(zip(tuples.frequency.tolist(), tuples.recency.tolist(), tuples.age.tolist(), strict=True))


@settings(max_examples=60)
@given(st.lists(customer, max_size=60), st.integers(1, 20), st.sampled_from([1.0, 1 / 7, 86_400.0]))
def test_everybody_finds_their_own_row_again(customers: list[tuple[int, int, int]], size: int, unit: float) -> None:
    x, recency, age = columns(customers)

    tuples = Tuples.of(x, recency * unit, age * unit)
    place = places(tuples, x, recency * unit, age * unit)

    assert np.array_equal(tuples.frequency[place], x)
    assert np.array_equal(tuples.recency[place], recency * unit)
    assert np.array_equal(tuples.age[place], age * unit)
    assert np.array_equal(np.bincount(place, minlength=len(tuples)), tuples.counts)
    assert (
        len(set(rows(tuples))) == len(tuples) == len(set(zip(x.tolist(), recency.tolist(), age.tolist(), strict=True)))
    )
    again, same_place = Tuples.grouped(x, recency * unit, age * unit)
    assert rows(again) == rows(tuples)
    assert np.array_equal(again.counts, tuples.counts)
    assert np.array_equal(same_place, place)
    blocks = [(x[at : at + size], recency[at : at + size], age[at : at + size]) for at in range(0, len(x), size)]
    collected = collect(blocks)
    in_days = Tuples.of(x, recency, age)
    assert rows(collected) == rows(in_days)
    assert collected.counts.tolist() == in_days.counts.tolist()


def test_whole_days_take_four_bytes_each() -> None:
    tuples = Tuples.of([1.0, 0.0, 1.0], [5.0, 0.0, 5.0], [9.0, 9.0, 9.0])

    assert rows(tuples) == [(0, 0, 9), (1, 5, 9)]
    assert (tuples.counts.tolist(), tuples.customers) == ([1, 2], 3)
    assert {column.dtype for column in (tuples.frequency, tuples.recency, tuples.age)} == {np.dtype(np.int32)}


def test_customers_of_different_categories_are_different_rows() -> None:
    tuples = Tuples.of([1, 1, 1], [5, 5, 5], [9, 9, 9], category=[2, 0, 2])

    assert tuples.category is not None
    assert (tuples.category.tolist(), tuples.counts.tolist()) == ([0, 2], [1, 2])
    assert places(tuples, [1, 1], [5, 5], [9, 9], category=[2, 0]).tolist() == [1, 0]
    each = Tuples.ungrouped([1, 1], [5, 5], [9, 9], category=[2.0, 0.0])
    assert each.category is not None
    assert (each.category.tolist(), each.category.dtype) == ([2, 0], np.dtype(np.int64))
    with pytest.raises(ValueError, match="categories must be whole numbers"):
        Tuples.ungrouped([1], [5], [9], category=[0.5])
    by_blocks = collect([(np.array([1]), np.array([5]), np.array([9]), np.array([kind])) for kind in (2, 0, 2)])
    assert by_blocks.category is not None
    assert (by_blocks.category.tolist(), by_blocks.counts.tolist()) == ([0, 2], [1, 2])


def test_times_that_are_all_different_have_rows_too() -> None:
    rng = np.random.default_rng(4)
    age = rng.uniform(1, 1e9, 5_000)
    recency = age * rng.random(5_000)
    x = rng.integers(1, 10**6, 5_000)

    tuples = Tuples.of(x, recency, age)

    assert len(tuples) == 5_000
    assert np.array_equal(tuples.recency[places(tuples, x, recency, age)], recency)


def test_seconds_as_whole_numbers_fit_into_the_key() -> None:
    tuples = Tuples.of([3, 3], [2_000_000_000, 1], [2_100_000_000, 2_100_000_000])

    assert rows(tuples) == [(3, 1, 2_100_000_000), (3, 2_000_000_000, 2_100_000_000)]


def test_a_sample_has_of_each_kind_its_share() -> None:
    tuples = Tuples(np.array([0, 1]), np.array([0, 3]), np.array([9, 9]), np.array([90_000, 10_000]))

    few = tuples.sample(1_000)

    assert (few.counts.tolist(), rows(few)) == ([900, 100], rows(tuples))
    assert tuples.sample(100_000) is tuples


@pytest.mark.parametrize(
    ("x", "recency", "age", "sentence"),
    [
        ([1], [5], [4], "0 <= recency <= age"),
        ([-1], [5], [9], "0 <= frequency"),
        ([1], [-5], [9], "0 <= recency"),
        ([1], [0], [4], "0 exactly where frequency is 0"),
        ([0], [3], [4], "0 exactly where frequency is 0"),
        ([1.0], [np.nan], [4.0], "recency is not a finite number"),
        ([1.0], [2.0], [np.inf], "age is not a finite number"),
        ([np.nan], [2.0], [3.0], "frequency is not a finite number"),
        ([1.5], [2.0], [3.0], "whole numbers"),
        ([1, 2], [2], [3], "one value per customer"),
        ([[1]], [[2]], [[3]], "one value per customer"),
    ],
)
def test_a_row_that_cannot_be_is_refused_in_a_sentence(x: Any, recency: Any, age: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Tuples.of(x, recency, age)
    with pytest.raises(ValueError, match=sentence):
        Tuples.ungrouped(x, recency, age)


def test_blocks_are_in_whole_days_within_centuries() -> None:
    with pytest.raises(ValueError, match="whole days"):
        collect([(np.array([1]), np.array([2.5]), np.array([3.0]))])
    with pytest.raises(ValueError, match="up to 131,071"):
        collect([(np.array([1]), np.array([2]), np.array([200_000]))])


def test_who_is_not_among_the_tuples_has_no_place() -> None:
    tuples = Tuples.of([1], [5], [9])

    for stranger in (([1], [5], [8]), ([1], [5.5], [9]), ([2], [5], [9]), ([1], [5], [90])):
        with pytest.raises(KeyError):
            places(tuples, *stranger)
    with pytest.raises(KeyError):
        places(Tuples.of([], [], []), [1], [5], [9])


def test_nobody_is_no_row() -> None:
    nobody = Tuples.of([], [], [])

    assert (len(nobody), nobody.customers, len(collect([]))) == (0, 0, 0)
    assert places(nobody, [], [], []).tolist() == []
