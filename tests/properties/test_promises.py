"""Hypothesis drives the ledger and the model of what members are promised through the same steps; they agree after each."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
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
    run_state_machine_as_test,
)

from loyalty.activity.replaying import replay
from loyalty.points.proof import prove
from tests.properties import driver
from tests.properties.counting import count, rule
from tests.properties.drawing import DECIMALS, MAX, PLUS, STATUS, Setting, next_terms, prices, settings_of_programs
from tests.properties.driver import REFUSALS, Driver
from tests.properties.model.past import DeliveryFact, OrderFact
from tests.properties.model.terms import MAIN, ChallengeTerms, Refused
from tests.properties.model.world import World
from tests.properties.scripts import LONG, PHASES

NAMES = ["Ada", "Bob"]
FRIENDS = [*NAMES, "Cyd", "Dan", "Eve", "Fay"]
PLACES = st.sampled_from([0, 0, 1])
SECOND = timedelta(seconds=1)
BATCH = 10  # lives
MAX_MEMBERS = 4
NOT_DRAWN = {
    "merges where members join challenges of visits for some tiers or plans": "on which one was at a visit is not kept: of who "
    "had not joined, it does not count",
    "corrections to another instant or another customer": "the model decides a corrected order on the tier that it had "
    "(tests/cases/test_moved_orders.py and test_corrections.py have what is promised)",
    "tiers by balance": "the model lives a past without the points that are spent of it (tests/cases/test_tiers.py)",
    "what ended memberships used of a budget, lived again": "a past begins with its membership",
}
HOURS_AGO = st.sampled_from([0, 0, 0, 0, 1, 9, 30, 24 * 8, 24 * 40])


def offers(what: str) -> Callable[[Any], bool]:
    """Return the precondition of a rule for what some programs offer."""
    return lambda machine: hasattr(machine, "world") and bool(getattr(machine.setting.terms, what))


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
    invoices = Bundle("invoices")
    rewards = Bundle("rewards")
    tills = Bundle("tills")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.kind = ""  # of step, set by its rule
        self.turn = 0
        self.is_punctual = True  # no fact came after another that occurred later
        self.is_advanced = False  # every midnight that is due was carried out

    def teardown(self) -> None:
        count("(lives)")
        try:
            if hasattr(self, "world"):
                self.nights_are_carried_out()
                self.they_agree()
                self.each_is_read_alike()
                self.they_tell_the_same_story()
                self.they_come_to_the_same_again()
            assert prove().differences == []
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    @initialize(setting=settings_of_programs())
    def open(self, setting: Setting) -> None:
        self.setting, self.now = setting, setting.opening
        start = setting.opening - timedelta(hours=1)
        self.world = World(setting.terms, start, setting.zone, DECIMALS[setting.currency])
        self.real = Driver(setting.terms, start, setting.zone, setting.currency)
        self.names: list[str] = []
        self.terms = setting.terms
        self.enrolled: dict[str, Any] = {}
        self.orders_of: dict[str, OrderFact] = {}
        self.returned: dict[str, int] = {}
        self.forfeited: set[str] = set()  # orders of memberships that have ended
        self.paid_with: set[str] = set()  # rewards that paid an order
        self.friends_orders: list[str] = []
        self.has_ended = False  # a membership
        self.ended_by_time = 0  # rewards that expired or were withdrawn
        for name in NAMES:
            self.enrols(name)

    def enrols(self, name: str) -> None:
        self.step()
        self.world.enrol(name, self.now)
        self.real.enrol(name, self.now)
        self.names.append(name)
        self.enrolled[name] = self.now

    def step(self, prefix: str = "") -> str:
        """Count a step, and return a name for what it brings."""
        count(self.kind or "enrols")
        return self.second(prefix)

    def second(self, prefix: str = "") -> str:
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

    def gives_gifts(self) -> bool:
        return any(step.gift for step in self.terms.ladder.steps)

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

    def ask(self, what: Callable[[Any], Any]) -> bool:
        """Ask both the same; they refuse together or not at all."""
        return self.both(lambda: what(self.real), lambda: what(self.world))

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

    # -- challenges

    @precondition(offers("challenges"))
    @rule(place=PLACES, code=st.sampled_from("xyz"))
    def joins_a_challenge(self, place: int, code: str) -> None:
        self.step()
        who = self.who(place)
        self.ask(lambda system: system.join_challenge(who, code, self.now))

    # -- referrals

    @precondition(offers("referrals"))
    @rule(place=PLACES, hours=st.sampled_from([0, 0, 0, 9]), signal=st.sampled_from(["", "", "", "ip", "address"]))
    def a_friend_joins(self, place: int, hours: int, signal: str) -> None:
        """Let a friend of a member become one, and say who referred it."""
        friend = next((name for name in FRIENDS if name not in self.enrolled), None)
        if friend is not None and len(self.names) < MAX_MEMBERS:
            advocate = self.who(place)
            self.enrols(friend)
            if hours:
                self.passes_until(self.now + timedelta(hours=hours))
            self.step()
            self.ask(lambda system: system.claim(friend, advocate, signal, self.now, self.now))

    @precondition(offers("referrals"))
    @rule(place=PLACES, other=st.sampled_from([0, 1, 1, 2]), hours=HOURS_AGO)
    def says_who_referred_it(self, place: int, other: int, hours: int) -> None:
        self.step()
        friend, advocate = self.who(place), self.who(place + other)
        at = self.ago(hours, max(self.enrolled[friend], self.enrolled[advocate]))
        self.ask(lambda system: system.claim(friend, advocate, "", at, self.now))

    @precondition(offers("referrals"))
    @rule(place=st.integers(0, 3), price=st.sampled_from([20, 41, 60]), hours=HOURS_AGO)
    def a_friend_buys(self, place: int, price: int, hours: int) -> None:
        """Let one who was referred buy, and bring some of it back or not."""
        friends = [each.friend for each in self.world.referrals.all if each.friend in self.names and each.is_live]
        if friends:
            number, who = self.step("o"), friends[place % len(friends)]
            self.is_bought(OrderFact(number, who, self.ago(hours, self.enrolled[who]), Fraction(price), 2))
            self.friends_orders.append(number)

    @precondition(offers("referrals"))
    @rule(place=st.integers(0, 3), quantity=st.integers(1, 2))
    def a_friend_brings_back(self, place: int, quantity: int) -> None:
        if self.friends_orders:
            self.brings_some_back(self.friends_orders[place % len(self.friends_orders)], quantity, 0)

    @precondition(offers("referrals"))
    @rule(place=st.integers(0, 3), approve=st.booleans())
    def somebody_looks_at_a_referral(self, place: int, approve: bool) -> None:  # noqa: FBT001 - drawn
        self.step()
        who = self.names[place % len(self.names)]
        if approve or place == 0:
            self.ask(lambda system: system.review(who, self.now, approve=approve))

    # -- plans

    @precondition(offers("plans"))
    @rule(
        target=invoices,
        place=PLACES,
        code=st.sampled_from([PLUS, MAX]),
        method=st.sampled_from(["pays", "pays", "declines", "later", ""]),
        is_paid=st.booleans(),
    )
    def joins_a_plan(self, place: int, code: str, method: str, is_paid: bool) -> Any:  # noqa: FBT001 - drawn
        self.step()
        who = self.who(place)
        self.ask(lambda system: system.join_plan(who, code, method, self.now))
        invoice = self.open_invoice(who)
        if is_paid:
            self.the_provider_is_asked()
        return invoice

    @precondition(offers("plans"))
    @rule(
        target=invoices,
        place=PLACES,
        code=st.sampled_from([PLUS, MAX]),
        when=st.sampled_from(["", "now", "period_end"]),
        is_paid=st.booleans(),
    )
    def changes_its_plan(self, place: int, code: str, when: str, is_paid: bool) -> Any:  # noqa: FBT001 - drawn
        self.step()
        who = self.who(place)
        self.ask(lambda system: system.change_plan(who, code, when, self.now))
        invoice = self.open_invoice(who)
        if is_paid:
            self.the_provider_is_asked()
        return invoice

    @precondition(offers("plans"))
    @rule(place=PLACES, verb=st.sampled_from(["cancel_plan", "resume_plan"]))
    def cancels_its_plan_or_goes_on(self, place: int, verb: str) -> None:
        self.step()
        who = self.who(place)
        self.ask(lambda system: getattr(system, verb)(who, self.now))

    @precondition(offers("plans"))
    @rule(place=PLACES, refunds=st.booleans())
    def staff_ends_its_plan(self, place: int, refunds: bool) -> None:  # noqa: FBT001 - drawn
        self.step()
        who = self.who(place)
        self.ask(lambda system: system.end_plan(who, self.now, refunds=refunds))

    @precondition(offers("plans"))
    @rule(place=PLACES, method=st.sampled_from(["pays", "declines", "later"]))
    def names_a_payment_method(self, place: int, method: str) -> None:
        self.step()
        who = self.who(place)
        self.ask(lambda system: system.use_method(who, method, self.now))

    @precondition(offers("plans"))
    @rule()
    def the_provider_is_asked(self) -> None:
        self.step()
        self.world.collect(self.now)
        self.real.collect(self.now)

    @precondition(offers("plans"))
    @rule(target=invoices, place=PLACES)
    def a_period_ends(self, place: int) -> Any:
        """Let time pass until a night changes a member's plan, and return what is to be paid then."""
        who = self.who(place)
        self.step()
        at = self.world.plans[who].next_night()
        if at is not None and at > self.now:
            self.passes_until(at + SECOND)
        return self.open_invoice(who)

    def open_invoice(self, who: str) -> Any:
        """Return a name of a member's open invoice, if there is one."""
        reference = self.second("i")
        is_there = self.world.note_invoice(who, reference, self.now)
        assert self.real.note_invoice(who, reference, self.now) == is_there, "whether an invoice is open"
        return reference if is_there else multiple()

    @rule(invoice=invoices, hours=st.sampled_from([0, 0, 5, 24 * 4, 24 * 12, 24 * 40]))
    def a_payment_is_told(self, invoice: str, hours: int) -> None:
        """Let the provider tell of a payment, perhaps late, perhaps of one that is paid already, and each notice twice."""
        self.step()
        at = self.now - timedelta(hours=hours)
        self.ask(lambda system: system.tell_paid(invoice, at, self.now))

    @rule(invoice=invoices, hours=st.sampled_from([0, 0, 5, 24 * 4]))
    def a_failure_is_told(self, invoice: str, hours: int) -> None:
        self.step()
        at = self.now - timedelta(hours=hours)
        self.ask(lambda system: system.tell_failed(invoice, at, self.now))

    @rule(invoice=invoices)
    def is_paid_at_a_till(self, invoice: str) -> None:
        self.step()
        self.ask(lambda system: system.mark_paid(invoice, self.now))

    @rule(invoice=invoices, units=st.sampled_from([1, 333, 1_000]))
    def staff_refunds_a_fee(self, invoice: str, units: int) -> None:
        self.step()
        self.ask(lambda system: system.refund_invoice(invoice, units, self.now))

    # -- rewards

    @precondition(offers("rewards"))
    @rule(target=rewards, place=PLACES, code=st.data(), points=st.integers(5, 40), from_status=st.booleans())
    def has_a_reward(self, place: int, code: Any, points: int, from_status: bool) -> Any:  # noqa: FBT001 - drawn
        """Let a member have a reward, mostly with points that it was given for it."""
        if points > 10:
            self.is_adjusted(place, 45)
        who, reference = self.who(place), self.step("w")
        reward = code.draw(st.sampled_from(self.setting.terms.rewards))
        wallet = STATUS if from_status and STATUS in self.terms.wallets else MAIN
        some = points if reward.kind in {"donation", "pay_with_points"} else None
        is_there = self.ask(lambda system: system.redeem_reward(who, reward.code, wallet, some, reference, self.now))
        return reference if is_there else multiple()

    @rule(reward=rewards, verb=st.sampled_from(["cancel_reward", "refund_reward", "reverse"]))
    def a_reward_is_taken_back(self, reward: str, verb: str) -> None:
        """Take a reward back; its points alone do not come back, unless they have."""
        self.step()
        if verb == "reverse" and self.world.rewards.all[reward].is_over:
            return
        self.ask(lambda system: getattr(system, verb)(reward, self.now))

    @rule(reward=rewards, status=st.sampled_from(["in_progress", "fulfilled"]))
    def a_reward_is_sent(self, reward: str, status: str) -> None:
        self.step()
        self.ask(lambda system: system.send_reward(reward, status, self.now))

    @rule(target=tills, reward=rewards, minutes=st.sampled_from([1, 5, 60 * 24]))
    def a_till_has_a_voucher(self, reward: str, minutes: int) -> Any:
        till, life = self.step("k"), timedelta(minutes=minutes)
        if self.world.rewards.all[reward].terms.codes == "none":
            return multiple()
        return (
            (reward, till) if self.ask(lambda system: system.hold_voucher(reward, till, self.now, life)) else multiple()
        )

    @rule(till=tills, verb=st.sampled_from(["confirm_voucher", "confirm_voucher", "release_voucher"]))
    def a_till_ends_its_hold(self, till: tuple[str, str], verb: str) -> None:
        self.step()
        self.ask(lambda system: getattr(system, verb)(*till, self.now))

    @precondition(offers("rewards"))
    @rule(target=orders, place=PLACES, code=st.data(), is_used=st.booleans())
    def has_a_reward_and_pays_with_it(self, place: int, code: Any, is_used: bool) -> Any:  # noqa: FBT001 - drawn
        reward = self.has_a_reward(place, code, points=30, from_status=False)
        return self.pays_with_a_reward(reward, place, is_used, 40) if isinstance(reward, str) else multiple()

    @rule(target=orders, reward=rewards, place=PLACES, is_used=st.booleans(), price=st.sampled_from([5, 40]))
    def pays_with_a_reward(self, reward: str, place: int, is_used: bool, price: int) -> Any:  # noqa: FBT001 - drawn
        """Buy with a reward that is not over, which a till uses before the order is told, or does not."""
        number = self.step("o")
        had = self.world.rewards.all[reward]
        if self.world.reward(reward, self.now) != "usable" or had.terms.codes == "none" or reward in self.paid_with:
            return multiple()
        if is_used:
            self.ask(lambda system: system.hold_voucher(reward, number, self.now))
            self.ask(lambda system: system.confirm_voucher(reward, number, self.now))
        self.paid_with.add(reward)
        return self.is_bought(OrderFact(number, had.member, self.now, Fraction(price), 3, redemptions=(reward,)))

    @precondition(lambda self: hasattr(self, "world") and self.setting.terms.reward("cause") is not None)
    @rule()
    def a_cause_is_paid_out(self) -> None:
        self.step()
        self.ask(lambda system: system.pay_out("cause", self.now))

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
        self.has_ended = True
        self.forfeited |= {number for number, fact in self.orders_of.items() if fact.member == who}
        self.names.remove(who)
        self.enrols(who)

    @precondition(can("merge"))
    @rule(place=PLACES)
    def is_merged(self, place: int) -> None:
        if len(self.names) < 2 or any(map(_is_joined_for_visits_of_some, self.setting.terms.challenges)):
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

    @precondition(can("merge"))
    @precondition(offers("plans"))
    @rule(
        target=orders,
        place=PLACES,
        codes=st.permutations([PLUS, MAX]),
        hours=st.sampled_from([1, 9, 24 * 8]),
        asks_first=st.booleans(),
        is_over=st.sampled_from([True, True, False]),
    )
    def is_merged_while_its_plan_waits(
        self,
        place: int,
        codes: list[str],
        hours: int,
        asks_first: bool,  # noqa: FBT001 - drawn
        is_over: bool,  # noqa: FBT001 - drawn
    ) -> Any:
        """
        Let one with a plan of its own take over who never paid for one, and tell late of an order of its plan's time.

        :param asks_first: whether who goes asked for its plan before the other one had its own
        :param is_over: whether the plan of who stays ends before the merge
        """
        if self.terms.wallets[MAIN].budget is not None or len(self.names) < 2:
            return multiple()
        with_own, with_none = (place, codes[0], "pays", True), (place + 1, codes[1], "", False)
        for plan in (with_none, with_own) if asks_first else (with_own, with_none):
            self.joins_a_plan(*plan)
        self.passes_until(self.now + timedelta(hours=hours))
        bought_at = self.now
        self.passes_until(self.now + timedelta(hours=hours))
        stays = self.who(place)
        if is_over:
            self.staff_ends_its_plan(place, refunds=True)
        self.is_merged(place)
        number = self.step("o")
        self.is_punctual = False
        return self.is_bought(OrderFact(number, stays, bought_at, Fraction(40), 2))

    @precondition(lambda self: hasattr(self, "world") and len(self.world.past.versions) < 3)
    @rule(data=st.data(), hours=st.integers(1, 60))
    def a_version_is_published(self, data: Any, hours: int) -> None:
        self.step()
        start = max(self.now, self.world.past.versions[-1].start) + timedelta(hours=hours)
        self.terms = data.draw(next_terms(self.terms, self.setting.terms, self.setting.currency))
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
        self.passes_until(self.now + timedelta(hours=hours))
        if night:
            self.nights_are_carried_out()

    def passes_until(self, at: datetime) -> None:
        before, self.now = self.now, at
        self.plans_have_their_nights()
        self.world.time_out(self.now)
        self.real.time_out(self.now)
        if self.gives_gifts() and any(before < version.start <= self.now for version in self.world.past.versions):
            self.nights_are_carried_out()

    def plans_have_their_nights(self) -> None:
        """
        Carry out each night that changes a plan, in time.

        One that is late may do less: nobody loses a plan while nobody could try to collect its fee.
        """
        while (at := self.world.next_plan_night()) is not None and at <= self.now:
            self.world.refresh(at)
            self.real.advance(at)

    @precondition(lambda self: hasattr(self, "world") and not self.is_advanced)
    @rule()
    def a_night_is_carried_out(self) -> None:
        count(self.kind)
        self.nights_are_carried_out()

    def nights_are_carried_out(self) -> None:
        """Carry out the midnights that are due, and what has become due since, such as a version's beginning."""
        self.real.advance(self.now)
        self.is_advanced = True

    # -- what must be

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        self.what_rewards_gave_back_is_there()
        vouchers = [
            reference for reference, reward in list(self.world.rewards.all.items())[-3:] if reward.terms.codes != "none"
        ]
        seen = self.real.look(self.names, vouchers, self.now)
        if seen.waits:
            self.real.give_grants(self.now)
            seen = self.real.look(self.names, vouchers, self.now)
        for who in self.names:
            if self.setting.terms.plans:
                assert seen.plans[who] == self.world.plan(who, self.now), f"plan of {who}"
            for wallet in self.world.purses[who]:
                plain = self.world.balance(who, wallet, self.now)
                assert seen.points[who, wallet] == plain, f"{wallet} of {who}"
            assert seen.referred[who] == self.world.referred(who), f"referral of {who}"
            assert seen.won[who] == self.world.won(who), f"awards of {who}"
        for reference in vouchers:
            assert seen.rewards[reference] == self.world.reward(reference, self.now), f"status of {reference}"
        if self.is_advanced:
            self.they_stand_alike()

    def what_rewards_gave_back_is_there(self) -> None:
        """Carry out the night that ends rewards whose points come back: they are there when somebody looks at them."""
        self.world.refresh(self.now)
        ended = sum(reward.status in {"expired", "withdrawn"} for reward in self.world.rewards.all.values())
        if ended > self.ended_by_time:
            self.ended_by_time = ended
            self.nights_are_carried_out()

    def they_stand_alike(self) -> None:
        """Compare what nights leave: tiers, and what is left of rewards."""
        if self.terms.ladder.steps:
            stands = self.real.stands(self.names)
            for who in self.names:
                real, promised = stands[who], self.world.stand(who)
                # Since when is compared where nothing was undone: who comes back to a tier has it since it first had it.
                assert replace(real, since=None) == replace(promised, since=None), f"tier of {who}"
        if self.world.rewards.all:
            assert self.real.stocks() == self.world.stocks(), "stocks"
            assert self.real.causes() == self.world.causes(), "causes"

    def each_is_read_alike(self) -> None:
        """Compare what is read of one member after the other."""
        for who in self.names:
            for wallet in self.world.purses[who]:
                plain = self.world.balance(who, wallet, self.now)
                assert self.real.balance(who, wallet, self.now) == plain, f"{wallet} of {who} as it reads it"
            if self.setting.terms.plans:
                assert self.real.plan(who, self.now) == self.world.plan(who, self.now), f"plan of {who} as it reads it"

    def they_tell_the_same_story(self) -> None:
        """Compare changes of tier, and what was earned and expired in all where no fact was late."""
        for who in self.names:
            assert self.real.changes(who) == self.world.changes(who), f"changes of {who}"
            assert self.real.bills(who) == self.world.bills(who), f"invoices of {who}"
            assert self.real.refunded(who) == self.world.plans[who].refunds, f"refunds of {who}"
            assert self.real.plan_changes(who) == self.world.plan_changes(who), f"plans of {who}"
            if self.is_punctual:
                life, purse = self.world.lives[who], self.world.purses[who][MAIN]
                earned = (
                    sum(each.gave[MAIN] for each in life.decided.values())
                    + sum(each.points for each in life.gifts)
                    + sum(each.given for each in self.world.games.of(life).won)
                    + self.world.referrals.given_ever(who, life.number)
                )
                sums = self.real.sums(who)
                assert (sums.get("earn", 0), -sums.get("expire", 0)) == (earned, purse.lapsed), f"entries of {who}"

    def they_come_to_the_same_again(self) -> None:
        """
        Live the pasts again where no fact was late, and nothing lent came back.

        What ended memberships used of a budget no past tells.
        """
        is_told = self.terms.wallets[MAIN].budget is None or not self.has_ended
        if self.is_punctual and is_told and not self.world.households:
            assert replay(self.real.program, now=self.now).deviations == []


def _is_joined_for_visits_of_some(challenge: ChallengeTerms) -> bool:
    is_of_visits = any(goal.interaction for goal in challenge.goals)
    return challenge.is_joined and is_of_visits and bool(challenge.tiers or challenge.plans)


@pytest.mark.django_db
def test_the_ledger_does_what_members_are_promised() -> None:
    """Live in batches, each by a seed of its own: what hypothesis draws after one another is alike."""
    first = int(os.environ["LOYALTY_SEED"])
    for batch in range(max(LONG // BATCH, 1)):
        seed(first + batch)(Promises)
        run_state_machine_as_test(
            Promises,
            settings=settings(
                max_examples=BATCH if LONG else 25,
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
