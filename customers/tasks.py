from celery import shared_task
from django.utils import timezone

from customers.importing.jobs import retailers_with_jobs, run_next
from customers.isolation import for_each_retailer
from customers.models import Retailer


@shared_task
@for_each_retailer(among=retailers_with_jobs)
def run_imports(retailer: Retailer) -> None:
    """Run every uploaded file that waits."""
    while run_next(retailer, now=timezone.now()):
        pass
