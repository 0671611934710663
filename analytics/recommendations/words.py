"""What a run says, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.recommendations.models import RecommendationRun
from analytics.uplift_runs.words import percent as in_percent
from customers.models import SuggestionList

LISTS: Mapping[str, Promise] = {
    SuggestionList.AGAIN: gettext_lazy("For the next basket"),
    SuggestionList.NEW: gettext_lazy("New to the customer"),
}
METHODS: Mapping[str, Promise] = {
    "popularity": gettext_lazy("what is popular"),
    "own": gettext_lazy("own purchases, the newer the more"),
    "own_and_neighbours": gettext_lazy("own purchases, and those of 100 customers who buy alike"),
    "item_weights": gettext_lazy("what having one product says of another"),
    "neighbours": gettext_lazy("what 100 customers who buy alike bought lately"),
    "together": gettext_lazy("what is bought in the same baskets"),
}
STEPS: Mapping[str, Promise] = {
    "reading": gettext_lazy("reading purchases"),
    "validating": gettext_lazy("trying methods on the last four weeks"),
    "writing": gettext_lazy("making the lists"),
    "products": gettext_lazy("relating products"),
}
EXCLUDED: Mapping[str, Promise] = {
    "category": gettext_lazy("of a category that is not recommended"),
    "not_suggested": gettext_lazy("not to be suggested"),
    "out_of_stock": gettext_lazy("out of stock"),
    "loss": gettext_lazy("sold at a loss"),
}


@dataclass(frozen=True)
class MethodSaid:
    """
    A method beside the others.

    :param recall: the share of what customers then bought that their first ten would have shown, as the others in percent
    :param difference: to what is popular, with its range; empty for popularity itself
    """

    name: str
    recall: str
    ndcg: str
    hit: str
    distinct: int
    difference: str
    is_served: bool


@dataclass(frozen=True)
class ListSaid:
    """One list of a run: what is served, why, and how right each method was."""

    title: str
    served: str
    why: str
    is_proven: bool
    methods: tuple[MethodSaid, ...]
    distinct: int
    sources: str


def lists_said(run: RecommendationRun) -> list[ListSaid]:
    """Return what a run says of each list."""
    return [_list_said(run, task, verdict) for task, verdict in sorted(run.verdicts.items())]


def _list_said(run: RecommendationRun, task: str, verdict: Mapping[str, Any]) -> ListSaid:
    coverage = run.coverage.get(task, {})
    return ListSaid(
        title=str(LISTS[task]), served=str(METHODS[verdict["served"]]), why=why(verdict),
        is_proven=verdict["reason"] == "better",
        methods=tuple(_method_said(each, verdict["served"]) for each in verdict["judged"]),
        distinct=coverage.get("distinct", 0), sources=_sources(coverage),
    )  # fmt: skip


def why(verdict: Mapping[str, Any]) -> str:
    """Return why a list is served as it is."""
    customers = verdict["customers"]
    said = {
        "better": _(
            "Better than what is popular, beyond chance, for %(customers)s customers in four weeks that were held out."
        ),
        "not_better": _(
            "No method was better than what is popular, beyond chance, for %(customers)s customers in four weeks that were held "
            "out: so what is popular is served."
        ),
        "short": _("What is popular is served: it takes 84 days of purchases to try a method."),
        "few": _(
            "What is popular is served: it takes 50 customers who allow a profile and came in the last four weeks to try a "
            "method; there were %(customers)s."
        ),
    }
    return said[verdict["reason"]] % {"customers": customers}


def percent(share: float) -> str:
    """Return a share in percent with two decimals."""
    return in_percent(share, 2)


def _method_said(judged: Mapping[str, Any], served: str) -> MethodSaid:
    is_popular = judged["method"] == "popularity"
    low, high = (percent(judged[name]) for name in ("low", "high"))
    difference = _("%(mean)s (%(low)s to %(high)s)") % {"mean": percent(judged["difference"]), "low": low, "high": high}
    return MethodSaid(
        name=str(METHODS[judged["method"]]), recall=percent(judged["recall"]), ndcg=percent(judged["ndcg"]),
        hit=percent(judged["hit"]), distinct=judged["distinct"], difference="" if is_popular else difference,
        is_served=judged["method"] == served,
    )  # fmt: skip


def _sources(coverage: Mapping[str, int]) -> str:
    total = sum(count for name, count in coverage.items() if name != "distinct")
    if not total:
        return ""
    shares = {name: percent(coverage[name] / total) for name in ("by_method", "by_category", "by_popularity")}
    return (
        _("%(by_method)s by the method, %(by_category)s by the favourite category, %(by_popularity)s by popularity")
        % shares
    )


def excluded_said(run: RecommendationRun) -> list[str]:
    """Return how many products are left out, by why."""
    return [
        ngettext("%(count)s product: %(why)s", "%(count)s products: %(why)s", count)
        % {"count": count, "why": EXCLUDED[name]}
        for name, count in run.excluded.items()
        if count
    ]


def reason_said(run: RecommendationRun) -> str:
    """Return why a run came to nothing; empty for one that did not."""
    said = {
        "nothing_bought": _("No known customer bought anything."),
        "not_carried": _("The data do not carry recommendations: the data audit says why, and what to mend."),
        "nothing_left": _("All that was bought is left out."),
        "died": _("It was stopped before it ended."),
        "error": _("It failed: %(error)s"),
    }
    return said[run.code] % run.details if run.code else ""
