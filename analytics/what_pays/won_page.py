"""What the page of customers won shows, and the words for what nobody knows."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.dashboards import charts
from analytics.experiments import words
from analytics.uplift.winning import MIN_PER_ARM, Between
from analytics.what_pays.media import Media
from analytics.what_pays.won import CustomersWon, NotKnown, WonLine
from customers.core.numbers import percent, shown

TOLD: Mapping[str, Promise] = {
    "": gettext_lazy("It won customers who would not have come without it."),
    "not_shown": gettext_lazy("Not shown to win anybody: the interval reaches over zero."),
    "fewer_came": gettext_lazy("Fewer came than without it: it wins nobody."),
    "cost_unknown": gettext_lazy(
        "It won customers, but not all costs are known: say what each reward costs, and what a point is worth."
    ),
    "costs_nothing": gettext_lazy(
        "It won customers, and their rewards and points cost no more than those of the control."
    ),
}
NOT_KNOWN: Mapping[str, Promise] = {
    "no_control": gettext_lazy("Not known: no control. Its customers might have come without it."),
    "not_started": gettext_lazy("Not known: its experiment has not started, and nobody was held out."),
    "not_looked": gettext_lazy("Not known: its experiment has not been looked at yet, which happens every night."),
    "not_counted": gettext_lazy(
        "Not known: nobody in its experiment was new, or its last look is from before that was counted. Look again."
    ),
    "not_ended": gettext_lazy("Not known: its experiment has not come to its planned end, with all windows closed."),
    "arms_broken": gettext_lazy(
        "Not known: of those who had not bought yet, the arms are not as large as their shares say. Find out who was lost in one "
        "arm alone, and run a new experiment."
    ),
    "too_few": gettext_lazy(
        "Not known: the smallest arm has %(least)s customers who had not bought yet, and %(asked)s are needed. Let a new "
        "experiment run for longer, or hold more out."
    ),
}  # fmt: skip


def won_page(found: CustomersWon) -> dict[str, Any]:
    """Return what the page shows of customers won."""
    return {
        "won": [_line(each) for each in found.told],
        "not_known": [{"name": name_of(each), "why": why_not_known(each)} for each in found.not_known],
    }


def _line(line: WonLine) -> dict[str, Any]:
    won, currency = line.won, line.look.currency
    assert won.share is not None
    assert won.won is not None, "both are told of what is told at all"
    return {
        "names": ", ".join(line.names), "variant": words.name_of(line.look.experiment, won.arm.code),
        "said": said_of(line), "wins": won.share.low > 0, "look": line.look.pk,
        "customers": charts.whole(won.arm.customers), "came": charts.whole(won.arm.came),
        "control": charts.whole(won.control.customers), "control_came": charts.whole(won.control.came),
        "share": percent(won.share.value), "share_range": f"{percent(won.share.low)} … {percent(won.share.high)}",
        "number": shown(won.won.value, 0), "number_range": f"{shown(won.won.low, 0)} … {shown(won.won.high, 0)}",
        "cost": "-" if won.cost is None else words.money(won.cost, currency),
        "each": "-" if won.each is None else words.money(won.each.value, currency),
        "each_range": "" if won.each is None else _between(won.each, currency),
        "of_all": "-" if won.of_all is None else words.money(won.of_all, currency),
        **_media(line.media, currency),
    }  # fmt: skip


def _media(media: Media | None, currency: str) -> dict[str, str]:
    """Return what media cost, of one who was won, alone and with all else; dashes where nobody said what was spent."""
    if media is None:
        return dict.fromkeys(("media", "media_each", "with_media"), "-") | {"media_range": "", "with_media_range": ""}
    each, whole = media.each, media.with_all
    return {
        "media": words.money(media.spent, currency),
        "media_each": "-" if each is None else words.money(each.value, currency),
        "media_range": "" if each is None else _between(each, currency),
        "with_media": "-" if whole is None else words.money(whole.value, currency),
        "with_media_range": "" if whole is None else _between(whole, currency),
    }


def _between(found: Between, currency: str) -> str:
    return f"{words.money(found.low, currency)} … {words.money(found.high, currency)}"


def won_sentences(found: CustomersWon) -> list[str]:
    """Return in sentences what one cost who would not have come anyway, of all that an experiment says it of."""
    words_of_one = _(
        "%(names)s: one who would not have come anyway cost %(each)s (%(range)s); one who came, %(of_all)s. By its experiment."
    )
    return [
        words_of_one % {"names": row["names"], "each": row["each"], "range": row["each_range"], "of_all": row["of_all"]}
        for row in map(_line, found.told) if row["each_range"]
    ]  # fmt: skip


def said_of(line: WonLine) -> str:
    """Return what is said of what was won, in the reader's language."""
    return str(TOLD[line.won.why])


def name_of(each: NotKnown) -> str:
    """Return what something is called that may have won somebody."""
    return each.name or _("Referrals of %(program)s") % {"program": each.program}


def why_not_known(each: NotKnown) -> str:
    """Return why nobody knows whom something won, and what would lift that."""
    if each.why == "blocked" and each.look is not None and each.look.result.blocked is not None:
        return words.blocked(each.look.result.blocked)
    facts = {"least": charts.whole(each.won.least if each.won else 0), "asked": MIN_PER_ARM}
    return str(NOT_KNOWN[each.why]) % facts if each.why == "too_few" else str(NOT_KNOWN[each.why])
