"""Addresses by their keyed hashes: which take messages, and which do no more."""

import hmac
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from django.conf import settings

from customers.core import bulk
from customers.core.phones import phone_key
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.models import Address
from loyalty.campaigns.models.words import Channel

SALT = "loyalty.campaigns.reaching.addresses"
KNOWN = """
SELECT channel, value_hash, verified_at IS NOT NULL, suppressed_at IS NOT NULL FROM campaigns_address
WHERE retailer_id = %s AND channel = ANY(%s) AND value_hash = ANY(%s)
"""
SUPPRESS = """
INSERT INTO campaigns_address (retailer_id, channel, value_hash, suppressed_at, reason) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (retailer_id, channel, value_hash) DO UPDATE SET suppressed_at = excluded.suppressed_at, reason = excluded.reason
WHERE campaigns_address.suppressed_at IS NULL
"""
VERIFY = """
INSERT INTO campaigns_address (retailer_id, channel, value_hash, verified_at, reason) VALUES (%s, %s, %s, %s, '')
ON CONFLICT (retailer_id, channel, value_hash) DO UPDATE SET verified_at = excluded.verified_at
WHERE campaigns_address.verified_at IS NULL
"""


def normalised(channel: str, value: str, country: str) -> str:
    """
    Return an address as it is compared: mail in small letters, a phone number as all its spellings have it.

    :param country: whose a number is that names none; empty where nobody knows
    """
    return phone_key(value, country) if channel == Channel.SMS else value.strip().lower()


def hash_of(channel: str, value: str, country: str) -> str:
    """
    Return by what an address is known here: nobody computes it without this site's SECRET_KEY. Empty for none.

    :param country: whose a phone number is that names none
    """
    found = normalised(channel, value, country)
    return hmac.digest(_key(settings.SECRET_KEY), f"{channel}:{found}".encode(), "sha256").hex() if found else ""


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """Return the key of Django's `salted_hmac`, which makes it anew for each value."""
    return sha256(f"{SALT}{secret}".encode()).digest()


def suppress(retailer_id: int, channel: str, value_hash: str, reason: str, *, now: datetime) -> bool:
    """Send nothing to an address any more; the first reason stays. Return whether this did it."""
    return bool(bulk.change(SUPPRESS, [retailer_id, channel, value_hash, now, reason]))


def verify(retailer: Retailer, channel: str, value: str, *, now: datetime) -> bool:
    """Write down that somebody reads what goes to an address. Return whether that was new."""
    return bool(bulk.change(VERIFY, [retailer.pk, channel, hash_of(channel, value, retailer.country), now]))


def release(address: Address, *, now: datetime) -> None:
    """Let an address take messages again: staff knows better, and what refused it before counts no more."""
    address.suppressed_at, address.reason, address.released_at = None, "", now
    address.save(update_fields=["suppressed_at", "reason", "released_at"])


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address."""

    is_verified: bool = False
    is_suppressed: bool = False


def known(retailer_id: int, addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """Return what is known of addresses, asked for by channel and hash; nothing of most."""
    asked = set(addresses)
    channels, hashes = sorted({channel for channel, _ in asked}), [value for _, value in asked]
    rows = bulk.fetch(KNOWN, [retailer_id, channels, hashes]) if asked else []
    return {(channel, value): Known(*facts) for channel, value, *facts in rows}
