"""
At which step to the next purchase a regular buyer is, or that it has left: what records of (M)BG/CNBD-k are made of.

See cnbd.py. The probability of a record is the sum over the ways in which it comes about, each in logarithms.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, psi, xlogy

from analytics.clv.tuples import Floats, Tuples


class Regular(Protocol):
    """Parameters of a model of regular buyers."""

    @property
    def k(self) -> int: ...
    @property
    def r(self) -> float: ...
    @property
    def alpha(self) -> float: ...
    @property
    def a(self) -> float: ...
    @property
    def b(self) -> float: ...
    @property
    def first_counts(self) -> bool: ...


@dataclass(frozen=True)
class Record:
    """Columns of some tuples as floats."""

    frequency: Floats
    recency: Floats
    age: Floats

    @classmethod
    def of(cls, tuples: Tuples, unit: float = 1.0) -> "Record":
        columns = (tuples.frequency, np.asarray(tuples.recency) / unit, np.asarray(tuples.age) / unit)
        return cls(*(np.asarray(column, dtype=np.float64) for column in columns))

    @cached_property
    def _of_frequency(self) -> tuple[Floats, NDArray[np.intp]]:
        distinct, which = np.unique(self.frequency, return_inverse=True)
        return distinct, which.reshape(-1)

    @property
    def distinct(self) -> Floats:
        """The numbers of purchases that occur, and `which` each row's place among them."""
        return self._of_frequency[0]

    @property
    def which(self) -> NDArray[np.intp]:
        return self._of_frequency[1]

    @cached_property
    def log_silent(self) -> Floats:
        """Logarithm of the time since the last purchase; a number as good as -inf where that is the end of the data."""
        return np.log(np.maximum(self.age - self.recency, np.finfo(np.float64).tiny))

    def regularity(self, k: int) -> Floats:
        """Return the log-density of the time of the x-th regular purchase, but for the rate's part, less that of k = 1."""
        x = np.maximum(self.frequency, 1.0)
        value = (k - 1) * xlogy(x, np.where(self.frequency > 0, self.recency, 1.0)) - gammaln(k * x) + gammaln(x)
        return np.where(self.frequency > 0, value, 0.0)


class Steps:
    """
    The ways in which a record comes about: at step 0..k-1 to the next purchase, or having left with the last.

    What depends on the number of purchases alone is computed once for each.
    """

    def __init__(self, model: Regular, record: Record) -> None:
        self.model, self.record = model, record
        self.steps = np.arange(model.k)[:, None]
        self.chances = record.distinct + (1.0 if model.first_counts else 0.0)
        self.power = model.r + model.k * record.distinct + self.steps
        common = model.r * np.log(model.alpha) - gammaln(model.r) - betaln(model.a, model.b)
        could = self.chances > 0
        stayed = common + betaln(model.a, model.b + self.chances) + gammaln(self.power) - gammaln(self.steps + 1.0)
        last = np.where(could, self.chances, 1.0) - 1.0
        left = np.where(could, common + betaln(model.a + 1.0, model.b + last) + gammaln(self.power[0]), -np.inf)
        self.log_end, self.log_last = np.log(model.alpha + record.age), np.log(model.alpha + record.recency)
        which = record.which
        self.log_steps = stayed[:, which] + self.steps * record.log_silent - self.power[:, which] * self.log_end
        self.log_left = left[which] - self.power[0, which] * self.log_last
        top = np.maximum(self.log_steps.max(axis=0), self.log_left)
        self.log_total = top + np.log(np.exp(self.log_steps - top).sum(axis=0) + np.exp(self.log_left - top))

    def stages(self) -> Floats:
        """Return the probability of being at each step, not having left (k x tuples)."""
        return np.asarray(np.exp(self.log_steps - self.log_total))

    def gradient(self) -> Floats:
        """Return the gradient of the log-likelihood by r, alpha, a and b (4 x tuples)."""
        model, which, power = self.model, self.record.which, self.power
        stages, left = self.stages(), np.exp(self.log_left - self.log_total)
        stayed, of_power = stages.sum(axis=0), psi(power)
        by_r = (
            (stages * of_power[:, which]).sum(axis=0) + left * of_power[0, which] - stayed * self.log_end
            - left * self.log_last + np.log(model.alpha) - psi(model.r)
        )  # fmt: skip
        by_alpha = (
            model.r / model.alpha - (stages * power[:, which]).sum(axis=0) / (model.alpha + self.record.age)
            - left * power[0, which] / (model.alpha + self.record.recency)
        )  # fmt: skip
        ends = psi(model.a + model.b) - psi(model.a + model.b + self.chances)
        misses = psi(model.b + self.chances) - psi(model.b)
        last = np.where(self.chances > 0, 1.0 / (model.b + np.maximum(self.chances, 1.0) - 1.0), 0.0)
        by_a = left / model.a + ends[which]
        by_b = (misses + ends)[which] - left * last[which]
        return np.stack([by_r, by_alpha, by_a, by_b])
