"""What providers answered, written down: once for each message, whoever asked first."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.messages.claiming import Claimed
from loyalty.campaigns.messages.rendering import Rendered
from loyalty.campaigns.models import Address, Message, Outcome
from loyalty.campaigns.models.words import Channel, MessageKind
from loyalty.campaigns.outcomes import NewOutcome, tell
from loyalty.campaigns.reaching.addresses import suppress
from loyalty.campaigns.rules.leases import pause_of
from loyalty.campaigns.transports import Accepted, Answer, NoAnswer, NotNow, Refused

State = Message.State
LOCK = "SELECT customer_id FROM campaigns_recipient WHERE customer_id = ANY(%b::uuid[]) ORDER BY customer_id FOR NO KEY UPDATE"
ERASED = "SELECT id FROM customers_customer WHERE id = ANY(%b::uuid[]) AND erased_at IS NOT NULL"
# What came late is still true: one of which nobody knew was taken. But only who claimed it last may give it back. It says so by
# cases, so that messages are found by their ids: states would be looked up in an index, and whatever has them read each time.
SETTLE = """
UPDATE campaigns_message m SET state = w.state, reason = w.reason, claimed_until = NULL, settled_at = %s,
    due_at = coalesce(w.due_at, m.due_at), provider_id = w.provider_id,
    channel = CASE w.state WHEN 'due' THEN '' ELSE m.channel END,
    claimed_at = CASE w.state WHEN 'due' THEN NULL ELSE m.claimed_at END,
    language = w.language, rendered_hash = w.rendered_hash, subject = w.subject, body = w.body, button = w.button, link = w.link
FROM (
    SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS tries, unnest(%b::text[]) AS state, unnest(%b::text[]) AS reason,
        unnest(%b::timestamp with time zone[]) AS due_at, unnest(%b::text[]) AS provider_id, unnest(%b::text[]) AS language,
        unnest(%b::text[]) AS rendered_hash, unnest(%b::text[]) AS subject, unnest(%b::text[]) AS body,
        unnest(%b::text[]) AS button, unnest(%b::text[]) AS link
) w
WHERE w.id = m.id AND CASE m.state
    WHEN 'claimed' THEN w.state <> 'due' OR m.tries = w.tries WHEN 'unknown' THEN w.state NOT IN ('due', 'unknown') ELSE false END
RETURNING m.id, m.state
"""
# With its lease ended, a recipient need not be looked at again for what was answered.
NEXT = """
UPDATE campaigns_recipient r SET next_due_at = (
    SELECT min(coalesce(m.claimed_until, m.due_at)) FROM campaigns_message m
    WHERE m.customer_id = r.customer_id AND m.state IN ('due', 'claimed'))
WHERE r.customer_id = ANY(%b::uuid[])
"""
FORGET_DEVICES = """
DELETE FROM campaigns_pushdevice WHERE id IN (
    SELECT id FROM campaigns_pushdevice WHERE retailer_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE)
"""
TOLD = {
    State.ACCEPTED: Outcome.What.SENT,
    State.DELIVERED: Outcome.What.SENT,
    State.FAILED: Outcome.What.FAILED,
    State.UNKNOWN: Outcome.What.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Answered:
    """A message with what its provider said. :param said: None where there was nothing to say"""

    claimed: Claimed
    said: Rendered | None
    answer: Answer


@transaction.atomic
def settle(retailer: Retailer, answers: Sequence[Answered], *, now: datetime) -> None:
    """Write answers down. What has none keeps its lease: whoever finds it ended decides what becomes of it."""
    known = [each for each in answers if not _is_open(each)]
    if not known:
        return
    customers = [each.claimed.message.customer_id for each in known]
    bulk.fetch(LOCK, [customers])
    erased = {key for (key,) in bulk.fetch(ERASED, [customers])}
    known = [_of_nobody(each) if each.claimed.message.customer_id in erased else each for each in known]
    rows = [_row(each, now) for each in known]
    written = dict(bulk.fetch(SETTLE, [now, *bulk.columns_of(rows)]))
    told = [each for each in known if written.get(each.claimed.message.due.id) in TOLD]
    outcomes = [_outcome(retailer, each, written, now) for each in told if each.claimed.message.campaign_id]
    with bulk.together():
        tell(outcomes)
        bulk.execute(NEXT, [customers])
    if gone := [key for each in known if isinstance(each.answer, Accepted | Refused) for key in each.answer.gone]:
        bulk.execute(FORGET_DEVICES, [retailer.pk, gone])
    refused = [each for each in known if isinstance(each.answer, Refused) and each.answer.is_address]
    if keys := [each.claimed.message.due.id for each in refused if each.claimed.message.due.id in written]:
        _suppress(retailer, keys, now)


def _is_open(each: Answered) -> bool:
    """Tell whether nobody knows: no answer, or none that takes back that it was given to the provider before."""
    return isinstance(each.answer, NoAnswer) or (isinstance(each.answer, NotNow) and each.claimed.is_again)


def _of_nobody(each: Answered) -> Answered:
    """
    Return an answer without all that leads to who was erased while its message was on its way.

    What was not taken for now is not tried again.
    """
    occurrence, _, _fact = each.claimed.message.occurrence.partition(":")
    message = replace(each.claimed.message, occurrence=occurrence and f"{occurrence}:{each.claimed.message.due.id}")
    answer = each.answer
    if isinstance(answer, Accepted):
        answer = replace(answer, provider_id="")
    elif isinstance(answer, NotNow):
        answer = Refused("erased")
    return Answered(replace(each.claimed, message=message), None, answer)


def _row(each: Answered, now: datetime) -> tuple[object, ...]:
    state, reason, provider_id, due_at = State.DUE, "", "", None
    if isinstance(each.answer, Accepted):
        state = State.DELIVERED if each.answer.is_final else State.ACCEPTED
        provider_id = each.answer.provider_id
    elif isinstance(each.answer, Refused):
        state, reason = _refused_as(each.claimed, each.answer), each.answer.reason
    else:
        due_at = _again_at(each, now)
    message, said = each.claimed.message, each.said
    is_kept = said is not None and (each.claimed.channel == Channel.INBOX or message.due.kind == MessageKind.SERVICE)
    kept = (said.subject, said.body, said.button, said.link) if said is not None and is_kept else ("", "", "", "")
    return (
        message.due.id, each.claimed.tries, str(state), reason, due_at, provider_id, said.language if said else "",
        said.digest if said else "", *kept,
    )  # fmt: skip


def _refused_as(claimed: Claimed, answer: Refused) -> Message.State:
    """
    Return what a refusal makes of a message.

    Of one that was given to the provider before it says nothing: that may have been taken, and what came now, with other values
    under the same key, is refused for being another one. Only where there is no such address was it taken neither time.
    """
    return State.UNKNOWN if claimed.is_again and not answer.is_address else State.FAILED


def _again_at(each: Answered, now: datetime) -> datetime:
    """Return when a message is tried again that was not taken for now."""
    return now + pause_of(each.claimed.tries)


def _outcome(retailer: Retailer, each: Answered, written: dict[UUID, str], now: datetime) -> NewOutcome:
    message = each.claimed.message
    state = State(written[message.due.id])
    reason = each.answer.reason if isinstance(each.answer, Refused) else ""
    return NewOutcome(
        retailer.pk, message.campaign_id, message.customer_id, message.entry_id, message.occurrence, TOLD[state], now,
        step=message.position, reason=reason, channel=each.claimed.channel,
    )  # fmt: skip


def _suppress(retailer: Retailer, messages: Collection[UUID], now: datetime) -> None:
    """Send nothing more to the addresses that refused some messages, in the order of all who write several of them."""
    # Of who was erased nobody knows it any more.
    found = Message.objects.filter(pk__in=messages).exclude(address_hash="")
    for channel, value_hash in sorted(set(found.values_list("channel", "address_hash"))):
        suppress(retailer.pk, channel, value_hash, Address.Reason.HARD_BOUNCE, now=now)
