"""A member as decisions see it: who it is, its clock, and one typed state per capability. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from customers.core.values import dataclass

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[S]):
    """The name under which a capability keeps its state with a member, and its rules with a version."""

    name: str


@dataclass(frozen=True)
class Member:
    """
    A customer in a program.

    :param enrolled_at: when it joined, or joined again
    :param number: by which others know it; empty where nothing is told of it
    :param started_at: from when the newest version is in force for which the member was assessed
    :param due_at: when time alone will next change something for it: may be early, never late; None for never
    :param advanced_until: up to when time has been carried out for it, as far as nights tell, and by when points of it ended by
        inactivity: what occurred before is late
    :param first_order_id: the order that counts as its first, as long as something of it is kept
    :param is_whole: whether all of its state is here, or only what an order in time needs
    :param states: by the names of the capabilities' keys
    """

    retailer_id: int
    program_id: int
    membership_id: UUID
    customer_id: UUID
    enrolled_at: datetime
    left_at: datetime | None = None
    started_at: datetime | None = None
    due_at: datetime | None = None
    advanced_until: datetime | None = None
    first_order_id: UUID | None = None
    birth_date: date | None = None
    number: str = ""
    is_whole: bool = True
    states: Mapping[str, Any] = ()  # type: ignore[assignment] # an empty mapping needs no factory

    def of(self, key: Key[S]) -> S:
        """Return the state of a capability."""
        state: S = self.states[key.name]
        return state

    def has(self, key: Key[Any]) -> bool:
        """Tell whether the member's program uses a capability."""
        return key.name in self.states

    def loaded(self, states: Mapping[str, Any], *, is_whole: bool) -> "Member":
        """Return the member with what capabilities keep of it."""
        return self._with(states=states, is_whole=is_whole)

    def having(self, key: Key[S], state: S) -> "Member":
        """Return the member with another state of a capability."""
        return self._with(states={**self.states, key.name: state})

    def with_clock(self, due_at: datetime | None) -> "Member":
        """Return the member with its clock set."""
        return self._with(due_at=due_at)

    def with_start(self, started_at: datetime) -> "Member":
        """Return the member as assessed under the version that is in force from an instant."""
        return self._with(started_at=started_at)

    def with_first_order(self, order_id: UUID | None) -> "Member":
        return self._with(first_order_id=order_id)

    def latest(self, instant: datetime) -> datetime:
        """Return the later of an instant and that up to which time has been carried out."""
        return instant if self.advanced_until is None else max(instant, self.advanced_until)

    def advanced(self, instant: datetime) -> "Member":
        """Return the member with time carried out up to an instant, or a later one that is known."""
        until = self.latest(instant)
        return self if until == self.advanced_until else self._with(advanced_until=until)

    def belongs_at(self, instant: datetime) -> bool:
        """Tell whether it was a member at an instant."""
        return self.enrolled_at <= instant and (self.left_at is None or instant < self.left_at)

    def _with(self, **changed: Any) -> "Member":
        return copy_with(self, changed)


def copy_with(value: T, changed: Mapping[str, Any]) -> T:
    """
    Return a frozen value without slots with some fields changed.

    `dataclasses.replace` looks at each field, which costs four times as much: for what changes with every step.
    """
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", {**value.__dict__, **changed})
    return copy
