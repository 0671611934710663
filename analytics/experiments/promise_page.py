"""What was promised of offers and what is kept, on the pages of the report and of its hold-out, and for systems."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics.experiments import depth_words, promise_words, words
from analytics.experiments.drawing import chart_of
from analytics.experiments.looking import latest
from analytics.experiments.models import ExperimentLook
from analytics.experiments.promise_looking import promise_of
from analytics.experiments.promise_results import Kept, OfferKept, PromiseResult
from analytics.uplift.results import Range
from customers.core.labels import labelled
from customers.core.numbers import shown
from loyalty.campaigns.models import Offer
from loyalty.experiments.models import Experiment


def offers_kept(tried: Experiment) -> list[Offer]:
    """Return the offers that were drawn up last from a report of an experiment of depths."""
    rows = Offer.objects.filter(found_in=tried).select_related("hold_out__retailer", "hold_out__program")
    found = list(rows.order_by("pk"))
    newest = max((each.found_look or 0 for each in found), default=0)
    return [each for each in found if each.found_look == newest]


def promise_page(look: ExperimentLook) -> dict[str, Any] | None:
    """Return what the page of a look shows of a promise: of a hold-out of offers, or of their report; else None."""
    if look.result.promise is not None:
        return _shown(look, look.result.promise) | {"is_hold_out": True}
    offers = offers_kept(look.experiment)
    if not offers:
        return None
    held = _hold_out(offers)
    newest = None if held is None else latest(held)
    about = {"address": None if held is None else reverse("admin:analytics_experimentlook_of", args=[held.pk])}
    if newest is not None and newest.result.promise is not None:
        return about | _shown(newest, newest.result.promise)
    report, currency = _report(offers), look.currency
    rows = [_row(each, report, currency) for each in _waiting(offers)]
    return about | {"texts": [why_not_yet(offers, newest)], "rows": rows, "charts": [], "windows": []}


def why_not_yet(offers: Sequence[Offer], newest: ExperimentLook | None) -> str:
    """
    Return why nothing is told of what is kept.

    :param newest: look at the hold-out
    """
    held = _hold_out(offers)
    if held is None:
        return _(
            "The offers have no hold-out any more, so nobody knows what they do. What was promised is all that is known."
        )
    facts = {"experiment": held.code}
    if held.is_draft:
        return _("The hold-out “%(experiment)s” has not started: nobody is kept without the offers yet.") % facts
    if newest is None:
        return _("The hold-out “%(experiment)s” has not been looked at yet; it is every night.") % facts
    if newest.result.blocked is not None:
        return words.blocked(newest.result.blocked)
    return (
        _("None of the offers was given yet, as far as the last look at the hold-out “%(experiment)s” knows.") % facts
    )


def _hold_out(offers: Sequence[Offer]) -> Experiment | None:
    return next((each.hold_out for each in offers if each.hold_out is not None), None)


def _shown(look: ExperimentLook, found: PromiseResult) -> dict[str, Any]:
    report, currency = ExperimentLook.objects.filter(pk=found.report).first(), look.currency
    rows = found.offers or _waiting(list(Offer.objects.filter(found_look=found.report).order_by("pk")))
    return {
        "texts": promise_words.promise_texts(found, currency), "look": look,
        "verdict": found.whole and {
            "tag": promise_words.TAGS[found.whole.verdict], "label": promise_words.LABELS[found.whole.verdict],
        },
        "rows": [_row(each, report, currency) for each in rows], "charts": _charts(found, report, currency),
        "windows": _windows(found, currency) if len(found.windows) > 1 else [],
        "report": reverse("admin:analytics_experimentlook_change", args=[found.report]),
    }  # fmt: skip


def _name(each: OfferKept, report: ExperimentLook | None, currency: str) -> tuple[str, str]:
    """Return what an offer's segment and its depth are called."""
    found = None if report is None else report.result.depths
    depth = each.code if found is None else depth_words.depth_name(found, each.depth, currency)
    return capfirst(depth_words.segment_name(each.segment)), depth


def _row(each: OfferKept, report: ExperimentLook | None, currency: str) -> dict[str, Any]:
    segment, depth = _name(each, report, currency)

    def count(number: int) -> str:
        return shown(number, 0) if each.customers else "-"

    return {
        "segment": segment, "depth": depth, "customers": count(each.customers), "control": count(each.control),
        "given": count(each.given), "given_share": words.percent(each.given / each.customers if each.customers else None, 0),
        "promised": words.money(each.promised.value, currency), "promised_interval": words.interval(each.promised, currency),
        "why": "" if each.reason is None else promise_words.reason_text(each.reason), **_kept(each.kept, currency),
    }  # fmt: skip


def _kept(kept: Kept | None, currency: str) -> dict[str, str]:
    if kept is None:
        return {"realised": "", "share": "-"}
    return {
        "realised": words.money(kept.realised.value, currency), "interval": words.interval(kept.realised, currency),
        "share": words.percent(kept.share, 0), "label": str(promise_words.LABELS[kept.verdict]),
        "tag": promise_words.TAGS[kept.verdict], "total": words.money(kept.total.value, currency),
        "total_interval": words.interval(kept.total, currency),
    }  # fmt: skip


def _report(offers: Sequence[Offer]) -> ExperimentLook | None:
    looks = [each.found_look for each in offers if each.found_look is not None]
    return ExperimentLook.objects.filter(pk__in=looks).select_related("experiment").first()


def _waiting(offers: Sequence[Offer]) -> list[OfferKept]:
    """Return what was promised of offers that nothing is told of yet."""
    report = _report(offers)
    promised = [] if report is None else [promise_of(each, report) for each in offers]
    return [OfferKept(each.offer.code, each.segment, each.depth, 0, 0, 0, each.each, None) for each in promised if each]


def _windows(found: PromiseResult, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "days": _("days %(first)s to %(last)s")
            % {
                "first": shown((each.number - 1) * found.window_days + 1, 0),
                "last": shown(each.number * found.window_days, 0),
            },
            "given": shown(each.given, 0),
            **_kept(each.kept, currency),
        }
        for each in found.windows
    ]


def _charts(found: PromiseResult, report: ExperimentLook | None, currency: str) -> list[dict[str, Any]]:
    names = [(", ".join(_name(each, report, currency)), each.kept) for each in found.offers if each.kept is not None]
    told = [*names, (_("all of them together"), found.whole)] if len(names) > 1 and found.whole else names
    if not told:
        return []
    labels, ranges = list[str](), list[Range]()
    for name, kept in told:
        assert kept is not None, "those that are not told are left out"
        labels += [
            labelled(name, pgettext("of a forecast", "promised")),
            labelled(name, pgettext("of a promise", "kept")),
        ]
        ranges += [kept.promised, kept.realised]
    whose = _("for each customer who is given it")
    axis = f"{currency} {whose}"
    chart = chart_of(_("What was promised, what is kept"), axis, labels, ranges, currency, of=_("offer"), is_flat=True)
    return [
        chart
        | {
            "wide": True,
            "basis": _("After what it costs. What is kept is right however often one looks, and so it is wide."),
        }
    ]


def promise_lines(look: ExperimentLook) -> list[str]:
    """Return in sentences what a look tells of a promise; none where it is no hold-out of a report's offers."""
    found = look.result.promise
    return [] if found is None else promise_words.promise_texts(found, look.currency)


def promise_out(tried: Experiment, offers: Sequence[Offer]) -> dict[str, Any]:
    """Return what systems are told of what is kept of the offers of a report."""
    held = _hold_out(offers)
    look = None if held is None else latest(held)
    found = None if look is None else look.result.promise
    about = {
        "report": offers[0].found_look, "hold_out": held.code if held else "", "look": look and look.pk,
        "currency": tried.retailer.currency if look is None else look.currency,
    }  # fmt: skip
    if look is None or found is None:
        return about | {
            "since": None, "window_days": tried.window_days, "texts": [why_not_yet(offers, look)], "refusals": [],
            "offers": [_offer_out(each) for each in _waiting(offers)], "whole": None, "windows": [], "others": [],
            "promoted": [],
        }  # fmt: skip
    return about | {
        "since": found.since, "window_days": found.window_days,
        "texts": promise_words.promise_texts(found, look.currency),
        "refusals": [{"code": each.code, "text": promise_words.reason_text(each)} for each in found.refusals],
        "offers": [_offer_out(each) for each in found.offers or _waiting(offers)], "whole": _kept_out(found.whole),
        "windows": [{"number": each.number, "given": each.given, "kept": _kept_out(each.kept)} for each in found.windows],
        "others": found.others, "promoted": [vars(each) for each in found.promoted],
    }  # fmt: skip


def _offer_out(each: OfferKept) -> dict[str, Any]:
    reason = each.reason and {"code": each.reason.code, "text": promise_words.reason_text(each.reason)}
    return {**vars(each), "promised": vars(each.promised), "kept": _kept_out(each.kept), "reason": reason}


def _kept_out(kept: Kept | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    ranges = {name: vars(getattr(kept, name)) for name in ("promised", "realised", "total")}
    return {**vars(kept), **ranges}
