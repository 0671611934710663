"""Whom a night looks at: SQL that finds the members whose tier can have changed, so that nobody else is loaded."""

from loyalty.tiers.rules import Ladder

# Who was assessed on a later day, by an order that came before this night was carried out, stands as of that day.
COUNTED = """
FROM tiers_standing s
JOIN memberships_membership m ON m.id = s.membership_id
LEFT JOIN tiers_tier t ON t.id = s.tier_id
JOIN points_wallet w ON w.membership_id = s.membership_id AND w.code = %(main)s
LEFT JOIN points_wallet p ON p.membership_id = s.membership_id AND p.code = %(wallet)s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(q.spend), 0) AS spend, coalesce(sum(q.orders), 0) AS orders,
        coalesce(sum(q.visits), 0) AS visits, greatest(coalesce(p.available - p.owed, 0), 0) AS balance,
        {points} AS points
    FROM tiers_qualifyingday q WHERE q.wallet_id = w.id AND q.on_date BETWEEN {first} AND %(on)s
) c
"""
MAY_MOVE = f"""
SELECT s.membership_id {COUNTED}
WHERE s.program_id = %(program)s AND s.membership_id > %(after)s AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
    AND ({{condition}})
ORDER BY s.membership_id LIMIT %(limit)s
"""
OWN_POINTS = "coalesce(sum(q.points), 0)"
OTHER_POINTS = """coalesce((
    SELECT sum(o.points) FROM tiers_qualifyingday o WHERE o.wallet_id = p.id AND o.on_date BETWEEN {first} AND %(on)s
), 0)"""
JOINED = "(m.enrolled_at AT TIME ZONE %(zone)s)::date"
YEARS = f"(extract(year FROM %(on)s::date) - extract(year FROM {JOINED}))::int"
# PostgreSQL clamps 29 February to the 28th as we do.
ANNIVERSARY = f"""(CASE WHEN ({JOINED} + make_interval(years => {YEARS}))::date <= %(on)s
    THEN {JOINED} + make_interval(years => {YEARS}) ELSE {JOINED} + make_interval(years => {YEARS} - 1) END)::date"""
RISING = """EXISTS (
    SELECT 1 FROM tiers_tier u WHERE u.version_id = %(version)s AND u.rank > coalesce(t.rank, -1) AND {reached}
)"""
WOULD_STAND = f"""
SELECT m.id, m.number, t.code, e.code, c.{{basis}} {COUNTED}
LEFT JOIN LATERAL (
    SELECT u.code FROM tiers_tier u WHERE u.version_id = %(version)s AND {{reached}} ORDER BY u.rank DESC LIMIT 1
) e ON true
WHERE s.program_id = %(program)s AND m.left_at IS NULL ORDER BY m.number
"""
PERIOD_ENDED = """
SELECT s.membership_id FROM tiers_standing s
WHERE s.program_id = %(program)s AND s.membership_id > %(after)s AND s.keeps_until <= %(on)s
    AND (s.assessed_on IS NULL OR s.assessed_on <= %(on)s)
ORDER BY s.membership_id LIMIT %(limit)s
"""

# Those of 29 February have their day on the 28th in most years. An entry of the year, whatever its wallet, ends it.
CELEBRATING = """
SELECT m.id FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
CROSS JOIN LATERAL (SELECT {day} AS began) d
WHERE m.program_id = %(program)s AND m.id > %(after)s AND m.enrolled_at < %(at)s AND m.left_at IS NULL
    AND d.began < %(on)s
    AND (d.began + make_interval(years => (extract(year FROM %(on)s::date) - extract(year FROM d.began))::int))::date = %(on)s
    AND NOT EXISTS (
        SELECT 1 FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
        WHERE w.membership_id = m.id AND e.cause = %(cause)s)
ORDER BY m.id LIMIT %(limit)s
"""
BIRTHDAYS = CELEBRATING.format(day="c.birth_date")
ANNIVERSARIES = CELEBRATING.format(day=JOINED)


def who_may_move(ladder: Ladder) -> str:
    """
    Return the statement that finds members whose tier changes in a night; empty where a night changes none.

    Going up happened with the order that earned it, but for balances, which a night changes itself.
    """
    reached = _reached(ladder, "t")
    falling = {
        "at_once": f"t.id IS NOT NULL AND NOT {reached}",
        "grace": f"t.id IS NOT NULL AND NOT {reached} AND (s.keeps_until IS NULL OR s.keeps_until <= %(on)s)",
    }
    conditions = [falling[ladder.downgrade]] if ladder.downgrade in falling else []
    if ladder.counts_balance:
        conditions.append(RISING.format(reached=_reached(ladder, "u")))
    if not conditions:
        return ""
    return MAY_MOVE.format(**_window(ladder), condition=" OR ".join(f"({each})" for each in conditions))


def who_would_stand_where(ladder: Ladder) -> str:
    """
    Return the statement that tells of every member where it stands and where it would under a ladder's version.

    Its rows are: membership, number, code of the tier it has and of the one it would have earned, what counts.
    """
    return WOULD_STAND.format(**_window(ladder), reached=_reached(ladder, "u"), basis=ladder.basis)


def _window(ladder: Ladder) -> dict[str, str]:
    first = ANNIVERSARY if ladder.window == "membership_year" else "%(first)s"
    points = OWN_POINTS if ladder.wallet == "points" else OTHER_POINTS.format(first=first)
    return {"first": first, "points": points}


def _reached(ladder: Ladder, tier: str) -> str:
    main = f"c.{ladder.basis} >= {tier}.threshold"
    columns = [(f"c.{basis}", f"{tier}.also_{basis}") for basis in ("spend", "points", "orders", "visits")]
    if ladder.combination == "any":
        return "((" + " OR ".join([main, *(f"{counted} >= {least}" for counted, least in columns)]) + ") IS TRUE)"
    return (
        "(" + " AND ".join([main, *(f"({least} IS NULL OR {counted} >= {least})" for counted, least in columns)]) + ")"
    )
