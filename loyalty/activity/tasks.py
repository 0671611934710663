from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer
from loyalty.activity.backlog import catch_up
from loyalty.activity.spending import time_out


@shared_task(name="loyalty.activity.tasks.catch_up_everyone")
def catch_up_everyone() -> None:
    """Decide what was imported, and carry out the nights that are due, for every retailer."""
    for retailer in Retailer.objects.order_by("pk"):
        with acting_for(retailer.pk):
            catch_up(retailer, now=timezone.now())


@shared_task(name="loyalty.activity.tasks.time_out_holds")
@acting_for(ALL_TENANTS)
def time_out_holds() -> None:
    """Give back what holds kept too long."""
    time_out(now=timezone.now())
