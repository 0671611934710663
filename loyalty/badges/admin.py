"""Badges with their art, challenges with members' progress, awards, and who is on leaderboards: shown, searched, exported."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from customers.core.admin import (
    ExportedAdmin,
    Exporting,
    RangeDateTimeFilter,
    ReadOnlyInline,
    TextInputWidget,
    action,
    display,
    row_or_404,
)
from customers.core.calendar import local_date
from customers.core.errors import DomainError
from customers.core.exporting import MAX_EXPORTED, csv_response
from customers.core.images import address_of, is_shown
from customers.core.languages import in_readers_language
from loyalty.activity import staff
from loyalty.activity.causes import cause_in_words
from loyalty.activity.published import challenges_of
from loyalty.activity.versions import remembered_versions
from loyalty.badges.account.given import NoSuchMember, give_badge, take_badge
from loyalty.badges.account.surprises import draw, explain, require_wallet
from loyalty.badges.models import (
    Badge,
    Board,
    BoardScore,
    Challenge,
    ChallengeAward,
    ContestFinish,
    ContestPrize,
    GivenBadge,
    MemberProgress,
    Participation,
    Surprise,
    SurpriseTicket,
)
from loyalty.badges.overview import GoalProgress, goal_progress, progress_in, said
from loyalty.badges.reading import state_said
from loyalty.badges.rules import ChallengeRule
from loyalty.badges.state import GAME
from loyalty.badges.windows import days_of
from loyalty.configuration.badge_words import badge_in_words, board_in_words, challenge_in_words
from loyalty.memberships.models import Membership
from loyalty.programs.models import ProgramVersion

MEMBER = (
    "membership__number__exact",
    "membership__customer__external_id__exact",
    "membership__customer__email__iexact",
)
MEMBER_HELP = _("Member number, customer's external id or e-mail")


@display(description=_("name"), ordering="name")
def title(row: Any) -> str:
    """Return what a row is called, in the reader's language."""
    return str(row)


class InForce(ExportedAdmin):
    """Parts of versions; what is shown at first is what is in force now."""

    list_filter: ClassVar[Any] = ("version__program", "version__status")
    search_fields: ClassVar[Any] = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("version__program__retailer",)
    ordering = ("version__program", "-version__number", "place")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = ProgramVersion.objects.filter(
            program=OuterRef("version__program"), status="published", effective_from__lte=timezone.now()
        ).order_by("-effective_from")
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.resolver_match and (request.resolver_match.url_name or "").endswith("_changelist"):
            rows = rows.filter(version=Subquery(latest.values("pk")[:1]))
        return rows

    @display(description=_("image"))
    def art(self, row: Any) -> Any:
        if not is_shown(row.image):
            return row.image or "-"
        return format_html('<img src="{}" alt="" height="32" loading="lazy">', address_of(row.image))


class GiveForm(staff.ReasonForm):
    """To whom a badge is given, and why."""

    member = forms.CharField(label=_("member number"), max_length=30, widget=TextInputWidget())
    reason = forms.CharField(label=_("reason"), max_length=500, widget=TextInputWidget())
    field_order = ("member", "reason")


class TakeForm(staff.ReasonForm):
    """Why a badge is taken away."""

    reason = forms.CharField(label=_("reason"), max_length=500, widget=TextInputWidget())


@admin.register(Badge)
class BadgeAdmin(staff.ByStaff, InForce):
    list_display = (title, "code", "art", "kind", "words", "holders", "version")
    list_filter = ("version__program", "kind", "takes_back")
    exported = ("version__program__slug", "code", "name", "kind", "points", "image", "holders")
    actions_detail = ("give",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        held = ChallengeAward.objects.filter(
            badge_key=OuterRef("key"), program=OuterRef("version__program"), ended_at=None
        )
        count = held.order_by().values("badge_key").annotate(members=Count("membership", distinct=True))
        by_staff = (
            self._by_staff_alone().order_by().values("badge_key").annotate(members=Count("membership", distinct=True))
        )
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                members=Coalesce(Subquery(count.values("members")[:1]), 0)
                + Coalesce(Subquery(by_staff.values("members")[:1]), 0)
            )
        )
        return rows

    def _by_staff_alone(self) -> QuerySet[GivenBadge]:
        """Return what staff gave of a badge to members who have it from no challenge."""
        earned = ChallengeAward.objects.filter(
            membership=OuterRef("membership"), badge_key=OuterRef("badge_key"), ended_at=None
        )
        own = GivenBadge.objects.filter(badge_key=OuterRef("key"), taken_at=None, membership__left_at=None)
        return own.filter(~Exists(earned), given_at__gte=F("membership__enrolled_at"))

    @display(description=_("in words"))
    def words(self, row: Badge) -> str:
        return " · ".join(badge_in_words(row))

    @display(description=_("members who have it"))
    def holders(self, row: Any) -> int:
        return row.members or 0

    @action(description=_("Give it to a member"), url_path="give", permissions=["staff"])
    def give(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = get_object_or_404(Badge.objects.select_related("version__program"), pk=object_id)

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            members = Membership.objects.numbered(row.version.program.retailer_id, said["member"])
            member = members.filter(program=row.version.program_id).first()
            if member is None:
                raise NoSuchMember(number=said["member"])
            author = request.user.get_username()
            with transaction.atomic():
                give_badge(member, row.code, author=author, reason=said["reason"], now=timezone.now())
                if dry_run:
                    transaction.set_rollback(True)
            return [str(_("%(member)s has the badge “%(badge)s”.")) % {"member": member.number, "badge": row}]

        words = _("It is shown to the member like one of a challenge. It gives no points.")
        verb = staff.Verb(
            str(_("Give the badge")), str(words), str(_("Give")), str(_("It is given.")), GiveForm, act
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


@admin.register(GivenBadge)
class GivenBadgeAdmin(staff.ByStaff, ExportedAdmin):
    """Badges that staff gave, with their reasons, and what was taken away again."""

    list_display = (
        "given_at",
        "badge",
        "member",
        "customer",
        "given_by",
        "reason",
        "taken_at",
        "taken_by",
        "taken_reason",
    )
    list_filter = (
        "badge__version__program", "badge__code", ("taken_at", admin.EmptyFieldListFilter),
        ("given_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields: ClassVar[Any] = MEMBER
    search_help_text = MEMBER_HELP
    list_select_related = ("membership__customer", "badge")
    ordering = ("-pk",)
    fields = ("badge", "membership", "given_at", "given_by", "reason", "taken_at", "taken_by", "taken_reason")
    exported = (
        "given_at", "badge__code", "membership__number", "membership__customer__external_id", "given_by", "reason",
        "taken_at", "taken_by", "taken_reason",
    )  # fmt: skip
    actions_detail = ("take_away",)
    done = Q(taken_at__isnull=False)

    @display(description=_("member"), ordering="membership__number")
    def member(self, row: GivenBadge) -> str:
        return str(row.membership.number)

    @display(description=_("customer"))
    def customer(self, row: GivenBadge) -> str:
        return str(row.membership.customer.external_id)

    @action(description=_("Take it away"), url_path="take", permissions=["staff"])
    def take_away(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = get_object_or_404(GivenBadge.objects.select_related("badge", "membership__merged_into"), pk=object_id)
        member = row.membership.merged_into or row.membership

        def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
            author = request.user.get_username()
            with transaction.atomic():
                take_badge(member, row.badge.code, author=author, reason=said["reason"], now=timezone.now())
                if dry_run:
                    transaction.set_rollback(True)
            return [str(_("%(member)s has it no more from staff.")) % {"member": member.number}]

        refused = "" if row.taken_at is None else str(_("It was taken away already."))
        words = _("What the member has of it from challenges stays.")
        verb = staff.Verb(
            str(_("Take the badge away")), str(words), str(_("Take it away")), str(_("It is taken away.")), TakeForm, act,
            refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)


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


def named(*models: type[Board] | type[Challenge], field: str = "code") -> Coalesce:
    """Return an annotation with what a row's key leads to in the newest version that has it."""
    key = Cast(OuterRef("name"), UUIDField())
    found = [Subquery(model.objects.filter(key=key).order_by("-version__number").values(field)[:1]) for model in models]
    return Coalesce(*found, Value(""))


def titles(*models: type[Board] | type[Challenge]) -> dict[str, Coalesce]:
    """Return annotations with a row's title in both languages."""
    return {"title": named(*models, field="name"), "title_fr": named(*models, field="name_fr")}


@display(description=_("window"), ordering="window")
def days(row: Any) -> str:
    """Return the days of a row's window, as staff read them."""
    first, last = (date_format(day, "SHORT_DATE_FORMAT") if day else "" for day in days_of(row.window))
    return f"{first} – {last}" if first or last else "-"


class OfMembers(ExportedAdmin):
    """Rows of members."""

    search_fields: ClassVar[Any] = MEMBER
    search_help_text = MEMBER_HELP
    list_select_related: ClassVar[Any] = ("membership__customer", "program")

    @display(description=_("member"), ordering="membership__number")
    def member(self, row: Any) -> str:
        return str(row.membership.number)

    @display(description=_("customer"))
    def customer(self, row: Any) -> str:
        return str(row.membership.customer.external_id)


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
                goals = [
                    goal_progress(rule, goal, tally, goal.target, on)
                    for goal, tally in zip(rule.goals, known.tallies, strict=True)
                ]
                said = {"challenge": names.get(rule.code, rule.code), "how_far": _how_far(goals, known.given)}
                parts.append(_("%(challenge)s: %(how_far)s") % said)
        return " · ".join(parts) or "-"


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


class SurpriseForm(forms.ModelForm[Surprise]):
    """A surprise as staff write it down."""

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if {"program", "wallet"} <= said.keys():
            try:
                require_wallet(said["program"], said["wallet"])
            except DomainError as error:
                self.add_error("wallet", forms.ValidationError(str(error), code=error.code))
        return said


class DrawForm(staff.ReasonForm):
    """Why a surprise is drawn."""


@admin.register(Surprise)
class SurpriseAdmin(Exporting):
    """Surprises with their budget: written down, drawn once, given, and explained."""

    form = SurpriseForm
    list_display = (title, "program", "points", "budget", "status", "candidates", "drawn_at", "drawn_by")
    list_filter: ClassVar[Any] = ("program", "status", ("drawn_at", RangeDateTimeFilter))
    search_fields: ClassVar[Any] = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("program",)
    ordering = ("-pk",)
    fields = (
        ("program", "code"), ("name", "name_fr"), ("points", "budget", "wallet"), "seed", ("tiers", "segments"),
        "bought_within_days", "members", ("status", "candidates"), ("drawn_at", "drawn_by"),
    )  # fmt: skip
    readonly_fields = ("status", "candidates", "drawn_at", "drawn_by")
    actions_detail = ("draw_lots", "to_lots")
    exported = (
        "program__slug", "code", "name", "status", "wallet", "points", "budget", "seed", "candidates", "drawn_at", "drawn_by",
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.status == Surprise.Status.DRAFT) and bool(
            super().has_change_permission(request, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.status == Surprise.Status.DRAFT) and bool(
            super().has_delete_permission(request, obj)
        )

    def has_draw_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm("badges.change_surprise")

    def save_model(self, _request: HttpRequest, obj: Surprise, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        obj.retailer_id = obj.program.retailer_id
        obj.save()

    @action(description=_("Draw and give"), url_path="draw", permissions=["draw"])
    def draw_lots(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = get_object_or_404(Surprise.objects.select_related("program"), pk=object_id)

        def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
            with transaction.atomic():
                gifts = draw(row, author=request.user.get_username(), now=timezone.now())
                if dry_run:
                    transaction.set_rollback(True)
            facts = {"gifts": gifts, "points": gifts * row.points}
            return [str(_("%(gifts)s members get %(points)s points in all, within the next minutes.")) % facts]

        refused = "" if row.status == Surprise.Status.DRAFT else str(_("It was drawn already."))
        verb = staff.Verb(
            str(_("Draw the surprise")), str(_("Members are drawn by lot, once, and are given their points.")),
            str(_("Draw")), str(_("It is drawn.")), DrawForm, act, refused,
        )  # fmt: skip
        return staff.ask(self, request, row, verb)

    @action(description=_("Lots"), url_path="to-lots", permissions=["view"])
    def to_lots(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = get_object_or_404(Surprise, pk=object_id)
        if row.status != Surprise.Status.DRAFT:
            found = explain(row)
            words = (
                _("Drawn again from its seed and its %(candidates)s candidates, the lots are the same.")
                if found.is_as_drawn
                else _("Drawn again from its seed and its %(candidates)s candidates, the lots are NOT the same.")
            )
            told = messages.success if found.is_as_drawn else messages.error
            told(request, words % {"candidates": found.candidates})
        return redirect(f"{reverse('admin:badges_surpriseticket_changelist')}?surprise__id__exact={row.pk}")


@admin.register(SurpriseTicket)
class SurpriseTicketAdmin(ExportedAdmin):
    list_display = ("surprise", "place", "number", "is_drawn", "given_at", "missed_because", "lot")
    list_filter = ("surprise__program", "surprise", "is_drawn", "missed_because", ("given_at", RangeDateTimeFilter))
    search_fields = ("number__exact", *MEMBER[1:])
    search_help_text = MEMBER_HELP
    list_select_related = ("surprise", "membership")
    ordering = ("-surprise", "place")
    exported = ("surprise__code", "place", "number", "lot", "is_drawn", "given_at", "missed_at", "missed_because")


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
