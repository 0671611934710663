"""Whatever a member does and undoes, in any order, leaves it as its twin that never did it."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, seed
from hypothesis import strategies as st

from tests.properties.drawing import DECIMALS, Setting, settings_of_programs
from tests.properties.driver import Driver
from tests.properties.model.past import OrderFact
from tests.properties.model.terms import MAIN
from tests.properties.model.world import World
from tests.properties.scripts import ADA, BOB, LONG, Act, System, Writer, play, quick

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Undoing:
    """
    What two twins do alike, and what one of them does besides and undoes.

    :param together: that Bob may spend what Ada has
    """

    setting: Setting
    alike: tuple[Act, ...]
    besides: tuple[Act, ...]
    end: datetime
    together: bool

    def __repr__(self) -> str:
        lines = [self.setting, *self.alike, "besides", *self.besides, f"end {self.end}, together {self.together}"]
        return "\n  ".join(map(str, lines))


@st.composite
def undoings(draw: Any) -> Undoing:
    setting = _all_can_be_undone(without_inactivity(draw(settings_of_programs())))
    writer = Writer(draw, setting, setting.opening + timedelta(minutes=1))
    writer.step(["claim"])
    for _ in range(draw(st.integers(0, 12 if LONG else 4))):
        writer.step(["order", "order", "visit", "adjust", "deliver", "join", "reward"])
    alike, writer.acts, writer.prefix, writer.left = tuple(writer.acts), [], "x", {}
    writer.rewarded, planned = [], dict(writer.planned)
    for _ in range(draw(st.integers(1, 20 if LONG else 6))):
        writer.step(["order", "order", "paid", "redeem", "hold", "deliver", "reward", "rewarded", "waver", "join"])
    _undo(draw, writer, [who for who in writer.planned if who not in planned])
    writer.wait()
    return Undoing(setting, alike, tuple(writer.acts), writer.now, draw(st.booleans()))


def _undo(draw: Any, writer: Writer, joined: list[str]) -> None:
    """
    Write what undoes all, in any order: each order in one piece or several.

    :param joined: who has joined a plan besides
    """
    pieces = [number for number, left in writer.left.items() for _ in range(draw(st.integers(1, left)))]
    for what in draw(st.permutations([*pieces, *writer.redeemed, *writer.held, *writer.rewarded, *joined])):
        writer.wait()
        if what in joined:
            writer.write("end_plan", what)
        elif what in writer.rewarded:
            writer.write("refund_reward", what)
        elif what in writer.left:
            pieces.remove(what)
            left = writer.left[what]
            writer.bring_back(what, left if what not in pieces else left - pieces.count(what))
        else:
            writer.write("reverse" if what.startswith("r") else "release", what)


def without_inactivity(setting: Setting) -> Setting:
    """Return a setting in which what was done is not kept alive by what is undone."""
    wallet = setting.terms.wallets[MAIN]
    if wallet.expiry == "inactivity":
        wallet = replace(wallet, expiry="days", count=9)
    return replace(setting, terms=replace(setting.terms, wallets=dict(setting.terms.wallets) | {MAIN: wallet}))


def _all_can_be_undone(setting: Setting) -> Setting:
    """Return a setting whose rewards end by time only with their points, and whose awards go with what is returned."""
    rewards = tuple(
        each if each.expiry_gives_back else replace(each, valid_days=None) for each in setting.terms.rewards
    )
    badges = tuple(replace(each, takes_back=True) for each in setting.terms.badges)
    challenges = tuple(replace(each, takes_back=True) for each in setting.terms.challenges)
    terms = replace(setting.terms, rewards=rewards, badges=badges, challenges=challenges)
    return replace(setting, terms=terms)


Aside = Callable[[System], AbstractContextManager[System]]


def check(case: Undoing, system: Callable[[Setting], System], aside: Aside) -> None:
    """
    Compare the twins after all is undone, and what each gets for one order more.

    :param aside: lets a twin live what leaves no trace
    """
    whole = system(case.setting)
    whole.enrol(ADA, case.setting.opening)
    whole.enrol(BOB, case.setting.opening)
    if case.together:
        whole.join_household([ADA, BOB], case.setting.opening)
    play(whole, case.alike)
    with aside(whole) as one:
        play(one, case.besides)
        had = dict(_come_to(one, case))
    with aside(whole) as other:
        for what, comes_to in _come_to(other, case):
            assert had[what] == comes_to, what


def _come_to(twin: System, case: Undoing) -> Iterator[tuple[str, Any]]:
    yield "what there is", _look(twin, case, case.end)
    now = case.end + SECOND
    for name in (ADA, BOB):
        more = OrderFact(f"more{name}", name, now, Fraction(100), 1)
        yield f"what {name} gets for one order more", twin.place_order(more, now)
        # A code that somebody has seen does not go back to its pool.
        for reward in (each for each in case.setting.terms.rewards if each.codes != "pool"):
            points = 10 if reward.kind in {"donation", "pay_with_points"} else None
            asked = Act("redeem_reward", now, (name, reward.code, MAIN, points, f"more{name}{reward.code}"))
            yield f"whether {name} gets one {reward.code} more", asked.on(twin)
    yield "what there is then", _look(twin, case, now)


def _look(twin: System, case: Undoing, now: datetime) -> list[Any]:
    twin.advance(now)
    twin.give_grants(now)
    members = [
        (
            name,
            twin.stand(name),
            [(wallet, twin.balance(name, wallet, now)) for wallet in case.setting.terms.wallets],
            _plan(twin.plan(name, now)),
            twin.won(name),
        )
        for name in (ADA, BOB)
    ]
    return [*members, {code: taken for code, taken in twin.stocks().items() if taken}, twin.causes()]


def _plan(shown: tuple[object, ...]) -> tuple[object, ...]:
    """
    Return how a plan stands; one that has ended is none.

    Until when it can be paid is left out: that counts from when somebody could know of it.
    """
    return () if shown[0] in {"", "ended"} else shown[:-1]


def model(setting: Setting) -> System:
    return World(setting.terms, setting.opening - timedelta(hours=1), setting.zone, DECIMALS[setting.currency])


@contextmanager
def model_aside(whole: System) -> Iterator[System]:
    yield deepcopy(whole)


def ledger(setting: Setting) -> System:
    return Driver(setting.terms, setting.opening - timedelta(hours=1), setting.zone, setting.currency)


@contextmanager
def ledger_aside(whole: System) -> Iterator[System]:
    assert isinstance(whole, Driver), "it is the ledger's"
    with transaction.atomic():
        yield whole.twin()
        transaction.set_rollback(True)


def test_in_the_model_everything_undone_leaves_the_member_as_before() -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(40)
    @given(undoings())
    def it_does(case: Undoing) -> None:
        check(case, model, model_aside)

    it_does()


@pytest.mark.django_db
def test_everything_undone_leaves_the_member_as_before() -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(15)
    @given(undoings())
    def it_does(case: Undoing) -> None:
        with transaction.atomic():
            check(case, ledger, ledger_aside)
            transaction.set_rollback(True)

    it_does()
