"""
What a measurement says, in the reader's language: pure code gives codes with values, here they become sentences.

Every code that `analytics.uplift` can give has its words here, and a test looks for those that have none.
"""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from analytics.experiments.words import quarter_name
from analytics.uplift.results import Gate, Reason
from analytics.uplift_runs.conditions import CONDITIONS, Text
from analytics.uplift_runs.depth_words import DEPTHS, SHARES
from customers.core.numbers import shown
from customers.segment_names import TYPE_NAMES

GRADES: dict[str, Text] = {
    "A": _("measured by a randomised hold-out"),
    "B": _("measured by comparison, with every check passed"),
    "C": _("a range only: not every check was passed"),
    "D": _("no valid comparison"),
}
SENTENCES: dict[str, Text] = {
    "not_randomised": _(
        "Every check was passed. What nobody recorded can still have made customers join and spend: only a random hold-out "
        "earns an A."
    ),
    "no_detectable_uplift": _("No uplift is detectable: nothing (0 %%) lies inside the band from %(low)s to %(high)s."),
    "too_few_members": _("%(seen)s members can be evaluated; %(asked)s are needed to say anything of them alone."),
    "no_valid_comparison": _("There is no valid comparison for them."),
    "nothing_spent": _(
        "Nothing was spent before joining, or in the window, by one of the sides: no ratio can be told."
    ),
    # A run that was refused before it measured, each with what would lift it.
    "nothing_bought": _("Nothing was ever bought. Send or import orders, and measure again."),
    "nobody_known": _(
        "None of the %(orders)s orders is linked to a customer, so nobody can be compared with anybody. Report who bought, and "
        "how that is known, and measure again."
    ),
    "nobody_joined": _(
        "Nobody has joined the program by then. Wait until customers have joined, or choose a later day."
    ),
    "history_too_short": _(
        "The orders are of %(months)s months; this plan needs %(needed)s. Import older orders, or plan a shorter window."
    ),
    "nobody_bought_before_joining": _(
        "None of the orders was made by a customer who had not joined yet (%(members)s members): there is nobody to compare "
        "with. Report the orders of customers who are not members, and those before joining."
    ),
    "all_joined_when_they_came": _(
        "None of the %(members)s members is known to have bought before joining, so what joining changed cannot be seen. Import "
        "the orders from before, linked by keys that need no membership, or hold customers out at random."
    ),
    "cut_ahead": _("The data end on %(last)s; they cannot be cut on %(cut)s, after it."),
    "cut_before": _("The first order is of %(first)s; nothing was known on %(cut)s."),
    "died": _("It was interrupted before its end. Nothing of it counts."),
    "error": _("It ended with an error (%(error)s), which the log tells. Nothing of it counts."),
}
METHODS: dict[str, Text] = {
    "symmetric": _("Symmetric ratio, %(lag)s months of deciding left out"),
    "symmetric_1": _("Symmetric ratio, 1 month of deciding left out"),
    "aipw": _("Doubly robust comparison on history (AIPW)"),
    "holdout": _("Randomised hold-out"),
    "staggered": _("Event study by Callaway and Sant’Anna"),
    "imputation": _("Event study by imputation"),
}
USED: dict[str, Text] = {
    "customers": _("customers who were read"),
    "joined": _("of these, joined the program"),
    "members": _("members who were evaluated"),
    "controls": _("customers they were compared with"),
    "control_orders": _("orders of these at which they had not joined"),
    "orders": _("orders that were read"),
    "unlinked_orders": _("orders that are linked to nobody"),
    "membership_only_orders": _("orders that only a member’s card links"),
}
DROPPED: dict[str, Text] = {
    "no_order_at_joining": _("members who joined without an order that day, so that nobody is in the same situation"),
    "too_little_history": _("members with too little data before they joined"),
    "window_not_over": _("members who joined too recently: the window is not over"),
    "not_drawn": _("members who were not drawn, for so many as were suffice"),
    "nobody_to_compare_with": _("members in whose month and channel nobody who had not joined bought"),
}
COVARIATES: dict[str, Text] = {
    "tenure_months": _("months as a customer"),
    "new": _("new customer"),
    "before": _("spend in the earlier months"),
    "log_half_year": _("spend of all months (logarithm)"),
    "log_recent": _("spend of the last months (logarithm)"),
    "active_months": _("months with an order"),
    "pace": _("spend a month since the first order"),
    "log_pace": _("spend a month since the first order (logarithm)"),
    "log_orders_a_month": _("orders a month since the first one (logarithm)"),
    "log_per_order": _("average order (logarithm)"),
}
WAYS: dict[str, Text] = {
    "channel": _("channel of the first order"),
    "cohort": _("quarter of joining"),
    "segment": _("segment before joining"),
    "tier": _("tier that the year before joining would have reached"),
    "region": _("region"),
}
STEPS: dict[str, Text] = {
    "reading": _("read orders and enrolments"),
    "orders": _("find comparable orders"),
    "estimates": _("estimate"),
    "placebo": _("placebo"),
    "grade": _("grade"),
    "groups": _("groups"),
    "pictures": _("event study and hold-out"),
}
ADVICE: dict[str, Text] = {
    "as_asked": _("A hold-out of this share finds effects that can be expected."),
    "half_and_half": _("So small a hold-out would find only large effects here: half and half finds more."),
    "not_measurable": _("Even half and half would find only effects that are larger than can be expected."),
}
UNITS = {"no_detectable_uplift": "signed"}  # of values in sentences that are no plain numbers
AT_THEIR_PACE = _("At the pace at which they join that takes about %(months)s months more.")
METRICS: dict[str, Text] = {"revenue": _("revenue"), "margin": _("margin")}
MORE: dict[str, Text] = {
    "revenue": _("Members spend %(low)s to %(high)s more because they are members."),
    "margin": _("Members bring %(low)s to %(high)s more margin because they are members."),
}
LESS: dict[str, Text] = {
    "revenue": _("Members spend less because they are members: %(low)s to %(high)s."),
    "margin": _("Members bring less margin because they are members: %(low)s to %(high)s."),
}
ONLY_A_RANGE = _("Not every check was passed: take it for a range, and not for proof.")
UPLIFT_OF: dict[str, Text] = {"revenue": _("uplift of members’ spend"), "margin": _("uplift of members’ margin")}
SMALLEST_CHANCE = 0.001  # that is written with its digits
NAIVE = _("a difference, not an effect of the program")
NO_UPLIFT = _("no detectable uplift")


def sentence(reason: Reason) -> str:
    """Return a reason as a sentence; with what would lift it where a condition failed."""
    condition = CONDITIONS.get(reason.code)
    return failed_sentence(reason) if condition is None else f"{failed_sentence(reason)} {condition.lift}"


def failed_sentence(reason: Reason) -> str:
    """Return a reason as a sentence, without what would lift it."""
    condition = CONDITIONS.get(reason.code)
    if condition is None:
        text = SENTENCES.get(reason.code) or DEPTHS.get(reason.code, reason.code)
        values = {name: _of_sentence(reason.code, name, value) for name, value in reason.values.items()}
        said = str(text) % values if values else str(text)
        return f"{said} {AT_THEIR_PACE % values}" if reason.code == "too_few_members" and "months" in values else said
    values = {name: written(value, condition.unit) for name, value in reason.values.items()}
    return str(condition.failed) % {"seen": gettext("unknown"), "asked": "-", **values}


def _of_sentence(code: str, name: str, value: Any) -> str:
    is_share = name in SHARES or (name == "asked" and code in {"not_sure", "codes_shared"})
    unit = "share" if code in DEPTHS and is_share else UNITS.get(code, "")
    return written(value, unit) if unit else _plain(value)


def condition_of(gate: Gate) -> tuple[str, str, str]:
    """Return what a gate looks at, what was seen, and what is asked for, in words."""
    condition = CONDITIONS.get(gate.code)
    if condition is None:
        return gate.code, _plain(gate.seen), _plain(gate.asked)
    seen = gettext("unknown") if gate.seen is None else written(gate.seen, condition.unit)
    if condition.unit == "flag":
        return str(condition.name), seen, written(1.0, "flag")
    words = _("at most %(value)s") if condition.at_most else _("at least %(value)s")
    return str(condition.name), seen, str(words) % {"value": written(gate.asked, condition.unit)}


def method_name(code: str) -> str:
    """Return an estimator's name."""
    kind, _joint, lag = code.rpartition("_")
    if code not in METHODS and kind in METHODS and lag.isdecimal():
        return str(METHODS[kind]) % {"lag": lag}
    return str(METHODS.get(code, code))


def covariate_name(code: str) -> str:
    """Return a covariate's name: of a past month, of a group's label, or its own."""
    way, colon, label = code.partition(": ")
    if colon:
        return f"{WAYS.get(way, way)}: {group_label(way, label)}"
    if code.startswith("month_"):
        months = int(code.removeprefix("month_"))
        said = ngettext("spend %(months)s month before", "spend %(months)s months before", months)
        return said % {"months": months}
    return str(COVARIATES.get(code, code))


def group_label(way: str, label: str) -> str:
    """Return the label of a group as people know it."""
    if way == "segment":
        return str({str(code): name for code, name in TYPE_NAMES.items()}.get(label, label))
    if not label:
        return gettext("no tier") if way == "tier" else gettext("other channels")
    year, is_quarter, quarter = label.partition("-Q")
    if way == "cohort" and is_quarter:
        return quarter_name(year, quarter)
    return label


def written(value: Any, unit: str) -> str:
    """Return a condition's value as the reader writes it."""
    if not isinstance(value, int | float):
        return _plain(value)
    if unit == "flag":
        return gettext("yes") if value else gettext("no")
    if unit in {"share", "signed"}:
        return percent(value, signed=unit == "signed")
    if unit == "points":
        return gettext("%(points)s points") % {"points": formats.number_format(round(value * 100, 1), 1)}
    if unit == "chance" and value < SMALLEST_CHANCE:
        return f"< {shown(SMALLEST_CHANCE, 3)}"
    return shown(value, {"count": 0, "chance": 3, "size": 2}.get(unit, 2))


def percent(value: float, decimals: int = 1, *, signed: bool = False) -> str:
    """Return a share in percent."""
    text = shown(round(value * 100, 6), decimals)
    return f"{'+' if signed and value > 0 and any(digit in text for digit in '123456789') else ''}{text}\N{NO-BREAK SPACE}%"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return _day(value) if len(value) == len("2026-01-31") and value[4:5] == "-" else value
    number = float(value)
    if not math.isfinite(number):
        return gettext("unknown")
    return shown(value, 0 if number.is_integer() else 1 if abs(number) >= 1 else 3)


def _day(text: str) -> str:
    try:
        return formats.date_format(date.fromisoformat(text))
    except ValueError:
        return text


def counted(names: Mapping[str, Text], code: str) -> str:
    """Return the words of something that is counted."""
    return str(names.get(code, code))
