"""What allauth asks of us: who may sign in, what is counted, and how secrets rest."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hmac import digest
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from loyalty.access.second_factor import is_required_of
from loyalty.api.clients import client_of
from loyalty.staff_signin.limits import count_password, forget_passwords

log = structlog.get_logger()


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Signs staff in, and nobody else: shoppers are no users, and nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_of(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        count_password(request, str(credentials.get("username", "")))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user is None or not (user.is_active and user.is_staff):
            return None
        forget_passwords(request, user.get_username())
        return user

    def pre_login(self, request: HttpRequest, user: Any, **given: Any) -> HttpResponse | None:
        """Refuse who is no staff any more, whatever it signs in with."""
        if not (user.is_active and user.is_staff):
            messages.error(request, _("This account may not sign in here."))
            return redirect("account_login")
        found: HttpResponse | None = super().pre_login(request, user, **given)
        return found

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody by mail that the way to sign in was changed; a mail server that fails stops nothing."""
        address = email or user.email
        if not settings.SENDS_MAIL or not address:
            return
        try:
            super().send_notification_mail(template_prefix, user, context, address)
        except OSError:
            log.exception("notification_not_mailed", user=user.pk)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Keeps what codes are made from sealed, and lets nobody give up a second factor that a retailer requires."""

    def encrypt(self, text: str) -> str:
        return _box(_secrets()).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box(_secrets()).decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        has_another = others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
        return has_another or not is_required_of(authenticator.user)


def _secrets() -> tuple[str, ...]:
    """Return the secrets from which keys are made: the first seals, all of them open."""
    return tuple(settings.CODE_KEYS) or (settings.SECRET_KEY,)


@lru_cache(maxsize=2)
def _box(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [digest(secret.encode(), b"loyalty.staff_signin: second factors", "sha256") for secret in secrets]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
