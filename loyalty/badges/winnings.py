"""What a member won without a challenge, gifts and prizes, and how it stands in contests that go on: reads only."""

from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.inviting import is_invited
from loyalty.badges.boards import Among, Line, standing_of
from loyalty.badges.models import Board, ContestPrize, SurpriseTicket
from loyalty.badges.rules import BoardRule
from loyalty.badges.state import GAME
from loyalty.badges.windows import days_of
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership

MAX_SHOWN = 100  # the latest ones


@dataclass(frozen=True, slots=True)
class OpenContest:
    """
    A contest in the window that is open, and how a member stands in it.

    :param settled_on: the first day on which its prizes are given
    :param mine: the member's line; None for who has not joined, and wins nothing
    :param points: what the member's rank would be given if the contest ended like this
    """

    board: Board
    rule: BoardRule
    first_day: date | None
    last_day: date
    settled_on: date
    mine: Line | None
    points: int


def open_contests(member: Membership, versions: Versions, *, at: datetime) -> list[OpenContest]:
    """Return the contests of the version in force that a member may still win, in their order; none for who has left."""
    version = versions.at(at)
    rules = [rule for rule in version.of(GAME).boards if rule.prizes] if version else []
    if version is None or not rules or member.left_at is not None:
        return []
    on = local_date(at, version.zone)
    rows = {row.key: row for row in Board.objects.filter(version=version.version_id)}
    found = (_open_contest(rows[rule.key], rule, rule.window_on(on), member, versions, at) for rule in rules)
    shown = [each for each in found if each is not None]
    return shown if is_invited(member, versions, at=at) else [each for each in shown if each.mine is not None]


def _open_contest(  # noqa: PLR0913 - a contest, and a member at an instant
    board: Board, rule: BoardRule, window: str | None, member: Membership, versions: Versions, at: datetime
) -> OpenContest | None:
    """Return a contest with a member's standing among who may win it; None where its window is not open, or never ends."""
    first, last = days_of(window or "")
    if window is None or last is None:
        return None
    among = Among.of(rule, versions, window, now=at)
    mine = standing_of(rule, member.program_id, window, member.pk, among)
    points = rule.prize_for(mine.rank) if mine and mine.rank else 0
    return OpenContest(board, rule, first, last, last + timedelta(days=rule.settle_days + 1), mine, points)


def prizes_of(member: Membership) -> list[ContestPrize]:
    """Return the prizes that a member won, or whoever was merged into it, the latest first."""
    rows = ContestPrize.objects.filter(_own(member)).select_related("finish__board")
    return list(rows.order_by("-finish__finished_at", "-pk")[:MAX_SHOWN])


def gifts_of(member: Membership) -> list[SurpriseTicket]:
    """Return the gifts that a member was given, or whoever was merged into it, the latest first."""
    return list(_tickets(member).filter(given_at__isnull=False)[:MAX_SHOWN])


def draws_of(member: Membership) -> list[SurpriseTicket]:
    """Return the draws in which a member was a candidate, or whoever was merged into it, the latest first."""
    return list(_tickets(member)[:MAX_SHOWN])


def _tickets(member: Membership) -> QuerySet[SurpriseTicket]:
    return SurpriseTicket.objects.filter(_own(member)).select_related("surprise").order_by("-surprise__drawn_at", "-pk")


def _own(member: Membership) -> Q:
    return Q(membership__in=Membership.objects.of_member(member))
