"""An import from its first line to its report, in batches that each commit by themselves."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO

from django.db import transaction

from customers.core import bulk
from customers.importing.formats import FORMATS, Format, Tally
from customers.importing.grouping import Grouped, read_group
from customers.importing.mapping import MissingColumns
from customers.importing.neighbours import changed_ids
from customers.importing.problems import Problem
from customers.importing.reading import open_source
from customers.importing.report import Report, reading_of
from customers.importing.resending import first_column, heeded
from customers.importing.shipped import LeftOut, recognised, shipped
from customers.importing.table import NOTHING_SAID, Said, Table, open_table
from customers.models import Retailer

BATCH = 2_000  # facts
MAX_BATCH_ROWS = 20_000
# After so many new rows the planner's picture of the tables is old, and what reads them next must not wait for autovacuum.
MANY = 10_000
ANALYSE = "SELECT customers_analyse()"  # as their owner, who alone may
NO_TALLY = Tally(0, 0, [], [])


def run_import(  # noqa: PLR0913 - what, for whom, when, and how it is watched
    retailer: Retailer,
    kind: str,
    file: IO[bytes],
    *,
    now: datetime,
    said: Said = NOTHING_SAID,
    preset: str = "",
    on_progress: Callable[[Report], None] = lambda _: None,
    batch_size: int | None = None,
) -> Report:
    """
    Import a file: every good fact is kept, every bad row is reported, and what is known already stays as it is.

    The whole file is looked through before anything is written. What `on_progress` raises ends the import between two batches;
    what was taken stays.

    :param kind: customers, orders, returns or interactions
    :param preset: the mapping of another system's files that ships, by its code
    :raises DomainError: when the file cannot be taken at all, as `open_source` and `open_table`
    """
    form = FORMATS[kind]
    source = open_source(file)
    said, preset = heeded(source, kind, said, preset)
    known = shipped(preset, kind) if preset else None
    if known is not None:
        said = known.said(said)
    try:
        table = open_table(retailer, source, form.columns, now=now, key=form.key, one_of=form.one_of, said=said)
    except MissingColumns as missing:
        raise missing.hinting(recognised(missing.found, kind)) from None
    report = Report(total=table.survey.rows, ignored_columns=table.places.ignored, reading=reading_of(table))
    report.first_column = first_column(table, said, preset)
    report.notices += [*table.survey.notices(), *changed_ids(retailer, table.survey)]
    _refuse_unreadable(table, report)
    left_out = known.left_out if known else ()
    for groups in _batches(_groups(form, table, left_out, report), batch_size or BATCH):
        _take(retailer, form, groups, report, now)
        on_progress(report)
    report.finish()
    if report.created >= MANY:
        bulk.fetch(ANALYSE)
    return report


def preview_import(  # noqa: PLR0913 - as an import
    retailer: Retailer, kind: str, file: IO[bytes], *, now: datetime, said: Said = NOTHING_SAID, preset: str = ""
) -> Report:
    """Return exactly what `run_import` would report, and leave no trace."""
    with transaction.atomic():
        report = run_import(retailer, kind, file, now=now, said=said, preset=preset)
        transaction.set_rollback(True)
    return report


def _refuse_unreadable(table: Table, report: Report) -> None:
    if table.survey.unreadable:
        for row in table.source.rows():
            if row.problem:
                report.rows += 1
                report.refuse([row.line], [Problem(row.line, "", row.problem)])


def _groups(form: Format, table: Table, left_out: Iterable[LeftOut], report: Report) -> Iterator[Grouped]:
    for rows in table.groups(form.key, has_lines=form.has_lines):
        reason = next((each for each in left_out if each.concerns(table, rows)), None)
        if reason is None:
            yield read_group(form, table, rows)
        else:
            report.rows += len(rows)
            report.leave_out(str(reason.why), len(rows))


def _batches(groups: Iterable[Grouped], size: int) -> Iterator[list[Grouped]]:
    batch: list[Grouped] = []
    rows = 0
    for group in groups:
        batch.append(group)
        rows += len(group.lines)
        if len(batch) >= size or rows >= MAX_BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    yield batch  # also an empty one: progress is told, and what was left out counts


def _take(retailer: Retailer, form: Format, groups: list[Grouped], report: Report, now: datetime) -> None:
    facts = [group.stated for group in groups if group.stated is not None]
    tally = form.record(retailer, facts, now) if facts else NO_TALLY
    refused = set(tally.refused)
    for group in groups:
        report.rows += len(group.lines)
        report.doubled += group.doubled
        if group.again and group.lines[0] not in refused:
            report.again.append((group.lines[0], group.again))
        if group.stated is None:
            report.refuse(group.lines, group.problems)
        elif not form.has_lines and group.lines[0] not in refused:
            report.unchanged += len(group.lines) - 1  # said again
    report.created += tally.created
    report.unchanged += tally.unchanged
    report.refuse(tally.refused, tally.problems)
