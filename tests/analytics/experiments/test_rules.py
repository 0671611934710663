"""What an experiment's numbers allow to be said."""

import json
from typing import Any

import numpy as np
import pytest

from analytics.experiments.results import Part, Result, Trial, Units
from analytics.experiments.rules import judge
from analytics.uplift.randomised import Arm, adjusted
from analytics.uplift.sequence import half_width

HELD_OUT = (Part("invited", "", 9_000, is_control=False), Part("held_out", "", 1_000, is_control=True))
HALVES = (Part("invited", "", 5_000, is_control=False), Part("held_out", "", 5_000, is_control=True))
THREE = (
    Part("control", "", 3_334, is_control=True),
    Part("double", "", 3_333, is_control=False),
    Part("triple", "", 3_333, is_control=False),
)


def final(parts: tuple[Part, ...] = HELD_OUT, **given: Any) -> Trial:
    named: dict[str, Any] = {"is_final": True, "tells_take_up": True, **given}
    return Trial(parts, **named)


def units(*sizes: int, effects: tuple[float, ...] = (), seed: int = 1, take_up: float = 0.4, per: int = 1) -> Units:
    """Return units of arms of these sizes, which bring 100 on average; take-up is what gains, in all arms but the last."""
    rng = np.random.default_rng(seed)
    part = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    count = len(part)
    before = rng.gamma(2.0, 50.0, count)
    gains = np.array(effects or (0.0,) * len(sizes))[part]
    took = ((rng.random(count) < take_up) & (gains != 0)).astype(np.float64)
    customers = np.full(count, float(per))
    outcome = (0.5 * before + rng.gamma(2.0, 25.0, count) + gains) * customers
    return Units(part, customers, outcome, before * customers, took, np.zeros(count))


def test_an_effect_is_told_with_grade_a() -> None:
    found = judge(units(9_000, 1_000, effects=(8.0, 0.0)), final())

    (effect,) = found.effects
    assert (found.grade, found.blocked, effect.says) == ("A", None, "effect")
    assert effect.shown.low < 8.0 < effect.shown.high
    assert effect.percent is not None
    assert effect.percent.value == pytest.approx(0.08, abs=0.03)
    assert effect.total.value == pytest.approx(effect.shown.value * 9_000)
    assert effect.compliers is not None
    assert effect.compliers.value == pytest.approx(effect.shown.value / 0.4, rel=0.05)


def test_zero_inside_is_no_detectable_effect() -> None:
    found = judge(units(9_000, 1_000), final())

    assert [each.says for each in found.effects] == ["no_detectable_effect"]


def test_a_broken_randomisation_blocks_the_result() -> None:
    found = judge(units(9_000, 1_120, effects=(8.0, 0.0)), final())

    assert found.blocked is not None
    assert (found.grade, found.blocked.code, found.effects) == (None, "sample_ratio", [])
    assert found.blocked.values["p_value"] == pytest.approx(0.000345, abs=5e-7)


def test_one_salt_in_two_layers_would_be_found_by_its_sizes() -> None:
    halves = (Part("a", "", 5_000, is_control=False), Part("b", "", 5_000, is_control=True))

    found = judge(units(39_940, 50_063), final(halves))

    assert found.blocked is not None
    assert found.blocked.code == "sample_ratio"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"plan_is_kept": False}, "plan_changed"),
        ({"misplaced": 3}, "not_as_assigned"),
    ],
)
def test_what_was_changed_after_the_start_blocks_the_result(given: dict[str, Any], code: str) -> None:
    found = judge(units(9_000, 1_000, effects=(8.0, 0.0)), final(**given))

    assert found.blocked is not None
    assert (found.grade, found.blocked.code, found.effects) == (None, code, [])


def test_before_anybody_was_exposed_long_enough_nothing_is_told() -> None:
    found = judge(units(0, 0), final(waiting=812))

    assert found.blocked is not None
    assert (found.blocked.code, found.blocked.values) == ("nobody_long_enough", {"customers": 812})


def test_of_one_that_ended_before_anybody_was_nobody_is_on_the_way() -> None:
    found = judge(units(0, 0), final(waiting=812, is_over=True))

    assert found.blocked is not None
    assert (found.blocked.code, found.blocked.values) == ("ended_too_soon", {"customers": 812})


def test_arms_of_a_few_say_nothing() -> None:
    found = judge(units(850, 95), final())

    assert found.blocked is not None
    assert (found.blocked.code, found.blocked.values) == ("too_few_units", {"units": 95, "needed": 100})


def test_a_look_before_the_end_shows_only_the_sequence() -> None:
    at_end = judge(units(9_000, 1_000, effects=(3.6, 0.0), seed=3), final()).effects[0]

    look = judge(units(9_000, 1_000, effects=(3.6, 0.0), seed=3), final(is_final=False)).effects[0]

    half = half_width(at_end.adjusted.error, 10_000)
    assert (look.shown.low, look.shown.high) == pytest.approx((look.shown.value - half, look.shown.value + half))
    assert (at_end.says, look.says) == ("effect", "not_decided")
    assert (look.p_value, look.holm, look.compliers) == (None, None, None)


def test_no_interval_of_a_look_before_the_end_is_one_that_is_right_only_once() -> None:
    result = judge(units(9_000, 1_000, effects=(3.6, 0.0), seed=3), final(is_final=False))

    (look,) = result.effects
    for each in (look.shown, look.plain, look.adjusted):
        half = half_width(each.error, 10_000)
        assert (each.low, each.high) == pytest.approx((each.value - half, each.value + half))
        assert each.low < 0 < each.high


def test_variants_are_told_as_holm_tells_them() -> None:
    found = judge(units(3_000, 3_000, 3_000, effects=(0.0, 2.3, 8.0), seed=8), final(THREE))

    double, triple = found.effects
    raw = [each.p_value for each in (double, triple)]
    assert raw[0] is not None
    assert raw[1] is not None
    assert raw[1] < raw[0]
    assert [double.holm, triple.holm] == pytest.approx([raw[0], 2 * raw[1]])
    assert triple.level == 0.975
    for each in found.effects:
        assert each.holm is not None
        assert (each.says == "effect") is (each.holm < 0.05)


@pytest.mark.parametrize("seed", range(25))
def test_zero_is_outside_exactly_where_holm_claims(seed: int) -> None:
    found = judge(units(600, 600, 600, effects=(0.0, 4.0, 6.0), seed=seed), final(THREE))

    for each in found.effects:
        assert each.holm is not None
        assert (each.says == "effect") is (each.holm <= 0.05)


def test_households_are_told_per_customer() -> None:
    alone = judge(units(9_000, 1_000, effects=(8.0, 0.0)), final())

    pairs = judge(units(9_000, 1_000, effects=(8.0, 0.0), per=2), final())

    assert pairs.effects[0].shown.value == pytest.approx(alone.effects[0].shown.value)
    assert pairs.effects[0].shown.error == pytest.approx(alone.effects[0].shown.error)
    assert pairs.arms[0].customers == 18_000
    assert pairs.arms[0].mean == pytest.approx(alone.arms[0].mean)


def test_the_effect_is_the_adjusted_difference() -> None:
    all_units = units(9_000, 1_000, effects=(8.0, 0.0))
    arms = [Arm(all_units.outcome[of], all_units.before[of]) for of in (all_units.part == 0, all_units.part == 1)]

    found = judge(all_units, final())

    assert found.effects[0].shown == adjusted(arms[0], arms[1]).effect


def test_where_all_arms_are_offered_something_take_up_tells_nothing() -> None:
    found = judge(units(3_000, 3_000, 3_000), final(THREE, tells_take_up=False))

    assert [each.take_up for each in found.effects] == [None, None]


@pytest.mark.parametrize("blocked", [False, True])
def test_a_result_is_kept_to_the_digit(*, blocked: bool) -> None:
    found = judge(units(9_000, 1_000 + 200 * blocked, effects=(8.0, 0.0)), final())

    kept = Result.from_json(json.loads(json.dumps(found.as_json())))

    assert kept == found


@pytest.mark.parametrize("is_final", [True, False])
@pytest.mark.parametrize("price", [22.91, 4.356, 0.1])
def test_who_all_bring_the_same_differ_by_no_rounding(price: float, *, is_final: bool) -> None:
    """Of so many equal amounts the mean is off by its rounding, with nothing between customers to be unsure by."""
    for sizes in ((301, 299), (733, 726), (1_310, 1_323)):
        some = units(*sizes)
        alike = Units(
            some.part, some.customers, np.full(len(some), price), some.before, np.ones(len(some)), some.crossed
        )

        (effect,) = judge(alike, final(HALVES, is_final=is_final)).effects

        assert effect.says == ("no_detectable_effect" if is_final else "not_decided")
        assert (effect.shown.value, effect.shown.low, effect.shown.high) == (0.0, 0.0, 0.0)
        assert (effect.p_value, effect.compliers) == (1.0 if is_final else None, None)


def test_who_all_bring_what_they_did_before_differ_by_no_rounding() -> None:
    some = units(733, 726)
    same = Units(some.part, some.customers, some.before * 0.3, some.before, some.took_up, some.crossed)

    (effect,) = judge(same, final(HALVES)).effects

    assert (effect.says, effect.shown.value, effect.p_value) == ("no_detectable_effect", 0.0, 1.0)


def test_the_same_amount_more_for_all_of_an_arm_is_an_effect() -> None:
    some = units(300, 300)
    more = Units(some.part, some.customers, 7.0 + (some.part == 0), some.before, some.took_up, some.crossed)

    (effect,) = judge(more, final(HALVES)).effects

    assert (effect.says, effect.p_value) == ("effect", 0.0)
    assert effect.shown.value == pytest.approx(1.0)
