"""
What happened to points, day by day, summed as it gets old: so that a board need not read the ledger of a year each time.

Entries never change, and each has its place in their order by its id, which begins with the instant at which it was drawn. So
what was posted up to an id can be summed once, where nobody can post anything before it any more: an hour has passed since, and
every transaction that ran then is over. What was posted after it is read as it is asked for.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from analytics.statistics import give_memory
from customers.core import bulk
from customers.core.ids import first_id_at
from customers.models import Retailer
from loyalty.points.proof import Difference
from loyalty.programs.models import Program

# As long as a server's clock may be behind, or a posting may wait for its transaction to begin.
SETTLES_IN = timedelta(hours=1)
NOTHING = UUID(int=0)
# Each net of what was undone: points taken back were not given unless they came back, those of an undone redemption are not
# redeemed. Spent points of an order that is corrected to another instant go to new lots: they are neither undone nor redeemed
# again. What was transferred was given once. A lot that came from no other one was earned when its entry occurred: what was given
# is read of lots alone. Other movements are few, and fewer are their entries: these are looked up, each once. {at} says how
# instants are told apart, {lots} and {entries} which ids are meant.
ISSUED = """
SELECT {at}, sum(l.amount)::bigint FROM points_lot l
WHERE l.retailer_id = %(retailer)s AND l.from_lot_id IS NULL AND {lots} GROUP BY 1
"""
ENDED = """
WITH ended AS (
    SELECT m.entry_id,
        sum(CASE 'cancelled' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS cancelled,
        sum(CASE 'redeemed' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS redeemed,
        sum(CASE 'expired' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS expired
    FROM points_movement m
    WHERE m.retailer_id = %(retailer)s AND {entries}
        AND (m.to_state IN ('cancelled', 'redeemed', 'expired') OR m.from_state IN ('cancelled', 'redeemed', 'expired'))
    GROUP BY 1
)
SELECT {at}, sum(m.cancelled)::bigint, coalesce(sum(m.redeemed) FILTER (WHERE e.kind NOT IN ('earn', 'return')), 0)::bigint,
    sum(m.expired)::bigint
FROM ended m CROSS JOIN LATERAL (SELECT occurred_at, kind FROM points_entry WHERE id = m.entry_id OFFSET 0) e
WHERE {kept} GROUP BY 1
"""
LOCK = """
INSERT INTO analytics_pointsmark (retailer_id, zone, until) VALUES (%(retailer)s, %(zone)s, %(nothing)s)
ON CONFLICT (retailer_id) DO UPDATE SET zone = analytics_pointsmark.zone
RETURNING until, waiting, zone = %(zone)s, waiting_for
"""
# Who writes holds a lock on its number until all that it wrote can be seen. Of another database nothing is waited for.
IS_SETTLED = """
SELECT NOT EXISTS (
    SELECT 1 FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND (a.pid IS NULL OR a.datname = current_database())
        AND age(l.transactionid) > age(%s::text::xid8::xid)
)
"""
FORGET = "DELETE FROM analytics_pointsday WHERE retailer_id = %(retailer)s"
ADD = """
INSERT INTO analytics_pointsday (retailer_id, day, issued, redeemed, expired)
SELECT %(retailer)s, coalesce(i.day, e.day), coalesce(i.points, 0) - coalesce(e.cancelled, 0), coalesce(e.redeemed, 0),
    coalesce(e.expired, 0)
FROM ({issued}) AS i (day, points) FULL JOIN ({ended}) AS e (day, cancelled, redeemed, expired) ON e.day = i.day
ON CONFLICT (retailer_id, day) DO UPDATE SET issued = analytics_pointsday.issued + excluded.issued,
    redeemed = analytics_pointsday.redeemed + excluded.redeemed, expired = analytics_pointsday.expired + excluded.expired
RETURNING day
""".format(
    issued=ISSUED.format(at="(l.earned_at AT TIME ZONE %(zone)s)::date", lots="l.id >= %(since)s AND l.id < %(until)s"),
    ended=ENDED.format(
        at="(e.occurred_at AT TIME ZONE %(zone)s)::date",
        entries="m.entry_id >= %(since)s AND m.entry_id < %(until)s",
        kept="true",
    ),
)
# Who writes already has a lower number than this transaction, and who begins to write has a higher one.
MARK = """
UPDATE analytics_pointsmark SET zone = %(zone)s, until = %(until)s, waiting = %(waiting)s,
    waiting_for = pg_current_xact_id()::text::bigint
WHERE retailer_id = %(retailer)s
"""
# Another way to the same days: by the entries of all movements up to the mark. A day that is kept and should not be is found as
# well as one that should be and is not.
PROVEN = """
WITH mark AS MATERIALIZED (SELECT zone, until FROM analytics_pointsmark WHERE retailer_id = %(retailer)s), moved AS (
    SELECT (e.occurred_at AT TIME ZONE k.zone)::date AS day, m.amount, l.from_lot_id IS NULL AND l.id < k.until AS is_first,
        CASE WHEN m.entry_id < k.until THEN m.from_state END AS left_state, m.from_state,
        CASE WHEN m.entry_id < k.until THEN m.to_state END AS to_state, e.kind IN ('redeem', 'restore', 'transfer') AS is_spending
    FROM points_movement m JOIN points_entry e ON e.id = m.entry_id JOIN points_lot l ON l.id = m.lot_id CROSS JOIN mark k
    WHERE m.retailer_id = %(retailer)s AND e.retailer_id = %(retailer)s AND l.retailer_id = %(retailer)s
), ledger AS (
    SELECT day, sum(CASE WHEN is_first AND from_state = 'issued' THEN amount ELSE 0 END)
            - sum(CASE 'cancelled' WHEN to_state THEN amount WHEN left_state THEN -amount ELSE 0 END) AS issued,
        coalesce(sum(CASE 'redeemed' WHEN to_state THEN amount WHEN left_state THEN -amount END) FILTER (WHERE is_spending), 0)
            AS redeemed,
        sum(CASE 'expired' WHEN to_state THEN amount WHEN left_state THEN -amount ELSE 0 END) AS expired
    FROM moved GROUP BY 1
)
SELECT f.what, day::text, f.stored::bigint, f.proven::bigint
FROM (SELECT * FROM analytics_pointsday WHERE retailer_id = %(retailer)s) d FULL JOIN ledger USING (day)
CROSS JOIN LATERAL (VALUES
    ('points issued', coalesce(d.issued, 0), coalesce(ledger.issued, 0)),
    ('points redeemed', coalesce(d.redeemed, 0), coalesce(ledger.redeemed, 0)),
    ('points expired', coalesce(d.expired, 0), coalesce(ledger.expired, 0))
) AS f (what, stored, proven)
WHERE f.stored <> f.proven ORDER BY day, f.what
"""
HOLD = "SELECT 1 FROM analytics_pointsmark WHERE retailer_id = %(retailer)s FOR UPDATE"
BEGIN_ANEW = "UPDATE analytics_pointsmark SET until = %(nothing)s WHERE retailer_id = %(retailer)s"


def retailers_with_points() -> list[int]:
    """Return the ids of retailers who give points."""
    return list(Program.objects.values_list("retailer_id", flat=True).distinct())


@transaction.atomic
def sum_points(retailer: Retailer, *, now: datetime, settles_in: timedelta = SETTLES_IN) -> bool:
    """
    Sum what the last call noted, if all who wrote then are done; and note up to where the next one may sum.

    A retailer whose zone is another one since has other days: its sums are made anew.

    :param settles_in: how long ago something was posted that is settled; none where nobody else posts
    :returns: whether anything was summed
    """
    asked = {"retailer": retailer.pk, "zone": retailer.zone, "nothing": NOTHING}
    until, waiting, is_same_zone, waiting_for = bulk.fetch(LOCK, asked)[0]
    is_settled = waiting_for is not None and bulk.fetch(IS_SETTLED, [str(waiting_for)])[0][0]
    if not is_same_zone:
        bulk.change(FORGET, asked)
        until = NOTHING
    if is_settled:
        bulk.fetch_planned(ADD, asked | {"since": until, "until": waiting})
        until = waiting
    bulk.change(MARK, asked | {"until": until, "waiting": max(until, first_id_at(now - settles_in))})
    return bool(is_settled)


@transaction.atomic
def prove_sums(retailer: Retailer) -> list[Difference]:
    """
    Return what is kept of days that the ledger does not confirm; then all of a retailer's sums are forgotten, and made anew.

    Until they are, boards read the ledger alone.
    """
    asked = {"retailer": retailer.pk, "nothing": NOTHING}
    give_memory()
    found = [Difference(*row) for row in bulk.fetch_planned(PROVEN, asked)]
    if found:
        bulk.fetch(HOLD, asked)
        bulk.change(FORGET, asked)
        bulk.change(BEGIN_ANEW, asked)
    return found
