"""Badges, challenges and leaderboards, for shoppers and for retailers' systems: see, join, leave."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.core.calendar import local_date
from loyalty.activity.api.asking import listed, member_of, program_of, site_of
from loyalty.activity.api.member import memberships_of, my_membership
from loyalty.activity.inviting import is_invited
from loyalty.activity.versions import versions_of_member, versions_of_program
from loyalty.badges.account.causes import causes_of
from loyalty.badges.account.given import give_badge, take_badge
from loyalty.badges.account.joining import NoSuchBoard, join_board, join_challenge, leave
from loyalty.badges.api.serializers import (
    BadgeOut,
    BadgesOut,
    BoardOut,
    BoardsOut,
    ByStaffIn,
    ChallengeOut,
    ChallengesOut,
    PseudonymIn,
    text_of,
)
from loyalty.badges.boards import MAX_SHOWN, SHOWN, Among, Line, standings
from loyalty.badges.models import Board
from loyalty.badges.overview import ChallengeProgress, awards_of, badges_of, challenges_of, said
from loyalty.badges.rules import BoardRule
from loyalty.badges.state import GAME
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program

WINDOW = OpenApiParameter(
    "window", str, description="A day of the window that is asked for, such as 2026-05-31; today if left out."
)
LIMIT = OpenApiParameter("limit", int, description=f"How many lines, at most {MAX_SHOWN}; {SHOWN} if left out.")


def _mine(
    kind: type[serializers.Serializer[Any]], said_of: Callable[[Membership], dict[str, Any]], request: Request
) -> Response:
    """Return something of each program in which the caller is a member."""
    found = [said_of(each) for each in memberships_of(request)]
    return Response(kind(found, many=True, context=told_to(request)).data)


def told_to(request: Request) -> dict[str, str]:
    """Return what pictures' addresses depend on."""
    return {"site": site_of(request)}


def challenges_said(member: Membership) -> dict[str, Any]:
    """Return a member's challenges as plain values of `ChallengesOut`."""
    found = challenges_of(member, versions_of_member(member), at=timezone.now())
    return {"program": member.program.slug, "challenges": found}


def badges_said(member: Membership) -> dict[str, Any]:
    """Return a member's badges and awards as plain values of `BadgesOut`."""
    versions = versions_of_member(member)
    awards = awards_of(member) if member.left_at is None else []
    causes = causes_of(member, awards, versions)
    for award in awards:
        award.causes = causes.get(award.pk, [])  # type: ignore[attr-defined] # for this answer
    return {"program": member.program.slug, "badges": badges_of(member, versions, at=timezone.now()), "awards": awards}


def board_said(  # noqa: PLR0913 - of what, as whose, and for whom
    row: Board, rule: BoardRule, window: str, versions: Versions, *, member: Membership | None = None, limit: int = SHOWN
) -> dict[str, Any]:  # fmt: skip
    """Return a leaderboard as plain values of `BoardOut`."""
    among, me = Among.of(rule, versions, window, now=timezone.now()), member.pk if member else None
    found = standings(rule, row.version.program_id, window, among, member=me, limit=limit)
    metric = rule.goals[0].metric

    def line(each: Line) -> dict[str, Any]:
        return {"rank": each.rank, "shown_as": each.shown_as, "score": said(metric, each.score),
                "reached_at": each.reached_at, "is_me": each.is_me}  # fmt: skip

    return {
        "code": row.code, "name": str(row), "description": text_of(row), "image": row.image, "metric": metric,
        "window": row.window, "first_day": found.first_day, "last_day": found.last_day, "prizes": row.prizes,
        "wallet": row.wallet,
        "lines": [line(each) for each in found.lines], "mine": line(found.mine) if found.mine else None,
    }  # fmt: skip


def boards_said(member: Membership) -> dict[str, Any]:
    """Return the leaderboards of a member's program, each in the window that is open, as plain values of `BoardsOut`."""
    versions = versions_of_member(member)
    version = versions.at(timezone.now())
    if version is None or member.left_at is not None or not version.of(GAME).boards:
        return {"program": member.program.slug, "boards": []}
    on = local_date(timezone.now(), version.zone)
    rows = {row.key: row for row in Board.objects.filter(version=version.version_id).select_related("version")}
    boards = [
        board_said(rows[rule.key], rule, window, versions, member=member)
        for rule in version.of(GAME).boards
        if (window := rule.window_on(on)) is not None
    ]
    shown = boards if is_invited(member, versions, at=timezone.now()) else [each for each in boards if each["mine"]]
    return {"program": member.program.slug, "boards": shown}


def _board(request: Request, program: Program, code: str, member: Membership | None) -> Response:
    """Return one leaderboard in the window that is asked for."""
    versions = versions_of_member(member) if member else versions_of_program(program.pk)
    row, rule, today = _board_now(versions, code, member)
    window = _window(request, rule, today)
    body = board_said(row, rule, window, versions, member=member, limit=_limit(request))
    return Response(BoardOut(body, context=told_to(request)).data)


def _board_now(versions: Versions, code: str, member: Membership | None) -> tuple[Board, BoardRule, date]:
    """
    Return a leaderboard of the version in force, its rule, and the day it is there.

    :param versions: as they hold for whoever asks: who is held out of it has none
    :param member: who asks; None for a retailer's system
    :raises NoSuchBoard: when the version does not have it
    """
    version = versions.at(timezone.now())
    rule = next((each for each in version.of(GAME).boards if each.code == code), None) if version else None
    if version is None or rule is None:
        is_told = version is not None and (member is None or is_invited(member, versions, at=timezone.now()))
        known = sorted(each.code for each in version.of(GAME).boards) if version is not None and is_told else ()
        raise NoSuchBoard(board=code, known=listed(known))
    row = Board.objects.select_related("version").get(version=version.version_id, code=code)
    return row, rule, local_date(timezone.now(), version.zone)


def _window(request: Request, rule: BoardRule, today: date) -> str:
    """
    Return the name of the window that is asked for: that of today, or of another day.

    :raises ValidationError: when it is no day, or the leaderboard had no window then
    """
    text = request.query_params.get("window")
    if not text:
        return _window_nearest(rule, today)
    try:
        window = rule.window_on(date.fromisoformat(text))
    except ValueError as error:
        raise ValidationError({"window": [_("A day such as 2026-05-31 is expected.")]}, code="not_a_day") from error
    if window is None:
        raise ValidationError({"window": [_("The leaderboard counts nothing on that day.")]}, code="no_window")
    return window


def _window_nearest(rule: BoardRule, today: date) -> str:
    """Return the window of today; before the first and after the last, that one."""
    opens, ends = rule.first_day or today, rule.last_day or today
    window = rule.window_on(max(opens, min(today, ends)))
    assert window is not None  # a day within a leaderboard's days has one
    return window


def _limit(request: Request) -> int:
    text = request.query_params.get("limit")
    if not text:
        return SHOWN
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SHOWN:
        words = _("A number from 1 to %(most)s is expected.") % {"most": MAX_SHOWN}
        raise ValidationError({"limit": [words]}, code="not_a_number")
    return int(text)


def _challenge_of(member: Membership, code: str) -> ChallengeProgress:
    """Return a challenge with a member's progress."""
    found = challenges_of(member, versions_of_member(member), at=timezone.now())
    return next(each for each in found if each.challenge.code == code)


def _badge_said(request: Request, member: Membership, code: str) -> dict[str, Any]:
    """Return one badge with what a member has of it; of who has left, nothing."""
    found = badges_of(member, versions_of_member(member), at=timezone.now())
    held = next((each for each in found if each.badge.code == code), None)
    return dict(BadgeOut(held, context=told_to(request)).data) if held else {}


def _join_challenge(request: Request, member: Membership, code: str) -> Response:
    with all_or_dry(request):
        is_new = join_challenge(member, code, now=timezone.now())
        body = ChallengeOut(_challenge_of(member, code), context=told_to(request)).data
    return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def _on_board(request: Request, member: Membership, code: str, do: Callable[[], bool]) -> Response:
    """Do something with a member's place on a leaderboard, and return the board as it is then: 201 where that is new."""
    with all_or_dry(request):
        is_new = do()
        versions = versions_of_member(member)
        row, rule, today = _board_now(versions, code, member)
        body = board_said(row, rule, _window_nearest(rule, today), versions, member=member)
        answer = BoardOut(body, context=told_to(request)).data
    return Response(answer, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class MyChallengesView(AskedView):
    @extend_schema(responses=ChallengesOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return the challenges of each program with how far I have come."""
        return Response(
            ChallengesOut(
                [challenges_said(each) for each in memberships_of(request)], many=True, context=told_to(request)
            ).data
        )


class MyBadgesView(AskedView):
    @extend_schema(responses=BadgesOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return the badges of each program with what I have of them, and what gave me my awards."""
        return Response(
            BadgesOut([badges_said(each) for each in memberships_of(request)], many=True, context=told_to(request)).data
        )


class MyBoardsView(AskedView):
    @extend_schema(responses=BoardsOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return the leaderboards of each program: the first, and me."""
        return Response(
            BoardsOut([boards_said(each) for each in memberships_of(request)], many=True, context=told_to(request)).data
        )


class MyBoardView(AskedView):
    @extend_schema(responses=BoardOut, parameters=[WINDOW, LIMIT], tags=["me"])
    def get(self, request: Request, slug: str, code: str) -> Response:
        """Return a leaderboard in one of its windows: the first, and me."""
        member = my_membership(request, slug)
        return _board(request, member.program, code, member)


class MyChallengeJoinView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: ChallengeOut, 201: ChallengeOut}, tags=["me"])
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Join a challenge: what I do counts from now on."""
        return _join_challenge(request, my_membership(request, slug), code)


class MyBoardJoinView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=PseudonymIn, responses={200: BoardOut, 201: BoardOut}, tags=["me"])
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Be on a leaderboard, under a name of my choice; again, under another one."""
        member, name = my_membership(request, slug), said_in(PseudonymIn, request)["name"]
        return _on_board(request, member, code, lambda: join_board(member, code, name, now=timezone.now()))


class MyBoardLeaveView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: BoardOut, 201: BoardOut}, tags=["me"])
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Be on a leaderboard no more."""
        member = my_membership(request, slug)
        return _on_board(request, member, code, lambda: leave(member, code, now=timezone.now()))


class MemberChallengesView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ChallengesOut, tags=["badges"])
    def get(self, request: Request, number: str) -> Response:
        """Return the challenges of a member's program with how far it has come."""
        return Response(ChallengesOut(challenges_said(member_of(request, number)), context=told_to(request)).data)


class MemberBadgesView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=BadgesOut, tags=["badges"])
    def get(self, request: Request, number: str) -> Response:
        """Return a member's badges and awards, with the orders and interactions that gave them."""
        return Response(BadgesOut(badges_said(member_of(request, number)), context=told_to(request)).data)


class MemberBadgeGiveView(AskedView):
    scopes: ClassVar = {"POST": "points:adjust"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ByStaffIn, responses={200: BadgeOut, 201: BadgeOut}, tags=["badges"])
    def post(self, request: Request, number: str, code: str) -> Response:
        """Give a member a badge for no challenge, by a decision of staff; it gives no points."""
        member, given = member_of(request, number), said_in(ByStaffIn, request)
        with all_or_dry(request):
            give_badge(member, code, **given, now=timezone.now())
            body = _badge_said(request, member, code)
        return Response(body, status=status.HTTP_201_CREATED)


class MemberBadgeTakeView(AskedView):
    scopes: ClassVar = {"POST": "points:adjust"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ByStaffIn, responses=BadgeOut, tags=["badges"])
    def post(self, request: Request, number: str, code: str) -> Response:
        """Take a badge away from a member that staff gave it."""
        member, given = member_of(request, number), said_in(ByStaffIn, request)
        with all_or_dry(request):
            take_badge(member, code, **given, now=timezone.now())
            body = _badge_said(request, member, code)
        return Response(body)


class MemberChallengeJoinView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: ChallengeOut, 201: ChallengeOut}, tags=["badges"])
    def post(self, request: Request, number: str, code: str) -> Response:
        """Let a member join a challenge: what it does counts from now on."""
        return _join_challenge(request, member_of(request, number), code)


class MemberBoardJoinView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=PseudonymIn, responses={200: BoardOut, 201: BoardOut}, tags=["badges"])
    def post(self, request: Request, number: str, code: str) -> Response:
        """Show a member on a leaderboard, under a name of its choice."""
        member, name = member_of(request, number), said_in(PseudonymIn, request)["name"]
        return _on_board(request, member, code, lambda: join_board(member, code, name, now=timezone.now()))


class BoardView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=BoardOut, parameters=[WINDOW, LIMIT], tags=["badges"])
    def get(self, request: Request, slug: str, code: str) -> Response:
        """Return a program's leaderboard in one of its windows."""
        return _board(request, program_of(request, slug), code, None)
