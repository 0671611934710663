"""
How the driver looks at all members at once: by the ledger's own statements, sent together.

What a step changed is looked for with everybody. One statement after another would be most of what a long run does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from loyalty.activity.rewards.tills import BY_ID, read_voucher
from loyalty.badges.windows import days_of
from loyalty.plans.loading import read_state
from loyalty.plans.overview import STATE, state_at
from loyalty.points.statement import NOW, balance_of
from tests.properties.model.terms import Terms
from tests.properties.paying import Paying
from tests.properties.referring import referral_said

LOTS = NOW[True, True].replace("%(wallet)s", "mine.id")
POINTS = f"""
SELECT mine.membership_id, mine.code, mine.owed, open.* FROM points_wallet mine LEFT JOIN LATERAL ({LOTS}) open ON true
WHERE mine.membership_id = ANY(%(members)s)
"""
WAITING = """
SELECT EXISTS (SELECT 1 FROM points_grant g JOIN memberships_membership m ON m.id = g.membership_id
    WHERE m.program_id = %(program)s AND g.decided_at IS NULL)
"""
# The one that is live, or else the last one: of those that were refused each has its reason.
REFERRALS = """
SELECT DISTINCT ON (friend_id) friend_id, status, reason, round FROM referrals_referral WHERE friend_id = ANY(%(members)s)
ORDER BY friend_id, status = 'refused', id DESC
"""
AWARDS = """
SELECT a.membership_id, c.code, a.window_name, a.points FROM badges_challengeaward a
JOIN badges_challenge c ON c.id = a.challenge_id WHERE a.membership_id = ANY(%(members)s) AND a.ended_at IS NULL
"""
Row = tuple[Any, ...]


@dataclass
class Seen:
    """
    What all members have.

    :ivar waits: whether something waits for a member because of another one
    :ivar rewards: what a till is told of some
    """

    points: dict[tuple[str, str], tuple[int, int, int, int]] = field(default_factory=dict)
    referred: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    won: dict[str, list[tuple[str, date | None, int]]] = field(default_factory=dict)
    plans: dict[str, tuple[object, ...]] = field(default_factory=dict)
    rewards: dict[str, str] = field(default_factory=dict)
    waits: bool = False


class Looking(Paying):
    """Looks at one program, whether or not the night has been."""

    terms: Terms
    rewarded: dict[str, UUID]

    def look(self, names: Sequence[str], references: Iterable[str], now: datetime) -> Seen:
        """Return what members have, and what has become of rewards."""
        asked = {"members": [self.members[name].pk for name in names], "program": self.program.pk, "at": now}
        some = {reference: self.rewarded[reference] for reference in references}
        with_plans = names if self.terms.plans else ()
        points, waiting, referrals, awards, *others = fetch_together(
            (POINTS, asked),
            (WAITING, asked),
            (REFERRALS, asked),
            (AWARDS, asked),
            *((STATE, [self.members[name].pk]) for name in with_plans),
            *((BY_ID, {"id": pk, "retailer": self.retailer.pk, "now": now}) for pk in some.values()),
        )
        name_of = {self.members[name].pk: name for name in names}
        plans = dict(zip(with_plans, others, strict=False))
        vouchers = dict(zip(some, others[len(plans) :], strict=True))
        return Seen(
            self._points(points, name_of, now),
            dict.fromkeys(names, ("", "", 0)) | {name_of[key]: referral_said(*said) for key, *said in referrals},
            _awards(awards, name_of),
            {
                name: self.plan_said(state_at(read_state(row), self.members[name], self.versions, now))
                for name, (row,) in plans.items()
            },
            {reference: read_voucher(row, now).status for reference, (row,) in vouchers.items()},
            waiting[0][0],
        )

    def _points(
        self, rows: Iterable[Row], name_of: Mapping[UUID, str], now: datetime
    ) -> dict[tuple[str, str], tuple[int, int, int, int]]:
        lots: dict[tuple[str, str], list[Row]] = {}
        owed: dict[tuple[str, str], int] = {}
        for membership, code, owes, *lot in rows:
            key = name_of[membership], code
            owed[key] = owes
            lots.setdefault(key, []).extend([] if lot[1] is None else [tuple(lot)])  # that of who has none is all null
        found = {}
        for key, own in lots.items():
            has = balance_of(own, owed=owed[key], at=now, zone=self.program.tzinfo)
            found[key] = has.available, has.pending, has.held, has.owed
        return found


def _awards(rows: Iterable[Row], name_of: Mapping[UUID, str]) -> dict[str, list[tuple[str, date | None, int]]]:
    """Return the awards that members have: challenge, first day of its window, and points."""
    found: dict[str, list[tuple[str, date | None, int]]] = {name: [] for name in name_of.values()}
    for key, code, window, points in rows:
        found[name_of[key]].append((code, days_of(window)[0], points))
    return {name: sorted(own, key=repr) for name, own in found.items()}


def fetch_together(*asked: tuple[str, Any]) -> list[list[Row]]:
    """Return the rows of several statements that go to the database, and come back, together."""
    session = connection.connection
    assert isinstance(session, psycopg.Connection), "a life has a transaction"
    with session.pipeline():
        cursors = [psycopg.Cursor(session).execute(sql, given, binary=True) for sql, given in asked]
        return [cursor.fetchall() for cursor in cursors]
