"""
Orders that corrections move to other customers and instants: what ends by inactivity ends as if they had always been there.

No gifts of tiers are drawn: they are dated as they are given.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, seed
from hypothesis import strategies as st

from loyalty.activity.replaying import replay
from loyalty.points.proof import prove
from tests.cases.shop import Shop
from tests.properties.scripts import quick

pytestmark = pytest.mark.django_db

NAMES = ("ada", "ben")
OPENING = datetime.fromisoformat("2026-01-05 12:00")
TOLD_UNTIL, LATER = 52, (1, 4, 8, 15, 36)  # days since the opening, and since the last of what was told


@dataclass(frozen=True)
class Bought:
    """What an order says: whose it is (nobody's: a guest's), on which day since the opening, at which hour, and how much."""

    who: str | None
    day: int
    hour: int
    amount: int

    @property
    def at(self) -> str:
        return f"{OPENING + timedelta(days=self.day, hours=self.hour):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Past:
    """
    Orders as they were told at first, and corrections of them, each with the day on which it is told.

    :param nights: the days after which nights are carried out
    """

    orders: tuple[Bought, ...]
    corrections: tuple[tuple[int, int, Bought], ...]
    nights: frozenset[int]

    @property
    def end(self) -> int:
        """Return the day on which the last thing was told."""
        return max(*(each.day for each in self.orders), *(day for day, _, _ in self.corrections), 0)

    @property
    def finally_said(self) -> list[Bought]:
        said = list(self.orders)
        for _, place, bought in self.corrections:
            said[place] = bought
        return said


# Points live for a month: what an order some weeks after another one keeps alive ends without it.
DAYS = (0, 2, 24, 27, 45, 50)


def bought(until: int) -> st.SearchStrategy[Bought]:
    who = st.sampled_from(["ada", "ada", "ben", None])
    return st.builds(
        Bought, who, st.sampled_from([day for day in DAYS if day <= until]), st.integers(0, 10), st.integers(1, 40)
    )


@st.composite
def pasts(draw: Any) -> Past:
    orders = tuple(draw(st.lists(bought(50), min_size=1, max_size=5)))
    corrections = []
    for day in sorted(draw(st.lists(st.integers(1, TOLD_UNTIL), min_size=1, max_size=4))):
        known = [place for place, each in enumerate(orders) if each.day < day]
        if known:
            place = draw(st.sampled_from(known))
            corrections.append((day, place, draw(bought(day - 1))))
    nights = draw(st.frozensets(st.integers(0, TOLD_UNTIL), max_size=6))
    return Past(orders, tuple(corrections), nights)


def test_points_end_as_if_corrected_orders_had_always_said_so() -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(10)
    @given(pasts())
    def they_do(past: Past) -> None:
        with transaction.atomic():
            holds(past)
            transaction.set_rollback(True)

    they_do()


def holds(past: Past) -> None:
    corrected, only = new_shop(), new_shop()
    live(corrected, past)
    tell(only, past)
    for days in LATER:
        instant = f"{OPENING + timedelta(days=past.end + days):%Y-%m-%d %H:%M}"
        for shop in (corrected, only):
            shop.nights(instant[:10])
            shop.hears_nothing_until(instant)
        assert balances(corrected) == balances(only), instant
    assert prove().differences == []
    assert replay(corrected.program, now=corrected.known.latest).deviations == []


def new_shop() -> Shop:
    shop = Shop(policy={"pending_days": 0, "expiry": "inactivity", "expiry_count": 1})
    for name in NAMES:
        shop.member(name)
    return shop


def tell(shop: Shop, past: Past) -> None:
    """Report orders in their time, as they say in the end."""
    for day in range(past.end + 1):
        todays = [(place, each) for place, each in enumerate(past.finally_said) if each.day == day]
        for place, each in sorted(todays, key=lambda told: told[1].hour):
            shop.order(f"o{place}", each.who, str(each.amount), at=each.at)
        if day % 10 == 0:
            shop.nights(f"{OPENING + timedelta(days=day + 1):%Y-%m-%d}")


def live(shop: Shop, past: Past) -> None:
    """Report orders as they were told at first, and correct them."""
    for day in range(past.end + 1):
        noon = f"{OPENING + timedelta(days=day):%Y-%m-%d %H:%M}"
        todays = [(place, each) for place, each in enumerate(past.orders) if each.day == day]
        for version, (when, place, each) in enumerate(past.corrections, start=1):
            if when == day:
                shop.correct(f"o{place}", each.who, str(each.amount), at=each.at, version=version, now=noon)
        for place, each in sorted(todays, key=lambda told: told[1].hour):
            shop.order(f"o{place}", each.who, str(each.amount), at=each.at)
        if day in past.nights:
            shop.nights(f"{OPENING + timedelta(days=day + 1):%Y-%m-%d}")


def balances(shop: Shop) -> dict[str, int]:
    return {name: shop.balance(name) for name in NAMES}
