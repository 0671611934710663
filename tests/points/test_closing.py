"""Months are closed once, in order, each from the one before; what comes late goes to the one that is open."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.spending import hold, redeem, release
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.closing import CLOSED_AFTER, MonthNotOver, close_due_months, close_month
from loyalty.points.journal import MonthEnd, month_end
from loyalty.points.liability import month_of, owed, owed_by_lot
from loyalty.points.models import AllocatedPrice, ClosedMonth, Entry
from loyalty.points.statement import Clock
from loyalty.programs.models import Program
from tests import make
from tests.make import NOON, on

pytestmark = pytest.mark.django_db
JUNE, JULY, AUGUST, SEPTEMBER = (on(f"2026-0{month}-01") for month in (6, 7, 8, 9))
LATER = on("2026-12-15")
VALUED = {"point_value": Decimal("0.05"), "redeemed_share": Decimal("0.8"), "may_transfer": True}


def told(program: Program, month: str, *, clock: Clock = Clock.RECORDED, now: datetime = LATER) -> MonthEnd:
    since, until = month_of(month, program.tzinfo)
    return month_end(program, since=since, until=until, now=now, clock=clock)


def figures(month: MonthEnd) -> tuple[object, ...]:
    return month.before, month.after, month.lines


def busy_summer(**policy: object) -> Membership:
    """Let Ada and Bob buy, spend, hold, transfer, return, lose and get points from June to August."""
    club = make.program(points=VALUED | {"expiry": "days", "expiry_count": 40} | policy)
    ada, bob = make.member(club), make.member(club)
    for turn in range(7):
        at = NOON + timedelta(days=11 * turn)
        run_nights(club, until=at.date(), now=at)
        bought = make.buys(ada, f"{100 + 17 * turn}.35", at=at)
        make.buys(bob, "20.00", at=at - timedelta(days=12), recorded=at)
        redeem(ada, 30 + turn, reference=f"r{turn}", now=at)
        transfer(ada, bob, 10, reference=f"t{turn}", now=at)
        transfer(bob, ada, 5, reference=f"t{turn}", now=at)
        if turn % 2:
            make.returns(ada, bought, (1, "0.5"), at=at + timedelta(days=3))
            adjust(bob, 7, reference=f"a{turn}", reason="late", author="eve", now=at)
        else:
            held, _left = hold(bob, 3, reference=f"h{turn}", now=at)
            release(held.pk, now=at)
    return ada


@pytest.mark.parametrize("policy", [{}, {"redeemed_share": None}, {"redeemed_share": None, "point_value": 1}])
def test_a_month_from_the_one_before_is_what_all_history_says(policy: dict[str, object]) -> None:
    club = busy_summer(**policy).program
    months = ["2026-06", "2026-07", "2026-08", "2026-09"]
    fresh = [figures(told(club, month)) for month in months]

    close_month(club, date(2026, 9, 1), now=LATER)

    assert [figures(told(club, month)) for month in months] == fresh
    assert [month.closed_at for month in (told(club, each) for each in months)] == [LATER] * 4


def test_what_is_open_and_each_lot_come_to_the_same_from_a_closed_month() -> None:
    club = busy_summer().program
    at = AUGUST + timedelta(days=8)
    fresh = [owed(club, at=at), owed_by_lot(club, at=at), owed(club, at=at, clock=Clock.OCCURRED)]

    close_month(club, date(2026, 7, 1), now=LATER)

    assert [owed(club, at=at), owed_by_lot(club, at=at), owed(club, at=at, clock=Clock.OCCURRED)] == fresh
    (whole,) = owed(club, at=at)
    for name in ("available", "expected", "liability", "deferred"):
        assert abs(sum(getattr(lot, name) for lot in owed_by_lot(club, at=at)) - getattr(whole, name)) < Decimal(
            "0.005"
        )


def test_closing_again_changes_nothing() -> None:
    club = busy_summer().program

    first = close_month(club, date(2026, 7, 1), now=LATER)
    stored = list(ClosedMonth.objects.order_by("pk").values())
    again = close_month(club, date(2026, 7, 1), now=LATER + timedelta(days=1))

    assert (first, again) == ([date(2026, 6, 1), date(2026, 7, 1)], [])
    assert list(ClosedMonth.objects.order_by("pk").values()) == stored


def test_what_is_recorded_after_a_month_was_closed_leaves_it_and_goes_late_to_the_next() -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    close_month(ada.program, date(2026, 6, 1), now=JULY + CLOSED_AFTER)
    closed = figures(told(ada.program, "2026-06"))
    make.buys(ada, "50.00", at=NOON, recorded=JULY + timedelta(days=2))
    make.buys(ada, "20.00", at=JULY + timedelta(days=3))

    july = told(ada.program, "2026-07")

    assert figures(told(ada.program, "2026-06")) == closed
    assert [(line.event, line.is_late, line.credit, line.points) for line in july.lines if line.credit] == [
        ("earned", False, Decimal("0.77"), 20),
        ("earned", True, Decimal("1.92"), 50),
    ]
    assert {line.text for line in july.lines if line.is_late} == {
        "points earned with orders: their part of the price is deferred (of months before)"
    }


def test_what_was_committed_after_the_closing_is_not_lost() -> None:
    """An entry of 30 June becomes visible only after June was closed: July has it, once, as late."""
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    close_month(ada.program, date(2026, 6, 1), now=JULY + CLOSED_AFTER)
    make.buys(ada, "50.00", at=JULY - timedelta(seconds=1), recorded=JULY - timedelta(seconds=1))

    live = told(ada.program, "2026-07")
    close_month(ada.program, date(2026, 8, 1), now=LATER)
    july, august = told(ada.program, "2026-07"), told(ada.program, "2026-08")

    assert figures(july) == figures(live)
    assert [(line.event, line.is_late, line.points) for line in july.lines] == [("earned", True, 50)] * 2
    assert ([each.open for each in july.after], august.lines) == ([150], [])


def test_an_order_keeps_its_share_of_the_price_whatever_history_says_later() -> None:
    """The share was fixed with its month: a return takes back what was deferred then, not what would be today."""
    ada = make.member(make.program(points={"point_value": 1}))
    bought = make.buys(ada, "2000.00")
    close_month(ada.program, date(2026, 6, 1), now=JULY + CLOSED_AFTER)
    redeem(ada, 1_000, reference="r1", now=JULY + timedelta(days=1))
    make.returns(ada, bought, (1, "0.25"), at=JULY + timedelta(days=2))

    july = told(ada.program, "2026-07")

    assert AllocatedPrice.objects.get().price == Decimal(1000)
    taken = [line for line in july.lines if line.event == "taken_back" and line.debit]
    assert [(line.debit, line.points) for line in taken] == [(Decimal("250.00"), 500)]


@pytest.mark.parametrize(
    ("month", "now"),
    [(date(2026, 7, 1), JULY + timedelta(days=5)), (date(2026, 6, 1), JULY + CLOSED_AFTER - timedelta(seconds=1))],
)
def test_a_month_that_is_not_over_is_not_closed(month: date, now: datetime) -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")

    with pytest.raises(MonthNotOver):
        close_month(ada.program, month, now=now)

    assert ClosedMonth.objects.count() == 0


def test_a_program_without_a_value_of_a_point_has_nothing_to_close() -> None:
    ada = make.member(make.program())
    make.buys(ada, "100.00")

    assert (close_due_months(ada.program, now=LATER), ClosedMonth.objects.count()) == ([], 0)


def test_a_month_is_due_an_hour_after_its_end_also_when_nothing_happened_in_it() -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    assert close_due_months(ada.program, now=SEPTEMBER) == [date(2026, 6, 1), date(2026, 7, 1)]

    assert close_due_months(ada.program, now=SEPTEMBER + CLOSED_AFTER) == [date(2026, 8, 1)]
    assert ClosedMonth.objects.filter(month=date(2026, 8, 1)).values_list("entries", "deferred").get() == (
        0,
        Decimal("3.85"),
    )


def test_the_months_end_is_at_midnight_in_the_programs_zone() -> None:
    club = make.version(make.retailer(), points=VALUED, zone="Europe/Paris")
    ada = make.member(make.published(club))
    make.buys(ada, "100.00", at=on("2026-06-30T22:30"))  # half past midnight of 1 July

    assert close_due_months(ada.program, now=LATER)[:1] == [date(2026, 7, 1)]


def rows_read(program: Program, month: str) -> int:
    """Return how many rows of entries, movements and lots a month's closing touches, by what the server counts."""
    counted = (
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)"
    )
    tables = ["points_entry", "points_movement", "points_lot"]

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(counted, [tables])
            return int(cursor.fetchone()[0])

    with connection.cursor() as cursor:
        for way in (
            "seqscan",
            "bitmapscan",
            "hashjoin",
            "mergejoin",
        ):  # these tables are small, so they would be read whole
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute("ANALYZE points_entry, points_movement, points_lot, points_wallet, memberships_membership")
    before = count()
    close_month(program, month_of(month, program.tzinfo)[0].date(), now=LATER)
    return count() - before


PAST = """
WITH days AS (
    SELECT gen_random_uuid() AS entry, gen_random_uuid() AS lot, %(until)s - day * interval '3 minutes' AS at
    FROM generate_series(1, %(count)s) AS day
), entries AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change,
        pending_change, owed_change, balance_after, explanation)
    SELECT entry, %(retailer)s, %(wallet)s, 'adjust', 'past:' || entry, at, at, 1, 0, 0, 1, '{}' FROM days
), lots AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at, activation_event,
        expires_on_inactivity, gift,
        pending, available, held)
    SELECT lot, %(retailer)s, %(wallet)s, %(version)s, 1, at, at, '', false, '', 0, 1, 0 FROM days
), movements AS (
    INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
    SELECT %(retailer)s, entry, lot, 'issued', 'available', 1 FROM days
)
UPDATE points_wallet SET available = available + %(count)s WHERE id = %(wallet)s
"""


@pytest.mark.parametrize("history", [3_000, 9_000])
def test_a_months_end_reads_what_that_month_did_and_not_history(as_owner: None, history: int) -> None:
    """Whatever was before it, an order in July is an entry, a movement and a lot to read, a few times each."""
    ada = make.member(make.program(points=VALUED))
    given: dict[str, Any] = {
        "retailer": ada.retailer_id,
        "wallet": make.wallet_of(ada).pk,
        "until": on("2026-05-28"),
        "count": history,
    }
    version = ada.program.versions.get()
    with connection.cursor() as cursor:
        cursor.execute(PAST, given | {"version": version.pk})
    close_month(ada.program, date(2026, 6, 1), now=LATER)
    make.buys(ada, "10.00", at=JULY + timedelta(days=1))

    with CaptureQueriesContext(connection) as seen:
        read = rows_read(ada.program, "2026-07")

    assert (read, len(seen)) == (14, 22)


@pytest.mark.parametrize("orders", [1, 30])
def test_reading_a_closed_month_takes_two_statements(orders: int) -> None:
    ada = make.member(make.program(points=VALUED))
    for turn in range(orders):
        make.buys(ada, "10.00", at=NOON + timedelta(minutes=turn))
    close_month(ada.program, date(2026, 7, 1), now=LATER)

    with CaptureQueriesContext(connection) as seen:
        told(ada.program, "2026-07")

    assert len(seen) == 2


def test_the_command_closes_prints_and_refuses_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    ada = make.member(make.program(points=VALUED))
    make.buys(ada, "100.00")
    slug = ada.program.slug

    call_command("month_end", slug, "--month", "2026-07", "--close")
    first = capsys.readouterr().out
    call_command("month_end", slug, "--month", "2026-07", "--close")
    again = capsys.readouterr().out

    assert ("Closed: 2026-06\nClosed: 2026-07\n" in first, "Closed: 2026" in again) == (True, False)
    assert ("Closed on" in first, "Closed on" in again) == (True, True)
    for month in ("2999-12", "9999-12", "0001-01", "June"):
        with pytest.raises(CommandError, match=r"can be closed from|is not a month"):
            call_command("month_end", slug, "--month", month, "--close")


def test_the_books_of_another_retailer_are_not_seen() -> None:
    ada, eve = (make.member(make.program(points=VALUED)) for _ in range(2))
    for who in (ada, eve):
        make.buys(who, "100.00")
        close_month(who.program, date(2026, 6, 1), now=LATER)

    assert [each.open for each in told(ada.program, "2026-06").after] == [100]
    assert Entry.objects.count() == 2
