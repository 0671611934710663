"""Files that were uploaded lose the lines of a person who is erased."""

import csv
import io
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from customers.importing.reading import DELIMITERS
from customers.models import ImportJob, Retailer

Cells = Mapping[str, AbstractSet[str]]


def forget_rows(retailer: Retailer, cells: Cells) -> int:
    """
    Take out of a retailer's files, and of what was found wrong in them, what is of a person; return of how many files.

    :param cells: what a line of the person has, by the column's name
    """
    texts = {text for some in cells.values() for text in some}
    named = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in sorted(texts)), re.IGNORECASE)
    changed = 0
    for job in ImportJob.objects.filter(retailer=retailer).only("content", "problems").iterator(chunk_size=1):
        content = bytes(job.content)
        kept = _without(content, cells) if _may_have(content, texts) else content
        problems = [each for each in job.problems if not named.search(str(each.get("reason")))]
        if (kept, problems) != (content, job.problems):
            ImportJob.objects.filter(pk=job.pk).update(content=kept, problems=problems)
            changed += 1
    return changed


def _may_have(content: bytes, texts: AbstractSet[str]) -> bool:
    lower = content.lower()
    return any(text.lower().encode(encoding, "ignore") in lower for text in texts for encoding in ("utf-8", "cp1252"))


def _without(content: bytes, cells: Cells) -> bytes:
    """Return a file without a person's lines, as it was written otherwise."""
    encoding = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = content.decode(encoding, "replace")
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    columns = [name.strip().strip('"').strip().lower() for name in first.strip().split(delimiter)]
    lowered = {column: {each.lower() for each in some} for column, some in cells.items()}
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    others = [line for line in lines if not _is_theirs(dict(zip(columns, line, strict=False)), lowered)]
    if len(others) == len(lines):
        return content
    kept = io.StringIO()
    csv.writer(kept, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(others)
    return kept.getvalue().encode(encoding, "replace")


def _is_theirs(line: Mapping[str, str], cells: Cells) -> bool:
    return any(line.get(column, "").strip().lower() in some for column, some in cells.items())
