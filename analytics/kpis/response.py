"""
Who answers surveys, and whether the others would have said the same. Pure.

Those who were asked are divided by what they spent and how long they have bought, each at the median of all who were asked: four
cells. Where those who answered are other people than those who were asked, the score is weighted back to the latter
(post-stratification; Little & Rubin, Statistical Analysis with Missing Data, 3rd edition 2019, section 3.3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.kpis.scores import NOBODY, Score, nps, share

DIFFERS = 5.0  # points of a score, from which on the weighted one is shown as well


@dataclass(frozen=True, slots=True)
class Cell:
    """
    People who were asked and had the time to answer.

    :param asked: how many; `answered` are those of them who did
    :param good: promoters, or those who are satisfied
    :param bad: detractors; 0 where a score knows none
    :param spent: what all of them spent, and `answered_spent` those who answered
    :param days: since the first purchase of each, summed, and `answered_days`
    """

    asked: int
    answered: int
    good: int
    bad: int
    spent: float = 0.0
    answered_spent: float = 0.0
    days: float = 0.0
    answered_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """
    How a survey was answered, and by whom.

    :param rate: the share of those asked who answered
    :param score: of those who answered; `weighted` what all who were asked would have said, where the cells tell it
    :param unheard: how many of those asked are in cells of which nobody answered
    """

    kind: str
    asked: int
    rate: Score
    score: Score
    weighted: float | None
    unheard: int
    spent_by_answering: float | None
    spent_by_others: float | None
    days_of_answering: float | None
    days_of_others: float | None

    @property
    def differs(self) -> bool:
        """Tell whether who answered is so different that the score would be another one."""
        return (
            self.weighted is not None
            and self.score.value is not None
            and abs(self.weighted - self.score.value) > DIFFERS
        )


def score_of(kind: str, cell: Cell) -> Score:
    """Return a score in points, or in percent, with its interval."""
    if kind == "nps":
        return nps(cell.good, cell.answered - cell.good - cell.bad, cell.bad)
    return share(cell.good, cell.answered, 100)


def response_of(kind: str, cells: Sequence[Cell]) -> Response:
    """Return how a survey was answered, by cells of similar people."""
    whole = _sum(cells)
    others = whole.asked - whole.answered
    return Response(
        kind,
        whole.asked,
        share(whole.answered, whole.asked),
        score_of(kind, whole) if whole.answered else NOBODY,
        weighted(kind, cells),
        sum(cell.asked for cell in cells if not cell.answered),
        _mean(whole.answered_spent, whole.answered),
        _mean(whole.spent - whole.answered_spent, others),
        _mean(whole.answered_days, whole.answered),
        _mean(whole.days - whole.answered_days, others),
    )


def weighted(kind: str, cells: Iterable[Cell]) -> float | None:
    """Return the score of each cell, weighted by how many of it were asked; None where nobody answered."""
    heard = [cell for cell in cells if cell.answered]
    asked = sum(cell.asked for cell in heard)
    if not asked:
        return None
    return sum(cell.asked / asked * (score_of(kind, cell).value or 0.0) for cell in heard)


def _mean(total: float, n: int) -> float | None:
    return total / n if n else None


def _sum(cells: Iterable[Cell]) -> Cell:
    found = Cell(0, 0, 0, 0)
    for cell in cells:
        found = Cell(
            found.asked + cell.asked, found.answered + cell.answered, found.good + cell.good, found.bad + cell.bad,
            found.spent + cell.spent, found.answered_spent + cell.answered_spent, found.days + cell.days,
            found.answered_days + cell.answered_days,
        )  # fmt: skip
    return found
