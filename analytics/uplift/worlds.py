"""
Simulated shops in which offers of several depths are tried: what each would truly earn is known.

There are four kinds of customers, as in the literature on uplift: sure things buy anyway and take the offer along;
persuadables buy because of it; promotion lovers mostly buy now what they would have bought later (pull-forward); sleeping
dogs are put off. Of those who can be moved, a depth d moves the share 1 - exp(-d / tau). An experiment draws each customer of
each arm: whether they buy in the campaign, how often later, and how large their baskets are, which makes a long right tail.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.uplift.panel import Floats, Places

DEPTHS = (0.0, 2.0, 5.0, 10.0)  # in units of the currency; 0 is no offer
SEGMENTS = ("sure things", "persuadables", "promotion lovers", "sleeping dogs")
LATER = np.arange(6)  # orders after the campaign, within the long window
SIZES, SIZE_SHARES = np.array([0.5, 1.0, 2.25]), np.array([0.5, 0.3, 0.2])  # of a customer's baskets, 1 in the mean
MESSAGE = 0.05  # what telling a customer of an offer costs


@dataclass(frozen=True)
class Worlds:
    """
    W worlds of S segments and D depths.

    :param shares: of the customers who are of a segment, W x S
    :param margin: of an average order, W
    :param base: who buys in the campaign in any case, W x S
    :param movable: who buys in it if the offer is deep enough, W x S
    :param pulled: of those, who would have bought later, W x S
    :param put_off: of all, who would have bought in it but for an offer, W x S
    :param tau: how deep is deep, W x S
    :param later: orders after the campaign, in the mean, W x S
    :param cost: what a depth costs where it is taken along, D; 0 everywhere in worlds without effect and cost
    """

    shares: Floats
    margin: Floats
    base: Floats
    movable: Floats
    pulled: Floats
    put_off: Floats
    tau: Floats
    later: Floats
    cost: Floats
    message: float = MESSAGE

    def __len__(self) -> int:
        return len(self.margin)

    @property
    def moved(self) -> Floats:
        """The share of the movable that a depth moves, W x S x D."""
        moved: Floats = 1 - np.exp(-np.array(DEPTHS) / self.tau[..., None])
        return moved

    @property
    def taken(self) -> Floats:
        """The share of customers who take an offer along, W x S x D."""
        taken = self.base[..., None] - self.put_off[..., None] * self.moved + self.movable[..., None] * self.moved
        offered: Floats = np.where(np.array(DEPTHS) > 0, taken, 0.0)
        return offered

    @property
    def effects(self) -> Floats:
        """What a depth truly earns per customer over the long window, less its costs, W x S x D."""
        gained = (self.movable * (1 - self.pulled) - self.put_off)[..., None] * self.moved
        sent = np.where(np.array(DEPTHS) > 0, self.message, 0.0)
        effects: Floats = self.margin[:, None, None] * gained - self.cost * self.taken - sent
        return effects

    def gain(self, depth: Places) -> Floats:
        """Return what a roll-out truly earns per customer, W, from the place of each segment's depth, W x S."""
        chosen = np.take_along_axis(self.effects, depth.astype(np.int64)[..., None], axis=-1)[..., 0]
        gained: Floats = (self.shares * chosen).sum(axis=-1)
        return gained


def draw_worlds(count: int, rng: np.random.Generator) -> Worlds:
    """Return worlds in which offers have effects, and costs."""
    of = {
        "base": [(0.10, 0.38), (0.02, 0.08), (0.05, 0.20), (0.05, 0.20)],
        "movable": [(0.00, 0.03), (0.04, 0.23), (0.10, 0.30), (0.00, 0.02)],
        "pulled": [(0.00, 0.20), (0.00, 0.20), (0.40, 0.90), (0.00, 0.20)],
        "put_off": [(0.000, 0.000), (0.000, 0.000), (0.000, 0.000), (0.005, 0.040)],
        "tau": [(1.5, 6.0)] * 4,
        "later": [(0.6, 1.2), (0.1, 0.4), (0.2, 0.7), (0.2, 0.7)],
    }  # fmt: skip
    drawn: dict[str, Any] = {
        name: np.column_stack([rng.uniform(low, high, count) for low, high in ranges]) for name, ranges in of.items()
    }
    return Worlds(rng.dirichlet([3.0] * 4, count), rng.uniform(18, 45, count), cost=np.array(DEPTHS), **drawn)


def without_effect(worlds: Worlds) -> Worlds:
    """Return the same worlds with offers that move nobody and cost nothing."""
    none = np.zeros_like(worlds.base)
    return Worlds(
        worlds.shares,
        worlds.margin,
        worlds.base,
        none,
        none,
        none,
        worlds.tau,
        worlds.later,
        np.zeros(len(DEPTHS)),
        0.0,
    )


@dataclass(frozen=True)
class Drawn:
    """What an experiment shows: customers of each arm, mean and variance of what they earned; each W x S x D."""

    customers: Floats
    means: Floats
    variances: Floats
    campaign: Floats  # the mean of the campaign's own days
    responses: Floats  # the share who bought in the campaign


def draw_experiments(worlds: Worlds, per_arm: int, rng: np.random.Generator) -> Drawn:
    """Return one experiment in each world, with as many customers in each arm, over all segments."""
    shares = np.repeat(worlds.shares[:, None, :], len(DEPTHS), axis=1)
    customers = rng.multinomial(per_arm, shares).transpose(0, 2, 1)  # W x S x D
    of_later = rng.multinomial(customers, _kinds(worlds))
    return _told(worlds, customers.astype(np.float64), of_later.astype(np.float64))


def _kinds(worlds: Worlds) -> Floats:
    """Return how likely each kind of customer's history is, W x S x D x kinds (what in the campaign, later orders, size)."""
    moved = worlds.moved
    base, put_off = worlds.base[..., None], worlds.put_off[..., None]
    movable, pulled = worlds.movable[..., None], worlds.pulled[..., None]
    takes = base - put_off * moved + movable * (1 - pulled) * moved
    pulls = movable * pulled * moved
    waits = movable * pulled * (1 - moved)
    campaign = np.stack([takes, pulls, waits, 1 - takes - pulls - waits], axis=-1)
    rates = worlds.later[..., None]
    poisson = np.exp(-rates) * rates**LATER / np.array([1, 1, 2, 6, 24, 120])
    poisson /= poisson.sum(axis=-1, keepdims=True)
    kinds = campaign[..., :, None, None] * poisson[:, :, None, None, :, None] * SIZE_SHARES
    flat = kinds.reshape(*kinds.shape[:3], -1)
    likely: Floats = flat / flat.sum(axis=-1, keepdims=True)
    return likely


def _told(worlds: Worlds, customers: Floats, counts: Floats) -> Drawn:
    """Return means and variances over histories: takes and pulls buy in the campaign, waits buys once more later."""
    in_campaign = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * SIZES + 0 * LATER[None, :, None]
    orders = (np.array([1.0, 1.0, 1.0, 0.0])[:, None, None] + LATER[None, :, None]) * SIZES
    redeems = (np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] + 0 * LATER[None, :, None] + 0 * SIZES).ravel()
    sent = np.where(np.array(DEPTHS) > 0, worlds.message, 0.0)
    n = np.maximum(customers, 1.0)
    margin = worlds.margin[:, None, None]
    cost = np.broadcast_to(worlds.cost, customers.shape)
    bought, first = orders.ravel(), in_campaign.ravel()
    buys, responses = counts @ bought, counts @ redeems
    squares = margin**2 * (counts @ bought**2) - 2 * margin * cost * (counts @ (bought * redeems)) + cost**2 * responses
    means = (margin * buys - cost * responses) / n
    variances = (squares - n * means**2) / np.maximum(n - 1, 1)
    campaign = (margin * (counts @ first) - cost * responses) / n
    return Drawn(customers, means - sent, variances, campaign, responses / n)
