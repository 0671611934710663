"""Files that were uploaded lose the lines of a person who is erased."""

import io
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from customers.core.errors import DomainError
from customers.core.exporting import is_escaped
from customers.core.phones import NO_DIGIT, phone_key
from customers.core.values import dataclass
from customers.importing.formats import FORMATS
from customers.importing.mapping import suggest
from customers.importing.reading import Row, Source, open_source
from customers.importing.shipped import SHIPPED
from customers.importing.writing import written
from customers.models import ImportJob, Retailer

PHONE = re.compile(r"[0-9 ().+/-]+")  # a number as people write it
WHOLE_PHONE = 7  # digits: fewer are also a quantity, or a day
Cells = Mapping[str, AbstractSet[str]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """
    What says who somebody is in whatever column it stands, also in one that nobody reads, and among other words.

    :param named: finds anything that a line of the person has, among other words
    :param texts: e-mail addresses and phone numbers in small letters, as a whole cell
    :param emails: finds an e-mail address among other words
    :param phones: phone numbers, which are written in many ways, each with the end of its digits
    :param country: of numbers that name none
    """

    named: "re.Pattern[str]"
    texts: AbstractSet[str]
    emails: "re.Pattern[str] | None"
    phones: Mapping[str, str]
    country: str

    @classmethod
    def of(cls, cells: Cells, country: str) -> "Addresses":
        emails, phones = cells.get("email", frozenset()), cells.get("phone", frozenset())
        whole = [phone for phone in phones if len(NO_DIGIT.sub("", phone)) >= WHOLE_PHONE]
        return cls(
            _standing_alone({text for some in cells.values() for text in some}),
            {text.lower() for text in emails | phones},
            _standing_alone(emails) if emails else None,
            {phone_key(phone, country): _end(phone) for phone in whole},
            country,
        )

    def stand_in(self, cell: str) -> bool:
        plain = _plain(cell)
        if plain in self.texts or (self.emails is not None and "@" in plain and self.emails.search(plain)):
            return True
        if not self.phones or PHONE.fullmatch(plain) is None or _end(plain) not in self.phones.values():
            return False
        return phone_key(plain, self.country) in self.phones


def forget_rows(retailer: Retailer, cells: Cells) -> int:
    """
    Take out of a retailer's files, and of what was found wrong in them, what is of a person; return of how many files.

    :param cells: what a line of the person has, by the column's name
    """
    addresses = Addresses.of(cells, retailer.country)
    named = addresses.named
    changed = 0
    jobs = ImportJob.objects.filter(retailer=retailer).only("content", "refused_rows", "problems", "said", "seen")
    for job in jobs.iterator(chunk_size=1):
        before = (bytes(job.content), bytes(job.refused_rows or b""), job.problems, job.seen)
        said = _said_of_columns(job)
        problems = [each for each in job.problems if not named.search(str(each.get("reason")))]
        seen = {name: [each for each in told if not named.search(str(each))] for name, told in job.seen.items()}
        after = (*(_without(content, job.kind, cells, said, addresses) for content in before[:2]), problems, seen)
        if after != before:
            content, refused, _problems, _seen = after
            ImportJob.objects.filter(pk=job.pk).update(
                content=content, refused_rows=refused or None, problems=problems, seen=seen
            )
            changed += 1
    return changed


def _without(content: bytes, kind: str, cells: Cells, said: Mapping[str, str], addresses: Addresses) -> bytes:
    """Return a file without a person's rows, as it was written otherwise; of what nobody can read nothing stays."""
    if not content:
        return content
    try:
        source = open_source(io.BytesIO(content))
        wanted = [
            (place, {text.lower() for text in cells[target]})
            for place, target in enumerate(_targets(source, kind, said))
            if target in cells
        ]
        kept = [row for row in source.rows(as_written=True) if not _is_theirs(row, wanted, addresses)]
        return content if len(kept) == _count(source) else written(source, kept)
    except DomainError:
        return b""


def _said_of_columns(job: ImportJob) -> dict[str, str]:
    """Return what the columns of a file were taken for, in small letters, where their names are others."""
    known = next((each.columns for each in SHIPPED if each.code == job.said.get("preset")), {})
    said = {**job.said.get("remembered", {}), **known, **job.said.get("columns", {})}
    return {name.lower(): target for name, target in said.items()}


def _targets(source: Source, kind: str, said: Mapping[str, str]) -> list[str]:
    """Return what each column is: as was said, by its own name, or as it would be suggested to who has not said it yet."""
    names = [name.lower() for name in source.columns]
    likely = suggest(source.columns, FORMATS[kind].columns)
    return [said.get(low, likely.get(name, low)) for name, low in zip(source.columns, names, strict=True)]


def _count(source: Source) -> int:
    return sum(1 for _row in source.rows())


def _is_theirs(row: Row, wanted: list[tuple[int, set[str]]], addresses: Addresses) -> bool:
    if row.problem:  # of cells that nobody can tell apart any one counts
        return addresses.named.search(" ".join([row.raw, *row.cells])) is not None
    if any(map(addresses.stand_in, row.cells)):
        return True
    return any(_plain(row.cells[place]) in some for place, some in wanted)


def _plain(cell: str) -> str:
    return (cell[1:] if is_escaped(cell) else cell).strip().lower()


def _standing_alone(texts: AbstractSet[str]) -> "re.Pattern[str]":
    return re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in sorted(texts)), re.IGNORECASE)


def _end(phone: str) -> str:
    """Return the last digits of a phone number: however it is written, these are the same."""
    return NO_DIGIT.sub("", phone)[-WHOLE_PHONE:]
