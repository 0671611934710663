"""
Who has not bought for long: the journeys of a program that look for it do so together, of 60, 120 and 365 days, say.

Each member's last order is dear to find, and the same for all of them.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.campaigns.journeys.candidates import OF_AUDIENCE, Candidate
from loyalty.campaigns.messages.loading import KEPT
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.rules.triggers import SEGMENTS, TIERS, parameter

LAPSED = "lapsed"
# The day of the last order of a member m of which something stayed: most had no return at all, which is seen at once.
LAST_KEPT = f"""
SELECT o.local_date AS last_on FROM customers_order o WHERE o.customer_id = m.customer_id {{until}} AND (
    NOT EXISTS (SELECT 1 FROM customers_return b WHERE b.order_id = o.id) OR {KEPT.format(order="o")})
ORDER BY o.local_date DESC LIMIT 1
"""
# Most have bought since, as an index alone says; but what they bought since may have come back. Who was found by its last order
# is not found once more, neither by that one nor, because it came back afterwards, by the one before: it is one absence. So it is
# of few that it is asked what stayed of theirs.
FOUND = f"""
WITH asked AS MATERIALIZED (
    SELECT campaign_id, target, ARRAY(SELECT jsonb_array_elements_text(segments::jsonb)) AS segments,
        ARRAY(SELECT jsonb_array_elements_text(tiers::jsonb)) AS tiers
    FROM unnest(%(campaigns)s::uuid[], %(targets)s::date[], %(segments)s::text[], %(tiers)s::text[])
        AS a (campaign_id, target, segments, tiers)
)
SELECT m.campaign_id, m.customer_id, 'lapse:' || o.last_on, o.last_on
FROM (
    SELECT a.campaign_id, a.target, m.customer_id, found.last_on AS found_by FROM (
        SELECT m.customer_id, seen.last_on, back.customer_id IS NOT NULL AS came_back FROM memberships_membership m
        LEFT JOIN (
            SELECT DISTINCT o.customer_id FROM customers_return b JOIN customers_order o ON o.id = b.order_id
            WHERE b.retailer_id = %(retailer)s AND o.local_date > %(earliest)s
        ) back ON back.customer_id = m.customer_id
        CROSS JOIN LATERAL (
            SELECT max(o.local_date) AS last_on FROM customers_order o
            WHERE o.customer_id = m.customer_id AND o.local_date <= %(day)s
        ) seen
        WHERE m.program_id = %(program)s AND m.left_at IS NULL
            AND (seen.last_on <= %(latest)s OR back.customer_id IS NOT NULL)
        OFFSET 0
    ) m JOIN asked a ON m.last_on <= a.target OR m.came_back
    LEFT JOIN (
        SELECT e.campaign_id, e.customer_id, max(e.about_date) AS last_on FROM campaigns_entry e
        WHERE e.campaign_id = ANY(%(campaigns)s) AND e.occurrence ^@ 'lapse:' GROUP BY e.campaign_id, e.customer_id
    ) found ON found.campaign_id = a.campaign_id AND found.customer_id = m.customer_id
    WHERE (m.came_back OR found.last_on IS NULL OR found.last_on < m.last_on)
    AND {OF_AUDIENCE.format(customer="m.customer_id", segments="a.segments", tiers="a.tiers")}
    OFFSET 0
) m CROSS JOIN LATERAL ({LAST_KEPT.format(until="AND o.local_date <= %(day)s")}) o
WHERE o.last_on <= m.target AND (m.found_by IS NULL OR m.found_by < o.last_on)
ORDER BY m.customer_id, o.last_on
"""


def lapsed(journeys: Sequence[tuple[Campaign, CampaignVersion]], day: date) -> dict[UUID, list[Candidate]]:
    """
    Return who has not bought for as long as each journey says, at the beginning of a day, and did not enter for it.

    :param journeys: of one program, with their versions
    """
    found: dict[UUID, list[Candidate]] = {campaign.pk: [] for campaign, _ in journeys}
    for campaign_id, *candidate in bulk.fetch_planned(FOUND, _parameters(journeys, day)):
        found[campaign_id].append(Candidate(*candidate))
    return found


class Lapses:
    """What those of some campaigns find that look for lapses: the first that asks looks for all of its program that have to."""

    def __init__(self, campaigns: Iterable[Campaign]) -> None:
        self._journeys = [
            (each, each.version) for each in campaigns if each.version and each.version.trigger["kind"] == LAPSED
        ]
        self._found: dict[tuple[UUID, date], list[Candidate]] = {}

    def of(self, campaign: Campaign, day: date) -> list[Candidate]:
        """Return whom a campaign finds on a day; it is asked once."""
        if (campaign.pk, day) not in self._found:
            found = lapsed([each for each in self._journeys if _looks_with(each[0], campaign, day)], day)
            self._found |= {(key, day): some for key, some in found.items()}
        return self._found.pop((campaign.pk, day))


def _looks_with(other: Campaign, campaign: Campaign, day: date) -> bool:
    """Tell whether a campaign is of the same program, and has not looked on a day yet."""
    return other.program_id == campaign.program_id and (other.found_until is None or other.found_until < day)


def _parameters(journeys: Sequence[tuple[Campaign, CampaignVersion]], day: date) -> dict[str, Any]:
    targets = [day - timedelta(days=parameter(version.trigger, "days")) for _, version in journeys]
    first, _version = journeys[0]
    return {
        "program": first.program_id, "retailer": first.retailer_id, "day": day,
        "campaigns": [campaign.pk for campaign, _ in journeys],
        "targets": targets, "earliest": min(targets), "latest": max(targets),
        **{name: [json.dumps(version.trigger.get(name, [])) for _, version in journeys] for name in (SEGMENTS, TIERS)},
    }  # fmt: skip
