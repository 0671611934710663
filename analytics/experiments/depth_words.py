"""What an experiment says of depths, in the reader's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.experiments.depth_results import ALL, NEVER_BOUGHT, OTHERS, DepthResult
from analytics.experiments.words import money, p_value, percent
from analytics.uplift.depth_choosing import Choice
from analytics.uplift.results import Reason
from customers.core.numbers import shown
from customers.segment_names import NAMES

SURELY = 0.99
IN_PERCENT = {"control_too_small", "codes_shared", "households_crossed", "not_sure"}  # what these ask for
SEGMENTS: Mapping[str, str | Promise] = {
    **NAMES, ALL: _("all customers"), OTHERS: _("the others, together"), NEVER_BOUGHT: _("never bought")
}  # fmt: skip
CHOICES: Mapping[str, str | Promise] = {
    "pays": _("%(segment)s: %(chosen)s. The probability that it pays is %(probability)s."),
    "shallower_kept": _(
        "%(segment)s: %(chosen)s. It pays; %(deeper)s may earn more, but that is not sure enough. %(needed)s customers in each "
        "arm would tell: %(weeks)s."
    ),
    "nothing_earns": _(
        "%(segment)s: %(chosen)s. No depth is expected to earn what it costs; the nearest to it is %(depth)s."
    ),
    "nobody_moved": _(
        "%(segment)s: %(chosen)s. %(depth)s seems to pay, but no more of them bought than without it, and the effect is not "
        "beyond doubt: among so many depths one seems to pay by chance."
    ),
    "not_sure": _(
        "%(segment)s: %(chosen)s for now. %(depth)s pays with a probability of %(probability)s, and %(asked)s are asked for. "
        "%(needed)s customers in each arm would make sure: %(weeks)s."
    ),
    "refused": _("%(segment)s: nothing is chosen."),
}
REFUSALS: Mapping[str, str | Promise] = {
    "arms_broken": _(
        "The arms are not as large as their shares say (p = %(p)s; below %(asked)s nothing is chosen). Find out who was lost in "
        "one arm alone, and run a new experiment."
    ),
    "too_few": _("The smallest arm has %(least)s customers, and %(asked)s are needed: %(weeks)s."),
    "control_too_small": _(
        "Those without the offer are %(share)s of all; %(asked)s are needed. Plan a new experiment with a larger control."
    ),
    "window_open": _(
        "It still runs: its end, in %(days)s days, is when it is read. What it shows before is not chosen by."
    ),
    "pull_forward_unseen": _(
        "The window of %(days)s days is shorter than the time between two purchases: orders that were only made earlier would "
        "count as won. Plan a new experiment with a window of %(asked)s days or more."
    ),
    "costs_unknown": _(
        "Not all costs are known. Report the lines’ costs or set a margin rate, say what each reward costs, and what a point is "
        "worth."
    ),
    "codes_shared": _(
        "%(share)s of the codes were used by others than those who got them; %(asked)s are the most. Give codes that only their "
        "member can use, and run a new experiment."
    ),
    "households_crossed": _(
        "%(share)s of the customers share a household with somebody of another arm, and what the one gets the other uses; "
        "%(asked)s are the most. Run a new experiment whose unit is the household."
    ),
    "price_changed": _(
        "What was offered changed while it ran, so that two offers would be taken for one. Run a new experiment, and change "
        "nothing meanwhile."
    ),
    "not_as_planned": _(
        "It did not come to an end that was planned before: when to end may have been decided by what was seen. Plan a new "
        "experiment with a duration, and let it end by itself."
    ),
    "above_list": _(
        "A price of %(price)s points is above the catalogue’s: nobody pays more than it says. Try lower prices only."
    ),
    "limited_stock": _(
        "The reward’s stock is limited: who comes late would be in another experiment than who comes early. Try one without a "
        "limit."
    ),
    "not_whole": _("A price of %(price)s points is none. Try prices above 0."),
    "twice": _("The price of %(price)s points is tried twice. Give each variant a price of its own."),
    "none": _("No variant has a price below the catalogue’s. Give one a lower price."),
}
FALLS = _(
    "%(segment)s: fewer bought at %(depths)s than at a smaller depth, by more than chance explains. Look for what disturbed the "
    "experiment."
)


def segment_name(code: str) -> str:
    """Return what a segment of customers is called."""
    return str(SEGMENTS.get(code, code))


def depth_name(found: DepthResult, depth: float, currency: str) -> str:
    """Return a depth as it is offered: an amount or a percentage off, or a price in points."""
    if found.list_price is not None:
        points = found.list_price - int(depth)
        return ngettext("%(count)s point", "%(count)s points", points) % {"count": shown(points, 0)}
    if depth == 0:
        return str(_("no offer"))
    amount = money(depth, currency) if found.kind == "amount" else percent(depth / 100)
    return str(_("%(amount)s off")) % {"amount": amount}


def choice_text(found: DepthResult, choice: Choice, currency: str) -> str:
    """Return which depth a segment gets, and why."""
    about = {"segment": segment_name(choice.segment), "chosen": depth_name(found, choice.depth, currency)}
    return str(CHOICES[choice.reason.code]) % {**about, **_values(choice.reason, found, currency)}


def refusal_text(found: DepthResult, reason: Reason, currency: str) -> str:
    """Return why nothing is chosen, and what would lift that."""
    return str(REFUSALS[reason.code]) % _values(reason, found, currency)


def falls_texts(found: DepthResult, currency: str) -> Sequence[str]:
    """Return where the response fell although the offer was larger."""
    return [
        str(FALLS)
        % {
            "segment": segment_name(each.segment),
            "depths": ", ".join(depth_name(found, depth, currency) for depth in each.falls_at),
        }
        for each in found.decision.choices
        if each.falls_at
    ]


def probability(found: float) -> str:
    """Return a probability as the reader writes it; none is certain."""
    if found > SURELY:
        return f"> {percent(SURELY, 0)}"
    return f"< {percent(1 - SURELY, 0)}" if found < 1 - SURELY else percent(found, 0)


def _values(reason: Reason, found: DepthResult, currency: str) -> Mapping[str, str]:
    return {name: _value(name, value, reason.code, found, currency) for name, value in reason.values.items()}


def _value(name: str, value: Any, code: str, found: DepthResult, currency: str) -> str:
    if name in {"depth", "deeper"}:
        return depth_name(found, value, currency)
    if name == "weeks":
        return _weeks(value)
    if name == "probability":
        return probability(value)
    if name in {"p", "share"} or (
        name == "asked" and code in {"control_too_small", "codes_shared", "households_crossed", "not_sure"}
    ):
        return p_value(value) if name == "p" else percent(value, 1 if name == "share" else 0)
    return shown(value, 3 if code == "arms_broken" else 0)


def _weeks(weeks: float | None) -> str:
    if weeks is None:
        return str(_("but nobody enters any more"))
    count = int(weeks)
    return ngettext("that takes %(count)s week more", "that takes %(count)s weeks more", count) % {
        "count": shown(count, 0)
    }
