"""The admin's first page: what a retailer asks first, as charts with their tables."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use, Verdict
from analytics.audit.words import instead, why
from analytics.dashboards import charts
from analytics.dashboards.figures import Figures, figures
from analytics.dashboards.retailers import chosen_retailer
from analytics.models import ValueRun
from analytics.runs import latest_run
from analytics.wording import reason_of
from customers.core.languages import in_readers_language
from customers.core.money import decimals_of
from customers.models import Retailer


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures of the chosen retailer, or of the first one, to the page."""
    if not request.user.has_perm("analytics.view_valuerun"):
        return context | {"title": _("Dashboard"), "is_closed": True}
    retailers, retailer = chosen_retailer(request)
    context |= {"title": _("Dashboard"), "retailers": retailers, "retailer": retailer}
    if retailer is not None:
        found = figures(retailer)
        run = latest_run(retailer.pk)
        value = verdict(retailer, Use.PREDICTED if run and run.total_value is not None else Use.FORMULA)
        context |= {"figures": found, "charts": _charts(found, retailer, value), "run": run}
        context |= {"run_note": _run_note(run), "open": _open(request, found)}
    return context


def _open(request: HttpRequest, found: Figures) -> list[tuple[str, str]]:
    """Return what is not carried out, in words, each with the page that lists it, or none where the reader may not see it."""
    members = ngettext("%(count)s member is set aside.", "%(count)s members are set aside.", found.set_aside)
    facts = ngettext("%(count)s fact waits to be decided.", "%(count)s facts wait to be decided.", found.waiting)
    lines = []
    if found.set_aside:
        lines.append((members % {"count": charts.whole(found.set_aside)}, "activity_setaside"))
    if found.waiting:
        failed = (
            _("%(count)s could not be so far.") % {"count": charts.whole(found.undecided)} if found.undecided else ""
        )
        lines.append((f"{facts % {'count': charts.whole(found.waiting)}} {failed}".strip(), "customers_undecidedfact"))
    return [(words, _list_of(request, page)) for words, page in lines]


def _list_of(request: HttpRequest, page: str) -> str:
    app, model = page.split("_")
    return reverse(f"admin:{page}_changelist") if request.user.has_perm(f"{app}.view_{model}") else ""


def _charts(found: Figures, retailer: Retailer, value: Verdict) -> list[dict[str, Any]]:
    deciles = _deciles(found, retailer.currency) | {
        "instead": instead(value, retailer.currency),
        "care": [] if value.is_blocked else why(value, retailer.currency),
    }
    return [_months(found, retailer.currency), _tiers(found), deciles]


def _months(found: Figures, currency: str) -> dict[str, Any]:
    labels = [formats.date_format(month, "N Y") for month, _orders, _revenue in found.months]
    revenue = _("revenue (%(currency)s)") % {"currency": currency}
    return {
        "title": _("Orders and revenue by month"),
        "headers": [_("month"), _("orders"), revenue],
        "rows": [
            (label, charts.whole(row[1]), charts.amount(row[2], currency))
            for label, row in zip(labels, found.months, strict=True)
        ],
        "data": charts.data(
            labels,
            charts.series(_("revenue"), [float(row[2]) for row in found.months], "y", "bar"),
            charts.series(_("orders"), [row[1] for row in found.months], "orders", "line"),
        ),
        "options": charts.options(revenue, second=_("orders")),
        "wide": True,
    }


def _tiers(found: Figures) -> dict[str, Any]:
    labels = [in_readers_language(name, name_fr) or _("no tier") for name, name_fr, _count in found.tiers]
    counts = [count for *_names, count in found.tiers]
    return {
        "title": _("Members by tier"),
        "headers": [_("tier"), _("members")],
        "rows": [(label, charts.whole(count)) for label, count in zip(labels, counts, strict=True)],
        "data": charts.data(labels, charts.series(_("members"), counts, "y", "bar")),
        "options": charts.options(_("members")),
    }


def _deciles(found: Figures, currency: str) -> dict[str, Any]:
    decimals = decimals_of(currency)
    return {
        "title": _("Value of customers by decile"),
        "headers": [_("decile"), _("customers"), _("mean value"), _("mean revenue to date")],
        "rows": [
            (decile, charts.whole(count), charts.amount(value, currency), charts.amount(revenue, currency))
            for decile, count, value, revenue in found.deciles
        ],
        "data": charts.data(
            [str(decile) for decile, *_rest in found.deciles],
            charts.series(_("mean value"), [round(float(row[2] or 0), decimals) for row in found.deciles], "y", "bar"),
            charts.series(
                _("mean revenue to date"), [round(float(row[3]), decimals) for row in found.deciles], "y", "line"
            ),
        ),
        "options": charts.options(currency, x_title=_("decile (10 is the highest)"), legend=True),
    }


def _run_note(run: ValueRun | None) -> str:
    if run is None:
        return _("No value has been computed yet.")
    if run.total_value is None:
        return _("Value by formula only: %(reason)s") % {"reason": reason_of(run)}
    return _(
        "%(model)s over %(horizon)s days, data until %(cut)s. On %(days)s days that it had not seen, its total revenue "
        "was off by %(bias)s."
    ) % {
        "model": run.model,
        "horizon": run.horizon_days,
        "cut": formats.date_format(run.cut),
        "days": run.held_out["days"],
        "bias": formats.number_format(round(run.held_out["value"]["bias"] * 100, 1), 1) + " %",
    }
