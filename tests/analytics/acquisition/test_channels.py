import math
from datetime import date

import pytest

from analytics.acquisition.channels import Channel, Cohort, Spent, channels, mean_margin, together, unattributed

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def of(spent: float, customers: int, *margin: float) -> Channel:
    """Return a channel of one month; margin is that of one customer."""
    cohort = Cohort("search", JANUARY, customers, tuple(customers * each for each in margin))
    (found,) = channels([Spent("search", JANUARY, spent)], [cohort] if customers else [])
    return found


def test_three_thousand_for_a_hundred_customers_come_back_in_month_three() -> None:
    found = of(3_000, 100, 12, 7, 6, 5, 4)

    assert found.cost.value == 30.0
    assert found.cumulated.tolist() == [12, 19, 25, 30, 34]
    assert found.payback.period == 3


def test_what_is_not_back_yet_is_said_as_a_share() -> None:
    found = of(3_000, 100, 12, 7, 6)

    assert (found.payback.period, round(found.payback.recovered_share, 2)) == (None, 0.83)


@pytest.mark.parametrize(("cost", "months"), [("19.80", ("12.70", "7.10")), ("0.80", ("0.70", "0.10"))])
def test_what_is_back_to_the_cent_is_back(cost: str, months: tuple[str, ...]) -> None:
    found = of(float(cost), 1, *map(float, months))

    assert (found.payback.period, found.payback.basis.code) == (1, "paid_back")
    assert of(float(cost) + 0.01, 1, *map(float, months)).payback.period is None


def test_a_customer_may_cost_what_it_brings_by_month_twelve() -> None:
    a_year = of(0, 10, *[1.0] * 15)
    young = of(0, 10, *[1.0] * 5)

    assert (a_year.highest.value, a_year.highest.basis.code) == (13.0, "highest_cost")
    assert (young.highest.value, young.highest.basis.code) == (5.0, "highest_cost_so_far")


def test_what_won_nobody_is_in_no_customers_cost() -> None:
    found = channels(
        [Spent("leaflet", JANUARY, 500), Spent("search", JANUARY, 90)], [Cohort("search", JANUARY, 3, (9.0,))]
    )

    assert [(channel.name, channel.customers) for channel in found] == [("search", 3), ("leaflet", 0)]
    assert (found[0].cost.value, math.isnan(found[1].cost.value)) == (30.0, True)
    assert found[1].payback.basis.code == "no_cost_known"
    assert unattributed(found) == 500


def test_a_later_month_rests_on_those_who_have_lived_it() -> None:
    old, young = Cohort("search", JANUARY, 10, (100.0, 50.0)), Cohort("search", FEBRUARY, 30, (60.0,))

    assert mean_margin([old, young]).tolist() == [4.0, 5.0]


def test_each_month_has_a_cost_of_its_own() -> None:
    spent = [Spent("search", JANUARY, 90), Spent("search", FEBRUARY, 20)]
    cohorts = [Cohort("search", JANUARY, 3, (1.0,)), Cohort("search", date(2026, 3, 1), 2, ())]

    (found,) = channels(spent, cohorts)

    costs = [(month.month.month, month.spent, month.customers, month.cost.value) for month in found.months]
    assert costs[0] == (1, 90, 3, 30.0)
    assert (costs[1][:3], math.isnan(costs[1][3])) == ((2, 20, 0), True)
    assert costs[2] == (3, 0, 2, 0.0)
    assert (found.spent, found.customers, found.cost.value) == (110, 5, 22.0)


@pytest.mark.parametrize("cohorts", [[], [Cohort("search", JANUARY, 3, ())]])
def test_who_has_lived_no_month_has_brought_nothing(cohorts: list[Cohort]) -> None:
    assert mean_margin(cohorts).tolist() == []


def test_who_came_by_themselves_is_told_apart_and_with_the_others() -> None:
    found = channels(
        [Spent("search", JANUARY, 3_000), Spent("leaflet", JANUARY, 500)],
        [
            Cohort("search", JANUARY, 100, (9.0,)),
            Cohort("", JANUARY, 40, (9.0,)),
            Cohort("friends", JANUARY, 10, (9.0,)),
        ],
    )
    overall = together(found)

    assert (overall.paid.value, overall.organic, overall.everybody.value) == (30.0, 50, 20.0)
    assert unattributed(found) == 500


def test_where_nothing_was_spent_nobody_cost_anything() -> None:
    overall = together(channels([], [Cohort("", JANUARY, 40, (9.0,))]))

    assert (math.isnan(overall.paid.value), overall.organic, overall.everybody.value) == (True, 40, 0.0)
