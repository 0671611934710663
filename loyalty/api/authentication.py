"""Who calls: a retailer's system by its key, or a shopper by a token."""

import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from customers.core import tenancy
from loyalty.access.staff import Post, post_of
from loyalty.api.models import MemberToken, RetailerKey
from loyalty.api.recognised import RECOGNISED


class RetailerKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key ...`; the key becomes `request.auth`."""

    scheme = "Api-Key"

    def authenticate(self, request: Request) -> tuple[None, RetailerKey] | None:
        text = credential(request, self.scheme)
        if text is None:
            return None
        key = remembered(text, int(time.monotonic() // settings.API_KEY_REMEMBERED_SECONDS))
        if key is None or key.has_expired:
            remembered.cache_clear()
            RECOGNISED.forget(request._request)
            raise AuthenticationFailed(_("This API key is not valid."))
        RECOGNISED.note(request._request)
        tenancy.act_for(key.retailer_id)
        bind_contextvars(key=key.prefix)
        return None, key

    def authenticate_header(self, _request: Request) -> str:
        return self.scheme


@lru_cache(maxsize=1_000)
def remembered(text: str, _span: int) -> RetailerKey | None:
    """
    Return a valid key, asked of the database once in a span of some seconds: a revoked one ends with the span.

    What is not valid is not remembered for longer than the next one that is not.
    """
    key = RetailerKey.objects.select_related("retailer").filter(prefix=text.partition(".")[0], revoked=False).first()
    return key if key is not None and key.is_valid(text) else None


class MemberTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ...`; the token becomes `request.auth`."""

    scheme = "Bearer"

    def authenticate(self, request: Request) -> tuple[None, MemberToken] | None:
        text = credential(request, self.scheme)
        if text is None:
            return None
        token = MemberToken.find(text, now=timezone.now())
        if token is None:
            RECOGNISED.forget(request._request)
            raise AuthenticationFailed(_("This token is not valid, or no longer."))
        RECOGNISED.note(request._request)
        tenancy.act_for(token.retailer_id)
        bind_contextvars(token=token.pk)
        return None, token

    def authenticate_header(self, _request: Request) -> str:
        return self.scheme


class StaffSessionAuthentication(SessionAuthentication):
    """The session of somebody who is signed in to the admin; the post that it fills becomes `request.auth`."""

    def authenticate(self, request: Request) -> tuple[Any, Post] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        post = post_of(request._request)
        if post is None or post.retailer is None:
            raise AuthenticationFailed(_("You have no role at any retailer. Ask its owner for one."))
        if post.lacks_second_factor:
            raise PermissionDenied(
                _("Your retailer requires a second factor. Set one up in the admin."), "second_factor_needed"
            )
        RECOGNISED.note(request._request)
        tenancy.act_for(post.retailer.pk)
        bind_contextvars(user=post.pk)
        return found[0], post


def credential(request: Request, scheme: str) -> str | None:
    """Return what follows a scheme in the Authorization header."""
    name, _space, rest = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return rest.strip() if name.lower() == scheme.lower() else None
