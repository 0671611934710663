"""Arms that are not as large as their shares say: shown, and from a point on blocking."""

import pytest

from analytics.uplift.sample_ratio import sample_ratio


@pytest.mark.parametrize(
    ("sizes", "shares", "p_value", "is_broken"),
    [
        ((10_000, 9_700), (50, 50), 0.0326, False),
        ((10_000, 9_500), (50, 50), 0.000343, True),
        ((50_000, 49_000), (50, 50), 0.00148, False),
        ((9_000, 1_120), (90, 10), 0.000345, True),
        ((500, 560), (50, 50), 0.0653, False),
    ],
)
def test_arms_of_these_sizes(
    sizes: tuple[int, int], shares: tuple[int, int], p_value: float, *, is_broken: bool
) -> None:
    found = sample_ratio(sizes, shares)

    assert found.p_value == pytest.approx(p_value, rel=5e-3)
    assert found.is_broken is is_broken


@pytest.mark.parametrize(("sizes", "statistic"), [((10_000, 9_700), 4.5685), ((10_000, 9_500), 12.8205)])
def test_the_statistic_is_pearsons(sizes: tuple[int, int], statistic: float) -> None:
    assert sample_ratio(sizes, (1, 1)).statistic == pytest.approx(statistic, abs=5e-5)


def test_with_the_correction_for_whole_numbers_it_is_as_known() -> None:
    assert sample_ratio((2_023, 1_977), (1, 1), continuity=True).p_value == pytest.approx(0.47677, abs=5e-6)


def test_nested_layers_of_three_salts_are_as_their_shares() -> None:
    shares = (0.05, 0.95 * 0.10, 0.95 * 0.90 * 0.5, 0.95 * 0.90 * 0.5)

    found = sample_ratio((5_059, 9_524, 42_657, 42_760), shares)

    assert found.degrees == 3
    assert found.statistic == pytest.approx(0.961, abs=5e-4)
    assert found.p_value == pytest.approx(0.811, abs=5e-4)


def test_one_salt_in_two_layers_breaks_the_ratio() -> None:
    found = sample_ratio((39_940, 50_063), (0.5, 0.5))

    assert found.is_broken


def test_nobody_breaks_nothing() -> None:
    assert not sample_ratio((0, 0), (1, 9)).is_broken
