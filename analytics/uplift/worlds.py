"""
Simulated shops in which offers of several depths are tried: what each would truly earn is known.

There are four kinds of customers, as in the literature on uplift: sure things buy anyway and take the offer along;
persuadables buy because of it; promotion lovers mostly buy now what they would have bought later (pull-forward); sleeping
dogs are put off. Of those who can be moved, a depth d moves the share 1 - exp(-d / tau). An experiment draws each customer of
each arm: whether they buy in the campaign, how often later, and how large their baskets are, which makes a long right tail.

What real experiments suffer from can be added to them: codes that get around, arms that are exposed in different seasons, baskets
of a far heavier tail, and orders that come back only after the experiment was read.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytics.uplift.panel import Floats, Places

DEPTHS = (0.0, 2.0, 5.0, 10.0)  # in units of the currency; 0 is no offer
SEGMENTS = ("sure things", "persuadables", "promotion lovers", "sleeping dogs")
LATER = np.arange(6)  # orders after the campaign, within the long window
SIZES, SIZE_SHARES = np.array([0.5, 1.0, 2.25]), np.array([0.5, 0.3, 0.2])  # of a customer's baskets, 1 in the mean
# The same of a log-normal (sigma 1.2), cut into groups of customers, the last the largest of a thousand; 1 in the mean.
HEAVY = np.array([0.0844, 0.1977, 0.3344, 0.5295, 0.8514, 1.5526, 4.4256, 29.3664])
HEAVY_SHARES = np.array([0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.099, 0.001])
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
    :param returned: of the orders that an offer moved, those that come back when its experiment was read already
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
    returned: float = 0.0

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
        back = (
            self.returned * self.movable[..., None] * self.moved
        )  # a pulled one as well is bought neither now nor later
        gained = (self.movable * (1 - self.pulled) - self.put_off)[..., None] * self.moved - back
        sent = np.where(np.array(DEPTHS) > 0, self.message, 0.0)
        effects: Floats = self.margin[:, None, None] * gained - self.cost * (self.taken - back) - sent
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


def with_returns(worlds: Worlds, returned: float) -> Worlds:
    """Return the same worlds, in which so many of the orders that offers move come back when nobody looks any more."""
    return replace(worlds, returned=returned)


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


@dataclass(frozen=True)
class Trouble:
    """
    What disturbs an experiment; nothing as usual.

    :param shared: of the customers of the control, who use the deepest offer all the same, with somebody else's code
    :param season: how far apart the arms' own seasons are: the deviation of how often they buy in any case, as a share
    :param is_heavy: whether baskets have a log-normal's tail
    """

    shared: float = 0.0
    season: float = 0.0
    is_heavy: bool = False


NONE = Trouble()


def draw_experiments(worlds: Worlds, per_arm: int, rng: np.random.Generator, trouble: Trouble = NONE) -> Drawn:
    """Return one experiment in each world, with as many customers in each arm, over all segments."""
    shares = np.repeat(worlds.shares[:, None, :], len(DEPTHS), axis=1)
    customers = rng.multinomial(per_arm, shares).transpose(0, 2, 1)  # W x S x D
    sizes, size_shares = (HEAVY, HEAVY_SHARES) if trouble.is_heavy else (SIZES, SIZE_SHARES)
    season = np.ones((len(worlds), 1, len(DEPTHS)))
    if trouble.season:
        season = np.clip(1 + trouble.season * rng.standard_normal(season.shape), 0.5, 1.5)
    kinds = _kinds(worlds, season, size_shares)
    crossed = np.zeros_like(customers)
    if trouble.shared:
        crossed[..., 0] = rng.binomial(customers[..., 0], trouble.shared)
    own = rng.multinomial(customers - crossed, kinds).astype(np.float64)
    seen = _told(worlds, (customers - crossed).astype(np.float64), own, worlds.cost, sizes)
    if not trouble.shared:
        return seen
    deepest = np.repeat(kinds[..., -1:, :], len(DEPTHS), axis=2)
    theirs = rng.multinomial(crossed, deepest).astype(np.float64)
    costs = np.full(len(DEPTHS), worlds.cost[-1])
    return _together(seen, _told(worlds, crossed.astype(np.float64), theirs, costs, sizes))


def _together(one: Drawn, other: Drawn) -> Drawn:
    """Return what two parts of the same arms show together."""
    n = np.maximum(one.customers + other.customers, 1)
    share = other.customers / n

    def mean(name: str) -> Floats:
        mixed: Floats = getattr(one, name) * (1 - share) + getattr(other, name) * share
        return mixed

    apart = np.square(one.means - other.means) * share * (1 - share)
    return Drawn(n, mean("means"), mean("variances") + apart, mean("campaign"), mean("responses"))


def _kinds(worlds: Worlds, season: Floats, size_shares: Floats) -> Floats:
    """Return how likely each kind of customer's history is, W x S x D x kinds (what in the campaign, later orders, size)."""
    moved = worlds.moved
    base, put_off = worlds.base[..., None] * season, worlds.put_off[..., None]
    movable, pulled = worlds.movable[..., None], worlds.pulled[..., None]
    takes = base - put_off * moved + movable * (1 - pulled) * moved
    pulls = movable * pulled * moved
    waits = movable * pulled * (1 - moved)
    campaign = np.stack([takes, pulls, waits, 1 - takes - pulls - waits], axis=-1)
    rates = (worlds.later[..., None] * season)[..., None]
    poisson = np.exp(-rates) * rates**LATER / np.array([1, 1, 2, 6, 24, 120])
    poisson /= poisson.sum(axis=-1, keepdims=True)
    kinds = campaign[..., :, None, None] * poisson[:, :, :, None, :, None] * size_shares
    flat = kinds.reshape(*kinds.shape[:3], -1)
    likely: Floats = flat / flat.sum(axis=-1, keepdims=True)
    return likely


def _told(worlds: Worlds, customers: Floats, counts: Floats, costs: Floats, sizes: Floats) -> Drawn:
    """Return means and variances over histories: takes and pulls buy in the campaign, waits buys once more later."""
    in_campaign = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * sizes + 0 * LATER[None, :, None]
    orders = (np.array([1.0, 1.0, 1.0, 0.0])[:, None, None] + LATER[None, :, None]) * sizes
    redeems = (np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] + 0 * LATER[None, :, None] + 0 * sizes).ravel()
    sent = np.where(np.array(DEPTHS) > 0, worlds.message, 0.0)
    n = np.maximum(customers, 1.0)
    margin = worlds.margin[:, None, None]
    cost = np.broadcast_to(costs, customers.shape)
    bought, first = orders.ravel(), in_campaign.ravel()
    buys, responses = counts @ bought, counts @ redeems
    squares = margin**2 * (counts @ bought**2) - 2 * margin * cost * (counts @ (bought * redeems)) + cost**2 * responses
    means = (margin * buys - cost * responses) / n
    variances = (squares - n * means**2) / np.maximum(n - 1, 1)
    campaign = (margin * (counts @ first) - cost * responses) / n
    return Drawn(customers, means - sent, variances, campaign, responses / n)
