"""
Who registered and has not bought: whether a first purchase will come, and what the first year is worth.

These people have no repeat purchases to learn from, so that no value of the usual kind can be told. What is known is how long
others took: a mixture cure model (Boag 1949; Farewell 1982, The Use of Mixture Models for the Analysis of Survival Data with
Long-Term Survivors), in which a share will ever buy, after a Weibull-distributed time, and the others never. Weibull, because
first purchases come in a rush after the registration or with a delay, and it has both.

Who buys on the very day of the registration registered at the till, and says nothing of those who did not: the model is of
waiting beyond that day. Waiting times are whole days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from analytics.clv.fitting import DidNotConverge, Fit, maximise
from analytics.clv.purchases import MONTH_DAYS, PurchaseModel
from analytics.clv.spend import Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Column, Floats, Integers, Tuples

MIN_FIRST_PURCHASES = 30
MIN_DAYS = 90
NAMES = ("odds", "shape", "scale")
START = (1.0, 1.0, 0.3)


@dataclass(frozen=True)
class Activation:
    """
    A fitted model of the days from the registration to the first purchase.

    :param share: of those who did not buy on the day of their registration, how many ever will
    :param shape: of their times: below 1 most come soon, above 1 they come after a delay
    :param scale: in days: by it 63 % of those who ever buy have bought
    :param seen_days: how long somebody was watched; further on it is the Weibull curve that speaks
    """

    share: float
    shape: float
    scale: float
    seen_days: float

    def with_values(self, values: Floats) -> "Activation":
        """Return the same model with other parameters: the odds of ever buying, shape, scale."""
        odds, shape, scale = (float(value) for value in values)
        return Activation(odds / (1.0 + odds), shape, scale, self.seen_days)

    def bought_by(self, days: Column) -> Floats:
        """Return the probability of having bought by so many days after the registration, the first day excepted."""
        return np.asarray(-self.share * np.expm1(-((np.asarray(days, dtype=np.float64) / self.scale) ** self.shape)))

    def probability(self, waited_days: Column, horizon_days: float) -> Floats:
        """Return the probability of a first purchase within the horizon, of those who have waited so long without one."""
        by_now = self.bought_by(waited_days)
        return np.asarray((self.bought_by(np.asarray(waited_days) + horizon_days) - by_now) / (1.0 - by_now))

    def basis(self, waited_days: Column, horizon_days: float) -> Statement:
        """Return what probabilities rest on: times that were seen, or the curve beyond them."""
        furthest = float(np.max(waited_days, initial=0.0)) + horizon_days
        values = {"share": self.share, "seen_days": self.seen_days, "horizon_days": horizon_days}
        return Statement("activation" if furthest <= self.seen_days else "activation_beyond_seen", values)

    def expected_value(
        self, waited_days: Column, horizon_days: float, purchases: PurchaseModel, spend: Spend, unit_days: float = 1.0
    ) -> Floats:
        """
        Return the expected value within the horizon: a first purchase, and those of a new customer for the rest of it.

        :param purchases: fitted to those who bought
        :param spend: fitted to them; of one who is not known its mean is expected
        :param unit_days: how many days the unit of time of `purchases` has
        """
        waited, place = np.unique(np.asarray(waited_days, dtype=np.float64), return_inverse=True)
        new, total, begin = Tuples.ungrouped([0], [0.0], [0.0]), np.zeros(len(waited)), 0.0
        before = np.zeros(len(waited))
        for end in np.append(np.arange(MONTH_DAYS, horizon_days, MONTH_DAYS), horizon_days):
            until = self.probability(waited, float(end))
            left = (horizon_days - (begin + float(end)) / 2) / unit_days
            total += (until - before) * (1.0 + float(purchases.expected_purchases(new, left)[0]))
            begin, before = float(end), until
        return np.asarray((total * spend.mean)[place.reshape(-1)])


def fit(days: Column, bought: NDArray[np.bool_]) -> tuple[Activation, Fit]:
    """
    Fit the model to all who registered, one row each.

    :param days: whole days from the registration to the first purchase; to the end of the data of who has not bought
    :param bought: who has
    :returns: the model, and its parameters with their errors: the odds of ever buying, shape and scale
    :raises DidNotConverge: when it cannot be known, with what is missing
    """
    waits = _Waits.of(np.asarray(days), np.asarray(bought, dtype=np.bool_))
    unit = float(waits.seen_days)

    def objective(logs: Floats) -> tuple[float, Floats]:
        return waits.log_likelihood(logs, unit)

    most = np.array([1e4, 20.0, 1e4])
    found = maximise(
        objective, np.array(START), names=NAMES, weight=waits.customers, most=most, may_be_most=(True, False, False)
    )
    found = found.scaled(np.array([1.0, 1.0, unit]), log_likelihood=found.log_likelihood)
    return Activation(0.5, 1.0, 1.0, unit).with_values(found.values), found


@dataclass(frozen=True)
class _Waits:
    """How many first bought on each day after the registration, and how many have waited until each day without."""

    bought_on: Integers
    bought: Floats
    waited_until: Integers
    waiting: Floats

    @classmethod
    def of(cls, days: Column, bought: NDArray[np.bool_]) -> "_Waits":
        if len(days) and (not np.all(np.isfinite(days)) or np.any(days < 0) or np.any(days != np.floor(days))):
            raise ValueError("waiting times must be whole days of at least 0")
        if not len(days):
            raise DidNotConverge("nobody_registered", "nobody has registered")
        days = days.astype(np.int64)
        later = days > 0
        firsts, longest = int(np.count_nonzero(bought & later)), int(days.max())
        if longest < MIN_DAYS:
            raise DidNotConverge(
                "watched_too_short", f"registrations were watched for {longest} days; {MIN_DAYS} are needed"
            )
        if np.any(bought) and not firsts:
            raise DidNotConverge(
                "registered_when_buying",
                "all who bought did so on the day they registered: that tells nothing of those who only register",
            )
        if firsts < MIN_FIRST_PURCHASES:
            raise DidNotConverge(
                "too_few_first_purchases",
                f"{firsts} first purchases after the day of registration are too few; {MIN_FIRST_PURCHASES} are needed",
            )
        on, how_many = np.unique(days[bought & later], return_counts=True)
        until, still = np.unique(days[~bought & later], return_counts=True)
        return cls(on, how_many.astype(np.float64), until, still.astype(np.float64))

    @property
    def seen_days(self) -> int:
        """The longest that anybody was watched."""
        return int(max(self.bought_on.max(initial=1), self.waited_until.max(initial=1)))

    @property
    def customers(self) -> float:
        """How many there are."""
        return float(self.bought.sum() + self.waiting.sum())

    def log_likelihood(self, logs: Floats, unit: float) -> tuple[float, Floats]:
        """
        Return it with its gradient by log-parameters: of buying within each day, and of not having bought until each.

        :param unit: of the scale, in days
        """
        odds, shape, scale = np.exp(logs)
        share, others = odds / (1.0 + odds), 1.0 / (1.0 + odds)
        before, slope_before = _survival((self.bought_on - 1) / unit, shape, scale)
        after, slope_after = _survival(self.bought_on / unit, shape, scale)
        chance = np.maximum(before - after, 1e-300)
        still, slope_still = _survival(self.waited_until / unit, shape, scale)
        silent = others + share * still
        value = float(self.bought @ (np.log(share) + np.log(chance)) + self.waiting @ np.log(silent))
        by_odds = others * float(self.bought.sum()) - share * others * float(self.waiting @ ((1.0 - still) / silent))
        by_curve = (slope_before - slope_after) @ (self.bought / chance)
        by_curve += share * (slope_still @ (self.waiting / silent))
        return value, np.array([by_odds, *by_curve])


def _survival(days: Floats, shape: float, scale: float) -> tuple[Floats, Floats]:
    """Return the share of a Weibull distribution beyond days, and its gradient by log-shape and log-scale (2 x days)."""
    hazard = (days / scale) ** shape
    beyond = np.exp(-hazard)
    by_shape = -beyond * xlogy(hazard, np.where(days > 0, days / scale, 1.0)) * shape
    return beyond, np.stack([by_shape, beyond * hazard * shape])
