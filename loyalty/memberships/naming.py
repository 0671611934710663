"""Events are told with the retailer's own id of their customer: looked up where no order waits for it."""

from collections.abc import Sequence
from uuid import UUID

from loyalty.memberships.models import Membership
from loyalty.outbox.forgetting import ERASED
from loyalty.outbox.models import Event


def name_customers(events: Sequence[Event]) -> None:
    """Let events of members say whose they are, by the retailer's own id; of who was erased nothing is said."""
    told = [(event, member) for event in events if (member := _member_of(event)) is not None and event.type != ERASED]
    members = {member for _, member in told}
    names = dict(Membership.objects.filter(pk__in=members).values_list("pk", "customer__external_id"))
    for event, member in told:
        if member in names:
            event.payload["customer"] = names[member]


def _member_of(event: Event) -> UUID | None:
    try:
        return UUID(event.subject)
    except ValueError:  # it is about something else
        return None
