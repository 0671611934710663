import structlog
from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.planning.closing import close_due_months
from loyalty.planning.simulating import retailers_with_what_ifs, run_next
from loyalty.programs.models import Program

log = structlog.get_logger()


@shared_task(name="loyalty.planning.tasks.run_simulations")
@for_each_retailer(among=retailers_with_what_ifs)
def run_simulations(retailer: Retailer) -> None:
    """Run every what-if that waits."""
    while run_next(retailer, now=timezone.now()):
        pass


@shared_task(name="loyalty.planning.tasks.close_months")
@for_each_retailer()
def close_months(retailer: Retailer) -> None:
    """Close the months that are over, for every program of a retailer."""
    for program in Program.objects.filter(retailer=retailer).order_by("pk"):
        closed = close_due_months(program, now=timezone.now())
        log.info("months_closed", program=program.pk, months=[f"{month:%Y-%m}" for month in closed])
