"""Who enters a journey, which steps are taken when, and which facts end it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import day_after, local_date, midnight
from customers.core.values import dataclass
from loyalty.campaigns.rules.consent import INBOX, PROFILING, Consents, allows
from loyalty.campaigns.rules.triggers import is_of_last_order
from loyalty.campaigns.rules.wall_clock import next_wall_time, read_wait

MESSAGE, WAIT, OFFER = "message", "wait", "offer"
HAD_IT = "had_it"
NOTHING_DECIDED: Mapping[int, bool] = {}


@dataclass(frozen=True, slots=True)
class StepRule:
    """
    A step of a version.

    :param expires_after: a wait after which its message says nothing any more; empty until the day that it is about is over
    :param variant: of the campaign's experiment that gets it; empty for all but the control
    :param survey_id: that it asks; None where it asks none
    :param offer_id: which it gives; None for none
    :param ends_without: whether who does not get that offer gets no later step either
    """

    position: int
    kind: str
    wait: str = ""
    expires_after: str = ""
    channels: tuple[str, ...] = ()
    to_all_channels: bool = False
    variant: str = ""
    step_id: int = 0
    survey_id: UUID | None = None
    offer_id: int | None = None
    ends_without: bool = True


@dataclass(frozen=True, slots=True)
class JourneyRule:
    """
    A version of a campaign, as far as it decides who enters and what ends it.

    :param exits: the facts that end an entry; of each whether it is what the campaign is for
    """

    kind: str
    steps: tuple[StepRule, ...]
    exits: Mapping[str, bool]
    again_after_days: int | None = None
    at_most_one_active: bool = True
    late_up_to_days: int = 3
    uses_profile: bool = False
    ground: str = ""

    @property
    def channels(self) -> frozenset[str]:
        """All channels by which it says something."""
        return frozenset(channel for step in self.steps for channel in step.channels)


@dataclass(frozen=True, slots=True)
class Before:
    """
    What a campaign knows of somebody who may enter.

    :param is_active: whether it is in it already
    :param last_entered_at: None where it never was
    """

    zone: ZoneInfo
    consents: Consents
    is_active: bool = False
    last_entered_at: datetime | None = None
    has_bought: bool = True


def not_entered(rule: JourneyRule, before: Before, at: datetime) -> str:
    """Return why somebody does not enter; empty where it does."""
    if rule.uses_profile and not before.consents.get(PROFILING, False):
        return "no_profiling"
    if not _may_be_told(rule, before):
        return "no_consent"
    if rule.at_most_one_active and before.is_active:
        return "active"
    if rule.again_after_days is not None and before.last_entered_at is not None:
        since = local_date(before.last_entered_at, before.zone)
        if local_date(at, before.zone) < since + timedelta(days=rule.again_after_days):
            return "again_after"
    return ""


def not_carried(rule: JourneyRule, before: Before, *, had_it: bool, is_held_out: bool) -> str:
    """
    Return why what somebody was in does not go on for the one into whom it was merged; empty where it does.

    By which channels it may be told, each message asks again when it goes.

    :param before: of the one who stays
    :param had_it: whether that one is, or was, in it because of the same
    """
    if is_held_out:
        return "held_out"
    if had_it:
        return HAD_IT
    if rule.uses_profile and not before.consents.get(PROFILING, False):
        return "no_profiling"
    return "active" if rule.at_most_one_active and before.is_active else ""


def _may_be_told(rule: JourneyRule, before: Before) -> bool:
    """Tell whether any channel of a journey is allowed: consent is read for the first time."""
    channels = rule.channels or {INBOX}
    return any(
        allows(before.consents, kind=rule.kind, channel=channel, ground=rule.ground, has_bought=before.has_bought)
        for channel in channels
    )


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
    messages: list[Planned] = []
    superseded: list[Planned] = []
    offers: list[StepRule] = []

    def progress(position: int, next_at: datetime | None, asks: StepRule | None = None) -> Progress:
        return Progress(position, next_at, tuple(messages), tuple(superseded), asks, tuple(offers))

    for step in (step for step in steps if step.position >= position and step.variant in {"", variant}):
        if at > now:
            return progress(step.position, at)
        if step.kind == WAIT:
            wait = read_wait(step.wait)
            until = next_wall_time(at, wait, zone, about)
            if wait.before_days is not None and until == at:
                superseded += [each for each in messages if each.at == at]
                messages[:] = [each for each in messages if each.at != at]
            at = until
        elif step.kind == MESSAGE:
            messages += _planned(step, at, about, zone)
        elif step.position not in given:
            return progress(step.position, at, step)
        else:
            offers.append(step)
            if step.ends_without and not given[step.position]:
                return progress(step.position, None)
    return progress(steps[-1].position + 1 if steps else 0, at if at > now else None)


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
    zone: ZoneInfo,
) -> Moved:
    """
    Return where an entry goes on in another version: behind as many messages and offers as it has had; its wait counts from then.

    What it has had is not said again, and what the new version says earlier is not made up for.

    :param position: of the step that it was to take next
    """
    at, had = entered_at, 0
    latest = entered_at
    for step in before:
        if step.position >= position:
            break
        if step.kind == WAIT:
            at = next_wall_time(at, read_wait(step.wait), zone, about)
        else:
            latest, had = at, had + 1
    own = [place for place, step in enumerate(after) if step.kind != WAIT]
    if had >= len(own):
        return Moved(after[-1].position + 1 if after else 0, None)
    first = own[had - 1] + 1 if had else 0
    return Moved(after[first].position, latest)


def _planned(step: StepRule, at: datetime, about: date | None, zone: ZoneInfo) -> list[Planned]:
    if step.expires_after:
        expires_at = next_wall_time(at, read_wait(step.expires_after), zone, about)
    else:
        assert about is not None, "checked at publication: only what is about a day is worth saying until it is over"
        expires_at = midnight(day_after(about), zone)
    ways = [(channel,) for channel in step.channels] if step.to_all_channels else [()]
    return [Planned(step, at, expires_at, way) for way in ways]


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


@dataclass(frozen=True, slots=True)
class Exit:
    """
    That a fact ends an entry.

    :param reason: why, as it is told
    :param credited: whether the campaign may have caused it: it happened after the exposure, and is what the campaign is for
    :param before_exposure: whether it is what the campaign is for, and happened before it said anything
    """

    reason: str
    credited: bool = False
    before_exposure: bool = False


NO_LONGER_TRUE = "no_longer_true"
LEFT = "left"  # the program: its campaigns are for its members, whether they say so or not
REASONS = {"order": "ordered", "profiling_withdrawn": "no_profiling", LEFT: "left", "contact": "contacted"}


def exit_by(  # noqa: PLR0913 - a fact and an entry
    rule: JourneyRule,
    fact: str,
    *,
    occurred_at: datetime,
    entered_at: datetime,
    exposure_at: datetime,
    occurrence: str = "",
    about: date | None = None,
    zone: ZoneInfo,
) -> Exit | None:
    """
    Return how a fact ends an entry; None where it does not. It counts by when it happened, whenever it was recorded.

    :param occurrence: because of what it was entered: a lapse is ended by anything that was bought after its last order
    """
    if fact == "profiling_withdrawn":
        return Exit(REASONS[fact]) if rule.uses_profile else None
    if fact not in rule.exits and fact != LEFT:
        return None
    is_after = occurred_at >= entered_at
    if fact != "contact" and is_of_last_order(occurrence) and about is not None:
        is_after = local_date(occurred_at, zone) > about
    if not is_after:
        return None
    is_goal, is_exposed = rule.exits.get(fact, False), occurred_at >= exposure_at
    return Exit(REASONS[fact], credited=is_goal and is_exposed, before_exposure=is_goal and not is_exposed)
