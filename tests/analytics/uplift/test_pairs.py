"""Who is compared with whom, and what falls into which window."""

import numpy as np
import pytest

from analytics.uplift.pairs import Extracted, Spending, extract, spending
from analytics.uplift.panel import Panel
from analytics.uplift.plan import Plan, days_of
from analytics.uplift.windows import between, history_of
from tests.analytics.uplift.panels import panel_of

ADA, BOB, CHARLIE = 0, 1, 2
PLAN = Plan()
BACK = days_of(7)


def extracted(panel: Panel, plan: Plan = PLAN, moved: int = 0) -> Extracted:
    return extract(panel, history_of(panel.orders, panel.first, panel.cut), plan, back=BACK, moved=moved)


def spent(panel: Panel, found: Extracted) -> Spending:
    history = history_of(panel.orders, panel.first, panel.cut)
    return spending(panel, history, found.units, PLAN, months=7, metrics=("revenue",))["revenue"]


def listed(found: Extracted) -> list[tuple[int, int, bool]]:
    units = found.units
    return list(zip(units.customer.tolist(), units.day.tolist(), units.joins.tolist(), strict=True))


def test_controls_are_who_is_not_enrolled_at_an_order_of_the_month_whoever_joins_later() -> None:
    panel = panel_of(
        [(ADA, 300, 10), (BOB, 301, 10), (BOB, 450, 10), (CHARLIE, 302, 10)],
        {ADA: 300, BOB: 450, CHARLIE: 200},
        customers=3,
    )

    found = extracted(panel)

    # Bob joins later and stays; Charlie is a member at her order; nobody is there to compare Bob's joining with
    assert listed(found) == [(ADA, 300, True), (BOB, 301, False)]
    assert found.dropped["nobody_to_compare_with"] == 1
    assert found.dropped["no_order_at_joining"] == 1


def test_only_indexes_with_all_of_their_history_and_window_are_looked_at() -> None:
    days = (BACK - 1, BACK, 730 - PLAN.window_days, 730 - PLAN.window_days + 1)
    rows = [(who, day, 10.0) for who, day in enumerate(days)] + [(who + 4, day, 10.0) for who, day in enumerate(days)]

    found = extracted(panel_of(rows, dict(enumerate(days)), customers=8))

    assert [day for _, day, _ in listed(found)] == [BACK, 730 - PLAN.window_days] * 2
    assert found.dropped["too_little_history"] == found.dropped["window_not_over"] == 1


def test_the_month_of_joining_is_in_no_window_of_its_day_and_the_order_at_joining_on_neither_side() -> None:
    end = 300 + PLAN.window_days
    rows = [
        (ADA, 10, 1_000),
        (ADA, 260, 1),
        (ADA, 300, 100),
        (ADA, 301, 2),
        (ADA, end, 4),
        (ADA, end + 1, 8),
        (BOB, 300, 7),
    ]
    panel = panel_of([(who, day, float(value)) for who, day, value in rows], {ADA: 300}, customers=2)

    ada = spent(panel, extracted(panel))

    assert ada.window.tolist() == [6.0, 0.0]
    assert ada.months[0].tolist() == [0, 1.0, 0, 0, 0, 0, 0]
    assert ada.earlier.tolist() == [1.0, 0.0]  # the first day made her a customer: it says nothing of her pace
    assert ada.orders.tolist() == [1, 0]


def test_what_a_control_spends_after_joining_later_is_told_apart_from_the_day_after_on() -> None:
    rows = [(ADA, 300, 10.0), (BOB, 300, 10.0), (BOB, 350, 1.0), (BOB, 400, 2.0), (BOB, 401, 4.0)]
    panel = panel_of(rows, {ADA: 300, BOB: 400}, customers=2)
    found = extracted(panel)

    bob = spent(panel, found).only(~found.units.joins & (found.units.day == 300))

    assert (bob.untouched.tolist(), bob.touched.tolist()) == ([3.0], [4.0])


def test_an_index_moved_for_a_placebo_is_of_who_was_a_customer_by_then() -> None:
    rows = [(ADA, 20, 1.0), (ADA, 500, 1.0), (BOB, 30, 1.0), (BOB, 500, 1.0), (CHARLIE, 400, 1.0), (CHARLIE, 500, 1.0)]

    found = extracted(panel_of(rows, {ADA: 500}, customers=3), moved=days_of(8))

    assert listed(found) == [(ADA, 500 - days_of(8), True), (BOB, 500 - days_of(8), False)]
    assert found.units.tenure.tolist() == [500 - days_of(8) - 20, 500 - days_of(8) - 30]


def test_of_too_many_the_same_part_is_drawn_each_time() -> None:
    rows = [(who, day, 10.0) for who in range(400) for day in (280, 290, 300)]
    panel = panel_of(rows, dict.fromkeys(range(200), 300), customers=400)
    plan = Plan(max_members=50, max_controls=300)

    found, again = extracted(panel, plan), extracted(panel, plan)

    members = int(np.count_nonzero(found.units.joins))
    assert listed(found) == listed(again)
    assert (members, len(found.units) - members) == (51, 337)  # of 200 and of 1,000
    assert found.dropped["not_drawn"] == 149


def test_sums_between_places_hold_their_own_values_alone() -> None:
    bounds = np.array([[0, 2, 2, 3], [3, 3, 3, 3], [1, 2, 3, 3]])

    sums = between(bounds, np.array([1e15, 0.1, 0.2]))

    assert between(np.zeros((0, 3), np.int64), np.ones(2)).shape == (0, 2)
    assert sums.tolist() == [[1e15 + 0.1, 0.0, 0.2], [0.0, 0.0, 0.0], [0.1, 0.2, 0.0]]


def test_a_past_without_orders_or_without_members_has_no_units() -> None:
    assert listed(extracted(panel_of([], {}, customers=0))) == []
    assert listed(extracted(panel_of([(ADA, 300, 1.0), (BOB, 300, 1.0)], {}, customers=2))) == []
    assert spent(
        panel_of([], {}, customers=2), extracted(panel_of([], {}, customers=2))
    ).window.tolist() == pytest.approx([])
