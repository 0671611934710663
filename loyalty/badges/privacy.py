"""What badges hold on a person: progress, awards, and the names under which it is on leaderboards."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.badges.models import BoardScore, ChallengeAward, MemberProgress, Participation, PastWindow

OF_AWARD = ("number", "level", "wallet", "points", "window", "occurred_at", "ended_at", "end_reason")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return a person's awards, what counts for it, and where it takes part under which name."""
    awards = _of(ChallengeAward, person).select_related("challenge", "badge", "program")
    progress = _of(MemberProgress, person).select_related("program").order_by("membership")
    past, parts, scores = (_of(model, person).order_by("pk") for model in (PastWindow, Participation, BoardScore))
    return [
        Section("awards", _("Challenges that you met, and badges"), [_award(each) for each in awards.order_by("pk")]),
        Section("progress", _("What counts in challenges now"), [_progress(each) for each in progress]),
        Section("past_progress", _("What counted in challenges before"), past.values("window", "last_day", "state")),
        Section("participations", _("Where you take part"), parts.values("name", "pseudonym", "joined_at")),
        Section("scores", _("Your scores on leaderboards"), scores.values("name", "window", "score", "reached_at")),
    ]


def _of(model: Any, person: Person) -> Any:
    return model.objects.filter(membership__customer__in=person.ids)


def _award(each: ChallengeAward) -> dict[str, Any]:
    named = {"program": each.program.slug, "challenge": str(each.challenge), "badge": str(each.badge or "")}
    return named | {name: getattr(each, name) for name in OF_AWARD}


def _progress(each: MemberProgress) -> dict[str, Any]:
    return {"program": each.program.slug, "state": each.state}


def erase(person: Person, _now: datetime) -> None:
    """Take a person off leaderboards; what was awarded stays in the books."""
    for model in (Participation, BoardScore):
        _of(model, person).delete()


PART = Part(
    "badges",
    (
        "badges_memberprogress", "badges_pastwindow", "badges_challengeaward", "badges_participation",
        "badges_boardscore",
    ),
    holds=holds,
    erase=erase,
)  # fmt: skip
