"""Offers that steps of campaigns give: what was decided of them, as those steps and later texts need it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date, zone_of
from customers.core.values import dataclass

OF_A_STEP = "entry:"  # begins the facts because of which steps give offers
# A step that was taken before a merge was decided for whom its entry was then.
OWN = (
    "SELECT k.customer_id AS id UNION ALL SELECT a.id FROM customers_customer a WHERE a.merged_into_id = k.customer_id"
)
# By the step's own fact: what the member was given, else why not; and whether it was taken back since, before its day was over,
# also with its reward, whether or not a night has run.
DECIDED = f"""
SELECT k.entry_id, split_part(g.occurrence, ':', 3)::bigint, g.id, '', o.code,
    CASE WHEN coalesce(nullif(c.language, ''), s.language) = 'fr' AND o.name_fr <> '' THEN o.name_fr ELSE o.name END,
    g.expires_at, coalesce(nullif(r.zone, ''), nullif(p.zone, ''), s.zone), g.granted_at, coalesce(x.position, 0),
    coalesce(x.ends_without, false), g.state IN ('declined', 'withdrawn') OR g.state = 'expired' AND g.ended_at < g.expires_at
        OR coalesce(d.status IN ('cancelled', 'refunded', 'withdrawn', 'forfeited'), false)
        OR coalesce(d.status = 'issued' AND w.on_withdrawal = 'give_back', false) AND EXISTS (
            SELECT 1 FROM programs_programversion v
            WHERE v.program_id = d.program_id AND v.status = 'published' AND v.effective_from > d.redeemed_at
                AND v.effective_from <= %s
                AND NOT EXISTS (SELECT 1 FROM rewards_reward n WHERE n.version_id = v.id AND n.key = d.reward_key))
FROM (SELECT unnest(%b::uuid[]) AS entry_id, unnest(%b::uuid[]) AS customer_id) k
CROSS JOIN LATERAL ({OWN}) own JOIN campaigns_offergrant g ON g.customer_id = own.id
    AND g.occurrence LIKE 'entry:' || k.entry_id || ':%%'
    AND split_part(g.occurrence, ':', 3) ~ '^[0-9]{{1,18}}$'
JOIN campaigns_offer o ON o.id = g.offer_id JOIN programs_program p ON p.id = o.program_id
JOIN customers_customer c ON c.id = g.customer_id JOIN customers_retailer s ON s.id = g.retailer_id
LEFT JOIN campaigns_recipient r ON r.customer_id = c.id
LEFT JOIN campaigns_step x ON x.id = split_part(g.occurrence, ':', 3)::bigint
LEFT JOIN rewards_rewardredemption d ON d.id = g.redemption_id LEFT JOIN rewards_reward w ON w.id = d.reward_id
"""
REFUSED = f"""
SELECT DISTINCT ON (k.entry_id, f.occurrence) k.entry_id, split_part(f.occurrence, ':', 3)::bigint, f.reason, o.code
FROM (SELECT unnest(%b::uuid[]) AS entry_id, unnest(%b::uuid[]) AS customer_id) k
CROSS JOIN LATERAL ({OWN}) own JOIN campaigns_offerrefusal f ON f.customer_id = own.id
    AND f.occurrence LIKE 'entry:' || k.entry_id || ':%%'
    AND split_part(f.occurrence, ':', 3) ~ '^[0-9]{{1,18}}$'
JOIN campaigns_offer o ON o.id = f.offer_id ORDER BY k.entry_id, f.occurrence, f.id
"""
VALUES = ("offer", "offer_until")  # what texts may say of them
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """
    What was decided of a step's offer.

    :param grant_id: None where it was not given, for `reason`
    :param offer: the code of that, or of the one that was given in its place
    :param name: in the customer's language
    :param position: of its step, in the version in which that was taken
    :param is_needed: whether who does not have it gets no later step either
    :param is_taken_back: whether it was declined or withdrawn since
    """

    grant_id: UUID | None
    reason: str
    offer: str
    name: str = ""
    expires_at: datetime | None = None
    zone: str = "UTC"
    granted_at: datetime | None = None
    position: int = 0
    is_needed: bool = False
    is_taken_back: bool = False


def occurrence_of(entry_id: UUID, step_id: int) -> str:
    """Return the fact because of which a step gives an offer: the step itself, for its place is another's in another version."""
    return f"{OF_A_STEP}{entry_id}:{step_id}"


def decided_for(entries: Mapping[UUID, UUID], *, now: datetime) -> dict[UUID, dict[int, Told]]:
    """
    Return what was decided of the offers of entries, by the ids of their steps, and whether they have them still.

    :param entries: whose each is
    """
    found: dict[UUID, dict[int, Told]] = {}
    if not entries:
        return found
    pairs = bulk.columns_of(entries.items())
    for entry, step, reason, code in bulk.fetch(REFUSED, pairs):
        found.setdefault(entry, {})[step] = Told(None, reason, code)
    for entry, step, *told in bulk.fetch(DECIDED, [now, *pairs]):
        found.setdefault(entry, {})[step] = Told(*told)
    return found


def values_of_offers(told: Mapping[int, Told]) -> dict[str, Any]:
    """Return what texts may say of the last offer that an entry was given and that was not taken back; else empty texts."""
    given = [
        (each.granted_at, each.position, each) for each in told.values() if each.granted_at and not each.is_taken_back
    ]
    if not given:
        return dict.fromkeys(VALUES, "") if told else {}
    *_, last = max(given, key=lambda one: one[:2])
    assert last.expires_at is not None, "an offer ends"
    day = local_date(last.expires_at - MOMENT, zone_of(last.zone))
    return {"offer": last.name, "offer_until": day.isoformat()}


def still_had(told: Mapping[int, Told], *, since: datetime, now: datetime) -> dict[int, Told]:
    """
    Return what was decided of offers as a message may say it that waited: one whose day was over meanwhile is as one taken back.

    What was over before the message was planned may be named still, as one that has ended.

    :param since: when the message was planned
    """
    return {
        key: replace(each, is_taken_back=True)
        if each.expires_at is not None and since < each.expires_at <= now
        else each
        for key, each in told.items()
    }


def lacks_needed(told: Mapping[int, Told]) -> bool:
    """Tell whether an offer was taken back without which an entry's later texts that name it have nothing to say."""
    return any(each.is_needed and each.is_taken_back for each in told.values())
