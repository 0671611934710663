"""Of whom a retailer requires a second factor, and who has one."""

from typing import Any

from allauth.mfa.models import Authenticator

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.access.models import SignInPolicy


def has_one(user: Any) -> bool:
    """Tell whether somebody has a second factor: an app with codes, or a passkey. Codes to recover are none of their own."""
    of_user = Authenticator.objects.filter(user_id=user.pk)
    return bool(of_user.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def is_required_of(user: Any) -> bool:
    """Tell whether a retailer for which somebody works requires one; of superusers, whether any does, for they see all."""
    policies = SignInPolicy.objects.filter(requires_second_factor=True)
    with acting_for(ALL_TENANTS):
        if user.is_superuser:
            return policies.exists()
        return policies.filter(retailer__staff__user=user).exists()
