"""How a retailer's members' page looks."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, display
from loyalty.access.staff import post_of
from loyalty.page.models import Branding


@admin.register(Branding)
class BrandingAdmin(ModelAdmin):
    list_display = ("retailer", "is_open", "accent", "page")
    fields = (
        ("is_open", "page"), ("accent", "logo"), ("greeting", "greeting_fr"), ("contact", "privacy_notice"),
    )  # fmt: skip
    readonly_fields = ("page",)
    list_select_related = ("retailer",)

    @display(description=_("address"))
    def page(self, row: Branding) -> SafeString | str:
        if not row.retailer_id:
            return "-"
        address = reverse("page:start", kwargs={"retailer": row.retailer.slug})
        return format_html('<a href="{}">{}</a>', address, address)

    def has_add_permission(self, request: HttpRequest) -> bool:
        post = post_of(request)
        is_there = post is None or post.retailer is None or Branding.objects.filter(retailer=post.retailer).exists()
        return not is_there and bool(super().has_add_permission(request))

    def save_model(self, request: HttpRequest, obj: Branding, form: Any, change: Any) -> None:
        post = post_of(request)
        if not change and post is not None and post.retailer is not None:
            obj.retailer = post.retailer
        super().save_model(request, obj, form, change)
