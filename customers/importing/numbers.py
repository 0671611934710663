"""Numbers as files write them; which sign stands before the decimals is said by who looked at the whole file."""

import re
from decimal import Decimal
from functools import lru_cache

from django.utils.translation import gettext as _

COMMA, POINT = ",", "."
SIGNS = {"comma": COMMA, "point": POINT}
BLANKS = re.compile(
    r"(?<=[0-9])[ \u00a0\u2009\u202f'’](?=[0-9]{3}(?![0-9]))"
)  # between thousands, in French and in Switzerland
PLAIN = re.compile(r"[+-]?[0-9]+")
DECIMAL = {
    sign: re.compile(rf"[+-]?[0-9]*{re.escape(sign)}[0-9]+|[+-]?[0-9]+{re.escape(sign)}?") for sign in (COMMA, POINT)
}
GROUPED = {
    sign: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{re.escape(other)}[0-9]{{3}})+(?:{re.escape(sign)}[0-9]*)?")
    for sign, other in ((COMMA, POINT), (POINT, COMMA))
}
ONE_GROUP = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")  # 1.234: a thousand, or one and a bit
SCIENTIFIC = re.compile(r"[+-]?[0-9.,]+[eE][+-]?[0-9]+")
MAX_LENGTH = 100


def signs_of(cell: str) -> set[tuple[str, bool]]:
    """
    Return how a number can be meant: the sign of its decimals, and whether the other one divides its thousands.

    Nothing for what has neither sign, and for what is no number.
    """
    plain = BLANKS.sub("", cell)
    if len(plain) > MAX_LENGTH or PLAIN.fullmatch(plain):
        return set()
    found = {(sign, False) for sign, shape in DECIMAL.items() if shape.fullmatch(plain)}
    return found | {(sign, True) for sign, shape in GROUPED.items() if shape.fullmatch(plain)}


@lru_cache(maxsize=4096)
def number_of(cell: str, decimal: str, *, has_groups: bool) -> Decimal:
    """
    Return a number.

    :param decimal: the sign before its decimals
    :param has_groups: whether the other sign may divide its thousands
    :raises ValueError: with words
    """
    plain = BLANKS.sub("", cell)
    if len(plain) <= MAX_LENGTH:
        if PLAIN.fullmatch(plain) or DECIMAL[decimal].fullmatch(plain):
            return Decimal(plain.replace(COMMA, POINT))
        if GROUPED[decimal].fullmatch(plain):
            if not has_groups:
                raise ValueError(_unclear(cell))
            other = POINT if decimal == COMMA else COMMA
            return Decimal(plain.replace(other, "").replace(COMMA, POINT))
    if SCIENTIFIC.fullmatch(plain):
        raise ValueError(_("“{cell}” is in scientific notation. Write all of its digits.").format(cell=cell[:20]))
    raise ValueError(_("“{cell}” is no number.").format(cell=cell[:20]))


def _unclear(cell: str) -> str:
    reason = _(
        "“{cell}” has another sign than the decimals of this file. Write it without one, or say how numbers are written."
    )
    return reason.format(cell=cell[:20])
