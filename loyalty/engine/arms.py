"""
In which parts of a version experiments divide its members, and who is held out of what it gives. Pure.

An arm is named as `experiment:variant`. A part of a version that names arms holds for those in one of them, while their
experiment runs; every other part holds for all. A decision sees the version as it is for its member, so no step asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.member import Key

NO_ARMS: frozenset[str] = frozenset()
ARMS: Key[frozenset[str]] = Key("arms")


def arm(experiment: str, variant: str) -> str:
    """Return the name of an arm."""
    return f"{experiment}:{variant}"


@dataclass(frozen=True, slots=True)
class Trial:
    """
    An experiment that divides members of a program, as decisions look at it.

    :param ends_at: from when it treats all alike again; None for never
    :param withheld: the variant whose members get nothing extra; empty for none
    :param uninvited: the variant whose members are told of nothing that they could join; empty for none
    :param raised: the variant whose members have the tier `tier`, whatever they reached; empty for none
    :param tier: its identity; None where nobody is raised
    """

    code: str
    starts_at: datetime
    ends_at: datetime | None = None
    withheld: str = ""
    uninvited: str = ""
    raised: str = ""
    tier: UUID | None = None

    @property
    def acts_by_itself(self) -> bool:
        """Tell whether it changes decisions though no part of a version names it."""
        return bool(self.withheld or self.raised)

    def runs_at(self, instant: datetime) -> bool:
        return self.starts_at <= instant and (self.ends_at is None or instant < self.ends_at)

    def instants(self) -> Iterable[datetime]:
        """Return when it changes what members are promised."""
        if self.ends_at is None:
            return (self.starts_at,)
        return (self.starts_at, self.ends_at) if self.starts_at < self.ends_at else ()


@dataclass(frozen=True, slots=True)
class Raised:
    """
    A tier that a member has by an experiment, whatever it reached, as long as that runs.

    :param tier: its identity
    :param by: the experiment's code
    """

    tier: UUID
    by: str


@dataclass(frozen=True, slots=True)
class ForArms:
    """For which variants of an experiment a part of a version holds."""

    experiment: str
    variants: frozenset[str]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "ForArms | None":
        """Return what a part says of it; None where it says nothing, and holds for all."""
        return cls(said["experiment"], frozenset(said["variants"])) if said else None

    def holds(self, arms: frozenset[str]) -> bool:
        """Tell whether a part holds for a member with arms."""
        return any(arm(self.experiment, variant) in arms for variant in self.variants)


class Divided:
    """What a version promises of a capability whose parts may hold for some arms only; each kind says how."""

    __slots__ = ()

    def named(self) -> frozenset[str]:
        """Return the experiments that its parts name."""
        return frozenset()

    def for_arms(self, arms: frozenset[str]) -> Self:
        """Return what of it holds for a member with arms."""
        return self

    def raised(self, raised: Sequence[Raised]) -> Self:
        """Return what of it holds for a member whom experiments raise to tiers; of tiers alone anything differs."""
        return self

    def withheld(self) -> Self:
        """Return what of it is left for who is to get nothing extra: the rules of what it has, and nothing to get."""
        return self


def holding(parts: Iterable[Any], arms: frozenset[str]) -> tuple[Any, ...]:
    """Return those of some parts, each with its `arms`, that hold for a member."""
    return tuple(part for part in parts if part.arms is None or part.arms.holds(arms))


def named_by(parts: Iterable[Any]) -> frozenset[str]:
    """Return the experiments that some parts name."""
    return frozenset(part.arms.experiment for part in parts if part.arms is not None)
