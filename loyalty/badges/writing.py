"""The only writer of members' progress, awards, participations and scores."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.badges.models import BoardScore, ChallengeAward, MemberProgress, Participation, PastWindow
from loyalty.badges.models.offer import KEPT_DAYS
from loyalty.badges.reading import last_day_of, read_progress, state_said, written, written_progress
from loyalty.badges.state import (
    BADGES,
    AwardEnded,
    AwardGiven,
    AwardsEnded,
    AwardsMoved,
    AwardWorth,
    BadgeState,
    BoardLeft,
    Joined,
    Place,
    Progress,
    ScoreChanged,
)
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member

AWARD = (
    "id", "retailer_id", "program_id", "membership_id", "challenge_id", "badge_id", "name", "badge_key", "window_name", "number",
    "level", "wallet", "points", "comes_back", "cause", "occurred_at", "recorded_at", "ended_at", "end_reason", "end_cause",
    "missing", "badge_from",
)  # fmt: skip
END = """
UPDATE badges_challengeaward a SET ended_at = d.ended_at, end_reason = d.reason, end_cause = d.cause, points = d.points,
    missing = d.missing
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS ended_at, unnest(%b::text[]) AS reason,
    unnest(%b::text[]) AS cause, unnest(%b::bigint[]) AS points, unnest(%b::bigint[]) AS missing) d WHERE a.id = d.id
"""
END_ALL = """
UPDATE badges_challengeaward SET ended_at = %s, end_reason = %s, end_cause = %s WHERE membership_id = %s AND ended_at IS NULL
"""
OFF_BOARDS = "DELETE FROM badges_boardscore WHERE membership_id = %s"
OFF_BOARD = "DELETE FROM {table} WHERE membership_id = %s AND name = %s"
NO_PART = "DELETE FROM badges_participation WHERE membership_id = %s"
MOVE = """
UPDATE badges_challengeaward a SET membership_id = n.target, number = a.number + coalesce((
    SELECT CASE WHEN d.most > 0 THEN (max(o.number) + d.most - 1) / d.most * d.most ELSE max(o.number) END
    FROM badges_challengeaward o
    WHERE o.membership_id = n.target AND o.ended_at IS NULL AND o.name = a.name AND o.window_name = a.window_name), 0)
FROM (SELECT %s::uuid AS source, %s::uuid AS target) n
JOIN badges_challengeaward x ON x.membership_id = n.source AND x.ended_at IS NULL
LEFT JOIN (SELECT unnest(%b::text[]) AS name, unnest(%b::bigint[]) AS most) d ON d.name = x.name
WHERE x.id = a.id
"""
WORTH = """
UPDATE badges_challengeaward a SET points = d.points, badge_from = d.badge_from
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS points, unnest(%b::uuid[]) AS badge_from) d WHERE a.id = d.id
"""
MOVE_PART = """
UPDATE badges_participation p SET membership_id = %s WHERE p.membership_id = %s AND NOT EXISTS (
    SELECT 1 FROM badges_participation o WHERE o.membership_id = %s AND o.name = p.name)
"""
REPLACE_PROGRESS = "ON CONFLICT (membership_id) DO UPDATE SET state = excluded.state"
REPLACE_PAST = "ON CONFLICT (membership_id, name, window_name) DO UPDATE SET state = excluded.state"
REPLACE_PART = "ON CONFLICT (membership_id, name) DO UPDATE SET pseudonym = excluded.pseudonym"
REPLACE_SCORE = """
ON CONFLICT (membership_id, name, window_name) DO UPDATE SET score = excluded.score, reached_at = excluded.reached_at
"""
UNFOLD = """
DELETE FROM badges_pastwindow WHERE membership_id = ANY(%s) RETURNING membership_id, name, window_name, state
"""


def write_first(effects: Iterable[Effect]) -> None:
    """Write what touches rows that a batch may also insert: the end of a membership, and its going over to another one."""
    for effect in effects:
        if isinstance(effect, AwardsEnded):
            bulk.execute(END_ALL, [effect.occurred_at, effect.reason, effect.reason, effect.membership_id])
            bulk.execute(OFF_BOARDS, [effect.membership_id])
            bulk.execute(NO_PART, [effect.membership_id])
        elif isinstance(effect, BoardLeft):
            for table in ("badges_boardscore", "badges_participation"):
                bulk.execute(OFF_BOARD.format(table=table), [effect.membership_id, effect.name])
        elif isinstance(effect, AwardsMoved):
            _move(effect)


def _move(moved: AwardsMoved) -> None:
    source, target = moved.from_membership_id, moved.to_membership_id
    bulk.execute(MOVE, [source, target, list(moved.most), list(moved.most.values())])
    bulk.execute(MOVE_PART, [target, source, target])
    bulk.execute(NO_PART, [source])
    bulk.execute(OFF_BOARDS, [source])


def write(
    effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], *, now: datetime
) -> None:
    """Write effects in their order, and what has changed of members' progress."""
    if effects:
        _write_awards(effects, now)
        joined = [
            (each.retailer_id, each.program_id, each.membership_id, each.name, each.pseudonym, each.occurred_at)
            for each in effects
            if isinstance(each, Joined)
        ]
        columns = ("retailer_id", "program_id", "membership_id", "name", "pseudonym", "joined_at")
        bulk.insert(Participation, columns, joined, suffix=REPLACE_PART)
        _write_scores(effects)
    _write_progress(before, after, now)


def _write_awards(effects: Sequence[Effect], now: datetime) -> None:
    ended = {each.award_id: each for each in effects if isinstance(each, AwardEnded)}
    worth = {each.award_id: (each.points, each.badge_from) for each in effects if isinstance(each, AwardWorth)}
    rows = []
    for given in effects:
        if not isinstance(given, AwardGiven):
            continue
        award, end = given.award, ended.pop(given.award.id, None)
        points, badge_from = worth.pop(award.id, (award.points, award.badge_from))
        points = end.points if end else points
        rows.append((
            award.id, given.retailer_id, given.program_id, given.membership_id, given.challenge_id, given.badge_id,
            award.place.name, award.badge_key, award.place.window, award.number, given.level, award.wallet, points,
            award.comes_back, given.cause, given.occurred_at, now, end.occurred_at if end else None,
            end.reason if end else "", end.cause if end else "", end.missing if end else 0, badge_from,
        ))  # fmt: skip
    bulk.insert(ChallengeAward, AWARD, rows)
    if worth:
        bulk.execute(WORTH, bulk.columns_of([(award_id, *carries) for award_id, carries in worth.items()]))
    if ended:
        ends = [
            (end.award_id, end.occurred_at, end.reason, end.cause, end.points, end.missing) for end in ended.values()
        ]
        bulk.execute(END, bulk.columns_of(ends))


def _write_scores(effects: Sequence[Effect]) -> None:
    last = {(each.membership_id, each.place): each for each in effects if isinstance(each, ScoreChanged)}
    rows = [
        (each.retailer_id, each.program_id, each.membership_id, *each.place, each.score, each.at)
        for each in last.values()
    ]
    columns = ("retailer_id", "program_id", "membership_id", "name", "window_name", "score", "reached_at")
    bulk.insert(BoardScore, columns, rows, suffix=REPLACE_SCORE)


def _write_progress(before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime) -> None:
    horizon = now.date() - timedelta(days=KEPT_DAYS)
    rows: list[tuple[Any, ...]] = []
    past: list[tuple[Any, ...]] = []
    for key, member in after.items():
        if not member.has(BADGES):
            continue
        state, had = member.of(BADGES), before[key].of(BADGES)
        if state is had:
            continue
        ended = _ended(state, horizon)
        if ended or state.archived_before:
            past += [(member.retailer_id, key, *row) for row in _archived(state, had, ended)]
        if ended:
            state = replace(state, archived_before=max(horizon.isoformat(), state.archived_before))
            kept = {place: known for place, known in state.windows.items() if place not in ended}
        else:
            kept = dict(state.windows)
        rows.append((key, member.retailer_id, member.program_id, written(state, kept)))
    bulk.insert(MemberProgress, ("membership_id", "retailer_id", "program_id", "state"), rows, suffix=REPLACE_PROGRESS)
    columns = ("retailer_id", "membership_id", "name", "window_name", "last_day", "state")
    bulk.insert(PastWindow, columns, past, suffix=REPLACE_PAST)


def _ended(state: BadgeState, horizon: date) -> set[Place]:
    """Return the windows that ended so long ago that they are kept apart."""
    return {place for place in state.windows if (last := last_day_of(place)) is not None and last < horizon}


def _archived(state: BadgeState, had: BadgeState, ended: set[Place]) -> Iterable[tuple[str, str, date, str]]:
    """Yield what is written of past windows: those that are moved there, and those that were there and have changed."""
    for place in ended:
        last, known = last_day_of(place), state.windows[place]
        assert last is not None, "it has ended"
        was_there = bool(had.archived_before) and last.isoformat() < had.archived_before
        if not was_there or had.windows.get(place) is not known:
            yield *place, last, json.dumps(written_progress(known), separators=(",", ":"))
    for place in had.windows.keys() - state.windows.keys():
        last = last_day_of(place)
        if last is not None and had.archived_before and last.isoformat() < had.archived_before:
            yield *place, last, "[]"  # nothing of it is left


def unfold(membership_ids: Iterable[UUID]) -> None:
    """Put past windows back to where they are read with their members, who are locked: before two of them become one."""
    found: dict[UUID, dict[Place, Progress]] = {}
    for key, name, window, state in bulk.fetch(UNFOLD, [list(membership_ids)]):
        said = json.loads(state) if isinstance(state, str) else state
        if said:
            found.setdefault(key, {})[Place(name, window)] = read_progress(said)
    for row in MemberProgress.objects.filter(pk__in=found):
        state = state_said(row.state)
        text = written(replace(state, archived_before=""), {**found[row.pk], **state.windows})
        row.state = json.loads(text)
        row.save(update_fields=["state"])
