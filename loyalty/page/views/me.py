"""What is a member's own besides points: who it is, its plan, its privacy choices."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from loyalty.page.views.plan import overview_of
from loyalty.page.visit import Visit, of_member, show
from loyalty.referrals.overview import has_referrals


@of_member
def me(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member who it is, and the way to its plan and its privacy choices."""
    invites = has_referrals(visit.member, timezone.now())
    context = {"here": "me", "plan": overview_of(visit.member), "invites": invites}
    return show(request, visit, "page/me.html", context)
