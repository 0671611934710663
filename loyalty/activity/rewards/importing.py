"""Codes of a pool: read from a file, sealed, and copied into the database by blocks. A code that is known stays what it is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.activity.rewards.code_files import CodeLine
from loyalty.programs.models import Program
from loyalty.rewards.models import CodeBatch
from loyalty.rewards.sealing import DIGEST, MAX_CODE, digest_of, older_digests_of, plain_of, seal

BLOCK = 50_000
MIN_CODE = 4
MAX_PROBLEMS = 100
# One import of a retailer at a time: two files with the same codes in another order would wait for each other crosswise.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('rewards.importing'), %s::integer)"
STAGE = """
CREATE TEMPORARY TABLE codes_to_import (place bigint, digest bytea, sealed bytea, older bytea) ON COMMIT DROP
"""
TAKE = """
INSERT INTO rewards_rewardcode (retailer_id, program_id, reward_key, digest, sealed, batch_id)
SELECT %s, %s, %s, digest, sealed, %s FROM codes_to_import n {but_known} ORDER BY place
ON CONFLICT (retailer_id, digest) DO NOTHING
"""
# Codes that were sealed under an earlier key are found by that one alone.
BUT_KNOWN = f"""
WHERE NOT EXISTS (SELECT 1 FROM rewards_rewardcode c WHERE c.retailer_id = %s AND c.digest = ANY(ARRAY(
    SELECT substring(n.older FROM {DIGEST} * k + 1 FOR {DIGEST}) FROM generate_series(0, length(n.older) / {DIGEST} - 1) k)))
"""
Row = tuple[int, bytes, bytes, bytes]


class NoCodes(DomainError):
    code = "no_codes"
    kind = Kind.INVALID
    message = _("The file has no codes that can be taken: {reason}")


@dataclass
class ImportedCodes:
    """
    What became of a file.

    :param new: how many codes are in the pool now that were not known
    :param known: how many were known before, or stand in the file twice
    :param problems: lines that were refused, with why: the first hundred
    """

    batch: CodeBatch
    new: int = 0
    known: int = 0
    refused: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def import_codes(  # noqa: PLR0913 - into which pool, what, from where, by whom, when
    program: Program, reward_key: UUID, codes: Iterable[CodeLine], *, file_name: str, author: str = "", now: datetime
) -> ImportedCodes:
    """
    Take codes into a reward's pool, all good ones or none; each is known by its characters, whatever stands between them.

    :param codes: one each, as they stand in the file, with their lines
    :raises NoCodes: when there is none that can be taken
    """
    bulk.fetch(ONE_AT_A_TIME, [program.retailer_id])
    batch = CodeBatch.objects.create(
        retailer_id=program.retailer_id, program=program, reward_key=reward_key, file_name=file_name[:200],
        author=author, imported_at=now,
    )  # fmt: skip
    done = ImportedCodes(batch)
    lines = iter(codes)
    while block := list(islice(lines, BLOCK)):
        _take(program, reward_key, list(_sealed(program.retailer_id, block, done)), done)
    if not done.new and not done.known:
        raise NoCodes(reason=done.problems[0][1] if done.problems else _("it is empty."))
    batch.codes, batch.known = done.new, done.known
    batch.save(update_fields=["codes", "known"])
    return done


def _sealed(retailer_id: int, block: list[CodeLine], done: ImportedCodes) -> Iterator[Row]:
    for place, text, unreadable in block:
        code = text.strip()
        if not code and not unreadable:
            continue
        plain = plain_of(code)
        if problem := unreadable or _problem(code, plain):
            done.refused += 1
            if len(done.problems) < MAX_PROBLEMS:
                done.problems.append((place, str(problem)))
            continue
        digest = digest_of(retailer_id, plain)
        yield place, digest, seal(code, digest), older_digests_of(retailer_id, plain)


def _problem(code: str, plain: str) -> object:
    """Return what is wrong with a code; empty where nothing is."""
    if len(code) > MAX_CODE:
        return _("a code has %(most)s characters at most.") % {"most": MAX_CODE}
    if len(plain) < MIN_CODE:
        return _("a code has %(least)s characters at least.") % {"least": MIN_CODE}
    return "" if plain.isprintable() else _("a code holds a character that nobody can type.")


def _take(program: Program, reward_key: UUID, rows: list[Row], done: ImportedCodes) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        session: Any = cursor.cursor  # psycopg's own: Django's wrapper knows no COPY
        with session.copy("COPY codes_to_import FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int8", "bytea", "bytea", "bytea"])
            for row in rows:
                copy.write_row(row)
        known = [program.retailer_id] if rows[0][3] else []
        taking = TAKE.format(but_known=BUT_KNOWN if known else "")
        cursor.execute(taking, [program.retailer_id, program.pk, reward_key, done.batch.pk, *known])
        new = cursor.rowcount
        cursor.execute("DROP TABLE codes_to_import")
    done.new += new
    done.known += len(rows) - new
