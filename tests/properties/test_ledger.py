"""Hypothesis drives the ledger and its reference through the same steps, and they must agree after each."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from customers.facts import OrderEventFact, OrderFact
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse, time_out
from loyalty.activity.intake import take_order_events, take_orders
from loyalty.activity.models import OrderDecision
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.models import Hold
from loyalty.points.proof import prove
from loyalty.points.statement import balance
from tests import make
from tests.make import NOON, START
from tests.properties.reference import Reference, Refused, Terms

LONG = int(os.environ.get("LOYALTY_LONG", "0"))  # how many lives of a ledger
NAMES = ["Ada", "Bob"]
# Without LOYALTY_SHRINK a failure is told as it was found: to make it small takes minutes.
PHASES = tuple(Phase) if os.environ.get("LOYALTY_SHRINK") else (Phase.explicit, Phase.reuse, Phase.generate)
HOURS = st.integers(0, 30)
SOME = st.integers(1, 60)


class Ledger(RuleBasedStateMachine):
    """Two members of one program, and their reference."""

    orders = Bundle("orders")
    redemptions = Bundle("redemptions")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now = NOON
        self.turn = 0
        self.last: tuple[str, Any] = ("", None)
        self.facts: dict[str, OrderFact] = {}

    def teardown(self) -> None:
        assert prove().differences == []
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize(
        pending=st.sampled_from([0, 0, 1, 3]),
        awaits=st.sampled_from([False, False, True]),
        life=st.sampled_from([None, 2, 9]),
        owes=st.booleans(),
        limit=st.sampled_from([None, None, 90]),
    )
    def open(self, pending: int, awaits: bool, life: int | None, owes: bool, limit: int | None) -> None:  # noqa: FBT001 - drawn
        policy = {
            "pending_days": pending,
            "pending_event": "delivered" if awaits else "",
            "expiry": "never" if life is None else "days",
            "expiry_count": life or 0,
            "on_return": "allow_negative" if owes else "stop_at_zero",
            "period_limit": limit,
            "may_transfer": True,
        }
        club = make.program(points=policy)
        self.members: dict[str, Membership] = {name: make.member(club, name, since=START) for name in NAMES}
        self.reference = Reference(Terms(pending, awaits, life, owes, limit), NAMES)
        self.club = club

    def name(self, prefix: str) -> str:
        self.turn += 1
        return f"{prefix}{self.turn}"

    def both(self, real: Any, plain: Any) -> bool:
        """Do it in both; they refuse together or not at all."""
        try:
            plain()
        except Refused:
            with pytest.raises(InsufficientPoints):
                real()
            return False
        real()
        return True

    @rule(target=orders, who=st.sampled_from(NAMES), price=SOME, quantity=st.integers(1, 3), hours_ago=HOURS)
    def buys(self, who: str, price: int, quantity: int, hours_ago: int) -> Any:
        number, at = self.name("o"), self.now - timedelta(hours=hours_ago)
        line = make.line(f"{price * quantity}.00", quantity=str(quantity))
        self.facts[number] = make.order(self.members[who], line, at=at, name=number)
        (answer,) = take_orders(self.club.retailer, [self.facts[number]], now=self.now)
        points = self.reference.order(who, number, price, quantity, at, self.now)
        assert answer.decisions[0].order is not None
        assert answer.decisions[0].order.points == points
        return who, number, answer

    @rule(order=orders)
    def buys_the_same_again(self, order: Any) -> None:
        (answer,) = take_orders(self.club.retailer, [self.facts[order[1]]], now=self.now)
        assert (answer.outcome.status, answer.decisions) == ("unchanged", ())

    @rule(order=orders, again=st.booleans())
    def is_delivered(self, order: Any, again: bool) -> None:  # noqa: FBT001 - drawn
        who, number, _ = order
        fact = OrderEventFact(number, "delivered", self.now)
        answers = take_order_events(self.club.retailer, [fact, fact] if again else [fact], now=self.now)
        if answers[0].outcome.status == "created":
            self.reference.delivered(who, number, self.now)

    @rule(order=orders, quantity=st.integers(1, 3))
    def brings_back(self, order: Any, quantity: int) -> None:
        who, number, bought = order
        kept = self.reference.members[who].orders[number]
        if quantity > kept.quantity - kept.returned:
            return
        answer = make.returns(self.members[who], bought, (1, str(quantity)), at=self.now)
        missing = self.reference.give_back(who, number, quantity, self.now)
        assert answer.decisions[0].order_return is not None
        assert answer.decisions[0].order_return.shortfall == (0 if self.reference.terms.owes else missing)
        assert OrderDecision.objects.get(order__number=number).points_kept == kept.kept

    @rule(target=redemptions, who=st.sampled_from(NAMES), points=SOME)
    def redeems(self, who: str, points: int) -> Any:
        reference, done = self.name("r"), []
        if not self.both(
            lambda: done.append(redeem(self.members[who], points, reference=reference, now=self.now)),
            lambda: self.reference.redeem(who, reference, points, self.now),
        ):
            return multiple()
        again = redeem(self.members[who], points, reference=reference, now=self.now)
        assert (again.entry_id, again.is_new) == (done[0].entry_id, False)
        return who, reference, done[0].entry_id

    @rule(redemption=redemptions)
    def takes_a_redemption_back(self, redemption: Any) -> None:
        who, reference, entry_id = redemption
        booked = reverse(self.members[who], entry_id, now=self.now)
        assert booked.is_new == (reference in self.reference.members[who].redeemed)
        if booked.is_new:
            self.reference.reverse(who, reference, self.now)

    @rule(target=holds, who=st.sampled_from(NAMES), points=SOME, minutes=st.integers(1, 3_000))
    def holds_some(self, who: str, points: int, minutes: int) -> Any:
        reference, made = self.name("h"), []
        life = timedelta(minutes=minutes)
        if not self.both(
            lambda: made.append(hold(self.members[who], points, reference=reference, now=self.now, life=life)[0]),
            lambda: self.reference.hold(who, reference, points, self.now),
        ):
            return multiple()
        return who, reference, made[0]

    @rule(target=redemptions, held=holds, points=SOME)
    def confirms(self, held: Any, points: int) -> Any:
        who, reference, made = held
        open_still = reference in self.reference.members[who].holds and made.times_out_at > self.now
        if not open_still or points > made.points:
            return multiple()
        confirm(made.pk, points=points, now=self.now)
        self.reference.end_hold(who, reference, points, self.now)
        entry = self.members[who].wallets.get().entries.get(cause=f"redeem:hold:{made.pk}")
        return who, f"hold:{reference}", entry.pk

    @rule(held=holds)
    def releases(self, held: Any) -> None:
        who, reference, made = held
        if Hold.objects.get(pk=made.pk).status == Hold.Status.CONFIRMED:
            return
        release(made.pk, now=self.now)
        if reference in self.reference.members[who].holds:
            self.reference.end_hold(who, reference, 0, self.now)

    @rule(who=st.sampled_from(NAMES), points=st.integers(-40, 40).filter(bool))
    def is_adjusted(self, who: str, points: int) -> None:
        reference = self.name("a")
        self.both(
            lambda: adjust(self.members[who], points, reference=reference, reason="test", author="test", now=self.now),
            lambda: self.reference.adjust(who, points, self.now),
        )

    @rule(giver=st.sampled_from(NAMES), points=SOME)
    def transfers(self, giver: str, points: int) -> None:
        (taker,) = (name for name in NAMES if name != giver)
        reference = self.name("t")
        self.both(
            lambda: transfer(self.members[giver], self.members[taker], points, reference=reference, now=self.now),
            lambda: self.reference.transfer(giver, taker, points, self.now),
        )

    @rule(hours=st.integers(1, 80))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: hasattr(self, "club"))
    @rule()
    def a_night_is_carried_out(self) -> None:
        run_nights(self.club, until=self.now.date(), now=self.now)

    @rule()
    def holds_time_out(self) -> None:
        for who, member in self.reference.members.items():
            wallet = make.wallet_of(self.members[who])
            for made in Hold.objects.filter(wallet=wallet, status="open", times_out_at__lte=self.now):
                if made.reference in member.holds:
                    self.reference.end_hold(who, made.reference, 0, self.now)
        time_out(self.club.retailer, now=self.now)

    @invariant()
    def they_agree(self) -> None:
        for who, member in getattr(self, "members", {}).items():
            found = balance(make.wallet_of(member), at=self.now, zone=self.club.tzinfo)
            real = (found.available, found.pending, found.held, found.owed)
            assert real == self.reference.balance(who, self.now), who


@pytest.mark.django_db
def test_the_ledger_agrees_with_its_reference() -> None:
    seed(int(os.environ["LOYALTY_SEED"]))(Ledger)

    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=LONG or 60,
            stateful_step_count=60 if LONG else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=PHASES,
        ),
    )
