"""Webhooks and what is on its way to them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import URLValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import ModelAdmin, ReadOnlyAdmin, TextInputWidget, action, display
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.posting import Reason
from loyalty.outbox.relay import add_endpoint, send_again

WORDS = {
    Reason.NO_ADDRESS: _("no http or https address"),
    Reason.UNKNOWN_HOST: _("its name has no address"),
    Reason.INSIDE: _("%(detail)s is not on the internet"),
    Reason.UNREACHABLE: _("cannot be reached: %(detail)s"),
    Reason.NOT_SECURE: _("no secure connection: %(detail)s"),
    Reason.TIMED_OUT: _("did not answer in time"),
    Reason.NOT_HTTP: _("answered no HTTP"),
    Reason.STATUS: _("answered %(detail)s"),
    Reason.FAILED: _("could not be sent; the log says why"),
}


class EndpointForm(forms.ModelForm[Endpoint]):
    url = forms.URLField(
        label=_("URL"),
        assume_scheme="https",
        max_length=200,
        validators=[URLValidator(schemes=["http", "https"])],
        widget=TextInputWidget(),
    )

    class Meta:
        model = Endpoint
        fields = ("retailer", "url", "is_active")


@admin.register(Endpoint)
class EndpointAdmin(ModelAdmin):
    form = EndpointForm
    list_display = ("url", "retailer", "is_active", "failures", "next_turn_at", "created_at")
    list_filter = ("retailer", "is_active")
    list_select_related = ("retailer",)

    def save_model(self, request: HttpRequest, obj: Endpoint, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            obj.failures, obj.next_turn_at = 0, None  # what was mended is tried at once
            obj.save(update_fields=["url", "is_active", "failures", "next_turn_at"])
            return
        made = add_endpoint(obj.retailer, obj.url)
        obj.pk, obj.secret = made.pk, made.secret
        obj._state.adding = False
        messages.warning(request, _("The signing secret is %(secret)s.") % {"secret": made.secret})


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "endpoint", "attempts", "due_at", "delivered_at", "is_dead", "what_went_wrong")
    fields = (
        *("event", "endpoint", "subject", "attempts", "queued_at", "due_at", "delivered_at", "is_dead"),
        "what_went_wrong",
    )
    readonly_fields = fields
    list_filter = ("is_dead", "endpoint")
    list_select_related = ("event", "endpoint")
    ordering = ("-id",)
    actions = ("send_again",)

    @display(description=_("last error"))
    def what_went_wrong(self, delivery: Delivery) -> str:
        reason, _space, detail = delivery.last_error.partition(" ")
        return str(WORDS[Reason(reason)]) % {"detail": detail} if reason in set(Reason) else delivery.last_error

    @action(description=_("Send those that were given up again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        count = send_again(deliveries, now=timezone.now())
        words = ngettext("%(count)s delivery is queued again.", "%(count)s deliveries are queued again.", count)
        messages.success(request, words % {"count": count})

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_endpoint")
