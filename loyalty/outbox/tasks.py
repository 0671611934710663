from random import shuffle

from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.outbox import relay
from loyalty.outbox.endpoints import forget_removed
from loyalty.outbox.forgetting import forget_erased

WAKE_UP_SECONDS = 60  # then it is forgotten: while something is due there is a new one every five seconds


@shared_task(name="loyalty.outbox.tasks.deliver")
@acting_for(ALL_TENANTS)
def deliver() -> None:
    """Queue what waits to be told, and give each endpoint that has something to get a turn: a task of its own."""
    try:
        while relay.dispatch(now=timezone.now()):
            pass
    finally:  # what is queued goes out, whatever a subscriber thinks of the rest
        due = relay.endpoints_due(now=timezone.now())
        shuffle(due)  # who comes first gets what is free: nobody always
        for endpoint_id in due:
            deliver_to.apply_async((endpoint_id,), expires=WAKE_UP_SECONDS)


@shared_task(name="loyalty.outbox.tasks.deliver_to")
@acting_for(ALL_TENANTS)
def deliver_to(endpoint_id: int) -> None:
    """Give one endpoint a turn."""
    relay.deliver(endpoint_id)


@shared_task(name="loyalty.outbox.tasks.give_up")
@acting_for(ALL_TENANTS)
def give_up() -> None:
    """Keep as dead what nobody took for days, and forget removed webhooks and who was erased, when all have heard of it."""
    relay.give_up(now=timezone.now())
    forget_removed()
    forget_erased(now=timezone.now())
