"""What a caller may do: a view names its audience, and the scope that each method needs."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from loyalty.access.staff import Post
from loyalty.api.models import MemberToken, RetailerKey


class HasScope(BasePermission):
    """
    A view with `scopes = {"POST": "activity:write"}` is for retailers' systems; one without is for shoppers.

    A view that names no scope for a method lets no key use it: a forgotten entry closes, it does not open.
    """

    message = _("This credential may not do that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        scopes: dict[str, str] | None = getattr(view, "scopes", None)
        if scopes is None:
            return isinstance(request.auth, MemberToken)
        return isinstance(request.auth, RetailerKey | Post) and scopes.get(str(request.method)) in request.auth.scopes
