"""What the pages of segments and of churn show: charts, each with its table, and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from analytics import churn
from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.dashboards import charts
from analytics.models import ValueRun
from analytics.segments.models import SegmentRun
from analytics.segments.overview import NOBODY, Row, month_before, movements, rows_of, runs_of, written_down
from analytics.segments.rules import STAGES, TAGS, TYPES, Thresholds
from analytics.segments.words import risk_in_words
from analytics.wording import reason_of
from customers.models import Retailer
from customers.segment_names import TYPE_NAMES

SHOWN_AT_RISK = 50
SEES_PERSONS, SEES_VALUES = "customers.view_customer", "analytics.view_customervalue"


def segments_page(request: HttpRequest, retailer: Retailer, *, of: int | None = None) -> dict[str, Any]:
    """
    Return what the page of segments shows; without a run it says so.

    :param of: the run to show; that of the address, or the last one, if None
    """
    runs = runs_of(retailer.pk)
    if not runs:
        return {"run": None}
    last = written_down(runs)
    run = _chosen(str(of or request.GET.get("run")), runs) or last or runs[0]
    before = _chosen(str(request.GET.get("before")), runs) or month_before(run, runs)
    if before is not None and before.data_cut >= run.data_cut:
        before = month_before(run, runs)
    types, tags, stages = (rows_of(run, before, codes) for codes in (TYPES, TAGS, STAGES))
    currency, is_predicted = retailer.currency, run.basis == SegmentRun.Basis.PREDICTION
    # Of what nothing was predicted of, the run itself says why.
    not_carried = instead(verdict(retailer, Use.PREDICTED), currency) if run.run.status == ValueRun.Status.DONE else ""
    shows_values = is_predicted and not not_carried
    worth = _value_by_type if shows_values else _revenue_by_type
    lists = _Lists(retailer, are_shown=run == last and request.user.has_perm(SEES_PERSONS))
    return {
        "run": run,
        "before": before,
        "runs": runs,
        "currency": currency,
        "reason": reason_of(run.run),
        "is_predicted": is_predicted,
        "shows_values": shows_values,
        "instead": not_carried,
        "risk": risk_in_words(Thresholds(**run.thresholds), predicted=is_predicted),
        "groups": [
            {"title": _("Types"), "note": _("Each customer who bought has exactly one."), "rows": _listed(types, lists)},
            {"title": _("Tags"), "note": _("None, one or several."), "rows": _listed(tags, lists)},
            {"title": _("Stages"), "note": _("How far a customer is."), "rows": _listed(stages, lists)},
        ],
        "charts": [_by_type(types, run, before), worth(types, currency), _by_stage(stages, run, before)],
        "moves": _matrix(movements(before, run)) if before else None,
    }  # fmt: skip


def _chosen(key: str, runs: Sequence[SegmentRun]) -> SegmentRun | None:
    return next((each for each in runs if str(each.pk) == key), None)


@dataclass(frozen=True)
class _Lists:
    """
    Lists of a retailer's customers, which are as the last run wrote them down.

    :param are_shown: whether the reader may see them, and the run is that one
    """

    retailer: Retailer
    are_shown: bool

    def of(self, code: str) -> str:
        """Return the address of the customers of a type, tag or stage."""
        name = "insight__segment__exact" if code in TYPES else "tag" if code in TAGS else "stage"
        return _customers(self.retailer, name, code)


def _customers(retailer: Retailer, name: str, value: str) -> str:
    """Return the address of the list of a retailer's customers of whom something is so."""
    asked = urlencode({name: value, "retailer__id__exact": retailer.pk})
    return f"{reverse('admin:customers_customer_changelist')}?{asked}"


def _listed(rows: Sequence[Row], lists: _Lists) -> list[dict[str, Any]]:
    return [
        {
            "row": each,
            "share": percent(each.share) if each.is_known else "",
            "change": _signed(each.change),
            "list": lists.of(each.what.code) if lists.are_shown and each.is_known and each.now.customers else "",
        }
        for each in rows
    ]


def percent(share: float, decimals: int = 1) -> str:
    """Return a share as the reader writes it."""
    return f"{number_format(round(share * 100, decimals), decimals)} %"


def _signed(number: int | None) -> str:
    return "" if number is None else f"{'+' if number > 0 else ''}{charts.whole(number)}"


def _by_type(rows: Sequence[Row], run: SegmentRun, before: SegmentRun | None) -> dict[str, Any]:
    return _sizes(_("Customers by type"), rows, run, before)


def _by_stage(rows: Sequence[Row], run: SegmentRun, before: SegmentRun | None) -> dict[str, Any]:
    return _sizes(_("Customers by stage"), rows, run, before) | {"wide": True}


def _sizes(title: str, rows: Sequence[Row], run: SegmentRun, before: SegmentRun | None) -> dict[str, Any]:
    labels = [each.what.name for each in rows]
    now = date_format(run.data_cut)
    series = [charts.series(now, [each.now.customers for each in rows], "y", "bar")]
    headers = [_("name"), now]
    table: list[list[str]] = [[each.what.name, charts.whole(each.now.customers)] for each in rows]
    if before is not None:
        then = date_format(before.data_cut)
        counts = [each.before.customers if each.before else 0 for each in rows]
        series.insert(0, charts.series(then, counts, "y", "bar", "#9aa5b1"))
        headers.append(then)
        for line, count in zip(table, counts, strict=True):
            line.append(charts.whole(count))
    return {
        "title": title,
        "headers": headers,
        "rows": table,
        "data": charts.data(labels, *series),
        "options": charts.options(_("customers"), legend=before is not None),
    }


def _revenue_by_type(rows: Sequence[Row], currency: str) -> dict[str, Any]:
    """Return what types paid, where what they are worth is not predicted, or not shown."""
    revenue = [float(each.now.revenue) for each in rows]
    return {
        "title": _("Revenue to date by type"),
        "headers": [_("name"), _("revenue to date")],
        "rows": [(each.what.name, charts.amount(each.now.revenue, currency)) for each in rows],
        "data": charts.data(
            [each.what.name for each in rows], charts.series(_("revenue to date"), revenue, "y", "bar")
        ),
        "options": charts.options(currency),
    }


def _value_by_type(rows: Sequence[Row], currency: str) -> dict[str, Any]:
    """Return what types are worth, as predicted, and what is at stake beside it."""
    labels = [each.what.name for each in rows]
    value = [float(each.now.value or 0) for each in rows]
    stake = [float(each.now.at_stake or 0) for each in rows]
    return {
        "title": _("Value by type, and what is at stake"),
        "headers": [_("name"), _("predicted value"), _("at stake")],
        "rows": [
            (each.what.name, charts.amount(each.now.value, currency), charts.amount(each.now.at_stake, currency))
            for each in rows
        ],
        "data": charts.data(
            labels,
            charts.series(_("predicted value"), value, "y", "bar"),
            charts.series(_("at stake"), stake, "y", "bar", "#c98a1b"),
        ),
        "options": charts.options(currency, legend=True),
    }


def _matrix(moved: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Return who moved from which type to which, as a table whose cells are shaded by their share of a row."""
    names = {str(code): str(name) for code, name in TYPE_NAMES.items()}
    lines = []
    for was, row in moved.items():
        total = sum(row.values())
        cells = [
            {
                "count": charts.whole(count) if count else "",
                "shade": round(count / total * 100) if total else 0,
                "share": percent(count / total, 0) if count else "",
                "stayed": was == is_now and was != NOBODY,
            }
            for is_now, count in row.items()
        ]
        lines.append({"name": names.get(was, _("had not bought")), "total": charts.whole(total), "cells": cells})
    return {"headers": [names.get(each, _("no purchase any more")) for each in moved], "lines": lines}


def churn_page(request: HttpRequest, retailer: Retailer) -> dict[str, Any]:
    """Return what the page of churn shows of a retailer's last run, or why nothing where the data do not carry it."""
    runs = runs_of(retailer.pk)
    if not runs:
        return {"run": None}
    run, currency = written_down(runs) or runs[0], retailer.currency
    found, calibration = churn.by_type(run.pk), churn.calibration_of(run.run)
    ordered = [found[code] for code in map(str, TYPES) if code in found]
    shows = request.user.has_perm(SEES_VALUES)
    not_carried = instead(verdict(retailer, Use.PREDICTED), currency) if ordered else ""
    if not_carried:
        return {"run": run, "instead": not_carried, "horizon": run.run.horizon_days}
    return {
        "run": run,
        "reason": reason_of(run.run),
        "currency": currency,
        "horizon": run.run.horizon_days,
        "calibration": calibration,
        "calibration_words": _calibration_words(calibration) if calibration else "",
        "charts": [*([_calibrated(calibration)] if calibration else []), *([_leaving(ordered)] if ordered else [])],
        "types": [_churn_line(each, currency) for each in ordered],
        "at_risk": [_risk_line(each, currency) for each in churn.at_risk(run.pk, SHOWN_AT_RISK)] if shows else [],
        "shows_persons": shows,
        "list": _customers(retailer, "insight__at_risk__exact", "1")
        if request.user.has_perm(SEES_PERSONS)
        else "",
    }  # fmt: skip


def _calibration_words(found: churn.Calibration) -> str:
    words = _(
        "On %(days)s days that the model had not seen, %(expected)s of %(customers)s customers were expected not to buy; "
        "%(actual)s did not."
    )
    return words % {
        "days": charts.whole(found.days), "customers": charts.whole(found.customers), "expected": percent(found.expected),
        "actual": percent(found.actual),
    }  # fmt: skip


def _calibrated(found: churn.Calibration) -> dict[str, Any]:
    labels = [str(place) for place in range(1, len(found.tenths) + 1)]
    return {
        "title": _("Churn that was expected, and what came"),
        "headers": [_("tenth (1 has the highest churn)"), _("customers"), _("expected"), _("actual")],
        "rows": [
            (label, charts.whole(each.customers), percent(each.expected), percent(each.actual))
            for label, each in zip(labels, found.tenths, strict=True)
        ],
        "data": charts.data(
            labels,
            charts.series(_("actual"), [round(each.actual * 100, 2) for each in found.tenths], "y", "bar"),
            charts.series(_("expected"), [round(each.expected * 100, 2) for each in found.tenths], "y", "line"),
        ),
        "options": charts.options(_("churn in %"), x_title=_("tenth (1 has the highest churn)"), legend=True),
        "wide": True,
    }


def _leaving(found: Sequence[churn.TypeChurn]) -> dict[str, Any]:
    labels = [str(TYPE_NAMES[each.segment]) for each in found]
    return {
        "title": _("Expected churn by type"),
        "headers": [_("name"), _("churn")],
        "rows": [(label, percent(each.churn)) for label, each in zip(labels, found, strict=True)],
        "data": charts.data(
            labels, charts.series(_("churn in %"), [round(each.churn * 100, 2) for each in found], "y", "bar")
        ),
        "options": charts.options(_("churn in %")),
        "wide": True,
    }


def _churn_line(each: churn.TypeChurn, currency: str) -> dict[str, str]:
    return {
        "name": str(TYPE_NAMES[each.segment]), "customers": charts.whole(each.customers), "churn": percent(each.churn),
        "leaving": charts.whole(round(each.leaving)), "at_stake": charts.amount(each.at_stake, currency),
    }  # fmt: skip


def _risk_line(each: churn.AtRisk, currency: str) -> dict[str, str]:
    return {
        "name": each.name, "address": reverse("admin:customers_customer_change", args=[each.customer_id]),
        "segment": str(TYPE_NAMES[each.segment]), "churn": percent(each.churn),
        "value": charts.amount(each.value, currency), "value_if_active": charts.amount(each.value_if_active, currency),
        "at_stake": charts.amount(each.at_stake, currency),
    }  # fmt: skip
