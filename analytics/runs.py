"""Value of every customer: fit, validate on held-out time, apply, store as a run, write down for the floors below."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction

from analytics import extract, statistics
from analytics.clv import gamma_gamma, pareto_nbd
from analytics.clv.fitting import DidNotConverge, Fit
from analytics.clv.formulas import lifetime_from_churn, value_by_formula
from analytics.clv.summary import Floats
from analytics.clv.validation import auc, deciles, errors
from analytics.extract import Buyers
from analytics.models import CustomerValue, ValueRun
from customers.core import bulk
from customers.models import Retailer

HELD_OUT_SHARE = 1 / 3
MIN_CUSTOMERS = 100
MIN_DAYS = 90
MONTH = 365.25 / 12
DEFAULT_LIFETIME_YEARS = 3.0


@dataclass(frozen=True)
class Model:
    """A fitted pair: how often customers come, and what they spend when they do."""

    purchases: pareto_nbd.ParetoNBD
    value: gamma_gamma.GammaGamma
    parameters: dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Predicted:
    """Columns of predictions; money is net revenue."""

    probability_active: Floats
    purchases: Floats
    order_value: Floats
    revenue: Floats


def compute_value(
    retailer: Retailer,
    *,
    now: datetime,
    cut: date | None = None,
    horizon_days: int = 365,
    discount_rate: Decimal = Decimal("0.10"),
) -> ValueRun | None:
    """
    Compute and store the value of every customer who bought.

    :param cut: the last day of data; the last day with an order if None
    :param discount_rate: a year, by which later purchases count less
    :returns: the run, also where the data allow no prediction (it says why); None when nothing was ever bought
    """
    statistics.refresh(retailer)
    known = extract.span(retailer)
    if known is None:
        return None
    cut = cut or known[1]
    everyone = extract.buyers(retailer, cut)
    run = ValueRun(
        retailer=retailer,
        status=ValueRun.Status.DONE,
        ran_at=now,
        data_cut=cut,
        horizon_days=horizon_days,
        discount_rate=discount_rate,
        currency=retailer.currency,
        margin_rate=retailer.margin_rate,
        customers=len(everyone),
    )
    predicted = _predict_validated(run, known[0], everyone)
    with transaction.atomic():
        run.save()
        _store(run, everyone, predicted, extract.churn_a_year(retailer, cut))
        _write_down(run)
    return run


def _predict_validated(run: ValueRun, first: date, everyone: Buyers) -> Predicted | None:
    """Predict only what was right on time that it had not seen; otherwise say why not."""
    days = (run.data_cut - first).days
    if len(everyone) < MIN_CUSTOMERS or days < MIN_DAYS:
        return _refuse(
            run,
            f"{len(everyone)} customers over {days} days; a prediction needs {MIN_CUSTOMERS} and {MIN_DAYS} days.",
        )
    run.calibration_cut = run.data_cut - timedelta(days=int(days * HELD_OUT_SHARE))
    try:
        run.held_out = _validate(run, run.calibration_cut)
        model = _fit(everyone)
    except DidNotConverge as error:
        return _refuse(run, f"The model does not fit these data: {error}.")
    run.model = "Pareto/NBD and Gamma-Gamma"
    run.parameters = model.parameters
    run.reason = (
        "Pareto/NBD is the default; on held-out time its mean absolute error in purchase days was "
        f"{run.held_out['purchases']['mae']:.3f}, and {run.held_out['naive']['mae']:.3f} for carrying on at the past rate."
    )
    return _predict(model, everyone, run.horizon_days, float(run.discount_rate))


def _refuse(run: ValueRun, reason: str) -> Predicted | None:
    run.status, run.reason = ValueRun.Status.REFUSED, reason
    return None


def _fit(who: Buyers) -> Model:
    purchases, purchase_fit = pareto_nbd.fit(who.summary)
    value, value_fit = gamma_gamma.fit(who.occasions, who.total / who.occasions)
    if value.q <= 1:
        raise DidNotConverge("customers differ so much in what they spend that its mean does not exist")
    named = {
        **_named(("r", "alpha_days", "s", "beta_days"), purchase_fit),
        **_named(("p", "q", "v"), value_fit),
    }
    return Model(purchases, value, named)


def _named(names: tuple[str, ...], fit: Fit) -> dict[str, dict[str, float | None]]:
    return {
        name: {"value": float(value), "standard_error": None if np.isnan(error) else float(error)}
        for name, value, error in zip(names, fit.values, fit.standard_errors, strict=True)
    }


def _predict(model: Model, who: Buyers, horizon_days: int, discount_rate: float) -> Predicted:
    """Discount month by month, each to its middle."""
    active = model.purchases.probability_active(who.summary)
    order_value = model.value.expected_value(who.occasions, who.total / who.occasions)
    ends = np.append(np.arange(MONTH, horizon_days, MONTH), float(horizon_days))
    discounted, earlier, start = np.zeros(len(who)), np.zeros(len(who)), 0.0
    for end in ends:
        until = model.purchases.purchases_if_active(who.summary, float(end)) * active
        discounted += (until - earlier) * (1 + discount_rate) ** (-((start + end) / 2) / 365.25)
        earlier, start = until, float(end)
    return Predicted(active, earlier, order_value, discounted * order_value)


def _validate(run: ValueRun, cut: date) -> dict[str, Any]:
    """Fit on the time before a cut, and compare with what came after it."""
    then = extract.buyers_then(run.retailer, cut)
    if len(then) < MIN_CUSTOMERS:
        raise DidNotConverge(f"only {len(then)} customers had bought by {cut}")
    days = (run.data_cut - cut).days
    predicted = _predict(_fit(then), then, days, 0.0)
    actual_days, actual_value = extract.bought_later(run.retailer, then, cut, run.data_cut)
    naive = then.summary.frequency / np.maximum(then.summary.age, 1.0) * days
    return {
        "days": days,
        "customers": len(then),
        "purchases": errors(predicted.purchases, actual_days).as_json(),
        "value": errors(predicted.revenue, actual_value).as_json(),
        "naive": errors(naive, actual_days).as_json(),
        "auc_active": _number(auc(predicted.probability_active, (actual_days > 0).astype(np.float64))),
        "deciles": deciles(predicted.revenue, actual_value),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _store(run: ValueRun, who: Buyers, predicted: Predicted | None, churn: float | None) -> None:
    margin = float(run.margin_rate) if run.margin_rate is not None else 1.0
    lifetime = DEFAULT_LIFETIME_YEARS if churn is None else lifetime_from_churn(churn)
    formula = value_by_formula(
        average_value=who.total / who.occasions,
        occasions=who.occasions,
        age_days=who.summary.age,
        lifetime_years=lifetime,
        margin=margin,
    )
    basis = formula if predicted is None else predicted.revenue * margin
    rank = np.empty(len(who), dtype=np.int64)
    rank[np.argsort(basis, kind="stable")] = np.arange(len(who))
    decile = rank * 10 // max(len(who), 1) + 1
    # fmt: off
    columns = ("run_id", "customer_id", "historic_revenue", "historic_value", "formula_value", "predicted_value",
               "expected_orders", "expected_order_value", "probability_active", "value_decile")
    # fmt: on
    nothing: list[Any] = [None] * len(who)
    rows = zip(
        [run.pk] * len(who),
        list(who.ids),
        _money(who.total),
        _money(who.total * margin),
        _money(formula),
        nothing if predicted is None else _money(predicted.revenue * margin),
        nothing if predicted is None else predicted.purchases.tolist(),
        nothing if predicted is None else _money(predicted.order_value * margin),
        nothing if predicted is None else np.clip(predicted.probability_active, 0.0, 1.0).tolist(),
        decile.tolist(),
        strict=True,
    )
    bulk.insert(CustomerValue, columns, rows)


def _money(values: Floats) -> list[Decimal]:
    return [Decimal(f"{value:.2f}") for value in values.tolist()]


WRITE_DOWN = """
INSERT INTO customers_insight (customer_id, run_id, as_of, horizon_days, currency, historic_revenue, formula_value,
    predicted_value, expected_orders, probability_active, value_decile)
SELECT v.customer_id, r.id, r.data_cut, r.horizon_days, r.currency, v.historic_revenue, v.formula_value,
    v.predicted_value, v.expected_orders, v.probability_active, v.value_decile
FROM analytics_customervalue v JOIN analytics_valuerun r ON r.id = v.run_id
JOIN customers_customer c ON c.id = v.customer_id AND c.erased_at IS NULL WHERE r.id = %s
ON CONFLICT (customer_id) DO UPDATE SET run_id = excluded.run_id, as_of = excluded.as_of,
    horizon_days = excluded.horizon_days, currency = excluded.currency, historic_revenue = excluded.historic_revenue,
    formula_value = excluded.formula_value, predicted_value = excluded.predicted_value,
    expected_orders = excluded.expected_orders, probability_active = excluded.probability_active,
    value_decile = excluded.value_decile
"""


def _write_down(run: ValueRun) -> None:
    bulk.execute(WRITE_DOWN, [run.pk])


def latest_run(retailer_id: int) -> ValueRun | None:
    """Return the newest run of a retailer."""
    return ValueRun.objects.filter(retailer=retailer_id).order_by("-pk").first()


def top_customers(run: ValueRun, limit: int) -> list[CustomerValue]:
    """Return the customers with the highest value of a run."""
    values = CustomerValue.objects.filter(run=run).select_related("customer")
    return list(values.order_by("-predicted_value", "-formula_value")[:limit])
