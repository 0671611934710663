"""A month that is closed twice at once, and one that is closed while its members go on."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from loyalty.activity.account.spending import redeem
from loyalty.points.closing import CLOSED_AFTER, close_month
from loyalty.points.journal import month_end
from loyalty.points.liability import month_of
from loyalty.points.models import AllocatedPrice, ClosedMonth
from tests import make
from tests.make import on
from tests.races.test_points import together

pytestmark = pytest.mark.usefixtures("committed_db")
VALUED = {"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8")}
JULY, LATER = on("2026-07-01"), on("2026-12-15")


def test_of_five_closings_at_once_one_closes_each_month() -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    closed: list[date] = []

    together([lambda: closed.extend(close_month(ada.program, date(2026, 9, 1), now=LATER))] * 5)

    months = [date(2026, month, 1) for month in (6, 7, 8, 9)]
    assert sorted(closed) == months
    assert list(ClosedMonth.objects.order_by("month").values_list("month", flat=True)) == months
    assert AllocatedPrice.objects.count() == 1


def test_what_is_spent_while_a_month_is_closed_is_in_the_next() -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    now = JULY + CLOSED_AFTER

    together(
        [
            lambda: close_month(ada.program, date(2026, 6, 1), now=now),
            *(lambda turn=turn: redeem(ada, 1, reference=f"r{turn}", now=now) for turn in range(10)),
        ]
    )
    close_month(ada.program, date(2026, 7, 1), now=LATER + timedelta(days=1))

    june, july = (
        month_end(ada.program, since=since, until=until, now=LATER)
        for since, until in (month_of(month, ada.program.tzinfo) for month in ("2026-06", "2026-07"))
    )
    assert [[each.open for each in month.after] for month in (june, july)] == [[100], [90]]
