"""Pasts that are written down before anybody lives them, so that several systems can live the same one."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.properties.counting import count
from tests.properties.drawing import MAX, PLUS, Setting, prices
from tests.properties.driver import REFUSALS, Driver
from tests.properties.model.past import OrderFact
from tests.properties.model.terms import MAIN, Refused
from tests.properties.model.world import Stand

ADA, BOB = "Ada", "Bob"
GAPS = [0, 0, 1, 5, 20, 31, 24 * 3, 24 * 9, 24 * 33]
LONG = int(os.environ.get("LOYALTY_LONG", "0"))  # how many pasts
# Without LOYALTY_SHRINK a failure is told as it was found: to make it small takes minutes.
PHASES = tuple(Phase) if os.environ.get("LOYALTY_SHRINK") else (Phase.explicit, Phase.generate)
HOLD_LIFE = timedelta(days=400)
ENDING = {"reverse", "release", "cancel_reward", "refund_reward", "hold_voucher", "confirm_voucher"}


class System(Protocol):
    """What the ledger and the model can both be asked."""

    def enrol(self, name: str, now: datetime) -> None: ...
    def join_household(self, names: Sequence[str], now: datetime) -> None: ...
    def place_order(self, order: OrderFact, now: datetime) -> int: ...
    def give_back(self, number: str, order: str, quantity: int, at: datetime, now: datetime) -> None: ...
    def deliver(self, order: str, at: datetime, now: datetime) -> None: ...
    def visit(self, number: str, name: str, at: datetime, now: datetime) -> None: ...
    def redeem(self, name: str, points: int, reference: str, now: datetime) -> None: ...
    def hold(self, name: str, points: int, reference: str, now: datetime, life: timedelta = ...) -> None: ...
    def release(self, reference: str, now: datetime) -> None: ...
    def reverse(self, reference: str, now: datetime) -> None: ...
    def adjust(self, name: str, points: int, reference: str, now: datetime) -> None: ...
    def transfer(self, giver: str, taker: str, points: int, reference: str, now: datetime) -> None: ...
    def claim(self, friend: str, advocate: str, signal: str, at: datetime, now: datetime) -> None: ...
    def give_grants(self, now: datetime) -> None: ...
    def join_plan(self, name: str, code: str, method: str, now: datetime) -> None: ...
    def change_plan(self, name: str, code: str, when: str, now: datetime) -> None: ...
    def cancel_plan(self, name: str, now: datetime) -> None: ...
    def resume_plan(self, name: str, now: datetime) -> None: ...
    def end_plan(self, name: str, now: datetime, *, refunds: bool) -> None: ...
    def pay_open(self, name: str, now: datetime) -> None: ...
    def redeem_reward(
        self, name: str, code: str, wallet: str, points: int | None, reference: str, now: datetime
    ) -> None: ...
    def cancel_reward(self, reference: str, now: datetime) -> None: ...
    def refund_reward(self, reference: str, now: datetime) -> None: ...
    def hold_voucher(self, reference: str, till: str, now: datetime, life: timedelta = ...) -> None: ...
    def confirm_voucher(self, reference: str, till: str, now: datetime) -> None: ...
    def plan(self, name: str, now: datetime) -> tuple[object, ...]: ...
    def stocks(self) -> dict[str, int]: ...
    def won(self, name: str) -> list[tuple[str, date | None, int]]: ...
    def causes(self) -> dict[tuple[str, str], Fraction]: ...
    def night(self, now: datetime) -> None: ...
    def advance(self, now: datetime) -> None: ...
    def balance(self, name: str, wallet: str, now: datetime) -> tuple[int, int, int, int]: ...
    def stand(self, name: str) -> Stand: ...
    def keeps(self, number: str, wallet: str = ...) -> int: ...


@dataclass(frozen=True)
class Act:
    """Something that is reported or asked at an instant: the name of the system's verb and what it is given."""

    verb: str
    at: datetime
    given: tuple[Any, ...]

    def on(self, system: System, now: datetime | None = None) -> bool:
        """Do it, perhaps later than it occurred; tell whether it was not refused."""
        if isinstance(system, Driver):
            count(self.verb)
        when: dict[str, Any] = {"now": now or self.at}
        if self.verb in {"give_back", "deliver", "visit", "claim"}:
            when["at"] = self.at
        if self.verb == "hold":
            when["life"] = HOLD_LIFE
        if self.verb == "end_plan":
            when["refunds"] = True
        try:
            getattr(system, self.verb)(*self.given, **when)
        except (Refused, *REFUSALS):
            return False
        return True


@dataclass
class Writer:
    """Writes acts one after the other, and knows what can still come back."""

    draw: Callable[[Any], Any]
    setting: Setting
    now: datetime
    prefix: str = ""
    acts: list[Act] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    placed: dict[str, OrderFact] = field(default_factory=dict)
    redeemed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    rewarded: list[str] = field(default_factory=list)  # with what paid no order
    planned: dict[str, str] = field(default_factory=dict)  # who has joined which plan
    begun: set[str] = field(default_factory=set)  # whose plan has begun for sure

    def write(self, verb: str, *given: Any) -> None:
        self.acts.append(Act(verb, self.now, given))

    def wait(self) -> str:
        """Let some time pass, a second at least; return a name."""
        self.now += timedelta(hours=self.draw(st.sampled_from(GAPS)), seconds=1)
        return f"{self.prefix}{len(self.acts)}"

    def step(self, kinds: Sequence[str], names: Sequence[str] = (ADA, BOB)) -> None:
        kind, name, who = self.draw(st.sampled_from(kinds)), self.wait(), self.draw(st.sampled_from(names))
        getattr(self, f"_{kind}")(name, who)

    def _order(self, name: str, who: str) -> None:
        price, quantity = self.draw(prices(self.setting.currency)), self.draw(st.integers(1, 3))
        self._place(OrderFact(f"o{name}", who, self.now, price, quantity))

    def _paid(self, name: str, who: str) -> None:
        price, points = self.draw(st.integers(5, 40)), self.draw(st.integers(1, 30))
        self._redeem(name, who, points)
        self.now += timedelta(seconds=1)
        paid = Fraction(2 * min(points, price))
        self._place(OrderFact(f"o{name}", who, self.now, Fraction(2 * price), 2, paid, (f"r{name}",)))

    def _place(self, fact: OrderFact) -> None:
        self.left[fact.number], self.placed[fact.number] = fact.quantity, fact
        self.write("place_order", fact)

    def _back(self, name: str, who: str) -> None:
        if there := sorted(number for number, left in self.left.items() if left):
            number = self.draw(st.sampled_from(there))
            self.bring_back(number, self.draw(st.integers(1, self.left[number])))

    def bring_back(self, number: str, quantity: int) -> None:
        self.left[number] -= quantity
        self.write("give_back", f"b{number}-{self.left[number]}", number, quantity)

    def _deliver(self, name: str, who: str) -> None:
        if waiting := sorted(self.left.keys() - self.delivered):
            number = self.draw(st.sampled_from(waiting))
            self.delivered.add(number)
            self.write("deliver", number)

    def _claim(self, name: str, who: str) -> None:
        if self.setting.terms.referrals:
            self.write("claim", BOB, ADA, "")

    def _visit(self, name: str, who: str) -> None:
        self.write("visit", f"v{name}", who)

    def _redeem(self, name: str, who: str, points: int = 0) -> None:
        self.redeemed.append(f"r{name}")
        self.write("redeem", who, points or self.draw(st.integers(1, 60)), f"r{name}")

    def _reverse(self, name: str, who: str) -> None:
        if self.redeemed:
            self.write("reverse", self.redeemed.pop(self.draw(st.integers(0, len(self.redeemed) - 1))))

    def _hold(self, name: str, who: str) -> None:
        self.held.append(f"h{name}")
        self.write("hold", who, self.draw(st.integers(1, 60)), f"h{name}")

    def _release(self, name: str, who: str) -> None:
        if self.held:
            self.write("release", self.held.pop(self.draw(st.integers(0, len(self.held) - 1))))

    def _adjust(self, name: str, who: str) -> None:
        self.write("adjust", who, self.draw(st.integers(-40, 60).filter(bool)), f"a{name}")

    def _reward(self, name: str, who: str) -> None:
        if reference := self._get_reward(name, who):
            self.rewarded.append(reference)

    def _get_reward(self, name: str, who: str) -> str:
        """Write that somebody redeems a reward, and return its reference; empty where there are none."""
        if not self.setting.terms.rewards:
            return ""
        reward = self.draw(st.sampled_from(self.setting.terms.rewards))
        points = self.draw(st.integers(5, 30)) if reward.kind in {"donation", "pay_with_points"} else None
        self.write("redeem_reward", who, reward.code, MAIN, points, f"w{name}")
        return f"w{name}"

    def _rewarded(self, name: str, who: str) -> None:
        """Write an order that a reward paid, which a till used before or did not."""
        if not (reference := self._get_reward(name, who)):
            return
        self.now += timedelta(seconds=1)
        terms = self.setting.terms.reward(self.acts[-1].given[1])
        if terms is not None and terms.codes != "none" and self.draw(st.booleans()):
            self.write("hold_voucher", reference, f"k{name}")
            self.write("confirm_voucher", reference, f"k{name}")
        price = self.draw(st.integers(5, 40))
        self._place(OrderFact(f"o{name}", who, self.now, Fraction(price), 2, redemptions=(reference,)))

    def _take_reward_back(self, name: str, who: str) -> None:
        if self.rewarded:
            reference = self.rewarded.pop(self.draw(st.integers(0, len(self.rewarded) - 1)))
            self.write(self.draw(st.sampled_from(["cancel_reward", "refund_reward"])), reference)

    def _join(self, name: str, who: str) -> None:
        """Write that somebody joins a plan, and pays for it at once or does not."""
        if self.setting.terms.plans and who not in self.planned:
            self.planned[who] = self.draw(st.sampled_from([PLUS, MAX]))
            self.write("join_plan", who, self.planned[who], "pays")
            if self.draw(st.booleans()):
                self.now += timedelta(seconds=1)
                self.write("pay_open", who)
                self.begun.add(who)

    def _waver(self, name: str, who: str) -> None:
        """Write that somebody cancels its plan or wishes for another one, and takes that back a second later."""
        if who in self.begun:
            if self.draw(st.booleans()):
                self.write("cancel_plan", who)
                self.now += timedelta(seconds=1)
                self.write("resume_plan", who)
            else:
                self.write("change_plan", who, PLUS if self.planned[who] == MAX else MAX, "period_end")
                self.now += timedelta(seconds=1)
                self.write("change_plan", who, self.planned[who], "period_end")

    def _cancel(self, name: str, who: str) -> None:
        if who in self.planned:
            self.write("cancel_plan", who)

    def _transfer(self, name: str, who: str) -> None:
        self.write("transfer", who, BOB if who == ADA else ADA, self.draw(st.integers(1, 60)), f"t{name}")


def play(system: System, acts: Sequence[Act], night: Callable[[System, Act], None] | None = None) -> set[str]:
    """Let a system live acts, and return which references it refused; what ends what was refused is left out."""
    refused: set[str] = set()
    for act in acts:
        if night is not None:
            night(system, act)
        if act.verb in ENDING and act.given[0] in refused:
            continue
        if not act.on(system):
            refused.add(str(act.given[-1]))
    return refused


def quick(examples: int) -> settings:
    """Return hypothesis' settings for so many examples, or for many with LOYALTY_LONG."""
    return settings(
        max_examples=max(examples, LONG // 4),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,  # a run draws what its seed says, not what another one has found
        print_blob=True,
        phases=PHASES,
    )
