"""Challenges with a member's progress, its badges, and the leaderboards on which it is shown if it wants to."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from loyalty.activity.versions import versions_of_member
from loyalty.badges.account.joining import MAX_NAME, MIN_NAME, join_board, join_challenge, leave
from loyalty.badges.api.views import boards_said
from loyalty.badges.overview import badges_of, challenges_of
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show


class PseudonymForm(forms.Form):
    """Under which name a member is shown."""

    pseudonym = forms.CharField(min_length=MIN_NAME, max_length=MAX_NAME)


@of_member
def challenges(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member what there is to do, what it has, and who leads."""
    member, now = visit.member, timezone.now()
    versions = versions_of_member(member)
    return show(request, visit, "page/challenges.html", {
        "here": "challenges",
        "challenges": [each for each in challenges_of(member, versions, at=now) if each.is_open],
        "badges": badges_of(member, versions, at=now),
        "boards": boards_said(member)["boards"],
        "name_limits": (MIN_NAME, MAX_NAME),
        "wallets": reading.wallet_names(member, at=now),
        "winnings": reading.winnings(member, at=now),
    })  # fmt: skip


@require_POST
@of_member
def join(request: HttpRequest, visit: Visit, code: str) -> HttpResponse:
    """Let a member take part in a challenge."""
    join_challenge(visit.member, code, now=timezone.now())
    messages.success(request, _("You take part: what you do counts from now on."))
    return go(visit, "challenges")


@require_POST
@of_member
def appear(request: HttpRequest, visit: Visit, code: str) -> HttpResponse:
    """Show a member on a leaderboard under a name of its choice."""
    form = PseudonymForm(request.POST)
    if form.is_valid():
        join_board(visit.member, code, form.cleaned_data["pseudonym"], now=timezone.now())
        messages.success(request, _("You are on the board."))
    else:
        said = _("Please choose a name of %(least)s to %(most)s characters.")
        messages.error(request, said % {"least": MIN_NAME, "most": MAX_NAME})
    return go(visit, "challenges")


@require_POST
@of_member
def disappear(request: HttpRequest, visit: Visit, code: str) -> HttpResponse:
    """Take a member off a leaderboard."""
    leave(visit.member, code, now=timezone.now())
    messages.success(request, _("You are off the board."))
    return go(visit, "challenges")
