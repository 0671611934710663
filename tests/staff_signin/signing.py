"""How staff signs in, in tests."""

import re
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Retailer
from loyalty.access.models import SignInPolicy, StaffRole

PASSWORD = "a rather long password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN = reverse("account_login")


def sue(retailer: Retailer | None = None, role: str = "owner", name: str = "sue") -> User:
    user = User.objects.create_user(name, email=f"{name}@example.org", password=PASSWORD, is_staff=True)
    if retailer is not None:
        StaffRole.objects.create(user=user, retailer=retailer, role=role)
    return user


def sign_in(client: Client, name: str = "sue", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": name, "password": password}, **more)


def confirm(client: Client) -> None:
    """Give the password again, before something that matters."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def with_app(user: User) -> list[str]:
    """Give a user an app with codes; return the codes to recover with."""
    TOTP.activate(user, SECRET)
    return list(RecoveryCodes.activate(user).generate_codes())


def code(*, secret: str = SECRET) -> str:
    """Return the app's present code."""
    _before, now, _after = yield_hotp_counters_from_time()
    return str(format_hotp_value(hotp_value(secret, now)))


def requires_second_factor(retailer: Retailer) -> None:
    SignInPolicy.objects.create(retailer=retailer, requires_second_factor=True)


def has_app(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type="totp").exists())


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def words(answer: Any) -> list[str]:
    """Return what a page complains of."""
    return [each.strip() for each in re.findall(r'class="notice bad"[^>]*>([^<]*)<', answer.content.decode())]
