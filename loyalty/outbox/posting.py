"""
One POST to a stranger's address: within one deadline for all of it, to the address that was checked, and not further.

Knows no database, so that many may run beside each other.
"""

import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from customers.core.values import dataclass

MAX_ANSWER_BYTES = 65_536
SHOWN_BYTES = 500  # of an answer's body, for people to see what an endpoint says
SHOWN_SECONDS = 1.0  # for which more of them are waited for
MAX_ADDRESSES = 4
SUCCESS = range(200, 300)
# What comes before an answer (RFC 9110, 15.2), such as 103 Early Hints; 101 is one: nobody asked for another protocol.
BEFORE_ANSWERS = range(102, 200)
PORTS = {"http": 80, "https": 443}
# An address of these that is not an address of the internet leads back to IPv4, or nowhere.
GLOBAL_UNICAST, NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")
SAFE_IN_TARGETS = "/%:@!$&'()*+,;=~?"
NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?\.?", re.ASCII)  # of a host, in small letters

Resolver = Callable[[str, int], Sequence[str]]


class Reason(StrEnum):
    """Why a post was not taken."""

    NO_ADDRESS = "no_address"
    UNKNOWN_HOST = "unknown_host"
    INSIDE = "inside"
    UNREACHABLE = "unreachable"
    NOT_SECURE = "not_secure"
    TIMED_OUT = "timed_out"
    NOT_HTTP = "not_http"
    STATUS = "status"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: its status, and how its body begins."""

    status: int
    begins: str = ""


class NotTaken(Exception):
    """
    A post failed.

    :param detail: of our own making, never what the other side sent
    :param answer: None where there was none
    """

    def __init__(self, reason: Reason, detail: object = "", answer: Answer | None = None) -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail, self.answer = reason, str(detail), answer


class _Deadline:
    """An instant of the monotonic clock by which everything must be done."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """
        Return the seconds that are left.

        :raises TimeoutError: when there are none
        """
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def shorten(self, seconds: float) -> None:
        """Let it be in so many seconds at the latest."""
        self.at = min(self.at, time.monotonic() + seconds)


@lru_cache(maxsize=1)
def system_trust() -> ssl.SSLContext:
    """Return what certificates the system trusts; reading them takes longer than a post."""
    return ssl.create_default_context()


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_rest, address in found))


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a post may do.

    :param seconds: for all of it: the name, the connection, the handshake, what is sent and the head of the answer
    :param may_go_inside: whether private and loopback addresses may be reached
    :param resolve: returns the addresses of a name
    :param trust: what certificates are checked by; what the system trusts if None
    """

    seconds: float
    may_go_inside: bool = False
    resolve: Resolver = look_up
    trust: ssl.SSLContext | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], terms: Terms) -> Answer:
    """
    Post a body, and return the answer when it is a success (2xx).

    The head of the answer decides; of its body only what comes at once is read. A redirect is an answer like any other.

    :raises NotTaken: whatever else happened
    """
    deadline = _Deadline(terms.seconds)
    parts, port = _parts(url)
    try:
        addresses = _addresses(parts.hostname or "", port, terms.resolve, deadline)
        if not terms.may_go_inside:
            refuse_inside(addresses)
        with (
            closing(_connect(addresses, port, deadline)) as plain,
            closing(_secured(plain, parts, terms, deadline)) as connection,
        ):
            answer = _exchange(_TimedSocket(connection, deadline), parts, body, headers)
    except TimeoutError as error:
        raise NotTaken(Reason.TIMED_OUT) from error
    except ssl.SSLError as error:
        raise NotTaken(Reason.NOT_SECURE, error.reason or "") from error
    except (HTTPException, ValueError) as error:
        raise NotTaken(Reason.NOT_HTTP, type(error).__name__) from error
    except OSError as error:
        raise NotTaken(Reason.UNREACHABLE, error.strerror or type(error).__name__) from error
    if answer.status not in SUCCESS:
        raise NotTaken(Reason.STATUS, answer.status, answer)
    return answer


def refuse_inside(addresses: Sequence[str]) -> None:
    """
    Refuse addresses of which one is not on the internet.

    :raises NotTaken: naming it
    """
    for address in addresses:
        if not is_public(address):
            raise NotTaken(Reason.INSIDE, address)


def is_public(address: str) -> bool:
    """Tell whether an address belongs to one host on the internet, also if it only carries the address of IPv4."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in NAT64:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if found not in GLOBAL_UNICAST:
            return False
    return found.is_global and not found.is_multicast


def origin_of(url: str) -> str:
    """
    Return who stands behind a URL: its scheme, its name and, where it is not the usual one, its port (RFC 6454).

    :raises NotTaken: when it is none of HTTP, or names no host, or says for whom it is asked
    """
    parts, port = _parts(url)
    if NAME.fullmatch(parts.hostname or "") is None or parts.username is not None:
        raise NotTaken(Reason.NO_ADDRESS)
    origin = f"{parts.scheme}://{parts.hostname}"
    return origin if port == PORTS[parts.scheme] else f"{origin}:{port}"


def _parts(url: str) -> tuple[SplitResult, int]:
    """
    Return the parts of a URL, and its port.

    :raises NotTaken: when it is none of HTTP
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise NotTaken(Reason.NO_ADDRESS) from error
    if not parts.hostname:
        raise NotTaken(Reason.NO_ADDRESS)
    return parts, port


def _addresses(host: str, port: int, resolve: Resolver, deadline: _Deadline) -> Sequence[str]:
    """
    Return what a name stands for, asked once: what is checked is what is connected to.

    The system's resolver knows no deadline, so it is left behind when it takes too long.

    :raises NotTaken: when it stands for nothing
    """
    answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, ValueError) as error:
            answers.put(error)

    Thread(target=ask, name="resolver", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.left())
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception) or not found:
        raise NotTaken(Reason.UNKNOWN_HOST)
    return found[:MAX_ADDRESSES]


def _connect(addresses: Sequence[str], port: int, deadline: _Deadline) -> socket.socket:
    """Connect to the first address that takes it; each gets its share of the time."""
    *others, last = addresses
    for place, address in enumerate(others):
        try:
            return socket.create_connection((address, port), deadline.left() / (len(addresses) - place))
        except OSError:
            continue
    return socket.create_connection((last, port), deadline.left())


def _secured(plain: socket.socket, parts: SplitResult, terms: Terms, deadline: _Deadline) -> socket.socket:
    """Return a connection behind TLS, where the URL asks for it: with a certificate of the name, not of the address."""
    if parts.scheme == "http":
        return plain
    plain.settimeout(deadline.left())  # of the whole handshake
    return (terms.trust or system_trust()).wrap_socket(plain, server_hostname=parts.hostname)


def _exchange(connection: "_TimedSocket", parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send the request, and return its answer."""
    client = HTTPConnection(parts.hostname or "", parts.port or PORTS[parts.scheme])
    client.default_port = PORTS[parts.scheme]  # which the header Host leaves out
    client.response_class = _LastResponse
    client.auto_open = 0  # it never connects by itself, to an address that nobody checked
    client.sock = connection
    target = quote(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/", safe=SAFE_IN_TARGETS)
    client.request("POST", target, body, {**headers, "Connection": "close"})
    response = client.getresponse()
    connection.deadline.shorten(SHOWN_SECONDS)
    return Answer(response.status, _beginning(response))


def _beginning(response: HTTPResponse) -> str:
    """Return how a body begins, as far as it comes; whatever is wrong with it changes nothing."""
    try:
        begins = response.read1(SHOWN_BYTES) if response.length != 0 else b""
    except (OSError, HTTPException, ValueError):
        return ""
    return begins.decode(errors="replace").replace("\x00", "")


class _LastResponse(HTTPResponse):
    """The answer behind those that only say that there will be one; the library knows but 100 of these."""

    def begin(self) -> None:
        super().begin()
        while self.status in BEFORE_ANSWERS:
            self.headers = None  # type: ignore[assignment] # what was read is none of the answer's
            super().begin()


class _TimedSocket:
    """What `http.client` needs of a socket, with one deadline for all reads and writes and a limit of what is read."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self.connection, self.deadline = connection, deadline

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.connection.settimeout(self.deadline.left())
            rest = rest[self.connection.send(rest) :]

    def makefile(self, *_how: Any) -> io.BufferedReader:
        return io.BufferedReader(_Answer(self.connection, self.deadline))

    def close(self) -> None:
        """Leave the connection to whoever opened it."""


class _Answer(io.RawIOBase):
    """The bytes of an answer's head: an end in the middle of it, or too many of them, are no answer."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self.connection, self.deadline, self.bytes_left = connection, deadline, MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connection.settimeout(self.deadline.left())
        count = self.connection.recv_into(buffer)
        self.bytes_left -= count
        if not count or self.bytes_left < 0:
            raise HTTPException("the answer ended too soon, or not at all")
        return count
