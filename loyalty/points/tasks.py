import structlog
from celery import shared_task

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.points.proof import prove

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
