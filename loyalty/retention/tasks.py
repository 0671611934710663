from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.retention.pruning import prune as delete

TURN_SECONDS = 300.0


@shared_task(name="loyalty.retention.tasks.prune")
@acting_for(ALL_TENANTS)
def prune() -> None:
    """Delete what is over, for some minutes; what is left is for the next hour."""
    delete(now=timezone.now(), seconds=TURN_SECONDS)
