"""A simulated retailer in the database: the panel's orders and enrolments as its systems would have reported them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from analytics.uplift.panel import NEVER, NOBODY, Panel
from analytics.uplift.simulation import designs
from analytics.uplift.simulation.simulating import simulate
from customers.core import bulk
from customers.importing.running import ANALYSE
from customers.models import Customer, Retailer
from customers.recording import record_orders
from loyalty.memberships.enrolment import open_memberships
from loyalty.programs.models import Program
from tests import make

BATCH = 5_000


def panel_of(**given: Any) -> Panel:
    """Return a small past in which customers join for what they are."""
    return simulate(designs.TRAITS, **({"customers": 300, "months": 20, "seed": 5} | given)).panel


def club_of(panel: Panel, *, now: datetime, **given: Any) -> Program:
    """Return a program whose retailer reported a panel."""
    owner = make.retailer(**({"name": "Épicerie du Port"} | given))
    club = make.program(owner, since=datetime(2020, 1, 1, tzinfo=UTC))
    record(owner, panel, now)
    enrol(club, panel, now)
    return club


def record(owner: Retailer, panel: Panel, now: datetime) -> None:
    orders = panel.orders
    channel = panel.customers.groups["channel"]
    facts = [
        make.order(
            None if who == NOBODY else f"c{who}", f"{value:.2f}", at=datetime.fromtimestamp(seconds, UTC), name=f"O{place}",
            channel="" if who == NOBODY else channel.labels[channel.places[who]], identified_by="card" if only else "email",
        )
        for place, (who, seconds, value, only) in enumerate(
            columns(orders.customer, orders.seconds, orders.value, orders.membership_only)
        )
    ]  # fmt: skip
    for first in range(0, len(facts), BATCH):
        record_orders(owner, facts[first : first + BATCH], now=now, are_decided=True)
    # In a database in which tests come and go these tables seem empty, and each line's order is looked up in the wrong index.
    bulk.fetch(ANALYSE)


def columns(*arrays: Any) -> Sequence[tuple[Any, ...]]:
    return list(zip(*(array.tolist() for array in arrays), strict=True))


def enrol(club: Program, panel: Panel, now: datetime) -> None:
    members = np.flatnonzero(panel.customers.joined != NEVER)
    known = dict(Customer.objects.filter(retailer=club.retailer).values_list("external_id", "pk"))
    joined = {who: datetime.fromtimestamp(panel.customers.seconds[who], UTC) for who in members.tolist()}
    found = [(known[f"c{who}"], at) for who, at in joined.items() if f"c{who}" in known]
    open_memberships(club, found, source="test", now=now)
    bulk.execute("DELETE FROM customers_undecidedfact")
