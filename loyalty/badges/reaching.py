"""
When a score was reached: with which of the facts that are kept, in the order of their time, it came to what it is. Pure.

A board knows of each item of its tally when the facts occurred that added it. Of the facts that are kept a score is never
taken down again, so that these instants tell it, whatever was told first, came back, was corrected, or came from whom.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from loyalty.badges.rules import STREAKS, SUMS, Metric, Tally

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MAX_OF_SUM, MAX_OF_ITEM = 64, 8
"""
So many instants are known: of a sum the latest, of each of different things the earliest. Who brings back more than all of them
has reached its score with the nearest of those that were.
"""
Instants = Mapping[str, Sequence[int]]
"""By item, in their order, in microseconds since 1970."""
Occurrence = tuple[str, int]
"""An item, and when a fact added it."""


def micros_of(instant: datetime) -> int:
    """Return an instant in microseconds since 1970."""
    return (instant - EPOCH) // MICROSECOND


def known_instants(known: Instants, tally: Tally, otherwise: datetime) -> Instants:
    """
    Return when the items of a tally were added.

    :param otherwise: of a tally that knows nothing of it: when it changed last
    """
    return known or dict.fromkeys(tally, (micros_of(otherwise),))


def changed(metric: str, known: Instants, change: Mapping[Occurrence, int], tally: Tally) -> dict[str, Sequence[int]]:
    """
    Return when the items of a tally were added after a change.

    :param change: how many facts more, or fewer, added an item at an instant
    :param tally: as it is after the change
    """
    found = dict(known)
    for item in {item: None for item, _ in change}:
        found[item] = _changed(
            metric, found.get(item, ()), [(at, number) for (it, at), number in change.items() if it == item]
        )
    return {item: instants for item, instants in found.items() if item in tally and instants}


def _changed(metric: str, known: Sequence[int], change: Iterable[tuple[int, int]]) -> Sequence[int]:
    left = list(known)
    for at, number in change:
        if number > 0:
            left += [at] * number
        for _ in range(-number if at in left else 0):
            left.remove(at)
    if not left:  # others than those that were known may be there: they are beyond the farthest of them
        return known[:1] if metric in SUMS else known[-1:]
    return _nearest(metric, left)


def _nearest(metric: str, instants: Iterable[int]) -> Sequence[int]:
    ordered = sorted(instants)
    return ordered[-MAX_OF_SUM:] if metric in SUMS else ordered[:MAX_OF_ITEM]


def together(metric: str, mine: Instants, theirs: Instants) -> dict[str, Sequence[int]]:
    """Return when the items were added that two members have who are one."""
    return {item: _nearest(metric, (*mine.get(item, ()), *theirs.get(item, ()))) for item in {**mine, **theirs}}


def reached_at(metric: str, known: Instants) -> datetime:
    """Return when the last of what makes a score was added: of a streak, of the first that is as long as the longest."""
    if metric in SUMS:
        micros = known[""][-1]
    elif metric in STREAKS:
        micros = min(max(known[item][0] for item in run) for run in _longest(metric, known))
    else:
        micros = max(instants[0] for instants in known.values())
    return EPOCH + micros * MICROSECOND


def _longest(metric: str, known: Instants) -> list[list[str]]:
    """Return the longest runs of days, or of weeks, that follow each other."""
    step = STREAKS[Metric(metric)]
    runs: list[list[str]] = [[]]
    for item in sorted(known):
        if runs[-1] and date.fromisoformat(item) - date.fromisoformat(runs[-1][-1]) != step:
            runs.append([])
        runs[-1].append(item)
    longest = max(map(len, runs))
    return [run for run in runs if len(run) == longest]
