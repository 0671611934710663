"""Whether a history begins before its data do: then many "first" purchases of the first days are none."""

from collections.abc import Sequence
from datetime import date, timedelta

FIRST = timedelta(days=28)
THEN = timedelta(days=84)
MAX_RATIO = 2.0  # times as many as in the weeks after


def is_truncated(first_purchases: Sequence[tuple[date, int]], cut: date) -> bool:
    """
    Return whether first purchases of the first four weeks are more than twice as frequent as in the eight weeks after.

    A cohort by its first purchase is then no cohort, and nobody's relation is known to be as short as it looks.

    :param first_purchases: how many customers bought first on each day, in order
    """
    if not first_purchases or cut - first_purchases[0][0] < THEN:
        return False
    start = first_purchases[0][0]
    early = sum(count for day, count in first_purchases if day < start + FIRST)
    later = sum(count for day, count in first_purchases if start + FIRST <= day < start + THEN)
    return early / FIRST.days > MAX_RATIO * later / (THEN - FIRST).days
