"""
Sends what is due: claim, commit, give to the providers, settle.

The claim is committed before anything leaves, so whoever dies leaves rows that say what may have gone; no two send the same.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from customers.models import Retailer
from loyalty.campaigns.messages.claiming import BATCH, Claim, Claimed, LookAgain, claim
from loyalty.campaigns.messages.loading import Settings
from loyalty.campaigns.messages.rendering import (
    NoText,
    Rendered,
    outgoing,
    render,
    says_suggestions,
    texts_of,
    values_of,
    values_of_suggestions,
)
from loyalty.campaigns.messages.settling import Answered, settle
from loyalty.campaigns.messages.turns import TURNS
from loyalty.campaigns.models import Message, MessageChannel, Recipient, StepText
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.transports import NoAnswer, Refused, Route, Transport
from loyalty.campaigns.transports.http import HttpTransport
from loyalty.campaigns.transports.inbox import InboxTransport
from loyalty.campaigns.transports.mail import MailTransport
from loyalty.campaigns.transports.web_push import WebPushTransport

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
TURN_SECONDS = 20.0  # after which others have theirs; a batch that has begun is sent to its end
# Answers of so many seconds may be lost with a worker that dies while it sends, however fast its provider is.
SETTLED_EVERY = timedelta(seconds=1)
SPARE = timedelta(seconds=20)  # of a lease, within which nothing is begun: longer than one post takes
PROVIDERS: Mapping[str, Transport] = {
    MessageChannel.Provider.MAIL: MailTransport(),
    MessageChannel.Provider.HTTP: HttpTransport(),
    MessageChannel.Provider.WEB_PUSH: WebPushTransport(),
    Channel.INBOX: InboxTransport(),
}


def due_retailers(now: datetime) -> list[int]:
    """Return the ids of retailers for which something is due."""
    return list(Recipient.objects.filter(next_due_at__lte=now).values_list("retailer_id", flat=True).distinct())


def take_turn(
    retailer: Retailer,
    *,
    look_again: LookAgain,
    seconds: float = TURN_SECONDS,
    clock: Clock = timezone.now,
    providers: Mapping[str, Transport] = PROVIDERS,
) -> None:
    """
    Send a retailer's messages in batches, as long as some are due and its turn lasts; nothing where it may have none.

    :param look_again: at what those messages are about that waited
    """
    over_at = time.monotonic() + seconds
    with TURNS.turn(retailer.pk) as may_go:
        while may_go and send(retailer, clock=clock, providers=providers, look_again=look_again):
            if time.monotonic() >= over_at:
                break


def send(
    retailer: Retailer,
    *,
    look_again: LookAgain,
    clock: Clock = timezone.now,
    providers: Mapping[str, Transport] = PROVIDERS,
    limit: int = BATCH,
) -> int:
    """
    Send one batch of what is due to a retailer's recipients.

    :param look_again: at what those messages are about that waited
    :param providers: the ways out, by their name
    :returns: how many recipients were looked at; 0 means that nothing is due, or that others look at it
    """
    found = claim(retailer, now=clock(), limit=limit, look_again=look_again)
    if found.claimed:
        _send_all(retailer, found, clock, providers)
    return found.recipients


def _send_all(retailer: Retailer, found: Claim, clock: Clock, providers: Mapping[str, Transport]) -> None:
    assert found.settings is not None, "who claimed read them"
    said = _rendered(retailer, found.claimed)
    silent = [Answered(each, None, Refused("no_text")) for each in found.claimed if each.message.due.id not in said]
    settle(retailer, silent, now=clock())
    by_channel: dict[str, list[Claimed]] = defaultdict(list)
    for each in found.claimed:
        if each.message.due.id in said:
            by_channel[each.channel].append(each)
    for channel, batch in by_channel.items():
        transport = providers[_provider(found.settings, channel)]
        _send_batch(retailer, found.settings, transport, channel, batch, said, clock)


def _rendered(retailer: Retailer, claimed: Sequence[Claimed]) -> dict[object, Rendered]:
    """Return what each message says; one whose text cannot be made says nothing, and stops no other."""
    keys = [each.message.due.id for each in claimed]
    rows = {row.pk: row for row in Message.objects.filter(pk__in=keys).select_related("campaign")}
    texts = texts_of(row.step_id for row in rows.values() if row.step_id is not None)
    values = values_of(retailer, list(rows.values()))
    _add_suggestions(retailer, rows, texts, values, claimed[0].claimed_at)
    found: dict[object, Rendered] = {}
    for each in claimed:
        key = each.message.due.id
        try:
            found[key] = render(
                texts.get(rows[key].step_id or 0, ()), each.channel, values[key]["language"], values[key]
            )
        except NoText:
            log.warning("message_without_text", message=str(key), channel=each.channel)
        except Exception:  # whatever a template does, it is this one's
            log.exception("message_not_rendered", message=str(key))
    return found


def _add_suggestions(
    retailer: Retailer,
    rows: Mapping[UUID, Message],
    texts: Mapping[int, Sequence[StepText]],
    values: dict[UUID, dict[str, Any]],
    at: datetime,
) -> None:
    """Add the products that some messages name to their readers; nothing is read where none does."""
    naming = {step for step, own in texts.items() if says_suggestions(own)}
    asked = {key: row.customer_id for key, row in rows.items() if row.step_id in naming}
    languages = {customer: str(values[key]["language"]) for key, customer in asked.items()}
    named = values_of_suggestions(retailer, languages, at=at) if asked else {}
    for key, customer in asked.items():
        values[key] |= named[customer]


def _send_batch(  # noqa: PLR0913 - what a batch needs
    retailer: Retailer,
    settings: Settings,
    transport: Transport,
    channel: str,
    batch: Sequence[Claimed],
    said: Mapping[object, Rendered],
    clock: Clock,
) -> None:
    by_id = {each.message.due.id: each for each in batch}
    over_at = min(each.until for each in batch) - SPARE
    outgoings = [
        replace(
            outgoing(retailer, key, each.message.due.kind, channel, each.address, said[key]),
            devices=each.devices,
            expires_at=each.message.due.expires_at,
        )
        for key, each in by_id.items()
    ]
    waiting, answers = dict(by_id), list[Answered]()
    settled_at = clock()
    try:
        for message, answer in transport.send(
            route_of(retailer, settings, channel), outgoings, lambda: clock() >= over_at
        ):
            answers.append(Answered(waiting.pop(message.id), said[message.id], answer))
            if clock() - settled_at >= SETTLED_EVERY:
                settle(retailer, answers, now=clock())
                answers, settled_at = [], clock()
    except Exception:  # of a way out, not of a message: of the rest nobody knows
        log.exception("transport_failed", retailer=retailer.slug, channel=channel)
        answers += [Answered(each, None, NoAnswer()) for each in waiting.values()]
    settle(retailer, answers, now=clock())


def route_of(retailer: Retailer, settings: Settings, channel: str) -> Route:
    """Return by which settings a retailer's messages go by a channel."""
    own = settings.channels.get(channel)
    if own is None:
        return Route(retailer.slug, channel)
    return Route(retailer.slug, channel, own.sender or retailer.name, own.reply_to, own.url, own.secret)


def _provider(settings: Settings, channel: str) -> str:
    return Channel.INBOX if channel == Channel.INBOX else settings.channels[channel].provider
