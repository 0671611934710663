"""Months of fees, benefits and rewards are closed, stay as they were, and what is told late stands in the open one."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client

from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.planning.closing import close_due_months, close_month
from loyalty.plans.account.joining import cancel
from loyalty.plans.books import fee_books
from loyalty.plans.models import Invoice
from loyalty.points.closing import MonthNotOver
from loyalty.points.event_books import EventLine
from loyalty.points.models import ClosedBooks
from loyalty.points.statement import Clock
from loyalty.rewards.books import reward_books
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import joined, nights_until
from tests.rewards import shop

pytestmark = pytest.mark.django_db

JUNE, JULY, AUGUST = on("2026-06-01"), on("2026-07-01"), on("2026-08-01")
PLANS = ({"code": "plus", "price": "10.00", "multiplier": "2", "perks_cost": "3.04"},)
VALUED = {"point_value": Decimal("0.01"), "pending_days": 0}


def a_member() -> Membership:
    return make.member(make_plans.program(*PLANS, points=VALUED))


def told(lines: tuple[EventLine, ...]) -> list[tuple[str, str, bool]]:
    return [(line.event, f"{line.debit:f}", line.is_late) for line in lines if line.debit]


def is_led(lines: tuple[EventLine, ...], account: str, before: Decimal, after: Decimal) -> bool:
    """Tell whether a journal balances, and leads from what an account held before to what it holds after."""
    accounts: Counter[str] = Counter()
    for line in lines:
        accounts[line.account] += line.credit - line.debit  # type: ignore[assignment] # of decimals
    return sum(accounts.values()) == 0 and before + accounts[account] == after


def test_a_closed_month_of_fees_stays_as_it_was() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-16T00:00"))
    make.buys(ada, "100.00", at=on("2026-06-20T12:00"))
    open_one = fee_books(ada.program, since=JUNE, until=JULY)

    closed = close_month(ada.program, date(2026, 6, 1), now=on("2026-07-02"))
    june = fee_books(ada.program, since=JUNE, until=JULY)

    assert closed == [date(2026, 6, 1)]
    assert told(june.lines) == told(open_one.lines) == [
        ("fees_paid", "10.00", False), ("fees_earned", "5.00", False), ("perks", "1.50", False),
    ]  # fmt: skip
    assert (june.deferred_after, june.earned, june.closed_at) == (Decimal("5.00"), Decimal("5.00"), on("2026-07-02"))
    assert (june.points, june.points_cost, june.perks_cost, june.cost) == (
        100, Decimal("1.00"), Decimal("1.50"), Decimal("2.50"),
    )  # fmt: skip
    assert close_month(ada.program, date(2026, 6, 1), now=on("2026-07-02")) == []
    with pytest.raises(MonthNotOver):
        close_month(ada.program, date(2026, 7, 1), now=on("2026-08-01T00:59:59"))


def test_what_is_told_late_of_a_closed_month_stands_in_the_open_one() -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-01T00:00"))
    cancel(ada, now=on("2026-06-02T12:00"))
    june = ada.program, date(2026, 6, 1)
    ended = Membership.objects.get(pk=ada.pk)
    close_month(*june, now=on("2026-07-02"))
    before = fee_books(ada.program, since=JUNE, until=JULY)

    # A fee of 20 June is told as if it had been recorded then, as by a transaction that took very long.
    bob = make.member(ada.program)
    joined(bob, at=on("2026-07-03T12:00"))
    Invoice.objects.filter(subscription__membership=bob).update(settled_at=on("2026-06-30T12:00"))
    nights_until(ended.program, "2026-07-03")
    july = fee_books(ada.program, since=JULY, until=AUGUST)

    assert told(fee_books(ada.program, since=JUNE, until=JULY).lines) == told(before.lines)
    assert july.deferred_before == before.deferred_after == Decimal(0)
    assert told(july.lines) == [
        ("fees_paid", "10.00", True), ("fees_earned", "9.35", False), ("perks", "2.84", False),
    ]  # fmt: skip
    assert is_led(july.lines, "deferred_fees", july.deferred_before, july.deferred_after)
    late, *_ = [line.text for line in july.lines if line.is_late]
    assert late == "fees of plans paid: they are earned day by day (of months before)"
    occurred = fee_books(ada.program, since=JUNE, until=JULY, clock=Clock.OCCURRED)
    assert told(occurred.lines)[0] == ("fees_paid", "20.00", False)
    close_month(ada.program, date(2026, 7, 1), now=on("2026-08-02"))
    assert told(fee_books(ada.program, since=JULY, until=AUGUST).lines) == told(july.lines)


def test_perks_of_a_plan_whose_end_was_noted_late_are_put_right_in_the_open_month() -> None:
    ada = a_member()
    joined(ada, at=on("2026-05-16T00:00"))
    cancel(ada, now=on("2026-05-20T12:00"))
    close_due_months(ada.program, now=on("2026-07-02"))  # no night ran since
    june = fee_books(ada.program, since=JUNE, until=JULY)

    run_nights(ada.program, until=date(2026, 7, 2), now=on("2026-07-02"))
    july = fee_books(ada.program, since=JULY, until=AUGUST)

    assert told(june.lines) == [("fees_earned", "4.84", False), ("perks", "2.99", False)]
    lines = [(line.event, line.account, f"{line.debit:f}", line.is_late) for line in july.lines]
    assert lines == [("perks", "benefits_provided", "1.49", True), ("perks", "benefit_expense", "0", True)]
    assert july.perks_cost == Decimal("-1.49")


def test_a_closed_month_of_rewards_stays_and_what_lapsed_in_it_is_told_late() -> None:
    program = shop.club(valid_days=10, cost=Decimal(4))
    ada = shop.member(program, 3_000, at=JUNE)
    redeem_reward(ada, "five-off", reference="r1", now=on("2026-06-15"))
    close_month(program, date(2026, 6, 1), now=on("2026-07-02"))

    run_nights(program, until=date(2026, 7, 2), now=on("2026-07-02"))
    june = reward_books(program, since=JUNE, until=JULY)
    july = reward_books(program, since=JULY, until=AUGUST)

    assert (june.owed_after, july.owed_before, july.owed_after) == (Decimal(4), Decimal(4), Decimal(0))
    assert told(july.lines) == [("lapsed", "4.00", True)]
    assert is_led(july.lines, "reward_liability", july.owed_before, july.owed_after)
    assert reward_books(program, since=JUNE, until=JULY, clock=Clock.OCCURRED).owed_after == 0
    assert june.closed_at == on("2026-07-02")


def test_a_program_without_either_closes_nothing_of_them(django_assert_num_queries: Any) -> None:
    program = make.program()

    assert close_month(program, date(2026, 6, 1), now=on("2026-07-02")) == []
    with django_assert_num_queries(4):
        fees, rewards = (read(program, since=JUNE, until=JULY) for read in (fee_books, reward_books))

    assert (fees.is_empty, rewards.is_empty, ClosedBooks.objects.count()) == (True, True, 0)


def test_the_command_and_the_api_show_fees_benefits_and_rewards(client: Client) -> None:
    ada = a_member()
    joined(ada, at=on("2026-06-16T00:00"))
    out = StringIO()

    call_command("month_end", ada.program.slug, "--month", "2026-06", "--close", stdout=out)
    key = {"authorization": f"Api-Key {make.key(ada.retailer)}"}
    path = f"/api/v1/programs/{ada.program.slug}/month-end?month=2026-06"
    fees = client.get(path, headers=key).json()["fees"]

    assert "Closed: 2026-06" in out.getvalue()
    assert (fees["deferred_after"], fees["earned"], fees["perks_cost"], fees["cost"]) == (
        "5.00",
        "5.00",
        "1.50",
        "1.50",
    )
    assert [line["is_late"] for line in fees["journal"]] == [False] * 6
    assert fees["closed_at"] is not None


def test_months_are_closed_in_order_and_lead_from_one_to_the_next() -> None:
    ada = a_member()
    joined(ada, at=on("2026-03-31T12:00"))
    for day in ("2026-04-30", "2026-05-31"):
        nights_until(ada.program, day)
        make_plans.pays(ada, at=on(f"{day}T10:00"))

    closed = close_due_months(ada.program, now=on("2026-07-02"))
    rows = ClosedBooks.objects.filter(part="plans").order_by("month")

    assert closed == [date(2026, month, 1) for month in range(3, 7)]
    assert [each.month for each in rows] == closed
    assert (
        list(rows.annotate(before=F("opening")).values_list("before", flat=True))[1:]
        == [each.sums for each in rows][:-1]
    )
    assert all(each.ends_at - timedelta(days=32) < on(f"{each.month}") for each in rows)
