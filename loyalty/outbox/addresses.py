"""Addresses to which events may be posted: looked at when they are given, and again, by their hosts, at each post."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Fault, Kind
from loyalty.outbox.posting import PORTS, is_public

MAX_LENGTH = 200
LOCAL = "localhost"

_is_address = URLValidator(schemes=["http", "https"])


class BadAddress(DomainError):
    """An address to which nothing can be posted."""

    code = "bad_address"
    kind = Kind.INVALID

    def __init__(self, message: str | Promise, **facts: object) -> None:
        super().__init__(**facts)
        self.message = message  # type: ignore[misc] # each its own

    @property
    def findings(self) -> tuple[Fault, ...]:
        """Return what is wrong, with its place in what was sent."""
        return (Fault("url", self.code, str(self)),)


def check_address(url: str) -> None:
    """
    Look whether events can be posted to an address, by what it says itself: its name is asked at each post.

    :raises BadAddress: when they cannot
    """
    if len(url) > MAX_LENGTH:
        raise BadAddress(_("The address has more than {limit} characters."), limit=MAX_LENGTH)
    try:
        _is_address(url)
        parts = urlsplit(url)
        host, has_login = parts.hostname or "", parts.username is not None or parts.password is not None
        _port = parts.port  # which reads it: a number that is none of a port is refused
    except (ValidationError, ValueError):
        raise BadAddress(_("This is no http or https address, such as https://shop.example/hooks.")) from None
    if has_login:
        raise BadAddress(_("A name and a password in the address are not sent: the signature proves who posts."))
    if not settings.WEBHOOKS_MAY_GO_INSIDE and _is_inside(host):
        raise BadAddress(_("{host} is not on the internet."), host=host)


def target_of(url: str) -> tuple[str, str, int, str, str]:
    """Return to what a post goes, however it is written: a host in capitals or with its dot, the usual port, a fragment."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, host, parts.port or PORTS[parts.scheme], parts.path or "/", parts.query


def _is_inside(host: str) -> bool:
    """Tell whether a host says itself that it is not on the internet; of other names only their addresses tell."""
    try:
        return not is_public(str(ip_address(host)))
    except ValueError:
        name = host.rstrip(".")
        return name == LOCAL or name.endswith(f".{LOCAL}")
