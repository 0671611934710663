"""What the admin shows of a run: what is served, how right it was, and the lists of some customers."""

from typing import Any

from django.urls import reverse

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


def page(retailer: Retailer | None, run: RecommendationRun | None) -> dict[str, Any]:
    """Return what the page of a run shows."""
    if retailer is None:
        return {"lists": [], "examples": [], "earlier": [], "open": []}
    runs = RecommendationRun.objects.filter(retailer=retailer).order_by("-pk")
    is_open = (RecommendationRun.Status.ASKED, RecommendationRun.Status.RUNNING)
    earlier = runs.exclude(pk=run.pk).exclude(status__in=is_open) if run else runs.exclude(status__in=is_open)
    return {
        "lists": words.lists_said(run) if run else [],
        "reason": words.reason_said(run) if run else "",
        "excluded": words.excluded_said(run) if run else [],
        "examples": examples(retailer, run) if run else [],
        "earlier": list(earlier[:EARLIER]),
        "open": [(each, words.STEPS.get(each.step, "")) for each in runs.filter(status__in=is_open)],
    }


def examples(retailer: Retailer, run: RecommendationRun) -> list[tuple[Customer, str, Suggestions]]:
    """Return some customers with their pages and what is suggested to them; none of a run that another one followed."""
    ids = [pk for (pk,) in bulk.fetch(WHOSE, [retailer.pk, run.pk, EXAMPLES])]
    customers = Customer.objects.filter(pk__in=ids).order_by("pk")
    at = run.finished_at or run.asked_at
    return [
        (each, reverse("admin:customers_customer_change", args=[each.pk]),
         suggestions_for(each, retailer, at=at, limit=SHOWN))
        for each in customers
    ]  # fmt: skip
