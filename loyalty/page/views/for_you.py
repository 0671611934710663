"""What a member may like: for its next basket, and new to it."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from customers.suggesting import suggestions_for
from loyalty.page.visit import Visit, of_member, show


@of_member
def for_you(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member all that is suggested to it, each with its reason."""
    found = suggestions_for(visit.member.customer, visit.shop.retailer, at=timezone.now())
    return show(request, visit, "page/for_you.html", {"here": "home", "suggested": found})
