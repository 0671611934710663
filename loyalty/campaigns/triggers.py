"""
Who a night finds, for each trigger one statement over all members: a state that holds on a day, and that nobody entered for.

Each answers customers with the occurrence that names the fact, and the day that it is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import midnight
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.rules.triggers import parameter

# A birthday of the 29th of February is kept on the 28th in years without one.
BIRTHDAY = """
SELECT m.customer_id, 'birthday:' || extract(year FROM %(target)s::date)::int AS occurrence, %(target)s::date AS about
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND (
    (extract(month FROM c.birth_date), extract(day FROM c.birth_date))
        = (extract(month FROM %(target)s::date), extract(day FROM %(target)s::date))
    OR (%(is_leaps_eve)s AND extract(month FROM c.birth_date) = 2 AND extract(day FROM c.birth_date) = 29))
"""
POINTS_EXPIRING = """
SELECT m.customer_id, 'expiry:' || (l.expires_at AT TIME ZONE %(zone)s)::date AS occurrence,
    (l.expires_at AT TIME ZONE %(zone)s)::date AS about
FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND w.code = 'points' AND l.available > 0
    AND l.expires_at > %(since)s AND l.expires_at <= %(until)s
GROUP BY m.customer_id, (l.expires_at AT TIME ZONE %(zone)s)::date HAVING sum(l.available) >= %(points)s
"""
LAPSED = """
SELECT m.customer_id, 'lapse:' || o.last_on AS occurrence, o.last_on AS about
FROM memberships_membership m
CROSS JOIN LATERAL (
    SELECT max(o.local_date) AS last_on FROM customers_order o
    WHERE o.customer_id = m.customer_id AND o.local_date <= %(day)s
) o
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND o.last_on <= %(target)s
"""
BROADCAST = """
SELECT m.customer_id, 'broadcast' AS occurrence, NULL::date AS about
FROM memberships_membership m WHERE m.program_id = %(program)s AND m.left_at IS NULL
"""
ENROLLED = """
SELECT m.customer_id, 'enrolled:' || (m.enrolled_at AT TIME ZONE %(zone)s)::date AS occurrence, NULL::date AS about
FROM memberships_membership m
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.enrolled_at > %(from)s AND m.enrolled_at <= %(since)s
"""
STATEMENTS: Mapping[str, str] = {
    "birthday": BIRTHDAY,
    "points_expiring": POINTS_EXPIRING,
    "lapsed": LAPSED,
    "broadcast": BROADCAST,
    "enrolled": ENROLLED,
}
# Of the audience that the trigger names, and not entered yet for this very fact.
NEW = """
SELECT f.customer_id, f.occurrence, f.about FROM ({found}) f
WHERE NOT EXISTS (
    SELECT 1 FROM campaigns_entry e
    WHERE e.campaign_id = %(campaign)s AND e.customer_id = f.customer_id AND e.occurrence = f.occurrence)
AND (cardinality(%(segments)s::text[]) = 0 OR EXISTS (
    SELECT 1 FROM customers_insight i WHERE i.customer_id = f.customer_id
        AND (i.segment = ANY(%(segments)s) OR i.life_stage = ANY(%(segments)s) OR i.tags && %(segments)s::varchar[])))
AND (cardinality(%(tiers)s::text[]) = 0 OR EXISTS (
    SELECT 1 FROM tiers_standing s JOIN memberships_membership m ON m.id = s.membership_id JOIN tiers_tier t ON t.id = s.tier_id
    WHERE m.customer_id = f.customer_id AND m.program_id = %(program)s AND t.code = ANY(%(tiers)s)))
ORDER BY f.customer_id, f.about, f.occurrence
"""
FEBRUARY, LAST_OF_FEBRUARY = 2, 28
KEPT_ENROLMENTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A customer who may enter, because of one fact.

    :param occurrence: the fact, such as birthday:2026
    :param about: the day that it is all about; None where it is about none
    """

    customer_id: UUID
    occurrence: str
    about: date | None


def candidates(campaign: Campaign, version: CampaignVersion, day: date) -> list[Candidate]:
    """Return the members for whom a trigger's state holds at the beginning of a day, and who did not enter for it."""
    statement = STATEMENTS.get(version.trigger["kind"])
    if statement is None:  # the fact itself brings them
        return []
    rows = bulk.fetch_planned(NEW.format(found=statement), _parameters(campaign, version, day))
    return [Candidate(*row) for row in rows]


def audience(campaign: Campaign, version: CampaignVersion, day: date) -> int:
    """Return how many members a trigger finds on a day."""
    return len(candidates(campaign, version, day))


def _parameters(campaign: Campaign, version: CampaignVersion, day: date) -> dict[str, Any]:
    said = version.trigger
    zone = campaign.program.tzinfo
    found: dict[str, Any] = {
        "program": campaign.program_id, "campaign": campaign.pk, "day": day, "zone": str(zone),
        "since": midnight(day, zone), "segments": list(said.get("segments", [])), "tiers": list(said.get("tiers", [])),
    }  # fmt: skip
    kind = said["kind"]
    if kind == "birthday":
        found["target"] = target = day + timedelta(days=parameter(said, "days_before"))
        is_eve = (target.month, target.day) == (FEBRUARY, LAST_OF_FEBRUARY)
        found["is_leaps_eve"] = is_eve and (target + timedelta(days=1)).month != FEBRUARY
    elif kind == "points_expiring":
        found["until"] = midnight(day + timedelta(days=parameter(said, "days") + 1), zone)
        found["points"] = parameter(said, "points")
    elif kind == "lapsed":
        found["target"] = day - timedelta(days=parameter(said, "days"))
    elif kind == "enrolled":
        found["from"] = midnight(day, zone) - KEPT_ENROLMENTS
    return found
