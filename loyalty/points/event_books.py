"""
Books of what is no points, such as fees and rewards: what events of a few kinds came to, month by month.

All of them are added up from the beginning, so that months add up to the last decimal. A closed month keeps its sums as they
were. Where those are others by now, something of it was told late: the difference stands in the month that is open, on
lines of its own, as the books of points have it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TextIO

from django.db import transaction

from customers.core import bulk, exporting
from customers.core.calendar import add_months, day_before, local_date
from customers.core.money import decimals_of
from customers.core.values import dataclass
from loyalty.points.closing import LOCK
from loyalty.points.journal import LATE
from loyalty.points.liability import instants_of
from loyalty.points.models import ClosedBooks
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

NOTHING = Decimal(0)


class Kind(NamedTuple):
    """A kind of event: which account it debits, which it credits, and what it is, in the reader's language."""

    debited: str
    credited: str
    words: Any


class Sum(NamedTuple):
    """What events of a kind come to, in the decimals of the currency, and how many there are."""

    amount: Decimal = NOTHING
    number: int = 0

    def less(self, other: "Sum") -> "Sum":
        return Sum(self.amount - other.amount, self.number - other.number)


Sums = Mapping[str, Sum]
NO_SUM = Sum()


@dataclass(frozen=True, slots=True)
class EventLine:
    """
    One side of a journal entry: either debit or credit is more than nothing.

    :param count: how many events it is of
    :param is_late: that it is of what occurred in a month before, and was told in this one
    """

    event: str
    account: str
    debit: Decimal
    credit: Decimal
    count: int
    is_late: bool
    words: Any

    @property
    def text(self) -> str:
        """Return what it is for, in the reader's language."""
        return f"{self.words} ({LATE})" if self.is_late else str(self.words)


@dataclass(frozen=True, slots=True)
class EventBooks:
    """
    What events came to between two instants.

    :param opening: all of them before it, as the month before was closed
    :param closing: all of them before its end
    :param late: what of the opening is other than it was, and is told only now
    :param figures: what else is said of the time; plain values
    :param closed_at: when it was closed; None where it is read from the rows themselves
    """

    kinds: Mapping[str, Kind]
    opening: Sums
    closing: Sums
    late: Sums = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    closed_at: datetime | None = None

    def change(self, event: str) -> Decimal:
        """Return what all events of a kind came to, late ones too."""
        return self.closing.get(event, NO_SUM).amount - self.opening.get(event, NO_SUM).amount

    def before(self, account: str) -> Decimal:
        """Return what stood to the credit of an account when the time began."""
        return self._balance(self.opening, account)

    def after(self, account: str) -> Decimal:
        """Return what stands to its credit when it ends."""
        return self._balance(self.closing, account)

    def _balance(self, sums: Sums, account: str) -> Decimal:
        signs = {kind: (each.credited == account) - (each.debited == account) for kind, each in self.kinds.items()}
        return sum((sign * sums.get(kind, NO_SUM).amount for kind, sign in signs.items()), NOTHING)

    @property
    def lines(self) -> tuple[EventLine, ...]:
        """Return the journal, which leads from what was before to what is after."""
        return tuple(line for kind in self.kinds for line in self._lines(kind))

    def _lines(self, event: str) -> Iterable[EventLine]:
        late = self.late.get(event, NO_SUM)
        own = self.closing.get(event, NO_SUM).less(self.opening.get(event, NO_SUM)).less(late)
        for found, is_late in ((own, False), (late, True)):
            yield from _sides(event, self.kinds[event], found, is_late=is_late)


def _sides(event: str, kind: Kind, found: Sum, *, is_late: bool) -> Iterable[EventLine]:
    if not found.amount:
        return
    is_plain = found.amount > 0
    debited, credited = (kind.debited, kind.credited) if is_plain else (kind.credited, kind.debited)
    amount = abs(found.amount)
    yield EventLine(event, debited, amount, NOTHING, found.number, is_late, kind.words)
    yield EventLine(event, credited, NOTHING, amount, found.number, is_late, kind.words)


@dataclass(frozen=True, slots=True)
class Part:
    """
    A part of a program's books.

    :param name: under which its months are closed
    :param add_up: returns what events of each kind came to before two instants
    :param figures: returns what else is said of the time between them
    :param began: returns the first instant of which there is anything; None for none
    """

    name: str
    kinds: Mapping[str, Kind]
    add_up: Callable[[Program, datetime, datetime], tuple[Sums, Sums]]
    began: Callable[[Program], datetime | None]
    figures: Callable[[Program, datetime, datetime], Mapping[str, Any]] = lambda *_: {}


def read_books(
    part: Part, program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED
) -> EventBooks:
    """Return a part of the books between two instants: as the month was closed or, by the occurred clock, as it really was."""
    closed = _closed(part, program, since, until) if clock is Clock.RECORDED else {}
    if until in closed:
        return _as_closed(part, closed[until])
    if not closed and part.began(program) is None:
        return EventBooks(part.kinds, {}, {})
    before, after = part.add_up(program, since, until)
    opening, late = before, {}
    if since in closed:
        opening = _sums_read(closed[since].sums)
        late = {kind: before.get(kind, NO_SUM).less(opening.get(kind, NO_SUM)) for kind in part.kinds}
    return EventBooks(part.kinds, opening, after, late, part.figures(program, since, until))


def _closed(part: Part, program: Program, *ends: datetime) -> dict[datetime, ClosedBooks]:
    rows = ClosedBooks.objects.filter(program=program, part=part.name, ends_at__in=ends)
    return {row.ends_at: row for row in rows}


def _as_closed(part: Part, row: ClosedBooks) -> EventBooks:
    opening, closing, late = (_sums_read(each) for each in (row.opening, row.sums, row.late))
    return EventBooks(part.kinds, opening, closing, late, row.figures, row.closed_at)


def close_books(part: Part, program: Program, month: date, *, now: datetime) -> list[date]:
    """
    Close the months of a part that are over and are not closed yet, in their order, through one; return which were closed.

    :param month: the first day of the last one, which is over
    """
    return [each for each in _open_months(part, program, month) if _close(part, program, each, now)]


def _open_months(part: Part, program: Program, last: date) -> list[date]:
    rows = ClosedBooks.objects.filter(program=program, part=part.name).order_by("-month")
    closed = rows.values_list("month", flat=True).first()
    began = None if closed else part.began(program)
    if closed is None and began is None:
        return []
    month = add_months(closed, 1) if closed else local_date(began, program.tzinfo).replace(day=1)  # type: ignore[arg-type] # one is there
    found = []
    while month <= last:
        found.append(month)
        month = add_months(month, 1)
    return found


@transaction.atomic
def _close(part: Part, program: Program, month: date, now: datetime) -> bool:
    """Close one month; whoever comes second waits for the first, and finds it closed."""
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, program.pk])
    if ClosedBooks.objects.filter(program=program, part=part.name, month=month).exists():
        return False
    since, until = instants_of(month, program.tzinfo)
    found = read_books(part, program, since=since, until=until)
    ClosedBooks.objects.create(
        retailer_id=program.retailer_id, program=program, part=part.name, month=month, ends_at=until, closed_at=now,
        opening=_sums_written(found.opening), sums=_sums_written(found.closing), late=_sums_written(found.late),
        figures=json.loads(json.dumps(found.figures, default=str)),
    )  # fmt: skip
    return True


def _sums_written(sums: Sums) -> dict[str, list[Any]]:
    return {kind: [str(each.amount), each.number] for kind, each in sums.items()}


def _sums_read(said: Mapping[str, Any]) -> Sums:
    return {kind: Sum(Decimal(amount), number) for kind, (amount, number) in said.items()}


def write_rows(file: TextIO, lines: Iterable[EventLine], program: Program, until: datetime) -> None:
    """Write a journal as rows of the month's CSV, which has a wallet and points besides."""
    currency, last_day = program.retailer.currency, day_before(local_date(until, program.tzinfo))
    decimals = decimals_of(currency)
    rows = (
        (
            f"{last_day}", program.slug, "", line.event, line.account, f"{line.debit:.{decimals}f}",
            f"{line.credit:.{decimals}f}", currency, "", line.text, "late" if line.is_late else "",
        )
        for line in lines
    )  # fmt: skip
    exporting.write_rows(file, rows)
