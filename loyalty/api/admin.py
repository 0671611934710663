"""API keys in the admin: made, shown once, revoked."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import APIKey

from customers.core.admin import ModelAdmin, display
from loyalty.api.models import RetailerKey, Scope


class KeyForm(forms.ModelForm[RetailerKey]):
    scopes = forms.MultipleChoiceField(label=_("scopes"), choices=Scope, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = RetailerKey
        fields = ("retailer", "name", "scopes", "expiry_date", "revoked")
        labels: ClassVar = {"name": _("name"), "revoked": _("revoked")}  # the package has no words of its own for them


admin.site.unregister(APIKey)  # the package's own keys open nothing here


@admin.register(RetailerKey)
class RetailerKeyAdmin(ModelAdmin):
    form = KeyForm
    list_display = ("named", "begins", "retailer", "scopes", "made_by", "made", "expiry_date", "is_revoked")
    list_filter = ("retailer", "revoked")
    list_select_related = ("retailer",)
    ordering = ("-created",)

    @display(description=_("name"), ordering="name")
    def named(self, key: RetailerKey) -> str:
        return str(key.name)

    @display(description=_("begins with"))
    def begins(self, key: RetailerKey) -> str:
        return str(key.prefix)

    @display(description=_("made"), ordering="created")
    def made(self, key: RetailerKey) -> datetime:
        return key.created

    @display(description=_("revoked"), ordering="revoked", boolean=True)
    def is_revoked(self, key: RetailerKey) -> bool:
        return bool(key.revoked)

    def save_model(self, request: HttpRequest, obj: RetailerKey, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            obj.save(update_fields=["name", "scopes", "expiry_date", "revoked"])
            return
        obj.made_by = request.user.get_username()
        key = RetailerKey.objects.assign_key(obj)
        obj.save()
        messages.warning(request, _("The key is %(key)s. Copy it now: it is not shown again.") % {"key": key})

    def get_readonly_fields(self, _request: HttpRequest, obj: RetailerKey | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()
