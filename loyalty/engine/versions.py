"""A program's versions as decisions see them: the rules of each capability, and from when each is in force. Pure."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from loyalty.engine.member import Key

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RulesOf(Key[R]):
    """The name under which a capability's rules stand in a version."""


@dataclass(frozen=True, slots=True)
class Version:
    """All that one version of a program promises: each capability's rules, by its name."""

    version_id: int
    number: int
    zone: ZoneInfo
    parts: Mapping[str, Any]

    def of(self, rules: RulesOf[R]) -> R:
        """Return a capability's rules."""
        found: R = self.parts[rules.name]
        return found


@dataclass(frozen=True, slots=True)
class Versions:
    """
    A program's published versions by the instant from which each is in force.

    :param uses: the names of the capabilities that any of them uses
    """

    program_id: int
    slug: str
    starts: tuple[datetime, ...]
    versions: tuple[Version, ...]
    uses: frozenset[str] = frozenset()

    def at(self, instant: datetime) -> Version | None:
        """Return what was in force at an instant; None before the first version."""
        place = bisect_right(self.starts, instant)
        return self.versions[place - 1] if place else None

    def version(self, version_id: int | None) -> Version | None:
        return next((version for version in self.versions if version.version_id == version_id), None)

    def start_after(self, instant: datetime | None) -> datetime | None:
        """Return when the next version came, or comes, into force."""
        place = 0 if instant is None else bisect_right(self.starts, instant)
        return self.starts[place] if place < len(self.starts) else None

    def latest_start(self, instant: datetime) -> datetime | None:
        """Return from when the version is in force that is in force at an instant."""
        place = bisect_right(self.starts, instant)
        return self.starts[place - 1] if place else None
