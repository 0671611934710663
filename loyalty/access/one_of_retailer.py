"""What the admin says of a retailer in one row: of that for which somebody of the staff acts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.core.admin import ModelAdmin
from loyalty.access.staff import post_of


class OneOfRetailer(ModelAdmin):
    """One row a retailer, whose `retailer` no form asks for; it is added where there is none yet."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Lead who would add a second row to the one that is there, such as who was a moment later than somebody else."""
        there = self._there(request) if object_id is None and super().has_add_permission(request) else None
        if there is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        messages.warning(request, _("There is one already, and nothing was saved: change this one."))
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return redirect(reverse(name, args=[there.pk]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        post = post_of(request)
        if post is None or post.retailer is None or self._there(request) is not None:
            return False
        return bool(super().has_add_permission(request))

    def _there(self, request: HttpRequest) -> Any:
        """Return the retailer's row; None where there is none yet."""
        post = post_of(request)
        return None if post is None else self.model._default_manager.filter(retailer=post.retailer).first()

    def save_form(self, request: HttpRequest, form: Any, change: Any) -> Any:
        post = post_of(request)
        if not change and post is not None and post.retailer is not None:
            form.instance.retailer = post.retailer
        return super().save_form(request, form, change)
