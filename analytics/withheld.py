"""What of single customers' values is not shown, for the newest audit says that the data do not carry it."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import OuterRef, Subquery

from analytics.audit.running import verdict_of
from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.models import AuditRun, ValueRun
from customers.core.withheld import Withheld
from customers.models import Retailer

FIELDS = {
    Use.PREDICTED: (
        "predicted_value", "value_low", "value_high", "value_if_active", "expected_purchases", "expected_order_value",
        "probability_active", "probability_of_buying", "at_risk", "total_value", "total_low", "total_high",
    ),
    Use.FORMULA: ("formula_value",),
}  # fmt: skip


def of_retailers(retailers: Collection[int]) -> Mapping[int, Withheld]:
    """Return what is not shown of some retailers' customers, with the reason in its place, by their ids."""
    newest = AuditRun.objects.filter(retailer=OuterRef("pk")).order_by("-id").values("pk")[:1]
    audits = Retailer.objects.filter(pk__in=retailers).values(newest=Subquery(newest))
    runs = AuditRun.objects.filter(pk__in=audits).select_related("retailer")
    return {run.retailer_id: found for run in runs if (found := _of(run)).fields}


def hide_of_run(run: ValueRun, hidden: Withheld) -> None:
    """Let a run that is only read say nothing of what is not shown, in its card neither."""
    hidden.hide(run)
    run.card = card_shown(run.card, hidden)


def card_shown(card: Mapping[str, Any], hidden: Withheld) -> dict[str, Any]:
    """Return a run's card without predicted values, where they are not shown: its checks of the model stay."""
    if "total_value" not in hidden.fields:
        return dict(card)
    before = {"change": hidden.shown(card["change"])} if "change" in card else {}
    return {name: each for name, each in card.items() if name != "activation"} | before


def _of(run: AuditRun) -> Withheld:
    verdicts = (verdict_of(run, use) for use in FIELDS)
    blocked = [verdict for verdict in verdicts if verdict.is_blocked]
    fields = frozenset(name for verdict in blocked for name in FIELDS[verdict.use])
    return Withheld(fields, " ".join(instead(verdict, run.retailer.currency) for verdict in blocked))
