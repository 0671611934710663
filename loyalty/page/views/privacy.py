"""What a member decides about itself: what it agrees to, and leaving."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.models import Consent
from customers.registration import record_consent
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show


@of_member
def privacy(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its choices."""
    return show(request, visit, "page/privacy.html", {"here": "me", "choices": reading.choices(visit.member)})


@require_POST
@of_member
def consent(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Write down what a member agrees to and what not: each purpose that changed, with what it read."""
    now, changed = timezone.now(), 0
    for choice in reading.choices(visit.member):
        granted = choice.purpose in request.POST.getlist("purpose")
        if granted != choice.granted:
            record_consent(
                visit.member.customer, choice.purpose, granted=granted, occurred_at=now, source="page",
                wording=choice.label, now=now,
            )  # fmt: skip
            changed += 1
    messages.success(request, _("Your choices are saved.") if changed else _("Nothing was changed."))
    return go(visit, "privacy")


@of_member
def leaving(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say what a member loses by leaving, and let it leave when it says so."""
    now = timezone.now()
    if request.method != "POST":
        lost = lost_by_leaving(visit.member, at=now)
        return show(request, visit, "page/leave.html", {"here": "me", "lost": lost})
    leave(visit.member, now=now)
    record_consent(
        visit.member.customer, Consent.Purpose.PROGRAM, granted=False, occurred_at=now, source="page", now=now
    )
    messages.success(request, _("You have left the program."))
    return redirect("page:start", retailer=visit.shop.retailer.slug)
