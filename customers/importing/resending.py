"""
How a file of refused rows says how it is to be read: in the name of its first column.

What the whole file decided, or somebody said of it, a few of its rows no longer tell: alone they might say that days come
first where months did.
"""

from collections.abc import Mapping
from dataclasses import replace

from customers.importing.cells import Notation
from customers.importing.dates import ORDERS
from customers.importing.numbers import SIGNS
from customers.importing.reading import REFUSAL, Source
from customers.importing.shipped import SHIPPED
from customers.importing.table import Said, Table

NAMES = {sign: name for name, sign in SIGNS.items()}


def first_column(table: Table, said: Said, preset: str) -> str:
    """Return the name of the column before others in a file of rows that were refused, such as `refusal dates=mdy`."""
    notation = table.notation
    is_decided = bool(said.decimal or table.survey.numbers.sure)
    told = {
        "dates": notation.dates or said.dates,
        "decimal": NAMES[notation.decimal] if is_decided else "",
        "thousands": _thousands(notation) if is_decided else "",
        "ids": "scientific" if notation.takes_scientific else "",
        "mapping": preset,
    }
    return " ".join([REFUSAL, *(f"{name}={value}" for name, value in told.items() if value)])


def heeded(source: Source, kind: str, said: Said, preset: str) -> tuple[Said, str]:
    """
    Return what is known of how a file is to be read: what somebody says now, and else what it says itself.

    :param preset: the code of a mapping that ships, if somebody named one
    """
    told = _told(source)
    if not told:
        return said, preset
    decimal = said.decimal or (told.get("decimal", "") if told.get("decimal") in SIGNS else "")
    found = replace(
        said,
        dates=said.dates or (told["dates"] if told.get("dates") in ORDERS else ""),
        decimal=decimal,
        has_groups=said.has_groups and not (decimal == told.get("decimal") and told.get("thousands") == "no"),
        takes_scientific=said.takes_scientific or told.get("ids") == "scientific",
    )
    is_known = any((each.code, each.kind) == (told.get("mapping"), kind) for each in SHIPPED)
    return found, preset or (told["mapping"] if is_known else "")


def _thousands(notation: Notation) -> str:
    return "" if notation.has_groups else "no"


def _told(source: Source) -> Mapping[str, str]:
    if not source.is_ours:
        return {}
    words = source.columns[0].lower().split()[1:]
    return {name: value for name, _sign, value in (word.partition("=") for word in words)}
