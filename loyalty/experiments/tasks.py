from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.experiments.running import end_due


@shared_task(name="loyalty.experiments.tasks.end_experiments")
@for_each_retailer()
def end_experiments(retailer: Retailer) -> None:
    """Note which experiments have ended by themselves."""
    end_due(retailer, now=timezone.now())
