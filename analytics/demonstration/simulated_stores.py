"""
The demo's fourth retailer: drawn, so that what a program brings that began in some stores is known, and can be judged.

Chance drew the stores. All sell by their size, one season, a growth of their own, and what a month brings, which the next one
remembers; with the program they sell so much more. Each order stands for a week of a store.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from analytics.demonstration.halving import AUTHOR
from analytics.roll_outs.running import Asked, ask, latest, run_next
from analytics.uplift.panel import Floats
from customers.core.calendar import add_months
from customers.facts import OrderFact, line_of
from customers.models import Order, Retailer
from customers.recording import record_orders

SLUG = "simulated-stores"
NAME = "Simulated roll-out, true effect known / Déploiement simulé, effet vrai connu"  # in both languages, as the other ones'
STORES, WITH_IT = 32, 8
BEFORE, AFTER = 18, 6  # months
EFFECT = 0.08
MEAN = 50_000.0  # a store and month
SIZES, SEASON, GROWTH, NOISE, REMEMBERED = 0.5, 0.15, 0.002, 0.03, 0.4
WEEKS = (4, 11, 18, 25)  # the days of a month on which they are recorded
PLACEBOS = 100  # half as many as usual, so that the demo does not wait for them
SEED = 20_260_103
STORE, NUMBER = "store-{:02}", "R-{:02}-{:02}-{}"


def load(*, now: datetime) -> Retailer:
    """Record a retailer whose program began in some stores half a year ago, and judge that; again changes nothing."""
    retailer, _is_new = Retailer.objects.get_or_create(slug=SLUG, defaults={
        "name": NAME, "currency": "EUR", "zone": "UTC", "language": Retailer.Language.ENGLISH,
    })  # fmt: skip
    if latest(retailer) is None:
        sold, with_it = drawn()
        first = _first_month(retailer, now)
        record_orders(retailer, list(_orders(sold, first)), now=now, are_decided=True)
        stores = [STORE.format(place) for place in with_it]
        ask(retailer, Asked(stores, add_months(first, BEFORE), draws=PLACEBOS), author=AUTHOR, now=now)
    while run_next(retailer):
        pass
    return retailer


def drawn() -> tuple[Floats, list[int]]:
    """Return what each store sold in each month, and which had the program: the same each time."""
    rng = np.random.default_rng(SEED)
    months = np.arange(BEFORE + AFTER)
    size = rng.lognormal(-(SIZES**2) / 2, SIZES, (STORES, 1))
    growth = 1 + GROWTH * rng.standard_normal((STORES, 1)) * months
    season = 1 + SEASON * np.sin(2 * np.pi * months / 12)
    noise = np.zeros((STORES, len(months)))
    for month in months:
        noise[:, month] = REMEMBERED * noise[:, month - 1] + NOISE * rng.standard_normal(STORES)
    with_it = np.sort(rng.choice(STORES, WITH_IT, replace=False))
    sold = MEAN * size * season * (growth + noise)
    sold[with_it, BEFORE:] *= 1 + EFFECT
    return sold, [int(place) for place in with_it]


def _first_month(retailer: Retailer, now: datetime) -> date:
    """Return the month with which the past begins: so that it ends with the last whole one, or as the first run had it."""
    known = Order.objects.filter(retailer=retailer).order_by("occurred_at").first()
    if known is not None:
        return known.local_date.replace(day=1)
    return add_months(now.astimezone(UTC).date().replace(day=1), -BEFORE - AFTER)


def _orders(sold: Floats, first: date) -> Iterator[OrderFact]:
    for store, month in np.ndindex(sold.shape):
        amount = Decimal(f"{sold[store, month] / len(WEEKS):.2f}")
        for day in WEEKS:
            on = add_months(first, month).replace(day=day)
            line = line_of(sku="week", quantity=Decimal(1), net_amount=amount)
            at = datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
            yield OrderFact(NUMBER.format(store, month, day), at, (line,), store=STORE.format(store), channel="store")
