"""How a retailer's members' page looks."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, display
from customers.core.uploading import PictureForm
from loyalty.access.staff import post_of
from loyalty.page.models import Branding


class BrandingForm(PictureForm):
    pictured = "logo"

    class Meta:
        model = Branding
        exclude = ("retailer",)

    def owner(self) -> int:
        return int(self.instance.retailer_id)


@admin.register(Branding)
class BrandingAdmin(ModelAdmin):
    form = BrandingForm
    list_display = ("retailer", "is_open", "accent", "page")
    fields = (
        ("is_open", "page"), ("accent", "logo"), "picture", ("greeting", "greeting_fr"), ("contact", "privacy_notice"),
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

    def save_form(self, request: HttpRequest, form: Any, change: Any) -> Any:
        post = post_of(request)
        if not change and post is not None and post.retailer is not None:
            form.instance.retailer = post.retailer
        return super().save_form(request, form, change)
