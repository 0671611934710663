"""Until when a retailer's data say all: days after the last order are days of trade, or the data have ended. Pure."""

from datetime import date, timedelta

from customers.core.calendar import day_before

SETTLED = timedelta(days=31)  # without an order, after which the data have ended rather than the trade


def has_ended(last: date, today: date) -> bool:
    """Tell whether data whose last order is of a day ended long ago, so that days without orders since are no days of trade."""
    return last < day_before(today) - SETTLED


def last_whole_day(last: date, today: date) -> date:
    """
    Return the last day of which all is known: yesterday, as today still runs, or the day with which the data end.

    :param last: the day of the last order
    """
    return last if has_ended(last, today) else day_before(today)
