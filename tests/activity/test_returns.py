from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.returning import MoreThanBought
from loyalty.activity.models import OrderDecision, ReturnDecision
from loyalty.configuration.drafts import open_draft, publish
from loyalty.points.models import Entry, Lot, QualifyingDay
from tests import make
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db


def test_returning_everything_leaves_the_member_as_before() -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "10.00", "5.00")

    make.returns(ada, bought, (1, "1"), (2, "1"))

    day = QualifyingDay.objects.get()
    assert make.wallet_of(ada).balance == 0
    assert (day.spend, day.points) == (0, 0)


def test_a_return_takes_exactly_what_the_kept_lines_would_not_have_earned() -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "10.60", "5.60")  # 16 points

    make.returns(ada, bought, (2, "1"))  # 10.60 is kept: 10 points

    assert make.wallet_of(ada).available == 10
    entry = Entry.objects.get(kind="return")
    assert (entry.explanation["kept_before"], entry.explanation["kept_now"]) == (16, 10)


def test_the_rules_of_the_orders_own_day_decide_its_return() -> None:
    club = make.program()
    ada = make.member(club)
    bought = make.buys(ada, "50.00")
    draft = open_draft(club)
    draft.earning_rules.update(points=2)
    publish(draft, effective_from=NOON + timedelta(hours=1), now=NOON)

    make.returns(ada, bought, (1, "1"))

    assert make.wallet_of(ada).balance == 0


def test_pending_points_are_cancelled_first() -> None:
    ada = make.member(make.program(points={"pending_days": 14}))
    bought = make.buys(ada, "10.00", "5.00")

    make.returns(ada, bought, (2, "1"))

    wallet = make.wallet_of(ada)
    assert (wallet.pending, wallet.available) == (10, 0)


def test_what_is_not_there_is_a_recorded_shortfall() -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "50.00")
    _spend_all(ada)

    answer = make.returns(ada, bought, (1, "1"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.owed, wallet.balance) == (0, 0, 0)
    assert answer.decisions[0].order_return is not None
    assert answer.decisions[0].order_return.shortfall == 50
    assert ReturnDecision.objects.get().shortfall == 50


def test_what_is_not_there_is_owed_and_repaid_first_where_the_program_says_so() -> None:
    ada = make.member(make.program(points={"on_return": "allow_negative"}))
    bought = make.buys(ada, "50.00")
    _spend_all(ada)

    make.returns(ada, bought, (1, "1"))
    assert make.wallet_of(ada).balance == -50
    make.buys(ada, "60.00", at=NOON + timedelta(days=2))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.owed, wallet.balance) == (10, 0, 10)
    assert list(Entry.objects.order_by("id").values_list("kind", "balance_after"))[-2:] == [("earn", 10), ("repay", 10)]


def test_owed_points_are_repaid_when_pending_ones_become_active() -> None:
    from loyalty.activity.nightly import run_nights

    ada = make.member(make.program(points={"on_return": "allow_negative", "pending_days": 1}))
    bought = make.buys(ada, "50.00")
    run_nights(ada.program, until=NOON.date() + timedelta(days=1), now=NOON)
    _spend_all(ada)
    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=2))
    make.buys(ada, "60.00", at=NOON + timedelta(days=3))

    run_nights(ada.program, until=NOON.date() + timedelta(days=4), now=NOON)

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.pending, wallet.owed) == (10, 0, 0)


def test_a_return_of_the_whole_first_order_takes_its_bonus_back() -> None:
    rules = [Rule(), Rule(points="100", code="welcome", kind="first_order", uses_multiplier=False)]
    ada = make.member(make.program(rules=rules))
    bought = make.buys(ada, "10.00")

    make.returns(ada, bought, (1, "1"))

    assert make.wallet_of(ada).balance == 0


def test_the_multiplier_of_the_order_counts_not_that_of_today() -> None:
    tiers = (("bronze", "0", "1"), ("silver", "100", "3"))
    ada = make.member(make.program(tiers=tiers))
    bought = make.buys(ada, "50.00")
    make.buys(ada, "50.00", at=NOON + timedelta(hours=1))

    make.returns(ada, bought, (1, "1"))

    assert make.wallet_of(ada).balance == 50


def test_the_same_return_again_takes_nothing_more() -> None:
    from customers.facts import ReturnFact
    from loyalty.activity.intake import take_returns

    ada = make.member(make.program())
    bought = make.buys(ada, "10.00", "5.00")
    answer = make.returns(ada, bought, (2, "1"))
    fact: ReturnFact = answer.outcome.fact

    take_returns(ada.retailer, [fact], now=NOON)

    assert make.wallet_of(ada).available == 10


def test_more_than_was_bought_is_refused_and_changes_nothing() -> None:
    ada = make.member(make.program())
    bought = make.buys(ada, "10.00")

    with pytest.raises(MoreThanBought):
        make.returns(ada, bought, (1, "2"))

    assert (make.wallet_of(ada).available, Entry.objects.count()) == (10, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prices=st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    quantities=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    picks=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=6),
)
def test_any_split_of_returns_keeps_what_the_kept_lines_earn(
    prices: list[int], quantities: list[int], picks: list[tuple[int, int]]
) -> None:
    ada = make.member(make.program(rules=[Rule(points="0.7")], points={"on_return": "allow_negative"}))
    lines = [make.line(f"{price / 100:.2f}", quantity=str(quantities[at])) for at, price in enumerate(prices)]
    bought = make.buys(ada, *lines)
    left = quantities[: len(prices)]

    for day, (place, quantity) in enumerate(picks, start=1):
        if place < len(left) and quantity <= left[place]:
            left[place] -= quantity
            make.returns(ada, bought, (place + 1, str(quantity)), at=NOON + timedelta(days=day))

    kept = sum(price - _back(price, quantities[at], left[at]) for at, price in enumerate(prices))
    assert make.wallet_of(ada).balance == kept * 7 // 1000
    assert OrderDecision.objects.get(membership=ada).points_kept == kept * 7 // 1000


def _back(cents: int, bought: int, left: int) -> int:
    """What of a line came back, in cents, half up."""
    return (2 * cents * (bought - left) + bought) // (2 * bought)


def _spend_all(ada: object) -> None:
    """Take a member's points out of the ledger as a redemption does: a lot's points go to redeemed."""
    from loyalty.memberships.models import Membership
    from loyalty.points import ledger
    from loyalty.points.state import Move, Posting
    from loyalty.points.states import State

    assert isinstance(ada, Membership)
    wallet = make.wallet_of(ada)
    lots = Lot.objects.filter(wallet=wallet, available__gt=0)
    moves = tuple(Move(lot.pk, State.AVAILABLE, State.REDEEMED, lot.available) for lot in lots)
    posting = Posting(
        retailer_id=wallet.retailer_id,
        wallet_id=wallet.pk,
        kind="redeem",
        cause=f"test:{make.number('redeem')}",
        occurred_at=NOON,
        explanation={},
        moves=moves,
    )
    ledger.post([posting], balances={wallet.pk: wallet.balance}, now=NOON)
