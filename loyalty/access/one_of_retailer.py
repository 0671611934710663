"""What the admin says of a retailer in one row: of that for which somebody of the staff acts."""

from typing import Any

from django.http import HttpRequest

from customers.core.admin import ModelAdmin
from loyalty.access.staff import post_of


class OneOfRetailer(ModelAdmin):
    """One row a retailer, whose `retailer` no form asks for; it is added where there is none yet."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        post = post_of(request)
        if post is None or post.retailer is None or self.model._default_manager.filter(retailer=post.retailer).exists():
            return False
        return bool(super().has_add_permission(request))

    def save_form(self, request: HttpRequest, form: Any, change: Any) -> Any:
        post = post_of(request)
        if not change and post is not None and post.retailer is not None:
            form.instance.retailer = post.retailer
        return super().save_form(request, form, change)
