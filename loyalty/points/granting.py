"""
Grants: points for a member because of something else, which wait for it in a queue of their own.

Whoever asks for one holds another member, or none; so no transaction locks two. Behind its member's lock each is decided
once, in the order of its time, however often it was asked for.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import GrantTakenBack, PointsGranted
from loyalty.points.models import Grant
from loyalty.points.state import GrantAsked, GrantDecided

COLUMNS = (
    "id", "retailer_id", "membership_id", "source", "wallet", "points", "cause", "said", "occurred_at", "pending_days",
    "version_id", "is_again", "takes_back_id", "asked_at", "reason",
)  # fmt: skip
SETTLE = """
UPDATE points_grant g SET decided_at = d.decided_at, given = d.given, reason = d.reason
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS decided_at, unnest(%b::bigint[]) AS given,
    unnest(%b::text[]) AS reason) d
WHERE g.id = d.id AND g.decided_at IS NULL
"""
# By which grants the same was given before: their causes differ in how often it was given. Of whom was merged, too.
BEFORE = """
CASE WHEN g.is_again THEN ARRAY(
    SELECT p.id FROM points_grant p WHERE p.id <> g.id AND p.takes_back_id IS NULL
        AND p.cause ^@ regexp_replace(g.cause, '[^:]*$', '') AND p.membership_id IN (
            SELECT id FROM memberships_membership WHERE id = m.id OR merged_into_id = m.id)
) ELSE '{}' END
"""
# Grants that are taken back and were of memberships that ended with all they had: where no lot that has come down from one, by
# merges, has been its wallets' member's ever since it came to them; or where none has, because others have its points, the
# first one of it was lost, or would have been.
FORFEITED = """
SELECT g.id FROM points_grant g JOIN points_grant b ON b.id = g.takes_back_id
JOIN memberships_membership a ON a.id = g.membership_id
JOIN memberships_membership m ON m.id = CASE WHEN a.merged_into_id IS NULL THEN a.id ELSE a.merged_into_id END
WHERE g.id = ANY(%s) AND coalesce((
    WITH RECURSIVE line AS (
        SELECT l.id AS last, l.id, l.wallet_id, l.from_lot_id FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
        WHERE w.membership_id = m.id AND l.grant_id = b.id
        UNION ALL
        SELECT line.last, l.id, l.wallet_id, l.from_lot_id FROM line JOIN points_lot l ON l.id = line.from_lot_id
    ), ended AS (
        SELECT line.last, bool_or(p.id IS NOT NULL) AS is_lost FROM line
        JOIN points_wallet w ON w.id = line.wallet_id
        CROSS JOIN LATERAL (SELECT e.occurred_at FROM points_movement v JOIN points_entry e ON e.id = v.entry_id
            WHERE v.lot_id = line.id ORDER BY v.id LIMIT 1) came
        LEFT JOIN memberships_membershipperiod p ON p.membership_id = w.membership_id AND p.left_at > came.occurred_at
        GROUP BY line.last
    )
    SELECT bool_and(is_lost) FROM ended), EXISTS (
    SELECT FROM memberships_membershipperiod p WHERE p.membership_id = b.membership_id AND p.left_at > b.occurred_at
        OR p.membership_id = m.id AND p.left_at > (SELECT left_at FROM memberships_membership WHERE id = b.membership_id)))
"""
# What waits for a membership that was merged waits for the one that stays.
TAKES_BACK = 12  # of its columns
WAITING = f"""
SELECT g.id, m.customer_id, g.occurred_at, g.wallet, g.points, g.cause, g.said::json, m.program_id, g.source, g.pending_days,
    g.version_id, {BEFORE}, g.takes_back_id, b.occurred_at, c.erased_at IS NOT NULL, b.given
FROM points_grant g JOIN memberships_membership a ON a.id = g.membership_id
JOIN memberships_membership m ON m.id = CASE WHEN a.merged_into_id IS NULL THEN a.id ELSE a.merged_into_id END
JOIN customers_customer c ON c.id = m.customer_id
LEFT JOIN points_grant b ON b.id = g.takes_back_id
WHERE g.decided_at IS NULL AND (g.membership_id = ANY(%(members)s) OR a.merged_into_id = ANY(%(members)s))
    AND g.occurred_at <= %(until)s
ORDER BY g.occurred_at, g.id
"""
# Of a customer who was merged, who lives with the one that stays, comes what it got. What was withheld keeps points alive.
GIVEN = f"""
SELECT g.id, coalesce(c.merged_into_id, c.id), g.occurred_at, g.wallet, g.points, g.cause, g.said::json, m.program_id,
    g.source, g.pending_days, NULL::bigint, {BEFORE}, g.takes_back_id, b.occurred_at, false, NULL::bigint
FROM points_grant g JOIN memberships_membership m ON m.id = g.membership_id JOIN customers_customer c ON c.id = m.customer_id
LEFT JOIN points_grant b ON b.id = g.takes_back_id
WHERE m.program_id = %s AND (m.customer_id = ANY(%s) OR c.merged_into_id = ANY(%s)) AND g.occurred_at <= %s
    AND (g.given > 0 OR g.reason = 'no_points_at_present')
ORDER BY g.occurred_at, g.id
"""


def ask(asked: Sequence[GrantAsked], *, now: datetime) -> None:
    """Let grants wait for their members; one whose cause is known stays as it is."""
    rows = [
        (
            each.id, each.retailer_id, each.membership_id, each.source, each.wallet, each.points, each.cause,
            json.dumps(dict(each.said)), each.occurred_at, each.pending_days, each.version_id, each.is_again, each.takes_back,
            now, "",
        )
        for each in asked
    ]  # fmt: skip
    bulk.insert(Grant, COLUMNS, rows, suffix="ON CONFLICT (membership_id, cause) DO NOTHING")


def settle(decided: Sequence[GrantDecided], *, now: datetime) -> None:
    """Note how grants were decided."""
    rows = [(each.grant_id, now, each.points, each.reason) for each in decided]
    if rows:
        bulk.execute(SETTLE, bulk.columns_of(rows))


def load_waiting(memberships: Sequence[UUID], until: datetime) -> list[PointsGranted | GrantTakenBack]:
    """Load the grants that wait for some members, behind their lock, as of an instant or before."""
    rows = bulk.fetch(WAITING, {"members": list(memberships), "until": until})
    backs = {row[0]: row[2] for row in rows if row[TAKES_BACK] is not None}
    forfeited = {key for (key,) in bulk.fetch(FORFEITED, [list(backs)])} if backs else set()
    return [
        _activity(
            *row,
            is_forfeited=row[0] in forfeited,
            behind=max((at for key, at in backs.items() if key < row[0]), default=None),
        )
        for row in rows
    ]


def load_given(program_id: int, customers: Sequence[UUID], until: datetime) -> list[PointsGranted | GrantTakenBack]:
    """Load what some customers were granted in a program, and what was taken back of it, for a past that is simulated."""
    ids = list(customers)
    return [_activity(*row) for row in bulk.fetch(GIVEN, [program_id, ids, ids, until])]


def _activity(  # noqa: PLR0913 - the columns of a grant
    grant_id: UUID,
    customer_id: UUID,
    occurred_at: datetime,
    wallet: str,
    points: int,
    cause: str,
    said: dict[str, object],
    program_id: int,
    source: str,
    pending_days: int,
    version_id: int | None,
    before: list[UUID],
    takes_back: UUID | None,
    granted_at: datetime | None,
    is_erased: bool,  # noqa: FBT001 - a column
    given: int | None,
    *,
    is_forfeited: bool = False,
    behind: datetime | None = None,
) -> PointsGranted | GrantTakenBack:
    if takes_back is None or granted_at is None:
        return PointsGranted(
            grant_id, customer_id, occurred_at, wallet, points, cause, said, program_id, source, pending_days, version_id,
            tuple(before), is_erased, behind,
        )  # fmt: skip
    return GrantTakenBack(
        grant_id, customer_id, program_id, occurred_at, wallet, points, cause, takes_back, granted_at, source, version_id,
        said, given, is_forfeited,
    )  # fmt: skip
