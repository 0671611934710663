"""P-values of many tests."""

import pytest
import tea_tasting
from hypothesis import given
from hypothesis import strategies as st

from analytics.uplift.multiplicity import benjamini_hochberg, holm

FIVE = [0.001, 0.012, 0.03, 0.04, 0.2]


def test_five_are_adjusted_as_known() -> None:
    assert benjamini_hochberg(FIVE) == pytest.approx([0.005, 0.03, 0.05, 0.05, 0.2])
    assert holm(FIVE) == pytest.approx([0.005, 0.048, 0.09, 0.09, 0.2])


def test_the_order_of_tests_changes_nothing() -> None:
    assert holm(FIVE[::-1]) == holm(FIVE)[::-1]
    assert benjamini_hochberg(FIVE[::-1]) == benjamini_hochberg(FIVE)[::-1]


def test_of_none_there_are_none() -> None:
    assert holm([]) == []
    assert benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_they_are_never_less_than_before_nor_above_one_and_keep_the_order(p_values: list[float]) -> None:
    for adjusted in (holm(p_values), benjamini_hochberg(p_values)):
        assert all(was - 1e-12 <= found <= 1 for was, found in zip(p_values, adjusted, strict=True))
        in_order = [found for _was, found in sorted(zip(p_values, adjusted, strict=True))]
        assert in_order == sorted(in_order)


def test_they_are_those_of_tea_tasting() -> None:
    table = tea_tasting.make_users_data(rng=5, n_users=500)
    metrics = {name: tea_tasting.Mean(name) for name in ("sessions", "orders", "revenue")}
    result = tea_tasting.Experiment(metrics).analyze(table)
    raw = [float(result[name].pvalue) for name in metrics]

    for own, theirs, named in (
        (holm, tea_tasting.adjust_fwer, {"arbitrary_dependence": True, "method": "bonferroni"}),
        (benjamini_hochberg, tea_tasting.adjust_fdr, {"arbitrary_dependence": False}),
    ):
        known = {row["metric"]: row["pvalue_adj"] for row in theirs(result, **named).to_dicts()}
        assert own(raw) == pytest.approx([known[name] for name in metrics])
