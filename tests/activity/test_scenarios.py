"""The promises to members and retailers, with the numbers in which they were made."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from loyalty.activity.account.spending import redeem, reverse
from loyalty.activity.intake import take_orders
from loyalty.activity.nightly import run_nights
from loyalty.configuration.drafts import open_draft, publish
from loyalty.points.models import EarningRule
from tests import make
from tests.make import NOON, Rule, given, on, spendable

pytestmark = pytest.mark.django_db


def test_what_was_paid_with_points_earns_none_and_comes_back_with_the_last_return() -> None:
    ada = make.member(make.program())
    given(ada, 1000, NOON)
    redeem(ada, 500, reference="reward-5", now=NOON)
    line = make.line("20.00", quantity="2")
    fact = make.order(ada, line, paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    balances = [spendable(ada, NOON)]

    for day in (1, 2):
        make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=day))
        balances.append(spendable(ada, NOON + timedelta(days=day)))

    assert balances == [515, 505, 1000]


def test_a_redemption_that_was_undone_is_not_given_back_again_by_the_return() -> None:
    ada = make.member(make.program())
    given(ada, 1000, NOON)
    booked = redeem(ada, 500, reference="reward-5", now=NOON)
    fact = make.order(ada, "10.00", paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    reverse(ada, booked.entry_id, now=NOON)

    make.returns(ada, bought, (1, "1"))

    assert spendable(ada, NOON + timedelta(days=1)) == 1000


def test_what_comes_back_is_there_to_be_taken() -> None:
    ada = make.member(make.program())
    given(ada, 500, NOON)
    redeem(ada, 500, reference="reward-5", now=NOON)
    fact = make.order(ada, "25.00", paid_with_points=Decimal(5), redemptions=("reward-5",))
    (bought,) = take_orders(ada.program.retailer, [fact], now=NOON)
    redeem(ada, 20, reference="another", now=NOON)

    answer = make.returns(ada, bought, (1, "1"))

    assert answer.decisions[0].order_return is not None
    assert (answer.decisions[0].order_return.shortfall, spendable(ada, NOON + timedelta(days=1))) == (0, 480)


@pytest.mark.parametrize("change", ["doubled", "switched off"])
def test_a_return_takes_what_the_order_earned_under_its_own_rules(change: str) -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "50.00")
    draft = open_draft(ada.program)
    EarningRule.objects.filter(version=draft).delete()
    make.fill(draft, rules=[Rule(points="2") if change == "doubled" else Rule(code="other", categories=["NONE"])])
    publish(draft, effective_from=NOON + timedelta(hours=1), now=NOON)
    before = spendable(ada, NOON)

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=1))

    assert (before, spendable(ada, NOON + timedelta(days=1))) == (50, 0)


def test_a_month_of_life_after_two_weeks_of_waiting() -> None:
    ada = make.member(make.program(points={"pending_days": 14, "expiry": "months", "expiry_count": 1}))

    make.buys(ada, "100.00", at=on("2026-03-01T10:00"))

    instants = [
        "2026-03-01T10:00",
        "2026-03-14T23:59:59",
        "2026-03-15T00:00",
        "2026-04-15T23:59:59",
        "2026-04-16T00:00",
    ]
    assert [spendable(ada, on(instant)) for instant in instants] == [0, 0, 100, 100, 0]


def test_a_return_before_activation_cancels_only_what_is_pending() -> None:
    ada = make.member(make.program(points={"pending_days": 14, "expiry": "months", "expiry_count": 1}))
    make.buys(ada, "30.00", at=on("2026-02-01T10:00"))
    bought = make.buys(ada, "100.00", at=on("2026-03-01T10:00"))
    run_nights(ada.program, until=date(2026, 3, 1), now=NOON)

    make.returns(ada, bought, (1, "1"), at=on("2026-03-10T10:00"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.pending, spendable(ada, on("2026-03-15T00:00"))) == (30, 0, 30)


def test_a_fact_paid_with_more_points_than_it_cost_is_refused() -> None:
    from customers.checks import InvalidFact

    fact = make.order("ada", "10.00")

    with pytest.raises(InvalidFact) as refused:
        replace(fact, paid_with_points=Decimal("10.01"))

    assert refused.value.code == "more_than_amount"


def test_what_has_expired_of_an_order_is_not_taken_from_others_when_it_comes_back() -> None:
    ada = make.member(make.program(points={"expiry": "days", "expiry_count": 10}))
    bought = make.buys(ada, "100.00", at=NOON)
    make.buys(ada, "30.00", at=NOON + timedelta(days=9))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=12))  # no night has been

    assert spendable(ada, NOON + timedelta(days=12)) == 30


def test_a_return_takes_points_that_are_due_whether_or_not_the_night_has_been() -> None:
    policy = {"pending_days": 1, "on_return": "allow_negative"}
    ada = make.member(make.program(points=policy))
    bought = make.buys(ada, "50.00", at=NOON)
    make.buys(ada, "50.00", at=NOON + timedelta(minutes=1))
    redeem(ada, 50, reference="r1", now=NOON + timedelta(days=1))

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=2))

    assert (make.wallet_of(ada).available, make.wallet_of(ada).owed) == (0, 0)
