"""Who would stand on another tier under a version: every member counted as of a day, by one statement. Reads only."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.engine.versions import Version
from loyalty.points.state import MAIN
from loyalty.programs.models import Program
from loyalty.tiers.loading import COUNTED_BALANCE
from loyalty.tiers.rules import TierScheme, window_start
from loyalty.tiers.state import SCHEME


@dataclass(frozen=True, slots=True)
class Standing:
    """
    A member, the tier that it has and the one that it would have earned; None for no tier.

    :param counts: what counts for it, in the basis of the scheme
    """

    membership_id: UUID
    number: str
    current: str | None
    earned: str | None
    counts: Decimal
    current_key: UUID | None = None
    earned_key: UUID | None = None


@dataclass(frozen=True, slots=True)
class Movers:
    """
    What a version would do to tiers on its first day.

    :param up: who goes up, and who changes because its tier is not there any more
    :param down: who goes down that day
    :param at_risk: who would no longer qualify, but keeps the tier for now: a period, a grace or a promise protects it
    :param members: by tier under the version, those without one under None
    """

    up: tuple[Standing, ...]
    down: tuple[Standing, ...]
    at_risk: tuple[Standing, ...]
    members: dict[str | None, int]

    def pairs(self) -> list[tuple[str | None, str | None, int]]:
        """Return how many go from one tier to another: from, to, members."""
        counted = Counter((each.current, each.earned) for each in (*self.up, *self.down))
        return sorted(((*pair, count) for pair, count in counted.items()), key=lambda row: (-row[2], str(row[:2])))


def movers(program: Program, version: Version, *, on: date) -> Movers:
    """Return who would move on the day on which a version, such as a draft, would come into force."""
    scheme = version.of(SCHEME)
    up: list[Standing] = []
    down: list[Standing] = []
    at_risk: list[Standing] = []
    members: Counter[str | None] = Counter()
    for standing in standings(program, version, on=on):
        after = standing.earned
        has, earns = scheme.rank(standing.current_key), scheme.rank(standing.earned_key)
        is_gone = standing.current_key is not None and scheme.tier(standing.current_key) is None
        if is_gone or earns > has:
            up.append(standing)
        elif earns < has and scheme.downgrade == "at_once":
            landed = _landed(standing, scheme)
            down.append(landed)
            after = landed.earned
        elif earns < has:
            at_risk.append(standing)
            after = standing.current
        members[after] += 1
    return Movers(tuple(up), tuple(down), tuple(at_risk), dict(members))


def standings(program: Program, version: Version, *, on: date) -> list[Standing]:
    """Return every member with the tier that it has and the one that it would have earned by a day."""
    scheme = version.of(SCHEME)
    parameters = {
        "program": program.pk,
        "version": version.version_id,
        "on": on,
        "zone": program.zone,
        "wallet": scheme.wallet,
        "main": MAIN,
        "first": window_start(scheme, on, on),
    }
    sql = WOULD_STAND.format(**_window(scheme), reached=_reached(scheme, "u"), basis=scheme.basis)
    return [
        Standing(membership_id, number, current, earned, counts, current_key, earned_key)
        for membership_id, number, current_key, current, earned_key, earned, counts in bulk.fetch(sql, parameters)
    ]


def _landed(standing: Standing, scheme: TierScheme) -> Standing:
    """Return where a downgrade ends: one tier lower only, where the program lets members down softly."""
    current = scheme.tier(standing.current_key)
    landing = scheme.landing(current, scheme.tier(standing.earned_key)) if current else None
    return replace(standing, earned=landing.code if landing else None, earned_key=landing.key if landing else None)


# What counts for every member on a day, in one statement: a preview on millions cannot load them.
COUNTED = f"""
FROM memberships_membership m
LEFT JOIN tiers_standing s ON s.membership_id = m.id
LEFT JOIN tiers_tier t ON t.id = s.tier_id
JOIN points_wallet w ON w.membership_id = m.id AND w.code = %(main)s
LEFT JOIN points_wallet p ON p.membership_id = m.id AND p.code = %(wallet)s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(q.spend), 0) AS spend, coalesce(sum(q.orders), 0) AS orders,
        coalesce(sum(q.visits), 0) AS visits, greatest(coalesce({COUNTED_BALANCE.format(w="p")}, 0), 0) AS balance,
        {{points}} AS points
    FROM points_qualifyingday q WHERE q.wallet_id = w.id AND q.on_date BETWEEN {{first}} AND %(on)s
) c
"""
OWN_POINTS = "coalesce(sum(q.points), 0)"
OTHER_POINTS = """coalesce((
    SELECT sum(o.points) FROM points_qualifyingday o WHERE o.wallet_id = p.id AND o.on_date BETWEEN {first} AND %(on)s
), 0)"""
JOINED = "(m.enrolled_at AT TIME ZONE %(zone)s)::date"
YEARS = f"(extract(year FROM %(on)s::date) - extract(year FROM {JOINED}))::int"
# PostgreSQL clamps 29 February to the 28th as we do.
ANNIVERSARY = f"""(CASE WHEN ({JOINED} + make_interval(years => {YEARS}))::date <= %(on)s
    THEN {JOINED} + make_interval(years => {YEARS}) ELSE {JOINED} + make_interval(years => {YEARS} - 1) END)::date"""
WOULD_STAND = f"""
SELECT m.id, m.number, t.key, t.code, e.key, e.code, c.{{basis}} {COUNTED}
LEFT JOIN LATERAL (
    SELECT u.key, u.code FROM tiers_tier u WHERE u.version_id = %(version)s AND {{reached}} ORDER BY u.rank DESC LIMIT 1
) e ON true
WHERE m.program_id = %(program)s AND m.left_at IS NULL ORDER BY m.number
"""


def _window(scheme: TierScheme) -> dict[str, str]:
    first = ANNIVERSARY if scheme.window == "membership_year" else "%(first)s"
    points = OWN_POINTS if scheme.wallet == "points" else OTHER_POINTS.format(first=first)
    return {"first": first, "points": points}


def _reached(scheme: TierScheme, tier: str) -> str:
    main = f"c.{scheme.basis} >= {tier}.threshold"
    columns = [(f"c.{basis}", f"{tier}.also_{basis}") for basis in ("spend", "points", "orders", "visits")]
    if scheme.combination == "any":
        return "((" + " OR ".join([main, *(f"{counted} >= {least}" for counted, least in columns)]) + ") IS TRUE)"
    return (
        "(" + " AND ".join([main, *(f"({least} IS NULL OR {counted} >= {least})" for counted, least in columns)]) + ")"
    )
