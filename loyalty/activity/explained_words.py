"""What entries say of moves and of rules, in the reader's language, and of one point in the singular."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """
    What entries say of moves and of rules, in one language.

    :param said: by the word in an explanation that tells it; those that count something are told in its number
    """

    language: str | None
    said: Mapping[str, Any]


# What an entry says of a move, by the word in its explanation that tells it.
MOVED = {
    "kept_now": (
        ngettext_lazy(
            "Order %(order)s keeps %(kept_now)s of %(kept_before)s point",
            "Order %(order)s keeps %(kept_now)s of %(kept_before)s points",
            "kept_before",
        )
    ),
    "verified_by": _("Order %(verified_by)s was told after it: the product had been bought"),
    "kept": _("Points that would end without it live on"),
    "merged": _("Two customers turned out to be one"),
    "gifts_back": (
        ngettext_lazy(
            "A return undid the entry for which it was given: %(points)s point taken back",
            "A return undid the entry for which it was given: %(points)s points taken back",
            "points",
        )
    ),
    "interaction_back": (
        ngettext_lazy(
            "The product was returned: %(points)s point taken back",
            "The product was returned: %(points)s points taken back",
            "points",
        )
    ),
    "refused": (
        ngettext_lazy(
            "Refused: %(points)s point cancelled",
            "Refused: %(points)s points cancelled",
            "points",
        )
    ),
    "grant_back": (
        ngettext_lazy(
            "A reward of %(grant_back)s point was taken back: what it was given for is no more",
            "A reward of %(grant_back)s points was taken back: what it was given for is no more",
            "grant_back",
        )
    ),
    "challenge_undone": (
        ngettext_lazy(
            "A return undid the challenge “%(challenge_undone)s”: %(points)s point taken back",
            "A return undid the challenge “%(challenge_undone)s”: %(points)s points taken back",
            "points",
        )
    ),
    "repaid": (
        ngettext_lazy(
            "%(repaid)s point repaid, %(still_owed)s still owed",
            "%(repaid)s points repaid, %(still_owed)s still owed",
            "repaid",
        )
    ),
    "settled": (
        ngettext_lazy(
            "%(settled)s point settled what earlier returns could not take",
            "%(settled)s points settled what earlier returns could not take",
            "settled",
        )
    ),
    "replaced": (
        ngettext_lazy(
            "%(replaced)s point that came back replaced what a return had taken in its place",
            "%(replaced)s points that came back replaced what a return had taken in their place",
            "replaced",
        )
    ),
}


# And what a return found not to be there.
LACKED = {
    "shortfall": (
        ngettext_lazy(
            "%(shortfall)s point was spent already, and is not asked for",
            "%(shortfall)s points were spent already, and are not asked for",
            "shortfall",
        )
    ),
    "owed": (
        ngettext_lazy(
            "%(owed)s point was spent already: what is earned next repays it first",
            "%(owed)s points were spent already: what is earned next repays them first",
            "owed",
        )
    ),
}
# And what it says where another word stands beside it, or none does; and of what a rule gave.
BESIDES = {
    "rule": (
        ngettext_lazy(
            "%(rule)s: %(points)s point for %(basis)s × %(multiplier)s",
            "%(rule)s: %(points)s points for %(basis)s × %(multiplier)s",
            "points",
        )
    ),
    "dropped": _("(rounded down by %(dropped)s)"),
    "capped": (
        ngettext_lazy(
            "(%(capped)s more was cut by the rule’s own limit)",
            "(%(capped)s more were cut by the rule’s own limit)",
            "capped",
        )
    ),
    "beaten": _("(the best of its group; not given: %(beaten)s)"),
    "correction": _("Order %(order)s was corrected (version %(correction)s)"),
    "anew": (
        ngettext_lazy(
            "Order %(order)s was corrected (version %(correction)s): its %(points)s point is counted anew",
            "Order %(order)s was corrected (version %(correction)s): its %(points)s points are counted anew",
            "points",
        )
    ),
    "restored": (
        ngettext_lazy(
            "%(restored)s point came back, %(expired)s of them expired meanwhile",
            "%(restored)s points came back, %(expired)s of them expired meanwhile",
            "restored",
        )
    ),
    "reason": _("%(reason)s (by %(author)s)"),
}
# Those that say of something how much it is: in the singular of one, and so not in one form.
COUNTED = frozenset(
    (
        "kept_now", "gifts_back", "interaction_back", "refused", "grant_back", "challenge_undone", "repaid", "settled",
        "replaced", "shortfall", "owed", "rule", "capped", "anew", "restored",
    )
)  # fmt: skip


def readers_words() -> Words:
    """Return what entries say in the reader's language."""
    return _words(get_language())


@lru_cache(maxsize=8)
def _words(language: str | None) -> Words:
    every = MOVED | LACKED | BESIDES
    return Words(language, {word: said if word in COUNTED else str(said) for word, said in every.items()})
