"""What experiments detect."""

import pytest

from analytics.uplift.power import Past, detectable, needed, outlook

FIVE_PERCENT = Past(mean=0.05, variance=0.05 * 0.95)
SHOP = Past(mean=100.0, variance=110.0**2, correlation=0.7)


def test_what_10_000_an_arm_detect_is_as_known() -> None:
    found = detectable(FIVE_PERCENT, 10_000, 10_000)

    assert found.amount * 100 == pytest.approx(0.8635, abs=5e-5)
    assert found.share == pytest.approx(0.173, abs=5e-4)


def test_how_many_detect_a_tenth_is_as_known() -> None:
    assert needed(FIVE_PERCENT, 0.005) == 2 * 29_826


def test_who_is_needed_detects_what_was_asked_for() -> None:
    customers = needed(SHOP, 4.0, held_out=0.1)

    assert detectable(SHOP, customers * 0.9, customers * 0.1).amount == pytest.approx(4.0, rel=1e-4)


def test_the_past_narrows_what_is_detected() -> None:
    alone, known = (detectable(Past(100.0, 110.0**2, r), 9_000, 1_000).amount for r in (0.0, 0.8))

    assert known / alone == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("customers", "share", "half", "advice"),
    [
        (100_000, 0.0232, 0.0139, "as_asked"),
        (20_000, 0.0519, 0.0311, "as_asked"),
        (5_000, 0.1037, 0.0622, "half_and_half"),
        (4_000, 0.1160, 0.0696, "half_and_half"),
        (1_900, 0.1683, 0.1010, "not_measurable"),
    ],
)
def test_what_a_tenth_held_out_detects(customers: int, share: float, half: float, advice: str) -> None:
    found = outlook(SHOP, customers, held_out=0.1)

    assert found.asked.share == pytest.approx(share, abs=5e-5)
    assert found.half.share == pytest.approx(half, abs=5e-5)
    assert found.advice == advice


def test_where_half_is_held_out_nothing_larger_is_advised() -> None:
    found = outlook(SHOP, 4_000, held_out=0.5)

    assert found.asked == found.half
    assert found.advice == "as_asked"


def test_of_customers_who_bring_nothing_no_share_can_be_told() -> None:
    found = outlook(Past(mean=-1.0, variance=4.0), 20_000, held_out=0.1)

    assert found.asked.share is None
    assert found.advice == "not_measurable"
