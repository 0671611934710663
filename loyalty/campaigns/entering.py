"""The only way into a campaign: judged together, written once for each fact, with the reason of those who do not enter."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date, zone_of
from customers.core.ids import new_id
from loyalty.campaigns.claiming import OUTCOME
from loyalty.campaigns.loading import CONSENTS
from loyalty.campaigns.models import Campaign, CampaignVersion, Entry, Outcome, Step
from loyalty.campaigns.rules.journeys import Before, JourneyRule, StepRule, first_message_at, not_entered
from loyalty.campaigns.triggers import Candidate

BATCH = 2_000
# Who is in which arm, experiments say: the control of the campaign's own, and of any that holds out of everything.
JUDGE = """
SELECT c.id, r.zone, a.code, coalesce(a.is_control, false) OR EXISTS (
        SELECT 1 FROM experiments_assignment g JOIN experiments_variant v ON v.id = g.variant_id
        JOIN experiments_experiment x ON x.id = g.experiment_id
        WHERE g.customer_id = c.id AND v.is_control AND x.layer = 'global' AND x.state = 'running' AND x.starts_at <= %(at)s
            AND (x.ends_at IS NULL OR x.ends_at > %(at)s) AND (x.program_id IS NULL OR x.program_id = %(program)s)),
    EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = c.id AND e.campaign_id = %(campaign)s AND e.ended_at IS NULL),
    (SELECT max(e.entered_at) FROM campaigns_entry e WHERE e.customer_id = c.id AND e.campaign_id = %(campaign)s
        AND e.reason <> 'late'),
    EXISTS (SELECT 1 FROM customers_order o WHERE o.customer_id = c.id)
FROM customers_customer c
LEFT JOIN campaigns_recipient r ON r.customer_id = c.id
LEFT JOIN LATERAL (
    SELECT v.code, v.is_control FROM experiments_assignment g JOIN experiments_variant v ON v.id = g.variant_id
    JOIN experiments_experiment x ON x.id = g.experiment_id
    WHERE g.customer_id = c.id AND x.id = %(experiment)s AND x.state = 'running' AND x.starts_at <= %(at)s
        AND (x.ends_at IS NULL OR x.ends_at > %(at)s)
) a ON true
WHERE c.id = ANY(%(ids)s) AND c.merged_into_id IS NULL AND c.erased_at IS NULL
"""
COLUMNS = (
    "id", "retailer_id", "campaign_id", "version_id", "customer_id", "occurrence", "about_date", "variant", "is_held_out",
    "entered_at", "exposure_at", "step", "next_at", "ended_at", "reason",
)  # fmt: skip
# What who was merged into somebody had, that one had: with when it entered, which `judge` says of the others.
ENTERED = """
SELECT customer_id, occurrence, NULL::timestamptz FROM campaigns_entry
WHERE campaign_id = %(campaign)s AND customer_id = ANY(%(ids)s)
UNION ALL
SELECT c.merged_into_id, e.occurrence, CASE e.reason WHEN 'late' THEN NULL ELSE e.entered_at END
FROM customers_customer c JOIN campaigns_entry e ON e.customer_id = c.id AND e.campaign_id = %(campaign)s
WHERE c.merged_into_id = ANY(%(ids)s) AND c.id <> ALL(%(but)s)
"""
TOLD_ONCE = "ON CONFLICT (campaign_id, customer_id, occurrence, reason) WHERE what = 'not_entered' DO NOTHING"
# Who is merged after it was judged, and before it entered. Its entry holds its customer only when it commits: of who is merged
# behind this statement and before that, the entry says so itself once a step of it is due (`open_entries.note_stranded`).
MERGED_MEANWHILE = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT retailer_id, id, 'merged', '', %s FROM customers_customer WHERE id = ANY(%s) AND merged_into_id IS NOT NULL
"""
HELD_OUT, LATE = "held_out", "late"


def rule_of(version: CampaignVersion) -> JourneyRule:
    """Return a version as far as it decides who enters, what is taken when, and what ends it."""
    return JourneyRule(
        version.kind,
        tuple(_step_rule(step) for step in version.steps.in_order()),
        {each["fact"]: bool(each.get("goal")) for each in version.exits},
        version.again_after_days,
        version.at_most_one_active,
        version.late_up_to_days,
        version.uses_profile,
        version.ground,
    )


def _step_rule(step: Step) -> StepRule:
    return StepRule(
        step.position, step.kind, step.wait, step.expires_after, tuple(step.channels), step.to_all_channels, step.variant,
        step.pk, step.survey_id, step.offer_id, step.ends_without,
    )  # fmt: skip


def enter(
    campaign: Campaign, version: CampaignVersion, found: Sequence[Candidate], *, entered_at: datetime, now: datetime
) -> int:
    """
    Let customers enter a campaign at an instant, in batches that each commit; return how many did.

    :param entered_at: when the fact happened, or the midnight of the night that found it; not when it was found
    """
    rule = rule_of(version)
    return sum(
        _enter(campaign, version, rule, found[start : start + BATCH], entered_at, now)
        for start in range(0, len(found), BATCH)
    )


@transaction.atomic
def _enter(  # noqa: PLR0913 - what a batch needs
    campaign: Campaign,
    version: CampaignVersion,
    rule: JourneyRule,
    found: Sequence[Candidate],
    at: datetime,
    now: datetime,
) -> int:
    # One at a time: whether somebody is in it already, and since when, is decided under the campaign's lock.
    state = Campaign.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=campaign.pk)
    if state != Campaign.State.LIVE:
        return 0
    ids = [each.customer_id for each in found]
    known, consents = judge(campaign, ids, at), consents_of(ids, now)
    had = entered_before(campaign.pk, ids)
    done = {(customer, occurrence) for customer, occurrence, _at in had}
    entries, refused = list[tuple[Any, ...]](), list[tuple[Candidate, str]]()
    entered: set[UUID] = set()
    last: dict[UUID, datetime] = {}  # of those who entered just now, or as whom they were before a merge
    for customer, _occurrence, entered_as in had:
        if entered_as is not None:
            last[customer] = max(entered_as, last.get(customer, entered_as))
    for each in found:
        row = known.get(each.customer_id)
        if row is None or (each.customer_id, each.occurrence) in done:
            continue
        done.add((each.customer_id, each.occurrence))
        zone = zone_of(row[0], campaign.program.tzinfo)
        is_active = row[3] or each.customer_id in entered
        last_at = max(filter(None, (last.get(each.customer_id), row[4])), default=None)
        before = Before(zone, consents.get(each.customer_id, {}), is_active, last_at, row[5])
        if reason := not_entered(rule, before, at):
            refused.append((each, reason))
            continue
        entry = _entry(campaign, version, rule, each, row, at, zone, now)
        entries.append(entry)
        if entry[COLUMNS.index("ended_at")] is None:
            entered.add(each.customer_id)
        if entry[COLUMNS.index("reason")] != LATE:
            last[each.customer_id] = at
    bulk.insert(Entry, COLUMNS, entries)
    bulk.execute(MERGED_MEANWHILE, [now, sorted(entered)])
    _tell(campaign, entries, refused, now)
    return len(entries)


def entered_before(
    campaign: UUID, ids: Sequence[UUID], *, but: Sequence[UUID] = ()
) -> list[tuple[UUID, str, datetime | None]]:
    """
    Return because of what customers entered a campaign, and who was merged into them.

    :param but: those who were merged of whom it is not asked
    :returns: customer, occurrence, and when one entered who was merged since; None of the customer itself
    """
    rows = bulk.fetch(ENTERED, {"campaign": campaign, "ids": list(ids), "but": list(but)})
    return [(customer, occurrence, entered_at) for customer, occurrence, entered_at in rows]


def judge(campaign: Campaign, ids: list[UUID], at: datetime) -> Mapping[UUID, tuple[Any, ...]]:
    """Return of customers their zone, variant, whether held out, in it already, since when, and whether they bought."""
    parameters = {
        "ids": ids, "campaign": campaign.pk, "program": campaign.program_id, "experiment": campaign.experiment_id, "at": at
    }  # fmt: skip
    return {row[0]: row[1:] for row in bulk.fetch(JUDGE, parameters)}


def consents_of(ids: list[UUID], now: datetime) -> dict[UUID, dict[str, bool]]:
    """Return what customers agreed to, by purpose."""
    found: dict[UUID, dict[str, bool]] = {}
    for customer, purpose, granted in bulk.fetch(CONSENTS, [ids, now]):
        found.setdefault(customer, {})[purpose] = granted
    return found


def _entry(  # noqa: PLR0913 - what an entry is
    campaign: Campaign,
    version: CampaignVersion,
    rule: JourneyRule,
    found: Candidate,
    judged: tuple[Any, ...],
    at: datetime,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[Any, ...]:
    _zone, variant, is_held_out, *_rest = judged
    exposure_at = first_message_at(rule.steps, entered_at=at, about=found.about, zone=zone)
    days_late = (local_date(now, zone) - local_date(at, zone)).days
    reason = HELD_OUT if is_held_out else LATE if days_late > rule.late_up_to_days else ""
    ended_at = now if reason else None
    next_at = None if reason else at
    return (
        new_id(), campaign.retailer_id, campaign.pk, version.pk, found.customer_id, found.occurrence, found.about,
        variant or "", is_held_out, at, exposure_at, 0, next_at, ended_at, reason,
    )  # fmt: skip


def _tell(
    campaign: Campaign, entries: Sequence[tuple[Any, ...]], refused: Sequence[tuple[Candidate, str]], now: datetime
) -> None:
    """Write down why somebody did not enter, or entered and gets nothing: of a trigger that holds each night, once."""
    ended = [dict(zip(COLUMNS, row, strict=True)) for row in entries]
    rows: list[tuple[Any, ...]] = [
        (campaign.retailer_id, campaign.pk, row["customer_id"], row["id"], row["occurrence"], None,
         Outcome.What.DROPPED.value, row["reason"], "", "", now)
        for row in ended if row["reason"]
    ]  # fmt: skip
    bulk.insert(Outcome, OUTCOME, rows)
    told = [
        (campaign.retailer_id, campaign.pk, each.customer_id, None, each.occurrence, None, Outcome.What.NOT_ENTERED.value,
         reason, "", "", now)
        for each, reason in refused
    ]  # fmt: skip
    bulk.insert(Outcome, OUTCOME, told, suffix=TOLD_ONCE)
