"""Signatures of webhooks: the instant and the body under a shared secret, as payment providers sign theirs."""

import hmac
from datetime import UTC, datetime, timedelta

from loyalty.plans.providers.port import WrongSignature

TOLERANCE = timedelta(minutes=5)


def sign(body: bytes, secret: str, at: datetime) -> str:
    """Return the header of a body signed at an instant: t=SECONDS,v1=HEX of HMAC-SHA256 over SECONDS.BODY."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(body, secret, seconds)}"


def require_signature(header: str, body: bytes, secret: str, *, now: datetime) -> None:
    """
    Refuse a body that was not signed under a secret just now; several signatures may stand in a header.

    :raises WrongSignature: then
    """
    parts = [part.partition("=") for part in header.split(",")]
    seconds = next((value for name, _, value in parts if name.strip() == "t"), "")
    if not secret or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:  # noqa: PLR2004 - of any year
        raise WrongSignature
    expected = _mac(body, secret, int(seconds))
    given = [value.strip() for name, _, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
        raise WrongSignature
    require_recent(int(seconds), now)


def require_recent(seconds: int, now: datetime) -> None:
    """
    Refuse what was signed at another time than just now: somebody may send it again.

    :raises WrongSignature: then
    """
    if abs(now - datetime.fromtimestamp(seconds, UTC)) > TOLERANCE:
        raise WrongSignature


def _mac(body: bytes, secret: str, seconds: int) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
