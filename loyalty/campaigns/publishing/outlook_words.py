"""What is known of a campaign before something is done with it, in words, line by line: for the admin and the command line."""

from collections.abc import Iterator

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from loyalty.campaigns.publishing.audience import Audience
from loyalty.campaigns.publishing.moving import Moves
from loyalty.campaigns.publishing.starting import MIN_PER_ARM, Outlook

REASON_WORDS = {
    "no_consent": gettext_lazy("did not agree to it"),
    "no_profiling": gettext_lazy("did not agree to offers based on a profile"),
    "no_channel": gettext_lazy("have no address that it could go to"),
    "no_offer": gettext_lazy("get no offer, and without it nothing is said"),
    "active": gettext_lazy("are in it already"),
    "again_after": gettext_lazy("were in it not long enough ago"),
    "gone": gettext_lazy("were merged or erased"),
}

# What becomes of those who are on an earlier version: of one, and of several.
AT_ONCE = ngettext_lazy(
    "%(number)s of them is to hear its next message now: the time that it waits is over.",
    "%(number)s of them are to hear its next message now: the time that it waits is over.",
    "count",
)
COMPLETED = ngettext_lazy(
    "%(number)s of them has had all that it says, and is through.",
    "%(number)s of them have had all that it says, and are through.",
    "count",
)
STAY = ngettext_lazy(
    "%(number)s stays on its version: what began it is something else.",
    "%(number)s stay on their version: what began it is something else.",
    "count",
)


def lines_of(outlook: Outlook) -> Iterator[str]:
    """Yield what is known of a campaign before it starts."""
    audience = outlook.audience
    if audience.is_by_fact:
        words = _("Nobody is looked for: what members do begins it, and %(number)s did it in the last month.")
        yield words % {"number": number_format(audience.in_a_month or 0)}
    else:
        yield from _of_today(audience)
    yield from _of_experiment(outlook)


def _of_today(audience: Audience) -> Iterator[str]:
    found = ngettext("Today it finds %(found)s member.", "Today it finds %(found)s members.", audience.found)
    enters = ngettext("%(enters)s enters.", "%(enters)s enter.", audience.enters)
    numbers = {"found": number_format(audience.found), "enters": number_format(audience.enters)}
    yield f"{found} {enters}" % numbers
    for reason, number in audience.not_entered.items():
        yield _("Do not enter, as they %(why)s: %(number)s.") % _because(reason, number)
    for reason, number in audience.unreachable.items():
        yield _("Enter and cannot be reached now, as they %(why)s: %(number)s.") % _because(reason, number)
    if audience.held_out:
        words = ngettext(
            "%(number)s is held out and gets nothing, so that the difference can be measured.",
            "%(number)s are held out and get nothing, so that the difference can be measured.",
            audience.held_out,
        )
        yield words % {"number": number_format(audience.held_out)}
    words = ngettext("%(number)s gets the first message.", "%(number)s get the first message.", audience.reached)
    yield words % {"number": number_format(audience.reached)}
    if audience.in_a_month is not None:
        yield _("In a month it finds about %(number)s.") % {"number": number_format(audience.in_a_month)}
    if audience.counted < audience.found:
        words = ngettext(
            "These numbers are estimated: %(number)s of those found was looked at.",
            "These numbers are estimated: %(number)s of those found were looked at.",
            audience.counted,
        )
        yield words % {"number": number_format(audience.counted)}


def _because(reason: str, number: int) -> dict[str, str]:
    return {"number": number_format(number), "why": str(REASON_WORDS.get(reason, reason))}


def _of_experiment(outlook: Outlook) -> Iterator[str]:
    if outlook.effect is None:
        yield _("Nobody is held out of it, so nobody will know what it did: an experiment on it would say.")
        return
    for arm in outlook.audience.arms:
        words = _("“%(name)s” gets nothing: %(number)s.") if arm.is_control else _("“%(name)s” gets it: %(number)s.")
        yield words % {"name": arm.name, "number": number_format(arm.customers)}
    if "reason" in outlook.effect:
        yield str(outlook.effect["words"])
    else:
        yield _("The smallest effect that this can show is %(effect)s a customer in %(days)s days.") % {
            "effect": outlook.effect["words"], "days": outlook.effect["window_days"]
        }  # fmt: skip
    if outlook.needs_confirmation:
        words = _("The smallest variant has fewer than %(least)s customers: nobody learns anything from so few.")
        yield words % {"least": MIN_PER_ARM}


def moves_in_words(moves: Moves) -> list[str]:
    """Return what becomes of those who are on earlier versions."""
    if not moves.moved and not moves.stay:
        return [_("Nobody is in it on an earlier version.")]
    found = [
        ngettext(
            "%(number)s member goes on with version %(version)s.", "%(number)s members go on with version %(version)s.",
            moves.moved,
        ) % {"number": number_format(moves.moved), "version": moves.version}
    ]  # fmt: skip
    for number, words in (
        (moves.at_once, AT_ONCE),
        (moves.completed, COMPLETED),
        (moves.stay, STAY),
    ):
        if number:
            found.append(words % {"number": number_format(number), "count": number})
    return found
