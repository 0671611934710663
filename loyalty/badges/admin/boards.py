"""Leaderboards and contests: who takes part, who stands where, who won."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.admin import (
    ExportedAdmin,
    RangeDateTimeFilter,
    ReadOnlyInline,
    action,
    display,
    row_or_404,
)
from customers.core.exporting import MAX_EXPORTED, csv_response
from customers.core.languages import in_readers_language
from loyalty.badges.admin.shared import MEMBER, InForce, OfMembers, days, named, title, titles
from loyalty.badges.models import (
    Board,
    BoardScore,
    Challenge,
    ContestFinish,
    ContestPrize,
    Participation,
)
from loyalty.badges.overview import said
from loyalty.configuration.badge_words import board_in_words


@admin.register(Board)
class BoardAdmin(InForce):
    list_display = (title, "code", "art", "words", "version")
    list_filter = ("version__program", "window", "metric")
    actions_detail = ("to_scores",)
    exported = ("version__program__slug", "code", "name", "metric", "window")

    @display(description=_("in words"))
    def words(self, row: Board) -> str:
        return " · ".join(board_in_words(row))

    @action(description=_("Scores"), url_path="to-scores", permissions=["view"])
    def to_scores(self, _request: HttpRequest, object_id: int) -> HttpResponse:
        row = row_or_404(Board.objects.all(), object_id)
        return redirect(f"{reverse('admin:badges_boardscore_changelist')}?board={row.key.hex}")


@admin.register(Participation)
class ParticipationAdmin(OfMembers):
    list_display = ("joined_at", "member", "customer", "what", "pseudonym")
    list_filter = ("program", ("joined_at", RangeDateTimeFilter))
    search_fields = (*MEMBER, "pseudonym")
    ordering = ("-pk",)
    exported = (
        "membership__number",
        "membership__customer__external_id",
        "program__slug",
        "named",
        "pseudonym",
        "joined_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = (
            super().get_queryset(request).annotate(named=named(Board, Challenge), **titles(Board, Challenge))
        )
        return found

    @display(description=_("of"))
    def what(self, row: Any) -> str:
        return in_readers_language(row.title, row.title_fr)


class OfBoard(admin.SimpleListFilter):
    """Scores of one leaderboard."""

    title = _("leaderboard")
    parameter_name = "board"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = Board.objects.filter(version__status="published").order_by("code", "-version__number")
        return list({row.key.hex: (row.key.hex, f"{row} ({row.code})") for row in rows}.values())

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(name=self.value()) if self.value() else rows


@admin.register(BoardScore)
class BoardScoreAdmin(OfMembers):
    list_display = ("what", days, "amount", "reached_at", "member", "customer", "shown_as")
    list_filter = ("program", OfBoard, "window")
    ordering = ("name", "-window", "-score", "reached_at")
    exported = ("program__slug", "named", "window", "amount", "reached_at", "membership__number", "shown_as")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        shown = Participation.objects.filter(membership=OuterRef("membership"), name=OuterRef("name"))
        rows: QuerySet[Any] = super().get_queryset(request)
        shown_as = Subquery(shown.values("pseudonym")[:1])
        found: QuerySet[Any] = rows.annotate(
            pseudonym=shown_as, named=named(Board), metric=named(Board, field="metric"), **titles(Board)
        )
        return found

    @display(description=_("of"))
    def what(self, row: Any) -> str:
        return in_readers_language(row.title, row.title_fr)

    @display(description=pgettext_lazy("leaderboard", "score"), ordering="score")
    def amount(self, row: Any) -> str:
        return said(row.metric, row.score)

    @display(description=_("shown as"))
    def shown_as(self, row: Any) -> str:
        return row.pseudonym or "-"


class PrizeInline(ReadOnlyInline):
    model = ContestPrize
    fields = ("rank", "membership", "score", "reached_at", "points")
    ordering = ("rank", "reached_at")


@admin.register(ContestFinish)
class ContestFinishAdmin(ExportedAdmin):
    """Contests that were finished, with who won what."""

    list_display = ("board", "program", days, "members", "finished_at")
    list_filter = ("program", "board__code", ("finished_at", RangeDateTimeFilter))
    search_fields = ("board__code", "board__name", "prizes__membership__number__exact")
    search_help_text = _("Code or name, or a winner’s member number")
    list_select_related = ("board", "program")
    fields = ("board", "program", "window", "members", "finished_at")
    inlines = (PrizeInline,)
    ordering = ("-pk",)
    actions = ("export", "export_winners")
    exported = ("program__slug", "board__code", "window", "members", "finished_at")

    @action(description=_("Download the winners as CSV"))
    def export_winners(self, _request: HttpRequest, rows: QuerySet[ContestFinish]) -> HttpResponse:
        won = ContestPrize.objects.filter(finish__in=rows).select_related(
            "finish__program", "finish__board", "membership__customer"
        )
        paths = (
            "finish__program__slug", "finish__board__code", "finish__window", "rank", "membership__number",
            "membership__customer__external_id", "reached_at", "points",
        )  # fmt: skip
        ordered = won.order_by("-finish", "rank", "reached_at", "pk")[:MAX_EXPORTED]
        return csv_response("contest-winners.csv", paths, ([self.cell(row, each) for each in paths] for row in ordered))
