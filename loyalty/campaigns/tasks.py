from celery import shared_task
from django.utils import timezone

from customers.isolation import for_each_retailer
from customers.models import Retailer
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.carrying import follow_merges
from loyalty.campaigns.journeys.learning import learn
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.journeys.nights import find_due
from loyalty.campaigns.messages.sending import due_retailers, take_turn
from loyalty.campaigns.models import Campaign, OfferGrant
from loyalty.campaigns.offering.releasing import release_due


@shared_task(name="loyalty.campaigns.tasks.send_messages")
@for_each_retailer(among=lambda: due_retailers(timezone.now()))
def send_messages(retailer: Retailer) -> None:
    """Send what is due to members, of who was merged to the one who stays; what is left after a turn is for the next one."""
    while follow_merges(retailer, now=timezone.now()):
        pass
    take_turn(retailer, look_again=look_again)


def _with_live_campaigns() -> list[int]:
    return list(Campaign.objects.live().values_list("retailer_id", flat=True).distinct())


@shared_task(name="loyalty.campaigns.tasks.advance_campaigns")
@for_each_retailer(among=_with_live_campaigns)
def advance_campaigns(retailer: Retailer) -> None:
    """Let facts begin and end entries, and take the steps that are due."""
    while follow_merges(retailer, now=timezone.now()):
        pass
    while learn(retailer, now=timezone.now()):
        pass
    while advance_due(retailer, now=timezone.now()):
        pass


@shared_task(name="loyalty.campaigns.tasks.find_members")
@for_each_retailer(among=_with_live_campaigns)
def find_members(retailer: Retailer) -> None:
    """Look for the members for whom campaigns' time has come, after their own night."""
    find_due(retailer, now=timezone.now())


def _with_open_offers() -> list[int]:
    return list(
        OfferGrant.objects.filter(state=OfferGrant.State.GRANTED).values_list("retailer_id", flat=True).distinct()
    )


@shared_task(name="loyalty.campaigns.tasks.release_offers")
@for_each_retailer(among=_with_open_offers)
def release_offers(retailer: Retailer) -> None:
    """Give back to their budgets what members were offered, and did not take in time."""
    while release_due(retailer, now=timezone.now()):
        pass
