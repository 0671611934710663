"""What a member has of badges and challenges, and how far it has come: reads only."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, F, Max, QuerySet

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.inviting import is_invited
from loyalty.badges.coming_next import towards_next
from loyalty.badges.models import Badge, Challenge, ChallengeAward, GivenBadge
from loyalty.badges.reading import read_state
from loyalty.badges.rules import ChallengeRule, Counter, Metric, Tally, amount_of, times_met
from loyalty.badges.state import GAME, BadgeState, Place, Progress
from loyalty.badges.windows import days_of
from loyalty.engine.versions import Version, Versions
from loyalty.memberships.models import Membership

STATE = "SELECT state::text FROM badges_memberprogress WHERE membership_id = %s"


@dataclass(frozen=True, slots=True)
class GoalProgress:
    """
    How far a member is with one goal.

    :param value: what counts so far, in whole numbers or, of money, as an amount
    :param target: of it for the next award
    """

    metric: str
    interaction: str
    value: str
    target: str


@dataclass(frozen=True, slots=True)
class ChallengeProgress:
    """
    How far a member is with a challenge in the window that is open.

    :param first_day: of the window; None for no bound
    :param is_open: whether the window has begun and has not ended
    :param joined_at: since when it takes part in what one joins
    :param met: how often it is met in this window; of one with levels how many
    :param awards: how many awards the member has of it, of all windows
    """

    challenge: Challenge
    first_day: date | None
    last_day: date | None
    is_open: bool
    joined_at: datetime | None
    goals: tuple[GoalProgress, ...]
    met: int
    awards: int

    @property
    def takes_part(self) -> bool:
        """Tell whether the member has done something for it, or joined it."""
        return self.joined_at is not None or self.awards > 0 or any(goal.value not in {"", "0"} for goal in self.goals)


@dataclass(frozen=True, slots=True)
class BadgeHeld:
    """
    A badge, and what a member has of it.

    :param times: how many times it was given and not taken back
    :param last_at: when it was given last; None for never
    """

    badge: Badge
    times: int
    level: int
    level_name: str
    next_at: int | None
    last_at: datetime | None


def state_of(membership_id: UUID) -> BadgeState:
    """Return a member's progress as it is stored."""
    found = bulk.fetch(STATE, [membership_id])
    return read_state(found[0][0] if found else None)


def challenges_of(membership: Membership, versions: Versions, *, at: datetime) -> list[ChallengeProgress]:
    """Return the challenges of the version in force with a member's progress, in their order; none for who has left."""
    version = versions.at(at)
    if version is None or not version.of(GAME).challenges or membership.left_at is not None:
        return []
    rows = {row.key: row for row in Challenge.objects.filter(version=version.version_id)}
    own = ChallengeAward.objects.filter(membership=membership, ended_at=None)
    awards = dict(own.values_list("name").annotate(how_many=Count("pk")))
    state, on = state_of(membership.pk), local_date(at, version.zone)
    found = [_progress(rows[rule.key], rule, state, on, awards) for rule in version.of(GAME).challenges]
    return found if is_invited(membership, versions, at=at) else [each for each in found if each.takes_part]


def _progress(
    row: Challenge, rule: ChallengeRule, state: BadgeState, on: date, awards: Mapping[str, int]
) -> ChallengeProgress:
    window = rule.window_on(on)
    known = progress_in(state, rule, window)
    tallies: Sequence[Tally] = known.tallies if known else ({},) * len(rule.goals)
    first, last = (rule.first_day, rule.last_day) if window is None else days_of(window)
    given = known.given if known else 0
    is_in = not rule.is_joined or rule.name in state.joined
    return ChallengeProgress(
        row, first, last, window is not None, state.joined.get(rule.name) if is_in else None,
        goals_progress(rule, tallies, given=given, on=on), max(times_met(rule, tallies), given), awards.get(rule.name, 0),
    )  # fmt: skip


def progress_in(state: BadgeState, rule: Counter, window: str | None) -> Progress | None:
    """Return what counts in a window so far; None where nothing does, or there is no window."""
    return state.windows.get(Place(rule.name, window)) if window is not None else None


def goals_progress(rule: ChallengeRule, tallies: Sequence[Tally], *, given: int, on: date) -> tuple[GoalProgress, ...]:
    """Return how far a member is with each goal of a challenge in a window, as it is told."""
    found = zip(rule.goals, towards_next(rule, tallies, given=given, on=on), strict=True)
    return tuple(
        GoalProgress(goal.metric, goal.interaction, said(goal.metric, each.value), said(goal.metric, each.target))
        for goal, each in found
    )


def said(metric: str, value: int) -> str:
    """Return what was counted as it is told: money as an amount."""
    return f"{amount_of(value).normalize():f}" if metric == Metric.SPEND else str(value)


def badges_of(membership: Membership, versions: Versions, *, at: datetime) -> list[BadgeHeld]:
    """Return the badges of the version in force with what a member has of them, in their order; none for who has left."""
    version = versions.at(at)
    if version is None or not version.of(GAME).badges or membership.left_at is not None:
        return []
    own = ChallengeAward.objects.filter(membership=membership, ended_at=None).exclude(badge_key=None)
    held = {
        key: (times, last)
        for key, times, last in own.values_list("badge_key").annotate(Count("pk"), Max("occurred_at"))
    }
    for key, times, last in given_to(membership).values_list("badge_key").annotate(Count("pk"), Max("given_at")):
        had, before = held.get(key, (0, None))
        held[key] = had + times, max(last, before or last)
    rows = Badge.objects.filter(version=version.version_id).order_by("place", "code")
    found = [_held(row, version, *held.get(row.key, (0, None))) for row in rows]
    return found if is_invited(membership, versions, at=at) else [each for each in found if each.times]


def given_to(membership: Membership) -> QuerySet[GivenBadge]:
    """Return the badges that staff gave to a member, or to whoever was merged into it, since it joined last."""
    own = Membership.objects.of_member(membership)
    return GivenBadge.objects.filter(membership__in=own, taken_at=None, given_at__gte=F("membership__enrolled_at"))


def _held(row: Badge, version: Version, times: int, last: datetime | None) -> BadgeHeld:
    rule = version.of(GAME).badges[row.code]
    level = rule.level(times)
    following = next((least for least in rule.levels if least > times), None)
    return BadgeHeld(row, times, level if rule.levels else 0, row.level_name(level), following, last)


def awards_of(membership: Membership) -> list[ChallengeAward]:
    """Return the latest awards that a member has, the newest first."""
    own = ChallengeAward.objects.filter(membership=membership, ended_at=None).select_related("challenge", "badge")
    return list(own.order_by("-occurred_at", "-pk")[:100])
