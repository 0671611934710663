"""A figure as pages put it in front."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One figure in front, with what it is and what it rests on."""

    figure: str
    label: str
    note: str
