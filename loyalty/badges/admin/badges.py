"""Badges with their art, and those that staff gave."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ExportedAdmin,
    RangeDateTimeFilter,
    TextInputWidget,
    action,
    display,
    row_or_404,
)
from loyalty.activity import staff
from loyalty.badges.account.given import NoSuchMember, give_badge, take_badge
from loyalty.badges.admin.shared import MEMBER, MEMBER_HELP, InForce, title
from loyalty.badges.models import (
    Badge,
    ChallengeAward,
    GivenBadge,
)
from loyalty.configuration.badge_words import badge_in_words
from loyalty.memberships.models import Membership


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
        row = row_or_404(Badge.objects.select_related("version__program"), object_id)

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
        row = row_or_404(GivenBadge.objects.select_related("badge", "membership__merged_into"), object_id)
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
