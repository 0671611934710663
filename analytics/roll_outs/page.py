"""What the page of a roll-out shows: the answer, its grade and why, the two courses with their table, and who was compared."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from analytics.dashboards.cards import Card
from analytics.dashboards.drawing import Drawing, Series
from analytics.experiments.words import money, p_value, percent
from analytics.roll_outs import words
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.reading import stores_of
from analytics.roll_outs.running import judged_of, months_of
from analytics.uplift.results import Range
from analytics.uplift.roll_outs import LEAD_MONTHS, Judged
from customers.core.money import decimals_of
from customers.core.numbers import shown
from customers.core.ordering import by_number
from customers.models import Retailer

TEAL, AMBER = "#2f7d7a", "#c98a1b"
SHOWN_RUNS, SHOWN_WEIGHTS = 20, 30


def page_of(retailer: Retailer, run: RollOutRun | None) -> dict[str, Any]:
    """Return what is shown of a retailer's roll-outs, and of one run."""
    runs = RollOutRun.objects.filter(retailer=retailer).select_related("retailer").order_by("-pk")[:SHOWN_RUNS]
    own: dict[str, Any] = {} if run is None else _told(run)
    return own | {
        "run": run, "retailer": retailer, "earlier": [_line(each) for each in runs if run is None or each.pk != run.pk],
        "stores": [(store, shown(orders, 0)) for store, orders in stores_of(retailer).items()],
    }  # fmt: skip


def answer_of(run: RollOutRun) -> str:
    """Return what became of a run, in one sentence."""
    judged = judged_of(run)
    if judged is not None:
        return words.headline(judged, run.currency)
    return words.refusal(run) if run.code else _("It waits for a worker. Look again in a moment.")


def _line(run: RollOutRun) -> dict[str, Any]:
    judged = judged_of(run)
    return {
        "run": run, "address": reverse("admin:analytics_rolloutrun_change", args=[run.pk]), "answer": answer_of(run),
        "grade": judged.grade if judged else "",
    }  # fmt: skip


def _told(run: RollOutRun) -> dict[str, Any]:
    judged = judged_of(run)
    about: dict[str, Any] = {"answer": answer_of(run), "plan": words.plan_rows(run)}
    if judged is None:
        return about
    return about | {
        "grade": judged.grade, "grade_words": words.GRADES[judged.grade],
        "reasons": [words.reason(each) for each in judged.reasons], "cards": _cards(judged, run),
        "chart": courses(judged, run).on_page(), "checks": _checks(judged, run),
        "weights": [(each.store, percent(each.share)) for each in judged.weights[:SHOWN_WEIGHTS]],
        "weights_more": max(len(judged.weights) - SHOWN_WEIGHTS, 0),
        "left_out": ", ".join(sorted(judged.left_out, key=by_number)),
    }  # fmt: skip


def _cards(judged: Judged, run: RollOutRun) -> list[Card]:
    if judged.grade == "D":
        return []
    effect, total = judged.effect, judged.total
    counted = _("of the others those that count are weighted")
    return [
        Card(money(effect.value, run.currency), _("per store and month"), words.interval(effect, run.currency)),
        Card(money(total.value, run.currency), _("in all stores since it began"), words.interval(total, run.currency)),
        Card(f"{judged.with_it} / {judged.without}", _("stores with it, and others"), counted),
        Card(f"{judged.before} / {judged.after}", _("months before, and since"), _("whole ones")),
    ]


def _checks(judged: Judged, run: RollOutRun) -> list[tuple[str, str]]:
    lead = judged.lead
    before = _("the same, had it begun %(months)s months earlier (it had not)") % {"months": LEAD_MONTHS}
    return [
        (_("effect per store and month"), _with_interval(judged.effect, run)),
        (_("standard error, by placebos"), money(judged.effect.error, run.currency)),
        (_("widened by what the stores were off before it began"), money(judged.drift, run.currency)),
        ("p", p_value(judged.p_value)),
        (before, "-" if lead is None else _with_interval(lead, run)),
    ]  # fmt: skip


def _with_interval(found: Range, run: RollOutRun) -> str:
    return f"{money(found.value, run.currency)} ({words.interval(found, run.currency)})"


def courses(judged: Judged, run: RollOutRun) -> Drawing:
    """Return what stores with the program sold, and what they would have, month by month."""
    months = months_of(run)
    labels = [date_format(month, "N Y") for month in months]
    begun = date_format(run.began_on, "DATE_FORMAT")
    return Drawing(
        title=_("Stores with it, and what they would have sold"),
        labels=labels,
        series=[
            Series(_("stores with it"), _rounded(judged.treated, run.currency), "line", TEAL),
            Series(_("weighted others, brought to their height"), _rounded(judged.compared, run.currency), "line", AMBER),
        ],
        headers=[_("month"), _("stores with it"), _("weighted others"), _("difference"), _("with it")],
        rows=[
            (
                label, money(mine, run.currency), money(theirs, run.currency), money(mine - theirs, run.currency),
                _("yes") if place >= judged.before else "-",
            )
            for place, (label, mine, theirs) in enumerate(zip(labels, judged.treated, judged.compared, strict=True))
        ],
        y_title=_("%(currency)s a month and store") % {"currency": run.currency},
        x_title=_("it began on %(day)s") % {"day": begun},
        basis=_(
            "Before it began the two lines should go together, apart from chance: the others are weighted for that, as are the "
            "months. What differs since is the effect (synthetic difference-in-differences). All orders of the stores count, "
            "guests’ too."
        ),
        wide=True,
    )  # fmt: skip


def _rounded(values: Sequence[float], currency: str) -> list[float | None]:
    return [round(each, decimals_of(currency)) for each in values]
