"""
Entries on their way: the steps that are due, taken together, and the facts that end an entry at once, whatever step it is at.

What a step says is queued in the same transaction; whoever dies in between leaves the entry where it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from customers.core import bulk
from customers.models import Retailer
from loyalty.campaigns.claiming import OUTCOME
from loyalty.campaigns.entering import rule_of
from loyalty.campaigns.models import CampaignVersion, Offer, Outcome
from loyalty.campaigns.offering.granting import Ask, grant_offer
from loyalty.campaigns.offering.steps import Told, decided_for, occurrence_of, values_of_offers
from loyalty.campaigns.queueing import NewMessage, queue
from loyalty.campaigns.rules.journeys import Exit, JourneyRule, Planned, Progress, advance, exit_by

BATCH = 2_000
# Entries are locked, and not their recipients: what is queued waits for those at its end, in the order of their ids.
DUE = """
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %s AND e.next_at <= %s AND c.state = 'live'
ORDER BY e.next_at LIMIT %s FOR NO KEY UPDATE OF e SKIP LOCKED
"""
# Those that may come to an offer; not locked, because who decides on offers locks members.
OFFERING = """
SELECT e.id FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id
WHERE e.retailer_id = %s AND e.next_at <= %s AND c.state = 'live'
    AND EXISTS (SELECT 1 FROM campaigns_step s WHERE s.version_id = e.version_id AND s.kind = 'offer' AND s.position >= e.step)
ORDER BY e.next_at LIMIT %s
"""
# With the first order since it was entered that nobody has told of yet.
LOAD = """
SELECT e.id, e.campaign_id, e.version_id, e.customer_id, e.occurrence, e.about_date, e.variant, e.entered_at, e.exposure_at,
    e.step, e.next_at, coalesce(nullif(r.zone, ''), s.zone),
    (SELECT min(o.occurred_at) FROM customers_order o WHERE o.customer_id = e.customer_id AND o.occurred_at <= %s AND CASE
        WHEN e.occurrence LIKE 'lapse:%%' THEN o.local_date > e.about_date ELSE o.occurred_at >= e.entered_at END),
    c.program_id
FROM campaigns_entry e JOIN campaigns_campaign c ON c.id = e.campaign_id JOIN customers_retailer s ON s.id = e.retailer_id
LEFT JOIN campaigns_recipient r ON r.customer_id = e.customer_id
WHERE e.id = ANY(%s) AND e.ended_at IS NULL ORDER BY e.id
"""
ACTIVE = """
SELECT e.id FROM campaigns_entry e WHERE e.customer_id = ANY(%s) AND e.ended_at IS NULL ORDER BY e.id FOR NO KEY UPDATE OF e
"""
WRITE = """
UPDATE campaigns_entry e SET step = w.step, next_at = w.next_at, ended_at = w.ended_at, reason = w.reason,
    reached_goal_at = w.reached_goal_at
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS step, unnest(%b::timestamp with time zone[]) AS next_at,
        unnest(%b::timestamp with time zone[]) AS ended_at, unnest(%b::text[]) AS reason,
        unnest(%b::timestamp with time zone[]) AS reached_goal_at
) w WHERE w.id = e.id
"""
# What its entry no longer wants: locked as all who lock several do, recipients first.
RECIPIENTS = """
SELECT customer_id FROM campaigns_recipient WHERE customer_id = ANY(%s) ORDER BY customer_id FOR NO KEY UPDATE
"""
DROP = """
UPDATE campaigns_message m SET state = 'dropped', reason = 'exited', rule = w.reason
FROM (SELECT unnest(%b::uuid[]) AS entry_id, unnest(%b::text[]) AS reason) w
WHERE m.entry_id = w.entry_id AND m.state IN ('due', 'held')
"""
EXPIRING = """
SELECT m.customer_id, sum(l.available)::bigint FROM memberships_membership m
JOIN points_wallet w ON w.membership_id = m.id AND w.code = 'points' JOIN points_lot l ON l.wallet_id = w.id
JOIN programs_program p ON p.id = m.program_id JOIN customers_retailer s ON s.id = m.retailer_id
JOIN (SELECT unnest(%b::uuid[]) AS customer_id, unnest(%b::bigint[]) AS program_id, unnest(%b::date[]) AS day) k
    ON k.customer_id = m.customer_id AND k.program_id = m.program_id
WHERE l.available > 0 AND (l.expires_at AT TIME ZONE coalesce(nullif(p.zone, ''), s.zone))::date = k.day GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An entry that has not ended, as it was read under its lock. :param ordered_at: the first order since; None for none"""

    id: UUID
    campaign_id: UUID
    version_id: int
    customer_id: UUID
    occurrence: str
    about: date | None
    variant: str
    entered_at: datetime
    exposure_at: datetime
    step: int
    next_at: datetime | None
    zone: ZoneInfo
    ordered_at: datetime | None
    program_id: int


@dataclass(frozen=True, slots=True)
class Ending:
    """That an entry ends. :param goal_at: when it reached what the campaign is for; None where it did not"""

    entry: OpenEntry
    exit: Exit
    goal_at: datetime | None


@lru_cache(maxsize=512)
def _published(version_id: int) -> tuple[JourneyRule, str]:
    """Return what a published version decides, and the kind of its trigger: neither changes any more."""
    version = CampaignVersion.objects.get(pk=version_id)
    assert not version.is_draft, "nobody enters on a draft"
    return rule_of(version), str(version.trigger["kind"])


def advance_due(retailer: Retailer, *, now: datetime, limit: int = BATCH) -> int:
    """
    Take the steps of some entries that are due; return how many entries were looked at.

    Offers are given first, each in a transaction of its own: who dies behind it finds it given, and only says so.
    """
    _give_offers(retailer, now, limit)
    return _advance_due(retailer, now, limit)


def _give_offers(retailer: Retailer, now: datetime, limit: int) -> None:
    """Let offers be decided that steps which are due give, before any of those is taken."""
    ids = [key for (key,) in bulk.fetch(OFFERING, [retailer.pk, now, limit])]
    entries = _load(ids, now) if ids else []
    given = decisions_of(entries)
    asked: dict[int, list[Ask]] = {}
    for entry in entries:
        if _ordered(entry) is None and (step := _advanced(entry, now, given.get(entry.id, {})).asks) is not None:
            assert step.offer_id is not None, "a constraint says so"
            asked.setdefault(step.offer_id, []).append(Ask(entry.customer_id, occurrence_of(entry.id, step.position)))
    for offer in Offer.objects.filter(pk__in=asked).order_by("pk"):
        grant_offer(offer, asked[offer.pk], now=now)


@transaction.atomic
def _advance_due(retailer: Retailer, now: datetime, limit: int) -> int:
    ids = [key for (key,) in bulk.fetch(DUE, [retailer.pk, now, limit])]
    if not ids:
        return 0
    entries = _load(ids, now)
    endings = [ending for each in entries if (ending := _ordered(each)) is not None]
    ended = {each.entry.id for each in endings}
    going = [each for each in entries if each.id not in ended]
    given = decisions_of(going)
    taken = [(each, _advanced(each, now, given.get(each.id, {}))) for each in going]
    _queue(retailer, taken)
    _write_progress(retailer, taken, now)
    end_entries(retailer, endings, now=now)
    return len(ids)


def load_active(customers: Iterable[UUID], *, now: datetime) -> list[OpenEntry]:
    """Lock the active entries of customers, and return them."""
    ids = [key for (key,) in bulk.fetch(ACTIVE, [sorted(set(customers))])]
    return _load(ids, now) if ids else []


def rule_of_entry(entry: OpenEntry) -> JourneyRule:
    """Return the version on which an entry finishes."""
    return _published(entry.version_id)[0]


def decisions_of(entries: Sequence[OpenEntry]) -> Mapping[UUID, Mapping[int, Told]]:
    """Return what was decided of the offers that steps of entries give, by entry and position."""
    giving = {
        each.id: each.customer_id
        for each in entries
        if any(step.offer_id is not None for step in rule_of_entry(each).steps)
    }
    return decided_for(giving)


def _load(ids: Sequence[UUID], now: datetime) -> list[OpenEntry]:
    return [_entry(row) for row in bulk.fetch(LOAD, [now, list(ids)])]


def _entry(row: tuple[Any, ...]) -> OpenEntry:
    key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, *rest = row
    zone, ordered_at, program = rest
    return OpenEntry(
        key, campaign, version, customer, occurrence, about, variant, entered_at, exposure_at, step, next_at, ZoneInfo(zone),
        ordered_at, program,
    )  # fmt: skip


def _ordered(entry: OpenEntry) -> Ending | None:
    """Return that an entry ends by an order, where nobody told of it yet."""
    return None if entry.ordered_at is None else ending_by(entry, "order", entry.ordered_at)


def ending_by(entry: OpenEntry, fact: str, occurred_at: datetime) -> Ending | None:
    """Return how a fact ends an entry; None where it does not."""
    found = exit_by(
        rule_of_entry(entry), fact, occurred_at=occurred_at, entered_at=entry.entered_at, exposure_at=entry.exposure_at,
        occurrence=entry.occurrence, about=entry.about, zone=entry.zone,
    )  # fmt: skip
    return None if found is None else Ending(entry, found, occurred_at if found.credited else None)


def _advanced(entry: OpenEntry, now: datetime, given: Mapping[int, Told]) -> Progress:
    assert entry.next_at is not None, "only those are due"
    return advance(
        rule_of_entry(entry).steps, position=entry.step, at=entry.next_at, about=entry.about, variant=entry.variant,
        zone=entry.zone, now=now, given={position: told.grant_id is not None for position, told in given.items()},
    )  # fmt: skip


def _queue(retailer: Retailer, taken: Sequence[tuple[OpenEntry, Progress]]) -> None:
    said = [(entry, planned) for entry, progress in taken for planned in progress.messages]
    values = _values([entry for entry, _ in said])
    queue(retailer.pk, [_message(entry, planned, values[entry.id]) for entry, planned in said])


def _message(entry: OpenEntry, planned: Planned, values: Mapping[str, Any]) -> NewMessage:
    way = f":{planned.channels[0]}" if planned.channels else ""
    return NewMessage(
        customer_id=entry.customer_id, step_id=planned.step.step_id, cause=f"entry:{entry.id}:{planned.step.position}{way}",
        due_at=planned.at, expires_at=planned.expires_at, entry_id=entry.id, values=values, channels=planned.channels,
    )  # fmt: skip


def _values(entries: Sequence[OpenEntry]) -> dict[UUID, dict[str, Any]]:
    """Return what the texts of entries may say of the facts that they are about."""
    kinds = {entry.id: _published(entry.version_id)[1] for entry in entries}
    expiring = [entry for entry in entries if kinds[entry.id] == "points_expiring"]
    points: dict[UUID, int] = {}
    if expiring:
        rows = ((each.customer_id, each.program_id, each.about) for each in expiring)
        points = dict(bulk.fetch(EXPIRING, bulk.columns_of(rows)))
    offers = decisions_of(entries)
    found: dict[UUID, dict[str, Any]] = {}
    for entry in entries:
        day = entry.about.isoformat() if entry.about else ""
        by_kind: dict[str, dict[str, Any]] = {
            "cart": {"cart": entry.occurrence.removeprefix("cart:")},
            "birthday": {"birthday_on": day},
            "lapsed": {"last_order_on": day},
            "points_expiring": {"expires_on": day, "expiring_points": points.get(entry.customer_id, 0)},
        }
        found[entry.id] = by_kind.get(kinds[entry.id], {}) | values_of_offers(offers.get(entry.id, {}))
    return found


def _write_progress(retailer: Retailer, taken: Sequence[tuple[OpenEntry, Progress]], now: datetime) -> None:
    """Write how far entries went, and which are completed."""
    if not taken:
        return
    rows = [
        (entry.id, progress.position, progress.next_at, None if progress.next_at else now,
         "" if progress.next_at else "completed", None)
        for entry, progress in taken
    ]  # fmt: skip
    outcomes = [
        _outcome(retailer, entry, planned.step.position, Outcome.What.PLANNED, "", now)
        for entry, progress in taken
        for planned in progress.messages
    ]
    told = decisions_of([entry for entry, progress in taken if progress.offers])
    outcomes += [
        _outcome_of_offer(retailer, entry, step.position, told[entry.id][step.position], now)
        for entry, progress in taken
        for step in progress.offers
    ]
    outcomes += [
        _outcome(retailer, entry, None, Outcome.What.COMPLETED, "", now)
        for entry, progress in taken
        if progress.next_at is None
    ]
    with bulk.together():
        bulk.execute(WRITE, bulk.columns_of(rows))
        bulk.insert(Outcome, OUTCOME, outcomes)


def _outcome_of_offer(
    retailer: Retailer, entry: OpenEntry, position: int, told: Told, now: datetime
) -> tuple[Any, ...]:
    what = Outcome.What.GRANTED if told.grant_id else Outcome.What.NOT_GRANTED
    return _outcome(retailer, entry, position, what, told.reason, now, rule=told.offer)


def end_entries(retailer: Retailer, endings: Sequence[Ending], *, now: datetime) -> None:
    """End entries at once, and drop what is not on its way."""
    if not endings:
        return
    rows = [(each.entry.id, each.entry.step, None, now, each.exit.reason, each.goal_at) for each in endings]
    outcomes = []
    for each in endings:
        reason = "converted_before_exposure" if each.exit.before_exposure else each.exit.reason
        outcomes.append(_outcome(retailer, each.entry, each.entry.step, Outcome.What.EXITED, reason, now))
        if each.goal_at is not None:
            outcomes.append(_outcome(retailer, each.entry, None, Outcome.What.GOAL, each.exit.reason, now))
    bulk.fetch(RECIPIENTS, [[each.entry.customer_id for each in endings]])
    with bulk.together():
        bulk.execute(WRITE, bulk.columns_of(rows))
        bulk.execute(DROP, bulk.columns_of((each.entry.id, each.exit.reason) for each in endings))
        bulk.insert(Outcome, OUTCOME, outcomes)


def _outcome(  # noqa: PLR0913 - what an outcome says
    retailer: Retailer, entry: OpenEntry, step: int | None, what: Outcome.What, reason: str, now: datetime, *,
    rule: str = "",
) -> tuple[Any, ...]:  # fmt: skip
    return (
        retailer.pk, entry.campaign_id, entry.customer_id, entry.id, entry.occurrence, step, what.value, reason, rule, "", now
    )  # fmt: skip
