"""
Depths for customers who come week by week: shares that drift towards what seems to earn most, beside an experiment that is
read once and chosen from. What either earns of those who come within half a year is told as a share of what the best depth
for everybody would have earned of them.

Sums of the long window's margin are known only so many weeks after a customer came; what so many customers earn together is
drawn as a normal variable. Both rules give each depth to everybody alike.
"""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics.uplift.panel import Floats
from analytics.uplift.worlds import DEPTHS, Worlds, draw_experiments

WEEKS = 26
PER_WEEK = (400, 2_000, 10_000)
FEEDBACK = (8, 1)  # weeks until it is known what a customer earned
MIN_SHARES = np.array([0.10, *[0.05] * (len(DEPTHS) - 1)])  # of each week's customers, whatever seems to earn most
TEST = 8  # weeks in which the experiment takes customers in
THOUGHTS = 200  # draws of what is believed, by which shares are set
PAYS = 1.281552  # one-sided 90 %


@dataclass(frozen=True)
class Weeks:
    """What a week's customers bring: `effects` and `variances` of a customer's margin, W x D, at so many a week."""

    effects: Floats
    variances: Floats
    customers: int


@dataclass
class Seen:
    """What is known: customers and sums by arm, W x D."""

    customers: Floats
    sums: Floats

    @property
    def means(self) -> Floats:
        return np.asarray(self.sums / np.maximum(self.customers, 1.0))


def show(worlds: Worlds, rng: np.random.Generator) -> None:
    """Print what both rules earn; measured, not judged."""
    effects, variances = _of_everybody(worlds, rng)
    best = np.maximum(effects.max(axis=1), 0.0).mean()
    table = Table(
        "rule", "known after", *(f"{each:,} a week" for each in PER_WEEK),
        title=f"{WEEKS} weeks, of the best depth for everybody; shops in which it loses",
    )  # fmt: skip
    for weeks in FEEDBACK:
        for name, rule in (("shares that drift (Thompson)", _drifting), ("test, wait, choose", _chosen)):
            gains = [rule(Weeks(effects, variances, each), weeks, rng) for each in PER_WEEK]
            cells = (f"{gain.mean() / best:+.0%}, {np.mean(gain < 0):.0%}" for gain in gains)
            table.add_row(name, f"{weeks} weeks" if weeks > 1 else "a week", *cells)
    Console(width=110).print(table)


def _of_everybody(worlds: Worlds, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what each depth earns more than none in each world, and how customers' margins vary."""
    effects = (worlds.shares[..., None] * worlds.effects).sum(axis=1)
    drawn = draw_experiments(worlds, 10_000, rng)
    share = worlds.shares[..., None]
    mean = (share * drawn.means).sum(axis=1, keepdims=True)
    variances = (share * (drawn.variances + np.square(drawn.means - mean))).sum(axis=1)
    return np.asarray(effects), np.asarray(variances)


def _drifting(weeks: Weeks, feedback: int, rng: np.random.Generator) -> Floats:
    """Return what is earned per customer where each week's shares are how likely each depth is to be the best one."""
    shape, gained = weeks.effects.shape, np.zeros(len(weeks.effects))
    seen, coming = Seen(np.zeros(shape), np.zeros(shape)), list[Seen]()
    for week in range(WEEKS):
        if week >= feedback:
            known = coming[week - feedback]
            seen = Seen(seen.customers + known.customers, seen.sums + known.sums)
        shares = _shares(seen, weeks.variances, rng)
        gained += (shares * weeks.effects).sum(axis=1)
        coming.append(_come(weeks, shares, rng))
    return np.asarray(gained / WEEKS)


def _shares(seen: Seen, variances: Floats, rng: np.random.Generator) -> Floats:
    """Return each arm's share: never below the least, the rest by how likely it is to be the best."""
    if not seen.customers.any():
        return np.full(variances.shape, 1 / len(DEPTHS))
    errors = np.sqrt(variances / np.maximum(seen.customers, 1.0))
    thought = seen.means + errors * rng.standard_normal((THOUGHTS, *variances.shape))
    likely = (thought.argmax(axis=-1)[..., None] == np.arange(len(DEPTHS))).mean(axis=0)
    return np.asarray(MIN_SHARES + (1 - MIN_SHARES.sum()) * likely)


def _come(weeks: Weeks, shares: Floats, rng: np.random.Generator) -> Seen:
    """Return what a week's customers will turn out to have earned."""
    customers = weeks.customers * shares
    spread = np.sqrt(weeks.variances * customers) * rng.standard_normal(shares.shape)
    return Seen(customers, customers * weeks.effects + spread)


def _chosen(weeks: Weeks, feedback: int, rng: np.random.Generator) -> Floats:
    """Return what is earned where arms are alike for some weeks, and later all but the control get what likely pays."""
    alike = np.full(weeks.effects.shape, 1 / len(DEPTHS))
    seen = _come(Weeks(weeks.effects, weeks.variances, TEST * weeks.customers), alike, rng)
    effects = seen.means - seen.means[:, :1]
    errors = np.sqrt((weeks.variances + weeks.variances[:, :1]) / seen.customers)
    pays = np.where(effects - PAYS * errors > 0, effects, 0.0)
    chosen = np.take_along_axis(weeks.effects, pays.argmax(axis=1)[:, None], axis=1)[:, 0]
    left = max(WEEKS - TEST - feedback, 0)
    gained = TEST * weeks.effects.mean(axis=1) + left * (1 - MIN_SHARES[0]) * chosen
    return np.asarray(gained / WEEKS)
