import structlog
from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.points.closing import close_due_months
from loyalty.points.proof import prove
from loyalty.programs.models import Program

MAX_TOLD = 100
log = structlog.get_logger()


@shared_task(name="loyalty.points.tasks.prove_ledger")
@for_each_retailer()
def prove_ledger(retailer: Retailer) -> None:
    """Prove a retailer's ledger, and say loudly where it does not add up."""
    proof = prove(retailer)
    for difference in proof.differences[:MAX_TOLD]:
        log.error("ledger_broken", difference=str(difference))
    log.info("ledger_proven", wallets=proof.wallets, lots=proof.lots, differences=len(proof.differences))


@shared_task(name="loyalty.points.tasks.close_months")
@for_each_retailer()
def close_months(retailer: Retailer) -> None:
    """Close the months that are over, for every program of a retailer."""
    for program in Program.objects.filter(retailer=retailer).order_by("pk"):
        closed = close_due_months(program, now=timezone.now())
        log.info("months_closed", program=program.pk, months=[f"{month:%Y-%m}" for month in closed])
