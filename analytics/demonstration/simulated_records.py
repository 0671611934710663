"""A simulated past recorded: customers by their names, and orders as a till reports them, numbered as they came."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import NOBODY, Panel
from analytics.uplift.simulation.columns import CHANNELS
from customers.core import bulk
from customers.facts import OrderFact, line_of
from customers.importing.running import ANALYSE
from customers.models import Customer, Order, Retailer
from customers.recording import record_orders
from customers.registration import CustomerFact, register

DAY, BATCH = 86_400, 2_000
CUSTOMER, NUMBER = "s{:05}", "S-{:06}"
BEGINNING, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def number_of(place: int) -> str:
    """Return the number of the order that is the so manieth in time."""
    return NUMBER.format(place)


def ids_of(retailer: Retailer) -> dict[int, UUID]:
    """Return the customers' ids by their places in the panel."""
    known = Customer.objects.filter(retailer=retailer).values_list("external_id", "pk")
    return {int(name[1:]): pk for name, pk in known}


def register_all(retailer: Retailer, panel: Panel, *, now: datetime) -> None:
    """Make all customers known, since the first day."""
    since = datetime.fromtimestamp(panel.first * DAY, UTC)
    channels = panel.customers.groups["channel"].places.tolist()
    facts = [
        CustomerFact(CUSTOMER.format(place), acquisition_channel=CHANNELS[channel], identified_at=since)
        for place, channel in enumerate(channels)
    ]
    register(retailer, facts, now=now)


def record(  # noqa: PLR0913 - whose, what, from when to when, when, and who watches
    retailer: Retailer,
    panel: Panel,
    *,
    now: datetime,
    since: datetime = BEGINNING,
    until: datetime = END,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> None:
    """
    Record a panel's orders between two instants, unless all are known; nobody is a member yet, so there is nothing to decide.

    :param on_progress: is told how many of all of the panel's orders are recorded
    """
    order = np.argsort(panel.orders.seconds, kind="stable")
    first, last = np.searchsorted(panel.orders.seconds[order], [since.timestamp(), until.timestamp()]).tolist()
    if Order.objects.filter(retailer=retailer, occurred_at__gte=since, occurred_at__lt=until).count() == last - first:
        return
    for start in range(first, last, BATCH):
        stop = min(start + BATCH, last)
        record_orders(retailer, list(_facts(panel, order, start, stop)), now=now, are_decided=True)
        on_progress(stop, len(order))
    bulk.execute(ANALYSE)  # what reads all of them next must not be planned for empty tables


def _facts(panel: Panel, order: NDArray[np.int64], start: int, stop: int) -> Iterator[OrderFact]:
    """Yield some orders in time: one line each, with its cost."""
    channels, orders = panel.customers.groups["channel"].places, panel.orders
    for place, row in enumerate(order[start:stop].tolist(), start):
        owner, amount = int(orders.customer[row]), Decimal(f"{orders.value[row]:.2f}")
        cost = max(amount - Decimal(f"{orders.margin[row]:.2f}"), Decimal(0))
        linked = owner != NOBODY
        yield OrderFact(
            number=number_of(place),
            occurred_at=datetime.fromtimestamp(orders.seconds[row], UTC),
            lines=(line_of(sku="BASKET", quantity=Decimal(1), net_amount=amount, unit_cost=cost),),
            customer=CUSTOMER.format(owner) if linked else None,
            channel=CHANNELS[channels[owner]] if linked else "",
            identified_by=("card" if orders.membership_only[row] else "account") if linked else "",
        )
