"""An import from its first line to its report, in batches that each commit by themselves."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.db import transaction

from customers.core import bulk
from customers.importing.cells import Cells
from customers.importing.formats import FORMATS, Format, Problem, Stated, Tally
from customers.importing.reading import Table, read_table
from customers.models import Retailer

BATCH = 2_000
# After so many new rows the planner's picture of the tables is old, and what reads them next must not wait for autovacuum.
MANY = 10_000
ANALYSE = "ANALYZE customers_customer, customers_order, customers_orderline, customers_return, customers_returnline"


@dataclass
class Report:
    """
    What an import came to, or would come to.

    :param rows: lines of the file that were read, without its header
    :param created: facts that are new (customers: new or changed)
    :param unchanged: facts that were already recorded with the same content
    :param ignored_columns: columns that this kind of file does not have
    """

    rows: int = 0
    created: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    def add(self, rows: int, tally: Tally) -> None:
        self.rows += rows
        self.created += tally.created
        self.unchanged += tally.unchanged
        self.problems += tally.problems


def run_import(  # noqa: PLR0913 - what, for whom, when, and how it is watched
    retailer: Retailer,
    kind: str,
    file: IO[bytes],
    *,
    now: datetime,
    on_progress: Callable[[Report], None] = lambda _: None,
    batch_size: int = BATCH,
) -> Report:
    """
    Import a file: every good fact is kept, every bad row is reported, and what is known already stays as it is.

    :param kind: customers, orders, returns or interactions
    :raises UnreadableFile: when it has no header
    :raises MissingColumns: when no row can be taken
    """
    form = FORMATS[kind]
    table = read_table(file, required=form.required)
    report = Report(ignored_columns=sorted(set(table.columns) - form.required - form.optional - {""}))
    for rows, facts, problems in _batches(form, table, retailer, batch_size):
        tally = form.record(retailer, facts, now) if facts else Tally(0, 0, [])
        report.add(rows, Tally(tally.created, tally.unchanged, [*problems, *tally.problems]))
        on_progress(report)
    report.problems.sort(key=lambda problem: problem.line)
    if report.created >= MANY:
        bulk.execute(ANALYSE)
    return report


def preview_import(retailer: Retailer, kind: str, file: IO[bytes], *, now: datetime) -> Report:
    """Return exactly what `run_import` would report, and leave no trace."""
    with transaction.atomic():
        report = run_import(retailer, kind, file, now=now)
        transaction.set_rollback(True)
    return report


def _batches(
    form: Format, table: Table, retailer: Retailer, size: int
) -> Iterator[tuple[int, list[Stated[Any]], list[Problem]]]:
    zone = retailer.tzinfo
    rows = (Cells(row, zone, table.decimal_comma) for row in table.rows)
    for groups in _chunks(form.groups(rows), size):
        facts: list[Stated[Any]] = []
        problems: list[Problem] = []
        for group in groups:
            fact, found = form.read(group)
            problems += found
            if not found:
                facts.append(Stated(tuple(cells.row.line for cells in group), fact))
        yield sum(len(group) for group in groups), facts, problems


def _chunks(groups: Iterable[list[Cells]], size: int) -> Iterator[list[list[Cells]]]:
    iterator = iter(groups)
    while chunk := list(islice(iterator, size)):
        yield chunk
