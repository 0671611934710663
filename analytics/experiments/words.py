"""What a look at an experiment says, in the reader's language."""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil, log10
from typing import Any, TypeGuard

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.experiments.models import ExperimentLook
from analytics.experiments.results import Effect
from analytics.uplift.results import Range, Reason
from customers.core.instants import day_said
from customers.core.labels import labelled
from customers.core.money import decimals_of, unit_of, written
from customers.core.numbers import percent as percent_of
from customers.core.numbers import shown
from loyalty.experiments.models import Experiment

BLOCKED: dict[str, str | Promise] = {
    "plan_changed": _("The plan is not the one that was hashed before the start. Nothing may be read from it."),
    "not_as_assigned": _(
        "%(customers)s customers are not in the variant that their bucket says: somebody moved them, and who is compared is "
        "no longer chance."
    ),
    "nobody_long_enough": _(
        "Nobody has been in it for a whole window yet. %(customers)s customers are on the way; it is looked at every night."
    ),
    "ended_too_soon": _(
        "It ended before anybody had been in it for a whole window, so nothing can be told of it. %(customers)s customers were "
        "in it for a part of one."
    ),
    "sample_ratio": _(
        "The arms are not as large as their shares say (p = %(p_value)s; below 0.001 nothing is told). What made their sizes "
        "differ may have made the difference in money as well: look for customers who were lost in one arm alone."
    ),
    "too_few_units": _(
        "One arm has %(units)s units whose window is over; of fewer than %(needed)s a few decide, so nothing is told."
    ),
}
EFFECT = {
    "more": _(
        "%(variant)s: each customer brings %(amount)s more in %(days)s days than one of the control: between %(low)s and "
        "%(high)s%(percent)s."
    ),
    "less": _(
        "%(variant)s: each customer brings %(amount)s less in %(days)s days than one of the control: between %(low)s and "
        "%(high)s%(percent)s."
    ),
    "no_detectable_effect": _(
        "%(variant)s: no detectable effect. Zero is among what fits: from %(low)s to %(high)s per customer in %(days)s days. So "
        "many customers show %(detectable)s four times in five."
    ),
    "not_decided": _(
        "%(variant)s: not decided yet. What fits goes from %(low)s to %(high)s per customer in %(days)s days; this is right "
        "however often one looks, and so it is wide."
    ),
}
PERCENT = _(" (%(middle)s; %(low)s to %(high)s)")
ADVICE = {
    "as_asked": _("These shares detect what can be expected."),
    "half_and_half": _(
        "So small a control says too little of so few customers. Half and half detects %(half)s: take it, or measure for longer."
    ),
    "not_measurable": _(
        "This cannot be measured: even half and half detects no less than %(half)s, which is more than a program can be "
        "expected to bring. Take a longer window, or wait for more customers."
    ),
}  # fmt: skip
MAX_AMOUNT = 10**15  # beyond which a plan says something else
MAX_FINER = 4  # decimals beyond a currency's: of less nobody decides anything
EFFECT_PERCENT = "effect_percent"
# What a plan says that somebody else computed, by the names of the API's own example.
PLANNED_WORDS: Mapping[str, Promise] = {
    EFFECT_PERCENT: _("an effect of %(value)s"),
    "customers": _("%(value)s customers"),
}
TAGS = {"effect": "done", "no_detectable_effect": "", "not_decided": "waiting"}


def blocked(reason: Reason) -> str:
    """Return why a look may say nothing."""
    return str(BLOCKED[reason.code]) % {name: _value(name, value) for name, value in reason.values.items()}


def headline(look: ExperimentLook, effect: Effect) -> str:
    """Return what a look says of a variant."""
    experiment, currency = look.experiment, look.currency
    kind: str = effect.says
    if kind == "effect":
        kind = "more" if effect.shown.value > 0 else "less"
    low, high, turned, more = effect.shown.low, effect.shown.high, kind == "less", finer(effect.shown, currency)
    return str(EFFECT[kind]) % {
        "variant": name_of(experiment, effect.code), "days": experiment.window_days,
        "amount": money(abs(effect.shown.value), currency, more), "low": money(-high if turned else low, currency, more),
        "high": money(-low if turned else high, currency, more), "percent": _percent(effect.percent),
        "detectable": detectable(effect.detectable, effect.detectable_percent, currency),
    }  # fmt: skip


def name_of(experiment: Experiment, code: str) -> str:
    """Return a variant's name, or its code where it has none."""
    names = {each.code: each.name for each in experiment.variants.all()}
    return names.get(code) or code


def money(amount: float, currency: str, more: int = 0) -> str:
    """Return an amount of money as the reader writes it. :param more: decimals beyond the currency's"""
    return written(Decimal(repr(amount)), currency, more)


def finer(found: Range, currency: str) -> int:
    """
    Return how many decimals beyond the currency's tell an interval's ends apart: of a mean that is known to less than its unit.

    Without them an effect would be told that goes from 4 JPY to 4 JPY, or be more than nothing by 0 JPY.
    """
    width = found.high - found.low
    if not 0 < width < float(unit_of(currency)):
        return 0
    return min(ceil(-log10(width)) - decimals_of(currency), MAX_FINER)


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share as the reader writes it; a dash for none."""
    return "-" if share is None else percent_of(share, decimals)


def detectable(amount: float, share: float | None, currency: str) -> str:
    """Return an effect that can be detected."""
    return money(amount, currency) if share is None else f"{money(amount, currency)} ({percent(share)})"


def planned(told: Any, currency: str) -> str:
    """Return what a plan says that it can detect; as it stands there, where something else than analytics computed it."""
    if not isinstance(told, dict) or not told:
        return ""
    variants = told.get("variants")
    found = [_forecast(each) for each in variants] if isinstance(variants, list) else []
    if found and all(each is not None for each in found):
        return ", ".join(detectable(*each, currency) for each in found if each is not None)
    return ", ".join(_said_of(name, value) for name, value in told.items())


def _said_of(name: str, value: Any) -> str:
    """Return what somebody else computed, in words where its name is one that is known."""
    words, number = PLANNED_WORDS.get(name), _number(value)
    if words is None or number is None:
        return labelled(name, value)
    return str(words) % {"value": percent(number / 100) if name == EFFECT_PERCENT else shown(number, 0)}


def _number(said: Any) -> float | None:
    try:
        found = float(said) if isinstance(said, str | int | float) else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < MAX_AMOUNT else None


def _forecast(said: Any) -> tuple[float, float | None] | None:
    """Return a variant's amount and share, as `VariantForecast` says them; None of what is said otherwise."""
    amounts = said.get("detectable") if isinstance(said, dict) else None
    if not isinstance(amounts, dict):
        return None
    amount, share = amounts.get("amount"), amounts.get("share")
    if not _is_amount(amount) or not (share is None or _is_amount(share)):
        return None
    return float(amount), None if share is None else float(share)


def _is_amount(said: Any) -> TypeGuard[float]:
    return isinstance(said, int | float) and abs(said) < MAX_AMOUNT


def middle(found: Range, currency: str) -> str:
    """Return an estimate of money, in as many decimals as its interval."""
    return money(found.value, currency, finer(found, currency))


def interval(found: Range | None, currency: str) -> str:
    """Return the ends of an interval of money; a dash for none."""
    if found is None:
        return "-"
    more = finer(found, currency)
    return f"{money(found.low, currency, more)} … {money(found.high, currency, more)}"


def quarter_name(year: int | str, quarter: int | str) -> str:
    """Return a quarter of a year as the reader writes it."""
    return gettext("Q%(quarter)s %(year)s") % {"quarter": quarter, "year": year}


def p_value(found: float | None) -> str:
    """Return a p-value as the reader writes it; a dash for none."""
    if found is None:
        return "-"
    return f"< {shown(0.0001, 4)}" if found < 0.0001 else shown(found, 4)  # noqa: PLR2004 - four digits are shown


def advice(forecast: Mapping[str, Any], currency: str) -> str:
    """Return what to do about an experiment that is planned."""
    half = forecast["half"]
    return str(ADVICE[forecast["advice"]]) % {"half": detectable(half["amount"], half["share"], currency)}


def ends_in_words(experiment: Experiment) -> str:
    """Return when the answer comes."""
    if experiment.ended_at is not None:
        words = _("Ended on %(day)s.")
        return str(words) % {"day": day_said(experiment.ended_at)}
    if experiment.ends_at is None:
        return str(_("It runs until somebody ends it: at no look more than the wide interval is told."))
    words = _("It ends on %(day)s; then its interval is read once.")
    return str(words) % {"day": day_said(experiment.ends_at)}


def _percent(found: Range | None) -> str:
    if found is None:
        return ""
    parts = {"middle": found.value, "low": found.low, "high": found.high}
    return str(PERCENT) % {name: _signed(share) for name, share in parts.items()}


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else ''}{percent(share)}"


def _value(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    return p_value(value) if name == "p_value" else shown(value, 0)
