"""The picture of a look: a dot with its interval for each arm, and for each difference; each with its table."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.dashboards import charts
from analytics.dashboards.drawing import MANY_LABELS, Drawing, Series, in_lines
from analytics.experiments.models import ExperimentLook
from analytics.experiments.results import Result
from analytics.experiments.words import interval, middle, name_of
from analytics.uplift.results import Range

DOT, WHISKER = "#c98a1b", "#4a7fb5"


def pictures(look: ExperimentLook, result: Result) -> list[dict[str, Any]]:
    """Return the charts of a look, for a page; none where nothing may be told."""
    return [each.on_page() for each in drawings(look, result)]


def drawings(look: ExperimentLook, result: Result) -> list[Drawing]:
    """Return the pictures of a look; none where nothing may be told."""
    return [_differences(look, result), _arms(look, result)] if result.effects else []


def _differences(look: ExperimentLook, result: Result) -> Drawing:
    labels = [name_of(look.experiment, each.code) for each in result.effects]
    says = _("per customer, compared with the control")
    return _drawing(
        _("What each variant brings more"),
        f"{look.currency} {says}",
        labels,
        [each.shown for each in result.effects],
        look.currency,
        _("An interval that reaches over zero tells of no effect."),
    )


def _arms(look: ExperimentLook, result: Result) -> Drawing:
    labels = [name_of(look.experiment, each.code) for each in result.arms]
    return _drawing(
        _("What each arm brought"),
        f"{look.currency} {_('per customer')}",
        labels,
        [Range(each.mean, 0.0, each.low, each.high) for each in result.arms],
        look.currency,
        _(
            "Means as they are, each with its own interval. The differences also take into account what the same customers "
            "brought before, so they are told more exactly than these intervals let expect."
        ),
    )


def _drawing(  # noqa: PLR0913 - what is drawn, how it is called, and what is said of it
    title: str, axis: str, labels: list[str], found: Sequence[Range], currency: str, basis: str
) -> Drawing:
    """Return a dot with its interval for each label, with its table."""
    ends = [(round(each.low, 4), round(each.high, 4)) for each in found]
    dots = [round(each.value, 4) for each in found]
    rows = [
        (label, middle(each, currency), interval(each, currency)) for label, each in zip(labels, found, strict=True)
    ]
    return Drawing(
        title, labels, [Series(_("estimate"), dots, "dots", WHISKER, ends, _("interval"))],
        [_("variant"), _("estimate"), _("interval")], rows, y_title=axis, basis=basis,
    )  # fmt: skip


def chart_of(  # noqa: PLR0913 - what is drawn, and how it is called
    title: str, axis: str, labels: list[str], found: Sequence[Range], currency: str, *, of: str, is_flat: bool = False
) -> dict[str, Any]:
    """Return a dot with its interval for each label, with its table. :param is_flat: long labels stand below each other"""
    whiskers = charts.intervals(_("interval"), [(round(each.low, 4), round(each.high, 4)) for each in found], WHISKER)
    dots = charts.dots(_("estimate"), [round(each.value, 4) for each in found], DOT)
    return {
        "title": title,
        "headers": [of, _("estimate"), _("interval")],
        "rows": [
            (label, middle(each, currency), interval(each, currency)) for label, each in zip(labels, found, strict=True)
        ],
        "data": charts.data([in_lines(label) for label in labels] if is_flat else labels, dots, whiskers),
        "options": charts.options(axis, legend=True, is_flat=is_flat),
        "is_tall": is_flat and len(labels) > MANY_LABELS,
    }
