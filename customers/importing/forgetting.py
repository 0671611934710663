"""Files that were uploaded lose the lines of a person who is erased."""

import io
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from customers.core.errors import DomainError
from customers.core.exporting import is_escaped
from customers.importing.reading import Row, Source, open_source
from customers.importing.shipped import SHIPPED
from customers.importing.writing import written
from customers.models import ImportJob, Retailer

ADDRESSES = ("email", "phone")
Cells = Mapping[str, AbstractSet[str]]


def forget_rows(retailer: Retailer, cells: Cells) -> int:
    """
    Take out of a retailer's files, and of what was found wrong in them, what is of a person; return of how many files.

    :param cells: what a line of the person has, by the column's name
    """
    texts = {text for some in cells.values() for text in some}
    named = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in sorted(texts)), re.IGNORECASE)
    changed = 0
    jobs = ImportJob.objects.filter(retailer=retailer).only("content", "refused_rows", "problems", "said", "seen")
    for job in jobs.iterator(chunk_size=1):
        before = (bytes(job.content), bytes(job.refused_rows or b""), job.problems, job.seen)
        targets = _targets(job)
        problems = [each for each in job.problems if not named.search(str(each.get("reason")))]
        seen = {name: [each for each in told if not named.search(str(each))] for name, told in job.seen.items()}
        after = (*(_without(content, cells, targets, named) for content in before[:2]), problems, seen)
        if after != before:
            content, refused, _problems, _seen = after
            ImportJob.objects.filter(pk=job.pk).update(
                content=content, refused_rows=refused or None, problems=problems, seen=seen
            )
            changed += 1
    return changed


def _without(content: bytes, cells: Cells, targets: Mapping[str, str], named: "re.Pattern[str]") -> bytes:
    """Return a file without a person's rows, as it was written otherwise; of what nobody can read nothing stays."""
    if not content:
        return content
    try:
        return _rows_without(open_source(io.BytesIO(content)), content, cells, targets, named)
    except DomainError:
        return b""


def _rows_without(
    source: Source, content: bytes, cells: Cells, targets: Mapping[str, str], named: "re.Pattern[str]"
) -> bytes:
    wanted = [
        (place, {text.lower() for text in cells[target]})
        for place, name in enumerate(source.columns)
        if (target := _target(name, targets)) in cells
    ]
    # An address says who it is in whatever column it stands, also in one that nobody reads.
    anywhere = {text.lower() for name in ADDRESSES for text in cells.get(name, ())}
    kept = [row for row in source.rows(as_written=True) if not _is_theirs(row, wanted, named, anywhere)]
    return content if len(kept) == _count(source) else written(source, kept)


def _targets(job: ImportJob) -> dict[str, str]:
    """Return what the columns of a file were taken for, where their names are others."""
    known = next((each.columns for each in SHIPPED if each.code == job.said.get("preset")), {})
    return {**job.said.get("remembered", {}), **known, **job.said.get("columns", {})}


def _target(name: str, targets: Mapping[str, str]) -> str:
    lowered = {each.lower(): target for each, target in targets.items()}
    return lowered.get(name.lower(), name.lower())


def _count(source: Source) -> int:
    return sum(1 for _row in source.rows())


def _is_theirs(
    row: Row, wanted: list[tuple[int, set[str]]], named: "re.Pattern[str]", anywhere: AbstractSet[str]
) -> bool:
    if row.problem:  # of cells that nobody can tell apart any one counts
        return named.search(" ".join([row.raw, *row.cells])) is not None
    if not anywhere.isdisjoint(_plain(cell) for cell in row.cells):
        return True
    return any(_plain(row.cells[place]) in some for place, some in wanted)


def _plain(cell: str) -> str:
    return (cell[1:] if is_escaped(cell) else cell).strip().lower()
