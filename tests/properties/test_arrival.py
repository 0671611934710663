"""
The same facts in any order of arrival, one by one as they occur or all of them later: the same state in the end.

What an order earned is decided as it arrives: a fact that arrives later still changes its tier from now on, and not what
other orders earned. So nothing is drawn here that one order's earning takes from another one's: multipliers, limits,
and the bonus of the first order; and no gifts, which are dated as they are given. So are those of challenges and badges: they
are drawn where points never end, for otherwise those that came late end later.
"""

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import given, seed
from hypothesis import strategies as st

from tests.properties.drawing import Setting, settings_of_programs
from tests.properties.scripts import ADA, BOB, Act, System, Writer, quick
from tests.properties.test_undoing import ledger, model


@dataclass(frozen=True)
class Arrival:
    """Facts in the order of occurrence, and the order in which they arrive later."""

    setting: Setting
    facts: tuple[Act, ...]
    order: tuple[int, ...]
    end: datetime

    def __repr__(self) -> str:
        return "\n  ".join(map(str, [self.setting, *self.facts, f"in the order {self.order}", f"end {self.end}"]))


@st.composite
def arrivals(draw: Any) -> Arrival:
    setting = _each_by_itself(draw(settings_of_programs(budget=False)))
    writer = Writer(draw, setting, setting.opening + timedelta(minutes=1))
    for _ in range(draw(st.integers(2, 6))):
        writer.step(["order", "order", "back", "deliver", "visit"])
    writer.wait()
    facts = tuple(writer.acts)
    mixed = draw(st.permutations(range(len(facts))))
    # What comes back, or is delivered, is known by its order: it arrives after it.
    order = sorted(mixed, key=lambda place: facts[place].verb in {"give_back", "deliver"})
    return Arrival(setting, facts, tuple(order), writer.now)


def _each_by_itself(setting: Setting) -> Setting:
    """Return a program in which no order's earning depends on another order."""
    terms = setting.terms
    wallets = {
        code: replace(wallet, transaction_limit=None, period_limit=None) for code, wallet in terms.wallets.items()
    }
    steps = tuple(replace(step, multiplier=Fraction(1), extra_months=0, gift=0) for step in terms.ladder.steps)
    ladder = replace(terms.ladder, steps=steps)
    alone = replace(terms, bonus=0, extra=None, wallets=wallets, ladder=ladder)
    if any(wallet.expiry != "never" for wallet in wallets.values()):
        alone = replace(alone, challenges=(), badges=())
    return replace(setting, terms=alone)


def _by_days(found: list[Any], zone: str) -> list[Any]:
    """
    Return it with the day since which each member has its tier.

    A return leaves it since the day on which what is kept reached it: at which hour of it, days do not know.
    """
    at = ZoneInfo(zone)
    return [
        (one[0], replace(one[1], since=one[1].since and one[1].since.astimezone(at).date()), *one[2:])
        if len(one) > 2
        else one
        for one in found
    ]


def _timeless(found: list[Any]) -> list[Any]:
    return [(one[0], replace(one[1], since=None), *one[2:]) if len(one) > 2 else one for one in found]


def live(case: Arrival, system: System, *, is_late: bool) -> list[Any]:
    """Let a system learn the facts as they occur, or all at the end in another order; return what it comes to."""
    for name in (ADA, BOB):
        system.enrol(name, case.setting.opening)
    for place, fact in enumerate(case.facts):
        if is_late:
            case.facts[case.order[place]].on(system, case.end)
        else:
            fact.on(system)
    system.advance(case.end)
    found: list[Any] = [
        (
            name,
            system.stand(name),
            [(code, system.balance(name, code, case.end)) for code in case.setting.terms.wallets],
        )
        for name in (ADA, BOB)
    ]
    orders = [fact.given[0].number for fact in case.facts if fact.verb == "place_order"]
    return found + [(number, system.keeps(number)) for number in orders]


def test_in_the_model_any_order_of_arrival_ends_in_the_same_state() -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(40)
    @given(arrivals())
    def it_does(case: Arrival) -> None:
        assert live(case, model(case.setting), is_late=True) == live(case, model(case.setting), is_late=False)

    it_does()


@pytest.mark.django_db
@pytest.mark.parametrize("is_late", [False, True], ids=["as they occur", "in another order"])
def test_any_order_of_arrival_ends_in_the_same_state(is_late: bool) -> None:  # noqa: FBT001 - drawn
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(10)
    @given(arrivals())
    def it_does(case: Arrival) -> None:
        with transaction.atomic():
            found = live(case, ledger(case.setting), is_late=is_late)
            promised = live(case, model(case.setting), is_late=False)
            if is_late:  # a tier that a late fact brings is had from now on
                found, promised = _timeless(found), _timeless(promised)
            else:
                found, promised = (_by_days(each, case.setting.zone) for each in (found, promised))
            assert found == promised
            transaction.set_rollback(True)

    it_does()
