"""The textbook's answers, and what happens at the edges: young customers, points, returns, costs, ties."""

from typing import Any

import numpy as np
import pytest

from analytics.clv import formulas, history, payback
from analytics.clv.formulas import Terms
from analytics.clv.history import Facts
from analytics.clv.spend import CommonMean, Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Tuples
from tests.analytics.simulated import PURCHASES

YEAR = 365.25
THIRTY_PERCENT = Terms(margin_rate=0.3, cost_per_order=2.0, cost_a_year=1.0)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_the_formulas_give_the_textbook_answers() -> None:
    assert formulas.value_by_churn(revenue_per_period=100, churn=0.10) == pytest.approx(1_000, rel=1e-12)
    assert formulas.value_by_duration(revenue_per_period=100, periods=24) == 2_400
    assert (formulas.lifetime_from_churn(0.25), formulas.lifetime_from_churn(0.01)) == (4.0, 10.0)


@pytest.mark.parametrize("churn", [0.0, -0.1, 1.1, float("nan")])
def test_a_churn_that_cannot_be_is_refused(churn: float) -> None:
    with pytest.raises(ValueError, match="churn"):
        formulas.value_by_churn(revenue_per_period=100, churn=churn)


def test_a_customer_put_together_from_transactions_or_from_customers_is_worth_the_same() -> None:
    by_transactions = formulas.value_by_transactions(
        average_basket=50, purchases_a_year=4, lifetime_years=3, terms=THIRTY_PERCENT
    )
    by_customers = formulas.value_by_customers(
        revenue=2_000, customer_years=10, orders=40, lifetime_years=3, terms=THIRTY_PERCENT
    )

    assert by_transactions.value == pytest.approx(50 * 4 * 3 * 0.3 - (2 * 4 + 1) * 3, rel=1e-12)
    assert by_customers.value == pytest.approx(by_transactions.value, rel=1e-12)
    assert (by_transactions.basis.code, by_customers.basis.code) == ("transactions_margin", "customers_margin")


def test_no_year_of_relation_is_no_value_by_customers() -> None:
    found = formulas.value_by_customers(revenue=10, customer_years=0, orders=1, lifetime_years=3, terms=Terms())

    assert np.isnan(found.value)
    assert found.basis.code == "no_relation"


def test_one_purchase_of_fifty_today_is_valued_at_everybodys_rate() -> None:
    found = formulas.value_by_formula(
        average_value=column(50, 50, 80), occasions=column(4, 1, 2), age_days=column(YEAR, 0, YEAR / 2),
        lifetime_years=3.0, terms=Terms(margin_rate=0.3),
    )  # fmt: skip

    common = (4 + 2) / 1.5
    assert found.value == pytest.approx([50 * 4 * 3 * 0.3, 50 * common * 3 * 0.3, 80 * 4 * 3 * 0.3], rel=1e-12)
    assert found.own_rate.tolist() == [True, False, True]
    assert found.basis.values["customers"] == 1
    assert found.basis.values["common_purchases_a_year"] == pytest.approx(common, rel=1e-12)


def test_a_block_of_customers_has_everybodys_rate() -> None:
    young = formulas.value_by_formula(
        average_value=column(50), occasions=column(1), age_days=column(3), lifetime_years=3.0,
        terms=Terms(margin_rate=0.3), common=4.0,
    )  # fmt: skip

    assert young.value == pytest.approx([50 * 4 * 3 * 0.3], rel=1e-12)


def test_a_rate_begins_at_ninety_days() -> None:
    rate = formulas.purchases_a_year(occasions=column(1, 1), age_days=column(89, 90))

    assert np.isnan(rate[0])
    assert rate[1] == pytest.approx(YEAR / 90, rel=1e-12)


def test_where_nobody_has_a_rate_there_is_no_value() -> None:
    found = formulas.value_by_formula(
        average_value=column(50, 0), occasions=column(1, 0), age_days=column(10, 20), lifetime_years=3.0, terms=Terms()
    )

    assert np.isnan(found.value[0])
    assert found.value[1] == 0
    assert found.basis.code == "formula_revenue"


def test_a_cohort_brings_what_is_retained_discounted() -> None:
    found = formulas.value_by_retention(
        value_per_period=np.full(3, 100.0), retained=column(1, 0.8, 0.64), discount_rate=0.1, periods_a_year=1
    )
    endless = formulas.value_by_retention(
        value_per_period=column(100), retained=0.8 ** np.arange(400.0), discount_rate=0.1, periods_a_year=1
    )

    assert found.value == pytest.approx(100 + 80 / 1.1 + 64 / 1.21, rel=1e-12)
    assert endless.value == pytest.approx(100 * 1.1 / (1.1 - 0.8), rel=1e-9)


def test_retention_is_that_of_the_cohorts_that_were_seen_so_long() -> None:
    active = np.array([[100, 60, 30], [50, 20, np.nan], [10, np.nan, np.nan]])

    shares = formulas.retention(active, column(100, 50, 10))

    assert shares == pytest.approx([1.0, 80 / 150, 0.3], rel=1e-12)


def test_margin_comes_from_the_lines_cost_where_it_is_known_and_from_the_rate_elsewhere() -> None:
    facts = Facts(
        occasions=column(3), orders=column(3), value=column(300), age_days=column(2 * YEAR),
        cost=column(120), value_with_cost=column(200), benefits=column(5),
    )  # fmt: skip

    found = history.historic(facts, THIRTY_PERCENT)

    margin = 300 - 120 - 0.7 * 100 - 2 * 3 - 1 * 2 - 5
    assert found.revenue == pytest.approx([300], rel=1e-12)
    assert found.margin == pytest.approx([margin], rel=1e-12)
    assert found.revenue_a_year == pytest.approx([150], rel=1e-12)
    assert found.margin_a_year == pytest.approx([margin / 2], rel=1e-12)
    assert found.basis.code == "historic_cost_and_rate"
    assert found.basis.values["cost_share"] == pytest.approx(2 / 3, rel=1e-12)


def test_what_was_paid_with_points_is_no_revenue_and_its_goods_still_cost() -> None:
    facts = Facts(
        occasions=column(1), orders=column(1), value=column(100), age_days=column(10), paid_with_points=column(100)
    )

    found = history.historic(facts, Terms(margin_rate=0.3))

    assert found.revenue[0] == 0
    assert found.margin[0] == pytest.approx(-70, rel=1e-12)
    assert np.isnan(found.revenue_a_year[0])


def test_who_returned_everything_has_brought_nothing() -> None:
    facts = Facts(occasions=column(0), orders=column(4), value=column(0), age_days=column(400), benefits=column(3))

    found = history.historic(facts, THIRTY_PERCENT)

    assert (found.revenue[0], found.margin[0], found.revenue_a_year[0], found.margin_a_year[0]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("margin_rate", "cost", "code"),
    [
        (None, 0, "historic_revenue"),
        (None, 10, "historic_cost_or_revenue"),
        (0.3, 0, "historic_rate"),
        (0.3, 10, "historic_cost_and_rate"),
    ],
)
def test_historic_values_say_what_margin_rests_on(margin_rate: float | None, cost: float, code: str) -> None:
    facts = Facts(
        occasions=column(1), orders=column(1), value=column(50), age_days=column(400), cost=column(cost),
        value_with_cost=column(2 * cost),
    )  # fmt: skip

    assert history.historic(facts, Terms(margin_rate=margin_rate)).basis.code == code


@pytest.mark.parametrize("terms", [{"margin_rate": 1.2}, {"margin_rate": -0.1}, {"cost_per_order": -1.0}])
def test_terms_that_cannot_be_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"margin rate|cost"):
        Terms(**terms)


def test_an_acquisition_is_paid_back_in_the_first_month_whose_cumulated_margin_covers_it() -> None:
    cost = payback.acquisition_cost(spent=3_000, customers=100)
    margins = column(12, 7, 6, 5, 4)

    found = payback.payback(cost=cost.value, margin_per_period=margins)
    early = payback.payback(cost=cost.value, margin_per_period=margins[:3])

    assert cost.value == 30
    assert (found.period, found.basis.code) == (3, "paid_back")
    assert (early.period, early.basis.code, round(early.recovered_share, 2)) == (None, "not_yet", 0.83)
    assert payback.payback(cost=1.0, margin_per_period=np.empty(0)).period is None
    assert payback.highest_cost(margin_per_period=margins, periods=4).value == 34
    assert payback.highest_cost(margin_per_period=margins, periods=12).basis.code == "highest_cost_so_far"
    assert payback.incremental_cost(cost=30, organic_share=0.2).value == 37.5


def test_a_cost_without_a_new_customer_is_no_cost_of_one() -> None:
    cost = payback.acquisition_cost(spent=500, customers=0)

    assert np.isnan(cost.value)
    assert cost.basis.code == "nobody_acquired"
    assert payback.payback(cost=cost.value, margin_per_period=column(1)).basis.code == "no_cost_known"


def test_a_new_customer_pays_back_what_the_models_expect_of_it() -> None:
    new, spend = Tuples.ungrouped([0], [0.0], [0.0]), Spend(CommonMean(40.0, 0.5), Statement("one_price"), None)

    margins = payback.expected_margins(PURCHASES, spend, margin_rate=0.25, months=12, factor=1.1)

    year = 10.0 * (1 + 1.1 * PURCHASES.expected_purchases(new, YEAR)[0])
    assert len(margins) == 13
    assert margins[0] == 10.0
    assert margins.sum() == pytest.approx(year, rel=1e-9)
    assert payback.highest_cost(margin_per_period=margins, periods=12).value == pytest.approx(year, rel=1e-9)
    assert payback.payback(cost=year * 1.01, margin_per_period=margins).basis.code == "not_yet"
    assert payback.payback(cost=float(margins[:4].sum()), margin_per_period=margins).period == 3


def test_each_customer_is_paid_back_in_its_own_month() -> None:
    cumulated = np.array([[5.0, 5.0, 5.0], [12.0, 6.0, 7.0]])

    assert payback.first_covered(column(5, 10, np.nan), cumulated).tolist() == [0, -1, -1]


def test_facts_may_be_lists_and_numbers_for_all() -> None:
    given: dict[str, Any] = {
        "occasions": [1, 0, 2], "orders": [1, 1, 3], "value": [100, float("nan"), 50], "age_days": [200, 200, 200],
        "paid_with_points": [30, 0, 0], "cost": 5,
    }  # fmt: skip

    # 70 - .7 x 100 - 5; nothing of who returned everything; 50 - .7 x 50 - 5.
    assert history.historic(Facts(**given), Terms(margin_rate=0.3)).margin.tolist() == pytest.approx([-5, 0, 10])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"value": [1.0, 2.0, 3.0]}, "value must have one value per customer"),
        ({"age_days": [100]}, "age_days must have one value per customer"),
        ({"paid_with_points": [1.0]}, "paid_with_points must have one value per customer"),
        ({"value": [1.0, float("nan")]}, "value is not a finite number for every customer who bought"),
        ({"cost": float("inf")}, "cost is not a finite number for every customer who bought"),
    ],
)
def test_facts_that_cannot_be_are_refused_in_words(wrong: dict[str, Any], words: str) -> None:
    right: dict[str, Any] = {"occasions": [1, 1], "orders": [1, 1], "value": [10.0, 20.0], "age_days": [100, 100]}

    with pytest.raises(ValueError, match=words):
        Facts(**right | wrong)
