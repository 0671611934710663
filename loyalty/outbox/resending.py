"""What was delivered or given up, sent again by a retailer's system: one event, or all of a time."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.instants import instant_said
from loyalty.outbox.endpoints import NotInForce
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.relay import send_again

MAX_AT_ONCE = 1_000


class StillOnItsWay(DomainError):
    """What was not taken yet is tried again by itself."""

    code = "on_its_way"
    kind = Kind.CONFLICT
    message = _("It is still on its way, and tried again by itself: {when}.")


def resend(delivery: Delivery, *, now: datetime) -> Delivery:
    """
    Queue one delivery again, behind what waits of its member, and return it.

    :raises StillOnItsWay: when it is neither delivered nor given up
    :raises NotInForce: when its endpoint is switched off
    """
    _require_active(delivery.endpoint)
    if not send_again(Delivery.objects.filter(pk=delivery.pk), now=now):
        due = delivery.due_at
        when = instant_said(due) if due else _("after earlier events of the member")
        raise StillOnItsWay(when=when)
    delivery.refresh_from_db()
    return delivery


def resend_given_up(endpoint: Endpoint, since: datetime, until: datetime, *, now: datetime) -> int:
    """
    Queue again what was given up of an endpoint, the oldest first and some at a time; return how many.

    :param since: of what was queued then or later
    :param until: and before then
    :raises NotInForce: when it is switched off
    """
    _require_active(endpoint)
    some = given_up(endpoint, since, until).order_by("pk")[:MAX_AT_ONCE]
    return send_again(Delivery.objects.filter(pk__in=[row.pk for row in some]), now=now)


def given_up(endpoint: Endpoint, since: datetime, until: datetime) -> QuerySet[Delivery]:
    """Return what was given up of an endpoint, of what was queued in a time."""
    rows = Delivery.objects.filter(endpoint=endpoint).in_state(Delivery.State.GIVEN_UP)
    return rows.filter(queued_at__gte=since, queued_at__lt=until)


def _require_active(endpoint: Endpoint) -> None:
    if not endpoint.is_active:
        raise NotInForce
