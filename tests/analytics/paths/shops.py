"""A shop whose customers come, look, fill carts and order, written as in `v1 w1 c2 o3`: a kind and a day of March 2026."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from customers.facts import InteractionFact, ReturnFact, ReturnLineFact
from customers.models import Order, Retailer
from customers.recording import record_interactions, record_orders, record_returns
from tests import make

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 20, tzinfo=UTC)
KINDS = {
    "v": "visit", "w": "product_view", "c": "cart_abandoned", "s": "support", "q": "csat", "n": "nps", "r": "review",
}  # fmt: skip


def at(day: float, hours: float = 0) -> datetime:
    return BEGIN + timedelta(days=day, hours=hours)


def journeys(owner: Retailer, said: dict[str, str], *, channel: str = "", score: int | None = None) -> None:
    """Record what customers did; a day may have a fraction, `q3:2` is an answer of 2."""
    interactions, orders = [], []
    for who, facts in said.items():
        for fact in facts.split():
            kind, _sep, answer = fact[1:].partition(":")
            when = at(float(kind))
            if fact[0] == "o":
                orders.append(make.order(who, "100.00", at=when))
            else:
                interactions.append(
                    InteractionFact(
                        make.number("i"),
                        who,
                        KINDS[fact[0]],
                        when,
                        channel=channel,
                        score=int(answer) if answer else None,
                    )
                )
    record_orders(owner, orders, now=NOW)
    record_interactions(owner, interactions, now=NOW)


def brings_back(owner: Retailer, who: str, day: float, quantity: str = "1") -> None:
    number = Order.objects.get(retailer=owner, customer__external_id=who).number
    line = ReturnLineFact(Decimal(quantity), position=1)
    record_returns(owner, [ReturnFact(make.number("r"), number, at(day), (line,))], now=NOW)
