"""
Who a night finds, for each trigger one statement over all members: a state that holds on a day, and that nobody entered for.

Each answers customers with the occurrence that names the fact, and the day that it is about.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import midnight
from loyalty.activity.tier_counts import When
from loyalty.campaigns.journeys.candidates import OF_AUDIENCE, Candidate
from loyalty.campaigns.journeys.lapses import LAPSED, LAST_KEPT, lapsed
from loyalty.campaigns.journeys.tier_gaps import REACH, RISK, gaps
from loyalty.campaigns.messages.loading import KEPT
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.rules.triggers import (
    LAPSING,
    LOYAL,
    NEW,
    OF_CONTACT,
    PROSPECT,
    SEGMENTS,
    TIERS,
    is_leaps_eve,
    parameter,
    wave_of,
    word,
)
from loyalty.points.ends import ENDS_AT

# A birthday of the 29th of February is kept on the 28th in years without one.
BIRTHDAY = """
SELECT m.customer_id, 'birthday:' || extract(year FROM %(target)s::date)::int AS occurrence, %(target)s::date AS about
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND (
    (extract(month FROM c.birth_date), extract(day FROM c.birth_date))
        = (extract(month FROM %(target)s::date), extract(day FROM %(target)s::date))
    OR (%(is_leaps_eve)s AND extract(month FROM c.birth_date) = 2 AND extract(day FROM c.birth_date) = 29))
"""
ANNIVERSARY = """
SELECT m.customer_id, 'anniversary:' || extract(year FROM %(target)s::date)::int AS occurrence, %(target)s::date AS about
FROM memberships_membership m CROSS JOIN LATERAL (SELECT (m.enrolled_at AT TIME ZONE %(zone)s)::date AS on_date) j
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND extract(year FROM j.on_date) < extract(year FROM %(target)s::date)
AND ((extract(month FROM j.on_date), extract(day FROM j.on_date))
        = (extract(month FROM %(target)s::date), extract(day FROM %(target)s::date))
    OR (%(is_leaps_eve)s AND extract(month FROM j.on_date) = 2 AND extract(day FROM j.on_date) = 29))
"""
# One in a customer's life, whichever order turns out to have been it.
FIRST_ORDER = f"""
SELECT o.customer_id, %(occurrence)s::text AS occurrence, o.local_date AS about
FROM customers_order o JOIN memberships_membership m ON m.customer_id = o.customer_id AND m.program_id = %(program)s
WHERE m.left_at IS NULL AND o.retailer_id = %(retailer)s AND o.occurred_at > %(from)s AND o.occurred_at <= %(since)s
    AND {KEPT.format(order="o")} AND NOT EXISTS (
        SELECT 1 FROM customers_order p WHERE p.customer_id = o.customer_id AND (p.occurred_at, p.id) < (o.occurred_at, o.id)
            AND {KEPT.format(order="p")})
"""
REVIEW = f"""
SELECT o.customer_id, 'order:' || o.number AS occurrence, o.local_date AS about
FROM customers_order o JOIN memberships_membership m ON m.customer_id = o.customer_id AND m.program_id = %(program)s
WHERE m.left_at IS NULL AND o.retailer_id = %(retailer)s AND o.occurred_at >= %(from)s AND o.occurred_at < %(until)s
    AND {KEPT.format(order="o")}
"""
# Who was found by its last order is not found once more by the one before, because that came back afterwards: it is one absence.
MISSED_BEFORE = """EXISTS (
    SELECT 1 FROM campaigns_entry e WHERE e.campaign_id = %(campaign)s AND e.customer_id = m.customer_id
        AND e.occurrence ^@ '{fact}' AND e.about_date > o.last_on)"""
# Who has bought since its insight was computed is not what it says any more. Nobody is at risk on the day of an order, so who
# ordered on the last day of its data did so after it was computed: days are cut while they still run.
LAST_ORDER = f"""
CROSS JOIN LATERAL ({LAST_KEPT.format(until="")}) o
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND o.last_on < i.as_of"""
VIP_AT_RISK = f"""
SELECT m.customer_id, 'vip_risk:' || o.last_on AS occurrence, o.last_on AS about
FROM memberships_membership m JOIN customers_insight i ON i.customer_id = m.customer_id
{LAST_ORDER} AND i.segment = 'vip_at_risk' AND NOT {MISSED_BEFORE.format(fact="vip_risk:")}
"""
PLAN_RENEWAL = """
SELECT m.customer_id, 'renewal:' || s.end_day AS occurrence, s.end_day AS about
FROM plans_subscription s JOIN memberships_membership m ON m.id = s.membership_id
WHERE s.program_id = %(program)s AND m.left_at IS NULL AND s.status IN ('trial', 'active') AND s.ended_at IS NULL
    AND NOT s.cancels AND s.end_day > %(day)s AND s.end_day <= %(target)s
"""
STAGE_PROSPECT = f"""
SELECT m.customer_id, 'stage:prospect' AS occurrence, NULL::date AS about FROM memberships_membership m
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.enrolled_at <= %(since)s AND NOT EXISTS (
    SELECT 1 FROM customers_order o WHERE o.customer_id = m.customer_id AND o.occurred_at <= %(since)s
        AND {KEPT.format(order="o")})
"""
STAGE_LOYAL = """
SELECT m.customer_id, 'stage:loyal' AS occurrence, NULL::date AS about
FROM memberships_membership m JOIN customers_insight i ON i.customer_id = m.customer_id
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND i.life_stage = 'established'
"""
STAGE_LAPSING = f"""
SELECT m.customer_id, 'stage:lapsing:' || o.last_on AS occurrence, o.last_on AS about
FROM memberships_membership m JOIN customers_insight i ON i.customer_id = m.customer_id
{LAST_ORDER} AND i.life_stage = 'overdue' AND NOT {MISSED_BEFORE.format(fact="stage:lapsing:")}
"""
# About the last day on which they can be spent, as the statement has it. Those that end by inactivity end with their wallet:
# all wallets are looked at, where any version of the program has points that do.
POINTS_EXPIRING = f"""
SELECT customer_id, 'expiry:' || last_on AS occurrence, last_on AS about FROM (
    SELECT m.customer_id, l.available, (l.ends_at AT TIME ZONE %(zone)s)::date - 1 AS last_on FROM (
        SELECT w.membership_id, l.available, l.expires_at AS ends_at
        FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
        WHERE w.code = 'points' AND l.available > 0 AND NOT l.expires_on_inactivity
            AND l.expires_at > %(since)s AND l.expires_at <= %(until)s
        UNION ALL
        SELECT w.membership_id, l.available, {ENDS_AT}
        FROM points_wallet w JOIN points_lot l ON l.wallet_id = w.id AND l.available > 0 AND l.expires_on_inactivity
        WHERE w.code = 'points' AND w.idle_until > %(since)s AND w.idle_until <= %(until)s AND EXISTS (
            SELECT 1 FROM points_pointspolicy y JOIN programs_programversion v ON v.id = y.version_id
            WHERE v.program_id = %(program)s AND y.expiry = 'inactivity')
    ) l JOIN memberships_membership m ON m.id = l.membership_id
    WHERE m.program_id = %(program)s AND m.left_at IS NULL AND l.ends_at > %(since)s AND l.ends_at <= %(until)s
) ending GROUP BY customer_id, last_on HAVING sum(available) >= %(points)s
"""
# Those who were members when it was said; of what is not said yet, all.
BROADCAST = """
SELECT m.customer_id, 'broadcast' AS occurrence, NULL::date AS about
FROM memberships_membership m WHERE m.program_id = %(program)s AND m.left_at IS NULL
    AND (%(told_at)s::timestamptz IS NULL OR m.enrolled_at <= %(told_at)s)
"""
ENROLLED = """
SELECT m.customer_id, 'enrolled:' || (m.enrolled_at AT TIME ZONE %(zone)s)::date AS occurrence, NULL::date AS about
FROM memberships_membership m
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.enrolled_at > %(from)s AND m.enrolled_at <= %(since)s
"""
CONTACT = """
SELECT i.customer_id, 'contact:' || i.number AS occurrence, (i.occurred_at AT TIME ZONE %(zone)s)::date AS about
FROM customers_interaction i JOIN memberships_membership m ON m.customer_id = i.customer_id AND m.program_id = %(program)s
WHERE m.left_at IS NULL AND i.retailer_id = %(retailer)s AND i.kind = 'support' AND i.occurred_at > %(from)s
    AND i.occurred_at <= %(since)s
    AND (cardinality(%(topics)s::text[]) = 0
        OR lower(btrim(i.topic)) IN (SELECT lower(btrim(t)) FROM unnest(%(topics)s::text[]) t))
    AND (cardinality(%(outcomes)s::text[]) = 0 OR i.outcome = ANY(%(outcomes)s::text[]))
"""
# Equal parts of the base, each in its own week: a steady series of answers.
SURVEY_WAVE = """
SELECT m.customer_id, 'wave:' || %(week)s::text AS occurrence, NULL::date AS about FROM memberships_membership m
WHERE m.program_id = %(program)s AND m.left_at IS NULL AND m.enrolled_at <= %(since)s
    AND experiment_bucket(%(campaign)s::text, m.customer_id::text) * %(weeks)s / 10000 = %(wave)s
"""
STATEMENTS: Mapping[str, str] = {
    "contact": CONTACT,
    "survey_wave": SURVEY_WAVE,
    "birthday": BIRTHDAY,
    "points_expiring": POINTS_EXPIRING,
    "first_order": FIRST_ORDER,
    "anniversary": ANNIVERSARY,
    "vip_at_risk": VIP_AT_RISK,
    "review": REVIEW,
    "plan_renewal": PLAN_RENEWAL,
    "broadcast": BROADCAST,
    "enrolled": ENROLLED,
}
STAGES: Mapping[str, str] = {
    PROSPECT: STAGE_PROSPECT, NEW: FIRST_ORDER, LOYAL: STAGE_LOYAL, LAPSING: STAGE_LAPSING
}  # fmt: skip
# Found otherwise, and taken up here.
JUDGED = """
SELECT unnest(%(customers)s::uuid[]) AS customer_id, unnest(%(occurrences)s::text[]) AS occurrence,
    unnest(%(days)s::date[]) AS about
"""
# Of the audience that the trigger names, and not entered yet for this very fact.
NOT_YET = f"""
SELECT f.customer_id, f.occurrence, f.about FROM ({{found}}) f
WHERE NOT EXISTS (
    SELECT 1 FROM campaigns_entry e
    WHERE e.campaign_id = %(campaign)s AND e.customer_id = f.customer_id AND e.occurrence = f.occurrence)
AND {OF_AUDIENCE.format(customer="f.customer_id", segments="%(segments)s::text[]", tiers="%(tiers)s::text[]")}
ORDER BY f.customer_id, f.about, f.occurrence
"""
KEPT_ENROLMENTS = timedelta(days=7)
NEW_FOR = timedelta(days=90)  # after its first order a customer is new, as segments have it
LATE_ORDERS = timedelta(days=7)  # so late an order may be told of, and is still asked about
DAY = timedelta(days=1)


def candidates(campaign: Campaign, version: CampaignVersion, day: date) -> list[Candidate]:
    """Return the members for whom a trigger's state holds at the beginning of a day, and who did not enter for it."""
    if version.trigger["kind"] == LAPSED:
        return lapsed([(campaign, version)], day)[campaign.pk]
    statement, parameters = _statement_for(campaign, version, day)
    return [Candidate(*row) for row in bulk.fetch_planned(statement, parameters)] if statement else []


def _statement_for(campaign: Campaign, version: CampaignVersion, day: date) -> tuple[str, dict[str, Any]]:
    """Return the statement that answers candidates, with its parameters; an empty one where the fact itself brings them."""
    parameters = _parameters(campaign, version, day)
    kind = version.trigger["kind"]
    if kind in {REACH, RISK}:
        return NOT_YET.format(found=JUDGED), parameters | _judged(campaign, version, day)
    found = STAGES[word(version.trigger, "stage")] if kind == "life_stage" else STATEMENTS.get(kind)
    return NOT_YET.format(found=found) if found else "", parameters


def told_at(campaign: Campaign, version: CampaignVersion) -> datetime | None:
    """Return when a broadcast is said; None of a draft."""
    return version.published_at and max(filter(None, (version.published_at, campaign.starts_at)))


def _judged(campaign: Campaign, version: CampaignVersion, day: date) -> dict[str, list[Any]]:
    """Return for whom a trigger about tiers holds at the beginning of a day."""
    when = When.midnight(day, midnight(day, campaign.program.tzinfo))
    found = [(customer, gap) for customer, _, gap in gaps(campaign.program, version.trigger, when)]
    return {
        "customers": [customer for customer, _ in found],
        "occurrences": [gap.occurrence for _, gap in found],
        "days": [gap.about for _, gap in found],
    }


def _parameters(campaign: Campaign, version: CampaignVersion, day: date) -> dict[str, Any]:
    said = version.trigger
    zone = campaign.program.tzinfo
    found: dict[str, Any] = {
        "program": campaign.program_id, "retailer": campaign.retailer_id, "campaign": campaign.pk, "day": day, "zone": str(zone),
        "since": midnight(day, zone), "told_at": told_at(campaign, version),
        **{name: list(said.get(name, [])) for name in (SEGMENTS, TIERS, *OF_CONTACT)},
    }  # fmt: skip
    found |= _of_wave(said, day) if said["kind"] == "survey_wave" else _of_kind(said, day, zone)
    return found


def _of_wave(said: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Return which part of all members is asked in the week of a day."""
    weeks = parameter(said, "weeks")
    wave, week = wave_of(day, weeks)
    return {"weeks": weeks, "wave": wave, "week": week}


def _of_kind(said: Mapping[str, Any], day: date, zone: ZoneInfo) -> dict[str, Any]:
    """Return what the statement of a trigger needs besides, on a day."""
    kind, found = said["kind"], dict[str, Any]()

    def days(name: str = "days") -> timedelta:
        return timedelta(days=parameter(said, name))

    if kind in {"birthday", "anniversary"}:
        target = day + days("days_before")
        found = {"target": target, "is_leaps_eve": is_leaps_eve(target)}
    elif kind == "points_expiring":
        found = {"until": midnight(day + days() + DAY, zone), "points": parameter(said, "points")}
    elif kind == "enrolled":
        found = {"from": midnight(day, zone) - KEPT_ENROLMENTS}
    elif kind in {"first_order", "contact"}:
        found = {"occurrence": "first_order", "from": midnight(day - days(), zone)}
    elif kind == "life_stage":
        found = {"occurrence": f"stage:{NEW}", "from": midnight(day - NEW_FOR, zone)}
    elif kind == "review":
        until = midnight(day - days() + DAY, zone)
        found = {"from": midnight(day - days() + DAY - LATE_ORDERS, zone), "until": until}
    elif kind == "plan_renewal":
        found = {"target": day + days()}
    return found
