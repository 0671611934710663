"""Which steps of an entry are taken when, and where it goes on in another version. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from customers.core.calendar import day_after, midnight
from customers.core.values import dataclass
from loyalty.campaigns.rules.journeys import MESSAGE, OFFER, WAIT, StepRule
from loyalty.campaigns.rules.wall_clock import next_wall_time, read_wait

NOTHING_DECIDED: Mapping[int, bool] = {}


@dataclass(frozen=True, slots=True)
class Planned:
    """A message of a step that is to go. :param channels: by which it may; the step's own where it is empty"""

    step: StepRule
    at: datetime
    expires_at: datetime
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far an entry goes now.

    :param position: of the next step
    :param next_at: when it is to be taken; None when there is none
    :param superseded: messages of steps that come too late to be said beside the next one
    :param asks: the step whose offer is to be decided before anything else; None for none
    :param offers: the steps whose offers were decided
    """

    position: int
    next_at: datetime | None
    messages: tuple[Planned, ...]
    superseded: tuple[Planned, ...] = ()
    asks: StepRule | None = None
    offers: tuple[StepRule, ...] = ()


@dataclass(slots=True)
class _Taken:
    """The steps of an entry that were taken so far."""

    messages: list[Planned] = field(default_factory=list)
    superseded: list[Planned] = field(default_factory=list)
    offers: list[StepRule] = field(default_factory=list)

    def supersede(self, at: datetime) -> None:
        """Say nothing any more of what was to be said at an instant."""
        self.superseded += [each for each in self.messages if each.at == at]
        self.messages = [each for each in self.messages if each.at != at]

    def up_to(self, position: int, next_at: datetime | None, *, asks: StepRule | None = None) -> Progress:
        return Progress(position, next_at, tuple(self.messages), tuple(self.superseded), asks, tuple(self.offers))


def advance(  # noqa: PLR0913 - where an entry stands
    steps: Sequence[StepRule],
    *,
    position: int,
    at: datetime,
    about: date | None,
    variant: str,
    zone: ZoneInfo,
    now: datetime,
    given: Mapping[int, bool] = NOTHING_DECIDED,
) -> Progress:
    """
    Take the steps of an entry that are due, in order, up to one whose offer is not decided yet.

    Where a wait for some days before the day was over before it began, what was to be said before it is not said any more: who
    entered three days before an expiry is not told at once of thirty, fourteen and three.

    :param at: when the next step was to be taken: late or not, waits are counted from then
    :param given: of offers that were decided, by their steps' positions, whether they were given
    """
    taken = _Taken()
    for step in (step for step in _of_variant(steps, variant) if step.position >= position):
        if at > now:
            return taken.up_to(step.position, at)
        if step.kind == WAIT:
            wait = read_wait(step.wait)
            until = next_wall_time(at, wait, zone, about)
            if wait.before_days is not None and until == at:
                taken.supersede(at)
            at = until
        elif step.kind == MESSAGE:
            taken.messages += _planned(step, at, about, zone)
        elif step.position not in given:
            return taken.up_to(step.position, at, asks=step)
        else:
            taken.offers.append(step)
            if step.ends_without and not given[step.position]:
                return taken.up_to(step.position, None)
    return taken.up_to(steps[-1].position + 1 if steps else 0, at if at > now else None)


def _planned(step: StepRule, at: datetime, about: date | None, zone: ZoneInfo) -> list[Planned]:
    if step.expires_after:
        expires_at = next_wall_time(at, read_wait(step.expires_after), zone, about)
    else:
        assert about is not None, "checked at publication: only what is about a day is worth saying until it is over"
        expires_at = midnight(day_after(about), zone)
    ways = [(channel,) for channel in step.channels] if step.to_all_channels else [()]
    return [Planned(step, at, expires_at, way) for way in ways]


@dataclass(frozen=True, slots=True)
class Moved:
    """
    Where an entry goes on in another version.

    :param position: of its next step
    :param at: from when that is counted; None where nothing follows, and it is over
    """

    position: int
    at: datetime | None


def moved(  # noqa: PLR0913 - where an entry stands, and what between
    before: Sequence[StepRule],
    after: Sequence[StepRule],
    *,
    position: int,
    entered_at: datetime,
    about: date | None,
    variant: str,
    zone: ZoneInfo,
) -> Moved:
    """
    Return where an entry goes on in another version: behind as many messages and offers as it has had; its wait counts from then.

    What it has had is not said again, and what the new version says earlier is not made up for. Steps of other variants are
    none of its own.

    :param position: of the step that it was to take next
    """
    at, had = entered_at, 0
    latest = entered_at
    for step in _of_variant(before, variant):
        if step.position >= position:
            break
        if step.kind == WAIT:
            at = next_wall_time(at, read_wait(step.wait), zone, about)
        else:
            latest, had = at, had + 1
    steps = _of_variant(after, variant)
    own = [place for place, step in enumerate(steps) if step.kind != WAIT]
    if had >= len(own):
        return Moved(after[-1].position + 1 if after else 0, None)
    first = own[had - 1] + 1 if had else 0
    return Moved(steps[first].position, latest)


def _of_variant(steps: Iterable[StepRule], variant: str) -> list[StepRule]:
    """Return the steps that a variant's customers take, those of all included."""
    return [step for step in steps if step.variant in {"", variant}]


def offers_before_message(steps: Iterable[StepRule], variant: str) -> list[StepRule]:
    """Return the steps before a variant's first message that give offers; without those that end it, that is not said."""
    before = takewhile(lambda step: step.kind != MESSAGE, _of_variant(steps, variant))
    return [step for step in before if step.kind == OFFER]


def first_message_at(
    steps: Iterable[StepRule], *, entered_at: datetime, about: date | None, zone: ZoneInfo
) -> datetime:
    """Return the planned instant of the first message or offer: the exposure, also of those who get none."""
    at = entered_at
    for step in steps:
        if step.kind in {MESSAGE, OFFER}:
            return at
        at = next_wall_time(at, read_wait(step.wait), zone, about)
    return at
