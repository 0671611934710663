from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.outbox import relay


@shared_task(name="loyalty.outbox.tasks.deliver")
@acting_for(ALL_TENANTS)
def deliver() -> None:
    """Tell everything that waits to be told."""
    while relay.dispatch(now=timezone.now()):
        pass
    while relay.deliver(now=timezone.now()):
        pass
