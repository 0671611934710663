"""What a spreadsheet, or somebody who copied them, may have done to the ids of a column."""

import re
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.importing.cells import SCIENTIFIC

MAX_KNOWN = (
    100_000  # cells of a column that are remembered, so that a file of any length is looked through in bounded memory
)
POINT_ZERO = re.compile(r"([0-9]+)\.0+")
# Of no width, or that turn the direction of writing: copied from a page or a message without being seen.
UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")

Place = tuple[int, str]  # a line, and what stands there


@dataclass
class Ids:
    """What a spreadsheet may have done to the ids of a column."""

    pointed: list[Place] = field(default_factory=list)
    scientific: list[Place] = field(default_factory=list)
    unseen: list[Place] = field(default_factory=list)
    shortened: list[tuple[Place, Place]] = field(default_factory=list)
    known: dict[str, Place] = field(default_factory=dict)

    def add(self, cell: str, line: int) -> None:
        if not cell.isascii():
            if UNSEEN.search(cell) and len(self.unseen) < MAX_KNOWN:
                self.unseen.append((line, cell))
        elif POINT_ZERO.fullmatch(cell):
            if len(self.pointed) < MAX_KNOWN:
                self.pointed.append((line, cell))
        elif SCIENTIFIC.fullmatch(cell):
            if len(self.scientific) < MAX_KNOWN:
                self.scientific.append((line, cell))
        elif cell.isdigit() and len(self.known) < MAX_KNOWN:
            before = self.known.setdefault(cell.lstrip("0"), (line, cell))
            if before[1] != cell and not self.shortened:
                self.shortened.append((before, (line, cell)))

    def notices(self, column: str) -> list[str]:
        found = []
        for places, words in ((self.pointed, _pointed), (self.scientific, _scientific)):
            if places:
                line, cell = places[0]
                found.append(words(len(places)).format(column=column, count=len(places), cell=cell[:40], line=line))
        if self.unseen:
            line, cell = self.unseen[0]
            sign, seen = UNSEEN.findall(cell)[0], UNSEEN.sub("", cell)
            told = {
                "column": column,
                "count": len(self.unseen),
                "cell": seen[:40],
                "line": line,
                "sign": f"U+{ord(sign):04X}",
            }
            found.append(_unseen(len(self.unseen)).format(**told))
        if self.shortened:
            (first, one), (second, other) = self.shortened[0]
            words_ = _("{column}: “{one}” (line {first}) and “{other}” (line {second}) are two, but a spreadsheet takes zeros "
                       "from the front of numbers. Look whether they are meant to be one.")  # fmt: skip
            found.append(words_.format(column=column, one=one[:40], first=first, other=other[:40], second=second))
        return found


def _pointed(count: int) -> str:
    return ngettext(
        "{column}: {count} id ends in .0, such as “{cell}” in line {line}: a spreadsheet has made it a number. "
        "It is taken as it stands.",
        "{column}: {count} ids end in .0, such as “{cell}” in line {line}: a spreadsheet has made them numbers. "
        "They are taken as they stand.",
        count,
    )  # fmt: skip


def _scientific(count: int) -> str:
    return ngettext(
        "{column}: {count} id is in scientific notation, such as “{cell}” in line {line}: its last digits are lost.",
        "{column}: {count} ids are in scientific notation, such as “{cell}” in line {line}: their last digits are lost.",
        count,
    )  # fmt: skip


def _unseen(count: int) -> str:
    return ngettext(
        "{column}: {count} id has a character that nobody sees, such as “{cell}” in line {line} ({sign}). "
        "It is taken as it stands, and is another than the id without.",
        "{column}: {count} ids have a character that nobody sees, such as “{cell}” in line {line} ({sign}). "
        "They are taken as they stand, and are others than the ids without.",
        count,
    )  # fmt: skip
