"""What members and staff read of messages: an inbox, and why somebody got something or not."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from customers.models import Customer
from loyalty.campaigns.models import Campaign, Message, Outcome


def inbox(customer: Customer) -> QuerySet[Message]:
    """Return what a customer finds in its inbox, and what was there before it was merged."""
    return (
        Message.objects.in_inbox().filter(customer__in=Customer.objects.of_person(customer)).select_related("campaign")
    )


def unread(customer: Customer) -> int:
    """Return how many messages in an inbox were not read."""
    return inbox(customer).filter(read_at=None).count()


def mark_read(messages: QuerySet[Message], *, now: datetime) -> int:
    """Note that messages were read, the first time each; return how many were."""
    return messages.filter(read_at=None).update(read_at=now)


def message_in_inbox(customer: Customer, key: UUID) -> QuerySet[Message]:
    return inbox(customer).filter(pk=key)


def outcomes_of(campaign: Campaign, customer: Customer) -> Sequence[Outcome]:
    """Return what a campaign decided of a customer, before a merge too, the first first: why it got something, or did not."""
    rows = Outcome.objects.filter(customer__in=Customer.objects.of_person(customer), campaign=campaign)
    return list(rows.order_by("at", "pk"))
