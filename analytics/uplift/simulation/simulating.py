"""A retailer's past drawn whole: the same customers and the same orders whatever the effect, but for what it adds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics.uplift.panel import NOBODY, Flags, Floats, Orders, Panel
from analytics.uplift.simulation.columns import customers_of, stack_customers, stack_orders
from analytics.uplift.simulation.designs import Design
from analytics.uplift.simulation.holding_out import Arms, Holdout, draw_buckets, is_held_out
from analytics.uplift.simulation.joining import Joining, draw_joining
from analytics.uplift.simulation.shopping import (
    MONTH,
    RESERVE,
    SECONDS,
    Candidates,
    People,
    draw_candidates,
    draw_people,
)

FIRST = (date(2024, 1, 1) - date(1970, 1, 1)).days
MIN_EFFECT, MAX_EFFECT = -0.9, 0.5  # there are candidates for no larger effect
BLOCK = 50_000  # customers drawn at once: memory stays that of the orders


@dataclass(frozen=True)
class Truth:
    """
    What is true of a simulated retailer, and no retailer can know.

    :param effect: the share by which joining raises what a member spends, from the order at which they joined on:
        the orders a month by sqrt(1 + effect) - 1 and the worth of each by as much
    :param design: how the customers buy and why they join
    """

    effect: float
    design: Design


@dataclass(frozen=True)
class Simulated:
    """A retailer's past, the truth about it, and the arms of its hold-out, where there is one."""

    panel: Panel
    truth: Truth
    arms: Arms | None = None


@dataclass(frozen=True)
class _World:
    """What is the same for all customers."""

    design: Design
    months: int
    effect: float
    margin_rate: float
    holdout: Holdout | None
    first: int

    @property
    def days(self) -> int:
        return int(np.ceil(self.months * MONTH))


@dataclass(frozen=True)
class _Block:
    """Some customers, from place `start` on, the orders that they could make, and who would join."""

    start: int
    people: People
    orders: Candidates
    joins: Joining


def simulate(  # noqa: PLR0913 - each is a thing to vary on its own
    design: Design,
    *,
    customers: int = 5_000,
    months: int = 24,
    effect: float = 0.07,
    seed: int,
    margin_rate: float = 0.3,
    holdout: Holdout | None = None,
    first: int = FIRST,
) -> Simulated:
    """
    Draw a retailer's past.

    With one seed the customers, their orders without the effect, and who joins when if asked are the same whatever the
    effect and the hold-out: two panels of one seed are the same people in two worlds.

    :param months: of 365.25 / 12 days, from `first` (days since 1970-01-01) on
    :param effect: .07 is 7 % more; between -.9 and .5
    :param margin_rate: the mean share of an order's value that is margin
    :raises ValueError: where it would be of nobody or of no time, or where there are no candidates for the effect
    """
    _require_drawable(customers, months, effect)
    world = _World(design, months, effect, margin_rate, holdout, first)
    buckets = draw_buckets(holdout, customers)
    held_out = is_held_out(holdout, buckets)
    people, orders, benefits = [], [], []
    for block in _blocks(world, customers, seed):
        joined, given = _memberships(world, block, held_out[block.start : block.start + BLOCK])
        people.append(customers_of(block.people, joined, block.joins.spent))
        orders.append(_orders(world, block, joined, given))
        benefits.append(given)
    arms = Arms(buckets, held_out, np.concatenate(benefits)) if holdout else None
    panel = Panel(stack_customers(people), stack_orders(orders), first, first + world.days - 1)
    return Simulated(panel, Truth(effect, design), arms)


def _require_drawable(customers: int, months: int, effect: float) -> None:
    if customers < 1 or months < 1:
        raise ValueError(f"a past has at least one customer and one month, not {customers} and {months}")
    if not MIN_EFFECT <= effect <= MAX_EFFECT:
        raise ValueError(f"an effect is from {MIN_EFFECT} to {MAX_EFFECT}, not {effect}")


def _blocks(world: _World, customers: int, seed: int) -> Iterator[_Block]:
    """Draw customers, the orders they could make and when each joins; the intercept is that of the first block."""
    starts = range(0, customers, BLOCK)
    base: float | None = None
    for start, child in zip(starts, np.random.SeedSequence(seed).spawn(len(starts)), strict=True):
        rng = np.random.default_rng(child)
        people = draw_people(world.design, min(BLOCK, customers - start), world.months, rng)
        orders = draw_candidates(world.design, people, world.months, world.first, rng)
        joins = draw_joining(world.design, people, orders, base, rng)
        base = joins.intercept
        yield _Block(start, people, orders, joins)


def _memberships(world: _World, block: _Block, held_out: Flags) -> tuple[Floats, Floats]:
    """Return since which second each is a member, and since which each has benefits; NaN for never."""
    joins, holdout = block.joins, world.holdout
    joined = np.where(joins.order >= 0, block.orders.seconds[joins.order] + joins.delay, np.nan)
    joined[joined >= (world.first + world.days) * SECONDS] = np.nan
    if holdout is None:
        return joined, joined
    without = np.where(held_out & (joins.crossing >= holdout.crossing), np.nan, joined)
    return (without if holdout.form == "not_invited" else joined), without


def _orders(world: _World, block: _Block, joined: Floats, benefits: Floats) -> Orders:
    """Let membership act on a block's candidates: which orders are made, what each is worth, what links it."""
    design, could = world.design, block.orders
    owner = could.customer
    factor = np.where(could.seconds > benefits[owner], np.sqrt(1 + world.effect), 1.0)  # no second is after NaN
    made = could.mark < factor / RESERVE
    value = np.round(could.value * factor, 2)
    member = could.seconds >= joined[owner]
    guest = could.linking < design.guests
    weak = ~guest & (could.linking < design.guests + design.weak)
    return Orders(
        np.where(guest | (weak & ~member), NOBODY, owner + block.start).astype(np.int32)[made],
        could.day[made],
        could.seconds[made],
        value[made],
        np.round(value * world.margin_rate * could.share, 2)[made],
        (weak & member)[made],
    )
