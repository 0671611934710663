"""Webhooks and what is on its way to them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, ReadOnlyAdmin, TextInputWidget
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.relay import add_endpoint


class EndpointForm(forms.ModelForm[Endpoint]):
    url = forms.URLField(label=_("URL"), assume_scheme="https", widget=TextInputWidget())

    class Meta:
        model = Endpoint
        fields = ("retailer", "url", "is_active")


@admin.register(Endpoint)
class EndpointAdmin(ModelAdmin):
    form = EndpointForm
    list_display = ("url", "retailer", "is_active", "created_at")
    list_filter = ("retailer", "is_active")
    list_select_related = ("retailer",)

    def save_model(self, request: HttpRequest, obj: Endpoint, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            obj.save(update_fields=["url", "is_active"])
            return
        made = add_endpoint(obj.retailer, obj.url)
        obj.pk, obj.secret = made.pk, made.secret
        obj._state.adding = False
        messages.warning(request, _("The signing secret is %(secret)s.") % {"secret": made.secret})


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "endpoint", "attempts", "due_at", "delivered_at", "is_dead", "last_error")
    list_filter = ("is_dead", "endpoint")
    list_select_related = ("event", "endpoint")
    ordering = ("-id",)
