"""
What a run says, in the reader's language: pure code gives reasons as codes with values, here they become sentences.

In a sentence, values that end in `rate` or `share` are shown as percentages, those that end in `amount` as money.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.models import ValueRun
from customers.core.money import written
from customers.core.numbers import shown

SENTENCES: dict[str, str | Promise] = {
    # No prediction, before anything was tried.
    "all_returned": _("Everything that was bought came back: there is nothing to predict."),
    "needs_customers": _("Customers who bought: %(customers)s. A prediction needs %(needed)s."),
    "too_little_history": _("The orders are of %(days)s days; a prediction needs %(needed_days)s."),
    "no_origin": _("The history is too short to hide a part of it and predict that."),
    # No prediction, because no model could be fitted.
    "nobody_bought_twice": _("Nobody bought on two days: who comes again, and how often, cannot be told."),
    "nobody_had_bought_twice": _(
        "At an origin of the back-test nobody had bought on two days yet: no model can be tried on time that it has not seen."
    ),
    "one_day": _("Everybody bought on one day, the last of the data: nothing has been seen since."),
    "flat": _("The customers differ too little, or in too few ways, to tell the model's parameters apart."),
    "too_few_customers": _("At an origin of the back-test too few customers had bought for a model to be fitted."),
    "no_model": _("None of the models fits these data."),
    # No prediction, because it was wrong on time that it had not seen.
    "nothing_came": _(
        "Nobody bought in the %(days)s days that were hidden: what a model says of them cannot be judged."
    ),
    "too_biased": _(
        "On time that it had not seen the model was off by %(bias_rate)s in all, after its correction; at most "
        "%(most_rate)s are allowed."
    ),
    "no_better_than_plain": _(
        "On time that it had not seen the model ordered the customers no better than their past rates do."
    ),
    # The choice.
    "default_stays": _("No other model was better at every origin of the back-test, so %(model)s stays."),
    "rival_won": _(
        "%(model)s was better than %(default)s at every origin of the back-test, by %(gain_share)s in the mean."
    ),
    "default_failed": _("%(default)s could not be fitted at every origin of the back-test; %(model)s could."),
    "passed": _("It was right enough on time that it had not seen."),
    # Spending.
    "gamma_gamma": _("What customers spend differs between them as Gamma-Gamma has it."),
    "nothing_spent": _("Nobody spent anything."),
    "one_price": _("Every purchase day came to %(amount)s: all are expected to spend that again."),
    "too_few_bought_twice": _(
        "%(customers)s customers bought on two days; to tell who spends more takes %(needed)s. All have one mean."
    ),
    "no_maximum": _("What customers spend does not determine how they differ. All have one mean."),
    "mean_does_not_exist": _(
        "A few customers spend so much more than all others that a mean of such a distribution does not exist. All have "
        "one mean, in which nobody counts for more than %(cap_amount)s a purchase day."
    ),
    "heavy_tail": _(
        "A few customers spend so much more than all others that they would make everybody's expectation "
        "(%(expected_amount)s, where %(seen_amount)s was seen). All have one mean, in which nobody counts for more than "
        "%(cap_amount)s a purchase day."
    ),
    # The formula.
    "by_formula": _(
        "Average purchase day × purchases a year × %(lifetime_years)s years × margin. For who has been a customer for less "
        "than %(days)s days, everybody’s %(purchases_a_year)s purchases a year stand in."
    ),
    "no_formula": _("Nobody has been a customer for %(days)s days: how often one comes in a year is not known."),
    # Runs that did not come to an end.
    "nothing_bought": _("Nothing was ever bought."),
    "cut_ahead_of_the_data": _("The data end on %(last)s; they cannot be cut on %(cut)s, after it."),
    "cut_before_the_data": _("The first order is of %(first)s; nothing was known on %(cut)s."),
    # Of those who never bought.
    "activated": _(
        "Of %(customers)s who never bought, %(expected)s are expected to within %(days)s days: first purchases and what follows "
        "them are worth %(worth_amount)s. Their values are no customers' values and not in the sum."
    ),
    "nobody_registered": _("Nobody registered before buying."),
    "watched_too_short": _("Registrations were not watched for long enough to tell when a first purchase follows."),
    "registered_when_buying": _(
        "All who bought did so on the day they registered: that tells nothing of those who only register."
    ),
    "too_few_first_purchases": _("Too few first purchases followed a registration to tell when the next ones will."),
    "died": _("It was interrupted before its end. Nothing of it counts."),
    "error": _("It ended with an error (%(error)s), which the log tells. Nothing of it counts."),
    "text": "%(text)s",
}
DISCOUNTED = _(
    "Values are %(basis)s; they are of the next %(days)s days, discounted by %(rate)s a year, each month to its middle. "
    "What was paid with points is no revenue; returns are of their order's day."
)


def reason_of(run: ValueRun) -> str:
    """Return why a run has this model, or no prediction."""
    return sentence(run.code, run.details, run.currency)


def spend_of(run: ValueRun) -> str:
    """Return what was made of spending; nothing where there is no prediction."""
    found = run.card.get("spend")
    return sentence(found["code"], found["values"], run.currency) if found else ""


def activation_of(run: ValueRun) -> str:
    """Return what is expected of those who never bought; nothing where nobody is known or nothing predicted."""
    found = run.card.get("activation")
    return sentence(found["code"], found["values"], run.currency) if found else ""


def formula_of(run: ValueRun) -> str:
    """Return what a run's values by formula rest on; nothing of a run that did not come so far."""
    found = run.card.get("formula")
    return sentence(found["code"], found["values"], run.currency) if found else ""


def basis_of(run: ValueRun) -> str:
    """Return what the money of a run's values is."""
    rate = formats.number_format(run.discount_rate * 100, use_l10n=True)
    return str(DISCOUNTED) % {
        "basis": run.get_basis_display(), "days": run.horizon_days, "rate": f"{rate.rstrip('0').rstrip('.,')} %",
    }  # fmt: skip


def sentence(code: str, values: Mapping[str, Any], currency: str) -> str:
    """Return the sentence of a code, or the code where it has none."""
    text = SENTENCES.get(code, code)
    return str(text) % {name: _shown(name, value, currency) for name, value in values.items()} if values else str(text)


def _shown(name: str, value: Any, currency: str) -> str:
    if isinstance(value, str) or value is None:
        return value or "-"
    if name.endswith(("rate", "share")):
        return f"{formats.number_format(round(value * 100, 1), 1)} %"
    if name.endswith("amount"):
        return written(Decimal(str(value)), currency)
    whole = isinstance(value, int) or float(value).is_integer()
    return shown(value, 0 if whole else 2)
