"""A member invites friends, sees what became of it, and says who invited it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from loyalty.activity.account.referring import NoSuchCode, claim_referral
from loyalty.api.wrong_codes import told, wrong_codes_of_member
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show
from loyalty.referrals.overview import friend_of, friends_of, overview

SHOWN = 50


class CodeForm(forms.Form):
    """A friend's code."""

    code = forms.CharField(max_length=60)


@of_member
def invite(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its code and link, and its friends as far as it may know of them."""
    now = timezone.now()
    return show(request, visit, "page/invite.html", {
        "here": "me",
        "found": overview(visit.member, at=now),
        "friends": [friend_of(each, at=now) for each in friends_of(visit.member)[:SHOWN]],
        "wallets": reading.wallet_names(visit.member, at=now),
    })  # fmt: skip


@require_POST
@of_member
def claim(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Note who invited a member."""
    form, tried = CodeForm(request.POST), wrong_codes_of_member(visit.member.customer_id)
    if wait := tried.wait():
        messages.error(request, told(wait))
    elif form.is_valid():
        try:
            claim_referral(visit.member, form.cleaned_data["code"], channel="member", now=timezone.now())
        except NoSuchCode:
            tried.note()
            raise
        messages.success(request, _("Thank you, we have noted who invited you."))
    else:
        messages.error(request, _("Please type your friend’s code."))
    return go(visit, "invite")
