"""
Contests: a leaderboard with prizes is finished when its window has ended, once, by the scores of that moment.

Who is held out of it is asked at the end of its window, as the leaderboard does: an experiment that starts or ends before its
prizes are given changes nobody's rank.

What was told by then counts, also where it still waits to be decided, as what a file brings does: the contest waits for it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.activity.nightly import give_waiting
from loyalty.activity.versions import versions_of_program
from loyalty.badges.boards import Among, Line, ends_at, ranked, rule_at
from loyalty.badges.models import Board, ContestFinish, ContestPrize
from loyalty.badges.rules import BoardRule
from loyalty.badges.state import GAME
from loyalty.badges.windows import days_of
from loyalty.engine.versions import Versions
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.points import granting
from loyalty.points.state import CONTESTS, GrantAsked
from loyalty.programs.models import Program

UNFINISHED = """
SELECT s.name, s.window_name, count(*) FILTER (WHERE s.score > 0) FROM badges_boardscore s
WHERE s.program_id = %(program)s AND s.name = ANY(%(names)s) AND NOT EXISTS (
    SELECT 1 FROM badges_contestfinish f WHERE f.program_id = s.program_id AND f.name = s.name AND f.window_name = s.window_name)
GROUP BY 1, 2 ORDER BY 1, 2
"""
# What cannot be decided, and what waits behind it, holds up nobody's prizes.
WAITING = """
SELECT EXISTS (SELECT 1 FROM customers_undecidedfact u JOIN memberships_membership m ON m.customer_id = u.customer_id
    JOIN badges_participation p ON p.membership_id = m.id
    WHERE p.program_id = %(program)s AND p.name = %(name)s AND u.occurred_at <= %(now)s AND NOT EXISTS (
        SELECT 1 FROM customers_undecidedfact b WHERE b.customer_id = u.customer_id AND b.error <> ''))
"""
# Who have the last score that wins something all win it.
WINNERS = """
SELECT s.membership_id, s.score, s.reached_at, m.number FROM badges_boardscore s
JOIN memberships_membership m ON m.id = s.membership_id
WHERE s.program_id = %(program)s AND s.name = %(name)s AND s.window_name = %(window)s AND s.score > 0
    AND s.score >= coalesce((
    SELECT s.score FROM badges_boardscore s
    WHERE s.program_id = %(program)s AND s.name = %(name)s AND s.window_name = %(window)s AND s.score > 0{among}
    ORDER BY s.score DESC, s.reached_at, s.membership_id OFFSET %(last)s - 1 LIMIT 1), 0){among}
ORDER BY s.score DESC, s.reached_at, s.membership_id
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A window of a contest that has ended and is to be finished."""

    rule: BoardRule
    window: str
    members: int


def finish_contests(program: Program, *, now: datetime) -> int:
    """Finish every contest of a program whose window has ended, each in a transaction of its own; return how many."""
    versions = versions_of_program(program.pk)
    return sum(_finish(program, versions, each, now) for each in _ended(program, versions, now))


def _ended(program: Program, versions: Versions, now: datetime) -> Iterable[Ended]:
    contests = {rule.name for version in versions.versions for rule in version.of(GAME).boards if rule.prizes}
    if not contests:
        return
    today = local_date(now, program.tzinfo)
    rows = bulk.fetch(UNFINISHED, {"program": program.pk, "names": sorted(contests)})
    for name, window, members in rows:
        last, ended_at = days_of(window)[1], ends_at(window, program.tzinfo)
        rule = rule_at(versions, name, ended_at) if ended_at is not None else None
        if last is None or rule is None or not rule.prizes or last + timedelta(days=rule.settle_days) >= today:
            continue
        if not _is_waiting(program, name, now):
            yield Ended(rule, window, members)


def _is_waiting(program: Program, name: str, now: datetime) -> bool:
    """Tell whether something that was told of who takes part still waits to be decided."""
    ((found,),) = bulk.fetch(WAITING, {"program": program.pk, "name": name, "now": now})
    return bool(found)


class Winner(NamedTuple):
    """
    A member that won a prize.

    :param said: which contest, and with which rank, as grants and events say it
    """

    number: str
    line: Line
    points: int
    said: dict[str, object]

    @property
    def key(self) -> UUID:
        return self.line.membership_id


@transaction.atomic
def _finish(program: Program, versions: Versions, ended: Ended, now: datetime) -> int:
    rule = ended.rule
    board = Board.objects.get(pk=rule.id)
    finish, is_new = ContestFinish.objects.get_or_create(
        program=program, name=rule.name, window=ended.window,
        defaults={"retailer": program.retailer, "board": board, "members": ended.members, "finished_at": now},
    )  # fmt: skip
    if not is_new:  # somebody else was quicker
        return 0
    winners = _winners(program, versions, ended, now)
    _note(finish, winners)
    _ask(finish, board, winners, rule.wallet, now)
    publish([_event(program, each, now) for each in winners], now=now)
    give_waiting([each.key for each in winners], now=now)
    return 1


def _winners(program: Program, versions: Versions, ended: Ended, now: datetime) -> list[Winner]:
    """Return who wins what by the scores of now, the first rank first, among those whom the leaderboard shows."""
    rule, among = ended.rule, Among.of(ended.rule, versions, ended.window, now=now)
    of = {"program": program.pk, "name": rule.name, "window": ended.window, "last": rule.prizes[-1].last}
    rows = bulk.fetch(WINNERS.format(among=among.condition), of | among.parameters)
    numbers = {key: number for key, _score, _at, number in rows}
    lines = ranked([(key, score, at, "") for key, score, at, _number in rows], None)
    return [
        Winner(numbers[line.membership_id], line, points, _said(rule, ended, line))
        for line in lines
        if line.rank and (points := rule.prize_for(line.rank))
    ]


def _note(finish: ContestFinish, winners: Sequence[Winner]) -> None:
    columns = ("retailer_id", "finish_id", "membership_id", "rank", "score", "reached_at", "points")
    rows = [
        (finish.retailer_id, finish.pk, each.key, each.line.rank, each.line.score, each.line.reached_at, each.points)
        for each in winners
    ]
    bulk.insert(ContestPrize, columns, rows)


def _ask(finish: ContestFinish, board: Board, winners: Sequence[Winner], wallet: str, now: datetime) -> None:
    """Ask for the prizes: each is taken as its winner's own activity."""
    name = {"name": board.name, "name_fr": board.name_fr}
    cause = f"contest:{finish.pk}"
    asked = [
        GrantAsked(new_id(), finish.retailer_id, each.key, CONTESTS, wallet, each.points, cause, now, each.said | name)
        for each in winners
    ]
    granting.ask(asked, now=now)


def _event(program: Program, winner: Winner, now: datetime) -> NewEvent:
    said = {"program": program.slug, "member": winner.number, **winner.said, "points": winner.points}
    return NewEvent(program.retailer_id, "contest.won", winner.key, said, now)


def _said(rule: BoardRule, ended: Ended, line: Line) -> dict[str, object]:
    first, last = days_of(ended.window)
    return {
        "contest": rule.code, "rank": line.rank, "first_day": first.isoformat() if first else None,
        "last_day": last.isoformat() if last else None,
    }  # fmt: skip
