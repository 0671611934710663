"""
Entries on their way: the steps that are due, taken together, and the facts that end an entry at once, whatever step it is at.

What a step says is queued in the same transaction; whoever dies in between leaves the entry where it was.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.feedback.inviting import Invite, Invited, ToAsk, invite
from loyalty.campaigns.feedback.links import INVITATION
from loyalty.campaigns.journeys.about import Values, facts_of
from loyalty.campaigns.journeys.open_entries import (
    OpenEntry,
    due_to_offer,
    load,
    lock_due,
    note_stranded,
    rule_of_entry,
)
from loyalty.campaigns.messages.queueing import NewMessage, queue, wake
from loyalty.campaigns.models import Offer, Outcome
from loyalty.campaigns.offering.granting import Ask, grant_offer
from loyalty.campaigns.offering.steps import Told, decided_for, occurrence_of, values_of_offers
from loyalty.campaigns.outcomes import NewOutcome, tell
from loyalty.campaigns.rules.exits import NO_LONGER_TRUE, Exit, exit_by
from loyalty.campaigns.rules.progress import Planned, Progress, advance
from loyalty.campaigns.setting_aside import NO_DATABASE, let_wait

log = structlog.get_logger(__name__)
BATCH = 2_000
Decisions = Mapping[UUID, Mapping[int, Told]]  # of offers, by entry and step
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


@dataclass(frozen=True, slots=True)
class Ending:
    """That an entry ends. :param goal_at: when it reached what the campaign is for; None where it did not"""

    entry: OpenEntry
    exit: Exit
    goal_at: datetime | None


def advance_due(retailer: Retailer, *, now: datetime, limit: int = BATCH) -> int:
    """
    Take the steps of some entries that are due; return how many entries were looked at.

    Where it fails for all together they are taken one by one, and the one for which it fails waits.
    """
    try:
        return _advance(retailer, now, limit)
    except NO_DATABASE:
        raise
    except Exception:
        log.exception("entries_taken_one_by_one")
        return _advance_one_by_one(retailer, now, limit)


def _advance_one_by_one(retailer: Retailer, now: datetime, limit: int) -> int:
    with transaction.atomic():
        ids = lock_due(retailer, now, limit)
    for key in ids:
        try:
            _advance(retailer, now, 1, only=key)
        except NO_DATABASE:
            raise
        except Exception:  # whatever it is, it is this one's
            log.exception("entry_set_aside", entry=str(key))
            let_wait(key, now=now)
    return len(ids)


def _advance(retailer: Retailer, now: datetime, limit: int, only: UUID | None = None) -> int:
    """Give offers first, each in a transaction of its own: who dies behind it finds it given, and only says so."""
    _give_offers(retailer, now, limit, only)
    return _advance_due(retailer, now, limit, only)


def _give_offers(retailer: Retailer, now: datetime, limit: int, only: UUID | None) -> None:
    """Let offers be decided that steps which are due give, before any of those is taken."""
    ids = due_to_offer(retailer, now, limit, only)
    found = load(ids, now) if ids else []
    facts = facts_of([each for each in found if over(each) is None], now)
    entries = [each for each in found if facts.get(each.id) is not None]
    given = decisions_of(entries, now)
    asked: dict[int, list[Ask]] = {}
    for entry in entries:
        if (step := _advanced(entry, now, given.get(entry.id, {})).asks) is not None:
            assert step.offer_id is not None, "a constraint says so"
            asked.setdefault(step.offer_id, []).append(Ask(entry.customer_id, occurrence_of(entry.id, step.step_id)))
    for offer in Offer.objects.filter(pk__in=asked).order_by("pk"):
        grant_offer(offer, asked[offer.pk], now=now)


@transaction.atomic
def _advance_due(retailer: Retailer, now: datetime, limit: int, only: UUID | None) -> int:
    ids = lock_due(retailer, now, limit, only)
    if not ids:
        note_stranded(retailer, now)
        return 0
    entries = [each for each in load(ids, now) if not each.is_merged]  # merged just now: it is carried on first
    endings = [ending for each in entries if (ending := over(each)) is not None]
    ended = {each.entry.id for each in endings}
    facts = facts_of([each for each in entries if each.id not in ended], now)
    endings += untrue(entries, facts)
    going = [each for each in entries if facts.get(each.id) is not None]
    given = decisions_of(going, now)
    taken = [(each, _advanced(each, now, given.get(each.id, {}))) for each in going]
    _hold_recipients(taken, endings)
    invited = _invite(retailer, taken, now)
    said = {each.id: {**(facts[each.id] or {}), **values_of_offers(given.get(each.id, {}))} for each in going}
    _queue(retailer, taken, said, invited)
    _write_progress(retailer, taken, invited, given, now)
    end_entries(retailer, endings, now=now)
    return len(ids)


def _hold_recipients(taken: Sequence[tuple[OpenEntry, Progress]], endings: Sequence[Ending]) -> None:
    """Lock who is told something and whose entry ends, together: one after the other would not be in the order of their ids."""
    told = {entry.customer_id for entry, progress in taken if progress.messages}
    ended = {each.entry.customer_id for each in endings}
    if told and ended:
        bulk.fetch(RECIPIENTS, [sorted(told | ended)])


def decisions_of(entries: Sequence[OpenEntry], now: datetime) -> Decisions:
    """Return what was decided of the offers that steps of entries give, by entry and position."""
    giving = {
        each.id: each.customer_id
        for each in entries
        if any(step.offer_id is not None for step in rule_of_entry(each).steps)
    }
    return decided_for(giving, now=now)


def over(entry: OpenEntry) -> Ending | None:
    """Return that an entry ends, where nobody told of it yet: nobody is there any more, or the first that happened ends it."""
    if entry.is_over:
        return Ending(entry, Exit(entry.is_over), None)
    facts = (("order", entry.ordered_at), ("contact", entry.contacted_at))
    known = sorted((at, fact) for fact, at in facts if at is not None)
    return next((ending for at, fact in known if (ending := ending_by(entry, fact, at)) is not None), None)


def ending_by(entry: OpenEntry, fact: str, occurred_at: datetime) -> Ending | None:
    """Return how a fact ends an entry; None where it does not."""
    found = exit_by(
        rule_of_entry(entry), fact, occurred_at=occurred_at, entered_at=entry.entered_at, exposure_at=entry.exposure_at,
        occurrence=entry.occurrence, about=entry.about, zone=entry.zone_of_orders,
    )  # fmt: skip
    return None if found is None else Ending(entry, found, occurred_at if found.credited else None)


def _advanced(entry: OpenEntry, now: datetime, given: Mapping[int, Told]) -> Progress:
    assert entry.next_at is not None, "only those are due"
    steps = rule_of_entry(entry).steps
    decided = {each.position: given[each.step_id].grant_id is not None for each in steps if each.step_id in given}
    return advance(
        steps, position=entry.step, at=entry.next_at, about=entry.about, variant=entry.variant,
        zone=entry.zone, now=now, given=decided,
    )  # fmt: skip


def untrue(entries: Sequence[OpenEntry], facts: Mapping[UUID, Values | None]) -> list[Ending]:
    """Return that entries end because what they are about is not true any more."""
    gone = Exit(NO_LONGER_TRUE)
    return [Ending(each, gone, None) for each in entries if each.id in facts and facts[each.id] is None]


def _invite(retailer: Retailer, taken: Sequence[tuple[OpenEntry, Progress]], now: datetime) -> Invited:
    """Invite to the surveys that the steps ask, behind the locks of all recipients of this batch."""
    said = [(entry, planned) for entry, progress in taken for planned in progress.messages]
    asked = [
        ToAsk(entry.id, entry.customer_id, planned.step.step_id, planned.step.survey_id, entry.zone)
        for entry, planned in said
        if planned.step.survey_id is not None
    ]
    if not asked:
        return {}
    wake(retailer.pk, ((entry.customer_id, planned.at) for entry, planned in said))
    return invite(retailer, asked, now=now)


def _queue(
    retailer: Retailer,
    taken: Sequence[tuple[OpenEntry, Progress]],
    said: Mapping[UUID, Values],
    invited: Invited,
) -> None:
    messages = []
    for entry, planned in ((entry, planned) for entry, progress in taken for planned in progress.messages):
        found = invited.get((entry.id, planned.step.step_id))
        if found is None:
            messages.append(_message(entry, planned, said[entry.id]))
        elif not found.reason:
            messages.append(_message(entry, planned, {**said[entry.id], INVITATION: found.id.hex}))
    queue(retailer.pk, messages)


def _message(entry: OpenEntry, planned: Planned, values: Mapping[str, Any]) -> NewMessage:
    way = f":{planned.channels[0]}" if planned.channels else ""
    return NewMessage(
        customer_id=entry.customer_id, step_id=planned.step.step_id, cause=f"entry:{entry.id}:{planned.step.step_id}{way}",
        due_at=planned.at, expires_at=planned.expires_at, entry_id=entry.id, values=values, channels=planned.channels,
    )  # fmt: skip


def _write_progress(
    retailer: Retailer, taken: Sequence[tuple[OpenEntry, Progress]], invited: Invited, given: Decisions, now: datetime
) -> None:
    """Write how far entries went, and which are completed."""
    if not taken:
        return
    rows = [
        (entry.id, progress.position, progress.next_at, None if progress.next_at else now,
         "" if progress.next_at else "completed", None)
        for entry, progress in taken
    ]  # fmt: skip
    outcomes = [
        _outcome(retailer, entry, planned.step.position, *_what_of(invited.get((entry.id, planned.step.step_id))), now)
        for entry, progress in taken
        for planned in progress.messages
    ]
    outcomes += [
        _outcome_of_offer(retailer, entry, step.position, given[entry.id][step.step_id], now)
        for entry, progress in taken
        for step in progress.offers
    ]
    outcomes += [
        _outcome(retailer, entry, planned.step.position, Outcome.What.DROPPED, "superseded", now)
        for entry, progress in taken
        for planned in progress.superseded
    ]
    outcomes += [
        _outcome(retailer, entry, None, Outcome.What.COMPLETED, "", now)
        for entry, progress in taken
        if progress.next_at is None
    ]
    with bulk.together():
        bulk.execute(WRITE, bulk.columns_of(rows))
        tell(outcomes)


def _what_of(found: Invite | None) -> tuple[Outcome.What, str]:
    """Return what becomes of a message: planned, or not where it asks who was asked lately."""
    if found is None or not found.reason:
        return Outcome.What.PLANNED, ""
    return Outcome.What.DROPPED, found.reason


def _outcome_of_offer(retailer: Retailer, entry: OpenEntry, position: int, told: Told, now: datetime) -> NewOutcome:
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
        tell(outcomes)


def _outcome(  # noqa: PLR0913 - what an outcome says
    retailer: Retailer, entry: OpenEntry, step: int | None, what: Outcome.What, reason: str, now: datetime, *,
    rule: str = "",
) -> NewOutcome:  # fmt: skip
    return NewOutcome(
        retailer.pk, entry.campaign_id, entry.customer_id, entry.id, entry.occurrence, what, now, step=step, reason=reason,
        rule=rule,
    )  # fmt: skip
