"""A program's months are closed in all of its books: those of points, of plans' fees, and of rewards."""

from datetime import date, datetime

from customers.core.calendar import add_months, local_date
from loyalty.plans.books import FEES
from loyalty.points import closing
from loyalty.points.event_books import close_books
from loyalty.programs.models import Program
from loyalty.rewards.books import REWARDS

PARTS = (FEES, REWARDS)


def close_month(program: Program, month: date, *, now: datetime) -> list[date]:
    """
    Close a month, and all before it that are not closed yet, in all books; those that are stay as they are.

    :param month: its first day
    :returns: the months of which something was closed by this
    :raises MonthNotOver: when it is not over, or has been for less than an hour
    """
    closed = set(closing.close_month(program, month, now=now))
    for part in PARTS:
        closed.update(close_books(part, program, month, now=now))
    return sorted(closed)


def close_due_months(program: Program, *, now: datetime) -> list[date]:
    """Close all months of a program that are over; return those of which something was not closed before."""
    this = local_date(now - closing.CLOSED_AFTER, program.tzinfo).replace(day=1)
    return close_month(program, add_months(this, -1), now=now)
