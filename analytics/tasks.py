from celery import shared_task
from django.utils import timezone

from analytics import statistics
from analytics.runs import compute_value
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer


@shared_task(name="analytics.tasks.refresh_statistics")
@acting_for(ALL_TENANTS)
def refresh_statistics() -> None:
    """Count again what was recorded since the last time."""
    statistics.refresh()


@shared_task(name="analytics.tasks.value_everyone")
def value_everyone() -> None:
    """Compute every customer's value anew, for every retailer."""
    for retailer in Retailer.objects.order_by("pk"):
        with acting_for(retailer.pk):
            compute_value(retailer, now=timezone.now())
