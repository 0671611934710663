"""
What of a retailer's due messages goes now: decided under their recipients' locks, and written down before anything is sent.

Recipients are locked, not messages: so what one message takes of a cap, the next does not have, whoever decides it. Who finds
a recipient locked passes it over. Then everything is read by later statements, decided at once, written, and committed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.loading import OpenMessage, Person, Settings, load_open, load_persons, load_settings
from loyalty.campaigns.models import Campaign, Message, Outcome
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.rules.consent import EXISTING_CUSTOMER, allows
from loyalty.campaigns.rules.leases import Fate, fate_of, lease_of
from loyalty.campaigns.rules.planning import Go, Later, Plan, plan_all
from loyalty.campaigns.setting_aside import RETRIED_AFTER, set_aside
from loyalty.campaigns.speed import Speeds
from loyalty.campaigns.transports import Device

BATCH = 500  # recipients
# Messages of who was merged wait until they are carried on (`carrying`). One that a provider did not take comes back to whom it
# was for, so whoever finds one says so again.
MERGED, LOOK_AGAIN = "merged", timedelta(minutes=1)
NOTE_MERGED = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT %s, n.id, 'merged', '', %s FROM unnest(%s::uuid[]) AS n (id)
"""
CLAIM = """
SELECT r.customer_id FROM campaigns_recipient r WHERE r.retailer_id = %s AND r.next_due_at <= %s
ORDER BY r.next_due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
WRITE = """
UPDATE campaigns_message m SET state = w.state, reason = w.reason, rule = w.rule, channel = w.channel, due_at = w.due_at,
    claimed_at = w.claimed_at, claimed_until = w.claimed_until, tries = w.tries, is_resent = w.is_resent,
    address_hash = CASE w.address_hash WHEN '' THEN m.address_hash ELSE w.address_hash END
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS state, unnest(%b::text[]) AS reason, unnest(%b::text[]) AS rule,
        unnest(%b::text[]) AS channel, unnest(%b::timestamp with time zone[]) AS due_at,
        unnest(%b::timestamp with time zone[]) AS claimed_at, unnest(%b::timestamp with time zone[]) AS claimed_until,
        unnest(%b::bigint[]) AS tries, unnest(%b::boolean[]) AS is_resent, unnest(%b::text[]) AS address_hash
) w WHERE w.id = m.id
"""
NEXT = """
UPDATE campaigns_recipient r SET next_due_at = w.next_due_at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamp with time zone[]) AS next_due_at) w WHERE w.id = r.customer_id
"""
OUTCOME = (
    "retailer_id",
    "campaign_id",
    "customer_id",
    "entry_id",
    "occurrence",
    "step",
    "what",
    "reason",
    "rule",
    "channel",
    "at",
)
State = Message.State


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


@dataclass(frozen=True, slots=True)
class _Change:
    """A message as it is to be written."""

    message: OpenMessage
    state: str
    reason: str = ""
    rule: str = ""
    channel: str = ""
    due_at: datetime | None = None
    claimed_at: datetime | None = None
    until: datetime | None = None
    tries: int = 0
    is_resent: bool = False
    address_hash: str = ""


@transaction.atomic
def claim(retailer: Retailer, *, now: datetime, limit: int = BATCH) -> Claim:
    """Decide what is due to some recipients that nobody else looks at, and write it down."""
    customers = [key for (key,) in bulk.fetch(CLAIM, [retailer.pk, now, limit])]
    if not customers:
        return Claim()
    messages = load_open(customers, now)
    settings = load_settings(retailer)
    grounded = [each.customer_id for each in messages if each.due.ground == EXISTING_CUSTOMER]
    persons = load_persons(retailer, settings, customers, now, grounded=grounded)
    speeds = Speeds(settings.channels.values(), now)
    decided = _decide(messages, persons, settings, speeds, now)
    speeds.settle()
    _note_merged(retailer, {each.message.customer_id for each in decided.changes if each.rule == MERGED}, now)
    _write(retailer, customers, messages, decided, now)
    claimed = [
        _claimed(each, persons[each.message.customer_id], now)
        for each in decided.changes
        if each.state == State.CLAIMED
    ]
    return Claim(len(customers), claimed, settings)


@dataclass(frozen=True, slots=True)
class _Decided:
    """:param left: recipients of whom nothing could be decided, whatever the flaw: they are looked at again later"""

    changes: Sequence[_Change]
    left: AbstractSet[UUID]


def _note_merged(retailer: Retailer, customers: Collection[UUID], now: datetime) -> None:
    if customers:
        bulk.execute(NOTE_MERGED, [retailer.pk, now, sorted(customers)])


def _decide(
    messages: Sequence[OpenMessage], persons: Mapping[UUID, Person], settings: Settings, speeds: Speeds, now: datetime
) -> _Decided:
    """Return what changes of recipients' open messages. One of whom it cannot be decided stops nobody else's."""
    due: dict[UUID, list[OpenMessage]] = defaultdict(list)
    for each in messages:
        if each.next_at <= now:
            due[each.customer_id].append(each)
    changes: list[_Change] = []
    left = set(due)
    for customer, own in due.items():
        with set_aside("recipient_set_aside", customer=str(customer)):
            changes += _of_one(own, persons[customer], settings, speeds, now)
            left.discard(customer)
    return _Decided(changes, left)


def _of_one(
    due: Sequence[OpenMessage], person: Person, settings: Settings, speeds: Speeds, now: datetime
) -> list[_Change]:
    """Return what changes of what is due to one recipient."""
    changes: list[_Change] = []
    waiting: dict[UUID, OpenMessage] = {}
    for each in due:
        if each.state == State.CLAIMED:
            changes.append(_without_answer(each, person, settings, now))
        elif ended := _ended(each, person, now):
            changes.append(ended)
        else:
            waiting[each.due.id] = each
    dues = [each.due for each in waiting.values()]
    plans = plan_all(person.recipient, dues, person.history, person.consents, settings.caps, now)
    return changes + [_change(waiting[plan.id], speeds.limit(plan), person, now) for plan in plans]


def _ended(message: OpenMessage, person: Person, now: datetime) -> _Change | None:
    """Return what becomes of a message that its recipient, its campaign or its entry has no use for now, or any more."""
    if person.is_gone:
        return _Change(message, State.DROPPED, "gone")
    if person.is_merged:
        return _Change(message, State.DUE, rule=MERGED, due_at=now + LOOK_AGAIN, tries=message.tries)
    if message.campaign_state == Campaign.State.ENDED:
        return _Change(message, State.DROPPED, "campaign_ended")
    if message.ended:
        return _Change(message, State.DROPPED, "exited", message.ended)
    if message.campaign_state == Campaign.State.PAUSED:
        return _Change(message, State.HELD, due_at=message.due.due_at)
    return None


def _change(message: OpenMessage, plan: Plan, person: Person, now: datetime) -> _Change:
    if isinstance(plan, Go):
        tries = message.tries + 1
        return _Change(
            message, State.CLAIMED, channel=plan.channel, claimed_at=now, until=now + lease_of(tries), tries=tries,
            is_resent=message.is_resent, address_hash=person.hashes.get(plan.channel, ""),
        )  # fmt: skip
    if isinstance(plan, Later):
        return _Change(message, State.DUE, rule=plan.rule, due_at=plan.until, tries=message.tries)
    return _Change(message, State.DROPPED, plan.reason, plan.rule, tries=message.tries)


def _without_answer(message: OpenMessage, person: Person, settings: Settings, now: datetime) -> _Change:
    """Return what becomes of a message whose answer never came: sent again where that is safe and still allowed."""
    assert message.claimed_at is not None, "a constraint says so"
    fate = fate_of(
        kind=message.due.kind, takes_keys=settings.takes_keys(message.channel), is_resent=message.is_resent,
        first_sent_at=message.claimed_at, now=now,
    )  # fmt: skip
    may_go = (
        message.channel in person.addresses
        and not person.is_gone
        and not person.is_merged
        and now < message.due.expires_at
        and allows(
            person.consents, kind=message.due.kind, channel=message.channel, ground=message.due.ground,
            has_bought=person.recipient.has_bought,
        )
    )  # fmt: skip
    kept = _Change(
        message, State.UNKNOWN, channel=message.channel, claimed_at=message.claimed_at, tries=message.tries,
        is_resent=message.is_resent,
    )  # fmt: skip
    if fate == Fate.UNKNOWN or not may_go:
        return kept
    tries = message.tries + 1
    return replace(
        kept, state=State.CLAIMED, tries=tries, until=now + lease_of(tries), is_resent=fate == Fate.AGAIN_MARKED,
        address_hash=person.hashes.get(message.channel, ""),
    )  # fmt: skip


def _write(
    retailer: Retailer,
    customers: Sequence[UUID],
    messages: Sequence[OpenMessage],
    decided: _Decided,
    now: datetime,
) -> None:
    """Write all at once: the messages, when their recipients are next to be looked at, and the outcomes."""
    changes = decided.changes
    nexts: dict[UUID, list[datetime]] = {key: [] for key in customers}
    changed = {each.message.due.id for each in changes}
    for message in messages:
        if message.customer_id in decided.left:
            nexts[message.customer_id].append(now + RETRIED_AFTER)
        elif message.due.id not in changed:
            nexts[message.customer_id].append(message.next_at)
    for each in changes:
        if each.state in {State.CLAIMED, State.DUE}:
            at = each.until or each.due_at
            assert at is not None, "it has one of both"
            nexts[each.message.customer_id].append(at)
    with bulk.together():
        if changes:
            bulk.execute(WRITE, bulk.columns_of(_row(each) for each in changes))
        bulk.insert(Outcome, OUTCOME, [_outcome(retailer, each, now) for each in changes if _is_told(each)])
        bulk.execute(NEXT, bulk.columns_of((key, min(found, default=None)) for key, found in nexts.items()))


def _row(change: _Change) -> tuple[object, ...]:
    return (
        change.message.due.id, str(change.state), change.reason, change.rule, change.channel,
        change.due_at or change.message.due.due_at, change.claimed_at, change.until, change.tries, change.is_resent,
        change.address_hash,
    )  # fmt: skip


WORDS = {
    State.DUE: Outcome.What.DEFERRED,
    State.DROPPED: Outcome.What.DROPPED,
    State.UNKNOWN: Outcome.What.UNKNOWN,
}


def _is_told(change: _Change) -> bool:
    """Tell whether an outcome says what became of it: of what is on its way, its answer does."""
    return change.message.campaign_id is not None and change.state in WORDS and change.rule not in {Speeds.RULE, MERGED}


def _outcome(retailer: Retailer, change: _Change, now: datetime) -> tuple[object, ...]:
    message = change.message
    return (
        retailer.pk, message.campaign_id, message.customer_id, message.entry_id, message.occurrence, message.position,
        WORDS[State(change.state)].value, change.reason, change.rule, change.channel, now,
    )  # fmt: skip


def _claimed(change: _Change, person: Person, now: datetime) -> Claimed:
    assert change.until is not None
    return Claimed(
        change.message, change.channel, person.addresses[change.channel], change.tries, now, change.until,
        change.message.state == State.CLAIMED, person.devices if change.channel == Channel.PUSH else (),
    )  # fmt: skip
