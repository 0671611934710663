"""
The integral over the moment at which a customer left, on which Pareto/NBD rests.

A record (x, t_x, T) comes about in two ways: the customer stayed, with weight (alpha+T)^-(r+x) (beta+T)^-s, or left at a
moment t between t_x and T, with weight s times the integral of (alpha+t)^-(r+x) (beta+t)^-(s+1) dt. The usual form needs the
hypergeometric function 2F1, which cancels and overflows; here the integral is a sum of positive terms.

On u = log(c + t), c the smaller of alpha and beta, the logarithm of the integrand is concave and has no narrow features
but its own decay. It is cut where it has fallen by exp(-DECAY) from its top, and summed on Gauss-Legendre nodes, whose
number follows from the width and the fall that are left; the error is then below 1e-9 of the integral for r, s up to 1,000
and x up to 5,000.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from analytics.clv.families import Expansion
from analytics.clv.tuples import Floats, Rows

DECAY = 32.0
NEWTON = 6
ELEMENTS = 16_384  # nodes of a part: so that its arrays stay in a processor's second cache
# (largest width, largest fall of the logarithm) that so many nodes integrate.
REACH = ((6, 1.0, 1.0), (10, 2.0, 8.0), (16, 3.5, 24.0), (24, 6.0, 1e300), (48, 1e300, 1e300))


@dataclass(frozen=True)
class Plan:
    """
    Which rows are integrated with how many nodes.

    :param order: places of the rows, those of the fewest nodes first
    :param ends: where in the order the rows of each number of nodes end
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, values: Sequence[float] | Floats, rows: Rows) -> "Plan":
        """Choose nodes for rows under parameters r, alpha, s, beta."""
        shape = _Shape(values, rows)
        fall = np.maximum(shape.top - shape.height(shape.start, shape.width), 0.0)
        level = np.zeros(len(rows), dtype=np.uint8)
        for _, most_width, most_fall in REACH[:-1]:
            level += (shape.width > most_width) | (fall > most_fall)
        counts = np.bincount(level, minlength=len(REACH))
        return cls(np.argsort(level, kind="stable"), np.cumsum(counts))

    def parts(self) -> Iterator[tuple[NDArray[np.intp], int]]:
        """Return places of rows that are integrated together, and with how many nodes."""
        first = 0
        for (nodes, _, _), end in zip(REACH, self.ends.tolist(), strict=True):
            size = ELEMENTS // nodes
            for place in range(first, end, size):
                yield self.order[place : min(place + size, end)], nodes
            first = end


class _Shape:
    """The logarithm h(u) = (1 - A) u - B log(e^u + d) of the integrand, with u = log(c + t), and where it is cut."""

    def __init__(self, values: Sequence[float] | Floats, rows: Rows) -> None:
        r, alpha, s, beta = (float(value) for value in values)
        power = r + rows.frequency
        self.d = abs(alpha - beta)
        alike = np.full_like(power, s + 1.0)
        self.near, self.far = (power, alike) if alpha <= beta else (alike, power)
        c = min(alpha, beta)
        self.start = c + rows.recency
        self.log_start = np.log(self.start)
        self.width = np.log1p((rows.age - rows.recency) / self.start)
        self.top = self._top()
        self._cut()

    def height(self, start: Floats, v: Floats) -> Floats:
        """Return h at u = log(start) + v."""
        return np.asarray((1.0 - self.near) * (np.log(start) + v) - self.far * np.log(start * np.exp(v) + self.d))

    def _top(self) -> Floats:
        """Return the highest value of h: at the start, unless it still rises there."""
        top = self.height(self.start, np.zeros_like(self.start))
        rising = np.flatnonzero(self._slope(self.start) > 0)
        if len(rising):
            near, far = self.near[rising], self.far[rising]
            excess = far - (1.0 - near)
            at = np.where(excess > 0, self.d * (1.0 - near) / np.where(excess > 0, excess, 1.0), np.inf)
            at = np.minimum(at, self.start[rising] * np.exp(self.width[rising]))
            top[rising] = (1.0 - near) * np.log(at) - far * np.log(at + self.d)
        return top

    def _slope(self, from_c: Floats) -> Floats:
        return np.asarray((1.0 - self.near) - self.far * (from_c / (from_c + self.d)))

    def _cut(self) -> None:
        """Shorten the width to where h has fallen by DECAY: Newton's steps from the far end never pass it, as h is concave."""
        deep = np.flatnonzero(self.height(self.start, self.width) < self.top - DECAY)
        if not len(deep):
            return
        near, far = self.near[deep], self.far[deep]
        start, log_start, width, aim = self.start[deep], self.log_start[deep], self.width[deep], self.top[deep] - DECAY
        for _ in range(NEWTON):
            from_c = start * np.exp(width)
            height = (1.0 - near) * (log_start + width) - far * np.log(from_c + self.d)
            slope = (1.0 - near) - far * (from_c / (from_c + self.d))
            width = np.where(height < aim, width - (height - aim) / np.minimum(slope, -1e-300), width)
        self.width[deep] = width


@lru_cache
def _gauss(nodes: int) -> tuple[Floats, Floats]:
    """Return points and weights on (0, 1), as columns."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return ((points + 1.0) / 2)[:, None], (weights / 2)[:, None]


class LeavingTime:
    """
    What the two ways come to, for some rows and parameters r, alpha, s, beta: arrays are nodes x rows.

    :ivar log_total: logarithm of the sum of both weights
    :ivar stayed: share of the first: the probability of not having left
    :ivar left: share of each node of the second
    """

    def __init__(self, values: Sequence[float] | Floats, rows: Rows, nodes: int) -> None:
        self.r, self.alpha, self.s, self.beta = (float(value) for value in values)
        self.rows = rows
        self.power = self.r + rows.frequency
        shape = _Shape(values, rows)
        points, weights = _gauss(nodes)
        v = points * shape.width
        self.log_near = v + shape.log_start
        self.from_near = np.exp(v, out=v)
        self.from_near *= shape.start
        self.from_far = self.from_near + shape.d
        self.log_far = np.log(self.from_far)
        height = (1.0 - shape.near) * self.log_near
        height -= shape.far * self.log_far
        self.log_a_end, self.log_b_end = np.log(self.alpha + rows.age), np.log(self.beta + rows.age)
        log_stayed = -self.power * self.log_a_end - self.s * self.log_b_end
        top = np.maximum(shape.top, log_stayed)
        height -= top
        left = np.exp(height, out=height)
        left *= weights * self.s
        left *= shape.width
        stayed = np.exp(log_stayed - top)
        total = stayed + left.sum(axis=0)
        left /= total
        self.log_total, self.stayed, self.left = top + np.log(total), stayed / total, left

    @cached_property
    def _sides(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return log(alpha+t), alpha+t, log(beta+t), beta+t at the nodes."""
        near, far = (self.log_near, self.from_near), (self.log_far, self.from_far)
        return (*near, *far) if self.alpha <= self.beta else (*far, *near)

    def expansion(self) -> Expansion:
        """
        Return the sum over customers of log_total, and its derivatives by log-parameters.

        With f the logarithm of a way's weight, whose derivatives are simple, the first is the mean of f' over the ways, and
        the second the mean of f'' plus the covariance of f'.
        """
        r, alpha, s, beta, w = self.r, self.alpha, self.s, self.beta, self.rows.counts
        log_a, a, log_b, b = self._sides
        # f' = -z: by log r, log alpha, log s, log beta.
        z = np.stack([r * log_a, (alpha * self.power) / a, s * log_b - 1.0, ((s + 1.0) * beta) / b])
        a_end, b_end = self.rows.age + alpha, self.rows.age + beta
        end = np.stack([r * self.log_a_end, (alpha * self.power) / a_end, s * self.log_b_end, (s * beta) / b_end])
        shares, stayed = z * self.left, end * self.stayed
        means = shares.sum(axis=1) + stayed
        # f'' by log alpha and log beta has squares of f' over the exponents.
        squares_a = (np.einsum("kn,kn->n", shares[1], z[1]) + stayed[1] * end[1]) / self.power
        shares *= w
        squares_b = float(_products(shares[3:], z[3:])[0, 0]) / (s + 1.0) + float((stayed[3] * w) @ end[3]) / s
        beta_stayed = float(stayed[3] @ w)
        sums = means @ w
        second = _products(shares, z) + _products(stayed * w, end) - _products(means * w, means)
        second[0, 0] -= sums[0]
        second[1, 1] += float(w @ squares_a) - sums[1]
        second[2, 2] -= sums[2] + float(w @ (1.0 - self.stayed))
        second[3, 3] += squares_b - sums[3]
        second[0, 1] -= r * float(w @ (means[1] / self.power))
        second[2, 3] -= (sums[3] - beta_stayed) * s / (s + 1.0) + beta_stayed
        second[1, 0], second[3, 2] = second[0, 1], second[2, 3]
        return Expansion(float(w @ self.log_total), -sums, second)


def _products(left: Floats, right: Floats) -> Floats:
    """Return the sums of products of each pair of rows."""
    return left.reshape(len(left), -1) @ right.reshape(len(right), -1).T
