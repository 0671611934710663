from celery import shared_task
from django.utils import timezone

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.staff_signin.mailing import mail_resets


@shared_task(name="loyalty.staff_signin.tasks.mail")
@acting_for(ALL_TENANTS)
def mail() -> None:
    """Mail what leads to new passwords."""
    mail_resets(now=timezone.now())
