"""
Fits of models of purchases, whose likelihoods tell value, gradient and second derivatives at once.

Newton's steps climb the likelihood of a sample of 20,000 customers, and from its top that of all in three or four evaluations;
the covariance is a by-product. Time is measured in mean ages meanwhile, so that results do not depend on its unit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.clv.fitting import EDGE, FLAT, DidNotConverge, Fit, inverse_of, slopes_of
from analytics.clv.tuples import Floats, Rows, Tuples

SAMPLE = 20_000
MIN_CUSTOMERS = 10
MIN_WHO_CAME_BACK = 3
MAX_STEPS = 200
HALVINGS = 30
MAX_STEP = 2.0  # step, in log-parameters
FIRST_GAIN = 0.01  # in the log-likelihood of the sample, below which another step is not worth taking
GAIN = 1e-9  # the same in that of all
MAX_COEFFICIENT = 15.0

FLAT_WORDS = "the customers are too few or too alike to tell {parameter} of {model} apart from its limit"


class Expansion(NamedTuple):
    """A log-likelihood at a point, with its gradient and its matrix of second derivatives."""

    value: float
    gradient: Floats
    hessian: Floats

    def plus(self, other: "Expansion") -> "Expansion":
        return Expansion(self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian)

    def through(self, jacobian: Floats) -> "Expansion":
        """Return the same by parameters of which this one's are a linear function (its parameters x theirs)."""
        return Expansion(self.value, jacobian.T @ self.gradient, jacobian.T @ self.hessian @ jacobian)


Surface = Callable[[Floats], Expansion]  # of log-parameters


@dataclass(frozen=True)
class Family:
    """
    How a model is fitted. Values are for time in units of the mean age.

    :param starts: where searches of the sample begin; the best one goes on, as likelihoods may have several tops
    :param least: the smallest value of each parameter, and `most` the largest
    :param may_be_least: for which the smallest is a model of its own (its limit), not a failure; and `may_be_most` the same
    :param in_time: which are in units of time
    :param scaled: which covariates multiply, each with its sign: -1.0 for alpha exp(-coefficient)
    :param surface: takes customers; returns their log-likelihood by log-parameters
    """

    name: str
    names: tuple[str, ...]
    starts: tuple[tuple[float, ...], ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    may_be_least: tuple[bool, ...]
    may_be_most: tuple[bool, ...]
    in_time: tuple[bool, ...]
    scaled: tuple[tuple[str, float], ...]
    surface: Callable[[Rows], Surface]

    def jacobian(self, covariates: Floats) -> Floats:
        """
        Return how one category's log-parameters follow from all log-parameters and coefficients.

        :param covariates: the category's values
        """
        size, each = len(self.names), len(covariates)
        found = np.zeros((size, size + each * len(self.scaled)))
        found[:, :size] = np.eye(size)
        for place, (name, sign) in enumerate(self.scaled):
            first = size + place * each
            found[self.names.index(name), first : first + each] = sign * covariates
        return found


def fit_family(family: Family, tuples: Tuples, covariates: "Design | None" = None) -> Fit:
    """
    Fit a model to customers.

    :raises DidNotConverge: when the data do not determine it
    """
    require_enough(tuples, covariates)
    design = covariates or Design((), np.zeros((1, 0)))
    unit = float(np.average(tuples.age, weights=tuples.counts))
    coefficients = np.zeros(len(family.scaled) * len(design.names))
    starts = [np.concatenate([np.log(start), coefficients]) for start in family.starts]
    box = _Box.of(family, len(starts[0]))
    of_few = _surface(family, tuples.sample(SAMPLE), design, unit)
    tops = [_climb(of_few, start, box, gain=FIRST_GAIN) for start in starts]
    logs, _ = max(tops, key=lambda top: top[1].value)
    logs, top = _climb(_surface(family, tuples, design, unit), logs, box, gain=GAIN)
    _require_maximum(family, box, logs, top, float(tuples.customers))
    return _described(family, design, box, logs, top, tuples, unit)


class Design(NamedTuple):
    """
    Covariates of categories.

    :param names: of the covariates
    :param values: categories x covariates
    """

    names: tuple[str, ...]
    values: Floats


class _Box(NamedTuple):
    """Bounds of log-parameters and coefficients."""

    least: Floats
    most: Floats

    @classmethod
    def of(cls, family: Family, size: int) -> "_Box":
        coefficients = np.full(size - len(family.names), MAX_COEFFICIENT)
        return cls(
            np.concatenate([np.log(family.least), -coefficients]), np.concatenate([np.log(family.most), coefficients])
        )

    def at_least(self, logs: Floats) -> NDArray[np.bool_]:
        return np.asarray(logs <= self.least + EDGE)

    def at_most(self, logs: Floats) -> NDArray[np.bool_]:
        return np.asarray(logs >= self.most - EDGE)

    def share(self, logs: Floats, step: Floats) -> float:
        """Return how much of a step fits: cutting one coordinate alone would leave the ridge that the step follows."""
        room = np.where(step > 0, self.most - logs, self.least - logs)
        return float(np.min(np.where(step != 0, room / np.where(step != 0, step, 1.0), 1.0), initial=1.0))

    def free(self, logs: Floats, gradient: Floats) -> NDArray[np.bool_]:
        """Return which may still move uphill."""
        return np.asarray(~((self.at_least(logs) & (gradient <= 0)) | (self.at_most(logs) & (gradient >= 0))))


def require_enough(tuples: Tuples, design: Design | None = None) -> None:
    """Refuse, before any search, data of which it is plain what they lack."""
    if not len(tuples):
        raise DidNotConverge("too_few_customers", "there are no customers")
    if tuples.customers < MIN_CUSTOMERS:
        raise DidNotConverge(
            "too_few_customers", f"{tuples.customers} customers are too few; at least {MIN_CUSTOMERS} are needed"
        )
    if not np.any(tuples.age):
        raise DidNotConverge(
            "one_day", "everybody bought on one day, the last of the data: nothing has been seen since"
        )
    again = tuples.counts[np.asarray(tuples.frequency) > 0]
    if not len(again):
        raise DidNotConverge("nobody_bought_twice", "nobody bought twice")
    if again.sum() < MIN_WHO_CAME_BACK:
        raise DidNotConverge(
            "too_few_customers",
            f"only {again.sum()} bought twice; at least {MIN_WHO_CAME_BACK} customers are needed who did",
        )
    if not any(np.ptp(column) for column in (tuples.frequency, tuples.recency, tuples.age)):
        raise DidNotConverge("flat", "all customers have the same history")
    if design is not None:
        _require_categories(tuples, design)


def _require_categories(tuples: Tuples, design: Design) -> None:
    """Refuse tuples without a category, and covariates of whose customers nobody came back."""
    if tuples.category is None or np.any(tuples.category >= len(design.values)):
        raise ValueError("the tuples must name a category that the covariates know, for every customer")
    again = np.bincount(tuples.category[np.asarray(tuples.frequency) > 0], minlength=len(design.values))
    used = np.bincount(tuples.category, minlength=len(design.values)) > 0
    for place, name in enumerate(design.names):
        with_it = design.values[:, place] != 0
        if not np.any(again[with_it & used]):
            raise DidNotConverge("nobody_bought_twice", f"nobody bought twice among those with {name}")


def _surface(family: Family, tuples: Tuples, design: Design, unit: float) -> Surface:
    """Return the log-likelihood of customers by all log-parameters and coefficients."""
    rows = tuples.rows(unit)
    if not design.names or tuples.category is None:
        return family.surface(rows)
    parts = [
        (
            family.jacobian(design.values[category]),
            family.surface(rows.take(np.flatnonzero(tuples.category == category))),
        )
        for category in np.unique(tuples.category)
    ]

    def expand(logs: Floats) -> Expansion:
        found = [surface(jacobian @ logs).through(jacobian) for jacobian, surface in parts]
        return Expansion(
            sum(each.value for each in found),
            np.sum([each.gradient for each in found], axis=0),
            np.sum([each.hessian for each in found], axis=0),
        )

    return expand


def _climb(surface: Surface, logs: Floats, box: _Box, *, gain: float) -> tuple[Floats, Expansion]:
    """Take Newton's steps, shortened until they lead uphill, until another would gain less than said."""
    logs = np.clip(logs, box.least, box.most)
    here = surface(logs)
    for _ in range(MAX_STEPS):
        step = _step(logs, here, box)
        if float(step @ here.gradient) / 2 < gain:
            break
        found = _uphill(surface, logs, step, here, box)
        if found is None:
            break
        logs, here = found
    return logs, here


def _step(logs: Floats, here: Expansion, box: _Box) -> Floats:
    """Return Newton's step of those that may move, as far as it stays inside the bounds."""
    free = box.free(logs, here.gradient)
    while True:
        step = np.zeros(len(logs))
        step[free] = _newton(here.gradient[free], here.hessian[np.ix_(free, free)])
        outwards = box.free(logs, step) < free
        if not np.any(outwards):
            return step * box.share(logs, step)
        free &= ~outwards


def _newton(gradient: Floats, hessian: Floats) -> Floats:
    """Return the step to the maximum of the quadratic; where the surface bends upwards, a step uphill of the same length."""
    bends, directions = np.linalg.eigh(-hessian)
    size = np.maximum(np.abs(bends), 1e-12 * np.max(np.abs(bends), initial=0.0) + 1e-300)
    step = directions @ ((directions.T @ gradient) / size)
    return np.asarray(step * min(1.0, MAX_STEP / max(float(np.max(np.abs(step), initial=0.0)), 1e-300)))


def _uphill(
    surface: Surface, logs: Floats, step: Floats, here: Expansion, box: _Box
) -> tuple[Floats, Expansion] | None:
    """Return the first higher point on the way back from a step's end, or None."""
    for halving in range(HALVINGS):
        tried = np.clip(logs + step / 2**halving, box.least, box.most)
        found = surface(tried)
        if found.value > here.value and np.all(np.isfinite(found.hessian)):
            return tried, found
    return None


def _require_maximum(family: Family, box: _Box, logs: Floats, top: Expansion, customers: float) -> None:
    """Refuse a point at a bound that is no model of its own, or where the surface still rises."""
    size = len(family.names)
    low = box.at_least(logs)[:size] & ~np.array(family.may_be_least)
    high = box.at_most(logs)[:size] & ~np.array(family.may_be_most)
    free = box.free(logs, top.gradient)
    rising = free & (np.abs(top.gradient) > FLAT * customers)
    beyond = np.abs(logs[size:]) >= MAX_COEFFICIENT - EDGE
    wrong = (
        (np.concatenate([low | high, beyond]) | rising) if np.isfinite(top.value) else np.ones(len(logs), dtype=bool)
    )
    if np.any(wrong):
        place = int(np.flatnonzero(wrong)[0])
        parameter = family.names[place] if place < size else "a covariate"
        raise DidNotConverge("flat", FLAT_WORDS.format(parameter=parameter, model=family.name))


def _described(  # noqa: PLR0913 - all that a fit consists of
    family: Family, design: Design, box: _Box, logs: Floats, top: Expansion, tuples: Tuples, unit: float
) -> Fit:
    """Return what was found, in the tuples' own unit of time."""
    size = len(family.names)
    values = np.concatenate([np.exp(logs[:size]) * np.where(family.in_time, unit, 1.0), logs[size:]])
    slopes = slopes_of(values, len(logs) - size)
    covariance = inverse_of(-top.hessian, ~(box.at_least(logs) | box.at_most(logs))) * np.outer(slopes, slopes)
    names = (*family.names, *(f"{scale}: {name}" for scale, _ in family.scaled for name in design.names))
    occasions = float(np.asarray(tuples.frequency, dtype=np.float64) @ tuples.counts)
    return Fit(names, values, covariance, top.value - occasions * float(np.log(unit)), len(logs) - size)
