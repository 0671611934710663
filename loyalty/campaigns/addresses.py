"""Addresses by their keyed hashes: which take messages, and which do no more."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.crypto import salted_hmac

from customers.core import bulk
from loyalty.campaigns.models import Address
from loyalty.campaigns.models.words import Channel

SALT = "loyalty.campaigns.addresses"
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


def normalised(channel: str, value: str) -> str:
    """Return an address as it is compared: mail in small letters, numbers by their digits."""
    if channel == Channel.SMS:
        digits = "".join(each for each in value if each.isdigit())
        return f"+{digits}" if value.strip().startswith("+") else digits
    return value.strip().lower()


def hash_of(channel: str, value: str) -> str:
    """Return by what an address is known here: nobody computes it without this site's SECRET_KEY. Empty for none."""
    found = normalised(channel, value)
    return salted_hmac(SALT, f"{channel}:{found}", algorithm="sha256").hexdigest() if found else ""


def suppress(retailer_id: int, channel: str, value_hash: str, reason: str, *, now: datetime) -> bool:
    """Send nothing to an address any more; the first reason stays. Return whether this did it."""
    return bool(bulk.change(SUPPRESS, [retailer_id, channel, value_hash, now, reason]))


def verify(retailer_id: int, channel: str, value: str, *, now: datetime) -> bool:
    """Write down that somebody reads what goes to an address. Return whether that was new."""
    return bool(bulk.change(VERIFY, [retailer_id, channel, hash_of(channel, value), now]))


def release(address: Address) -> None:
    """Let an address take messages again: staff knows better."""
    address.suppressed_at, address.reason = None, ""
    address.save(update_fields=["suppressed_at", "reason"])


def known(retailer_id: int, hashes: Iterable[str]) -> dict[tuple[str, str], Address]:
    """Return what is known of addresses, by channel and hash."""
    rows = Address.objects.filter(retailer=retailer_id, value_hash__in=set(hashes))
    return {(row.channel, row.value_hash): row for row in rows}
