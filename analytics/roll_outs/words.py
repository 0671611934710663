"""What a judged roll-out says, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.experiments.words import money, percent
from analytics.roll_outs.models import RollOutRun
from analytics.uplift.results import Range, Reason
from analytics.uplift.roll_outs import Judged
from customers.core.instants import instant_said
from customers.core.numbers import shown
from customers.core.ordering import by_number

REFUSED: Mapping[str, Promise] = {
    "nothing_bought": _("There is no order yet."),
    "no_stores": _(
        "None of the %(orders)s orders names its store. Send the store with each order, by API or CSV, and ask again later."
    ),
    "stores_unknown": _("No order names these stores: %(stores)s. Look how orders write them."),
    "months_before": _(
        "There are %(there_are)s whole months before it began, and %(asked)s are needed: nobody could tell the stores’ usual "
        "course. Bring in the earlier orders."
    ),
    "months_after": _("No whole month has passed since it began. Ask again when one has."),
    "stores_with_gaps": _(
        "These stores have months without an order: %(stores)s. Leave out those that were not there all the time, or bring in "
        "what is missing."
    ),
    "stores_without": _(
        "%(there_are)s stores without it were there all the time, and %(asked)s are needed (%(left_out)s stores were not): of "
        "fewer nobody could tell what is chance. Roll it out in fewer stores at first."
    ),
    "error": _("It failed (%(error)s). Ask again; if it fails again, tell who runs this site."),
}  # fmt: skip
REASONS: Mapping[str, Promise] = {
    "moved_before": _(
        "Already in the %(months)s months before it began these stores went another way than the weighted others. What differs "
        "since may have begun then: nothing is told. Compare stores that were alike, or draw them by chance next time."
    ),
    "no_lead": _(
        "%(there_are)s months before it began are too few to see whether these stores went the same way as the others; "
        "%(asked)s would do."
    ),
    "few_months_before": _("%(there_are)s months before it began; with %(asked)s a whole year’s seasons are known."),
    "few_stores_without": _("%(there_are)s stores without it; with %(asked)s it is surer what is chance."),
}
HEADLINES: Mapping[str, Promise] = {
    "more": _(
        "Each store with it brings %(amount)s more a month than it would without: between %(low)s and %(high)s%(percent)s."
    ),
    "less": _(
        "Each store with it brings %(amount)s less a month than it would without: between %(low)s and %(high)s%(percent)s."
    ),
    "none": _(
        "No detectable effect: zero is among what fits, from %(low)s to %(high)s per store and month%(percent)s."
    ),
    "untold": _("It cannot be told what it did."),
}
GRADES: Mapping[str, Promise] = {
    "B": _("nobody drew the stores by chance, but they went the same way as the others before"),
    "C": _("only a hint: too few months or stores to be sure that they went the same way before"),
    "D": _("no valid comparison"),
}
BASES: Mapping[str, Promise] = {
    "revenue": _("revenue"), "rate": _("margin by the margin rate"),
    "costs": _("margin by the lines’ costs, and by their share where there is none"),
    "costs_and_rate": _("margin by the lines’ costs, and by the margin rate where there is none"),
    "no_margin": _("revenue, because no margin is known"),
}  # fmt: skip


def refusal(run: RollOutRun) -> str:
    """Return why a run came to nothing, and what would lift that."""
    details: dict[str, Any] = run.details
    return str(REFUSED[run.code]) % details


def reason(found: Reason) -> str:
    """Return why a grade is no better, and what would lift that."""
    return str(REASONS[found.code]) % found.values


def headline(judged: Judged, currency: str) -> str:
    """Return the answer in one sentence; of grade D that there is none."""
    if judged.grade == "D":
        return str(HEADLINES["untold"])
    effect = judged.effect
    kind = "more" if effect.low > 0 else "less" if effect.high < 0 else "none"
    low, high = (-effect.high, -effect.low) if kind == "less" else (effect.low, effect.high)
    return str(HEADLINES[kind]) % {
        "amount": money(abs(effect.value), currency), "low": money(low, currency), "high": money(high, currency),
        "percent": _in_percent(judged.percent),
    }  # fmt: skip


def _in_percent(found: Range | None) -> str:
    if found is None:
        return ""
    said = {"value": percent(found.value), "low": percent(found.low), "high": percent(found.high)}
    return f" ({_('%(value)s; %(low)s – %(high)s') % said})"


def interval(found: Range | None, currency: str) -> str:
    return "-" if found is None else f"{money(found.low, currency)} – {money(found.high, currency)}"


def plan_rows(run: RollOutRun) -> list[tuple[Any, str]]:
    """Return what a run was asked, and what it rests on."""
    return [
        (_("stores with it"), ", ".join(sorted(run.stores, key=by_number))),
        (_("began on"), date_format(run.began_on, "DATE_FORMAT")),
        (_("what is measured"), str(BASES.get(run.basis) or run.get_metric_display())),
        (_("as recorded until"), instant_said(run.known_at)),
        (_("placebo draws"), shown(run.plan["draws"], 0)),
        (_("hash of the plan"), run.plan_digest),
        (_("hash of the data"), run.data_digest or "-"),
        (_("version of the code"), run.code_version),
    ]
