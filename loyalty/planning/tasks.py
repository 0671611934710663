from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.planning.simulating import retailers_with_what_ifs, run_next


@shared_task(name="loyalty.planning.tasks.run_simulations")
@for_each_retailer(among=retailers_with_what_ifs)
def run_simulations(retailer: Retailer) -> None:
    """Run every what-if that waits."""
    while run_next(retailer, now=timezone.now()):
        pass
