"""Member numbers: sixteen digits for cards and QR codes, the last of which tells a typing error (Luhn, ISO/IEC 7812)."""

import secrets

DIGITS = 16


def new_number() -> str:
    """Return a random member number."""
    body = str(secrets.randbelow(9 * 10 ** (DIGITS - 2)) + 10 ** (DIGITS - 2))
    return body + check_digit(body)


def is_number(text: str) -> bool:
    """Tell whether a text is a member number without a typing error."""
    return len(text) == DIGITS and text.isascii() and text.isdigit() and check_digit(text[:-1]) == text[-1]


def check_digit(body: str) -> str:
    """Return the Luhn digit that follows `body`."""
    total = 0
    for place, character in enumerate(reversed(body)):
        digit = int(character) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004 - the digits' sum of a number of two digits
    return str(-total % 10)
