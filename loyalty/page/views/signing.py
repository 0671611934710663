"""Signing in by a code that is mailed, and out."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from customers.core.errors import DomainError
from customers.models import Retailer
from loyalty.api.clients import client_of
from loyalty.campaigns.reaching.addresses import verify
from loyalty.page.visit import Shop, of_shop
from loyalty.signin.codes import CODE_LIFE, AskedCode, check_code, send_code
from loyalty.signin.sessions import (
    challenge_of,
    customer_of,
    memberships_of,
    remember_challenge,
    sign_in,
    sign_out,
)


class AddressForm(forms.Form):
    """To which address a code is mailed."""

    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "email", "autofocus": True}),
        error_messages={"required": gettext_lazy("Please say your e-mail address.")},
    )


class CodeForm(forms.Form):
    """The code that was mailed."""

    code = forms.CharField(
        label=gettext_lazy("The code in the mail"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
        error_messages={"required": gettext_lazy("Please type the code.")},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@of_shop
def start(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Ask who is there; lead members to their page."""
    mine = memberships_of(request, shop.retailer)
    if mine:
        return redirect("page:home", retailer=shop.retailer.slug, program=mine[0].program.slug)
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = _ask(request, shop.retailer, form)
        if asked is not None:
            response = redirect("page:code", retailer=shop.retailer.slug)
            remember_challenge(response, asked)
            return response
    context = {"shop": shop, "form": form, "stranger": customer_of(request, shop.retailer)}
    return render(request, "page/start.html", context, status=400 if form.errors else 200)


def _ask(request: HttpRequest, retailer: Retailer, form: forms.Form) -> AskedCode | None:
    """Let a code be mailed; None, and why in the form, where it is not."""
    email, language = form.cleaned_data["email"], get_language() or ""
    try:
        return send_code(retailer, email, now=timezone.now(), language=language, client=client_of(request))
    except DomainError as refusal:
        form.add_error("email", str(refusal))
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@of_shop
def code(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Ask for the code that was mailed, and let in who types it."""
    challenge = challenge_of(request)
    if not challenge:
        return redirect("page:start", retailer=shop.retailer.slug)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            customer = check_code(
                shop.retailer, challenge, form.cleaned_data["code"], now=now, client=client_of(request)
            )
        except DomainError as refusal:
            form.add_error("code", str(refusal))
        else:
            response = redirect("page:start", retailer=shop.retailer.slug)
            sign_in(request, response, customer, now=now)
            verify(shop.retailer, "email", customer.email, now=now)  # who types the code reads what is mailed there
            return response
    minutes = int(CODE_LIFE.total_seconds() // 60)
    context = {"shop": shop, "form": form, "minutes": minutes}
    return render(request, "page/code.html", context, status=400 if form.errors else 200)


@require_POST
@of_shop
def leave(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Sign out."""
    response = redirect("page:start", retailer=shop.retailer.slug)
    sign_out(request, response)
    messages.success(request, _("You are signed out."))
    return response
