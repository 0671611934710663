"""By what sign-ins are told apart: e-mail addresses and clients, kept as keyed hashes only."""

import ipaddress
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind

MAX_LENGTH = 254  # of a customer's e-mail
IPV6_PREFIX = 64  # what one subscriber has


class NotAnAddress(DomainError):
    code = "not_an_address"
    kind = Kind.INVALID
    message = _("This is not an e-mail address.")


def normalise(email: str) -> str:
    """
    Return an address as it is compared: without blanks around it, composed, in small letters.

    :raises NotAnAddress: for what is none
    """
    found = unicodedata.normalize("NFC", email.strip()).lower()
    try:
        validate_email(found)
    except ValidationError as error:
        raise NotAnAddress from error
    if len(found) > MAX_LENGTH:
        raise NotAnAddress
    return found


def keyed(*parts: object) -> str:
    """Return a hash of some parts that nobody computes without this site's SECRET_KEY."""
    return salted_hmac("loyalty.signin", repr(parts), algorithm="sha256").hexdigest()


def client_of(request: HttpRequest) -> str:
    """
    Return the address of who calls, of IPv6 its network.

    Only as many entries of X-Forwarded-For are believed as there are proxies of ours in front (PROXIES): callers write the rest.
    """
    forwarded = [each.strip() for each in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if each.strip()]
    behind = settings.PROXIES
    told = forwarded[-min(behind, len(forwarded))] if behind and forwarded else request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(told)
    except ValueError:
        return str(told)[:64]
    if address.version == 6:  # noqa: PLR2004 - IPv6
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
