"""Referrals in the admin: the queue of what is to be reviewed, with what is suspicious of each, and all others."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ExportedAdmin, RangeDateTimeFilter, TextInputWidget, action, display, row_or_404
from loyalty.activity import staff
from loyalty.activity.account.referring import review_referral
from loyalty.activity.staff import ByStaff
from loyalty.referrals.models import Referral

STATUS = {"open": "info", "held": "danger", "earned": "success", "taken_back": "warning", "refused": "warning"}
SUSPICIONS = {
    "same_device": _("the friend uses a device of the referrer"),
    "same_household": _("both belong to one household"),
    "same_address": _("both live at one postal address"),
    "same_ip": _("both come from one IP address"),
    "velocity": _("many claims from one address or device within a few days"),
    "nearly_same_email": _("the friend’s e-mail address is the referrer’s but for dots and dashes"),
    "similar_email": _("e-mail addresses of the referrer’s friends are alike"),
    "orders_returned": _("earlier friends brought their orders back"),
    "orders_just_above_minimum": _("earlier friends ordered just above the minimum"),
    "just_above_minimum": _("the order is just above the minimum"),
}


class ReviewForm(staff.ReasonForm):
    """What is decided, and why."""

    decision = forms.ChoiceField(
        label=_("decision"), choices=[("approve", _("it is a referral")), ("refuse", _("it is none"))]
    )
    reason = forms.CharField(label=_("note"), max_length=500, widget=TextInputWidget())
    field_order = ("decision", "reason")


@display(description=_("what is suspicious"))
def suspicions_of(row: Referral) -> Any:
    """Return what is suspicious of a referral, as staff read it, with the score of each."""
    said = ((SUSPICIONS.get(each["code"], each["code"]), _counted(each), each["score"]) for each in row.suspicions)
    return format_html_join("\n", "<div>{}{} · {}</div>", said) or "-"


def _counted(said: dict[str, Any]) -> str:
    return f" ({said['count']})" if "count" in said else ""


@transaction.atomic
def _review(row: Referral, *, approve: bool, author: str, note: str, dry_run: bool) -> Referral:
    after = review_referral(row.pk, approve=approve, author=author, note=note, now=timezone.now())
    if dry_run:
        transaction.set_rollback(True)
    return after


@admin.register(Referral)
class ReferralAdmin(ByStaff, ExportedAdmin):
    list_display = (
        "claimed_at",
        "referrer",
        "referred",
        "state",
        "score",
        "suspicions_of",
        "why",
        "code",
        "channel",
        "earned_at",
    )
    list_filter = (
        "program",
        "status",
        "reason",
        "channel",
        ("claimed_at", RangeDateTimeFilter),
        ("earned_at", RangeDateTimeFilter),
        ("reviewed_at", RangeDateTimeFilter),
    )
    search_fields = (
        "advocate__number__exact",
        "friend__number__exact",
        "advocate__customer__external_id__exact",
        "friend__customer__external_id__exact",
        "code__exact",
    )
    search_help_text = _("Code, member number or customer's external id")
    list_select_related = ("advocate__customer", "friend__customer", "program", "order")
    fields = (
        "program", "advocate", "friend", "code", "channel", "claimed_at", "status", "reason", "score", "suspicions_of", "order",
        "earned_at", "pending_until", "friend_grant", "advocate_grant", "reviewed_by", "review_note", "reviewed_at",
    )  # fmt: skip
    readonly_fields = ("suspicions_of",)
    ordering = ("-id",)
    exported = (
        "claimed_at", "program__slug", "advocate__number", "friend__number", "code", "channel", "status", "reason", "score",
        "scores", "order__number", "earned_at", "pending_until", "reviewed_by", "review_note", "reviewed_at",
    )  # fmt: skip
    actions_detail = ("review",)
    actions_list = ("to_queue",)

    suspicions_of = staticmethod(suspicions_of)

    @display(description=_("referrer"), ordering="advocate__number")
    def referrer(self, row: Referral) -> str:
        return row.advocate.number

    @display(description=_("friend"), ordering="friend__number")
    def referred(self, row: Referral) -> str:
        return row.friend.number

    @display(description=_("status"), label=STATUS, ordering="status")
    def state(self, row: Referral) -> tuple[str, Any]:
        return row.status, row.get_status_display()

    @display(description=_("reason"), ordering="reason")
    def why(self, row: Referral) -> Any:
        return row.get_reason_display() or "-"

    def scores(self, row: Referral) -> str:
        """Return what is suspicious as a file says it: codes with their scores."""
        return " ".join(f"{each['code']}:{each['score']}" for each in row.suspicions)

    @action(description=_("To be reviewed"), url_path="to-queue", permissions=["view"])
    def to_queue(self, _request: HttpRequest) -> HttpResponse:
        return redirect(f"{reverse('admin:referrals_referral_changelist')}?status__exact=held")

    @action(description=_("Review"), url_path="review", permissions=["staff"])
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(Referral.objects.all(), object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            author, approve = request.user.get_username(), said["decision"] == "approve"
            after = _review(row, approve=approve, author=author, note=said["reason"], dry_run=dry_run)
            return [str(OUTCOMES[after.status])]

        is_decided = row.status in {Referral.Status.REFUSED, Referral.Status.TAKEN_BACK}
        refused = str(_("This referral has ended already.")) if is_decided else ""
        words = _(
            "The referrer is told nothing of what is suspicious; of a refusal only that the conditions are not met."
        )
        verb = staff.Verb(
            str(_("Review the referral")),
            str(words),
            str(_("Decide")),
            str(_("It is decided.")),
            ReviewForm,
            act,
            refused,
        )
        return staff.ask(self, request, row, verb)


OUTCOMES = {
    "open": _("It waits for the friend’s order."),
    "held": _("It goes on being held."),
    "earned": _("The friend has ordered: both rewards are given."),
    "taken_back": _("What was given is taken back."),
    "refused": _("It ends; what was given is taken back."),
}
