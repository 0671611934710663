"""What a member decides about itself: what it agrees to, and leaving."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.models import Consent, Erasure
from customers.packing import as_zip
from customers.privacy import erase, export, losses
from customers.registration import record_consent
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show
from loyalty.signin.sessions import sign_out


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
        return show(request, visit, "page/leave.html", {
            "here": "me", "lost": lost, "wallets": reading.wallet_names(visit.member, at=now),
        })  # fmt: skip
    leave(visit.member, now=now)
    record_consent(
        visit.member.customer, Consent.Purpose.PROGRAM, granted=False, occurred_at=now, source="page", now=now
    )
    messages.success(request, _("You have left the program."))
    return redirect("page:start", retailer=visit.shop.retailer.slug)


@of_member
def data(_request: HttpRequest, visit: Visit) -> HttpResponse:
    """Return all that is held on a member, as a ZIP of JSON and CSV files."""
    packed = as_zip(export(visit.member.customer, now=timezone.now()))
    headers = {"Content-Disposition": 'attachment; filename="data.zip"'}
    return HttpResponse(packed, content_type="application/zip", headers=headers)


@of_member
def erasing(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say what a person loses that is erased, and erase it when it says so."""
    now, customer = timezone.now(), visit.member.customer
    if request.method != "POST":
        told = losses(customer, now=now).lost.get("memberships", [])
        lost = reading.lost_in_wallets(told, retailer_id=customer.retailer_id, at=now)
        return show(request, visit, "page/erase.html", {"here": "me", "lost": lost})
    if request.POST.get("confirm") != "erase":
        messages.error(request, _("Please tick that you mean it. Nothing was done."))
        return go(visit, "erase")
    erase(customer, asked_by=Erasure.AskedBy.PERSON, reason="page", now=now)
    response = redirect("page:start", retailer=visit.shop.retailer.slug)
    sign_out(request, response)
    messages.success(request, _("You are erased. Nothing here leads to you any more."))
    return response
