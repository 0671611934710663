import structlog
from celery import shared_task

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.points.proof import prove

log = structlog.get_logger()


@shared_task(name="loyalty.points.tasks.prove_ledger")
@acting_for(ALL_TENANTS)
def prove_ledger() -> None:
    """Prove the ledger, and say loudly where it does not add up."""
    proof = prove()
    for difference in proof.differences[:100]:
        log.error("ledger_broken", difference=str(difference))
    log.info("ledger_proven", wallets=proof.wallets, lots=proof.lots, differences=len(proof.differences))
