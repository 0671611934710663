"""
What of a retailer's due messages goes now: decided under their recipients' locks, and written down before anything is sent.

Recipients are locked, not messages: so what one message takes of a cap, the next does not have, whoever decides it. Who finds
a recipient locked passes it over. Then everything is read by later statements, decided at once, written, and committed.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.messages.deciding import MERGED, DecidedMessages, MessageChange, decide
from loyalty.campaigns.messages.loading import OpenMessage, Person, Settings, load_open, load_persons, load_settings
from loyalty.campaigns.messages.speed import Speeds
from loyalty.campaigns.models import Message, Outcome
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.offering.steps import decided_for, lacks_needed, still_had, values_of_offers
from loyalty.campaigns.outcomes import NewOutcome, tell
from loyalty.campaigns.reaching.merging import note_merged
from loyalty.campaigns.rules.consent import EXISTING_CUSTOMER
from loyalty.campaigns.rules.exits import NO_LONGER_TRUE
from loyalty.campaigns.setting_aside import RETRIED_AFTER, set_aside
from loyalty.campaigns.transports import Device

BATCH = 500  # recipients
CLAIM = """
SELECT r.customer_id FROM campaigns_recipient r WHERE r.retailer_id = %s AND r.next_due_at <= %s
ORDER BY r.next_due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
# Of what is sent again to another address than before, no receipt says which of them it is of: it has none.
WRITE = """
UPDATE campaigns_message m SET state = w.state, reason = w.reason, rule = w.rule, channel = w.channel, due_at = w.due_at,
    claimed_at = w.claimed_at, claimed_until = w.claimed_until, tries = w.tries, is_resent = w.is_resent,
    route = w.route,
    address_hash = CASE WHEN w.address_hash = '' THEN m.address_hash
        WHEN m.state = 'claimed' AND m.address_hash <> w.address_hash THEN '' ELSE w.address_hash END
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS state, unnest(%b::text[]) AS reason, unnest(%b::text[]) AS rule,
        unnest(%b::text[]) AS channel, unnest(%b::timestamp with time zone[]) AS due_at,
        unnest(%b::timestamp with time zone[]) AS claimed_at, unnest(%b::timestamp with time zone[]) AS claimed_until,
        unnest(%b::bigint[]) AS tries, unnest(%b::boolean[]) AS is_resent, unnest(%b::text[]) AS address_hash,
        unnest(%b::text[]) AS route
) w WHERE w.id = m.id
"""
NEXT = """
UPDATE campaigns_recipient r SET next_due_at = w.next_due_at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamp with time zone[]) AS next_due_at) w WHERE w.id = r.customer_id
"""
# What texts say of what messages are about, as it is when they go.
SAY = """
UPDATE campaigns_message m SET "values" = m."values" || w.said::jsonb
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS said) w WHERE w.id = m.id
"""
State = Message.State
# Of entries by their ids: what is true of each now, as `journeys.looking_again` has it; of those that it leaves out, what was.
LookAgain = Callable[[Collection[UUID], datetime], Mapping[UUID, Mapping[str, Any] | None]]
TOLD = {
    State.DUE: Outcome.What.DEFERRED,
    State.DROPPED: Outcome.What.DROPPED,
    State.UNKNOWN: Outcome.What.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """
    A message that goes now.

    :param tries: how often it has been claimed, this time included
    :param is_again: whether it was given to the provider before, and nobody knows what became of it
    :param devices: on which a push message is shown
    """

    message: OpenMessage
    channel: str
    address: str
    tries: int
    claimed_at: datetime
    until: datetime
    is_again: bool
    devices: tuple[Device, ...] = ()


@dataclass(slots=True)
class Claim:
    """What one claim did. :param recipients: how many were looked at; 0 means that nothing is due"""

    recipients: int = 0
    claimed: list[Claimed] = field(default_factory=list)
    settings: Settings | None = None


@transaction.atomic
def claim(retailer: Retailer, *, now: datetime, look_again: LookAgain, limit: int = BATCH) -> Claim:
    """
    Decide what is due to some recipients that nobody else looks at, and write it down.

    :param look_again: at what those messages are about that waited
    """
    customers = [key for (key,) in bulk.fetch(CLAIM, [retailer.pk, now, limit])]
    if not customers:
        return Claim()
    messages = _with_offers(_as_it_is(load_open(customers, now), look_again, now), now)
    settings = load_settings(retailer)
    grounded = [each.customer_id for each in messages if each.due.ground == EXISTING_CUSTOMER]
    persons = load_persons(retailer, settings, customers, now, grounded=grounded)
    speeds = Speeds(settings.channels.values(), now)
    decided = decide(messages, persons, settings, speeds, now)
    speeds.settle()
    note_merged(retailer.pk, {each.message.customer_id for each in decided.changes if each.rule == MERGED}, now)
    _write(retailer, customers, messages, decided, now)
    claimed = [_claimed(each, persons[each.message.customer_id], now) for each in decided.changes if each.goes]
    return Claim(len(customers), claimed, settings)


def _as_it_is(messages: Sequence[OpenMessage], look_again: LookAgain, now: datetime) -> list[OpenMessage]:
    """Return messages as they are to be decided: those that waited say what is true now, or have nothing to say any more."""
    doubtful = {each.entry_id for each in messages if each.entry_id is not None and each.is_doubtful(now)}
    found: Mapping[UUID, Mapping[str, Any] | None] = {}
    if doubtful:
        with set_aside("messages_not_looked_at_again"), transaction.atomic():  # what was true when it was said is said
            found = look_again(doubtful, now)
    rows, judged = [], []
    for each in messages:
        said = found.get(each.entry_id, {}) if each.entry_id is not None and each.is_doubtful(now) else {}
        if said:
            rows.append((each.due.id, json.dumps(said)))
        judged.append(replace(each, ended=NO_LONGER_TRUE) if said is None else each)
    if rows:
        bulk.execute(SAY, bulk.columns_of(rows))
    return judged


def _with_offers(messages: Sequence[OpenMessage], now: datetime) -> list[OpenMessage]:
    """Return messages as they are to be decided: none promises an offer that was taken back, or is over since it was planned."""
    naming = {
        each.entry_id: each.customer_id
        for each in messages
        if each.names_offer and each.entry_id is not None and each.next_at <= now and not each.ended
    }
    told = decided_for(naming, now=now)
    rows, judged = [], []
    for each in messages:
        decided = told.get(each.entry_id, {}) if each.names_offer and each.entry_id is not None else {}
        own = still_had(decided, since=each.planned_at, now=now)
        if not any(one.is_taken_back for one in own.values()):
            judged.append(each)
            continue
        rows.append((each.due.id, json.dumps(values_of_offers(own))))
        judged.append(replace(each, ended=each.ended or NO_LONGER_TRUE) if lacks_needed(own) else each)
    if rows:
        bulk.execute(SAY, bulk.columns_of(rows))
    return judged


def _claimed(change: MessageChange, person: Person, now: datetime) -> Claimed:
    assert change.until is not None
    return Claimed(
        change.message, change.channel, person.addresses[change.channel], change.tries, now, change.until,
        change.message.state == State.CLAIMED, person.devices if change.channel == Channel.PUSH else (),
    )  # fmt: skip


def _write(
    retailer: Retailer,
    customers: Sequence[UUID],
    messages: Sequence[OpenMessage],
    decided: DecidedMessages,
    now: datetime,
) -> None:
    """Write all at once: the messages, when their recipients are next to be looked at, and the outcomes."""
    changes, nexts = decided.changes, _next_times(customers, messages, decided, now)
    with bulk.together():
        if changes:
            bulk.execute(WRITE, bulk.columns_of(_row(each) for each in changes))
        tell(_outcome(retailer, each, now) for each in changes if _is_told(each))
        bulk.execute(NEXT, bulk.columns_of(nexts.items()))


def _next_times(
    customers: Sequence[UUID], messages: Sequence[OpenMessage], decided: DecidedMessages, now: datetime
) -> dict[UUID, datetime | None]:
    """Return when each recipient is next to be looked at; None where nothing of it is open any more."""
    nexts: dict[UUID, list[datetime]] = {key: [] for key in customers}
    changed = {each.message.due.id for each in decided.changes}
    for message in messages:
        if message.customer_id in decided.left:
            nexts[message.customer_id].append(now + RETRIED_AFTER)
        elif message.due.id not in changed:
            nexts[message.customer_id].append(message.next_at)
    for each in decided.changes:
        if each.state in {State.CLAIMED, State.DUE}:
            at = each.until or each.due_at
            assert at is not None, "it has one of both"
            nexts[each.message.customer_id].append(at)
    return {key: min(found, default=None) for key, found in nexts.items()}


def _row(change: MessageChange) -> tuple[object, ...]:
    return (
        change.message.due.id, str(change.state), change.reason, change.rule, change.channel,
        change.due_at or change.message.due.due_at, change.claimed_at, change.until, change.tries, change.is_resent,
        change.address_hash, change.route,
    )  # fmt: skip


def _is_told(change: MessageChange) -> bool:
    """Tell whether an outcome says what became of it: of what is on its way, its answer does."""
    return change.message.campaign_id is not None and change.state in TOLD and change.rule not in {Speeds.RULE, MERGED}


def _outcome(retailer: Retailer, change: MessageChange, now: datetime) -> NewOutcome:
    message = change.message
    return NewOutcome(
        retailer.pk, message.campaign_id, message.customer_id, message.entry_id, message.occurrence,
        TOLD[State(change.state)], now, step=message.position, reason=change.reason, rule=change.rule,
        channel=change.channel,
    )  # fmt: skip
