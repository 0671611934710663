"""Who is where on a leaderboard: reads only, by the index of scores, whatever the number of members."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.badges.rules import BoardRule
from loyalty.badges.windows import days_of

SHOWN, MAX_SHOWN = 20, 100
MAX_RANK = 10_000  # so many scores are looked at to find somebody's rank; who is behind them reads that it is
TOP = """
SELECT s.membership_id, s.score, s.reached_at, (SELECT pseudonym FROM badges_participation p
    WHERE p.membership_id = s.membership_id AND p.name = s.name)
FROM badges_boardscore s WHERE s.program_id = %(program)s AND s.name = %(name)s AND s.window_name = %(window)s AND s.score > 0
ORDER BY s.score DESC, s.reached_at, s.membership_id LIMIT %(limit)s
"""
OWN = """
SELECT s.membership_id, s.score, s.reached_at, p.pseudonym FROM badges_participation p LEFT JOIN badges_boardscore s
    ON s.membership_id = p.membership_id AND s.name = p.name AND s.window_name = %(window)s
WHERE p.membership_id = %(member)s AND p.name = %(name)s
"""
BETTER = """
SELECT count(*) FROM (
    SELECT 1 FROM badges_boardscore WHERE program_id = %(program)s AND name = %(name)s AND window_name = %(window)s
        AND score > %(score)s LIMIT %(limit)s
) better
"""
AHEAD = """
SELECT membership_id FROM badges_boardscore WHERE program_id = %(program)s AND name = %(name)s AND window_name = %(window)s
    AND score > %(score)s LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a leaderboard.

    :param rank: who have the same score have the same one; None for nobody knows how far down
    :param is_me: whether it is that of whoever asks
    """

    rank: int | None
    shown_as: str
    score: int
    reached_at: datetime | None
    membership_id: UUID
    is_me: bool = False


@dataclass(frozen=True, slots=True)
class Standings:
    """
    A leaderboard in one window: its first lines, and the one of whoever asks, if it is on it.

    :param last_day: of the window; None for no end
    """

    rule: BoardRule
    window: str
    first_day: date | None
    last_day: date | None
    lines: tuple[Line, ...]
    mine: Line | None = None


def standings(
    rule: BoardRule, program_id: int, window: str, *, member: UUID | None = None, limit: int = SHOWN
) -> Standings:
    """Return a leaderboard: ties share a rank, and who reached the score first is listed first."""
    given = {"program": program_id, "name": rule.name, "window": window}
    rows = bulk.fetch(TOP, {**given, "limit": limit})
    lines = ranked(rows, member)
    mine = next((line for line in lines if line.is_me), None)
    if mine is None and member is not None:
        mine = _mine(given, member)
    return Standings(rule, window, *days_of(window), lines, mine)


def ranked(rows: Sequence[tuple[UUID, int, datetime, str]], member: UUID | None) -> tuple[Line, ...]:
    """Return scores in their order as lines: who have the same score share a rank."""
    lines: list[Line] = []
    for place, (key, score, reached, shown) in enumerate(rows, start=1):
        rank = lines[-1].rank if lines and lines[-1].score == score else place
        lines.append(Line(rank, shown or "", score, reached, key, key == member))
    return tuple(lines)


def standing_of(rule: BoardRule, program_id: int, window: str, member: UUID) -> Line | None:
    """Return a member's own line; None for who has not joined."""
    return _mine({"program": program_id, "name": rule.name, "window": window}, member)


def ahead_of(line: Line, rule: BoardRule, program_id: int, window: str) -> list[UUID]:
    """Return who has a better score than the member of a line, of the first ones."""
    given = {"program": program_id, "name": rule.name, "window": window, "score": line.score, "limit": MAX_RANK}
    return [key for (key,) in bulk.fetch(AHEAD, given)]


def _mine(given: dict[str, object], member: UUID) -> Line | None:
    found = bulk.fetch(OWN, {"window": given["window"], "name": given["name"], "member": member})
    if not found:
        return None
    _, score, reached, shown = found[0]
    if not score:
        return Line(None, shown, 0, reached, member, is_me=True)
    ((better,),) = bulk.fetch(BETTER, {**given, "score": score, "limit": MAX_RANK})
    return Line(better + 1 if better < MAX_RANK else None, shown, score, reached, member, is_me=True)
