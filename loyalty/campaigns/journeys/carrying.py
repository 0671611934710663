"""
Who was merged into another customer: what it is in goes on for the one who stays, and nothing is said twice.

Each merge of somebody for whom a campaign goes on is noted with the merge itself (`merging`); here it is followed.
Meanwhile nobody takes a step of it and nothing of it is sent. An entry keeps its id, so what a step has said, asked or given
stays done, and the next step goes to the address, and by the consents, the hours and the caps, of the one who stays.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.journeys.about import facts_of
from loyalty.campaigns.journeys.advancing import RECIPIENTS, Ending, end_entries, over, untrue
from loyalty.campaigns.journeys.entering import HELD_OUT
from loyalty.campaigns.journeys.judging import JudgedCustomer, entered_before, judge
from loyalty.campaigns.journeys.open_entries import OpenEntry, load, load_active, rule_of_entry
from loyalty.campaigns.journeys.versions import published
from loyalty.campaigns.messages.loading import consents_of
from loyalty.campaigns.messages.queueing import wake
from loyalty.campaigns.models import Campaign, Outcome
from loyalty.campaigns.outcomes import NewOutcome, tell
from loyalty.campaigns.reaching.merging import NOTE_MERGED, note_merged
from loyalty.campaigns.rules.exits import Exit
from loyalty.campaigns.rules.journeys import HAD_IT, Before, not_carried
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.campaigns.setting_aside import NO_DATABASE, RETRIED_AFTER

log = structlog.get_logger(__name__)
BATCH = 500
TAKE = """
DELETE FROM campaigns_waitingfact WHERE id = ANY(ARRAY(
    SELECT id FROM campaigns_waitingfact WHERE retailer_id = %s AND kind = 'merged' AND occurred_at <= %s
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING customer_id
"""
# One that could not be followed waits, once: who finds a message of it meanwhile has said so again.
LET_WAIT = f"""
{NOTE_MERGED} WHERE NOT EXISTS (SELECT 1 FROM campaigns_waitingfact f WHERE f.customer_id = n.id AND f.kind = 'merged')
"""
PAIRS = """
SELECT c.id, c.merged_into_id FROM customers_customer c
WHERE c.id = ANY(%(ids)s) OR c.id = ANY(ARRAY(SELECT merged_into_id FROM customers_customer WHERE id = ANY(%(ids)s)))
ORDER BY c.merged_into_id IS NULL, c.external_id
"""
# Held behind their recipients and aliases first, as all do who hold customers: neither is merged on before this is written.
HOLD = f"{PAIRS} FOR KEY SHARE"
# Whoever enters a campaign is judged under its lock: so is whoever goes on in it.
CAMPAIGNS = """
SELECT c.id FROM campaigns_campaign c WHERE c.id IN (
    SELECT campaign_id FROM campaigns_entry WHERE customer_id = ANY(%(ids)s) AND ended_at IS NULL
    UNION SELECT campaign_id FROM campaigns_message WHERE customer_id = ANY(%(ids)s) AND state IN ('due', 'held'))
ORDER BY c.id FOR NO KEY UPDATE
"""
MESSAGES = """
SELECT m.id, m.customer_id, m.kind, m.entry_id, m.due_at, e.campaign_id, e.occurrence FROM campaigns_message m
LEFT JOIN campaigns_entry e ON e.id = m.entry_id WHERE m.customer_id = ANY(%s) AND m.state IN ('due', 'held') ORDER BY m.id
"""
MOVE_ENTRIES = """
UPDATE campaigns_entry e SET customer_id = w.customer_id, variant = w.variant
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::uuid[]) AS customer_id, unnest(%b::text[]) AS variant) w WHERE w.id = e.id
"""
# What is on its way meanwhile stays whose it was.
MOVE_MESSAGES = """
UPDATE campaigns_message m SET customer_id = w.customer_id
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::uuid[]) AS customer_id) w WHERE w.id = m.id AND m.state IN ('due', 'held')
"""
DROP_MESSAGES = """
UPDATE campaigns_message m SET state = 'dropped', reason = 'exited', rule = w.reason
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS reason) w WHERE w.id = m.id AND m.state IN ('due', 'held')
"""


@dataclass(frozen=True, slots=True)
class Going:
    """An entry that goes on for another customer, in the variant that this one has."""

    entry: OpenEntry
    customer_id: UUID
    variant: str


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that is due to somebody who was merged. :param campaign_id: with `occurrence` what its entry is, if any"""

    id: UUID
    customer_id: UUID
    kind: str
    entry_id: UUID | None
    due_at: datetime
    campaign_id: UUID | None
    occurrence: str | None


@dataclass(frozen=True, slots=True)
class KnownCustomers:
    """
    What campaigns know of the customers who stay, before anything goes over to them.

    :param judged: by campaign and customer, as `judge` says it
    :param had: campaign, customer and occurrence of what they were in, they and who was merged into them before
    """

    judged: Mapping[UUID, Mapping[UUID, JudgedCustomer]]
    had: frozenset[tuple[UUID, UUID, str]]
    consents: Mapping[UUID, Mapping[str, bool]]

    def is_held_out(self, campaign: UUID, customer: UUID, kind: str) -> bool:
        judged = self.judged.get(campaign, {}).get(customer)
        return judged is not None and judged.is_held_out_of(kind)


def follow_merges(retailer: Retailer, *, now: datetime, limit: int = BATCH) -> int:
    """
    Let what customers were in go on for those into whom they were merged; return how many merges were looked at.

    Where it fails for all together they are followed one by one, and the one for which it fails waits.
    """
    try:
        return _follow(retailer, now, limit)
    except NO_DATABASE:
        raise
    except Exception:
        log.exception("merges_followed_one_by_one")
    found = 0
    while found < limit and _follow_one(retailer, now):
        found += 1
    return found


@transaction.atomic
def _follow(retailer: Retailer, now: datetime, limit: int) -> int:
    merged = {key for (key,) in bulk.fetch(TAKE, [retailer.pk, now, limit])}
    if merged:
        _carry(retailer, merged, now)
    return len(merged)


@transaction.atomic
def _follow_one(retailer: Retailer, now: datetime) -> bool:
    """Follow one merge, or let it wait; return whether there was one."""
    merged = {key for (key,) in bulk.fetch(TAKE, [retailer.pk, now, 1])}
    try:
        with transaction.atomic():
            _carry(retailer, merged, now)
    except NO_DATABASE:
        raise
    except Exception:  # whatever it is, it is this one's
        log.exception("merge_set_aside", customers=sorted(map(str, merged)))
        bulk.execute(LET_WAIT, [retailer.pk, now + RETRIED_AFTER, sorted(merged)])
    return bool(merged)


def _pairs(sql: str, merged: Collection[UUID]) -> dict[UUID, UUID]:
    """Return into whom customers were merged."""
    rows = bulk.fetch(sql, {"ids": sorted(merged)})
    return {key: target for key, target in rows if target is not None and key in merged}


def _carry(retailer: Retailer, merged: Collection[UUID], now: datetime) -> None:
    seen = _pairs(PAIRS, merged)
    if not seen:
        return
    sources = sorted(seen)
    campaigns = [key for (key,) in bulk.fetch(CAMPAIGNS, {"ids": sources})]
    entries = load_active(sources, now=now)
    # All of them, in the order of their ids, whatever becomes of their messages.
    bulk.fetch(RECIPIENTS, [sorted({*sources, *seen.values()})])
    held = _pairs(HOLD, merged)
    leads_to = {key: target for key, target in held.items() if seen.get(key) == target}
    if elsewhere := sorted(held.keys() - leads_to.keys()):  # merged on meanwhile
        note_merged(retailer.pk, elsewhere, now)
    if leads_to:
        _go_on(retailer, campaigns, [each for each in entries if each.customer_id in leads_to], leads_to, now)


def _go_on(
    retailer: Retailer,
    campaigns: Sequence[UUID],
    entries: Sequence[OpenEntry],
    leads_to: Mapping[UUID, UUID],
    now: datetime,
) -> None:
    messages = [WaitingMessage(*row) for row in bulk.fetch(MESSAGES, [sorted(leads_to)])]
    wake(
        retailer.pk, ((key, each.due_at) for each in messages for key in (each.customer_id, leads_to[each.customer_id]))
    )
    known = _known(campaigns, leads_to, now)
    going, endings = _decide(entries, leads_to, known)
    end_entries(retailer, endings, now=now)
    if going:
        bulk.execute(MOVE_ENTRIES, bulk.columns_of((each.entry.id, each.customer_id, each.variant) for each in going))
        tell(_carried(retailer, each, now) for each in going)
    on, ended = {each.entry.id for each in going}, {each.entry.id for each in endings}
    _carry_messages([each for each in messages if each.entry_id not in ended], on, leads_to, known)
    _end_what_is_over(retailer, sorted(on), now)


def _known(campaigns: Sequence[UUID], leads_to: Mapping[UUID, UUID], now: datetime) -> KnownCustomers:
    targets = sorted(set(leads_to.values()))
    rows = Campaign.objects.filter(pk__in=campaigns).order_by("pk")
    had = (
        (key, customer, occurrence)
        for key in campaigns
        for customer, occurrence, _at in entered_before(key, targets, but=sorted(leads_to))
    )
    return KnownCustomers(
        {each.pk: judge(each, targets, now) for each in rows}, frozenset(had), consents_of(targets, now)
    )


def _decide(
    entries: Sequence[OpenEntry], leads_to: Mapping[UUID, UUID], known: KnownCustomers
) -> tuple[list[Going], list[Ending]]:
    """Return which entries go on for whom, and which end; of several for the same the one that was entered first goes on."""
    going, endings = list[Going](), list[Ending]()
    had, active = set(known.had), set[tuple[UUID, UUID]]()
    for each in sorted(entries, key=lambda entry: (entry.entered_at, entry.id)):
        target = leads_to[each.customer_id]
        fact, place = (each.campaign_id, target, each.occurrence), (each.campaign_id, target)
        judged = known.judged[each.campaign_id].get(target)
        reason, variant = "gone", ""  # erased
        if judged is not None:
            variant = judged.variant or each.variant
            before = Before(each.zone, known.consents.get(target, {}), judged.is_active or place in active)
            rule = rule_of_entry(each)
            reason = not_carried(rule, before, had_it=fact in had, is_held_out=judged.is_held_out_of(rule.kind))
        if reason:
            endings.append(Ending(each, Exit(reason), None))
        else:
            had.add(fact)
            active.add(place)
            going.append(Going(each, target, variant))
    return going, endings


def _carried(retailer: Retailer, each: Going, now: datetime) -> NewOutcome:
    entry = each.entry
    return NewOutcome(
        retailer.pk, entry.campaign_id, each.customer_id, entry.id, entry.occurrence, Outcome.What.CARRIED, now,
        step=entry.step, reason="merged",
    )  # fmt: skip


def _carry_messages(
    messages: Sequence[WaitingMessage], going: Collection[UUID], leads_to: Mapping[UUID, UUID], known: KnownCustomers
) -> None:
    """Let messages that are due go to who stays; those of entries that are through as well, unless it had the same."""
    moved, dropped = list[tuple[UUID, UUID]](), list[tuple[UUID, str]]()
    for each in messages:
        target = leads_to[each.customer_id]
        reason = "" if each.entry_id is None or each.entry_id in going else _not_told(each, target, known)
        if reason:
            dropped.append((each.id, reason))
        else:
            moved.append((each.id, target))
    if moved:
        bulk.execute(MOVE_MESSAGES, bulk.columns_of(moved))
    if dropped:
        bulk.execute(DROP_MESSAGES, bulk.columns_of(dropped))


def _not_told(message: WaitingMessage, target: UUID, known: KnownCustomers) -> str:
    """Return why who stays does not hear what an entry has yet to say that is through; empty where it does."""
    assert message.campaign_id is not None, "an entry has one"
    assert message.occurrence is not None, "an entry has one"
    if known.is_held_out(message.campaign_id, target, message.kind):
        return HELD_OUT
    return HAD_IT if (message.campaign_id, target, message.occurrence) in known.had else ""


def _end_what_is_over(retailer: Retailer, ids: Sequence[UUID], now: datetime) -> None:
    """End what something has ended that who stays did, or is not: at once, as where it is recorded."""
    found = load(ids, now) if ids else []
    endings = [ending for each in found if (ending := over(each)) is not None]
    ended = {each.entry.id for each in endings}
    fading = [each for each in found if each.id not in ended and TRIGGERS[published(each.version_id).kind].fades]
    end_entries(retailer, [*endings, *untrue(fading, facts_of(fading, now))], now=now)
