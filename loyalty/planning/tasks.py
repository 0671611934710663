from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.planning.simulating import run_next


@shared_task(name="loyalty.planning.tasks.run_simulations")
@acting_for(ALL_TENANTS)
def run_simulations() -> None:
    """Run every what-if that waits."""
    while run_next(now=timezone.now()):
        pass
