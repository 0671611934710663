"""What becomes of messages that are due: of each recipient's all at once, under its lock; nothing is written here."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from customers.core.values import dataclass
from loyalty.campaigns.messages.loading import OpenMessage, Person, Settings
from loyalty.campaigns.messages.speed import Speeds
from loyalty.campaigns.models import Campaign, Message
from loyalty.campaigns.rules.consent import PROFILING, allows
from loyalty.campaigns.rules.leases import Fate, fate_of, lease_of
from loyalty.campaigns.rules.planning import Go, Later, Plan, free_at, plan_all
from loyalty.campaigns.setting_aside import set_aside

# Messages of who was merged wait until they are carried on (`carrying`). One that a provider did not take comes back to whom it
# was for, so whoever finds one says so again.
MERGED, LOOK_AGAIN = "merged", timedelta(minutes=1)
PAUSED_LOOK = timedelta(minutes=10)  # until a campaign goes on, of which something has no answer
State = Message.State


@dataclass(frozen=True, slots=True)
class MessageChange:
    """A message as it is to be written. :param goes: whether it is given to its provider now"""

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
    route: str = ""
    goes: bool = False


@dataclass(frozen=True, slots=True)
class DecidedMessages:
    """:param left: recipients of whom nothing could be decided, whatever the flaw: they are looked at again later"""

    changes: Sequence[MessageChange]
    left: AbstractSet[UUID]


def decide(
    messages: Sequence[OpenMessage], persons: Mapping[UUID, Person], settings: Settings, speeds: Speeds, now: datetime
) -> DecidedMessages:
    """Return what changes of recipients' open messages. One of whom it cannot be decided stops nobody else's."""
    due: dict[UUID, list[OpenMessage]] = defaultdict(list)
    for each in messages:
        if each.next_at <= now:
            due[each.customer_id].append(each)
    changes: list[MessageChange] = []
    left = set(due)
    for customer, own in due.items():
        with set_aside("recipient_set_aside", customer=str(customer)):
            changes += _of_one(own, persons[customer], settings, speeds, now)
            left.discard(customer)
    return DecidedMessages(changes, left)


def _of_one(
    due: Sequence[OpenMessage], person: Person, settings: Settings, speeds: Speeds, now: datetime
) -> list[MessageChange]:
    """Return what changes of what is due to one recipient."""
    changes: list[MessageChange] = []
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
    return changes + [_change(waiting[plan.id], speeds.limit(plan), person, settings, now) for plan in plans]


def _ended(message: OpenMessage, person: Person, now: datetime) -> MessageChange | None:
    """Return what becomes of a message that its recipient, its campaign or its entry has no use for now, or any more."""
    if person.is_gone:
        return MessageChange(message, State.DROPPED, "gone")
    if person.is_merged:
        return MessageChange(message, State.DUE, rule=MERGED, due_at=now + LOOK_AGAIN, tries=message.tries)
    if message.campaign_state == Campaign.State.ENDED:
        return MessageChange(message, State.DROPPED, "campaign_ended")
    if message.ended:
        return MessageChange(message, State.DROPPED, "exited", message.ended)
    if message.campaign_state == Campaign.State.PAUSED:
        return MessageChange(message, State.HELD, due_at=message.due.due_at)
    return None


def _change(message: OpenMessage, plan: Plan, person: Person, settings: Settings, now: datetime) -> MessageChange:
    if isinstance(plan, Go):
        tries = message.tries + 1
        return MessageChange(
            message, State.CLAIMED, channel=plan.channel, claimed_at=now, until=now + lease_of(tries), tries=tries,
            is_resent=message.is_resent, address_hash=person.hashes.get(plan.channel, ""),
            route=settings.route(plan.channel), goes=True,
        )  # fmt: skip
    if isinstance(plan, Later):
        return MessageChange(message, State.DUE, rule=plan.rule, due_at=plan.until, tries=message.tries)
    return MessageChange(message, State.DROPPED, plan.reason, plan.rule, tries=message.tries)


def _without_answer(message: OpenMessage, person: Person, settings: Settings, now: datetime) -> MessageChange:
    """
    Return what becomes of a message whose answer never came: sent again where that is safe and still allowed.

    In quiet hours and pauses, its member's or its campaign's, it waits for their end, as any other one, unless that would be
    too late. It stays on its way meanwhile: it may have gone, and counts as what did.
    """
    assert message.claimed_at is not None, "a constraint says so"
    at = free_at(person.recipient, message.due, message.channel, now)
    fate = Fate.UNKNOWN if at is None or not _may_go_again(message, person, at) else fate_of(
        kind=message.due.kind, takes_keys=settings.knows(message), is_resent=message.is_resent,
        first_sent_at=message.claimed_at, now=at,
    )  # fmt: skip
    kept = MessageChange(
        message, State.UNKNOWN, channel=message.channel, claimed_at=message.claimed_at, tries=message.tries,
        is_resent=message.is_resent, route=message.route,
    )  # fmt: skip
    if fate == Fate.UNKNOWN:
        return kept
    if at != now:
        return replace(kept, state=State.CLAIMED, until=at)
    if message.campaign_state == Campaign.State.PAUSED:
        return replace(kept, state=State.CLAIMED, until=now + PAUSED_LOOK)
    tries, is_resent = message.tries + 1, message.is_resent or fate == Fate.AGAIN_MARKED
    return replace(
        kept, state=State.CLAIMED, tries=tries, until=now + lease_of(tries), is_resent=is_resent,
        address_hash=person.hashes.get(message.channel, ""), route=settings.route(message.channel), goes=True,
    )  # fmt: skip


def _may_go_again(message: OpenMessage, person: Person, at: datetime) -> bool:
    """Tell whether a message may still go by its channel at an instant."""
    due, consents = message.due, person.consents
    return (
        message.channel in person.addresses
        and not person.is_gone
        and not person.is_merged
        and not message.ended
        and message.campaign_state != Campaign.State.ENDED
        and at < due.expires_at
        and (not due.needs_profiling or consents.get(PROFILING, False))
        and allows(
            consents, kind=due.kind, channel=message.channel, ground=due.ground, has_bought=person.recipient.has_bought
        )
    )
