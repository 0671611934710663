"""Nights daily, never, twice, late or only at the end: the same entries, but for the instants at which they were recorded."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, seed
from hypothesis import strategies as st

from tests.properties.drawing import Setting, settings_of_programs
from tests.properties.driver import Driver
from tests.properties.model.terms import Calendar
from tests.properties.scripts import ADA, BOB, Act, System, Writer, play, quick
from tests.properties.test_undoing import ledger

KINDS = ["order", "order", "order", "paid", "back", "deliver", "visit", "redeem", "reverse", "hold", "release", "adjust",
         "transfer", "reward", "reward", "rewarded", "take_reward_back", "join", "waver", "cancel"]  # fmt: skip
Night = Callable[[System, datetime, datetime], None]


@dataclass(frozen=True)
class Story:
    """What two members do until an instant, and how they spend."""

    setting: Setting
    acts: tuple[Act, ...]
    end: datetime
    together: bool

    def __repr__(self) -> str:
        lines = [self.setting, *self.acts, f"end {self.end}, together {self.together}"]
        return "\n  ".join(map(str, lines))


@st.composite
def stories(draw: Any) -> Story:
    setting = draw(settings_of_programs())
    writer = Writer(draw, setting, setting.opening + timedelta(minutes=1))
    for _ in range(draw(st.integers(3, 8))):
        writer.step(KINDS)
    writer.wait()
    return Story(setting, tuple(writer.acts), writer.now, draw(st.booleans()))


def daily(system: System, last: datetime, now: datetime) -> None:
    """Carry out each night in its first minute."""
    assert isinstance(system, Driver)
    calendar = Calendar(system.program.tzinfo)
    day = calendar.day(last) + timedelta(days=1)
    while calendar.midnight(day) < now:
        system.night(calendar.midnight(day) + timedelta(seconds=30))
        day += timedelta(days=1)


def twice(system: System, last: datetime, now: datetime) -> None:
    for _ in range(2):
        system.night(now)


def late(system: System, last: datetime, now: datetime) -> None:
    """Carry out nights only after a while in which nothing occurred."""
    if now - last > timedelta(days=2):
        system.night(now - timedelta(days=2))


def never(system: System, last: datetime, now: datetime) -> None:
    """Leave all nights for the end."""


def told(story: Story, night: Night) -> list[Any]:
    """Let a ledger live a story with some nights and all of them at the end, and return what it wrote."""
    system = ledger(story.setting)
    assert isinstance(system, Driver)
    for name in (ADA, BOB):
        system.enrol(name, story.setting.opening)
    if story.together:
        system.join_household([ADA, BOB], story.setting.opening)
    last = story.setting.opening

    def before(each: System, act: Act) -> None:
        nonlocal last
        night(each, last, act.at)
        last = act.at

    refused = play(system, story.acts, before)
    night(system, last, story.end)
    system.night(story.end)
    return [refused] + [
        (name, system.stand(name), system.changes(name), system.entries(name), system.bills(name),
         system.plan_changes(name), system.plan(name, story.end)[:-1], system.stocks(), system.causes(),
         [system.balance(name, wallet, story.end) for wallet in story.setting.terms.wallets])
        for name in (ADA, BOB)
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("night", [never, twice, late], ids=lambda night: night.__name__)
def test_it_makes_no_difference_when_nights_are_carried_out(night: Night) -> None:
    @seed(int(os.environ["LOYALTY_SEED"]))
    @quick(4)
    @given(stories())
    def it_makes_none(story: Story) -> None:
        with transaction.atomic():
            assert told(story, night) == told(story, daily)
            transaction.set_rollback(True)

    it_makes_none()
