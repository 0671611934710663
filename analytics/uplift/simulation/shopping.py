"""Orders that customers would make: a stream of candidates, of which membership and its effect choose."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import Days, Flags, Floats, Places
from analytics.uplift.simulation.designs import Design

MONTH = 365.25 / 12
SECONDS = 86_400
OPENING, OPEN_HOURS = 8, 12
RESERVE = 1.25  # candidates per order without effect: room for what members order more
NEED_RAMP = 3.0  # months
BURST = 20.0  # days
BURSTS, BURST_ORDERS = 2, 2.2  # per customer over the whole time; mean orders in each
VALUE_SPREAD = 0.5
TYPICAL = 40.0
WEB = 0.4  # the share of customers who order there


@dataclass(frozen=True)
class People:
    """What customers are like, as columns: orders a month, log worth, channel, region, months of coming, leaving and need."""

    rate: Floats
    worth: Floats
    channel: Places
    region: Places
    comes: Floats
    leaves: Floats
    need: Floats
    phase: Floats
    period: Floats
    bursts: Floats  # (customers, BURSTS), the months in which they begin


@dataclass(frozen=True)
class Candidates:
    """
    Orders as columns, by customer and instant: `mark` (0 to 1) decides in which world each is made.

    :param month: when, in months since the beginning
    :param seconds: the same as whole seconds since 1970
    :param linking: a mark of 0 to 1 that decides how the order can be linked
    """

    customer: Places
    month: Floats
    day: Days
    seconds: Floats
    value: Floats
    share: Floats  # of margin in the value
    mark: Floats
    linking: Floats

    def __len__(self) -> int:
        return len(self.customer)

    def at(self, places: NDArray[np.intp]) -> "Candidates":
        """Return some of them."""
        return Candidates(**{each.name: getattr(self, each.name)[places] for each in fields(self)})


def draw_people(design: Design, size: int, months: int, rng: np.random.Generator) -> People:
    """Draw what customers are like."""
    late = rng.random(size) < design.newcomers  # the others were customers before the time that is looked at
    comes = np.where(late, rng.random(size) * months * 0.6, 0.0)
    return People(
        rate=design.orders * rng.gamma(design.evenness, 1.0 / design.evenness, size),
        worth=np.log(TYPICAL) + 0.4 * rng.standard_normal(size),
        channel=(rng.random(size) < WEB).astype(np.int32),
        region=rng.integers(0, 3, size).astype(np.int32),
        comes=comes,
        leaves=comes + rng.exponential(1.0 / design.leaving, size),
        need=rng.random(size) * months * 1.4,  # for some only after the end
        phase=rng.random(size) * 2 * np.pi,
        period=12.0 + 8.0 * rng.random(size),
        bursts=np.sort(rng.random((size, BURSTS)) * months, axis=1),
    )


def need_at(people: People, customer: Places, month: Floats) -> Floats:
    """Return the level of the unseen need, 0 to 1."""
    return np.clip((month - people.need[customer]) / NEED_RAMP, 0.0, 1.0)


def draw_candidates(design: Design, people: People, months: int, first: int, rng: np.random.Generator) -> Candidates:
    """Draw all orders that could be made, in the order of customer and instant."""
    customer, month = _regular(design, people, months, rng)
    if design.reason == "spike":
        more, at = _bursts(people, months, rng)
        customer, month = np.concatenate([customer, more]), np.concatenate([month, at])
    order = np.lexsort((month, customer))
    customer, month = customer[order], month[order]
    size = len(customer)
    at_day = month * MONTH
    day = np.floor(at_day)
    seconds = (first + day) * SECONDS + np.floor((OPENING + OPEN_HOURS * (at_day - day)) * 3600)
    kept = np.where(rng.random(size) < design.returns, 0.7 * rng.random(size), 1.0)
    value = np.exp(people.worth[customer] + VALUE_SPREAD * rng.standard_normal(size)) * kept
    return Candidates(
        customer=customer, month=month, day=(first + day).astype(np.int32), seconds=seconds, value=value,
        share=np.clip(1.0 + 0.15 * rng.standard_normal(size), 0.2, 2.0), mark=rng.random(size), linking=rng.random(size),
    )  # fmt: skip


def _regular(design: Design, people: People, months: int, rng: np.random.Generator) -> tuple[Places, Floats]:
    """Draw the orders of the intensity: those of its highest value, thinned."""
    size = len(people.rate)
    trends = np.asarray(design.trends)
    highest = (1 + design.season) * (1 + design.wobble) * (1 + design.need_lift)
    highest *= max(1.0, float(trends.max())) ** (months / 12)
    counts = rng.poisson(people.rate * months * highest * RESERVE)
    customer = np.repeat(np.arange(size, dtype=np.int32), counts)
    month = rng.random(len(customer)) * months
    intensity = 1 + design.season * np.cos(2 * np.pi * (month - 11) / 12)
    intensity *= trends[people.channel[customer]] ** (month / 12)
    intensity *= 1 + design.wobble * np.sin(people.phase[customer] + 2 * np.pi * month / people.period[customer])
    if design.need_lift:
        intensity *= 1 + design.need_lift * need_at(people, customer, month)
    here: Flags = (month >= people.comes[customer]) & (month < people.leaves[customer])
    taken = here & (rng.random(len(customer)) * highest < intensity)
    return customer[taken], month[taken]


def _bursts(people: People, months: int, rng: np.random.Generator) -> tuple[Places, Floats]:
    """Draw the orders of the bursts."""
    begins = people.bursts.ravel()
    owner = np.repeat(np.arange(len(people.rate), dtype=np.int32), BURSTS)
    counts = rng.poisson(BURST_ORDERS * RESERVE, len(begins))
    customer, begin = np.repeat(owner, counts), np.repeat(begins, counts)
    month = begin + rng.random(len(begin)) * BURST / MONTH
    here = (month < months) & (month >= people.comes[customer]) & (month < people.leaves[customer])
    return customer[here], month[here]
