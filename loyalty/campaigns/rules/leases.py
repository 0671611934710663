"""What becomes of a message that was given to a provider and of which no answer came. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from loyalty.campaigns.rules.consent import SERVICE

LEASE = timedelta(minutes=2)
MAX_LEASE = timedelta(hours=1)
FIRST_PAUSE, MAX_PAUSE = timedelta(seconds=30), timedelta(hours=1)
KEYS_LIVE = timedelta(hours=24)  # for so long a provider recalls what it took


class Fate(StrEnum):
    """Whether a message without an answer is sent again."""

    AGAIN = "again"  # the provider recognises it
    AGAIN_MARKED = "again_marked"  # it may come twice, and says so
    UNKNOWN = "unknown"  # nobody knows, and nobody tries


def fate_of(*, kind: str, takes_keys: bool, is_resent: bool, first_sent_at: datetime, now: datetime) -> Fate:
    """
    Return what becomes of a message whose lease ended without an answer.

    :param takes_keys: whether its provider takes a message once, however often it is sent with one key
    :param is_resent: whether it was sent again already, at the risk of coming twice
    """
    if takes_keys:
        return Fate.AGAIN if now < first_sent_at + KEYS_LIVE else Fate.UNKNOWN
    return Fate.AGAIN_MARKED if kind == SERVICE and not is_resent else Fate.UNKNOWN


def lease_of(tries: int) -> timedelta:
    """Return for how long an answer is awaited at a try: 1 is the first."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(LEASE * doubled, MAX_LEASE)


def pause_of(tries: int) -> timedelta:
    """Return how long a message waits that a provider did not take for now, after a try."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(FIRST_PAUSE * doubled, MAX_PAUSE)
