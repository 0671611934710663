"""Shops with an experiment: customers who bought before it, and what they buy once it runs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.experiments.reading import Read, read
from customers.facts import LineFact, OrderFact, line_of
from customers.models import Customer, Retailer
from customers.recording import record_orders
from loyalty.experiments.models import Experiment
from tests import make
from tests.experiments.make_experiments import arm_of, running
from tests.make import START

WINDOW = 28
DAY = timedelta(days=1)
CLOSED = START + 30 * DAY  # those who are exposed at the start were so for long enough
LATER = START + 400 * DAY


def line(amount: str, **given: Any) -> LineFact:
    wanted: dict[str, Any] = {"sku": "A", "quantity": Decimal(1)}
    return line_of(net_amount=Decimal(amount), **(wanted | given))


def bought(
    who: Customer, at: datetime, amount: str = "10.00", *lines: LineFact, now: datetime = LATER, **given: Any
) -> str:
    """Record an order of a customer and return its number."""
    name = make.number("o")
    fact = OrderFact(name, at, lines or (line(amount),), customer=who.external_id, **given)
    record_orders(who.retailer, [fact], now=now)
    return name


def persons(owner: Retailer, count: int) -> list[Customer]:
    return [make.customer(owner, f"c{place}", since=START - 100 * DAY) for place in range(count)]


def experiment(owner: Retailer, **given: Any) -> Experiment:
    """Return a running hold-out, half and half, of revenue in 28 days."""
    plain: dict[str, Any] = {"metric": "revenue", "window_days": WINDOW, "duration_days": 120}
    return running(owner, make.program(owner), **(plain | given))


def in_arm(of: Experiment, code: str) -> list[Customer]:
    return [each for each in Customer.objects.filter(retailer=of.retailer).order_by("pk") if arm_of(of, each) == code]


def seen(of: Experiment, known_at: datetime = LATER) -> Read:
    return read(of, list(of.variants.in_order()), known_at=known_at)


def outcomes(found: Read, place: int) -> list[float]:
    """Return what the units of a variant brought, the least first."""
    return sorted(found.units.outcome[found.units.part == place].tolist())


def crowd(owner: Retailer, of: Callable[[Retailer], Experiment], count: int = 600, gain: int = 4) -> Experiment:
    """
    Return an experiment in which each of many customers bought before it and in it, those who are not held out for more.

    What they spend differs, and who spent much before does again.
    """
    before, after = [], []
    for place in range(count):
        at, amount = START - 5 * DAY, 10 + 3 * (place % 11)
        before.append(OrderFact(f"b{place}", at, (line(f"{amount}.00"),), customer=f"c{place}"))
    record_orders(owner, before, now=START - DAY)
    started = of(owner)
    rows = started.assignments.select_related("variant", "customer")
    treated = {row.customer.external_id for row in rows if not row.variant.is_control}
    for place in range(count):
        name = f"c{place}"
        amount = 10 + 3 * (place % 11) + place % 5 + gain * (name in treated)
        after.append(OrderFact(f"a{place}", START + 3 * DAY, (line(f"{amount}.00"),), customer=name))
    record_orders(owner, after, now=START + 4 * DAY)
    return started
