"""The redemption desk in the admin: a code is scanned or typed, what it is good for is shown, and then it is used."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.admin import TextInputWidget, money
from customers.core.errors import DomainError
from customers.models import Retailer
from loyalty.access.staff import post_of
from loyalty.activity.rewards.tills import (
    NoSuchVoucher,
    Voucher,
    VoucherNotIssued,
    check_voucher,
    confirm_voucher,
    hold_voucher,
)
from loyalty.activity.staff import PERMISSION
from loyalty.api.wrong_codes import WrongCodes, told
from loyalty.rewards.models import Reward, RewardRedemption
from loyalty.rewards.sealing import MAX_CODE

# What a till has in hand, or may take, is no status of the reward itself.
STATUS = {"usable": gettext_lazy("can be used"), "held": gettext_lazy("in hand at a till")}


class CodeForm(forms.Form):
    """A code as it is scanned or typed, and the order for which it is used."""

    code = forms.CharField(
        label=gettext_lazy("code"), max_length=MAX_CODE,
        widget=TextInputWidget({"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    order = forms.CharField(label=gettext_lazy("order"), max_length=100, required=False, widget=TextInputWidget())


def desk_page(owner: "ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    """Show what a code is good for, with the button that uses just this one; then use it."""
    post = post_of(request)
    if post is None or post.retailer is None or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = CodeForm(request.POST or None)
    voucher: Voucher | None = None
    if request.method == "POST" and form.is_valid():
        voucher = _tried(owner, request, post.retailer, form)
    context = {
        **owner.admin_site.each_context(request),
        "title": _("Redemption desk"),
        "form": form,
        "voucher": voucher,
        "facts": _facts(voucher, post.retailer.currency) if voucher else (),
        "opts": owner.model._meta,
    }
    return render(request, "activity/reward_desk.html", context)


def _tried(owner: "ModelAdmin[Any]", request: HttpRequest, retailer: Retailer, form: CodeForm) -> Voucher | None:
    """Return what a code is good for, after it was used where that was asked; None, and why in the form, where it is none."""
    wrong = WrongCodes(f"staff-{request.user.pk}")
    if wait := wrong.wait():
        form.add_error("code", told(wait))
        return None
    try:
        voucher = check_voucher(retailer, form.cleaned_data["code"], now=timezone.now())
        wanted = request.POST.get("use", "")
        if not wanted:
            return voucher
        if wanted != str(voucher.redemption_id):
            messages.warning(
                request, _("Nothing was used: this is not the code that you were shown. Look at it again.")
            )
            return voucher
        return _used(owner, request, retailer, voucher, form.cleaned_data["order"])
    except DomainError as error:
        if isinstance(error, NoSuchVoucher | VoucherNotIssued):
            wrong.note()
        form.add_error("code", str(error))
        return None


def _used(owner: "ModelAdmin[Any]", request: HttpRequest, retailer: Retailer, voucher: Voucher, order: str) -> Voucher:
    now = timezone.now()
    reference = f"desk:{request.user.get_username()}:{now:%Y%m%dT%H%M%S.%f}"[:80]
    held = hold_voucher(retailer, voucher, reference=reference, till=_("desk"), now=now)
    used = confirm_voucher(retailer, held.token, order=order, now=now)
    row = RewardRedemption.objects.get(pk=voucher.redemption_id)
    owner.log_change(request, row, _("Used at the desk"))
    messages.success(request, _("The voucher is used."))
    return used.voucher


def _facts(voucher: Voucher, currency: str) -> list[tuple[str, str]]:
    """Return what the desk says of a voucher: labels with texts."""
    said = [
        (_("Reward"), voucher.name),
        (_("Kind"), str(Reward.Kind(voucher.kind).label)),
        (_("Amount off"), money(voucher.amount, currency) if voucher.amount is not None else ""),
        (_("Percent off"), f"{number_format(voucher.percent.normalize())} %" if voucher.percent is not None else ""),
        (_("SKU"), voucher.sku),
        (_("From an order of"), money(voucher.minimum_amount, currency) if voucher.minimum_amount else ""),
        (_("Status"), _status(voucher)),
        (_("Ends"), _instant(voucher.expires_at) if voucher.expires_at else ""),
    ]
    return [(label, text) for label, text in said if text]


def _status(voucher: Voucher) -> str:
    label = STATUS.get(voucher.status) or RewardRedemption.Status(voucher.status).label
    return f"{label} ({_instant(voucher.at)})" if voucher.at else str(label)


def _instant(at: Any) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
