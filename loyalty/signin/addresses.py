"""By what sign-ins are told apart: e-mail addresses, kept as keyed hashes only."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind

MAX_LENGTH = 254  # of a customer's e-mail


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
