"""The page of a data audit: verdicts first, then what each check found, and charts of what the clock and the till say."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from analytics.audit.checks import BY_CODE
from analytics.audit.running import findings_of, verdict_of
from analytics.audit.verdicts import Example, Finding, Level, Use
from analytics.audit.words import ANSWERS, GROUPS, LEVELS, USES, percent, repair, sentence
from analytics.dashboards import charts
from analytics.models import AuditRun
from customers.core.calendar import add_months
from customers.models import Customer, Retailer

SHOWN_RUNS = 12
TAGS = {"ready": "done", "care": "waiting", "not": "failed"}
LEVEL_TAGS = {Level.GOOD: "done", Level.NOTE: "", Level.CARE: "waiting", Level.BAD: "failed"}


def page(request: HttpRequest, retailer: Retailer, run: AuditRun) -> dict[str, Any]:
    """Return what the page of an audit shows."""
    findings = findings_of(run)
    examples = _Examples(request, retailer, findings)
    return {
        "retailer": retailer,
        "run": run,
        "verdicts": _verdicts(run, retailer.currency),
        "groups": _groups(findings, retailer.currency, examples),
        "charts": [_hours(run), _months(run)],
        "earlier": _earlier(retailer, run),
    }


def _verdicts(run: AuditRun, currency: str) -> list[dict[str, Any]]:
    rows = []
    for found in (verdict_of(run, use) for use in Use):
        reasons = [(sentence(reason, currency), repair(reason)) for reason in found.reasons]
        rows.append(
            {
                "use": USES[found.use],
                "answer": ANSWERS[found.answer],
                "tag": TAGS[found.answer],
                "first": reasons[:1],
                "others": reasons[1:],
            }
        )
    return rows


def _groups(findings: list[Finding], currency: str, examples: "_Examples") -> list[dict[str, Any]]:
    groups: dict[Any, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for finding in findings:
        check = BY_CODE[finding.check]
        groups[check.group].append(
            {
                "question": check.question,
                "sentence": sentence(finding, currency),
                "level": LEVELS[finding.level],
                "tag": LEVEL_TAGS[finding.level],
                "repair": repair(finding) if finding.level >= Level.CARE else "",
                "uses": [USES[use] for use in check.weights] if finding.level >= Level.CARE else [],
                "examples": [examples.link(each) for each in finding.examples],
            }
        )
    return [{"title": GROUPS[group], "findings": rows} for group, rows in groups.items() if rows]


class _Examples:
    """The names of examples, and where they lead to those who may look there."""

    def __init__(self, request: HttpRequest, retailer: Retailer, findings: list[Finding]) -> None:
        self.user: Any = request.user
        ids = [each.name for finding in findings for each in finding.examples if each.kind == "customer"]
        sees = ids and self.user.has_perm("customers.view_customer")
        known = Customer.objects.filter(pk__in=ids, retailer=retailer, erased_at=None)
        self.names = {str(key): name for key, name in known.values_list("pk", "external_id")} if sees else {}

    def link(self, example: Example) -> tuple[str, str]:
        """Return an example's name and the address of its list, empty where the reader may not see it."""
        if example.kind == "customer":
            name = self.names.get(example.name)
            return (
                (name, reverse("admin:customers_customer_change", args=[example.name]))
                if name
                else (_("a customer"), "")
            )
        if example.kind in {"day", "month"}:
            return self._days(example)
        return example.name, self._list(example.kind, q=example.name)

    def _days(self, example: Example) -> tuple[str, str]:
        first = date.fromisoformat(example.name)
        if example.kind == "day":
            return formats.date_format(first), self._list("order", local_date=example.name)
        until = add_months(first, 1).isoformat()
        name = formats.date_format(first, "YEAR_MONTH_FORMAT")
        return name, self._list("order", local_date__gte=example.name, local_date__lt=until)

    def _list(self, kind: str, **asked: str) -> str:
        if not self.user.has_perm(f"customers.view_{kind}"):
            return ""
        return f"{reverse(f'admin:customers_{kind}_changelist')}?{urlencode(asked)}"


def _hours(run: AuditRun) -> dict[str, Any]:
    labels = [f"{hour:02d}" for hour in range(len(run.hours))]
    return {
        "title": _("Orders by hour of the day, on the retailer’s clock"),
        "headers": [_("hour"), _("orders")],
        "rows": [(label, charts.whole(orders)) for label, orders in zip(labels, run.hours, strict=True)],
        "data": charts.data(labels, charts.series(_("orders"), run.hours, "y", "bar")),
        "options": charts.options(_("orders"), x_title=_("hour")),
    }


def _months(run: AuditRun) -> dict[str, Any]:
    labels = [formats.date_format(date.fromisoformat(month), "N Y") for month, _orders, _known in run.months]
    shares = [known / orders for _month, orders, known in run.months]
    return {
        "title": _("Orders by month, and the share that has a customer"),
        "headers": [_("month"), _("orders"), _("with a customer")],
        "rows": [
            (label, charts.whole(row[1]), percent(part))
            for label, row, part in zip(labels, run.months, shares, strict=True)
        ],
        "data": charts.data(
            labels,
            charts.series(_("orders"), [orders for _month, orders, _known in run.months], "y", "bar"),
            charts.series(
                _("with a customer, in percent"), [round(part * 100, 1) for part in shares], "orders", "line"
            ),
        ),
        "options": charts.options(_("orders"), second=_("with a customer, in percent")),
    }


def _earlier(retailer: Retailer, run: AuditRun) -> list[dict[str, Any]]:
    runs = AuditRun.objects.filter(retailer=retailer).exclude(pk=run.pk).order_by("-id")[:SHOWN_RUNS]
    return [
        {
            "run": each,
            "address": reverse("admin:analytics_auditrun_change", args=[each.pk]),
            "bad": sum(1 for finding in findings_of(each) if finding.level is Level.BAD),
            "care": sum(1 for finding in findings_of(each) if finding.level is Level.CARE),
        }
        for each in runs
    ]
