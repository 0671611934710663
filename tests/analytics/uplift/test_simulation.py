"""Simulated retailers: the same people in every world, and a truth that holds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.uplift.panel import NEVER, NOBODY, Flags, Floats, Orders, Panel
from analytics.uplift.simulation.designs import CAPTURE, DESIGNS, NEED, TRAITS, Design
from analytics.uplift.simulation.holding_out import Holdout, bucket
from analytics.uplift.simulation.simulating import BLOCK, simulate

SMALL = 800
by_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.code)


def _rows(orders: Orders) -> list[tuple[float, ...]]:
    columns = (orders.customer, orders.seconds, orders.value, orders.margin, orders.membership_only)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _after_joining(panel: Panel) -> Flags:
    """Return which orders are a member's, after the one at which they joined."""
    owner = panel.orders.customer
    return np.asarray((owner != NOBODY) & (panel.orders.seconds > panel.customers.seconds[owner]))


def _before_joining(panel: Panel) -> list[tuple[float, ...]]:
    return _rows(_take(panel.orders, (panel.orders.customer != NOBODY) & ~_after_joining(panel)))


@by_design
def test_a_seed_gives_the_same_past_again_and_another_seed_another(design: Design) -> None:
    once = simulate(design, customers=SMALL, seed=5).panel
    again = simulate(design, customers=SMALL, seed=5).panel
    other = simulate(design, customers=SMALL, seed=6).panel

    assert _rows(once.orders) == _rows(again.orders)
    np.testing.assert_array_equal(once.customers.seconds, again.customers.seconds)
    assert _rows(once.orders) != _rows(other.orders)


@by_design
def test_a_panel_is_sorted_whole_and_within_its_days(design: Design) -> None:
    panel = simulate(design, customers=SMALL, seed=7).panel
    orders, people = panel.orders, panel.customers

    order = np.lexsort((orders.seconds, orders.customer))
    np.testing.assert_array_equal(order, np.arange(len(orders)))
    assert (orders.day.min(), orders.day.max()) >= (panel.first, panel.first)
    assert orders.day.max() <= panel.cut
    np.testing.assert_array_equal(orders.day, np.floor(orders.seconds / 86_400))
    np.testing.assert_array_equal(np.isnan(people.seconds), people.joined == NEVER)
    assert orders.value.min() >= 0
    assert sorted(people.groups) == ["channel", "region", "tier"]
    np.testing.assert_array_equal(people.groups["tier"].places >= 0, people.joined != NEVER)


@by_design
def test_the_same_people_join_in_both_worlds_and_the_effect_adds_only_to_what_follows(design: Design) -> None:
    without = simulate(design, customers=SMALL, effect=0.0, seed=8).panel
    with_it = simulate(design, customers=SMALL, effect=0.21, seed=8).panel

    np.testing.assert_array_equal(without.customers.seconds, with_it.customers.seconds)
    after = _after_joining(without)
    assert _before_joining(without) == _before_joining(with_it)
    worth = dict(_values(with_it.orders, _after_joining(with_it)))
    base = _values(without.orders, after)
    # Each order that is made anyway is worth sqrt(1.21) = 1.1 times as much, to the cent, and none is lost.
    assert max(abs(worth[key] - 1.1 * value) for key, value in base) < 0.02
    more = len(worth) / len(base) - 1
    assert more == pytest.approx(0.1, abs=3 * np.sqrt(0.1 / len(base)))


def test_what_the_same_members_spend_more_is_the_effect() -> None:
    without = simulate(TRAITS, customers=40_000, effect=0.0, seed=9)
    with_it = simulate(TRAITS, customers=40_000, effect=0.07, seed=9)

    spent = [world.panel.orders.value[_after_joining(world.panel)].sum() for world in (without, with_it)]
    assert with_it.truth.effect == 0.07
    assert spent[1] / spent[0] - 1 == pytest.approx(0.07, abs=0.002)


def test_nobody_gains_where_the_effect_is_zero_and_members_may_lose() -> None:
    spent = {
        effect: simulate(NEED, customers=SMALL, effect=effect, seed=10).panel.orders.value.sum()
        for effect in (-0.19, 0.0, 0.07)
    }

    assert spent[-0.19] < spent[0.0] < spent[0.07]


def test_a_share_of_orders_is_linked_only_by_the_card_and_so_only_since_joining() -> None:
    panel = simulate(CAPTURE, customers=4_000, effect=0.0, seed=11).panel
    orders = panel.orders
    everywhere = simulate(replace(CAPTURE, weak=0.0), customers=4_000, effect=0.0, seed=11).panel

    assert not np.any(orders.membership_only[orders.customer == NOBODY])
    assert not np.any(orders.membership_only & ~_after_joining(panel) & (orders.seconds != _joined(panel)))
    assert np.mean(orders.membership_only[_after_joining(panel)]) == pytest.approx(0.1, abs=0.005)
    assert len(orders) == len(everywhere.orders)
    assert np.count_nonzero(everywhere.orders.customer == NOBODY) == 0


def test_blocks_of_customers_are_stacked_with_unlinked_orders_first() -> None:
    panel = simulate(TRAITS, customers=BLOCK + 100, months=3, seed=12).panel

    assert len(panel.customers) == BLOCK + 100
    assert panel.orders.customer.max() >= BLOCK
    np.testing.assert_array_equal(
        np.lexsort((panel.orders.seconds, panel.orders.customer)), np.arange(len(panel.orders))
    )


def test_a_bucket_is_the_same_as_everywhere() -> None:
    keys = ("ada", "bob", "charlie", "c1", "c2")

    assert [bucket("welcome-2026", key) for key in keys] == [2866, 2149, 2838, 7139, 8700]
    assert sum(bucket("welcome-2026", f"c{place}") < 1_000 for place in range(1, 10_001)) == 1_012


def test_who_is_held_out_from_benefits_lives_as_without_the_effect() -> None:
    holdout = Holdout(0.5, form="no_benefits", crossing=0.0)
    mixed = simulate(TRAITS, customers=SMALL, effect=0.21, seed=13, holdout=holdout)
    without = simulate(TRAITS, customers=SMALL, effect=0.0, seed=13).panel
    with_it = simulate(TRAITS, customers=SMALL, effect=0.21, seed=13).panel

    assert mixed.arms is not None
    held = mixed.arms.held_out
    assert held.tolist() == [bucket("holdout", f"c{place}") < 5_000 for place in range(1, SMALL + 1)]
    assert _of(mixed.panel, held) == _of(without, held)
    assert _of(mixed.panel, ~held) == _of(with_it, ~held)
    assert np.all(np.isnan(mixed.arms.benefits[held]))


def test_who_is_not_invited_does_not_join_but_for_those_who_cross_over() -> None:
    strict = simulate(TRAITS, customers=SMALL, seed=14, holdout=Holdout(0.5, crossing=0.0))
    loose = simulate(TRAITS, customers=SMALL, seed=14, holdout=Holdout(0.5, crossing=1.0))
    without = simulate(TRAITS, customers=SMALL, seed=14)

    assert strict.arms is not None
    assert np.all(strict.panel.customers.joined[strict.arms.held_out] == NEVER)
    assert _rows(loose.panel.orders) == _rows(without.panel.orders)
    np.testing.assert_array_equal(loose.panel.customers.joined, without.panel.customers.joined)


def _take(orders: Orders, chosen: Flags) -> Orders:
    return Orders(**{name: getattr(orders, name)[chosen] for name in Orders.__dataclass_fields__})


def _of(panel: Panel, chosen: Flags) -> list[tuple[float, ...]]:
    """Return the linked orders of some customers."""
    owner = panel.orders.customer
    return _rows(_take(panel.orders, (owner != NOBODY) & chosen[owner]))


def _values(orders: Orders, chosen: Flags) -> list[tuple[tuple[int, float], float]]:
    taken = _take(orders, chosen)
    keys = zip(taken.customer.tolist(), taken.seconds.tolist(), strict=True)
    return list(zip(keys, taken.value.tolist(), strict=True))


def _joined(panel: Panel) -> Floats:
    return panel.customers.seconds[panel.orders.customer]


@by_design
def test_one_customer_is_a_past_as_well(design: Design) -> None:
    assert len(simulate(design, customers=1, months=3, seed=5).panel.customers.joined) == 1


@pytest.mark.parametrize(("given", "words"), [
    ({"customers": 0}, "at least one customer and one month, not 0 and 24"),
    ({"customers": -1}, "at least one customer and one month"),
    ({"months": 0}, "at least one customer and one month, not 5000 and 0"),
    ({"effect": 0.6}, r"an effect is from -0\.9 to 0\.5, not 0\.6"),
    ({"effect": float("nan")}, "not nan"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_said(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        simulate(TRAITS, seed=5, **given)
