from celery import shared_task
from django.utils import timezone

from analytics import statistics
from analytics.runs import compute_value
from customers.isolation import for_each_retailer
from customers.models import Retailer


@shared_task(name="analytics.tasks.refresh_statistics")
@for_each_retailer(among=statistics.retailers_with_changes)
def refresh_statistics(retailer: Retailer) -> None:
    """Count again what was recorded since the last time."""
    statistics.refresh(retailer)


@shared_task(name="analytics.tasks.value_everyone")
@for_each_retailer()
def value_everyone(retailer: Retailer) -> None:
    """Compute every customer's value anew."""
    compute_value(retailer, now=timezone.now())
