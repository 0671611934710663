"""A member's progress as its row says it, and as it is written there."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from loyalty.badges.state import BadgeState, Place, Progress
from loyalty.badges.windows import days_of


def read_state(text: str | None) -> BadgeState:
    """Return a member's progress from its row's JSON; None where it has none yet."""
    return state_said({} if text is None else json.loads(text))


def state_said(said: Mapping[str, Any]) -> BadgeState:
    """Return a member's progress from what its row says."""
    return BadgeState(
        windows={Place(name, window): read_progress(known) for name, window, *known in said.get("w", ())},
        joined={name: datetime.fromisoformat(at) for name, at in said.get("j", {}).items()},
        badges=said.get("b", {}),
        missing=said.get("m", {}),
        archived_before=said.get("a", ""),
    )


def read_progress(said: Iterable[Any]) -> Progress:
    given, tallies, at, *instants = said
    return Progress(given, tuple(tallies), at, *instants)


def written(state: BadgeState, windows: Mapping[Place, Progress]) -> str:
    """
    Return a member's progress as its row's JSON.

    :param windows: those of the state that are kept there
    """
    said: dict[str, Any] = {"w": [[*place, *written_progress(known)] for place, known in windows.items()]}
    if state.joined:
        said["j"] = {name: at.isoformat() for name, at in state.joined.items()}
    further = {"b": state.badges, "m": state.missing, "a": state.archived_before}
    said |= {word: value for word, value in further.items() if value}
    return json.dumps(said, separators=(",", ":"))


def written_progress(known: Progress) -> list[Any]:
    said = [known.given, known.tallies, known.at]
    return [*said, known.instants] if known.instants else said


def last_day_of(place: Place) -> date | None:
    """Return the last day of a place's window; None where it never ends."""
    return days_of(place.window)[1]
