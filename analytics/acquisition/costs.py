"""The only writer of acquisition costs: one by one, or many from a CSV file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import AcquisitionCost
from customers.checks import InvalidFact
from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.importing import cells
from customers.importing.cells import BadCell, Column, Notation, reason_of
from customers.importing.problems import Problem
from customers.importing.reading import Row, open_source
from customers.importing.table import NOTHING_SAID, Said, Table, open_table
from customers.models import Retailer

MAX_ROWS = 10_000
YEAR_AND_MONTH = 7  # characters of 2026-10


class TooManyRows(DomainError):
    code = "too_many_rows"
    kind = Kind.INVALID
    message = gettext_lazy("The file has more than {most} rows. Split it.")


@dataclass(frozen=True)
class CostFact:
    """
    What was spent in a month to win customers through a channel.

    :param month: its first day
    :param amount: in the retailer's currency
    """

    channel: str
    month: date
    amount: Decimal


# An amount of the same channel and month is replaced: costs become known bit by bit.
REPLACE = """
ON CONFLICT (retailer_id, month, lower(channel)) DO UPDATE SET amount = excluded.amount, channel = excluded.channel,
    currency = excluded.currency
WHERE (analytics_acquisitioncost.amount, analytics_acquisitioncost.channel, analytics_acquisitioncost.currency)
    IS DISTINCT FROM (excluded.amount, excluded.channel, excluded.currency)
RETURNING id
"""


@transaction.atomic
def record_costs(retailer: Retailer, facts: Sequence[CostFact]) -> int:
    """
    Record costs; what is known of a channel and month already is replaced.

    :param facts: of which the last one counts where several are of one channel and month
    :returns: how many are new or other than before
    """
    latest = {(fact.channel.lower(), fact.month): fact for fact in facts}
    columns = ("retailer_id", "channel", "month", "amount", "currency")
    rows = [(retailer.pk, fact.channel, fact.month, fact.amount, retailer.currency) for fact in latest.values()]
    return len(bulk.insert(AcquisitionCost, columns, rows, suffix=REPLACE))


def read_costs(
    retailer: Retailer, file: IO[bytes], *, said: Said = NOTHING_SAID, now: datetime
) -> tuple[list[CostFact], list[Problem]]:
    """
    Read a CSV file of costs: channel, month and amount.

    :param said: what somebody said of its days and decimals, where the file does not show it
    :returns: the facts, and the rows that cannot be taken
    :raises DomainError: when the whole file cannot be, as `open_source` and `open_table`
    :raises TooManyRows: beyond 10,000
    """
    table = open_table(retailer, open_source(file), COLUMNS, said=said, now=now)
    if table.survey.rows > MAX_ROWS:
        raise TooManyRows(most=MAX_ROWS)
    facts: list[CostFact] = []
    problems: list[Problem] = []
    for row in table.source.rows():
        found = [Problem(row.line, "", row.problem)] if row.problem else []
        values = {} if found else _said(table, row, found)
        if found:
            problems += found
        else:
            facts.append(CostFact(**values))
    return facts, problems


def _said(table: Table, row: Row, problems: list[Problem]) -> dict[str, Any]:
    """Return what a row says, and add what is wrong with it."""
    said = {}
    for column, place in table.columns:
        text = row.cells[place].strip()
        if not text:
            problems.append(Problem(row.line, column.name, _("The cell is empty.")))
            continue
        try:
            said[column.name] = column.read(text, column.name, table.notation)
        except (BadCell, InvalidFact) as error:
            problems.append(Problem(row.line, column.name, reason_of(error)))
    return said


def _month(cell: str, column: str, notation: Notation) -> date:
    """Return the first day of a month that is written as 2026-10, or as any day of it."""
    if len(cell) == YEAR_AND_MONTH and cell[:4].isdigit():
        try:
            return date.fromisoformat(f"{cell}-01")
        except ValueError:
            raise BadCell(column, _("“{cell}” is no month such as 2026-10.").format(cell=cell)) from None
    day: date = cells.day(cell, column, notation)
    return day.replace(day=1)


COLUMNS = (
    Column("channel", cells.text(50), is_required=True),
    Column("month", _month, is_required=True, kind="date"),
    Column("amount", cells.money, is_required=True, kind="number"),
)
