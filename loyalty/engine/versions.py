"""A program's versions as decisions see them: the rules of each capability, and from when each is in force. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from customers.core.values import dataclass
from loyalty.engine.arms import ARMS, NO_ARMS, Divided, Raised, Trial, arm
from loyalty.engine.basket import Occasion
from loyalty.engine.member import Key

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RulesOf(Key[R]):
    """The name under which a capability's rules stand in a version."""


@dataclass(frozen=True, slots=True)
class Version:
    """
    All that one version of a program promises: each capability's rules, by its name.

    :param named: the experiments that any part of it names
    :param arms: of the member for whom it is seen, as far as parts of it name them
    :param is_withheld: that it is seen for somebody who gets nothing extra
    """

    version_id: int
    number: int
    zone: ZoneInfo
    parts: Mapping[str, Any]
    named: frozenset[str] = frozenset()
    arms: frozenset[str] = NO_ARMS
    is_withheld: bool = False

    @classmethod
    def of_parts(cls, version_id: int, number: int, zone: ZoneInfo, parts: Mapping[str, Any]) -> "Version":
        """Return a version of the rules of all capabilities."""
        divided = (part.named() for part in parts.values() if isinstance(part, Divided))
        return cls(version_id, number, zone, parts, frozenset[str]().union(*divided))

    def of(self, rules: RulesOf[R]) -> R:
        """Return a capability's rules."""
        found: R = self.parts[rules.name]
        return found

    def seen_by(self, arms: frozenset[str], *, is_withheld: bool = False, raised: tuple[Raised, ...] = ()) -> "Version":
        """
        Return what of a version holds for a member.

        :param arms: those of running experiments
        :param is_withheld: whether the member gets nothing extra
        :param raised: to which tiers running experiments raise it
        """
        if not self.named and not is_withheld and not raised:
            return self
        mine = frozenset(each for each in arms if each.partition(":")[0] in self.named)
        parts = dict(self.parts)
        for name, part in self.parts.items():
            if isinstance(part, Divided):
                seen = part.for_arms(mine)
                seen = seen.raised(raised) if raised else seen
                parts[name] = seen.withheld() if is_withheld else seen
        return replace(self, parts=parts, arms=mine, is_withheld=is_withheld)

    def occasion(self, at: datetime, *, is_first: bool = False) -> Occasion:
        """Return the occasion of something that is decided under it, before anybody's benefits."""
        return Occasion(at, self.zone, is_first=is_first, arms=self.arms, is_withheld=self.is_withheld)


@dataclass(frozen=True, slots=True)
class Versions:
    """
    A program's published versions by the instant from which each is in force.

    Where experiments run, a version begins anew with each that starts or ends: members are assessed under what holds for
    them then. `of_arms` are the versions of a member; these here, the program's, have the parts of all arms.

    :param uses: the names of the capabilities that any of them uses
    :param trials: the experiments that divide its members
    :param experiments: all that it has, also those that change no decision, and those that only a draft names
    :param whole: the same as if no experiment ran
    :param counts_held: whether what a member's holds keep counts in any of them (`Capability.counts_held`)
    """

    program_id: int
    slug: str
    starts: tuple[datetime, ...]
    versions: tuple[Version, ...]
    uses: frozenset[str] = frozenset()
    trials: tuple[Trial, ...] = ()
    experiments: tuple[Trial, ...] = ()
    whole: "Versions | None" = None
    counts_held: bool = False
    known: dict[frozenset[str], "Versions"] = field(default_factory=dict, compare=False, repr=False)

    def at(self, instant: datetime) -> Version | None:
        """Return what was in force at an instant; None before the first version."""
        place = bisect_right(self.starts, instant)
        return self.versions[place - 1] if place else None

    def before(self, start: datetime) -> Version | None:
        """Return what was in force until one came into force."""
        place = bisect_left(self.starts, start)
        return self.versions[place - 1] if place else None

    def version(self, version_id: int | None) -> Version | None:
        """Return a version with the parts of all arms."""
        versions = (self.whole or self).versions
        return next((version for version in versions if version.version_id == version_id), None)

    def decided(self, version_id: int | None, occasion: Occasion) -> Version | None:
        """Return the version under which something was decided, as it was seen on its occasion."""
        version = self.version(version_id)
        return version and version.seen_by(occasion.arms, is_withheld=occasion.is_withheld)

    def start_after(self, instant: datetime | None) -> datetime | None:
        """Return when the next version came, or comes, into force."""
        place = 0 if instant is None else bisect_right(self.starts, instant)
        return self.starts[place] if place < len(self.starts) else None

    def latest_start(self, instant: datetime) -> datetime | None:
        """Return from when the version is in force that is in force at an instant."""
        place = bisect_right(self.starts, instant)
        return self.starts[place - 1] if place else None

    def cause_of(self, start: datetime, number: int) -> str:
        """Return what names the beginning of a version as a cause, which it has once; an experiment's has its instant."""
        whole = self.whole or self
        return f"version:{number}" if start in whole.starts else f"version:{number}:{start:%Y%m%dT%H%M%S.%f}"

    def among(self, trials: Sequence[Trial]) -> "Versions":
        """Return them as experiments divide their members; those of which no version knows, and that withhold nothing, do not."""
        named = frozenset[str]().union(*(version.named for version in self.versions))
        dividing = tuple(trial for trial in trials if trial.acts_by_itself or trial.code in named)
        if not dividing or not self.starts:
            return replace(self, experiments=tuple(trials), known={}) if trials else self
        instants = {instant for trial in dividing for instant in trial.instants() if instant > self.starts[0]}
        starts = tuple(sorted({*self.starts, *instants}))
        versions = tuple(version for start in starts if (version := self.at(start)) is not None)
        uses = self.uses | {ARMS.name}
        return replace(
            self,
            starts=starts,
            versions=versions,
            uses=uses,
            trials=dividing,
            experiments=tuple(trials),
            whole=self,
            known={},
        )

    def of_arms(self, arms: frozenset[str]) -> "Versions":
        """Return them as they hold for a member with arms, whether their experiments run or not."""
        mine = self._mine_of(arms) if arms else arms
        found = self.known.get(mine)
        if found is None:
            found = self.known[mine] = self._seen_by(mine)
        return found

    def _mine_of(self, arms: frozenset[str]) -> frozenset[str]:
        """Return the arms of experiments that divide these: all of long ago would be told apart, too."""
        dividing = {trial.code for trial in self.trials}
        return frozenset(each for each in arms if each.partition(":")[0] in dividing)

    def _seen_by(self, arms: frozenset[str]) -> "Versions":
        seen = tuple(
            self._at_start(start, version, arms) for start, version in zip(self.starts, self.versions, strict=True)
        )
        if all(after is before for after, before in zip(seen, self.versions, strict=True)):
            return self
        return replace(self, versions=seen, whole=self.whole or self, known={})

    def _at_start(self, start: datetime, version: Version, arms: frozenset[str]) -> Version:
        running = [trial for trial in self.trials if trial.runs_at(start)]
        codes = {trial.code for trial in running}
        mine = frozenset(each for each in arms if each.partition(":")[0] in codes)
        is_withheld = any(trial.withheld and arm(trial.code, trial.withheld) in arms for trial in running)
        raised = tuple(
            Raised(each.tier, each.code) for each in running if each.tier and arm(each.code, each.raised) in arms
        )
        return version.seen_by(mine, is_withheld=is_withheld, raised=raised)
