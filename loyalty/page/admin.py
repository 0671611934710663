"""How a retailer's members' page looks."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.core.admin import display
from customers.core.uploading import PictureForm
from loyalty.access.one_of_retailer import OneOfRetailer
from loyalty.page.models import Branding


class BrandingForm(PictureForm):
    pictured = "logo"

    class Meta:
        model = Branding
        exclude = ("retailer",)

    def owner(self) -> int:
        return int(self.instance.retailer_id)


@admin.register(Branding)
class BrandingAdmin(OneOfRetailer):
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
