"""
What of a member's due messages goes now, by which channel, what waits until when, and what is dropped: each with its reason.

Decided for all due messages of one member together, under its lock: what one takes of a cap, the next does not have. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.values import dataclass
from loyalty.campaigns.rules.caps import Cap, Sent, cap_frees_at
from loyalty.campaigns.rules.consent import PROFILING, SERVICE, Consents, allows
from loyalty.campaigns.rules.wall_clock import Quiet, quiet_until

WAIT, SKIP = "wait", "skip"
MAX_ROUNDS = 64  # of caps and quiet hours that push each other on


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    Whom it concerns.

    :param zone: its own, else its retailer's
    :param reachable: the channels that have an address of it that takes messages
    :param preferred: the channel that it would rather have; empty where it did not say
    :param quiet: its own quiet hours, and those of its retailer for all channels
    :param quiet_by_channel: those that a channel has besides
    :param paused_until: until which it wants nothing but service
    """

    zone: ZoneInfo
    reachable: frozenset[str]
    preferred: str = ""
    quiet: tuple[Quiet, ...] = ()
    quiet_by_channel: Mapping[str, tuple[Quiet, ...]] = field(default_factory=dict)
    paused_until: datetime | None = None
    has_bought: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """
    A message that is due.

    :param channels: by which it may go, the first rather than the next
    :param priority: the higher goes first
    :param expires_at: from which on it says nothing any more
    :param on_cap: wait or skip
    :param is_urgent: it goes in quiet hours, which service alone may
    :param needs_profiling: whether a profile decided that it goes to this member
    """

    id: UUID
    kind: str
    channels: tuple[str, ...]
    due_at: datetime
    expires_at: datetime
    priority: int = 0
    tags: frozenset[str] = frozenset()
    on_cap: str = WAIT
    ground: str = ""
    is_urgent: bool = False
    needs_profiling: bool = False


@dataclass(frozen=True, slots=True)
class Go:
    """That a message goes now."""

    id: UUID
    channel: str


@dataclass(frozen=True, slots=True)
class Later:
    """That a message waits. :param rule: which rule has it wait: quiet, paused or cap:any_3_per_7_days."""

    id: UUID
    until: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """
    That a message never goes.

    :param reason: late, no_consent, no_profiling, no_channel, capped, or what kept it until it was late
    :param rule: of which it is the effect
    """

    id: UUID
    reason: str
    rule: str = ""


Plan = Go | Later | Dropped
QUIET, PAUSED = "quiet", "paused"
UNTIL_LATE = {QUIET: "quiet_until_late", PAUSED: "paused_until_late"}


def plan_all(  # noqa: PLR0913 - what decides of it
    recipient: Recipient,
    due: Iterable[Due],
    history: Iterable[Sent],
    consents: Consents,
    caps: Sequence[Cap],
    now: datetime,
) -> tuple[Plan, ...]:
    """
    Return what becomes of each due message of a member, in the order in which they were decided.

    :param history: what it got within the longest window of the caps
    :param now: at which it is decided, under the member's lock
    """
    taken = list(history)
    plans: list[Plan] = []
    for message in sorted(due, key=lambda each: (-each.priority, each.due_at, each.id)):
        plan, channel, at = _plan(recipient, message, taken, consents, caps, now)
        plans.append(plan)
        if not isinstance(plan, Dropped):
            taken.append(Sent(channel, message.kind, message.tags, at))
    return tuple(plans)


@dataclass(frozen=True, slots=True)
class _Way:
    """When a message can go by a channel, and what it has to wait for. :param at: None where it never can."""

    channel: str
    at: datetime | None
    rule: str = ""

    @property
    def is_capped(self) -> bool:
        return self.rule.startswith("cap:")


def _plan(  # noqa: PLR0913 - as plan_all
    recipient: Recipient, message: Due, taken: Sequence[Sent], consents: Consents, caps: Sequence[Cap], now: datetime
) -> tuple[Plan, str, datetime]:
    """Return a message's plan, with the channel and the instant that it takes from the caps."""
    now = now.astimezone(UTC)
    if reason := _never(message, recipient, consents, now):
        return Dropped(message.id, reason), "", now
    way = _choose(recipient, message, taken, consents, caps, now)
    if way.at == now:
        return Go(message.id, way.channel), way.channel, now
    if way.is_capped and message.on_cap == SKIP:
        return Dropped(message.id, "capped", way.rule), "", now
    if way.at is None or way.at >= message.expires_at:
        return Dropped(message.id, UNTIL_LATE.get(way.rule, "capped_until_late"), way.rule), "", now
    return Later(message.id, way.at, way.rule), way.channel, way.at


def _never(message: Due, recipient: Recipient, consents: Consents, now: datetime) -> str:
    """Return why a message can go by no channel at all; empty where it can."""
    if now >= message.expires_at:
        return "late"
    if message.needs_profiling and not consents.get(PROFILING, False):
        return "no_profiling"
    allowed = _allowed(message, recipient, consents)
    if not allowed:
        return "no_consent"
    return "" if recipient.reachable.intersection(allowed) else "no_channel"


def _allowed(message: Due, recipient: Recipient, consents: Consents) -> list[str]:
    return [
        channel
        for channel in message.channels
        if allows(consents, kind=message.kind, channel=channel, ground=message.ground, has_bought=recipient.has_bought)
    ]


def _choose(  # noqa: PLR0913 - as plan_all
    recipient: Recipient, message: Due, taken: Sequence[Sent], consents: Consents, caps: Sequence[Cap], now: datetime
) -> _Way:
    """Return the first way that no cap blocks, the member's preferred one before the others; else the soonest."""
    channels = [each for each in _allowed(message, recipient, consents) if each in recipient.reachable]
    channels.sort(key=lambda each: each != recipient.preferred)
    ways = []
    for channel in channels:
        way = _way(recipient, message, channel, taken, caps, now)
        if way.at is not None and not way.is_capped:
            return way
        ways.append(way)
    possible = [way for way in ways if way.at is not None]
    return min(possible, key=lambda way: (way.at, channels.index(way.channel))) if possible else ways[0]


def _way(  # noqa: PLR0913 - as plan_all
    recipient: Recipient, message: Due, channel: str, taken: Sequence[Sent], caps: Sequence[Cap], now: datetime
) -> _Way:
    """Return the first instant at which neither a pause nor quiet hours nor a cap is in the way of a channel."""
    quiet = _quiet_for(recipient, message, channel)
    own = [
        (cap, [each for each in taken if cap.counts(each.channel, each.kind, each.tags)])
        for cap in caps
        if cap.counts(channel, message.kind, message.tags)
    ]
    at = _pause_ends_at(recipient, message, now)
    rule = PAUSED if at > now else ""
    for _ in range(MAX_ROUNDS):
        free = quiet_until(at, recipient.zone, quiet)
        if free is None:
            return _Way(channel, None, rule or QUIET)
        frees = [(cap_frees_at(cap, counted, free, recipient.zone), cap) for cap, counted in own]
        last_at, last = max(frees, key=lambda each: each[0], default=(free, None))
        if last is None or last_at == free:
            return _Way(channel, free, rule or (QUIET if free > now else ""))
        at, rule = last_at, f"cap:{last.name}"
    return _Way(channel, None, rule)


def free_at(recipient: Recipient, message: Due, channel: str, now: datetime) -> datetime | None:
    """Return the first instant from now on at which neither a pause nor quiet hours are in a message's way; None for none."""
    now = now.astimezone(UTC)
    return quiet_until(_pause_ends_at(recipient, message, now), recipient.zone, _quiet_for(recipient, message, channel))


def _pause_ends_at(recipient: Recipient, message: Due, now: datetime) -> datetime:
    """Return when a member's pause ends that is in a message's way; now where none is."""
    if recipient.paused_until is None or recipient.paused_until <= now or message.kind == SERVICE:
        return now
    return recipient.paused_until.astimezone(UTC)


def _quiet_for(recipient: Recipient, message: Due, channel: str) -> tuple[Quiet, ...]:
    return () if message.is_urgent and message.kind == SERVICE else _quiet(recipient, channel)


def _quiet(recipient: Recipient, channel: str) -> tuple[Quiet, ...]:
    """Return the quiet hours of a channel; an inbox disturbs nobody."""
    return () if channel == "inbox" else (*recipient.quiet, *recipient.quiet_by_channel.get(channel, ()))
