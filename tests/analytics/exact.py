"""The models' closed forms, with the hypergeometric function, in sixty digits: what the numerics must agree with."""

from dataclasses import dataclass

from mpmath import beta as beta_function
from mpmath import hyp2f1, log, loggamma, mpf, workdps

DIGITS = 60
NEAR = mpf(10) ** -25  # beside a removable hole


@dataclass(frozen=True)
class Answers:
    log_likelihood: float
    probability_active: float
    expected_purchases: float


def pareto_nbd(values: tuple[float, ...], x: int, recency: float, age: float, horizon: float) -> Answers:
    """Fader, Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions."""
    with workdps(DIGITS):
        r, alpha, s, beta = map(mpf, values)
        t_x, end, t = mpf(recency), mpf(age), mpf(horizon)
        s = s + NEAR if s == 1 else s
        power = r + s + x
        middle = s + 1 if alpha >= beta else r + x
        large, apart = max(alpha, beta), abs(alpha - beta)

        def part(moment: mpf) -> mpf:
            return hyp2f1(power, middle, power + 1, apart / (large + moment)) / (large + moment) ** power

        stayed = (alpha + end) ** -(r + x) * (beta + end) ** -s
        total = stayed + s / power * (part(t_x) - part(end))
        common = loggamma(r + x) - loggamma(r) + r * log(alpha) + s * log(beta)
        rate = (r + x) * (beta + end) / ((alpha + end) * (s - 1))
        bought = rate * (1 - ((beta + end) / (beta + end + t)) ** (s - 1)) * stayed / total
        return Answers(float(common + log(total)), float(stayed / total), float(bought))


def leaving_chance(values: tuple[float, ...], n: int, x: int, recency: float, age: float, horizon: float) -> Answers:
    """
    Fader, Hardie, Lee (2005) and Batislam et al. (2007).

    :param n: how often the customer could have left: x in BG/NBD, x + 1 in MBG/NBD
    """
    with workdps(DIGITS):
        r, alpha, a, b = map(mpf, values)
        t_x, end, t = mpf(recency), mpf(age), mpf(horizon)
        stayed = beta_function(a, b + n) / beta_function(a, b) * (alpha + end) ** -(r + x)
        left = beta_function(a + 1, b + n - 1) / beta_function(a, b) * (alpha + t_x) ** -(r + x) if n else mpf(0)
        common = loggamma(r + x) - loggamma(r) + r * log(alpha)
        a = a + NEAR if a == 1 else a
        m = b + n
        growth = t / (alpha + end + t)
        series = hyp2f1(r + x, m, a + m - 1, growth)
        bought = (a + m - 1) / (a - 1) * (1 - (1 - growth) ** (r + x) * series) * stayed / (stayed + left)
        return Answers(float(common + log(stayed + left)), float(stayed / (stayed + left)), float(bought))
