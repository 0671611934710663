"""What the admin shows of a run: what is served, how right it was, and the lists of some customers."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.recommendations import words
from analytics.recommendations.models import RecommendationRun
from customers.core import bulk
from customers.models import Customer, Retailer
from customers.suggesting import Suggestions, suggestions_for

EXAMPLES = 3
SHOWN = 5
EARLIER = 10
# The first of those whose lists this run wrote, by their ids, which are drawn.
WHOSE = """
SELECT DISTINCT customer_id FROM customers_suggestion WHERE retailer_id = %s AND run_id = %s ORDER BY customer_id LIMIT %s
"""


def page(retailer: Retailer | None, run: RecommendationRun | None, *, now: datetime) -> dict[str, Any]:
    """Return what the page of a run shows."""
    if retailer is None:
        return {"lists": [], "examples": [], "earlier": [], "open": []}
    runs = RecommendationRun.objects.filter(retailer=retailer).order_by("-pk")
    is_open = (RecommendationRun.Status.ASKED, RecommendationRun.Status.RUNNING)
    earlier = runs.exclude(pk=run.pk).exclude(status__in=is_open) if run else runs.exclude(status__in=is_open)
    not_carried = instead(verdict(retailer, Use.RECOMMENDATIONS), retailer.currency) if run else ""
    return {
        "lists": words.lists_said(run) if run else [],
        "reason": not_carried or (words.reason_said(run) if run else ""),
        "excluded": words.excluded_said(run) if run else [],
        "examples": examples(retailer, run, now=now) if run and not not_carried else [],
        "earlier": list(earlier[:EARLIER]),
        "open": [(each, words.STEPS.get(each.step, "")) for each in runs.filter(status__in=is_open)],
    }


def examples(retailer: Retailer, run: RecommendationRun, *, now: datetime) -> list[tuple[Customer, str, Suggestions]]:
    """
    Return some customers with their pages and what is suggested to them now; none of a run that another one followed.

    Of who allows no profile any more staff see none either.
    """
    ids = [pk for (pk,) in bulk.fetch(WHOSE, [retailer.pk, run.pk, EXAMPLES])]
    customers = Customer.objects.filter(pk__in=ids).order_by("pk")
    return [
        (each, reverse("admin:customers_customer_change", args=[each.pk]),
         suggestions_for(each, retailer, at=now, limit=SHOWN))
        for each in customers
    ]  # fmt: skip
