"""A shop whose customers have habits, recorded as a till would."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from customers.facts import LineFact, OrderFact
from customers.models import Consent, Customer, Retailer
from customers.recording import record_orders
from customers.registration import record_consent
from tests import make
from tests.make import NOON

WEEKS = 16
WEEK = timedelta(days=7)
OWN = 30  # products of which each customer has one of its own


def habitual(customers: int = 60, *, allowing: int | None = None, weeks: int = WEEKS) -> Retailer:
    """
    Return a retailer whose customers each buy a product of their own every week, with bread and fuel; butter goes with bread.

    :param allowing: how many of them allow a profile; all if None
    """
    retailer = make.retailer()
    facts = [
        OrderFact(
            number=f"{who}-{week}", customer=name(who), occurred_at=NOON - WEEK * week - timedelta(hours=who % 5),
            lines=tuple(_lines(who, week)),
        )
        for week in range(weeks) for who in range(customers)
    ]  # fmt: skip
    record_orders(retailer, facts, now=NOON, are_decided=True)
    for who in range(customers if allowing is None else allowing):
        profile(retailer, name(who))
    return retailer


def name(who: int) -> str:
    return f"c{who:03}"


def _lines(who: int, week: int) -> Iterable[LineFact]:
    yield line(f"P{who % OWN:02}", "DAIRY")
    yield line("FUEL", "FUEL")
    if week % 4 == who % 4:
        yield line("BREAD", "BAKERY")
        if who % 2:
            yield line("BUTTER", "DAIRY")


def line(sku: str, category: str, *, amount: str = "2", cost: str | None = None) -> LineFact:
    return LineFact(
        sku=sku, quantity=Decimal(1), net_amount=Decimal(amount), unit_price=Decimal(amount), category=category,
        unit_cost=None if cost is None else Decimal(cost),
    )  # fmt: skip


def profile(retailer: Retailer, who: str, *, granted: bool = True, at: datetime = NOON) -> None:
    """Let a customer allow a profile, or forbid it."""
    customer = Customer.objects.get(retailer=retailer, external_id=who)
    record_consent(customer, Consent.Purpose.PROFILING, granted=granted, occurred_at=at, source="till", now=at)
