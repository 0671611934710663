"""What a caller may do: a view names its audience, and the scope that each method needs."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from loyalty.access.staff import Post
from loyalty.api.models import MemberToken, RetailerKey

FOR_SHOPPERS = _("This is for shoppers: it needs a member's token (Authorization: Bearer ...).")
FOR_SYSTEMS = _("This is for your systems: it needs an API key (Authorization: Api-Key ...) with the scope %(scope)s.")
OTHER_SCOPE = _("This needs the scope %(scope)s. The credential has: %(scopes)s.")


class HasScope(BasePermission):
    """
    A view with `scopes = {"POST": "activity:write"}` is for retailers' systems; one without is for shoppers.

    A view that names no scope for a method lets no key use it: a forgotten entry closes, it does not open.
    """

    message: str | Promise = _("This credential may not do that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        scopes: dict[str, str] | None = getattr(view, "scopes", None)
        if scopes is None:
            self.message = FOR_SHOPPERS
            return isinstance(request.auth, MemberToken)
        scope = scopes.get("GET" if request.method == "HEAD" else str(request.method))
        if not isinstance(request.auth, RetailerKey | Post):
            self.message = FOR_SYSTEMS % {"scope": scope}
            return False
        if scope in request.auth.scopes:
            return True
        self.message = OTHER_SCOPE % {"scope": scope, "scopes": ", ".join(sorted(request.auth.scopes)) or "-"}
        return False
