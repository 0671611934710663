"""The linked share of orders and what joining does to it; the plain gap and who joins."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from analytics.uplift.capture import Capture, capture_of
from analytics.uplift.gap import gap_of
from analytics.uplift.panel import NOBODY, Panel
from analytics.uplift.plan import DAYS_A_MONTH, Limits, Plan, days_of
from analytics.uplift.results import Gap
from analytics.uplift.simulation.designs import CAPTURE
from analytics.uplift.simulation.simulating import simulate
from analytics.uplift.windows import history_of
from tests.analytics.uplift.panels import CUT, panel_of, unflagged

MONTHS = int((CUT + 1) / DAYS_A_MONTH)
BOB = 1


def captured(panel: Panel) -> Capture:
    return capture_of(panel, Limits())


def monthly(unlinked_of_others: int, unlinked_of_members: int) -> Panel:
    """Return a past in which 20 of 40 customers join one a month, all with 10 linked orders a month and some that are not."""
    joined = {who: CUT + 1 - days_of(MONTHS - 2 - who) for who in range(20)}
    rows = list[tuple[int, int, float]]()
    for month in range(MONTHS):
        day = CUT - ceil((MONTHS - 1 - month) * DAYS_A_MONTH)
        members = sum(at < day for at in joined.values())
        rows += [(who, day, 10.0) for who in range(40) for _ in range(10)]
        rows += [(NOBODY, day, 10.0)] * (members * unlinked_of_members + (40 - members) * unlinked_of_others)
    return panel_of(rows, joined, customers=40)


def test_a_tenth_that_joining_links_shows_in_the_unlinked_share_as_more_join() -> None:
    found = captured(monthly(1, 0))

    assert found.jump == pytest.approx(1 / 11, abs=1e-9)  # 10 of 11 before, all after


def test_few_unlinked_orders_are_a_jump_where_they_are_all_of_who_had_not_joined() -> None:
    past = simulate(replace(CAPTURE, weak=0.03), customers=2_000, effect=0.0, seed=1).panel
    unlinked = np.count_nonzero(past.orders.customer == NOBODY)

    assert unlinked < 0.02 * len(past.orders)
    assert captured(unflagged(past)).jump == pytest.approx(0.03, abs=0.005)


def test_guests_who_stay_guests_are_no_jump() -> None:
    found = captured(monthly(2, 2))

    assert found.jump == 0.0
    assert found.error < 0.02


def test_orders_that_only_a_members_card_links_are_a_jump_by_themselves() -> None:
    panel = panel_of([(who, day, 1.0) for who in (0, 1) for day in range(10, 50)], {0: 19}, customers=2)
    of_member = (panel.orders.customer == 0) & (panel.orders.day > 19)
    card = of_member & (panel.orders.day % 10 == 5)

    found = captured(replace(panel, orders=replace(panel.orders, membership_only=card)))

    assert found.jump == pytest.approx(3 / 30)


def test_a_retailer_that_does_not_say_how_orders_are_linked_has_no_jump_to_tell() -> None:
    assert captured(replace(monthly(1, 0), identification_known=False)).jump is None


def test_the_linked_share_is_told_by_calendar_month_with_its_interval() -> None:
    found = captured(panel_of([(0, 5, 1.0), (0, 6, 1.0), (NOBODY, 7, 1.0), (0, 31, 1.0)], {}, customers=1))

    january, february = found.months
    assert (january.at, january.n) == (0.0, 3)
    assert january.value == pytest.approx(2 / 3)
    assert (january.low, january.high) == pytest.approx((0.2077, 0.9385), abs=1e-4)  # Wilson's
    assert (february.at, february.value, february.n, february.high) == (1.0, 1.0, 1, 1.0)


def gap(panel: Panel) -> Gap:
    return gap_of(panel, history_of(panel.orders, panel.first, panel.cut), Plan())


def buying(pace: dict[int, tuple[float, float]], joined: dict[int, int]) -> Panel:
    """Return a past in which each spends a sum a month, and another from the day of joining on."""
    rows = list[tuple[int, int, float]]()
    for month in range(MONTHS):
        day = CUT - ceil((MONTHS - 1 - month) * DAYS_A_MONTH)
        rows += [
            (who, day, after if day >= joined.get(who, CUT + 1) else before) for who, (before, after) in pace.items()
        ]
    return panel_of(rows, joined, customers=len(pace))


def test_the_gap_is_members_over_others_and_its_part_that_they_brought_is_named() -> None:
    found = gap(buying({0: (15.0, 18.0), BOB: (10.0, 10.0), 2: (10.0, 10.0)}, {0: CUT - days_of(9)}))

    assert (found.members_mean, found.others_mean) == (18.0, 10.0)
    assert found.share == pytest.approx(0.8)
    # before joining Ada spent 15 where all three spent 35 / 3 in the mean: 10 / 3 of the 8 between them
    assert found.joiners_share == pytest.approx((15 - 35 / 3) / 8)


def test_without_others_or_members_the_gap_has_no_share_that_joiners_explain() -> None:
    assert gap(panel_of([], {}, customers=0)) == Gap(0.0, 0.0, None, None)
    alone = gap(buying({0: (15.0, 18.0)}, {0: 100}))
    assert (alone.others_mean, alone.share, alone.joiners_share) == (0.0, None, None)
    assert gap(buying({0: (15.0, 15.0)}, {})) == Gap(0.0, 15.0, None, None)


def test_where_nobody_was_a_member_for_a_whole_month_members_do_not_spend_all_less_than_others() -> None:
    just_joined = gap(buying({0: (15.0, 18.0), BOB: (10.0, 10.0)}, {0: CUT - 5}))

    assert (just_joined.members_mean, just_joined.share, just_joined.joiners_share) == (0.0, None, None)
