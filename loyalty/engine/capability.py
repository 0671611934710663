"""What a capability brings: its rules of a version, its state of members, and how its effects are written. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.activities import Activity, DecidedOrder
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.pools import Pool, PoolKey
from loyalty.engine.versions import Version, Versions

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Reach:
    """
    How far a batch looks back at days that count.

    :param first: the first day that any window of it reaches; days before it come as one, where all time counts
    :param common: the first day that every window of it reaches: from here to `begin` days come as one
    :param begin: the day of the first activity: from here on days are told apart
    :param oldest: the first day that is read at all
    """

    first: date
    common: date
    begin: date
    oldest: date


@dataclass(frozen=True, slots=True)
class Joined:
    """
    What is read of a capability by the statement that reads the members themselves: a round trip costs more than a row.

    :param columns: SQL of them
    :param joins: SQL that joins them to the membership `m`, with one row of it at most; points alone may have several
    :param parameters: of the joins, under names that are the capability's own
    """

    columns: tuple[str, ...]
    joins: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What is to be loaded.

    :param members: by membership, without states
    :param versions: of their programs
    :param activities: to decide; none where only time passes, or a verb is carried out
    :param whole: of whom more is needed than of an order in time: who is due, whom a late fact or a return concerns, whose
        points are moved
    :param passing: those of them for whom time passes or has passed: all is needed that it can change
    :param reach: how far the others' days are read; None where nothing looks at days
    :param joined: what `Capability.joined` asked for: rows by the capability's name and membership
    :param decided: how the orders of the activities were decided, by their ids and programs
    :param lots: to which points may come back although they are closed
    :param holding: those of the members for whom it counts what their holds keep
    """

    members: Mapping[UUID, Member]
    versions: Mapping[int, Versions]
    activities: Sequence[Activity]
    whole: frozenset[UUID]
    passing: frozenset[UUID]
    reach: Reach | None
    joined: Mapping[str, Mapping[UUID, Sequence[tuple[Any, ...]]]]
    decided: Mapping[tuple[UUID, int], DecidedOrder] = field(default_factory=dict)
    lots: frozenset[UUID] = frozenset()
    holding: frozenset[UUID] = frozenset()

    def using(self, name: str) -> list[UUID]:
        """Return the members whose program uses a capability."""
        return [key for key, member in self.members.items() if name in self.versions[member.program_id].uses]

    def by_customer(self, keys: Iterable[UUID]) -> dict[UUID, list[UUID]]:
        """Return some of the members by their customers: one of each program of these."""
        found: dict[UUID, list[UUID]] = {}
        for key in keys:
            found.setdefault(self.members[key].customer_id, []).append(key)
        return found


class Capability(Generic[S]):
    """
    One kind of program: its own tables, rules and steps, and nobody else's.

    A capability overrides what it needs; what it does not use costs nothing.

    :cvar grants: whether it asks for grants of points, which wait for their members
    """

    name: str
    grants: bool = False

    def rules(self, version_id: int) -> Any:
        """Return what a version promises of it; read once per published version."""
        raise NotImplementedError

    def rules_beside(self, version_id: int, others: Mapping[str, Any]) -> Any:
        """Return the same where it is told by what capabilities before it promise, under their names."""
        return self.rules(version_id)

    def is_used(self, rules: Any) -> bool:
        """Tell whether a version uses it: where none does, it is neither loaded nor written."""
        raise NotImplementedError

    def reach(self, rules: Any, day: date, *, last: bool) -> Sequence[date]:
        """Return the first days of its windows on a day; of members' own years the earliest, or the `last`, there is."""
        return ()

    def counts_held(self, rules: Any) -> bool:
        """Tell whether it counts what a member's holds keep: then that is read with whatever is decided."""
        return False

    def begin(self, versions: Versions) -> S:
        """Return its state of a member who has just joined, where no row is: what a simulation begins with."""
        raise NotImplementedError

    def joined(self, reach: Reach | None) -> Joined | None:
        """Return what to read of it with the members themselves, where their program uses it."""
        return None

    def load(self, scope: Scope) -> Mapping[UUID, S]:
        """Return its state of each member that uses it: a fixed number of statements, behind the members' lock."""
        raise NotImplementedError

    def apart(self, members: Iterable[Member]) -> frozenset[UUID]:
        """Return which facts of a batch, as it was loaded, look at what others of them write: no two are decided together."""
        return frozenset()

    def write_first(self, effects: Sequence[Effect], now: datetime) -> None:
        """Write what one statement cannot, because it touches rows that `write` touches, too."""

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        """Write its effects, in their order, and what has changed of its states: a fixed number of statements."""

    def merge_rows(self, source: UUID, target: UUID) -> None:
        """Let rows of a membership that ends by a merge be the other one's, beside what its steps give over."""

    def pools(self, program_id: int, version: Version, on: date) -> Mapping[PoolKey, int]:
        """Return the pools that a day reaches, with what each holds in all."""
        return {}

    def lock_pools(self, limits: Mapping[PoolKey, int], *, whole: bool) -> dict[PoolKey, Pool]:
        """Lock a share of each pool, or the whole of each, in the order of their keys."""
        return {}

    def settle_pools(self, before: Mapping[PoolKey, Pool], after: Mapping[PoolKey, Pool]) -> None:
        """Write down what was given from pools."""
