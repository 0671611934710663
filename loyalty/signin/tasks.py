from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.signin.mailing import mail_codes, waiting


@shared_task(name="loyalty.signin.tasks.mail")
@for_each_retailer(among=lambda: waiting(timezone.now()))
def mail(retailer: Retailer) -> None:
    """Mail the codes that were asked for."""
    mail_codes(retailer, now=timezone.now())
