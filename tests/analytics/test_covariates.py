"""What is known of customers besides their purchases scales the models' rates."""

from typing import Any

import numpy as np
import pytest

from analytics.clv import bg_nbd, mbg_nbd, pareto_nbd
from analytics.clv.covariates import ByCategory, Covariates
from analytics.clv.fitting import DidNotConverge
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel, discounted_purchases, probability_of_buying, purchases_by_ends
from analytics.clv.simulation import simulate
from analytics.clv.tuples import Floats, Tuples, places

TRUE: Any = {
    "Pareto/NBD": (pareto_nbd, ParetoNBD(0.6, 8.0, 0.7, 12.0), (0.5, -0.4, 0.3, 0.6, 0.2, -0.5)),
    "MBG/NBD": (mbg_nbd, MBGNBD(0.6, 6.0, 0.9, 1.8), (0.5, -0.4, 0.3, -0.3, 0.2, 0.1, 0.2, -0.2, 0.3)),
}


def labels(customers: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "channel": rng.choice(["web", "shop", "fair"], customers, p=[0.6, 0.3, 0.1]),
        "country": rng.choice(["FR", "DE"], customers, p=[0.7, 0.3]),
    }


def drawn(name: str, customers: int, seed: int) -> tuple[Covariates, list[Any], np.ndarray]:
    """Return covariates, the columns of customers drawn by them, and their purchases in the 39 weeks after."""
    module, base, coefficients = TRUE[name]
    rng = np.random.default_rng(seed)
    covariates, category = Covariates.of(**labels(customers, rng))
    model = ByCategory(base, module.FAMILY, covariates, np.array(coefficients))
    x, recency, age, later = (
        np.zeros(customers),
        np.zeros(customers),
        rng.uniform(20, 80, customers),
        np.zeros(customers),
    )
    for kind in range(len(covariates.categories)):
        them = category == kind
        found = simulate(model.of_category(kind), age[them], rng, horizon=39.0)
        x[them], recency[them], later[them] = found.frequency, found.recency, found.later
    return covariates, [x, recency, age, category], later


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_is_found_within_four_standard_errors(name: str) -> None:
    module, base, coefficients = TRUE[name]
    covariates, (x, recency, age, category), later = drawn(name, 60_000, seed=11)
    customers = Tuples.of(x, recency, age, category=category)

    model, fit = module.fit(customers, covariates=covariates)

    truth = np.append([getattr(base, each) for each in fit.names[:4]], coefficients)
    assert np.all(np.abs(fit.values - truth) < 4 * fit.standard_errors)
    assert np.all(fit.standard_errors[4:] < 0.15)
    assert fit.names[4:7] == ("alpha: channel=shop", "alpha: channel=fair", "alpha: country=DE")
    expected = model.expected_purchases(customers, 39.0)[places(customers, x, recency, age, category=category)]
    for kind in range(6):
        of_kind = category == kind
        noise = 4 * float(np.sqrt(((later - expected)[of_kind] ** 2).sum()))
        assert float(expected[of_kind].sum()) == pytest.approx(float(later[of_kind].sum()), abs=noise)
    draws = fit.draws(2_000, np.random.default_rng(1))
    np.testing.assert_allclose(draws[:, 4:].std(axis=0), fit.standard_errors[4:], rtol=0.1)
    assert np.all(draws[:, :4] > 0)


@pytest.mark.parametrize("module", [pareto_nbd, mbg_nbd, bg_nbd])
def test_covariates_that_say_nothing_change_nothing(module: Any) -> None:
    _, (x, recency, age, _), _ = drawn("MBG/NBD", 3_000, seed=2)
    covariates, category = Covariates.of(kind=np.full(3_000, "all"))

    plain, plain_fit = module.fit(Tuples.of(x, recency, age))
    model, fit = module.fit(Tuples.of(x, recency, age, category=category), covariates=covariates)

    np.testing.assert_allclose(fit.values, plain_fit.values, rtol=1e-9)
    assert fit.log_likelihood == pytest.approx(plain_fit.log_likelihood, abs=1e-6)
    assert model.name == plain.name


@pytest.mark.parametrize("name", TRUE)
def test_each_category_is_answered_by_its_own_model(name: str) -> None:
    module, base, coefficients = TRUE[name]
    covariates, columns, _ = drawn(name, 300, seed=3)
    model = ByCategory(base, module.FAMILY, covariates, np.array(coefficients))
    customers = Tuples.of(*columns[:3], category=columns[3])
    assert customers.category is not None

    def answers(who: PurchaseModel, of: Tuples) -> Floats:
        return np.stack([
            who.log_likelihood(of), who.probability_active(of), who.expected_purchases(of, 39.0),
            probability_of_buying(who, of, 39.0), discounted_purchases(who, of, 39.0, 0.1, 7.0),
            *purchases_by_ends(who, of, np.array([2.0, 9.0])),
        ])  # fmt: skip

    found = answers(model, customers)

    for kind in range(6):
        part = np.flatnonzero(customers.category == kind)
        np.testing.assert_allclose(found[:, part], answers(model.of_category(kind), customers.take(part)), rtol=1e-9)


@pytest.mark.parametrize("name", TRUE)
def test_the_scales_are_those_of_the_paper(name: str) -> None:
    module, base, coefficients = TRUE[name]
    covariates, category = Covariates.of(**labels(1_000, np.random.default_rng(1)))
    model = ByCategory(base, module.FAMILY, covariates, np.array(coefficients))
    german_fair = int(np.flatnonzero((covariates.categories == [2, 1]).all(axis=1))[0])

    theirs = model.of_category(german_fair)

    assert theirs.alpha == pytest.approx(base.alpha * np.exp(-(-0.4 + 0.3)))
    if name == "Pareto/NBD":
        assert theirs.beta == pytest.approx(base.beta * np.exp(-(0.2 - 0.5)))
    else:
        assert (theirs.a, theirs.b) == pytest.approx((base.a * np.exp(0.2 + 0.1), base.b * np.exp(-0.2 + 0.3)))
    again = model.with_values(np.append([getattr(base, each) for each in module.FAMILY.names], coefficients))
    assert again.of_category(german_fair) == theirs
    assert sorted(set(category.tolist())) == list(range(6))


def test_others_are_compared_with_the_most_frequent_label() -> None:
    covariates, category = Covariates.of(channel=["shop", "web", "web"])

    assert covariates.levels == {"channel": ("web", "shop")}
    assert (category.tolist(), covariates.design.names) == ([1, 0, 0], ("channel=shop",))


@pytest.mark.parametrize("column", [["web", None], np.array([1.0, np.nan]), np.array(["a", np.nan], dtype=object)])
def test_a_customer_without_a_label_is_refused(column: Any) -> None:
    with pytest.raises(ValueError, match="channel has no label for some customers"):
        Covariates.of(channel=column)


def test_covariates_need_columns_of_one_length_and_tuples_with_categories() -> None:
    covariates, columns, _ = drawn("Pareto/NBD", 300, seed=3)
    plain = Tuples.of(*columns[:3])

    with pytest.raises(ValueError, match="at least one column"):
        Covariates.of()
    with pytest.raises(ValueError, match="one label per customer"):
        Covariates.of(channel=["a"], country=["b", "c"])
    with pytest.raises(ValueError, match="must name a category"):
        pareto_nbd.fit(plain, covariates=covariates)
    with pytest.raises(ValueError, match="must name a category"):
        pareto_nbd.fit(Tuples.of(*columns[:3], category=columns[3] + 1), covariates=covariates)
    model = ByCategory(ParetoNBD(1, 1, 1, 1), pareto_nbd.FAMILY, covariates, np.zeros(6))
    with pytest.raises(ValueError, match="must name each customer's category"):
        model.probability_active(plain)


def test_a_label_of_whom_nobody_came_back_is_named() -> None:
    covariates, (x, recency, age, category), _ = drawn("Pareto/NBD", 2_000, seed=5)
    fair = np.isin(category, np.flatnonzero(covariates.categories[:, 0] == 2))
    x[fair], recency[fair] = 0, 0

    with pytest.raises(DidNotConverge, match="nobody bought twice among those with channel=fair") as refused:
        pareto_nbd.fit(Tuples.of(x, recency, age, category=category), covariates=covariates)

    assert refused.value.reason == "nobody_bought_twice"
