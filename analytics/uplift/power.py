"""What an experiment can detect before it starts, from the retailer's own past, and what to hold out of so many customers."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from scipy.stats import norm

POWER = 0.8
LEVEL = 0.95
LARGEST_TO_BE_EXPECTED = 0.10  # of what customers bring: who can only detect more, will detect nothing
FEW = 5_000  # customers of whom a small hold-out says too little

Advice = Literal["as_asked", "half_and_half", "not_measurable"]


@dataclass(frozen=True)
class Past:
    """
    What customers bring in a window, as it was.

    :param mean: per customer, in units of the currency
    :param variance: between customers
    :param correlation: of a customer's window with the one before it
    """

    mean: float
    variance: float
    correlation: float = 0.0

    @property
    def left(self) -> float:
        """The variance that what was before does not explain."""
        return self.variance * (1 - self.correlation**2)


@dataclass(frozen=True)
class Detectable:
    """
    The smallest effect that is found four times in five.

    :param amount: per customer, in units of the currency
    :param share: of the mean; None where it is not positive
    """

    amount: float
    share: float | None


@dataclass(frozen=True)
class Outlook:
    """
    What a hold-out of a share detects among so many customers, and what to do instead where that is too little.

    :param half: what half and half detects
    :param advice: what to do, with `share` the hold-out's share that goes with it
    """

    customers: int
    share: float
    asked: Detectable
    half: Detectable
    advice: Advice


def detectable(past: Past, treated: float, control: float, *, level: float = LEVEL, power: float = POWER) -> Detectable:
    """Return the smallest effect that arms of two sizes detect."""
    amount = reach(level, power) * sqrt(past.left * (1 / treated + 1 / control))
    return Detectable(amount, amount / past.mean if past.mean > 0 else None)


def needed(past: Past, effect: float, *, held_out: float = 0.5, level: float = LEVEL, power: float = POWER) -> int:
    """
    Return how many customers of both arms together detect an effect.

    :param effect: per customer, in units of the currency
    :param held_out: the control's share
    """
    return ceil(past.left * (reach(level, power) / effect) ** 2 / (held_out * (1 - held_out)))


def outlook(
    past: Past, customers: int, *, held_out: float, largest: float = LARGEST_TO_BE_EXPECTED, level: float = LEVEL
) -> Outlook:
    """
    Return what a hold-out detects, and the advice to take half and half, or not to measure, where that is too little.

    :param largest: the largest effect to be expected, as a share of what customers bring
    """
    asked = detectable(past, customers * (1 - held_out), customers * held_out, level=level)
    half = detectable(past, customers / 2, customers / 2, level=level)
    return Outlook(customers, held_out, asked, half, _advice(customers, asked, half, largest))


def _advice(customers: int, asked: Detectable, half: Detectable, largest: float) -> Advice:
    if half.share is None or half.share > largest:
        return "not_measurable"
    if asked == half:
        return "as_asked"  # there is nothing larger to take
    if customers <= FEW or asked.share is None or asked.share > largest:
        return "half_and_half"
    return "as_asked"


def reach(level: float, power: float) -> float:
    """Return how many standard errors an effect must have to be found with a power."""
    return float(norm.isf((1 - level) / 2) + norm.ppf(power))
