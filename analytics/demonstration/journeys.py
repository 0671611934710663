"""The demo's journeys through the year: a win-back with a hold-out, and points that expire. Members read them in their inbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.demonstration.halving import AUTHOR, Halves, start_halves
from analytics.experiments.looking import latest, look
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.journeys.nights import find_due
from loyalty.campaigns.messages.sending import send
from loyalty.campaigns.models import Campaign, Entry, Message
from loyalty.campaigns.publishing.documents import apply_document
from loyalty.campaigns.publishing.managing import publish
from loyalty.campaigns.publishing.ready_made import ready_made_named
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end_due
from loyalty.programs.models import Program

WIN_BACK, EXPIRING = "win-back", "points-expiring"
HOLD_OUT, NAME = "win-back-hold-out", "Does the win-back win anybody back?"
HALVES = Halves(HOLD_OUT, NAME, "nothing", "message", 56, 300, "The grocer's first year: nothing is known yet.")
# The year is lived by half months: what came up in one is found, and said, at its end.
HALF_MONTH = 17


@dataclass(frozen=True)
class Told:
    """What the journeys came to. :param held_out: entries of who gets nothing"""

    messages: int
    entries: int
    held_out: int


def act(club: Program, half_month: int, now: datetime) -> None:
    """
    Let campaigns find members, take their steps and say what is due; the first time, begin them.

    :param half_month: how many half months of the demo there were before
    """
    if half_month == 0 and not Campaign.objects.filter(retailer=club.retailer, code=WIN_BACK).exists():
        _begin(club, now)
    find_due(club.retailer, now=now)
    while advance_due(club.retailer, now=now):
        pass
    while send(club.retailer, clock=lambda: now, look_again=look_again):
        pass


def look_once(club: Program, *, now: datetime) -> None:
    """Look at what the win-back did, unless somebody has."""
    end_due(club.retailer, now=now)
    held = (
        Experiment.objects.select_related("retailer", "program").filter(retailer=club.retailer, code=HOLD_OUT).first()
    )
    if held is not None and latest(held) is None:
        look(held, author=AUTHOR, now=now)


def told(club: Program) -> Told:
    """Return what the journeys came to so far."""
    entries = Entry.objects.filter(retailer=club.retailer)
    sent = Message.objects.filter(retailer=club.retailer, state=Message.State.DELIVERED)
    return Told(sent.count(), entries.count(), entries.filter(is_held_out=True).count())


def _begin(club: Program, now: datetime) -> None:
    start_halves(club, HALVES, now=now)
    for name, more in ((WIN_BACK, {"experiment": HOLD_OUT}), (EXPIRING, {})):
        draft = apply_document(club.retailer, _document(club, name) | more, now=now)
        publish(draft, author=AUTHOR, now=now)


def _document(club: Program, name: str) -> dict[str, Any]:
    """Return a ready-made journey that may be late by a half month."""
    found = ready_made_named(name).document(club)
    steps = [each | {"expires_after": f"P{HALF_MONTH}D"} if each.get("channels") else each for each in found["steps"]]
    return found | {"steps": steps, "late_up_to_days": HALF_MONTH}
