"""What pages show of near misses: how many there are, whether members pile up above the threshold, with the picture of it."""

from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.experiments.models import ExperimentLook
from analytics.experiments.near_misses import NearMisses, frozen_near_misses, near_misses_now
from analytics.uplift.density import LEVEL, MIN_SIDE, Density
from analytics.uplift.results import Point
from customers.core.errors import DomainError
from customers.core.money import written
from customers.core.numbers import shown
from loyalty.activity.near_misses import tiers_of
from loyalty.experiments.models import Experiment

BARS, LINE, OTHER_LINE = "#9aa5b1", "#c98a1b", "#2f7d7a"
SPEND = "spend"
VERDICTS: dict[str, str | Promise] = {
    "smooth": gettext_lazy(
        "Members do not pile up above it: right at it there are %(ratio)s above for each one below (%(low)s to %(high)s), and "
        "from %(unseen)s on that would have been seen four times in five."
    ),
    "bunched": gettext_lazy(
        "Members pile up above it: right at it there are %(ratio)s above for each one below (%(low)s to %(high)s). They top up "
        "to what they know of, so those above differ from those below by more than the tier. Nothing is read from comparing them."
    ),
    "uneven": gettext_lazy(
        "Fewer members stand above it than chance explains: right at it there are %(ratio)s above for each one below (%(low)s to "
        "%(high)s). Those above are others than those below, not only by the tier. Nothing is read from comparing them."
    ),
    "cannot_tell": gettext_lazy(
        "Whether members pile up above it cannot be told: right at it there are %(ratio)s above for each one below (%(low)s to "
        "%(high)s), and below %(unseen)s that goes unseen. Nothing is read from comparing them."
    ),
    "too_few": gettext_lazy(
        "Whether members pile up above it cannot be told: near it there are %(below)s below and %(above)s above, and each side "
        "needs %(needed)s. Nothing is read from comparing them."
    ),
    "few_amounts": gettext_lazy(
        "Whether members pile up above it cannot be told: near it there are %(below)s below and %(above)s above, but they stand "
        "at so few different amounts that no curve can be drawn through them. Nothing is read from comparing them."
    ),
}
TAGS = {
    "smooth": "done", "bunched": "failed", "uneven": "failed", "cannot_tell": "waiting", "too_few": "waiting",
    "few_amounts": "waiting",
}  # fmt: skip
LABELS: dict[str, str | Promise] = {
    "smooth": gettext_lazy("smooth"), "bunched": gettext_lazy("piled up"), "uneven": gettext_lazy("uneven"),
    "cannot_tell": gettext_lazy("open"), "too_few": gettext_lazy("open"), "few_amounts": gettext_lazy("open"),
}  # fmt: skip


def near_page_of_draft(experiment: Experiment, *, now: Any) -> dict[str, Any] | None:
    """Return what a draft's page shows of near misses, as they are now; None of another experiment."""
    if experiment.form != Experiment.Form.NEAR_MISS:
        return None
    try:
        return near_page(experiment, near_misses_now(experiment, now=now)[1])
    except DomainError as refused:
        return {"refused": str(refused)}


def near_page_of_look(look: ExperimentLook) -> dict[str, Any] | None:
    """Return what a look's page shows of near misses, as they were when it was planned; None where nobody knows."""
    near = frozen_near_misses(look.experiment)
    return None if near is None else near_page(look.experiment, near)


def near_page(experiment: Experiment, near: NearMisses) -> dict[str, Any]:
    """Return what is shown of near misses."""
    code = verdict_of(near.density)
    return {
        "said": near_said(experiment, near), "density": density_said(near.density), "tag": TAGS[code], "label": LABELS[code],
        "chart": density_drawing(experiment, near).on_page() if near.density.bins else None,
    }  # fmt: skip


def near_lines(look: ExperimentLook) -> list[str]:
    """Return what a look tells of near misses, in sentences: for reports and the command."""
    near = frozen_near_misses(look.experiment)
    return [] if near is None else [near_said(look.experiment, near), density_said(near.density)]


def near_said(experiment: Experiment, near: NearMisses) -> str:
    """Return how many members just miss the tier."""
    tier = tiers_of([experiment]).get(experiment.tier_key)
    words = _("%(near)s of %(members)s members lack at most %(percent)s of %(tier)s, which begins at %(threshold)s.")
    return words % {
        "near": shown(near.near, 0), "members": shown(near.members, 0), "percent": f"{near.percent} %",
        "tier": tier or near.tier, "threshold": _amount(experiment, near, near.threshold),
    }  # fmt: skip


def verdict_of(density: Density) -> str:
    """
    Return what is told of piling up: smooth, bunched, uneven (fewer are above) or cannot_tell.

    Or why nobody looked: too_few members, or at too few_amounts.
    """
    if density.ratio is None:
        return "too_few" if min(density.below, density.above) < MIN_SIDE else "few_amounts"
    return "uneven" if density.verdict == "bunched" and density.ratio.value < 1 else density.verdict


def density_said(density: Density) -> str:
    """Return whether members pile up above the threshold, in a sentence."""
    found = density.ratio
    facts: dict[str, Any] = {"below": shown(density.below, 0), "above": shown(density.above, 0), "needed": MIN_SIDE}
    if found is not None:
        facts |= {"ratio": shown(found.value, 2), "low": shown(found.low, 2), "high": shown(found.high, 2)}
        facts["unseen"] = shown(density.unseen or 0, 2)
    return str(VERDICTS[verdict_of(density)]) % facts


def density_drawing(experiment: Experiment, near: NearMisses) -> Drawing:
    """Return how many members there are on either side of the threshold, and the curves through them."""
    bins, level = near.density.bins, f"{LEVEL:.0%}".replace("%", " %")
    labels = [_amount(experiment, near, each.at, decimals=0) for each in bins]
    return Drawing(
        title=_("How far members got towards the tier"),
        labels=labels,
        series=[
            Series(_("members"), [each.n for each in bins], "bar", BARS),
            Series(_("curve below it"), [_below(each, near.threshold) for each in bins], "line", LINE),
            Series(_("curve above it"), [_above(each, near.threshold) for each in bins], "line", OTHER_LINE),
        ],
        headers=[_("reached"), _("members"), _("curve"), _("%(level)s interval") % {"level": level}],
        rows=[
            (label, charts.whole(each.n), shown(each.value, 1), f"{shown(each.low, 1)} – {shown(each.high, 1)}")
            for label, each in zip(labels, bins, strict=True)
        ],
        y_title=_("members"),
        x_title=_("reached of what the tier counts"),
        basis=_(
            "A curve of its own on each side of the threshold, in the middle. Where members top up to it, the right one begins "
            "above the end of the left one."
        ),
        wide=True,
    )


def _below(each: Point, threshold: float) -> float | None:
    return round(each.value, 1) if each.at < threshold else None


def _above(each: Point, threshold: float) -> float | None:
    return round(each.value, 1) if each.at >= threshold else None


def _amount(experiment: Experiment, near: NearMisses, amount: float, *, decimals: int = 2) -> str:
    """Return so much of what a tier counts, as the reader writes it."""
    if near.basis != SPEND:
        return shown(amount, 0 if float(amount).is_integer() else 1)
    if not decimals:
        return shown(amount, 0)
    return written(Decimal(repr(amount)), experiment.retailer.currency)
