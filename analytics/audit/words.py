"""Findings and verdicts in words."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.audit.checks import BY_CODE, Group
from analytics.audit.verdicts import Answer, Finding, Level, Number, Use, Verdict
from customers.core.money import decimals_of
from customers.core.numbers import shown

USES: dict[Use, Promise] = {
    Use.HISTORY: gettext_lazy("Value to date"),
    Use.FORMULA: gettext_lazy("Value by formula"),
    Use.PREDICTED: gettext_lazy("Predicted value"),
    Use.UPLIFT: gettext_lazy("Effect of the program"),
    Use.COHORTS: gettext_lazy("Cohorts"),
    Use.CAC: gettext_lazy("Acquisition cost and payback"),
    Use.RECOMMENDATIONS: gettext_lazy("Recommendations"),
}
ANSWERS: dict[Answer, Promise] = {
    Answer.READY: gettext_lazy("ready"),
    Answer.CARE: gettext_lazy("with care"),
    Answer.NOT: gettext_lazy("not"),
}
LEVELS: dict[Level, Promise] = {
    Level.GOOD: gettext_lazy("fine"),
    Level.NOTE: gettext_lazy("to know"),
    Level.CARE: gettext_lazy("with care"),
    Level.BAD: gettext_lazy("to mend"),
}
GROUPS: dict[Group, Promise] = {
    Group.HISTORY: gettext_lazy("History and gaps"),
    Group.CLOCK: gettext_lazy("Clock and lateness"),
    Group.IDENTITY: gettext_lazy("Who bought"),
    Group.MONEY: gettext_lazy("Money"),
    Group.RETURNS: gettext_lazy("Returns"),
    Group.PRODUCTS: gettext_lazy("Products"),
    Group.REACH: gettext_lazy("Consent and reach"),
    Group.ACQUISITION: gettext_lazy("Acquisition"),
}
DATES = {"first": "DATE_FORMAT", "last": "DATE_FORMAT", "month": "YEAR_MONTH_FORMAT"}
HOURS = {"quietest", "peak"}
UNBROKEN = "\xa0"  # a space at which no line ends


def sentence(finding: Finding, currency: str) -> str:
    """Return what a check found."""
    case = str(finding.numbers.get("case") or "")
    sentences = BY_CODE[finding.check].sentences
    template = sentences.get(case) or next(iter(sentences.values()))
    return str(template) % written(finding.numbers, currency)


def repair(finding: Finding) -> str:
    """Return what to do about what a check found."""
    return str(BY_CODE[finding.check].repair)


def why(verdict: Verdict, currency: str) -> list[str]:
    """Return the reasons of a verdict, each with what to do about it."""
    return [f"{sentence(each, currency)} {repair(each)}" for each in verdict.reasons]


def instead(verdict: Verdict, currency: str) -> str:
    """Return what stands in the place of a number that the data do not carry; empty where they do."""
    if not verdict.is_blocked:
        return ""
    worst = verdict.reasons[0]
    use = USES[verdict.use]
    return _("%(use)s: not shown, for the data do not carry it. %(reason)s") % {
        "use": use, "reason": f"{sentence(worst, currency)} {repair(worst)}",
    }  # fmt: skip


def written(numbers: Mapping[str, Number], currency: str) -> dict[str, str]:
    """Return numbers as they are written: shares of 1 as percentages, amounts with their currency, days as dates."""
    return {name: _written(name, number, currency) for name, number in numbers.items()}


def _written(name: str, number: Any, currency: str) -> str:
    if name in DATES:
        return formats.date_format(date.fromisoformat(number), DATES[name])
    if not isinstance(number, int | float):
        return str(number or "-")
    if name.endswith("share"):
        return percent(number)
    if name in HOURS:
        return f"{number:02d}"
    if name.endswith("amount"):
        return f"{shown(number, decimals_of(currency))} {currency}"
    return shown(number, 1 if isinstance(number, float) else 0)


def percent(part: float) -> str:
    """Return a share of 1 as a percentage with one decimal; what is little is not nothing."""
    value = round(part * 100, 1)
    if part and not value:
        return _("less than %(percent)s") % {"percent": f"{formats.number_format(0.1, 1)}{UNBROKEN}%"}
    return f"{formats.number_format(value, 0 if value == round(value) else 1)}{UNBROKEN}%"
