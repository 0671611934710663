"""How often staff may try to sign in: counted in a table before a password is hashed, so it holds for all processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.clients import client_of
from loyalty.signin.limits import DAY, HOUR, Limit, TooManySignIns, count, forget

QUARTER = 900
MAX_OF_NAME = (
    50  # an hour: whoever guesses from many addresses gets 1,200 passwords a day, and locks nobody out for longer
)
MAX_OF_CLIENT = 60  # a quarter of an hour: each is a hash, which takes a processor as long as a hundred orders
MAX_MAILS_OF_ADDRESS, MAX_MAILS_OF_CLIENT = 3, 20  # an hour


def count_password(request: HttpRequest, name: str) -> None:
    """
    Count one more password that somebody tries.

    :raises ValidationError: when it is locked for a while, in words
    """
    client = client_of(request)
    with _in_words():
        count(
            [
                _of_both(name, client),
                Limit("staff-name", _folded(name), MAX_OF_NAME, HOUR),
                Limit("staff-client", client, MAX_OF_CLIENT, QUARTER),
            ],
            now=timezone.now(),
        )


def forget_passwords(request: HttpRequest, name: str) -> None:
    """Begin anew with who gave the right password: only strangers' tries go on counting."""
    forget([_of_both(name, client_of(request))])


def count_code(user_id: int) -> None:
    """
    Count one more code that somebody tries as a second factor.

    :raises ValidationError: when it is locked for a while, in words
    """
    with _in_words():
        count([Limit("staff-code", str(user_id), settings.STAFF_SIGN_IN_TRIES, QUARTER)], now=timezone.now())


def is_first_use(user_id: int, code: str) -> bool:
    """Tell whether a right code was not used today: whoever looks over a shoulder has nothing from it, on any process."""
    try:
        count([Limit("staff-code-used", f"{user_id} {code}", 1, DAY)], now=timezone.now())
    except TooManySignIns:
        return False
    return True


def count_reset(request: HttpRequest, email: str) -> None:
    """
    Count one more mail that somebody asks for.

    :raises ValidationError: when there were enough for a while, in words
    """
    with _in_words():
        count(
            [
                Limit("staff-reset", _folded(email), MAX_MAILS_OF_ADDRESS, HOUR),
                Limit("staff-reset-client", client_of(request), MAX_MAILS_OF_CLIENT, HOUR),
            ],
            now=timezone.now(),
        )


def _of_both(name: str, client: str) -> Limit:
    return Limit("staff-password", f"{_folded(name)} {client}", settings.STAFF_SIGN_IN_TRIES, QUARTER)


def _folded(text: str) -> str:
    return text.strip().casefold()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except TooManySignIns as refused:
        raise ValidationError(str(refused), code=refused.code) from refused
