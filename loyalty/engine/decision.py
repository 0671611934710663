"""
How a decision grows: each step takes it and gives it back with more effects, in the order in which they are written. Pure.

A step reads the member, the activity and the rules; it knows no database and no clock. What a dry run shows, what a night
does and what a what-if simulates are decisions by the same steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.activities import Activity, DecidedOrder
from loyalty.engine.basket import Occasion
from loyalty.engine.member import Member, copy_with
from loyalty.engine.pools import PoolKey, Pools
from loyalty.engine.versions import Version, Versions


@dataclass(frozen=True, slots=True)
class Effect:
    """
    One thing that a decision causes; the capability that it belongs to writes it.

    :cvar writer: that capability's name; empty for those of the engine itself
    """

    writer: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Told(Effect):
    """An event for subscribers, in the order in which things happened."""

    kind: str
    payload: Mapping[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class PoolUsed(Effect):
    """
    What is given from a pool or, negative, given back to it.

    :param limit: what the pool holds in all, as the version says that decides
    """

    key: PoolKey
    points: int
    limit: int


@dataclass(frozen=True, slots=True)
class OrderDecided(Effect):
    """How an order stands now."""

    order: DecidedOrder


@dataclass(frozen=True, slots=True)
class ReturnDecided(Effect):
    """That a return was decided, and what it took."""

    return_id: UUID
    points: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class InteractionDecided(Effect):
    """
    That an interaction was decided, and what it gave.

    :param is_again: that it was decided before, and this is what it came to since
    """

    interaction_id: UUID
    points: int
    reason: str
    is_again: bool = False


@dataclass(frozen=True)
class Decision:
    """
    What an activity causes for one member, as far as it is decided.

    :param version: under which it is decided; None before the program's first
    :param versions: all of the program's
    :param at: the instant at which it is dated
    :param now: the instant up to which time has been carried out for the member
    :param occasion: all that besides the basket decides what is earned
    :param pools: what is left of what all members share
    :param reason: why it gave nothing, or less, as a code
    :param is_tight: that what was locked of a pool cut it
    """

    member: Member
    activity: Activity
    version: Version | None
    versions: Versions
    at: datetime
    now: datetime
    occasion: Occasion
    pools: Pools = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    reason: str = ""
    is_tight: bool = False

    @property
    def rules(self) -> Version:
        """Return the version under which it is decided, where there is one."""
        assert self.version is not None, "steps run under a version"
        return self.version

    @property
    def on(self) -> date:
        """Return the day of the program's zone on which it is dated."""
        return local_date(self.at, self.rules.zone)

    @property
    def order(self) -> DecidedOrder | None:
        """Return how the order was decided that it is about."""
        return next((each.order for each in self.effects if isinstance(each, OrderDecided)), None)

    @property
    def order_return(self) -> ReturnDecided | None:
        return next((each for each in self.effects if isinstance(each, ReturnDecided)), None)

    @property
    def interaction(self) -> InteractionDecided | None:
        return next((each for each in self.effects if isinstance(each, InteractionDecided)), None)

    def then(self, *effects: Effect, member: Member | None = None, **changed: Any) -> "Decision":
        """
        Return it with more effects, and the member as it is after them.

        :param changed: other fields, such as `occasion` or `reason`
        """
        if effects:
            changed["effects"] = (*self.effects, *effects)
        if member is not None:
            changed["member"] = member
        return copy_with(self, changed)


Step = Callable[[Decision], Decision]


def run_steps(decision: Decision, steps: tuple[Step, ...]) -> Decision:
    """Return a decision after all of some steps."""
    for step in steps:
        decision = step(decision)
    return decision
