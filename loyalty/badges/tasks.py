from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.surprises import give, to_be_given
from loyalty.badges.account.waiting import give_left
from loyalty.programs.models import Program


@shared_task(name="loyalty.badges.tasks.give_prizes")
@for_each_retailer()
def give_prizes(retailer: Retailer) -> None:
    """Finish the contests whose window has ended, and give what was drawn of surprises, also what was left."""
    now = timezone.now()
    for program in Program.objects.filter(retailer=retailer).order_by("pk"):
        finish_contests(program, now=now)
    for surprise in to_be_given(retailer.pk):
        give(surprise, now=now)
    give_left(retailer, now=now)
