"""
Time as an activity: a member is advanced to an instant by each instant that was due, in order. Pure.

`due_at` of a member says when time alone will next change something for it. It may be early (waking finds nothing, and
looks again), never late. What a night does is this function, and so is what time does before an order, and in a what-if.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from customers.core.calendar import local_date, midnight
from loyalty.engine.activities import TimePassed, VersionStarted
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision, Step, run_steps
from loyalty.engine.member import Member
from loyalty.engine.pools import Pools
from loyalty.engine.versions import Versions


class Due(Protocol):
    """
    Return when time alone will next change something for a member, of what one capability keeps.

    :param before: the member as it was; None to look at all of its state, else only at what is new since
    """

    def __call__(self, member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None: ...


class Clock:
    """The steps of time, and what each capability says of when it is next due."""

    def __init__(
        self, *, at_midnight: Sequence[Step], in_between: Sequence[Step], on_version: Sequence[Step], due: Sequence[Due]
    ) -> None:
        self.at_midnight, self.in_between = tuple(at_midnight), tuple(in_between)
        self.on_version, self.due = tuple(on_version), tuple(due)

    def next_instant(self, member: Member, versions: Versions) -> datetime | None:
        """Return when the member is next due: by its own clock, or because a version comes into force."""
        start = versions.start_after(member.started_at)
        return earliest(member.due_at, start) if member.left_at is None else None

    def advance_to(
        self,
        member: Member,
        instant: datetime,
        versions: Versions,
        pools: Callable[[datetime], Pools],
        take: Callable[[Decision], None],
    ) -> Member:
        """
        Return the member after each instant that was due up to one; `take` is given each decision that changes something.

        :param pools: what is left of what all members share, as it is then
        """
        at = self.next_instant(member, versions)
        while at is not None and at <= instant:
            decision = self._wake(member, at, versions, pools(at))
            if decision.effects or decision.member is not member:
                take(decision)
            member = decision.member
            at = self.next_instant(member, versions)
        return member

    def set_after(self, member: Member, before: Member | None, versions: Versions, now: datetime) -> Member:
        """
        Return the member with its clock set to the least of what it was and what a decision added.

        :param before: the member before it; None to look at all of its state
        :param now: up to when time has been carried out: no night is carried out again, whatever a late fact tells of it
        """
        if member.left_at is not None:
            return member.with_clock(None) if member.due_at else member
        added = earliest(*(due(member, before, versions, now) for due in self.due))
        assert added is None or added > now, "what was due has been carried out"
        due_at = earliest(member.due_at, added)
        return member if due_at == member.due_at else member.with_clock(due_at)

    def reset(self, member: Member, versions: Versions, now: datetime) -> Member:
        """Return the member with its clock set by all of its state."""
        return member.with_clock(earliest(*(due(member, None, versions, now) for due in self.due)))

    def _wake(self, member: Member, at: datetime, versions: Versions, pools: Pools) -> Decision:
        version = versions.at(at)
        if versions.start_after(member.started_at) == at:
            started = member.with_start(at)
            number = version.number if version else 0
            activity: Any = VersionStarted(at, number, versions.cause_of(at, number))
            decision = self._decide(started, activity, versions, at, pools, self.on_version)
            member = decision.member
            # What the rules before said of the clock says nothing of the new ones, but that a night is due now.
            after = self.reset(member, versions, at) if member.is_whole else member
            return decision.then(member=after.with_clock(at) if started.due_at == at else after)
        if version is None:
            return self._decide(
                member.with_clock(None), VersionStarted(at, 0, versions.cause_of(at, 0)), versions, at, pools, ()
            )
        on = local_date(at, version.zone)
        # A night is carried out at its midnight, and at no other instant of its day.
        steps = self.at_midnight if midnight(on, version.zone) == at else self.in_between
        decision = self._decide(member, TimePassed(at, on), versions, at, pools, steps)
        after = self.reset(decision.member, versions, at)
        assert after.due_at is None or after.due_at > at, "what was due has been carried out"
        return decision.then(member=after)

    def _decide(  # noqa: PLR0913 - all that a decision stands on
        self, member: Member, activity: Any, versions: Versions, at: datetime, pools: Pools, steps: Sequence[Step]
    ) -> Decision:
        version = versions.at(at)
        occasion = version.occasion(at) if version else Occasion(at)
        decision = Decision(member, activity, version, versions, at, at, occasion, pools)
        return run_steps(decision, tuple(steps)) if version else decision


def earliest(*instants: datetime | None) -> datetime | None:
    """Return the first of some instants; None where there is none."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None
