"""Who becomes a member at which order, by the reason of the design."""

from dataclasses import dataclass

import numpy as np

from analytics.uplift.panel import Flags, Floats, Places
from analytics.uplift.simulation.designs import Design
from analytics.uplift.simulation.shopping import BURST, MONTH, RESERVE, SECONDS, TYPICAL, Candidates, People, need_at

ADVERTISED = 11.0  # months for which enrolment is advertised
HISTORY, YEAR = 90 / MONTH, 12.0
STEPS = 40


@dataclass(frozen=True)
class Joining:
    """
    Who would join when asked, a row per customer.

    :param order: the place of the order at which they join, -1 for never
    :param delay: seconds from that order to the joining
    :param spent: in the year before it
    :param crossing: a mark of 0 to 1 that decides who does not keep to an assignment
    """

    order: Places
    delay: Floats
    spent: Floats
    crossing: Floats
    intercept: float


def draw_joining(
    design: Design, people: People, orders: Candidates, base: float | None, rng: np.random.Generator
) -> Joining:
    """
    Draw who joins at which of the orders that are made without any effect.

    :param base: the intercept, where it is known; otherwise that with which `design.joining` of these customers join
    """
    size = len(people.rate)
    places = np.flatnonzero((orders.mark < 1 / RESERVE) & (orders.linking >= design.guests))
    mine = orders.at(places)
    score = opening(design, mine.month) + design.strength * reason_at(design, people, mine)
    if base is None:
        base = intercept(score, mine.customer, size, design.joining)
    taken = rng.random(len(mine)) < 1 / (1 + np.exp(-(score + base)))
    found = first_taken(taken, mine.customer, size)
    spent = spent_before(mine, YEAR)[found] if len(mine) else np.zeros(size)
    order = np.where(found >= 0, places[found], -1) if len(mine) else found
    delayed = rng.random(size) < design.between_orders
    delay = np.where(delayed, np.floor((1 + 9 * rng.random(size)) * SECONDS), 0.0)
    return Joining(order.astype(np.int32), delay, spent, rng.random(size), base)


def reason_at(design: Design, people: People, orders: Candidates) -> Floats:
    """Return the reason to join at each order, as the design's formula has it."""
    customer = orders.customer
    if design.reason == "traits":
        return np.asarray(people.channel[customer] + 0.5 * (people.region[customer] == 1), dtype=np.float64)
    if design.reason == "past_spend":
        return np.log1p(spent_before(orders, HISTORY) / TYPICAL)
    if design.reason == "latent":
        liking: Floats = np.log(people.rate) + people.worth
        return np.asarray((liking - liking.mean()) / (liking.std() or 1.0))[customer]  # one alone is like the others
    if design.reason == "spike":
        since = (orders.month[:, None] - people.bursts[customer]) * MONTH
        return np.asarray(np.any((since >= BURST - 2) & (since < BURST + 7), axis=1), dtype=np.float64)
    if design.reason == "checkout":
        return np.log(np.maximum(orders.value, 1.0)) - people.worth[customer]
    return need_at(people, customer, orders.month)


def spent_before(orders: Candidates, length: float) -> Floats:
    """Return what each order's customer spent in so many months before it, the order itself not counted."""
    span = float(orders.month.max(initial=0.0)) + length + 1.0
    keys = orders.customer * span + orders.month
    sums = np.concatenate([[0.0], np.cumsum(orders.value)])
    start = np.searchsorted(keys, np.maximum(keys - length, orders.customer * span))
    spent: Floats = sums[np.arange(len(keys))] - sums[start]
    return spent


def opening(design: Design, month: Floats) -> Floats:
    """Return the logit's part of time: advertised more and more, then as in the beginning; -inf before enrolment opens."""
    since = month - design.opens
    return np.where(since >= 0, np.where(since < ADVERTISED, design.advertising * since, 0.0), -np.inf)


def intercept(score: Floats, customer: Places, size: int, joining: float) -> float:
    """Return the intercept with which a share of the customers is expected to join, by halving."""
    low, high = -15.0, 10.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        stays = np.bincount(customer, np.logaddexp(0.0, score + middle), minlength=size)  # -log of not joining
        joins = float(np.mean(-np.expm1(-stays)))
        low, high = (middle, high) if joins < joining else (low, middle)
    return (low + high) / 2


def first_taken(taken: Flags, customer: Places, size: int) -> Places:
    """Return each customer's first place where an occasion is taken, -1 without one; places ascend by customer."""
    found = np.full(size, -1, dtype=np.int32)
    places = np.flatnonzero(taken)[::-1].astype(np.int32)
    found[customer[places]] = places
    return found
