"""Who nearly reached a tier, and whom chance upgrades."""

import pytest

from analytics.uplift.near_miss import InvalidSelection, NearMissRule, Progress, select
from loyalty.experiments.rules import bucket

RULE = NearMissRule(threshold=1_000, within=0.1, share_bp=5_000, salt="gold-2027")


def test_near_misses_are_those_from_the_margin_up_to_the_threshold() -> None:
    reached = {"ada": 999.99, "bob": 900.0, "charlie": 899.99, "dora": 1_000.0}

    found = select([Progress(key, value) for key, value in reached.items()], RULE, bucket)

    assert [(each.key, round(each.missing, 2)) for each in found] == [("ada", 0.01), ("bob", 100)]


def test_chance_upgrades_the_share_and_the_same_ones_each_time() -> None:
    members = [Progress(f"m{number}", 950) for number in range(10_000)]
    fifth = NearMissRule(threshold=1_000, within=0.1, share_bp=2_000, salt="gold-2027")

    found = select(members, fifth, bucket)

    upgraded = {each.key for each in found if each.upgraded}
    assert abs(len(upgraded) - 2_000) < 120
    assert {each.key for each in select(reversed(members), fifth, bucket) if each.upgraded} == upgraded
    assert upgraded < {each.key for each in select(members, RULE, bucket) if each.upgraded}


def test_who_is_excluded_is_in_no_arm() -> None:
    found = select([Progress("ada", 950), Progress("bob", 950)], RULE, bucket, excluded={"bob"})

    assert [each.key for each in found] == ["ada"]


@pytest.mark.parametrize(
    ("threshold", "within", "share_bp", "code"),
    [(0, 0.1, 5_000, "threshold"), (1_000, 0, 5_000, "within"), (1_000, 0.6, 5_000, "within"),
     (1_000, 0.1, 0, "share_bp"), (1_000, 0.1, 10_000, "share_bp")],
)  # fmt: skip
def test_a_selection_that_compares_nobody_is_refused(threshold: float, within: float, share_bp: int, code: str) -> None:
    with pytest.raises(InvalidSelection) as refused:
        NearMissRule(threshold, within, share_bp, "salt")

    assert refused.value.code == code
