from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.points.limits import Limits, Room, limit, period_start, room_of
from loyalty.points.models import Entry
from loyalty.points.rules import Earned, total_of
from tests import make
from tests.make import NOON

LIMITS = {"transaction_limit": 500, "period_limit": 1000, "period": "month"}


def earned(*points: int) -> tuple[Earned, ...]:
    return tuple(
        Earned(place, f"r{place}", "points", each, Decimal(each), Decimal(1), Decimal(0))
        for place, each in enumerate(points)
    )


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("day", date(2028, 2, 29)),
        ("week", date(2028, 2, 28)),
        ("month", date(2028, 2, 1)),
        ("year", date(2028, 1, 1)),
    ],
)
def test_a_period_begins(period: str, first: date) -> None:
    assert period_start(period, date(2028, 2, 29)) == first


@given(st.lists(st.integers(1, 900), max_size=4), st.integers(0, 1_200))
def test_the_limits_leave_what_fits(points: list[int], used: int) -> None:
    limits = Limits(500, 1000, "month")
    room = room_of(limits, earned=used, budget_left=None)

    left = limit(earned(*points), limits, room)

    assert room.points == max(0, 1000 - used)
    assert total_of(left.earned) + left.cut == sum(points)
    assert total_of(left.earned) == (0 if sum(points) > 500 else min(sum(points), max(0, 1000 - used)))


def test_without_limits_everything_is_given() -> None:
    assert limit(earned(5_000, 7), Limits(), Room()).earned == earned(5_000, 7)


@pytest.mark.django_db
def test_the_period_caps_the_transaction_rejects_and_a_return_makes_room_again() -> None:
    ada = make.member(make.program(points=LIMITS))
    for turn in range(2):
        make.buys(ada, "460.00", at=NOON + timedelta(minutes=turn))

    capped = make.buys(ada, "150.00", at=NOON + timedelta(hours=1))
    rejected = make.buys(ada, "600.00", at=NOON + timedelta(hours=2))
    assert [answer.decisions[0].order.points for answer in (capped, rejected) if answer.decisions[0].order] == [80, 0]
    assert [answer.decisions[0].reason for answer in (capped, rejected)] == [
        "over_period_limit",
        "over_transaction_limit",
    ]
    back = make.returns(ada, capped, (1, "1"), at=NOON + timedelta(hours=3))
    again = make.buys(ada, "150.00", at=NOON + timedelta(hours=4))

    assert back.decisions[0].order_return is not None
    assert back.decisions[0].order_return.points == 80
    assert again.decisions[0].order is not None
    assert again.decisions[0].order.points == 80
    assert make.wallet_of(ada).available == 1000
    assert Entry.objects.filter(kind="earn").latest("id").explanation["cut"] == 70


@pytest.mark.django_db
def test_a_new_month_has_room_again() -> None:
    ada = make.member(make.program(points=LIMITS | {"period_limit": 100}))
    make.buys(ada, "120.00")

    make.buys(ada, "120.00", at=NOON + timedelta(days=16))

    assert make.wallet_of(ada).available == 200


@pytest.mark.django_db
def test_a_return_of_a_part_keeps_what_the_rest_would_have_earned_under_the_same_limit() -> None:
    ada = make.member(make.program(points=LIMITS | {"period_limit": 80}))
    bought = make.buys(ada, "75.00", "75.00")

    make.returns(ada, bought, (2, "1"))

    assert make.wallet_of(ada).available == 75


@pytest.mark.django_db
def test_a_return_never_gives_points() -> None:
    ada = make.member(make.program(points=LIMITS))
    rejected = make.buys(ada, "300.00", "300.00")

    make.returns(ada, rejected, (2, "1"))

    assert make.wallet_of(ada).available == 0
