"""Who calls: a retailer's system by its key, or a shopper by a token."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from customers.core import tenancy
from loyalty.api.models import MemberToken, RetailerKey, digest


class RetailerKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key ...`; the key becomes `request.auth`."""

    scheme = "Api-Key"

    def authenticate(self, request: Request) -> tuple[None, RetailerKey] | None:
        text = credential(request, self.scheme)
        if text is None:
            return None
        keys = RetailerKey.objects
        try:
            key = keys.select_related("retailer").get(prefix=text.partition(".")[0], revoked=False)
        except RetailerKey.DoesNotExist:
            raise AuthenticationFailed(_("This API key is not valid.")) from None
        if not key.is_valid(text) or key.has_expired:
            raise AuthenticationFailed(_("This API key is not valid."))
        tenancy.act_for(key.retailer_id)
        return None, key

    def authenticate_header(self, _request: Request) -> str:
        return self.scheme


class MemberTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ...`; the token becomes `request.auth`."""

    scheme = "Bearer"

    def authenticate(self, request: Request) -> tuple[None, MemberToken] | None:
        text = credential(request, self.scheme)
        if text is None:
            return None
        tokens = MemberToken.objects.select_related("retailer")
        token = tokens.filter(digest=digest(text), expires_at__gt=timezone.now()).first()
        if token is None:
            raise AuthenticationFailed(_("This token is not valid, or no longer."))
        tenancy.act_for(token.retailer_id)
        return None, token

    def authenticate_header(self, _request: Request) -> str:
        return self.scheme


def credential(request: Request, scheme: str) -> str | None:
    """Return what follows a scheme in the Authorization header."""
    name, _space, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() if name.lower() == scheme.lower() else None
