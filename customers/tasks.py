from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.importing.jobs import run_next


@shared_task
@acting_for(ALL_TENANTS)
def run_imports() -> None:
    """Run every uploaded file that waits."""
    while run_next(now=timezone.now()):
        pass
