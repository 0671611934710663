"""
Where the site is served, and whether it can be.

`make run` asks before anything is installed: this module needs the standard library alone.
"""

import os
import socket
import sys

from loyalty.embedded.errors import EmbeddedError

MAX_PORT = 65_535


def address() -> tuple[str, int]:
    """
    Return the host and the port at which the site is served: HOST and PORT, else 127.0.0.1 and 8000.

    :raises EmbeddedError: when PORT is no port
    """
    text = os.environ.get("PORT", "8000")
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_PORT:
        raise EmbeddedError(f"PORT={text} is no port. Set it to a number from 1 to {MAX_PORT}.")
    return os.environ.get("HOST", "127.0.0.1"), int(text)


def require_free_address(command: str) -> tuple[str, int]:
    """
    Return the site's host and port, which nothing listens on.

    :param command: what was started, to say how to start it on another port
    :raises EmbeddedError: when the port is taken, or the host is none of this machine's
    """
    host, port = address()
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except socket.gaierror:
        raise EmbeddedError(f"HOST={host} is no address of this machine.") from None
    except OSError as error:
        other = port + 1 if port < MAX_PORT else port - 1
        raise EmbeddedError(
            f"Port {port} of {host} cannot be had ({error.strerror}); perhaps the site runs already. "
            f"Stop what listens there, or choose another port: PORT={other} {command}"
        ) from None
    return host, port


def reached_at(host: str) -> str:
    """Return at which host this machine reaches what is served at one: that of all addresses is none itself."""
    return "127.0.0.1" if host == "0.0.0.0" else host


def answers(host: str, port: int) -> bool:
    """Tell whether something listens there."""
    try:
        with socket.create_connection((reached_at(host), port), timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    try:
        require_free_address(" ".join(sys.argv[1:]))
    except EmbeddedError as problem:
        sys.exit(f"\n{problem}\n")
