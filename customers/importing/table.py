"""A CSV file that is understood: where our columns stand, how its cells are written, and its rows by what they belong to."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import field
from datetime import datetime
from itertools import groupby

from customers.checks import MAX_LINES
from customers.core.values import dataclass
from customers.importing.cells import Column, Notation
from customers.importing.mapping import Places, place
from customers.importing.reading import Row, Source, key_of
from customers.importing.survey import Survey, Surveyor
from customers.models import Retailer

SPOOL = "CREATE TABLE rows (key TEXT, line INTEGER, cells TEXT)"
UNSPOOL = "SELECT key, line, cells FROM rows ORDER BY key, line"


@dataclass(frozen=True)
class Said:
    """
    What somebody said of a file.

    :param columns: our name by the file's; an empty one: nobody reads it
    :param remembered: the same as it was said for an earlier file
    :param dates: dmy, mdy or ymd; empty: as the whole file shows
    :param decimal: comma or point; empty: as the whole file shows
    :param has_groups: whether the other sign may divide thousands, where `decimal` is said
    :param takes_scientific: whether ids such as 4.51235E+12 are meant so
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    dates: str = ""
    decimal: str = ""
    has_groups: bool = True
    takes_scientific: bool = False


NOTHING_SAID = Said()


@dataclass(frozen=True)
class Table:
    """
    A file that can be taken.

    :param columns: those of ours that it has, each with its place in a row
    """

    source: Source
    columns: Sequence[tuple[Column, int]]
    places: Places
    notation: Notation
    survey: Survey

    def value(self, row: Row, name: str) -> str:
        """Return the text of a cell; empty where the file has no such column."""
        where = self.places.of.get(name)
        return "" if where is None else row.cells[where].strip()

    def groups(self, key: str, *, has_lines: bool) -> Iterator[list[Row]]:
        """
        Yield rows that have the same key, wherever they stand, and each row without a key alone.

        Rows that follow each other come as they are read; others wait in a file on disk. Rows that cannot be read come not at
        all.

        :param has_lines: whether they are an order's lines: of more than it can have, only their places are kept
        """
        where = self.places.of[key]
        apart, whole = self.survey.apart, _limited if has_lines else list[Row]
        with closing(sqlite3.connect("")) as spool:  # a temporary file, which goes with its connection
            spool.execute(SPOOL)
            good = (row for row in self.source.rows() if not row.problem)
            for name, rows in groupby(good, key=lambda row: key_of(row.cells[where])):
                if not name:
                    yield from ([row] for row in rows)
                elif hash(name) in apart:
                    spool.executemany(
                        "INSERT INTO rows VALUES (?, ?, ?)", ((name, row.line, json.dumps(row.cells)) for row in rows)
                    )
                else:
                    yield whole(rows)
            for _name, found in groupby(spool.execute(UNSPOOL), key=lambda row: row[0]):
                yield whole(Row(line, json.loads(cells)) for _key, line, cells in found)


def _limited(rows: Iterator[Row]) -> list[Row]:
    return [row if place <= MAX_LINES else Row(row.line, []) for place, row in enumerate(rows)]


def open_table(  # noqa: PLR0913 - whose file, which columns, what was said
    retailer: Retailer,
    source: Source,
    columns: Sequence[Column],
    *,
    now: datetime,
    key: str = "",
    one_of: Sequence[Sequence[str]] = (),
    said: Said = NOTHING_SAID,
) -> Table:
    """
    Look through a whole file whose header was read, and return it as it is to be read.

    :param key: the column whose value rows that belong together share
    :raises DomainError: MissingColumns, MixedDates ...: no row of it is taken
    """
    places = place(source, columns, said=said.columns, remembered=said.remembered, one_of=one_of)
    ours = [(column, places.of[column.name]) for column in columns if column.name in places.of]
    surveyor = Surveyor(ours, places.of.get(key))
    for row in source.rows():
        surveyor.look(row)
    survey = surveyor.result()
    decimal, has_groups = survey.numbers.sign(said.decimal, has_groups=said.has_groups)
    notation = Notation(
        zone=retailer.tzinfo,
        currency=retailer.currency,
        now=now,
        decimal=decimal,
        has_groups=has_groups,
        dates=survey.dates.order(said.dates),
        takes_scientific=said.takes_scientific,
    )
    return Table(source, ours, places, notation, survey)
