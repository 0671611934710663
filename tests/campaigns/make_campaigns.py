"""Builders of campaigns, of what is due, and of a provider that keeps what it was given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from customers.models import Customer, Retailer
from customers.registration import record_consent
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.queueing import NewMessage, queue
from loyalty.campaigns.messages.sending import PROVIDERS, send
from loyalty.campaigns.models import (
    Campaign,
    CampaignVersion,
    FrequencyCap,
    Message,
    MessageChannel,
    SendingHours,
    Step,
    StepText,
)
from loyalty.campaigns.publishing.managing import publish
from loyalty.campaigns.transports import Accepted, Answer, Outgoing, Route, Transport
from loyalty.campaigns.transports.port import IsOver
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make

NOON = datetime.fromisoformat("2026-11-27T11:00Z")  # twelve in Paris
LATER = timedelta(days=30)


class Box:
    """A way out that takes everything, and keeps it; or answers what it is told to."""

    def __init__(self, answer: Callable[[Outgoing], Answer] | None = None) -> None:
        self.taken: list[Outgoing] = []
        self.answer = answer or (lambda message: Accepted(f"p-{message.id}"))

    def send(self, _route: Route, batch: Sequence[Outgoing], _is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        for message in batch:
            self.taken.append(message)
            yield message, self.answer(message)


def shop(*, quiet: bool = False, zone: str = "Europe/Paris", **channel: Any) -> Retailer:
    """Return a retailer in Paris that sends mails and SMS, at any hour unless it is said otherwise."""
    owner = make.retailer(zone=zone, language="en")
    if not quiet:
        SendingHours.objects.create(retailer=owner, quiet_from=time(0), quiet_to=time(0))
    channels(owner, **channel)
    return owner


def channels(owner: Retailer, **channel: Any) -> None:
    """Let a retailer send mails and SMS by a provider."""
    for name in ("email", "sms"):
        given = {"provider": "http", "url": "https://provider.example/messages", "secret": "whsec_c2VjcmV0"} | channel
        MessageChannel.objects.create(retailer=owner, channel=name, **given)


def cap(owner: Retailer, limit: int, days: int, **what: str) -> FrequencyCap:
    return FrequencyCap.objects.create(retailer=owner, limit=limit, days=days, **what)


def ada(club: Program, name: str = "ada", *, agrees: Sequence[str] = ("email", "sms"), **about: Any) -> Membership:
    """Return a member with addresses, who agreed to hear of the retailer."""
    found = make.member(club, name)
    about = {
        "email": f"{name}@example.com",
        "phone": f"+3361234{found.customer_id.int % 10_000:04d}",
        "first_name": name.title(),
    } | about
    Customer.objects.filter(pk=found.customer_id).update(**about)
    found.customer.refresh_from_db()
    for purpose in agrees:
        says(found.customer, purpose, at=make.START)
    return found


def says(who: Customer, purpose: str, *, granted: bool = True, at: datetime, now: datetime | None = None) -> None:
    record_consent(who, purpose, granted=granted, occurred_at=at, source="test", now=now or at)


def campaign(club: Program, *, channels: Sequence[str] = ("email",), priority: int = 10, texts: Mapping[str, str] | None = None,
             **given: Any) -> Step:  # fmt: skip
    """Return the step of a live campaign that says one thing, in English and in French."""
    row = Campaign.objects.create(
        retailer=club.retailer, program=club, code=make.number("campaign"), name="Campaign", kind="journey", priority=priority,
        created_at=make.START,
    )  # fmt: skip
    of_step = {name: given.pop(name) for name in ("is_urgent", "expires_after") if name in given}
    version = CampaignVersion.objects.create(
        campaign=row, retailer=club.retailer, number=1, **({"kind": "marketing"} | given)
    )
    step = Step.objects.create(
        version=version, retailer=club.retailer, position=0, kind="message", channels=list(channels), **of_step
    )
    written = texts or {"en": "Hello {{ first_name }}", "fr": "Bonjour {{ first_name }}"}
    for channel in channels:
        for language, body in written.items():
            StepText.objects.create(
                step=step,
                retailer=club.retailer,
                channel=channel,
                language=language,
                subject=f"Hi ({language})",
                body=body,
            )
    publish_plainly(version)
    return step


def publish_plainly(version: CampaignVersion) -> None:
    CampaignVersion.objects.filter(pk=version.pk).update(published_at=make.START)
    Campaign.objects.filter(pk=version.campaign_id).update(version=version, state="live")


def due(
    step: Step, *members: Membership, at: datetime = NOON, until: datetime | None = None, **given: Any
) -> list[UUID]:
    """Let a step's message be due to members; return the messages' ids."""
    causes = [make.number("cause") for _ in members]
    queue(
        step.retailer_id,
        [
            NewMessage(
                customer_id=member.customer_id,
                step_id=step.pk,
                cause=cause,
                due_at=at,
                expires_at=until or at + LATER,
                **given,
            )
            for member, cause in zip(members, causes, strict=True)
        ],
    )
    by_cause = dict(Message.objects.filter(cause__in=causes).values_list("cause", "pk"))
    return [by_cause[cause] for cause in causes]


def send_all(owner: Retailer, now: datetime, box: Transport) -> None:
    """Send all that is due at an instant, by one way out whatever the channel; the inbox stays the inbox."""
    while send(owner, clock=lambda: now, providers={**PROVIDERS, "http": box, "mail": box}, look_again=look_again):
        pass


def message(key: UUID) -> Message:
    return Message.objects.get(pk=key)


def waits(text: str) -> dict[str, Any]:
    return {"kind": "wait", "wait": text}


def says_by(*channels: str, **given: Any) -> dict[str, Any]:
    return {"kind": "message", "channels": list(channels)} | given


def journey(
    club: Program, trigger: dict[str, Any], *steps: dict[str, Any], since: datetime = make.START, **given: Any
) -> Campaign:
    """Return a live campaign of several steps, each message in English and in French."""
    own = {name: given.pop(name) for name in ("experiment", "priority", "starts_at") if name in given}
    row = Campaign.objects.create(
        retailer=club.retailer, program=club, code=make.number("journey"), name="Journey", kind="journey", created_at=since,
        **own,
    )  # fmt: skip
    said = {"kind": "marketing", "trigger": trigger} | given
    version = CampaignVersion.objects.create(campaign=row, retailer=club.retailer, number=1, **said)
    for position, each in enumerate(steps):
        step = Step.objects.create(version=version, retailer=club.retailer, position=position, **each)
        for channel, language in product(each.get("channels", ()), ("en", "fr")):
            StepText.objects.create(
                step=step,
                retailer=club.retailer,
                channel=channel,
                language=language,
                subject=f"Step {position}",
                body="Hello",
            )
    return publish(version, author="sue", now=since)
