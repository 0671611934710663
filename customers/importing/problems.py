"""Why rows of a file were not taken."""

from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was not taken; `column` is empty where the whole row is meant."""

    line: int
    column: str
    reason: str
