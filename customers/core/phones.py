"""One phone number in its many spellings: with its country's code or without, + or 00, (0), any dividers. Pure."""

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, ValidationResult

from customers.core.values import dataclass

NO_DIGIT = re.compile(r"[^0-9]")
PLUS_FIRST = re.compile(r"^[^0-9]*[+]")


@dataclass(frozen=True, slots=True)
class Spellings:
    """
    The digits of one phone number as somebody may have written it.

    :param with_plus: where a plus stands before them
    :param without_plus: where none does, as far as they are no other number then
    """

    with_plus: frozenset[str]
    without_plus: frozenset[str]


def phone_key(written: str, country: str) -> str:
    """
    Return what all spellings of a phone number share, and no two numbers; empty for none.

    :param country: whose a number is that names none, such as FR; empty where nobody knows
    """
    plain = _plain(written)
    known = _known(plain, country)
    if known is not None:
        return phonenumbers.format_number(known, PhoneNumberFormat.E164)
    return plain if not plain or plain.startswith(("0", "+")) else f"+{plain}"


def spellings_of(written: str, country: str) -> Spellings:
    """Return how a phone number may have been written: only what leads to this number and to no other."""
    key = phone_key(written, country)
    known = _known(_plain(written), country)
    likely = {NO_DIGIT.sub("", each) for each in (written, key)} | (_usual(known) if known else set())
    likely |= {f"00{each}" for each in likely}
    return Spellings(
        with_plus=frozenset(each for each in likely if key and phone_key(f"+{each}", country) == key),
        without_plus=frozenset(each for each in likely if key and phone_key(each, country) == key),
    )


def national_part(written: str) -> str:
    """Return the digits of a number behind its country's code; empty where it names no country."""
    known = _known(_plain(written), "")
    return phonenumbers.national_significant_number(known) if known else ""


def _usual(number: PhoneNumber) -> set[str]:
    """Return the digits of a number at home and abroad, with the zero that is dialled at home only, and without."""
    at_home = NO_DIGIT.sub("", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    bare = phonenumbers.national_significant_number(number)
    return {at_home, bare, f"{number.country_code}{at_home}", f"{number.country_code}{bare}"}


def _plain(written: str) -> str:
    """Return the digits of a number, after a plus where it names its country by a plus or by two zeros."""
    text = unicodedata.normalize("NFKC", written)
    digits = NO_DIGIT.sub("", text)
    if PLUS_FIRST.match(text) or digits.startswith("00"):
        digits = NO_DIGIT.sub("", text.replace("(0)", "")).removeprefix("00")
        return f"+{digits}" if digits else ""
    return digits


@lru_cache(maxsize=4_096)
def _known(plain: str, country: str) -> PhoneNumber | None:
    """Return the number that digits are: at home, unless they are none there and one abroad whose plus was left out."""
    at_home = _parsed(plain, country)
    if at_home is None or plain.startswith(("0", "+")) or phonenumbers.is_valid_number(at_home):
        return at_home or _parsed(f"+{plain}", "")
    abroad = _parsed(f"+{plain}", "")
    return abroad if abroad is not None and phonenumbers.is_valid_number(abroad) else at_home


def _parsed(plain: str, country: str) -> PhoneNumber | None:
    """Return a number, where its country has any as long as that."""
    try:
        number = phonenumbers.parse(plain, country or None)
    except phonenumbers.NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return number if is_possible else None
