"""Whatever order facts are told in, a referral comes to what their true sequence gives."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from customers.facts import ReturnFact, ReturnLineFact
from loyalty.activity.intake import take_orders, take_returns
from loyalty.referrals.models import Referral
from tests import make
from tests.make import NOON
from tests.referrals.make_referrals import claims, person, points, program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
AMOUNTS = ("10.00", "29.99", "30.00", "45.00")


@dataclass(frozen=True)
class Told:
    """Something that happened at an instant; `tell` reports it at another one, and not before what it is about."""

    at: datetime
    tell: Callable[..., object]
    after: int | None = None


def history(dice: random.Random, ada: Any, bob: Any) -> list[Told]:
    """Return a claim, and orders before and after it, some of which come back in part or whole."""
    facts = [Told(NOON, lambda now: claims(bob, ada, at=NOON, now=now))]
    for place in range(dice.randint(1, 4)):
        first = -1 if dice.random() < 0.15 else 1
        at = NOON + first * DAY * dice.randint(1, 6) + timedelta(minutes=place)
        lines = [dice.choice(AMOUNTS) for _ in range(dice.randint(1, 2))]
        fact = make.order(bob, *lines, at=at)
        facts.append(Told(at, partial(_order, bob, fact)))
        if dice.random() < 0.6:
            back = tuple(ReturnLineFact(Decimal(1), line + 1) for line in range(dice.randint(1, len(lines))))
            came = ReturnFact(make.number("return"), fact.number, at + DAY * dice.randint(0, 5), back)
            facts.append(Told(came.occurred_at, partial(_return, bob, came), after=len(facts) - 1))
    return facts


def _order(bob: Any, fact: Any, now: datetime) -> None:
    take_orders(bob.retailer, [fact], now=now)


def _return(bob: Any, fact: Any, now: datetime) -> None:
    take_returns(bob.retailer, [fact], now=now)


def shuffled(dice: random.Random, facts: list[Told]) -> list[Told]:
    """Return facts in any order in which each can be told."""
    left, said = list(range(len(facts))), []
    while left:
        place = dice.choice([each for each in left if facts[each].after is None or facts[each].after in said])
        left.remove(place)
        said.append(place)
    return [facts[place] for place in said]


def outcome(seed: int, *, in_time: bool) -> tuple[Any, ...]:
    dice = random.Random(seed)  # noqa: S311 - a test's
    club = program(policy={"first_order_only": seed % 2 == 0})
    ada, bob = person(club, "ada"), person(club, "bob")
    facts = history(dice, ada, bob)
    ordered = sorted(facts, key=lambda fact: fact.at) if in_time else shuffled(dice, facts)
    for place, fact in enumerate(ordered):
        fact.tell(now=fact.at if in_time else NOON + 20 * DAY + place * timedelta(minutes=1))
        if in_time or place % 2:
            points(ada, bob, at=fact.at if in_time else NOON + 20 * DAY + place * timedelta(minutes=1))
    row = Referral.objects.get(friend=bob)
    return points(ada, bob, at=NOON + 60 * DAY), row.status == "earned", row.order.occurred_at if row.order else None


@pytest.mark.parametrize("seed", range(12))
def test_it_comes_to_the_same(seed: int) -> None:
    assert outcome(seed, in_time=False) == outcome(seed, in_time=True)


def test_both_ends_are_met() -> None:
    assert {outcome(seed, in_time=True)[1] for seed in range(4)} == {True, False}
