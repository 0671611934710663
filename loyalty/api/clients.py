"""By which address callers are counted: what our own proxies say, and nothing that callers write themselves."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64  # what one subscriber has
WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[0-9a-fA-F:.]+)\](:[0-9]+)?")  # as some proxies write it


def client_of(request: HttpRequest) -> str:
    """
    Return the address of who calls, of IPv6 its network.

    Only as many entries of its header (CLIENT_ADDRESS_HEADER) are believed as there are proxies of ours in front (PROXIES):
    callers write the rest.
    """
    header = f"HTTP_{settings.CLIENT_ADDRESS_HEADER.upper().replace('-', '_')}"
    forwarded = [each.strip() for each in request.META.get(header, "").split(",") if each.strip()]
    behind = settings.PROXIES
    told = forwarded[-min(behind, len(forwarded))] if behind and forwarded else request.META.get("REMOTE_ADDR", "")
    written = WITH_PORT.fullmatch(told)
    try:
        address = ipaddress.ip_address(written["v4"] or written["v6"] if written else told)
    except ValueError:
        return str(told)[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped  # as a server that listens for both writes one of IPv4
    return str(address)
