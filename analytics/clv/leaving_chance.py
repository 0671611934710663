"""
What MBG/NBD and BG/NBD share: a customer buys at a Gamma-distributed rate, and after a purchase leaves with a probability.

The rate has shape r and scale alpha; the probability p is the customer's own, of a Beta distribution with shapes a and b. The
models differ in n, how often a customer with x repeat purchases could have left: x + 1 times where the first purchase counts,
x times where it does not. With L0 the record's likelihood had the customer stayed, it is L0 (1 + odds), where
odds = a / (b + n - 1) x ((alpha + T) / (alpha + t_x))^(r + x) are those of having left with the last purchase.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import betaln, expit, gammaln, polygamma, psi

from analytics.clv.families import Expansion, Family, Surface
from analytics.clv.tuples import Floats, Rows, Tuples

NEVER, ALIKE = 1e-7, 1_000.0
STEP = 0.1
DECAY = 28.0
ELEMENTS = 16_384  # nodes of a part, and rows of a part: so that its arrays stay in a processor's second cache
PART = 8_192
SMALL = 1e-12
MAX_WIDTH = 2.0  # of sinh's argument: features are about 1 wide


@dataclass(frozen=True)
class LeavingChance:
    """
    A fitted model.

    :param r: shape of the purchase rates
    :param alpha: scale of the purchase rates, in units of time
    :param a: first shape of the probabilities of leaving
    :param b: second shape of the probabilities of leaving
    """

    r: float
    alpha: float
    a: float
    b: float

    first_counts: ClassVar[bool]

    def __post_init__(self) -> None:
        if not all(0 < value < np.inf for value in (self.r, self.alpha, self.a, self.b)):
            raise ValueError("the parameters r, alpha, a and b must be above 0")

    def with_values(self, values: Floats) -> Self:
        """Return the same model with other parameters: r, alpha, a, b."""
        return type(self)(*(float(value) for value in values))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple."""
        rows = tuples.rows()
        power, n = self.r + rows.frequency, self._chances(rows)
        stayed = (
            gammaln(power) - gammaln(self.r) + self.r * np.log(self.alpha) - power * np.log(self.alpha + rows.age)
            + betaln(self.a, self.b + n) - betaln(self.a, self.b)
        )  # fmt: skip
        return np.asarray(stayed + np.logaddexp(0.0, self._log_odds(rows)))

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the end of the data."""
        return np.asarray(expit(-self._log_odds(tuples.rows())))

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the expected number of purchase occasions within a horizon after the end of the data.

        :param horizon: in the tuples' unit of time
        """
        return self.purchases_if_active(tuples, horizon) * self.probability_active(tuples)

    def purchases_if_active(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the same for customers of whom it is known that they have not left.

        They buy on average (1 - exp(-rate p horizon)) / p times, whose mean over the rates is g(p) below; it does not depend on
        recency, so that it is computed once for each frequency and age.
        """
        return np.asarray(self._if_active(tuples, np.array([horizon]))[0])

    def purchases_by_ends(self, tuples: Tuples, ends: Floats) -> Floats:
        """Return the expected purchases until each of several horizons (ends x tuples)."""
        return np.asarray(self._if_active(tuples, ends) * self.probability_active(tuples))

    def _if_active(self, tuples: Tuples, ends: Floats) -> Floats:
        few, place = tuples.without_recency()
        found = np.zeros((len(ends), len(few)))
        later = np.flatnonzero(ends > 0)
        if len(later) and len(few):
            scale = ends[later, None] / (self.alpha + few.age)
            found[later] = _mean_over_leaving(self.a, self.b + self._chances(few), self.r + few.frequency, scale)
        return found[:, place]

    def _chances(self, rows: Rows) -> Floats:
        return rows.frequency + 1.0 if self.first_counts else rows.frequency

    def _log_odds(self, rows: Rows) -> Floats:
        """Return the logarithm of the odds of having left: -inf where a customer had no chance to."""
        n = self._chances(rows)
        silent = np.log1p((rows.age - rows.recency) / (self.alpha + rows.recency))
        odds = np.log(self.a) - np.log(np.where(n > 0, self.b + n - 1.0, 1.0)) + (self.r + rows.frequency) * silent
        return np.where(n > 0, odds, -np.inf)


def family(model: type[LeavingChance], name: str) -> Family:
    """Return how one of the models is fitted."""
    return Family(
        name=name,
        names=("r", "alpha", "a", "b"),
        starts=((1.0, 0.5, 1.0, 2.0), (0.2, 0.1, 0.1, 0.05), (3.0, 1.0, 0.2, 0.2)),
        least=(1e-6, 1e-9, NEVER, 1e-9),
        most=(ALIKE, 1e9, ALIKE, 1e9),
        may_be_least=(False, False, True, True),
        may_be_most=(True, False, True, True),
        in_time=(False, True, False, False),
        scaled=(("alpha", -1.0), ("a", 1.0), ("b", 1.0)),
        surface=_surface_of(first_counts=model.first_counts),
    )


def _surface_of(*, first_counts: bool) -> Callable[[Rows], Surface]:
    def surface(rows: Rows) -> Surface:
        occasions = np.bincount(rows.frequency.astype(np.int64), weights=rows.counts)
        x = np.flatnonzero(occasions).astype(np.float64)
        of_x = occasions[occasions > 0].astype(np.float64)
        shift = 1.0 if first_counts else 0.0
        parts = rows.parts(PART)

        def expand(logs: Floats) -> Expansion:
            found = _of_frequency(logs, x, x + shift, of_x)
            for part in parts:
                found = found.plus(_of_silence(logs, part, part.frequency + shift))
            return found

        return expand

    return surface


def _of_frequency(logs: Floats, x: Floats, n: Floats, w: Floats) -> Expansion:
    """
    Return the part of the log-likelihood of customers who stayed that frequency alone decides, by log-parameters.

    :param w: how many customers have each frequency x, and n chances to leave
    """
    r, _, a, b = np.exp(logs)
    total = float(w.sum())
    beta = gammaln(b + n) - gammaln(b) + gammaln(a + b) - gammaln(a + b + n)
    value = float(w @ (gammaln(r + x) - gammaln(r) + beta)) + total * r * float(logs[1])
    both = psi(a + b) - psi(a + b + n)
    by_r = r * (float(w @ (psi(r + x) - psi(r))) + total * float(logs[1]))
    by_a, by_b = a * float(w @ both), b * float(w @ (psi(b + n) - psi(b) + both))
    bend = polygamma(1, a + b) - polygamma(1, a + b + n)
    hessian = np.zeros((4, 4))
    hessian[0, 0] = by_r + r * r * float(w @ (polygamma(1, r + x) - polygamma(1, r)))
    hessian[0, 1] = hessian[1, 0] = total * r
    hessian[2, 2] = by_a + a * a * float(w @ bend)
    hessian[2, 3] = hessian[3, 2] = a * b * float(w @ bend)
    hessian[3, 3] = by_b + b * b * float(w @ (polygamma(1, b + n) - polygamma(1, b) + bend))
    return Expansion(value, np.array([by_r, total * r, by_a, by_b]), hessian)


def _of_silence(logs: Floats, rows: Rows, n: Floats) -> Expansion:
    """Return the part that the time since the last purchase decides: -(r + x) log(alpha + T) + log(1 + odds)."""
    r, alpha, a, b = np.exp(logs)
    w, power = rows.counts, r + rows.frequency
    at_end, at_last = 1.0 / (alpha + rows.age), 1.0 / (alpha + rows.recency)
    log_end = np.log(alpha + rows.age)
    silent = np.log1p((rows.age - rows.recency) * at_last)
    could, before = n > 0, np.where(n > 0, b + n - 1.0, 1.0)
    log_odds = np.where(could, np.log(a) - np.log(before) + power * silent, -np.inf)
    left = expit(log_odds)
    value = -power * log_end + np.logaddexp(0.0, log_odds)
    slope = np.stack([
        r * silent, power * alpha * (at_end - at_last), np.ones_like(silent), np.where(could, -b / before, 0.0),
    ])  # fmt: skip
    gradient = slope @ (w * left) - np.array([r * float(w @ log_end), alpha * float(w @ (power * at_end)), 0.0, 0.0])
    hessian = (slope * (w * left * (1.0 - left))) @ slope.T
    wl = w * left
    hessian[0, 0] += float(wl @ slope[0]) - r * float(w @ log_end)
    mixed = r * alpha * (float(wl @ (at_end - at_last)) - float(w @ at_end))
    hessian[0, 1] += mixed
    hessian[1, 0] += mixed
    of_power = wl @ (slope[1] + power * alpha**2 * (at_last**2 - at_end**2))
    hessian[1, 1] += float(of_power) + float(w @ (power * alpha * at_end * (alpha * at_end - 1.0)))
    hessian[3, 3] += float(wl @ (slope[3] + slope[3] ** 2))
    return Expansion(float(w @ value), gradient, hessian)


def _mean_over_leaving(a: float, m: Floats, q: Floats, z: Floats) -> Floats:
    """
    Return the mean of g(p) = (1 - (1 + p z)^-q) / p over p of a Beta distribution with shapes a and m, for several z (z x m).

    The closed form with 2F1 cancels near a = 1; this is a sum of positive terms. On v = log(p / (1 - p)) the integrand's tails
    fall exponentially and its features are about 1 wide; v = centre + width sinh(u) shortens the tails, and in u the trapezoidal
    rule converges exponentially.
    """
    found = np.zeros(z.shape)
    centre, width, low, high = _span_of_all(a, m, q * z)
    intervals = np.ceil((high - low) / STEP).astype(np.int64)
    order = np.argsort(intervals, kind="stable")
    first = 0
    while first < len(order):
        size = max(ELEMENTS // int(intervals[order[min(first + 64, len(order) - 1)]]), 64)
        part = order[first : first + size]
        u = np.linspace(low[part], high[part], int(intervals[part[-1]]) + 1)
        v = centre[part] + width[part] * np.sinh(u)
        log_p = -np.logaddexp(0.0, -v)
        p = np.exp(log_p)
        weight = np.exp(a * log_p - m[part] * np.logaddexp(0.0, v) - betaln(a, m[part]))
        weight *= np.cosh(u)
        weight *= width[part] * (u[1] - u[0])
        for row, scale in zip(found, z, strict=True):
            row[part] = np.einsum("kn,kn->n", weight, _purchases(p, q[part], scale[part]))
        first += size
    return found


def _purchases(p: Floats, q: Floats, z: Floats) -> Floats:
    """Return g(p), and its limit q z as p tends to 0."""
    tiny = p * np.maximum(q, 1.0) * z < SMALL
    return np.where(tiny, q * z, -np.expm1(-q * np.log1p(p * z)) / np.where(tiny, 1.0, p))


def _span_of_all(a: float, m: Floats, c: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return centre, width, and from where to where the integrands count, of several c (c x m) together."""
    least, most = _span(a, m, c.min(axis=0)), _span(a, m, c.max(axis=0))
    centre, width = (least.centre + most.centre) / 2, np.minimum(least.width, most.width)
    low, high = np.minimum(least.low, most.low), np.maximum(least.high, most.high)
    return centre, width, np.arcsinh((low - centre) / width), np.arcsinh((high - centre) / width)


class _Span(NamedTuple):
    """Where an integrand has its middle, how wide its features are, and from where to where it counts."""

    centre: Floats
    width: Floats
    low: Floats
    high: Floats


def _span(a: float, m: Floats, c: Floats) -> _Span:
    """
    Return the span of an integrand.

    With g(p) close to c / (1 + c p) the integrand's peak solves a quadratic. On its left it falls with slope a at least,
    beyond it at least as (1 - p)^m.

    :param c: q z, g's value at 0
    """
    linear, square = a * c - a - m - c, c * (1.0 - a - m)
    peak = 2.0 * a / (-linear + np.sqrt(np.maximum(linear * linear - 4.0 * square * a, 0.0)))
    peak = np.clip(peak, 1e-290, 1.0 - 1e-15)
    middle = np.maximum(peak, 1.0 / (1.0 + c + m))
    peak_at, middle_at = (np.log(each) - np.log1p(-each) for each in (peak, middle))
    at_peak, at_middle = (
        1.0 / np.sqrt((a + m) * each * (1.0 - each) + c * each * (1.0 - each) / (1.0 + c * each) ** 2)
        for each in (peak, middle)
    )
    log_rest = np.log1p(-peak) - DECAY / m  # of 1 - p, at which (1 - p)^m has fallen by DECAY
    end = np.log(-np.expm1(log_rest)) - log_rest
    low = np.minimum(peak_at - DECAY / a - 8.0 * at_peak, middle_at)
    high = np.maximum(end + 8.0 * np.minimum(at_peak, at_middle), middle_at)
    return _Span(middle_at, np.minimum(at_middle, MAX_WIDTH), low, high)
