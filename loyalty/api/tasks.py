from celery import shared_task
from django.utils import timezone

from loyalty.api.idempotency import forget_old


@shared_task(name="loyalty.api.tasks.forget_old_keys")
def forget_old_keys() -> None:
    """Delete what is older than keys are kept."""
    forget_old(now=timezone.now())
