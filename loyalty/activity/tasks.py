import structlog
from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import EVERYONE, acting_for
from customers.models import Retailer
from loyalty.activity.account.spending import time_out
from loyalty.activity.backlog import catch_up

log = structlog.get_logger(__name__)


@shared_task(name="loyalty.activity.tasks.catch_up_everyone")
def catch_up_everyone() -> None:
    """
    Decide what was imported, and carry out what time alone changes, for every retailer.

    :raises ExceptionGroup: at the end, when some retailers failed: they stop nobody else
    """
    errors = []
    for retailer in Retailer.objects.order_by("pk"):
        try:
            with acting_for(retailer.pk):
                catch_up(retailer, now=timezone.now())
        except Exception as error:
            log.exception("retailer failed", retailer=retailer.slug, task="catch_up_everyone")
            errors.append(error)
    if errors:
        raise ExceptionGroup("retailers that could not be caught up", errors)


@shared_task(name="loyalty.activity.tasks.time_out_holds")
@acting_for(EVERYONE)
def time_out_holds() -> None:
    """Give back what holds kept too long."""
    time_out(now=timezone.now())
