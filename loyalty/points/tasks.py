import structlog
from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import EVERYONE, acting_for
from loyalty.points.closing import close_due_months
from loyalty.points.proof import prove
from loyalty.programs.models import Program

log = structlog.get_logger()


@shared_task(name="loyalty.points.tasks.prove_ledger")
@acting_for(EVERYONE)
def prove_ledger() -> None:
    """Prove the ledger, and say loudly where it does not add up."""
    proof = prove()
    for difference in proof.differences[:100]:
        log.error("ledger_broken", difference=str(difference))
    log.info("ledger_proven", wallets=proof.wallets, lots=proof.lots, differences=len(proof.differences))


@shared_task(name="loyalty.points.tasks.close_months")
def close_months() -> None:
    """Close the months that are over, for every program; one that cannot be closed stops no other."""
    with acting_for(EVERYONE):
        programs = list(Program.objects.select_related("retailer").order_by("pk"))
    for program in programs:
        try:
            with acting_for(program.retailer_id):
                closed = close_due_months(program, now=timezone.now())
        except Exception:  # of one program, whatever it is
            log.exception("month_not_closed", program=program.pk)
        else:
            log.info("months_closed", program=program.pk, months=[f"{month:%Y-%m}" for month in closed])
