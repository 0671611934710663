"""Who is asked: the customers that a step reaches, but for those who were asked lately; decided under their recipients' locks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import day_after, local_date, midnight
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.models import Invitation, Survey
from loyalty.campaigns.rules.surveys import Asked, SurveyRule, not_invited

# What a person was asked as whoever it was before a merge counts too; a question that never went out does not.
ASKED = """
SELECT coalesce(c.merged_into_id, c.id), i.survey_id, i.asked_at, v.kind
FROM customers_customer c JOIN campaigns_invitation i ON i.customer_id = c.id JOIN campaigns_survey v ON v.id = i.survey_id
WHERE (c.id = ANY(%s) OR c.merged_into_id = ANY(%s)) AND i.asked_at > %s AND NOT EXISTS (
    SELECT 1 FROM campaigns_message m WHERE m.entry_id = i.entry_id AND m."values" ->> 'invitation' = replace(i.id::text, '-', '')
    HAVING count(*) > 0 AND count(*) = count(*) FILTER (WHERE m.state IN ('dropped', 'failed')))
"""
COLUMNS = ("id", "retailer_id", "survey_id", "customer_id", "entry_id", "step", "asked_at", "expires_at")
MAX_ASKED = timedelta(days=732)


@dataclass(frozen=True, slots=True)
class ToAsk:
    """That a step of an entry asks a survey. :param zone: the customer's"""

    entry_id: UUID
    customer_id: UUID
    step_id: int
    survey_id: UUID
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Invite:
    """What became of it. :param reason: why the customer is not asked; empty where the invitation `id` was made"""

    id: UUID
    reason: str = ""


Invited = Mapping[tuple[UUID, int], Invite]


def invite(retailer: Retailer, asked: Sequence[ToAsk], *, now: datetime) -> Invited:
    """
    Invite customers to surveys, but for those who were asked lately; the caller holds their recipients' locks.

    :returns: by entry and step
    """
    surveys = {row.pk: row for row in Survey.objects.filter(pk__in={each.survey_id for each in asked})}
    before = _asked_before(asked, now)
    found: dict[tuple[UUID, int], Invite] = {}
    rows = []
    for each in asked:
        survey, place = surveys[each.survey_id], (each.entry_id, each.step_id)
        if place in found:  # the step goes by several channels: they ask one thing
            continue
        mine = before.setdefault(each.customer_id, [])
        reason = not_invited(_rule_of(survey), mine, now, each.zone)
        invitation = Invite(new_id(), reason)
        found[place] = invitation
        if not reason:
            mine.append(Asked(survey.pk, now, survey.kind))
            expires_at = _expiry(survey, each.zone, now)
            row = (
                invitation.id,
                retailer.pk,
                survey.pk,
                each.customer_id,
                each.entry_id,
                each.step_id,
                now,
                expires_at,
            )
            rows.append(row)
    bulk.insert(Invitation, COLUMNS, rows)
    return found


def _rule_of(survey: Survey) -> SurveyRule:
    return SurveyRule(survey.pk, survey.is_open, survey.again_after_days, survey.after_any_days, survey.kind)


def _expiry(survey: Survey, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the end of the last day on which an invitation of now may be answered."""
    return midnight(day_after(local_date(now, zone) + timedelta(days=survey.answer_within_days)), zone)


def _asked_before(asked: Iterable[ToAsk], now: datetime) -> dict[UUID, list[Asked]]:
    ids = sorted({each.customer_id for each in asked})
    found: dict[UUID, list[Asked]] = {}
    for customer_id, *asked_then in bulk.fetch(ASKED, [ids, ids, now - MAX_ASKED]):
        found.setdefault(customer_id, []).append(Asked(*asked_then))
    return found
