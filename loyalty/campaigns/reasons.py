"""Why something went as it did, in words: codes are for machines, and pages are for people."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.campaigns.models import OfferRefusal
from loyalty.campaigns.models.words import Channel, MessageKind

OF_OFFERS: Mapping[str, Any] = dict(OfferRefusal.Reason.choices)
REASONS: Mapping[str, Promise] = {
    "no_consent": gettext_lazy("did not agree to it"),
    "no_profiling": gettext_lazy("did not agree to offers based on a profile"),
    "no_channel": gettext_lazy("no address that it could go to"),
    "no_text": gettext_lazy("its text could not be made"),
    "capped": gettext_lazy("had enough messages by then"),
    "late": gettext_lazy("it came too late"),
    "capped_until_late": gettext_lazy("had enough messages until it was too late"),
    "quiet_until_late": gettext_lazy("quiet hours until it was too late"),
    "paused_until_late": gettext_lazy("the member paused until it was too late"),
    "active": gettext_lazy("was in it already"),
    "again_after": gettext_lazy("was in it not long before"),
    "held_out": gettext_lazy("is held out"),
    "exited": gettext_lazy("left the campaign before"),
    "no_longer_true": gettext_lazy("what it is about is not true any more"),
    "campaign_ended": gettext_lazy("the campaign ended"),
    "gone": gettext_lazy("was merged or erased"),
    "had_it": gettext_lazy("the one into whom it was merged had the same"),
    "merged": gettext_lazy("what began for who was merged into it"),
    "erased": gettext_lazy("was erased"),
    "left": gettext_lazy("left the program"),
    "ordered": gettext_lazy("ordered"),
    "contacted": gettext_lazy("spoke with support"),
    "completed": gettext_lazy("took all steps"),
    "converted_before_exposure": gettext_lazy("ordered before anything was said"),
    "superseded": gettext_lazy("a later step says more"),
    "asked_lately": gettext_lazy("was asked the same not long before"),
    "asked_another_lately": gettext_lazy("was asked something else not long before"),
    "survey_closed": gettext_lazy("what it asks cannot be answered any more"),
    "set_aside": gettext_lazy("its step failed, and is tried again"),
}
OF_DISCOUNTS = re.compile(r"([0-9]+)_per_([0-9]+)_days:([0-9]{4}-[0-9]{2}-[0-9]{2})")
RULES: Mapping[str, Promise] = {
    "quiet": gettext_lazy("quiet hours"),
    "paused": gettext_lazy("the member's pause"),
    "speed": gettext_lazy("the channel's speed"),
}


def reason_in_words(code: str) -> str:
    """Return why something went as it did; as it is written where it is somebody else's, such as a provider's."""
    return str(REASONS.get(code) or OF_OFFERS.get(code) or code)


def rule_in_words(rule: str) -> str:
    """Return which rule had something wait, or not be sent or given."""
    if found := OF_DISCOUNTS.fullmatch(rule):
        return _of_discounts(*found.groups())
    if not rule.startswith("cap:"):
        return str(RULES.get(rule) or reason_in_words(rule))
    what, _per, rest = rule.removeprefix("cap:").rpartition("_per_")
    who, _of, number = what.rpartition("_")
    days = int(rest.partition("_")[0]) if "_" in rest else 1
    words = ngettext(
        "%(what)s: at most %(number)s in %(days)s day", "%(what)s: at most %(number)s in %(days)s days", days
    )
    return words % {"what": _capped(who), "number": number, "days": days}


def _of_discounts(limit: str, days: str, until: str) -> str:
    """Return how many discounts a member is given at most, and from when on it may be given one more."""
    words = ngettext(
        "discounts, at most %(limit)s in %(days)s day: again from %(day)s on",
        "discounts, at most %(limit)s in %(days)s days: again from %(day)s on", int(days),
    )  # fmt: skip
    return words % {"limit": limit, "days": days, "day": date_format(date.fromisoformat(until))}


def _capped(who: str) -> str:
    """Return what a cap counts: everything, or a channel, a kind and a tag, each where it is said."""
    known: dict[str, Any] = {**dict(Channel.choices), **dict(MessageKind.choices), "any": _("messages")}
    found = []
    while who and (head := who.partition("_")[0]) in known:
        found.append(str(known[head]))
        who = who.removeprefix(head).removeprefix("_")
    return ", ".join([*found, *([who] if who else [])])
