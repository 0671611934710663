"""What a number rests on, or why there is none: codes with values, which an edge words for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Each code of this package, and the values that its sentence may name. Those of `DidNotConverge` name none.
CODES: Mapping[str, frozenset[str]] = {
    code: frozenset(values.split())
    for code, values in {
        # Spending: the model, or why there is one mean for all.
        "gamma_gamma": "",
        "nothing_spent": "",
        "one_price": "amount",
        "too_few_bought_twice": "customers needed",
        "no_maximum": "",
        "mean_does_not_exist": "q cap_amount capped",
        "heavy_tail": "expected_amount seen_amount cap_amount capped",
        # The choice of a model of purchases.
        "default_stays": "model rivals",
        "rival_won": "model default gain_share",
        "default_failed": "model default",
        "no_origin": "",
        "no_model": "",
        # Whether it may be published.
        "passed": "bias_rate most_rate deviance plain",
        "too_biased": "bias_rate most_rate deviance plain",
        "no_better_than_plain": "bias_rate most_rate deviance plain",
        "nothing_came": "days",
        # What the data lack for a model.
        "too_few_customers": "",
        "nobody_bought_twice": "",
        "nobody_silent": "",
        "one_day": "",
        "flat": "",
        "nobody_registered": "",
        "watched_too_short": "",
        "registered_when_buying": "",
        "too_few_first_purchases": "",
        # What comes of those who never bought.
        "activation": "share seen_days horizon_days",
        "activation_beyond_seen": "share seen_days horizon_days",
        # Formulas: in margin, or in revenue where no margin is known.
        "transactions_margin": "basket_amount purchases_a_year lifetime_years margin_rate cost_amount",
        "transactions_revenue": "basket_amount purchases_a_year lifetime_years margin_rate cost_amount",
        "customers_margin": "revenue_amount lifetime_years margin_rate cost_amount",
        "customers_revenue": "revenue_amount lifetime_years margin_rate cost_amount",
        "formula_margin": "lifetime_years margin_rate common_purchases_a_year days customers",
        "formula_revenue": "lifetime_years margin_rate common_purchases_a_year days customers",
        "no_relation": "",
        "retention": "periods last_share discount_rate",
        # What was brought so far.
        "historic_revenue": "cost_share margin_rate",
        "historic_rate": "cost_share margin_rate",
        "historic_cost_and_rate": "cost_share margin_rate",
        "historic_cost_or_revenue": "cost_share margin_rate",
        # Acquisition.
        "acquired": "cost_amount customers",
        "nobody_acquired": "cost_amount",
        "no_cost_known": "",
        "paid_back": "cost_amount recovered_share periods period",
        "not_yet": "cost_amount recovered_share periods",
        "highest_cost": "periods seen",
        "highest_cost_so_far": "periods seen",
        "incremental": "organic_share",
    }.items()
}


@dataclass(frozen=True)
class Statement:
    """
    A reason or a basis that this code does not word itself.

    :param code: stable, such as "one_price"; this package's are `CODES`
    :param values: what its sentence may name; names that end in `rate` or `share` are shares of 1, in `amount` money
    """

    code: str
    values: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.code not in CODES or not self.values or set(self.values) == CODES[self.code], self


@dataclass(frozen=True)
class Figure:
    """A number and what it rests on; NaN where there is none, and the basis says why."""

    value: float
    basis: Statement
