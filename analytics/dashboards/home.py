"""The admin's first page: what a retailer asks first, as charts with their tables."""

import json
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from analytics.dashboards.figures import Figures, figures
from analytics.models import ValueRun
from analytics.runs import latest_run
from customers.models import Retailer

COLOURS = {"bar": "var(--color-primary-500)", "line": "#c98a1b", "grid": "#8884"}


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures of the chosen retailer, or of the first one, to the page."""
    if not request.user.has_perm("analytics.view_valuerun"):
        return context | {"title": _("Dashboard"), "is_closed": True}
    retailers = list(Retailer.objects.order_by("name"))
    chosen = next((each for each in retailers if each.slug == request.GET.get("retailer")), None)
    retailer = chosen or (retailers[0] if retailers else None)
    context |= {"title": _("Dashboard"), "retailers": retailers, "retailer": retailer}
    if retailer is not None:
        found = figures(retailer)
        context |= {"figures": found, "charts": _charts(found, retailer), "run": latest_run(retailer.pk)}
        context |= {"run_note": _run_note(context["run"]), "open": _open(request, found)}
    return context


def _open(request: HttpRequest, found: Figures) -> list[tuple[str, str]]:
    """Return what is not carried out, in words, each with the page that lists it, or none where the reader may not see it."""
    members = ngettext("%(count)s member is set aside.", "%(count)s members are set aside.", found.set_aside)
    facts = ngettext("%(count)s fact waits to be decided.", "%(count)s facts wait to be decided.", found.waiting)
    lines = []
    if found.set_aside:
        lines.append((members % {"count": _whole(found.set_aside)}, "activity_setaside"))
    if found.waiting:
        failed = _("%(count)s could not be so far.") % {"count": _whole(found.undecided)} if found.undecided else ""
        lines.append((f"{facts % {'count': _whole(found.waiting)}} {failed}".strip(), "customers_undecidedfact"))
    return [(words, _list_of(request, page)) for words, page in lines]


def _list_of(request: HttpRequest, page: str) -> str:
    app, model = page.split("_")
    return reverse(f"admin:{page}_changelist") if request.user.has_perm(f"{app}.view_{model}") else ""


def _charts(found: Figures, retailer: Retailer) -> list[dict[str, Any]]:
    return [_months(found, retailer.currency), _tiers(found), _deciles(found, retailer.currency)]


def _months(found: Figures, currency: str) -> dict[str, Any]:
    labels = [formats.date_format(month, "N Y") for month, _orders, _revenue in found.months]
    revenue = _("revenue (%(currency)s)") % {"currency": currency}
    return {
        "title": _("Orders and revenue by month"),
        "headers": [_("month"), _("orders"), revenue],
        "rows": [(label, _whole(row[1]), _amount(row[2])) for label, row in zip(labels, found.months, strict=True)],
        "data": _data(
            labels,
            _series(_("revenue"), [float(row[2]) for row in found.months], "y", "bar"),
            _series(_("orders"), [row[1] for row in found.months], "orders", "line"),
        ),
        "options": _options(revenue, second=_("orders")),
        "wide": True,
    }


def _tiers(found: Figures) -> dict[str, Any]:
    french = get_language() == "fr"
    labels = [(name_fr if french else name) or _("no tier") for name, name_fr, _count in found.tiers]
    counts = [count for *_names, count in found.tiers]
    return {
        "title": _("Members by tier"),
        "headers": [_("tier"), _("members")],
        "rows": [(label, _whole(count)) for label, count in zip(labels, counts, strict=True)],
        "data": _data(labels, _series(_("members"), counts, "y", "bar")),
        "options": _options(_("members")),
    }


def _deciles(found: Figures, currency: str) -> dict[str, Any]:
    return {
        "title": _("Value of customers by decile"),
        "headers": [_("decile"), _("customers"), _("mean value"), _("mean revenue to date")],
        "rows": [
            (decile, _whole(count), _amount(value), _amount(revenue)) for decile, count, value, revenue in found.deciles
        ],
        "data": _data(
            [str(decile) for decile, *_rest in found.deciles],
            _series(_("mean value"), [float(row[2] or 0) for row in found.deciles], "y", "bar"),
            _series(_("mean revenue to date"), [float(row[3]) for row in found.deciles], "y", "line"),
        ),
        "options": _options(currency, x_title=_("decile (10 is the highest)"), legend=True),
    }


def _data(labels: list[str], *series: dict[str, Any]) -> str:
    return json.dumps({"labels": labels, "datasets": list(series)})


def _series(label: str, values: list[Any], axis: str, kind: str) -> dict[str, Any]:
    colour = COLOURS[kind]
    return {
        "label": label,
        "data": values,
        "type": kind,
        "yAxisID": axis,
        "backgroundColor": colour,
        "borderColor": colour,
        "borderWidth": 0 if kind == "bar" else 2,
        "borderRadius": 3,
        "pointRadius": 3,
        "maxBarThickness": 42,
        "order": 1 if kind == "bar" else 0,
    }


def _options(y_title: str, *, second: str = "", x_title: str = "", legend: bool = False) -> str:
    scales: dict[str, Any] = {
        "x": {
            "grid": {"display": False},
            "title": {"display": bool(x_title), "text": x_title},
            "ticks": {"color": "#888"},
        },
        "y": {
            "beginAtZero": True,
            "title": {"display": True, "text": y_title},
            "grid": {"color": COLOURS["grid"]},
            "ticks": {"color": "#888"},
        },
    }
    if second:
        scales["orders"] = {
            "beginAtZero": True,
            "position": "right",
            "title": {"display": True, "text": second},
            "grid": {"display": False},
            "ticks": {"color": "#888"},
        }
    return json.dumps(
        {
            "responsive": True,
            "maintainAspectRatio": False,
            "animation": False,
            "locale": get_language(),
            "plugins": {"legend": {"display": bool(second) or legend, "labels": {"color": "#888", "boxWidth": 14}}},
            "scales": scales,
        }
    )


def _run_note(run: ValueRun | None) -> str:
    if run is None:
        return _("No value has been computed yet.")
    if not run.held_out:
        return _("Value by formula only: %(reason)s") % {"reason": run.reason}
    return _(
        "%(model)s over %(horizon)s days, data until %(cut)s. On %(days)s days that it had not seen, its total revenue "
        "was off by %(bias)s."
    ) % {
        "model": run.model,
        "horizon": run.horizon_days,
        "cut": formats.date_format(run.data_cut),
        "days": run.held_out["days"],
        "bias": formats.number_format(round(run.held_out["value"]["bias"] * 100, 1), 1) + " %",
    }


def _whole(number: int) -> str:
    return formats.number_format(number, 0, use_l10n=True, force_grouping=True)


def _amount(number: Any) -> str:
    return formats.number_format(number or 0, 2, use_l10n=True, force_grouping=True)
