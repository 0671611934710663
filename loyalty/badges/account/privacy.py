"""What badges hold on a person: awards, progress, places on leaderboards, prizes and surprises."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.privacy import Part, Person, Section
from loyalty.badges.models import (
    BoardScore,
    ChallengeAward,
    ContestPrize,
    GivenBadge,
    MemberProgress,
    Participation,
    PastWindow,
    SurpriseTicket,
)

OF_AWARD = (
    "challenge__code", "badge__code", "window", "number", "level", "wallet", "points", "cause", "occurred_at", "ended_at",
    "end_reason",
)  # fmt: skip
OF_GIVEN = ("badge__code", "given_at", "reason", "taken_at", "taken_reason")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return what a person was given for challenges, what counts for it, and under which names it is on leaderboards."""
    progress = [*_of(MemberProgress, person, "state", key="membership"), *_of(PastWindow, person, "window", "state")]
    return [
        Section("awards", _("Your awards"), _of(ChallengeAward, person, *OF_AWARD)),
        Section("given_badges", _("Badges that the shop gave you"), _of(GivenBadge, person, *OF_GIVEN)),
        Section("progress", _("What counts for your challenges"), progress),
        Section("participations", _("What you take part in"), _of(Participation, person, "pseudonym", "joined_at")),
        Section("scores", _("Your scores on leaderboards"), _of(BoardScore, person, "window", "score", "reached_at")),
        Section("prizes", _("Prizes that you won"), _of(ContestPrize, person, "rank", "score", "points")),
        Section(
            "lots", _("Draws in which you were a candidate"),
            _of(SurpriseTicket, person, "surprise__code", "place", "is_drawn", "given_at", "missed_at", "missed_because"),
        ),
    ]  # fmt: skip


def _of(model: Any, person: Person, *names: str, key: str = "pk") -> list[dict[str, Any]]:
    return list(model.objects.filter(membership__customer__in=person.ids).order_by(key).values(*names))


# A board is what one is on under a name; what a challenge counts since one joined it stays, so that returns take it back.
OFF_BOARDS = """
UPDATE badges_memberprogress b SET state = jsonb_set(b.state, '{j}', (b.state->'j') - p.names)
FROM (
    SELECT p.membership_id, array_agg(p.name::text) AS names FROM badges_participation p
    JOIN memberships_membership m ON m.id = p.membership_id WHERE m.customer_id = ANY(%s) AND p.pseudonym <> '' GROUP BY 1
) p WHERE b.membership_id = p.membership_id AND b.state ? 'j'
"""


def erase(person: Person, _now: datetime) -> None:
    """Take a person off leaderboards, for good; awards and prizes stay in the books, on nobody."""
    bulk.execute(OFF_BOARDS, [list(person.ids)])
    Participation.objects.filter(membership__customer__in=person.ids).delete()
    BoardScore.objects.filter(membership__customer__in=person.ids).delete()
    SurpriseTicket.objects.filter(membership__customer__in=person.ids).update(number="")
    GivenBadge.objects.filter(membership__customer__in=person.ids).update(reason="", taken_reason="")


PART = Part(
    "badges",
    (
        "badges_challengeaward", "badges_memberprogress", "badges_pastwindow", "badges_participation", "badges_boardscore",
        "badges_contestprize", "badges_surpriseticket", "badges_givenbadge",
    ),
    holds=holds,
    erase=erase,
)  # fmt: skip
