"""Hypothesis drives the ledger and the model of what members are promised through the same steps; they agree after each."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, seed, settings
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

from loyalty.points.proof import prove
from tests.properties import driver
from tests.properties.drawing import Setting, next_terms, prices, settings_of_programs
from tests.properties.driver import REFUSALS, Driver
from tests.properties.model.past import DeliveryFact, OrderFact
from tests.properties.model.terms import MAIN
from tests.properties.model.world import Refused, World
from tests.properties.scripts import LONG, PHASES

NAMES = ["Ada", "Bob"]
PLACES = st.sampled_from([0, 0, 1])
SECOND = timedelta(seconds=1)
HOURS_AGO = st.sampled_from([0, 0, 0, 0, 1, 9, 30, 24 * 8, 24 * 40])


VERBS: set[str] = set()  # for which the machine has rules that not every driver supports


def can(verb: str) -> Callable[[Any], bool]:
    """Return the precondition of a rule for a verb."""
    VERBS.add(verb)
    return lambda machine: hasattr(machine, "world") and verb in driver.SUPPORTED


class Promises(RuleBasedStateMachine):
    """Some members of one program, and the model of what they are promised."""

    orders = Bundle("orders")
    redemptions = Bundle("redemptions")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.turn = 0
        self.is_punctual = True  # no fact came after another that occurred later
        self.is_advanced = False  # every midnight that is due was carried out

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.a_night_is_carried_out()
                self.they_agree()
                self.they_tell_the_same_story()
            assert prove().differences == []
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    @initialize(setting=settings_of_programs())
    def open(self, setting: Setting) -> None:
        self.setting, self.now = setting, setting.opening
        start = setting.opening - timedelta(hours=1)
        self.world = World(setting.terms, start, setting.zone)
        self.real = Driver(setting.terms, start, setting.zone, setting.currency)
        self.names: list[str] = []
        self.terms = setting.terms
        self.enrolled: dict[str, Any] = {}
        self.orders_of: dict[str, OrderFact] = {}
        self.returned: dict[str, int] = {}
        self.forfeited: set[str] = set()  # orders of memberships that have ended
        for name in NAMES:
            self.enrols(name)

    def enrols(self, name: str) -> None:
        self.step()
        self.world.enrol(name, self.now)
        self.real.enrol(name, self.now)
        self.names.append(name)
        self.enrolled[name] = self.now

    def step(self, prefix: str = "") -> str:
        """Let a second pass, so that no two things occur at one instant, and return a name."""
        self.turn += 1
        self.now += SECOND
        self.is_advanced = False
        return f"{prefix}{self.turn}"

    def ago(self, hours: int, least: Any) -> Any:
        """Return an instant some hours ago, but after another one."""
        if self.terms.wallets[MAIN].budget is not None:
            hours = 0
        at = self.now - timedelta(hours=hours)
        if at <= least:
            at = self.now
        self.is_punctual = self.is_punctual and at == self.now
        return at

    def who(self, place: int) -> str:
        return self.names[place % len(self.names)]

    def both(self, real: Callable[[], Any], plain: Callable[[], Any]) -> bool:
        """Do it in both; they refuse together or not at all."""
        try:
            plain()
        except Refused:
            with pytest.raises(REFUSALS):
                real()
            return False
        real()
        return True

    # -- facts

    @rule(target=orders, place=PLACES, data=st.data(), quantity=st.integers(1, 3), hours=HOURS_AGO)
    def buys(self, place: int, data: Any, quantity: int, hours: int) -> Any:
        number, who = self.step("o"), self.who(place)
        at = self.ago(hours, self.enrolled[who])
        price = data.draw(prices(self.setting.currency))
        return self.is_bought(OrderFact(number, who, at, price, quantity))

    @rule(target=orders, place=PLACES, price=st.sampled_from([40, 60, 75, 140]))
    def buys_much(self, place: int, price: int) -> Any:
        number = self.step("o")
        return self.is_bought(OrderFact(number, self.who(place), self.now, Fraction(price), 1))

    @rule(places=st.tuples(PLACES, PLACES), hours=st.tuples(HOURS_AGO, HOURS_AGO), data=st.data())
    def is_reported_together(self, places: tuple[int, int], hours: tuple[int, int], data: Any) -> None:
        """Report two orders in one batch: they are decided in the order in which they occurred."""
        facts = []
        for place, before in zip(places, hours, strict=True):
            number, who = self.step("o"), self.who(place)
            price = data.draw(prices(self.setting.currency))
            facts.append(OrderFact(number, who, self.ago(before, self.enrolled[who]), price, 2))
        facts[0] = replace(facts[0], at=min(facts[0].at, self.now - SECOND))
        for fact in facts:
            self.orders_of[fact.number], self.returned[fact.number] = fact, 0
        self.is_punctual = False
        self.world.place_orders(facts, self.now)
        self.real.place_orders(facts, self.now)
        for fact in facts:
            assert self.real.gave(fact.number) == self.world.gave(fact.number), "what the order gave"

    def is_bought(self, fact: OrderFact) -> str:
        self.orders_of[fact.number], self.returned[fact.number] = fact, 0
        plain = self.world.place_order(fact, self.now)
        assert self.real.place_order(fact, self.now) == plain, "what the order gave"
        return fact.number

    @rule(target=orders, place=PLACES, price=st.integers(1, 40), data=st.data())
    def pays_with_points(self, place: int, price: int, data: Any) -> Any:
        who, reference = self.who(place), self.step("r")
        points = data.draw(st.integers(1, 30))
        if not self.both(
            lambda: self.real.redeem(who, points, reference, self.now),
            lambda: self.world.redeem(who, points, reference, self.now),
        ):
            return multiple()
        number = self.step("o")
        paid = Fraction(2 * min(points, price))
        return self.is_bought(OrderFact(number, who, self.now, Fraction(2 * price), 2, paid, (reference,)))

    @rule(order=orders, quantity=st.integers(1, 3), hours=HOURS_AGO)
    def brings_some_back(self, order: str, quantity: int, hours: int) -> None:
        if self.returned[order] + quantity <= self.orders_of[order].quantity:
            self.brings_back(order, quantity, hours)

    def brings_back(self, order: str, quantity: int, hours: int) -> None:
        fact = self.orders_of[order]
        number = self.step("b")
        at = self.ago(hours, fact.at)
        self.returned[order] += quantity
        self.world.give_back(number, order, quantity, at, self.now)
        self.real.give_back(number, order, quantity, at, self.now)
        if order not in self.forfeited:
            assert self.real.keeps(order) == self.world.keeps(order), "what the order keeps"

    @rule(target=redemptions, place=PLACES, price=st.sampled_from([60, 75, 140]), points=st.integers(1, 60))
    def buys_spends_and_brings_back(self, place: int, price: int, points: int) -> Any:
        order = self.buys_much(place, price)
        redemption = self.redeems(place, points)
        self.brings_all_back(order)
        return redemption

    @rule(order=orders)
    def brings_all_back(self, order: str) -> None:
        if left := self.orders_of[order].quantity - self.returned[order]:
            self.brings_back(order, left, 0)

    @precondition(lambda self: hasattr(self, "world") and self.terms.wallets[MAIN].awaits)
    @rule(order=orders)
    def is_delivered(self, order: str) -> None:
        self.step()
        if not any(isinstance(each, DeliveryFact) and each.order == order for each in self.world.past.facts):
            self.world.deliver(order, self.now, self.now)
            self.real.deliver(order, self.now, self.now)

    @rule(place=PLACES, hours=HOURS_AGO)
    def visits(self, place: int, hours: int) -> None:
        number, who = self.step("v"), self.who(place)
        at = self.ago(hours, self.enrolled[who])
        self.world.visit(number, who, at, self.now)
        self.real.visit(number, who, at, self.now)

    @precondition(can("correct"))
    @rule(order=orders, data=st.data(), quantity=st.integers(1, 3))
    def is_corrected(self, order: str, data: Any, quantity: int) -> None:
        """Correct an order of which something is left, and of which something is left then."""
        self.step()
        fact, back = self.orders_of[order], self.returned[order]
        price = data.draw(prices(self.setting.currency))
        if back == fact.quantity or quantity <= back or price * quantity < fact.paid:
            return
        self.is_punctual = False
        self.orders_of[order] = replace(fact, unit_price=price, quantity=quantity)
        self.world.correct(self.orders_of[order], self.now)
        self.real.correct(self.orders_of[order], self.now)
        if order not in self.forfeited:
            assert self.real.gave(order) == self.world.gave(order), "what the corrected order gave"
            assert self.real.keeps(order) == self.world.keeps(order), "what the corrected order keeps"

    # -- points

    @rule(target=redemptions, place=PLACES, points=st.integers(1, 60))
    def redeems(self, place: int, points: int) -> Any:
        who, reference = self.who(place), self.step("r")
        if self.both(
            lambda: self.real.redeem(who, points, reference, self.now),
            lambda: self.world.redeem(who, points, reference, self.now),
        ):
            return reference
        return multiple()

    @rule(redemption=redemptions)
    def takes_a_redemption_back(self, redemption: str) -> None:
        self.step()
        self.both(
            lambda: self.real.reverse(redemption, self.now),
            lambda: self.world.reverse(redemption, self.now),
        )

    @rule(target=holds, place=PLACES, points=st.integers(1, 60), minutes=st.integers(1, 3_000))
    def holds_some(self, place: int, points: int, minutes: int) -> Any:
        who, reference = self.who(place), self.step("h")
        life = timedelta(minutes=minutes)
        if self.both(
            lambda: self.real.hold(who, points, reference, self.now, life),
            lambda: self.world.hold(who, points, reference, self.now, life),
        ):
            return reference
        return multiple()

    @rule(target=redemptions, held=holds, points=st.integers(1, 60))
    def confirms(self, held: str, points: int) -> Any:
        self.step()
        if held not in self.world.holds or points > sum(part.points for part in self.world.holds[held][2]):
            return multiple()
        self.world.confirm(held, points, self.now)
        self.real.confirm(held, points, self.now)
        return f"hold:{held}"

    @rule(held=holds)
    def releases(self, held: str) -> None:
        self.step()
        if held in self.world.holds:
            self.world.release(held, self.now)
            self.real.release(held, self.now)

    @rule(place=PLACES, points=st.integers(-40, 40).filter(bool))
    def is_adjusted(self, place: int, points: int) -> None:
        who, reference = self.who(place), self.step("a")
        self.both(
            lambda: self.real.adjust(who, points, reference, self.now),
            lambda: self.world.adjust(who, points, reference, self.now),
        )

    @rule(place=PLACES, other=st.just(1), points=st.integers(1, 60))
    def transfers(self, place: int, other: int, points: int) -> None:
        giver, taker, reference = self.who(place), self.who(place + other), self.step("t")
        if giver != taker:
            self.both(
                lambda: self.real.transfer(giver, taker, points, reference, self.now),
                lambda: self.world.transfer(giver, taker, points, reference, self.now),
            )

    # -- members, versions and time

    @rule(place=PLACES)
    def joins_or_leaves_a_household(self, place: int) -> None:
        """Let two spend together, or one alone again."""
        self.step()
        who, other = self.who(place), self.who(place + 1)
        together = [name for name in self.names if any(name in each for each in self.world.households)]
        if who in together:
            self.world.leave_household(who, self.now)
            self.real.leave_household(who, self.now)
        elif other != who and other not in together:
            self.world.join_household([who, other], self.now)
            self.real.join_household([who, other], self.now)

    @precondition(can("leave"))
    @rule(place=PLACES)
    def leaves_and_comes_back(self, place: int) -> None:
        self.step()
        who = self.who(place)
        self.world.leave(who, self.now)
        self.real.leave(who, self.now)
        self.forfeited |= {number for number, fact in self.orders_of.items() if fact.member == who}
        self.names.remove(who)
        self.enrols(who)

    @precondition(can("merge"))
    @rule(place=PLACES)
    def is_merged(self, place: int) -> None:
        if len(self.names) < 2:
            return
        self.step()
        stays, goes = self.who(place), self.who(place + 1)
        if not self.both(
            lambda: self.real.merge(stays, goes, self.now), lambda: self.world.merge(stays, goes, self.now)
        ):
            return
        self.names.remove(goes)
        self.is_punctual = False
        for number, fact in self.orders_of.items():
            if fact.member == goes:
                self.orders_of[number] = replace(fact, member=stays)

    @precondition(lambda self: hasattr(self, "world") and len(self.world.past.versions) < 3)
    @rule(data=st.data(), hours=st.integers(1, 60))
    def a_version_is_published(self, data: Any, hours: int) -> None:
        self.step()
        start = max(self.now, self.world.past.versions[-1].start) + timedelta(hours=hours)
        self.terms = data.draw(next_terms(self.terms))
        self.world.publish(self.terms, start, self.now)
        self.real.publish(self.terms, start, self.now)

    @precondition(lambda self: hasattr(self, "world"))
    @rule(hours=st.sampled_from([1, 5, 20, 31, 24 * 3, 24 * 9, 24 * 33]), night=st.booleans())
    def time_passes(self, hours: int, night: bool) -> None:  # noqa: FBT001 - drawn
        """
        Let time pass, with nights at its end or without; holds that nobody ended are given back.

        What a version gives to those whom it raises is there when somebody looks at them: so a night does.
        """
        self.step()
        before, self.now = self.now, self.now + timedelta(hours=hours)
        self.world.time_out(self.now)
        self.real.time_out(self.now)
        gives = any(step.gift for step in self.terms.ladder.steps)
        if night or (gives and any(before < version.start <= self.now for version in self.world.past.versions)):
            self.a_night_is_carried_out()

    @precondition(lambda self: hasattr(self, "world"))
    @rule()
    def a_night_is_carried_out(self) -> None:
        """Carry out the midnights that are due, and what has become due since, such as a version's beginning."""
        self.real.advance(self.now)
        self.is_advanced = True

    # -- what must be

    @invariant()
    def they_agree(self) -> None:
        for who in getattr(self, "names", []):
            for wallet in self.world.purses[who]:
                plain = self.world.balance(who, wallet, self.now)
                assert self.real.balance(who, wallet, self.now) == plain, f"{wallet} of {who}"
            if self.is_advanced and self.terms.ladder.steps:
                self.they_stand_alike(who)

    def they_stand_alike(self, who: str) -> None:
        real, promised = self.real.stand(who), self.world.stand(who)
        # Since when is compared where nothing was undone: who comes back to a tier has it since it first had it.
        assert replace(real, since=None) == replace(promised, since=None), f"tier of {who}"

    def they_tell_the_same_story(self) -> None:
        """Compare changes of tier, and what was earned and expired in all where no fact was late."""
        for who in self.names:
            assert self.real.changes(who) == self.world.changes(who), f"changes of {who}"
            if self.is_punctual:
                life, purse = self.world.lives[who], self.world.purses[who][MAIN]
                earned = sum(each.gave[MAIN] for each in life.decided.values()) + sum(
                    each.points for each in life.gifts
                )
                sums = self.real.sums(who)
                assert (sums.get("earn", 0), -sums.get("expire", 0)) == (earned, purse.lapsed), f"entries of {who}"


@pytest.mark.django_db
def test_the_ledger_does_what_members_are_promised() -> None:
    seed(int(os.environ["LOYALTY_SEED"]))(Promises)

    run_state_machine_as_test(
        Promises,
        settings=settings(
            max_examples=LONG or 25,
            stateful_step_count=50 if LONG else 25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=True,
            phases=PHASES,
        ),
    )


def test_the_machine_drives_every_verb_that_it_has_a_rule_for() -> None:
    assert driver.SUPPORTED == VERBS
