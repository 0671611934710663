"""Builders of programs with challenges, and of what their members do."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from customers.facts import InteractionFact
from customers.models import Retailer
from loyalty.activity.intake import Answer, take_interactions
from loyalty.badges.models import Badge, Board, Challenge, ChallengeAward, MemberProgress, PastWindow
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion
from tests import make


def add(
    draft: ProgramVersion,
    *challenges: dict[str, Any],
    badges: Sequence[dict[str, Any]] = (),
    boards: Sequence[dict[str, Any]] = (),
) -> None:
    """Add challenges, badges and boards to a draft."""
    for model, rows in ((Badge, badges), (Challenge, challenges), (Board, boards)):
        for place, row in enumerate(rows):
            given = {"code": f"{model.__name__.lower()}{place}", **row}
            if "target" in given:
                given["target"] = Decimal(given["target"])
            model._default_manager.create(version=draft, name=given["code"].title(), place=place, **given)


def program(
    *challenges: dict[str, Any],
    badges: Sequence[dict[str, Any]] = (),
    boards: Sequence[dict[str, Any]] = (),
    owner: Retailer | None = None,
    since: datetime = make.START,
    zone: str = "",
    **given: Any,
) -> Program:
    """Return a program in force with challenges."""
    draft = make.version(owner, zone=zone, **given)
    add(draft, *challenges, badges=badges, boards=boards)
    return make.published(draft, since=since)


def does(who: Membership, kind: str, at: datetime, **given: Any) -> Answer[InteractionFact]:
    """Let a member do something that is no purchase."""
    fact = InteractionFact(make.number("did"), who.customer.external_id, kind, at, **given)
    return take_interactions(who.program.retailer, [fact], now=at)[0]


def awards_of(who: Membership) -> list[tuple[str, str, int, int]]:
    """Return what a member has: challenge, window, number and points."""
    rows = ChallengeAward.objects.filter(membership=who, ended_at=None).order_by("challenge__code", "window", "number")
    return [(each.challenge.code, each.window, each.number, each.points) for each in rows.select_related("challenge")]


def progress_of(who: Membership) -> dict[str, Any]:
    """Return what counts for a member, as it is stored, but for when it changed."""
    row = MemberProgress.objects.filter(membership=who).first()
    codes = {each.key.hex: each.code for each in Challenge.objects.filter(version__program=who.program_id)}
    codes |= {each.key.hex: each.code for each in Board.objects.filter(version__program=who.program_id)}
    windows = row.state.get("w", []) if row else []
    return {f"{codes[name]} {window}".strip(): (given, tallies) for name, window, given, tallies, *_ in windows}


def all_of(who: Membership) -> dict[str, Any]:
    """Return what counts for a member, with what is kept apart of windows that ended long ago."""
    codes = {each.key.hex: each.code for each in Challenge.objects.filter(version__program=who.program_id)}
    past = {
        f"{codes[row.name]} {row.window}": (row.state[0], row.state[1])
        for row in PastWindow.objects.filter(membership=who)
        if row.state
    }
    return dict(sorted((past | progress_of(who)).items()))
