"""
Who is where on a leaderboard: reads only, by the index of scores, whatever the number of members.

Who is held out of it stands on none, and in nobody's way: it is ranked without that one. Of a window that is over, who is held
out is asked at its end, by whom a contest's prizes are given, too: what it shows is what is paid.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import day_after, midnight
from customers.core.values import dataclass
from loyalty.activity.arms import IN_ONE, named_arms, withheld_arms
from loyalty.badges.rules import BoardRule
from loyalty.badges.state import GAME
from loyalty.badges.windows import days_of
from loyalty.engine.versions import Versions

SHOWN, MAX_SHOWN = 20, 100
MAX_RANK = 10_000  # so many scores are looked at to find somebody's rank; who is behind them reads that it is
TOP = """
SELECT s.membership_id, s.score, s.reached_at, (SELECT pseudonym FROM badges_participation p
    WHERE p.membership_id = s.membership_id AND p.name = s.name)
FROM badges_boardscore s WHERE s.program_id = %(program)s AND s.name = %(name)s AND s.window_name = %(window)s
    AND s.score > 0{among}
ORDER BY s.score DESC, s.reached_at, s.membership_id LIMIT %(limit)s
"""
OWN = """
SELECT s.membership_id, s.score, s.reached_at, p.pseudonym FROM badges_participation p LEFT JOIN badges_boardscore s
    ON s.membership_id = p.membership_id AND s.name = p.name AND s.window_name = %(window)s
WHERE p.membership_id = %(member)s AND p.name = %(name)s
"""
BETTER = """
SELECT count(*) FROM (
    SELECT 1 FROM badges_boardscore s WHERE s.program_id = %(program)s AND s.name = %(name)s AND s.window_name = %(window)s
        AND s.score > %(score)s{among} LIMIT %(limit)s
) better
"""
MOMENT = timedelta(microseconds=1)


def ends_at(window: str, zone: ZoneInfo) -> datetime | None:
    """Return the last instant of a window, at which it is asked how things were in it; None for no end, and the calendar's."""
    last = days_of(window)[1]
    return None if last is None or last == date.max else midnight(day_after(last), zone) - MOMENT


def rule_at(versions: Versions, name: str, at: datetime) -> BoardRule | None:
    """Return a leaderboard as it was at an instant, or as the last version before had it; None where none has it."""
    known = versions.whole or versions  # the arms of who asks hide it from nobody else
    begun = [each for start, each in zip(known.starts, known.versions, strict=True) if start <= at]
    for version in reversed(begun or list(known.versions[:1])):
        rule = version.of(GAME).by_name.get(name)
        if isinstance(rule, BoardRule):
            return rule
    return None


@dataclass(frozen=True, slots=True)
class Among:
    """
    Who is ranked on a leaderboard: all who joined it, but for those whom experiments hold out of it.

    :param without: the arms whose members get nothing extra
    :param only: the arms for which it holds; None for all
    """

    without: Sequence[str] = ()
    only: Sequence[str] | None = None

    @classmethod
    def at(cls, rule: BoardRule, versions: Versions, at: datetime) -> "Among":
        """Return who is ranked at an instant."""
        return cls(withheld_arms(versions, at=at), None if rule.arms is None else named_arms(rule.arms))

    @classmethod
    def of(cls, rule: BoardRule, versions: Versions, window: str, *, now: datetime) -> "Among":
        """Return who is ranked in a window: as things are now, or were when it ended."""
        version = versions.at(now)
        at = ends_at(window, version.zone if version is not None else ZoneInfo("UTC"))
        if at is None or at >= now:
            return cls.at(rule, versions, now)
        return cls.at(rule_at(versions, rule.name, at) or rule, versions, at)

    @property
    def condition(self) -> str:
        """Return what is asked of each score besides; nothing where no experiment divides who is ranked."""
        without = f" AND NOT {IN_ONE.format(membership='s.membership_id', arms='without')}" if self.without else ""
        only = f" AND {IN_ONE.format(membership='s.membership_id', arms='only')}" if self.only is not None else ""
        return without + only

    @property
    def parameters(self) -> dict[str, object]:
        return {"without": list(self.without), "only": list(self.only or ())}


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


def standings(  # noqa: PLR0913 - of what, among whom, and for whom
    rule: BoardRule, program_id: int, window: str, among: Among, *, member: UUID | None = None, limit: int = SHOWN
) -> Standings:  # fmt: skip
    """Return a leaderboard: ties share a rank, and who reached the score first is listed first."""
    given = {"program": program_id, "name": rule.name, "window": window} | among.parameters
    rows = bulk.fetch(TOP.format(among=among.condition), {**given, "limit": limit})
    lines = ranked(rows, member)
    mine = next((line for line in lines if line.is_me), None)
    if mine is None and member is not None:
        mine = _mine(given, member, among)
    return Standings(rule, window, *days_of(window), lines, mine)


def ranked(rows: Sequence[tuple[UUID, int, datetime, str]], member: UUID | None) -> tuple[Line, ...]:
    """Return scores in their order as lines: who have the same score share a rank."""
    lines: list[Line] = []
    for place, (key, score, reached, shown) in enumerate(rows, start=1):
        rank = lines[-1].rank if lines and lines[-1].score == score else place
        lines.append(Line(rank, shown or "", score, reached, key, key == member))
    return tuple(lines)


def standing_of(rule: BoardRule, program_id: int, window: str, member: UUID, among: Among) -> Line | None:
    """Return the line of a member who is ranked; None for who has not joined."""
    given = {"program": program_id, "name": rule.name, "window": window} | among.parameters
    return _mine(given, member, among)


def _mine(given: dict[str, object], member: UUID, among: Among) -> Line | None:
    found = bulk.fetch(OWN, {"window": given["window"], "name": given["name"], "member": member})
    if not found:
        return None
    _, score, reached, shown = found[0]
    if not score:
        return Line(None, shown, 0, reached, member, is_me=True)
    asked = {**given, "score": score, "limit": MAX_RANK}
    ((better,),) = bulk.fetch(BETTER.format(among=among.condition), asked)
    return Line(better + 1 if better < MAX_RANK else None, shown, score, reached, member, is_me=True)
