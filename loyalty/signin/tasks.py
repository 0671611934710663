from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.signin.forgetting import forget_old
from loyalty.signin.mailing import mail_codes, waiting


@shared_task(name="loyalty.signin.tasks.mail")
@for_each_retailer(among=lambda: waiting(timezone.now()))
def mail(retailer: Retailer) -> None:
    """Mail the codes that were asked for."""
    mail_codes(retailer, now=timezone.now())


@shared_task(name="loyalty.signin.tasks.forget")
@acting_for(ALL_TENANTS)
def forget() -> None:
    """Delete codes, counts, sessions and tokens that are over."""
    forget_old(now=timezone.now())
