"""Challenges, members' progress in them, and what they were given."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import (
    RangeDateTimeFilter,
    action,
    display,
    row_or_404,
)
from customers.core.calendar import local_date
from loyalty.activity.causes import cause_in_words
from loyalty.activity.published import challenges_of
from loyalty.activity.versions import remembered_versions
from loyalty.badges.admin.shared import InForce, OfMembers, title
from loyalty.badges.models import (
    Challenge,
    ChallengeAward,
    MemberProgress,
)
from loyalty.badges.overview import GoalProgress, goals_progress, progress_in
from loyalty.badges.reading import state_said
from loyalty.badges.rules import ChallengeRule
from loyalty.badges.state import GAME
from loyalty.configuration.badge_words import challenge_in_words


@admin.register(Challenge)
class ChallengeAdmin(InForce):
    list_display = (title, "code", "art", "words", "badge", "given", "version")
    list_filter = ("version__program", "window", "metric", "opt_in")
    actions_detail = ("to_progress", "to_awards")
    exported = ("version__program__slug", "code", "name", "metric", "target", "window", "points", "badge", "given")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        given = ChallengeAward.objects.filter(
            challenge__key=OuterRef("key"), program=OuterRef("version__program"), ended_at=None
        )
        count = given.order_by().values("challenge__key").annotate(awards=Count("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(awards_given=Subquery(count.values("awards")[:1]))
        return rows

    @display(description=_("in words"))
    def words(self, row: Challenge) -> str:
        return " · ".join(challenge_in_words(row, row.version.program.retailer.currency))

    @display(description=_("awards"))
    def given(self, row: Any) -> int:
        return row.awards_given or 0

    @action(description=_("Members’ progress"), url_path="to-progress", permissions=["view"])
    def to_progress(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        row = row_or_404(Challenge.objects.all(), object_id)
        return redirect(f"{reverse('admin:badges_memberprogress_changelist')}?challenge={row.key.hex}")

    @action(description=_("Awards"), url_path="to-awards", permissions=["view"])
    def to_awards(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        row = row_or_404(Challenge.objects.all(), object_id)
        return redirect(f"{reverse('admin:badges_challengeaward_changelist')}?challenge__code={row.code}")


@admin.register(ChallengeAward)
class ChallengeAwardAdmin(OfMembers):
    list_display = ("occurred_at", "member", "customer", "challenge", "badge", "level", "points", "because", "state")
    list_filter = (
        "program", "challenge__code", "badge__code", "end_reason", ("occurred_at", RangeDateTimeFilter),
        ("ended_at", RangeDateTimeFilter),
    )  # fmt: skip
    list_select_related = ("membership__customer", "program", "challenge", "badge")
    ordering = ("-pk",)
    fields = (
        "membership", "program", "challenge", "badge", "level", "window", "number", "wallet", "points", "comes_back",
        "because", "occurred_at", "recorded_at", "ended_at", "end_reason", "ended_because", "missing",
    )  # fmt: skip
    readonly_fields = ("because", "ended_because")
    exported = (
        "membership__number", "membership__customer__external_id", "program__slug", "challenge__code", "badge__code", "level",
        "window", "number", "points", "wallet", "cause", "occurred_at", "ended_at", "end_reason", "end_cause", "missing",
    )  # fmt: skip

    @display(description=_("because of"))
    def because(self, row: ChallengeAward) -> Any:
        return cause_in_words(row.cause)

    @display(description=_("ended because of"))
    def ended_because(self, row: ChallengeAward) -> Any:
        return cause_in_words(row.end_cause)

    @display(description=_("status"), label={"given": "success", "returned": "warning", "left": "warning"})
    def state(self, row: ChallengeAward) -> tuple[str, Any]:
        return (row.end_reason, row.get_end_reason_display()) if row.ended_at else ("given", _("has it"))


class OfChallenge(admin.SimpleListFilter):
    """Members for whom something counts in a challenge."""

    title = _("challenge")
    parameter_name = "challenge"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = Challenge.objects.filter(version__status="published").order_by("code", "-version__number")
        return list({row.key.hex: (row.key.hex, f"{row} ({row.code})") for row in rows}.values())

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(state__w__contains=[[self.value()]]) if self.value() else rows


def _how_far(goals: Sequence[GoalProgress], given: int) -> str:
    """Return what counts so far of goals that are not met, and how often they were: beyond a goal nobody counts on."""
    is_open = any(Decimal(goal.value) < Decimal(goal.target) for goal in goals)
    told = " + ".join(f"{number_format(Decimal(goal.value))} / {number_format(Decimal(goal.target))}" for goal in goals)
    times = ngettext("met %(number)s time", "met %(number)s times", given) % {"number": number_format(given)}
    return ", ".join([*([told] if is_open or not given else []), *([times] if given else [])])


@admin.register(MemberProgress)
class MemberProgressAdmin(OfMembers):
    list_display = ("member", "customer", "program", "so_far")
    list_filter = ("program", OfChallenge)
    ordering = ("membership",)
    fields = ("membership", "program", "so_far")
    readonly_fields = ("so_far",)
    exported = ("membership__number", "membership__customer__external_id", "program__slug", "so_far")

    @display(description=_("progress"))
    def so_far(self, row: MemberProgress) -> str:
        """Say how far a member is with each challenge in the window that is open."""
        versions = remembered_versions(row.program_id, row.program.versions_revision)
        version = versions.at(timezone.now())
        if version is None:
            return "-"
        state, on = state_said(row.state), local_date(timezone.now(), version.zone)
        parts, names = [], challenges_of(version.version_id)
        for rule in version.of(GAME).challenges:
            known = progress_in(state, rule, rule.window_on(on))
            if known is not None and isinstance(rule, ChallengeRule):
                goals = goals_progress(rule, known.tallies, given=known.given, on=on)
                said = {"challenge": names.get(rule.code, rule.code), "how_far": _how_far(goals, known.given)}
                parts.append(_("%(challenge)s: %(how_far)s") % said)
        return " · ".join(parts) or "-"
