"""What is kept of what a report of depths promised, in the reader's language."""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.experiments.promise_results import Kept, PromiseResult
from analytics.experiments.words import interval, money, percent
from analytics.uplift.results import Reason
from customers.core.labels import labelled
from customers.core.numbers import shown

REASONS: Mapping[str, str | Promise] = {
    "not_of_a_report": gettext_lazy(
        "What it holds back is not what a report promised: the offers were given other names."
    ),
    "other_window": gettext_lazy(
        "Its window of %(days)s days is not that of the report, %(asked)s days, so they cannot be compared."
    ),
    "other_currency": gettext_lazy("The report is in %(currency)s, and amounts are in another currency now."),
    "costs_unknown": gettext_lazy("Not all costs are known. Report the lines’ costs or set a margin rate."),
    "segments_unknown": gettext_lazy(
        "No segments are known of a month before it began, so nobody knows for whom the offers were meant. Compute values, and "
        "start a new hold-out in the month after."
    ),
    "no_window_yet": gettext_lazy(
        "No window of %(days)s days is over since the first offer was given. It is looked at every night."
    ),
    "few_kept": gettext_lazy(
        "%(customers)s customers are in one of the two parts; of fewer than %(asked)s a few decide."
    ),
    "few_given": gettext_lazy("%(customers)s customers were given it; of fewer than %(asked)s a few decide."),
}
VERDICTS: Mapping[str, Promise] = {
    "less": gettext_lazy(
        "That is less than was promised, by more than chance explains: of what is chosen for being high, a part was luck. Plan "
        "with what is kept."
    ),
    "more": gettext_lazy("That is more than was promised, by more than chance explains."),
    "open": gettext_lazy("Chance alone explains that the two differ: the promise may be kept."),
}
LABELS: Mapping[str, Promise] = {
    "less": gettext_lazy("less than promised"),
    "more": gettext_lazy("more than promised"),
    "open": gettext_lazy("not told apart"),
}
TAGS = {"less": "failed", "more": "done", "open": "waiting"}


def reason_text(reason: Reason) -> str:
    """Return why nothing is told of a promise, or of an offer."""
    values = {name: value if isinstance(value, str) else shown(value, 0) for name, value in reason.values.items()}
    return str(REASONS[reason.code]) % values


def kept_text(kept: Kept, days: int, currency: str) -> str:
    """Return a promise beside what is kept of it, and whether that is less."""
    facts = {
        "promised": money(kept.promised.value, currency), "realised": money(kept.realised.value, currency),
        "interval": interval(kept.realised, currency), "days": shown(days, 0),
    }  # fmt: skip
    words = _(
        "Each customer who is given an offer was to bring %(promised)s more in %(days)s days, after all costs. Beside those who "
        "are kept without, it is %(realised)s (%(interval)s)."
    )
    return " ".join([words % facts, *_share(kept), str(VERDICTS[kept.verdict]), _pays(kept)])


def _share(kept: Kept) -> Sequence[str]:
    if kept.share is None or kept.share <= 0:
        return []
    return [_("Kept is %(share)s of the promise.") % {"share": percent(kept.share, 0)}]


def _pays(kept: Kept) -> str:
    """Return whether the offers pay."""
    if kept.realised.low > 0:
        return _("The offers pay.")
    if kept.realised.high < 0:
        return _("The offers cost more than they bring: end them.")
    return _("Whether the offers pay is not known yet.")


def promise_texts(found: PromiseResult, currency: str) -> list[str]:
    """Return in sentences what is kept of a report, or why that is not told."""
    if found.refusals:
        return [reason_text(each) for each in found.refusals]
    if found.whole is None:
        reasons = {each.code: each.reason for each in found.offers if each.reason is not None}
        return [labelled(code, reason_text(each)) for code, each in reasons.items()]
    texts = [kept_text(found.whole, found.window_days, currency)]
    if found.others:
        words = ngettext(
            "It holds back %(codes)s as well, of which no report promised anything: what that does is in what is kept.",
            "It holds back %(codes)s as well, of which no report promised anything: what they do is in what is kept.",
            len(found.others),
        )
        texts.append(words % {"codes": ", ".join(found.others)})
    return [*texts, *_promoted_texts(found)]


def _promoted_texts(found: PromiseResult) -> list[str]:
    """Return how many orders were on promotion, of those who may be given offers and of those who are kept without."""
    parts = [[each for each in found.promoted if each.is_control is is_kept] for is_kept in (False, True)]
    counts = [(sum(each.orders for each in part), sum(each.promoted for each in part)) for part in parts]
    if not all(orders for orders, _promoted in counts):
        return []
    shares = [percent(promoted / orders) for orders, promoted in counts]
    words = _(
        "Of the orders of the last six months %(offered)s were on promotion, and %(kept)s of those of customers who are kept "
        "without. If the first grows, offers teach to wait for the next one: give them less often."
    )
    return [words % {"offered": shares[0], "kept": shares[1]}]
