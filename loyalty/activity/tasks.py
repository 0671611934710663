from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.activity.account.spending import time_out
from loyalty.activity.backlog import catch_up

# So many facts of one retailer are decided before the others have their turn: some seconds, so that no night waits for an import.
TURN = 10_000


@shared_task(name="loyalty.activity.tasks.catch_up_everyone")
@for_each_retailer(in_turns=True)
def catch_up_everyone(retailer: Retailer) -> bool:
    """Decide what was imported, in turns with all others, and carry out what time alone changes."""
    caught = catch_up(retailer, now=timezone.now(), most=TURN)
    return caught is not None and caught.is_cut


@shared_task(name="loyalty.activity.tasks.time_out_holds")
@for_each_retailer()
def time_out_holds(retailer: Retailer) -> None:
    """Give back what holds kept too long."""
    time_out(retailer, now=timezone.now())
