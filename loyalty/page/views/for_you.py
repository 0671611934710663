"""What a member may like: offers that it was given, and products for its next basket and new to it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.suggesting import suggestions_for
from loyalty.campaigns.offering.reading import offers_of_member
from loyalty.campaigns.offering.taking import decline_offer, take_offer
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show


@of_member
def for_you(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member the offers that it was given, and all that is suggested to it, each with its reason."""
    now = timezone.now()
    found = suggestions_for(visit.member.customer, visit.shop.retailer, at=now)
    context = {"here": "home", "suggested": found, "offers": reading.offers(visit.member, at=now)}
    return show(request, visit, "page/for_you.html", context)


@require_POST
@of_member
def take(request: HttpRequest, visit: Visit, offer_id: UUID) -> HttpResponse:
    """Let a member take an offer, and show what it shows at the till."""
    grant = get_object_or_404(offers_of_member(visit.member), pk=offer_id)
    receipt = take_offer(grant, now=timezone.now())
    messages.success(request, _("It is yours."))
    return go(visit, "redeemed", redemption_id=receipt.redemption.pk)


@require_POST
@of_member
def decline(request: HttpRequest, visit: Visit, offer_id: UUID) -> HttpResponse:
    """Let a member give an offer back."""
    grant = get_object_or_404(offers_of_member(visit.member), pk=offer_id)
    decline_offer(grant, now=timezone.now())
    messages.success(request, _("You will not see this offer again."))
    return go(visit, "for-you")
