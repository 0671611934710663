"""What is owed to members, with figures that a person can check with a pencil."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.spending import redeem
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.journal import DEFERRED, month_end
from loyalty.points.liability import month_of, owed, owed_by_lot, redemption_curve
from loyalty.points.statement import Clock
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
JUNE, JULY = month_of("2026-06", ZoneInfo("UTC"))
LATER = datetime(2027, 1, 1, tzinfo=UTC)
VALUED = {"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8")}


def ada_with(points: str = "100.00", **policy: object) -> Membership:
    ada = make.member(make.program(points=VALUED | policy))
    make.buys(ada, points)
    return ada


def money(text: str) -> Decimal:
    return Decimal(text)


def test_an_order_defers_the_part_of_its_price_that_its_points_are_worth() -> None:
    """100.00 paid, 100 points of 0.05 of which 80 % are expected: 4.00 beside 100.00, so 100 × 4 / 104 are deferred."""
    ada = ada_with()

    (june,) = owed(ada.program, at=JULY)

    assert (june.open, june.expected, june.value) == (100, Decimal(80), money("5.00"))
    assert (june.liability, june.breakage, june.deferred) == (money("4.00"), money("1.00"), money("3.85"))


def test_what_is_redeemed_becomes_revenue_in_proportion_to_what_is_expected() -> None:
    ada = ada_with()
    redeem(ada, 40, reference="r1", now=NOON)

    (june,) = owed(ada.program, at=JULY)
    month = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    assert (june.expected, june.liability, june.deferred) == (Decimal(40), money("2.00"), money("1.92"))
    assert [(line.event, line.account, line.debit, line.credit) for line in month.lines] == [
        ("earned", "revenue", money("3.85"), 0),
        ("earned", "deferred_revenue", 0, money("3.85")),
        ("redeemed", "deferred_revenue", money("1.92"), 0),
        ("redeemed", "revenue", 0, money("1.92")),
        ("breakage", "deferred_revenue", money("0.01"), 0),  # what rounding to cents leaves over
        ("breakage", "revenue", 0, money("0.01")),
    ]


def test_each_lot_says_what_is_owed_of_it_and_all_come_to_the_whole() -> None:
    """
    Lots of 100 and 60 points, of which 40 were redeemed: of one month, so 128 are expected in all and 88 of the 120 left.

    The gift of 10 is no part of any price: it is expected by itself.
    """
    ada = ada_with(expiry="days", expiry_count=30)
    redeem(ada, 40, reference="r1", now=NOON)
    make.buys(ada, "60.00", at=NOON + timedelta(days=1), name="o2")
    adjust(ada, 10, reference="gift", reason="late", author="bob", now=NOON + timedelta(days=2))

    lots = owed_by_lot(ada.program, at=JULY)
    (whole,) = owed(ada.program, at=JULY)

    assert [(lot.available, lot.expected, lot.order == "o2") for lot in lots] == [
        (60, Decimal(44), False),
        (60, Decimal(44), True),
        (10, Decimal(8), False),
    ]
    assert {lot.member for lot in lots} == {ada.number}
    assert [lot.liability for lot in lots] == [money("2.20"), money("2.20"), money("0.40")]
    for name in ("pending", "available", "held", "expected", "value", "liability", "deferred"):
        assert abs(sum(getattr(lot, name) for lot in lots) - getattr(whole, name)) < Decimal("0.005"), name


def test_more_redeemed_than_expected_leaves_no_negative_liability() -> None:
    ada = ada_with()
    redeem(ada, 90, reference="r1", now=NOON)

    (june,) = owed(ada.program, at=JULY)

    assert (june.open, june.expected, june.liability) == (10, Decimal(0), Decimal(0))


def test_a_gift_is_an_expense_and_a_return_takes_back_what_was_deferred() -> None:
    ada = make.member(make.program(points=VALUED))
    adjust(ada, 50, reference="gift", reason="late", author="bob", now=NOON)
    bought = make.buys(ada, "100.00")
    make.returns(ada, bought, (1, "1"))

    month = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    given = [(line.account, line.debit) for line in month.lines if line.event == "given" and line.debit]
    assert given == [("promotion_expense", money("2.00"))]
    assert [each.deferred for each in month.after] == [money("2.00")]


def test_expired_points_are_breakage() -> None:
    ada = ada_with(expiry="days", expiry_count=5)
    run_nights(ada.program, until=JULY.date(), now=JULY - timedelta(seconds=1))

    month = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    assert [each.open for each in month.after] == [0]
    assert [(line.event, line.credit, line.points) for line in month.lines if line.account == "revenue"][1:] == [
        ("breakage", money("3.85"), 100)
    ]


def test_the_journal_balances_and_leads_from_one_month_to_the_next() -> None:
    ada = ada_with("33.33", expiry="days", expiry_count=20)
    for turn in range(6):
        at = NOON + timedelta(days=9 * turn)
        make.buys(ada, f"{17 + turn}.7{turn}", at=at)
        run_nights(ada.program, until=at.date(), now=at)
        redeem(ada, 7 + turn, reference=f"r{turn}", now=at)
    months = [month_of(f"2026-0{month}", ZoneInfo("UTC")) for month in (6, 7, 8, 9)]

    closed = [
        month_end(ada.program, since=since, until=until, now=LATER, clock=Clock.OCCURRED) for since, until in months
    ]

    for before, after in pairwise(closed):
        assert before.after == after.before
    for month in closed:
        assert sum(line.debit - line.credit for line in month.lines) == 0
        moved = sum(line.credit - line.debit for line in month.lines if line.account == DEFERRED)
        assert moved == sum(each.deferred for each in month.after) - sum(each.deferred for each in month.before)


def test_by_the_recorded_clock_a_month_stays_as_it_was_closed() -> None:
    ada = ada_with()
    closed = month_end(ada.program, since=JUNE, until=JULY, now=LATER)

    make.buys(ada, "500.00", at=JULY + timedelta(days=3))
    redeem(ada, 50, reference="r1", now=JULY + timedelta(days=3))

    assert month_end(ada.program, since=JUNE, until=JULY, now=LATER) == closed


def test_history_tells_how_much_is_redeemed_by_age() -> None:
    """Of 2,000 points 500 are redeemed in their first month; the others expire in their fourth."""
    start = datetime(2026, 1, 2, tzinfo=UTC)
    ada = make.member(make.program(points={"point_value": 1, "expiry": "days", "expiry_count": 100}), since=start)
    make.buys(ada, "2000.00", at=start)
    redeem(ada, 500, reference="r1", now=start + timedelta(days=10))
    run_nights(ada.program, until=start.date() + timedelta(days=120), now=start + timedelta(days=120))

    curve = redemption_curve(ada.program, "points", at=start + timedelta(days=121), clock=Clock.OCCURRED)

    assert (curve.observed, curve.shares[0], set(curve.shares[1:])) == (2_000, Decimal("0.25"), {Decimal(0)})


def test_without_history_all_is_expected_to_be_redeemed() -> None:
    ada = make.member(make.program(points={"point_value": Decimal("0.01")}))
    make.buys(ada, "100.00")

    (june,) = owed(ada.program, at=JULY)

    assert (june.expected, june.liability) == (Decimal(100), money("1.00"))


def test_the_command_prints_the_month_and_writes_the_journal(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    from pathlib import Path

    ada = ada_with()
    file = Path(str(tmp_path)) / "journal.csv"

    lots = file.with_name("lots.csv")

    call_command("month_end", ada.program.slug, "--month", "2026-06", "--journal", str(file), "--lots", str(lots))

    rows = list(csv.DictReader(file.open()))
    assert [(row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("revenue", "3.85", "0.00"),
        ("deferred_revenue", "0.00", "3.85"),
    ]
    (lot,) = csv.DictReader(lots.open())
    assert (lot["member"], lot["available"], lot["liability"], lot["last_day"]) == (ada.number, "100", "4.0000", "")
    assert "Journal" in capsys.readouterr().out


def test_a_month_begins_and_ends_at_midnight_in_the_programs_zone() -> None:
    since, until = month_of("2026-03", ZoneInfo("Europe/Paris"))

    assert (since.isoformat(), until.isoformat()) == ("2026-02-28T23:00:00+00:00", "2026-03-31T22:00:00+00:00")
