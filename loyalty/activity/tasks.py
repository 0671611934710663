from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.activity.account.spending import time_out
from loyalty.activity.backlog import catch_up


@shared_task(name="loyalty.activity.tasks.catch_up_everyone")
@for_each_retailer()
def catch_up_everyone(retailer: Retailer) -> None:
    """Decide what was imported, and carry out what time alone changes."""
    catch_up(retailer, now=timezone.now())


@shared_task(name="loyalty.activity.tasks.time_out_holds")
@for_each_retailer()
def time_out_holds(retailer: Retailer) -> None:
    """Give back what holds kept too long."""
    time_out(retailer, now=timezone.now())
