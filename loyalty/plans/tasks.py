from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.plans.account.collecting import carry_out_refunds, collect_due


@shared_task(name="loyalty.plans.tasks.collect")
@for_each_retailer()
def collect(retailer: Retailer) -> None:
    """Take the fees that are due, and give back what is to be refunded."""
    now = timezone.now()
    collect_due(retailer, now=now)
    carry_out_refunds(retailer, now=now)
