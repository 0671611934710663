from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.activity.account.adjusting import ReasonMissing, adjust
from loyalty.activity.account.session import InsufficientPoints, OtherRequest
from loyalty.activity.account.spending import (
    HoldEnded,
    MoreThanHeld,
    NotARedemption,
    confirm,
    hold,
    redeem,
    release,
    reverse,
    time_out,
)
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Hold, Lot
from loyalty.points.proof import prove
from loyalty.points.state import OpenLot
from loyalty.points.statement import balance
from loyalty.points.states import State
from tests import make
from tests.make import NOON, Rule

pytestmark = pytest.mark.django_db


def member_with(balance: int, **given: object) -> Membership:
    ada = make.member(make.program(**given))  # type: ignore[arg-type] # the builder's own keywords
    make.buys(ada, f"{balance}.00", at=NOON - timedelta(days=1))
    return ada


def test_a_redemption_spends_and_says_what_is_left() -> None:
    ada = member_with(100)

    booked = redeem(ada, 30, reference="reward:1", now=NOON)

    assert (booked.points, booked.available, booked.is_new) == (30, 70, True)
    assert make.wallet_of(ada).available == 70


def test_a_redemption_beyond_the_balance_is_refused_and_changes_nothing() -> None:
    ada = member_with(100)

    with pytest.raises(InsufficientPoints) as refused:
        redeem(ada, 101, reference="reward:1", now=NOON)

    assert str(refused.value) == "101 points are asked for; 100 can be spent."
    assert (make.wallet_of(ada).available, Entry.objects.count()) == (100, 1)


def test_the_same_redemption_again_changes_nothing_and_another_of_its_reference_is_a_conflict() -> None:
    ada = member_with(100)
    first = redeem(ada, 30, reference="reward:1", now=NOON)

    again = redeem(ada, 30, reference="reward:1", now=NOON)
    with pytest.raises(OtherRequest):
        redeem(ada, 31, reference="reward:1", now=NOON)

    assert (again.entry_id, again.is_new, make.wallet_of(ada).available) == (first.entry_id, False, 70)


def lots_of(ada: Membership, *given: tuple[int, datetime | None]) -> None:
    """Give a member lots with their expiry, as a migration from another system does."""
    from customers.core.ids import new_id
    from loyalty.points import ledger
    from loyalty.points.state import NewLot, Posting

    wallet = make.wallet_of(ada)
    earned = datetime(2026, 1, 2, tzinfo=UTC)
    version = ada.program.versions.get().pk
    lots = tuple(
        NewLot(new_id(), amount, earned, earned, expires, version, None, None, State.AVAILABLE)
        for amount, expires in given
    )
    posting = Posting(wallet.retailer_id, wallet.pk, "earn", make.number("grant"), earned, {}, lots)
    ledger.post([posting], balances={wallet.pk: wallet.balance}, now=earned)
    ends = [expires for _, expires in given if expires is not None]
    Membership.objects.filter(pk=ada.pk).update(next_due_at=min(ends, default=None))


JULY, JUNE = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)  # the first unusable instants


def test_what_expires_first_is_spent_first() -> None:
    ada = make.member(make.program())
    lots_of(ada, (40, None), (60, JULY), (30, JUNE))

    redeem(ada, 50, reference="reward:1", now=datetime(2026, 5, 20, tzinfo=UTC))

    assert dict(Lot.objects.values_list("amount", "available")) == {40: 40, 60: 40, 30: 0}


def test_what_has_expired_cannot_be_spent_before_the_night_has_been() -> None:
    ada = make.member(make.program())
    lots_of(ada, (40, None), (60, JULY), (30, JUNE))

    with pytest.raises(InsufficientPoints) as refused:
        redeem(ada, 110, reference="reward:1", now=JUNE)

    assert refused.value.facts == {"asked": 110, "available": 100}
    assert redeem(ada, 100, reference="reward:2", now=JUNE).available == 0


def test_what_is_due_can_be_spent_before_the_night_has_been() -> None:
    ada = member_with(100, points={"pending_days": 1})

    booked = redeem(ada, 60, reference="reward:1", now=NOON)

    assert booked.available == 40
    assert list(Entry.objects.order_by("id").values_list("kind", "balance_after")) == [
        ("earn", 0),
        ("activate", 100),
        ("redeem", 40),
    ]


@pytest.mark.parametrize(("policy", "left", "after_earning"), [("allow_negative", -50, 10), ("stop_at_zero", 0, 60)])
def test_earn_fifty_spend_fifty_return_the_order(policy: str, left: int, after_earning: int) -> None:
    ada = make.member(make.program(points={"on_return": policy}))
    bought = make.buys(ada, "50.00")
    redeem(ada, 50, reference="reward:1", now=NOON)

    answer = make.returns(ada, bought, (1, "1"))
    assert make.wallet_of(ada).balance == left
    make.buys(ada, "60.00", at=NOON + timedelta(days=2))

    assert answer.decisions[0].order_return is not None
    assert answer.decisions[0].order_return.shortfall == (50 if policy == "stop_at_zero" else 0)
    assert make.wallet_of(ada).balance == after_earning


def test_a_reversal_restores_the_same_lots_with_their_expiry() -> None:
    ada = make.member(make.program())
    lots_of(ada, (40, None), (60, JULY), (30, JUNE))
    booked = redeem(ada, 100, reference="reward:1", now=JUNE - timedelta(days=9))

    undone = reverse(ada, booked.entry_id, now=JUNE + timedelta(days=1))
    again = reverse(ada, booked.entry_id, now=JULY + timedelta(days=1))

    assert (undone.points, undone.expired, undone.available) == (70, 30, 100)
    assert (again.points, again.expired, again.is_new) == (70, 30, False)
    assert dict(Lot.objects.values_list("amount", "available")) == {40: 40, 60: 60, 30: 0}


def test_what_is_no_redemption_cannot_be_reversed() -> None:
    ada, bob = member_with(100), member_with(100)
    earned = Entry.objects.get(wallet__membership=ada)
    spent = redeem(bob, 10, reference="reward:1", now=NOON)

    for entry_id in (earned.pk, spent.entry_id):
        with pytest.raises(NotARedemption):
            reverse(ada, entry_id, now=NOON)


def test_what_comes_back_repays_first_what_is_owed() -> None:
    ada = make.member(make.program(points={"on_return": "allow_negative"}))
    bought = make.buys(ada, "50.00")
    booked = redeem(ada, 50, reference="reward:1", now=NOON)
    make.returns(ada, bought, (1, "1"))

    undone = reverse(ada, booked.entry_id, now=NOON + timedelta(days=2))

    wallet = make.wallet_of(ada)
    assert (undone.available, wallet.available, wallet.owed) == (0, 0, 0)


def test_a_hold_is_confirmed_in_part_and_the_rest_goes_back() -> None:
    ada = member_with(100)

    made, available = hold(ada, 60, reference="till:1", now=NOON)
    assert (available, make.wallet_of(ada).held) == (40, 60)
    ended = confirm(made.pk, points=45, now=NOON)

    wallet = make.wallet_of(ada)
    assert (ended.status, ended.redeemed) == ("confirmed", 45)
    assert (wallet.available, wallet.held) == (55, 0)


def test_at_most_one_end_of_a_hold_wins() -> None:
    ada = member_with(100)
    made, _ = hold(ada, 60, reference="till:1", now=NOON)
    release(made.pk, now=NOON)

    assert release(made.pk, now=NOON).status == "released"
    with pytest.raises(HoldEnded):
        confirm(made.pk, now=NOON)

    assert (make.wallet_of(ada).available, make.wallet_of(ada).held) == (100, 0)


def test_a_hold_times_out_and_cannot_be_confirmed_afterwards() -> None:
    ada = member_with(100)
    made, _ = hold(ada, 60, reference="till:1", now=NOON, life=timedelta(minutes=5))
    late = NOON + timedelta(minutes=5)

    with pytest.raises(HoldEnded):
        confirm(made.pk, now=late)
    counts = [time_out(ada.program.retailer, now=at) for at in (late - timedelta(seconds=1), late, late)]

    made.refresh_from_db()
    assert (counts, made.status, make.wallet_of(ada).available) == ([0, 1, 0], "timed_out", 100)


def test_held_points_whose_lot_expires_come_back_as_expired() -> None:
    ada = make.member(make.program())
    lots_of(ada, (30, JUNE), (40, None))
    made, _ = hold(ada, 50, reference="till:1", now=JUNE - timedelta(minutes=5))
    run_nights(ada.program, until=JUNE.date(), now=JUNE)

    release(made.pk, now=JUNE)

    assert (make.wallet_of(ada).available, make.wallet_of(ada).held) == (40, 0)


def test_the_same_hold_again_is_the_same_and_more_than_held_is_refused() -> None:
    ada = member_with(100)
    made, _ = hold(ada, 60, reference="till:1", now=NOON)

    again, _ = hold(ada, 60, reference="till:1", now=NOON)
    with pytest.raises(MoreThanHeld):
        confirm(made.pk, points=61, now=NOON)

    assert (again.pk, Hold.objects.count(), make.wallet_of(ada).held) == (made.pk, 1, 60)


def test_an_adjustment_has_a_reason_and_an_author() -> None:
    ada = member_with(100)

    given = adjust(ada, 25, reference="case:1", reason="late delivery", author="bob", now=NOON)
    taken = adjust(ada, -5, reference="case:2", reason="mistake", author="bob", now=NOON)
    with pytest.raises(ReasonMissing):
        adjust(ada, 5, reference="case:3", reason=" ", author="bob", now=NOON)

    assert (given.available, taken.available) == (125, 120)
    assert Entry.objects.filter(kind="adjust").order_by("id").first().explanation == {  # type: ignore[union-attr]
        "points": 25,
        "reason": "late delivery",
        "author": "bob",
    }


class Reference:
    """The same member in a dictionary: what can be spent, what is held, what was redeemed by which reference."""

    def __init__(self) -> None:
        self.free, self.held, self.spent = 0, 0, 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 90)),
        st.tuples(st.just("redeem"), st.integers(1, 120)),
        st.tuples(st.just("hold"), st.integers(1, 120)),
        st.tuples(st.just("confirm"), st.integers(1, 120)),
        st.tuples(st.just("release"), st.just(0)),
        st.tuples(st.just("reverse"), st.just(0)),
        st.tuples(st.just("adjust"), st.integers(-60, 60).filter(bool)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_steps_come_to_what_a_dictionary_says(steps: Sequence[tuple[str, int]]) -> None:
    ada, model = make.member(make.program(rules=[Rule()])), Reference()
    holds: list[Hold] = []
    redemptions: list[tuple[UUID, int]] = []
    refused: list[tuple[str, int, int]] = []

    for turn, (step, amount) in enumerate(steps):
        at = NOON + timedelta(minutes=turn)
        try:
            if step == "earn":
                make.buys(ada, f"{amount}.00", at=at)
                model.free += amount
            elif step == "redeem":
                redemptions.append((redeem(ada, amount, reference=f"r{turn}", now=at).entry_id, amount))
                model.free, model.spent = model.free - amount, model.spent + amount
            elif step == "hold":
                holds.append(hold(ada, amount, reference=f"h{turn}", now=at, life=timedelta(days=1))[0])
                model.free, model.held = model.free - amount, model.held + amount
            elif step == "confirm" and holds:
                ended = confirm(holds[-1].pk, points=amount, now=at)
                holds.pop()
                model.held -= ended.points
                model.free, model.spent = model.free + ended.points - amount, model.spent + amount
            elif step == "release" and holds:
                ended = release(holds.pop().pk, now=at)
                model.free, model.held = model.free + ended.points, model.held - ended.points
            elif step == "reverse" and redemptions:
                entry_id, points = redemptions.pop()
                reverse(ada, entry_id, now=at)
                model.free, model.spent = model.free + points, model.spent - points
            elif step == "adjust":
                adjust(ada, amount, reference=f"a{turn}", reason="test", author="test", now=at)
                model.free += amount
        except (InsufficientPoints, MoreThanHeld) as refusal:
            refused.append(
                (step, refusal.facts["asked"], refusal.facts.get("available") or refusal.facts.get("held", 0))
            )

    assert all(asked > there for _, asked, there in refused)
    found = balance(make.wallet_of(ada), at=NOON + timedelta(hours=1), zone=ada.program.tzinfo)
    assert (found.available, found.held) == (model.free, model.held)
    assert prove().differences == []


def test_an_open_lot_is_usable_until_its_expiry() -> None:
    lot = OpenLot(Lot().pk, None, NOON, NOON, JULY, 0, 5)

    assert (lot.is_usable(JULY - timedelta(seconds=1)), lot.is_usable(JULY)) == (True, False)
