"""A simulated past as a panel's columns: customers with their groups, and the orders of all blocks in the panel's order."""

from collections.abc import Sequence

import numpy as np

from analytics.uplift.panel import NEVER, NOBODY, Customers, Floats, Group, Orders
from analytics.uplift.simulation.shopping import SECONDS, People

CHANNELS = ("store", "web")
REGIONS = ("north", "centre", "south")
TIERS = ("bronze", "silver", "gold")
TIERS_FROM = (400.0, 900.0)  # spent in the year before joining


def customers_of(people: People, joined: Floats, spent: Floats) -> Customers:
    """
    Return customers as columns, the first channel their stratum.

    :param joined: the second, NaN for never
    :param spent: in the year before joining, by which members have their tier
    """
    member = ~np.isnan(joined)
    day = np.full(len(joined), NEVER, dtype=np.int32)
    day[member] = np.floor(joined[member] / SECONDS)
    tier = np.where(member, np.searchsorted(TIERS_FROM, spent, side="right"), -1).astype(np.int32)
    groups = {
        "channel": Group(CHANNELS, people.channel), "region": Group(REGIONS, people.region), "tier": Group(TIERS, tier)
    }  # fmt: skip
    return Customers(day, joined, people.channel, groups)


def stack_customers(blocks: Sequence[Customers]) -> Customers:
    """Return the customers of all blocks, one after another."""
    groups = {
        name: Group(group.labels, np.concatenate([block.groups[name].places for block in blocks]))
        for name, group in blocks[0].groups.items()
    }
    return Customers(
        np.concatenate([block.joined for block in blocks]), np.concatenate([block.seconds for block in blocks]),
        np.concatenate([block.stratum for block in blocks]), groups,
    )  # fmt: skip


def stack_orders(blocks: Sequence[Orders]) -> Orders:
    """Return the orders of all blocks: the unlinked first by instant, then by customer and instant as they come."""
    customer = np.concatenate([block.customer for block in blocks])
    seconds = np.concatenate([block.seconds for block in blocks])
    unlinked, linked = np.flatnonzero(customer == NOBODY), np.flatnonzero(customer != NOBODY)
    order = np.concatenate([unlinked[np.argsort(seconds[unlinked], kind="stable")], linked])
    return Orders(
        customer[order], np.concatenate([block.day for block in blocks])[order], seconds[order],
        np.concatenate([block.value for block in blocks])[order], np.concatenate([block.margin for block in blocks])[order],
        np.concatenate([block.membership_only for block in blocks])[order],
    )  # fmt: skip
