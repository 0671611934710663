"""In which encoding a file's text is written, found from all of its bytes."""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import IO

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind

BLOCK = 1 << 20
HEAD = 4_096
# How the files begin that people take for CSV files.
WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
OTHERS = (b"%PDF", b"\x1f\x8b", b"\x89PNG", b"7z\xbc\xaf", b"Rar!")
SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# What UTF-8 makes of é and other letters of western Europe; in CP1252 it is Ã before a sign, which no language writes.
LETTER = re.compile(rb"\xc3[\x80-\xbf]")
NOT_ASCII = re.compile(rb"[\x80-\xff]")
REASONS = {
    "empty": _("The file is empty: its first line must name the columns."),
    "header": _("The first line of the file must name the columns, with balanced quotes."),
    "columns": _("The first line of the file names {count} columns; at most {limit} are read."),
    "quotes": _(
        "The quotes of so many rows are not balanced that nobody can tell where a row ends. Save the file anew as CSV, with "
        "each quote inside a cell written twice."
    ),
    "workbook": _("The file is an Excel workbook. Save it as “CSV UTF-8” and send that file."),
    "binary": _("The file is no text. Save it as CSV in UTF-8 and send that file."),
    "mixed": _(
        "Line {line} is not in UTF-8 while other lines are, so the file was put together from several. Save all of it as CSV "
        "in UTF-8."
    ),
    "unknown": _("Line {line} is neither in UTF-8 nor as Windows writes it (CP1252). Save the file as CSV in UTF-8."),
}


class UnreadableFile(DomainError):
    """A file that is no CSV file, or not surely; `why` is one of REASONS."""

    code = "unreadable_file"
    kind = Kind.INVALID

    def __init__(self, why: str, **facts: object) -> None:
        super().__init__(why=why, **facts)

    def __str__(self) -> str:
        return str(REASONS[self.facts["why"]]).format(**self.facts)


def encoding_of(file: IO[bytes]) -> str:
    """
    Return the encoding of a file as Python names it.

    :raises UnreadableFile: when it is no text, or of two encodings
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head.strip():
        raise UnreadableFile("empty")
    if head.startswith(WORKBOOK):
        raise UnreadableFile("workbook")
    if head.startswith(OTHERS):
        raise UnreadableFile("binary")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _utf_16(file)
    line = _first_line_outside_utf_8(file)
    if line is None:
        return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    if b"\x00" in head:
        raise UnreadableFile("binary")
    return _cp1252(file, line)


def _utf_16(file: IO[bytes]) -> str:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for block in _blocks(file):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableFile("binary") from None
    return "utf-16"


def _first_line_outside_utf_8(file: IO[bytes]) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    for block in chain(_blocks(file), [b""]):
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        line += block.count(b"\n")
    return None


def _cp1252(file: IO[bytes], first_other: int) -> str:
    """Return CP1252 where nothing speaks against it: with as much of UTF-8 as of anything else a text is of two encodings."""
    sequences = letters = others = 0
    line = 1
    for block in _blocks(file):
        try:
            block.decode("cp1252")
        except UnicodeDecodeError as error:
            raise UnreadableFile("unknown", line=line + block[: error.start].count(b"\n")) from None
        sequences += len(SEQUENCE.findall(block))
        letters += len(LETTER.findall(block))
        others += len(NOT_ASCII.findall(SEQUENCE.sub(b"", block)))
        line += block.count(b"\n")
    if letters or (sequences and sequences >= others):
        raise UnreadableFile("mixed", line=first_other)
    return "cp1252"


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(BLOCK):
        yield block
