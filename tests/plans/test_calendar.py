"""Periods at the odd days of calendars: no midnight, summer time, the 31st, 29 February; and refunds in odd decimals."""

from datetime import datetime
from decimal import Decimal

import pytest

from loyalty.plans.account.joining import cancel
from loyalty.plans.account.paying import TooManyDecimals, refund
from loyalty.plans.models import Invoice
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import gave, joined, nights_until, pays, plan_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("zone", "begins", "last", "first"),
    [
        ("Africa/Cairo", "2026-03-24T12:00", "2026-04-23T21:59:59", "2026-04-23T22:00:00"),  # 24 April has no 00:00
        ("Europe/Paris", "2026-02-28T23:30", "2026-03-31T21:59:59", "2026-03-31T22:00:00"),  # it is 1 March there
        ("Europe/Paris", "2026-09-25T12:00", "2026-10-24T21:59:59", "2026-10-24T22:00:00"),  # clocks go back that day
        ("America/New_York", "2026-02-08T12:00", "2026-03-08T04:59:59", "2026-03-08T05:00:00"),
        ("Pacific/Apia", "2026-06-01T12:00", "2026-07-01T10:59:59", "2026-07-01T11:00:00"),
    ],
)
def test_a_plan_ends_at_the_first_instant_of_a_day_of_its_zone(zone: str, begins: str, last: str, first: str) -> None:
    club = make_plans.program({"multiplier": "2"}, zone=zone)
    ada = make.member(club)
    joined(ada, at=on(begins))
    cancel(ada, now=on(begins))

    given = [gave(make.buys(ada, "10.00", at=on(at))) for at in (last, first)]

    assert given == [20, 10]
    assert plan_of(ada).ended_at == on(first)


@pytest.mark.parametrize(
    ("period", "begins", "ends"),
    [
        ("month", "2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("month", "2028-01-30", ["2028-02-29", "2028-03-30"]),
        ("year", "2028-02-29", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
    ],
)
def test_periods_come_back_to_their_day(period: str, begins: str, ends: list[str]) -> None:
    club = make_plans.program({"period": period, "price": "12.00"})
    ada = make.member(club)
    joined(ada, at=on(f"{begins}T12:00"))
    found = [str(plan_of(ada).end_day)]

    for day in ends[:-1]:
        nights_until(club, day)
        pays(ada, at=on(f"{day}T12:00"))
        found.append(str(plan_of(ada).end_day))

    assert found == ends


@pytest.mark.parametrize(
    ("currency", "price", "good", "bad"), [("JPY", "1000", "333", "0.5"), ("KWD", "3.333", "0.001", "0.0001")]
)
def test_a_refund_has_the_decimals_of_its_currency(currency: str, price: str, good: str, bad: str) -> None:
    club = make_plans.program({"price": price}, owner=make.retailer(currency=currency))
    joined(make.member(club), at=on("2026-06-01T12:00"))
    invoice, now = Invoice.objects.get(), datetime.fromisoformat("2026-06-02T12:00+00:00")

    with pytest.raises(TooManyDecimals):
        refund(invoice.pk, Decimal(bad), reason="late", author="sue", now=now)
    refund(invoice.pk, Decimal(good), reason="late", author="sue", now=now)
    refund(invoice.pk, None, reason="late", author="sue", now=now)

    invoice.refresh_from_db()
    assert invoice.refunded == invoice.amount
