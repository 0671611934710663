"""Which provider takes money for which retailer: as the settings say, else a person."""

from functools import lru_cache

from django.conf import settings

from customers.models import Retailer
from loyalty.plans.providers.manual import ManualProvider
from loyalty.plans.providers.port import Provider
from loyalty.plans.providers.tryout import TryoutProvider


def provider_of(retailer: Retailer) -> Provider:
    """Return who takes money for a retailer, by PAYMENT_ACCOUNTS of the settings."""
    account: dict[str, str] = settings.PAYMENT_ACCOUNTS.get(retailer.slug, {"provider": ManualProvider.name})
    return make_provider(account)


def make_provider(account: dict[str, str]) -> Provider:
    """
    Return a provider with an account's secrets.

    :param account: `provider` is manual, test or stripe; what else it needs stands in docs/reference/settings.md
    """
    match account["provider"]:
        case "manual":
            return ManualProvider()
        case "test":
            return TryoutProvider(account["webhook_secret"])
        case "stripe":
            return _stripe(account["api_key"], account["webhook_secret"])
        case other:
            message = f"PAYMENT_ACCOUNTS names the provider {other!r}, which is none of manual, test and stripe."
            raise ValueError(message)


@lru_cache(maxsize=64)
def _stripe(api_key: str, webhook_secret: str) -> Provider:
    try:
        from loyalty.plans.providers.stripe import StripeProvider  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "PAYMENT_ACCOUNTS names stripe, whose package is not installed: install requirements/stripe.lock."
        raise ValueError(message) from error

    return StripeProvider(api_key, webhook_secret)
